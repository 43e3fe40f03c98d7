"""What PyTensor gets wrong by a rewrite is right where Kantor is switched on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.assumptions import assume
from pytensor.compile.mode import Mode, get_mode, optdb
from pytensor.graph.rewriting.basic import SequentialGraphRewriter
from pytensor.graph.rewriting.db import RewriteDatabase, RewriteDatabaseQuery
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.tensor import linalg

import kantor
from kantor.corrections import WRONG, correct, restore
from kantor.database import databases
from tests.kantor.correction_cases import (
    CASES,
    RAISES,
    RNG,
    S2,
    S3,
    SPLIT,
    TALL,
    WIDE,
    WIDE2,
    A,
    B,
    Case,
    K,
    a32,
    b32,
    block_diag,
    definite,
    kron,
    lower,
    lowered,
    v,
)

SHAPES = {
    "square": (S3, S2),
    "2×3, 3×2": (WIDE, TALL),
    "3×2, 2×2": (TALL, S2),
    "wide": (WIDE, WIDE2),
}
PYTHON = Mode(linker="py", optimizer="fast_run")


def value(case: Case, mode: Any) -> Any:
    f = pytensor.function(list(case.values), case.graph, mode=mode, on_unused_input="ignore")
    return f(*case.values.values())


def right(case: Case, mode: Any) -> bool:
    try:
        found = value(case, mode)
    except (ValueError, AssertionError, TypeError, np.linalg.LinAlgError):
        return bool(np.ndim(case.true) == 0 and case.true == RAISES)
    if isinstance(case.true, str):
        return False
    if isinstance(case.true, list):
        return all(map(same, found, case.true))
    return same(found, case.true)


def same(found: Any, true: Any) -> bool:
    close = 1e-3 if np.asarray(true).dtype == np.float32 else 1e-9
    return np.shape(found) == np.shape(true) and np.allclose(
        found, true, rtol=close, atol=close, equal_nan=True
    )


@pytest.fixture
def registered() -> Iterator[None]:
    kantor.register()
    try:
        yield
    finally:
        kantor.unregister()


@pytest.mark.parametrize("name", CASES)
def test_right_in_a_mode(name: str) -> None:
    assert right(CASES[name], kantor.mode(PYTHON))


@pytest.mark.parametrize("name", CASES)
def test_right_where_registered(name: str, registered: None) -> None:
    assert right(CASES[name], PYTHON)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["CVM", "NUMBA"])
@pytest.mark.parametrize("name", CASES)
def test_right_compiled(name: str, backend: str) -> None:
    assert right(CASES[name], kantor.mode(backend))


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.wrong])
def test_wrong_without(name: str) -> None:
    """If this fails, PyTensor has mended a rewrite, which then need not be left out."""
    assert not right(CASES[name], PYTHON)


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("joined", ["kron", "block_diag"])
def test_every_diagonal(joined: str, shapes: str) -> None:
    first, second = SHAPES[shapes]
    graph = getattr(linalg, joined)(A, B)
    dense = {"kron": kron, "block_diag": block_diag}[joined](first, second)
    offsets = (0, 1, -1, 2, -3, 5, 9)
    graphs = [pt.trace(graph)]
    graphs += [pt.diagonal(graph, offset=k) for k in offsets]
    graphs += [pt.diagonal(graph.T, offset=k) for k in offsets]
    graphs += [pt.diagonal(graph, 1, 1, 0), pt.diagonal(graph, offset=1).sum()]
    true = [np.trace(dense)]
    true += [np.diagonal(dense, k) for k in offsets]
    true += [np.diagonal(dense.T, k) for k in offsets]
    true += [np.diagonal(dense, 1, 1, 0), np.diagonal(dense, 1).sum()]
    assert right(Case(graphs, {A: first, B: second}, true), kantor.mode(PYTHON))


def ops(graph: Any, mode: Any = PYTHON, inputs: Any = (A, B)) -> list[str]:
    f = pytensor.function(inputs, graph, mode=mode, on_unused_input="ignore")
    return [str(n.op) for n in f.maker.fgraph.apply_nodes]


@pytest.mark.parametrize(
    "graph", [pt.diagonal(K), pt.diagonal(K.T, offset=2), linalg.det(K), linalg.slogdet(K)[1]]
)
def test_no_product_is_built_for_a_diagonal_or_a_determinant(graph: Any) -> None:
    assert not any("Kron" in op for op in ops(graph, kantor.mode(PYTHON)))


def test_a_factor_that_is_proved_to_be_one_is_taken_as_it_is() -> None:
    d = pt.vector("d", shape=(3,))
    packed = pt.set_subtensor(d[np.array([0, 2])], pt.exp(d[np.array([0, 2])]))
    unpacked = pt.set_subtensor(pt.zeros((2, 2))[np.tril_indices(2)], packed)
    unpacked.tag.lower_triangular = True
    cholesky = linalg.cholesky(A)
    scaled = lower(pt.exp(v)[:, None] * cholesky)
    for x, inputs in ((unpacked, [d]), (cholesky, [A]), (scaled, [A, v])):
        found = ops(linalg.cholesky(x @ x.T), kantor.mode(PYTHON), inputs)
        assert sum("Cholesky" in op for op in found) == (x is not unpacked), found
        assert not any("witch" in op for op in found)
    inner = pt.set_subtensor(d[np.array([0, 1])], pt.exp(d[np.array([0, 1])]))
    wrong = pt.set_subtensor(pt.zeros((2, 2))[np.tril_indices(2)], inner)
    wrong.tag.lower_triangular = True
    found = ops(linalg.cholesky(wrong @ wrong.T), kantor.mode(PYTHON), [d])
    assert any("witch" in op for op in found)


def test_definite_factors_need_no_signs() -> None:
    graph = linalg.cholesky(linalg.kron(assume(A, positive_definite=True), B))
    found = ops(graph, kantor.mode(PYTHON))
    assert sum("Cholesky" in op for op in found) == 2
    assert not any("witch" in op for op in found)


@pytest.mark.parametrize("name", ["log|A ⊗ B ⊗ C|", "chol(A ⊗ B), both negative", "chol(L Lᵀ)"])
def test_gradients_of_what_stands_in(name: str) -> None:
    case = CASES[name]
    point = {x: np.array(val) for x, val in case.values.items()}
    total = pt.sum(pt.sin(case.graph))
    f = pytensor.function(list(point), pytensor.grad(total, A), mode=kantor.mode(PYTHON))
    g = pytensor.function(list(point), total, mode=kantor.mode(PYTHON))
    kantor.register()
    try:
        before = rewrite_graph(total, include=("canonicalize", "stabilize"), clone=True)
        h = pytensor.function(list(point), pytensor.grad(before, A), mode=PYTHON)
    finally:
        kantor.unregister()
    # Along a symmetric, for a factor a triangular, direction.
    step = RNG.normal(size=point[A].shape)
    step = np.tril(step) if "L" in name else step + step.T
    eps = 1e-6
    moved = [g(*{**point, A: point[A] + s * eps * step}.values()) for s in (1, -1)]
    slope = (moved[0] - moved[1]) / (2 * eps)
    for gradient in (f, h):
        np.testing.assert_allclose((gradient(*point.values()) * step).sum(), slope, rtol=1e-5)


NESTED = {
    "of a transpose": lambda a, x: linalg.solve(a.T, linalg.solve(a, x)),
    "twice": lambda a, x: linalg.solve(a, linalg.solve(a, x)),
    "inside": lambda a, x: linalg.solve(a, linalg.solve(a.T, x)),
    "three": lambda a, x: linalg.solve(a, linalg.solve(a.T, linalg.solve(a, x))),
    "definite": lambda a, x: linalg.solve(a, linalg.solve(a, x, assume_a="pos"), assume_a="pos"),
}


@pytest.mark.parametrize("name", NESTED)
def test_a_solve_within_a_solve_shares_the_factors(name: str) -> None:
    a, x = pt.matrix("a"), pt.matrix("x")
    graph = NESTED[name](a, x)
    f = pytensor.function([a, x], graph, mode=kantor.mode(Mode("py", "fast_run")))
    kinds = [type(getattr(n.op, "core_op", n.op)).__name__ for n in f.maker.fgraph.apply_nodes]
    assert sum(k in ("LUFactor", "Cholesky", "Solve") for k in kinds) == 1
    values = definite(4), RNG.normal(size=(4, 2))
    plain = pytensor.function([a, x], graph, mode=Mode("py", None))
    np.testing.assert_allclose(f(*values), plain(*values), rtol=1e-9)


@pytest.mark.parametrize("used", [False, True], ids=["once", "twice"])
def test_a_pair_of_triangular_solves_is_one_where_nothing_else_uses_the_first(used: bool) -> None:
    a, x = pt.matrix("a"), pt.matrix("x")
    factor = linalg.cholesky(a)
    half = linalg.solve_triangular(factor, x, lower=True)
    whole = linalg.solve_triangular(factor.T, half, lower=False)
    graphs = [whole, half.sum(axis=0)] if used else [whole]
    f = pytensor.function([a, x], graphs, mode=kantor.mode(Mode("py", "fast_run")))
    kinds = [type(getattr(n.op, "core_op", n.op)).__name__ for n in f.maker.fgraph.apply_nodes]
    assert kinds.count("CholeskySolve") == (not used)
    assert kinds.count("SolveTriangular") == 2 * used
    values = definite(4), RNG.normal(size=(4, 2))
    np.testing.assert_allclose(f(*values)[0], np.linalg.solve(*values), rtol=1e-9)


@pytest.mark.parametrize("inner", [linalg.inv, linalg.pinv])
@pytest.mark.parametrize("outer", [linalg.inv, linalg.pinv])
def test_inverses_of_inverses(inner: Any, outer: Any, registered: None) -> None:
    """PyTensor's own test wants A of all four, so of (A⁺)⁻¹ too, which is wrong."""
    undone = rewrite_graph(outer(inner(A))) is A
    assert undone == (outer is linalg.pinv or inner is linalg.inv)


def test_a_product_on_mlx_in_float32() -> None:
    pytest.importorskip("mlx.core")
    graph = linalg.kron(a32, b32)
    values = {a32: WIDE.astype("f4"), b32: TALL.astype("f4")}
    case = Case(graph, values, kron(WIDE, TALL).astype("f4"))
    assert right(case, kantor.mode("MLX"))
    double = Case(K, SPLIT, kron(WIDE, TALL))
    assert right(double, kantor.mode("MLX"))
    kantor.register()
    try:
        assert right(case, "MLX")
    finally:
        kantor.unregister()


def _tags() -> dict[tuple[int, str], list[str]]:
    return {
        (i, name): sorted(t for t, held in db.__db__.items() if db[name] in held)
        for i, db in enumerate(databases(optdb))
        for name in WRONG
        if name in db._names
    }


def _entries() -> list[Any]:
    return [db[name] for db in databases(optdb) for name in WRONG if name in db._names]


def test_what_is_changed_is_given_back() -> None:
    before, entries = _tags(), _entries()
    assert {name for _, name in before} == set(WRONG), "PyTensor has renamed a rewrite"
    kantor.register()
    kantor.register()
    assert not any(
        x is y and len(t) > 2 for x, y, t in zip(_entries(), entries, _tags().values(), strict=True)
    )
    kantor.unregister()
    assert _tags() == before
    assert all(x is y for x, y in zip(_entries(), entries, strict=True))
    kantor.unregister()
    assert _tags() == before


def test_a_stand_in_has_the_place_of_what_it_stands_for() -> None:
    phase = optdb["canonicalize"]
    query = RewriteDatabaseQuery(include=["fast_run"])
    before = [r.name for r in RewriteDatabase.query(phase, query)]
    kantor.register()
    try:
        after = [r.name for r in RewriteDatabase.query(phase, query)]
        gone = {n for n in before if n not in after}
        assert gone == {n for n in WRONG if n.startswith(("det_of", "diag_of"))}
        assert after == [n for n in before if n not in gone]
    finally:
        kantor.unregister()


def test_the_order_of_rewriting_is_given_back() -> None:
    db = RewriteDatabase()
    for name in ("first", "diag_of_blockdiag", "between", "det_of_kronecker", "last"):
        db.register(name, SequentialGraphRewriter(), "fast_run")
    before = [e.name for e in db.query("+fast_run")]
    changed = correct([db])
    assert [e.name for e in db.query("+fast_run")] == ["first", "between", "last"]
    db.register("later", SequentialGraphRewriter(), "fast_run")
    restore(changed)
    assert [e.name for e in db.query("+fast_run")] == [*before, "later"]


def test_a_mode_without_kantor_is_pytensors_own() -> None:
    without: Callable[..., Any] = kantor.mode(PYTHON).excluding
    for name in ("log|A ⊕ B|", "chol(L Lᵀ)", "chol(A ⊗ B), both negative"):
        assert not right(CASES[name], without("kantor"))


def test_what_a_mode_excludes_has_no_stand_in() -> None:
    mode = kantor.mode(PYTHON).excluding("cholesky_ldotlt")
    assert any("Cholesky" in op for op in ops(linalg.cholesky(lowered @ lowered.T), mode))
    assert right(CASES["chol(L Lᵀ)"], kantor.mode(get_mode("FAST_COMPILE")))
