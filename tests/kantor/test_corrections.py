"""What PyTensor gets wrong by a rewrite is right where Kantor is switched on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
import scipy.linalg
from pytensor.assumptions import assume
from pytensor.compile.mode import Mode, get_mode, optdb
from pytensor.graph.rewriting.basic import SequentialGraphRewriter
from pytensor.graph.rewriting.db import RewriteDatabase, RewriteDatabaseQuery
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.tensor import linalg

import kantor
from kantor.corrections import WRONG, correct, restore
from kantor.database import databases

RNG = np.random.default_rng(20261124)
A, B, C = pt.matrices("A", "B", "C")
a32, b32 = pt.fmatrices("a32", "b32")
T3, U3 = pt.tensor3s("T3", "U3")
v, b = pt.vectors("v", "b")
Z, Z2, w, z = pt.zmatrix("Z"), pt.zmatrix("Z2"), pt.zvector("w"), pt.zvector("z")
whole, d_int = pt.lmatrix("whole"), pt.lvector("d_int")
WIDE, WIDE2, TALL = (RNG.normal(size=s) for s in ((2, 3), (2, 3), (3, 2)))
S3, S2 = RNG.normal(size=(3, 3)), RNG.normal(size=(2, 2))
NONE = np.zeros((0, 0))
K, KD = linalg.kron(A, B), linalg.block_diag(A, B)
kron, block_diag, chol = np.kron, scipy.linalg.block_diag, np.linalg.cholesky


def definite(n: int) -> Any:
    x = RNG.normal(size=(n, n))
    return x @ x.T + n * np.eye(n)


P3, P2 = definite(3), definite(2)
L = np.tril(RNG.normal(size=(4, 4)), -1) + np.diag([-1.0, 2.0, -3.0, 4.0])
HERMITIAN = RNG.normal(size=(3, 3)) + 1j * RNG.normal(size=(3, 3))
HERMITIAN = HERMITIAN @ HERMITIAN.conj().T + 3 * np.eye(3)
x3, y3 = RNG.normal(size=(2, 3)) + 1j * RNG.normal(size=(2, 3))
X32 = np.stack([x3, y3], axis=1)
INTEGERS = np.array([[2, 1], [1, 3]])
RAISES = "raises"


class Case(NamedTuple):
    graph: Any
    values: dict[Any, Any]
    true: Any
    # Whether PyTensor alone is wrong.
    wrong: bool = True


def lower(x: Any) -> Any:
    return assume(x, lower_triangular=True)


def upper(x: Any) -> Any:
    return assume(x, upper_triangular=True)


lowered, uppered, tagged = lower(A), upper(A), A * 1.0
tagged.tag.lower_triangular = True
P = assume(Z, positive_definite=True)
CHOL_P = linalg.cholesky(P)
q = x3 @ np.linalg.solve(HERMITIAN, x3)
SPLIT = {A: WIDE, B: TALL}
BIG = {A: 10 * np.eye(40), B: 10 * np.eye(40)}
BIG_BLOCKS = {A: 100 * np.eye(200), B: 100 * np.eye(200)}

CASES = {
    # Determinants.
    "log|A ⊗ B|": Case(linalg.slogdet(K)[1], BIG, 3200 * np.log(10)),
    "log|A ⊗ B| and its sign": Case(
        list(linalg.slogdet(K)), {A: -S3, B: S2}, list(np.linalg.slogdet(kron(-S3, S2))), False
    ),
    "log|A ⊗ B| in float32": Case(
        linalg.slogdet(linalg.kron(a32, b32))[1],
        {a32: BIG[A].astype("f4"), b32: BIG[B].astype("f4")}, np.float32(3200 * np.log(10)),
    ),
    "log|A ⊗ B ⊗ C|": Case(
        linalg.slogdet(linalg.kron(K, C))[1], {A: S3, B: S2, C: 2 * S2},
        np.linalg.slogdet(kron(kron(S3, S2), 2 * S2))[1], False,
    ),
    "log|A ⊕ B|": Case(linalg.slogdet(KD)[1], BIG_BLOCKS, 400 * np.log(100)),
    "log|A ⊕ B| and its sign": Case(
        list(linalg.slogdet(KD)), {A: -S3, B: S2}, list(np.linalg.slogdet(block_diag(-S3, S2))),
        False,
    ),
    "log|A ⊕ B| in batches": Case(
        linalg.slogdet(linalg.block_diag(T3, U3))[1],
        {x: np.stack([100 * np.eye(200)] * 3) for x in (T3, U3)}, np.full(3, 400 * np.log(100)),
    ),
    "|A ⊗ B|": Case(linalg.det(K), {A: S3, B: S2}, np.linalg.det(kron(S3, S2)), False),
    "|A ⊗ B|, not square": Case(linalg.det(K), SPLIT, 0.0),
    "|(A ⊗ B)ᵀ|, not square": Case(linalg.det(K.T), SPLIT, 0.0),
    "log|A ⊗ B|, not square": Case(linalg.slogdet(K)[1], SPLIT, -np.inf),
    "|A ⊗ B|, not a square matrix": Case(linalg.det(K), {A: WIDE, B: S2}, RAISES, False),
    "|A ⊗ B| without A": Case(linalg.det(K), {A: NONE, B: WIDE[:, :2]}, 1.0, False),
    "|A ⊗ B|, 0 × 3 and 3 × 0": Case(
        linalg.det(K), {A: np.zeros((0, 3)), B: np.zeros((3, 0))}, 1.0
    ),
    "|A ⊕ B|, not square": Case(linalg.det(KD), SPLIT, 0.0),
    "|A ⊕ B| in batches, not square": Case(
        linalg.det(linalg.block_diag(T3, U3)), {T3: WIDE[None], U3: TALL[None]}, np.zeros(1)
    ),
    # Inverses of diagonal matrices, and of inverses.
    **{
        f"diag(d)⁺ for d = {d}": Case(
            linalg.pinv(pt.diag(v)), {v: np.array(d)}, np.linalg.pinv(np.diag(d)), wrong
        )
        for d, wrong in (
            ([0.0, 2.0], True), ([-3.0, 0.0, 2.0], True), ([0.0, 0.0], True),
            ([1e-20, 1.0], True), ([1.0, -2.0], False),
        )
    },
    "diag(d)⁺ for empty d": Case(linalg.pinv(pt.diag(v)), {v: np.zeros(0)}, NONE, False),
    "diag(d)⁺ of integers": Case(
        linalg.pinv(pt.diag(d_int)), {d_int: np.array([0, 2])}, np.diag([0, 0.5])
    ),
    "diag(d)⁺ in batches": Case(
        linalg.pinv(pt.eye(3) * A[:, None, :]), {A: np.array([[0.0, 2.0, 1.0], [1.0, -4.0, 0.0]])},
        np.stack([np.diag([0, 0.5, 1]), np.diag([1, -0.25, 0])]),
    ),
    "D⁺ of declared D": Case(
        linalg.pinv(assume(A, diagonal=True)), {A: np.diag([0.0, -2.0])}, np.diag([0, -0.5])
    ),
    "D⁺ of declared D, not square": Case(
        linalg.pinv(assume(A, diagonal=True)), {A: np.diag([1.0, -2.0, 5.0])[:2]},
        np.linalg.pinv(np.diag([1.0, -2.0, 5.0])[:2]),
    ),
    "(A⁺)⁻¹ of a singular matrix": Case(
        linalg.inv(linalg.pinv(A)), {A: np.array([[1.0, 2.0], [2.0, 4.0]])}, RAISES
    ),
    "((A⁺)ᵀ)⁻¹ of a singular matrix": Case(
        linalg.inv(linalg.pinv(A).T), {A: np.array([[1.0, 2.0], [2.0, 4.0]])}, RAISES
    ),
    "(A⁺)⁻¹ of a wide matrix": Case(linalg.inv(linalg.pinv(A)), {A: WIDE}, RAISES),
    "(A⁺)⁻¹ of a regular matrix": Case(linalg.inv(linalg.pinv(A)), {A: S3}, S3, False),
    "(A⁺)⁺ of a wide matrix": Case(linalg.pinv(linalg.pinv(A)), {A: WIDE}, WIDE, False),
    # Cholesky factors.
    "chol(A ⊗ B), both negative": Case(linalg.cholesky(K), {A: -P3, B: -P2}, chol(kron(P3, P2))),
    "chol((A ⊗ B)ᵀ), both negative": Case(
        linalg.cholesky(K.T), {A: -P3, B: -P2}, chol(kron(P3, P2))
    ),
    "upper chol(A ⊗ B), both negative": Case(
        linalg.cholesky(K, lower=False), {A: -P3, B: -P2}, chol(kron(P3, P2)).T
    ),
    "chol(A ⊗ B), both positive": Case(
        linalg.cholesky(K), {A: P3, B: P2}, chol(kron(P3, P2)), False
    ),
    "chol(A ⊗ B), one negative": Case(
        linalg.cholesky(K), {A: P3, B: -P2}, np.full((6, 6), np.nan), False
    ),
    "chol(A ⊗ B ⊗ C), two negative": Case(
        linalg.cholesky(linalg.kron(A, linalg.kron(B, C))), {A: -P3, B: P2, C: -P2},
        chol(kron(P3, kron(P2, P2))),
    ),
    "chol(A ⊗ B ⊗ C), three negative": Case(
        linalg.cholesky(linalg.kron(K, C)), {A: -P3, B: -P2, C: -P2}, np.full((12, 12), np.nan),
        False,
    ),
    "chol(A ⊗ B) in float32": Case(
        linalg.cholesky(linalg.kron(a32, b32)), {a32: -P3.astype("f4"), b32: -P2.astype("f4")},
        chol(kron(P3, P2)).astype("f4"),
    ),
    "chol(A ⊗ B) of stacks": Case(
        linalg.cholesky(linalg.kron(T3, U3)), {T3: np.stack([-P3, P3]), U3: -P2[None]},
        np.stack([chol(kron(P3, P2)), np.full((6, 6), np.nan)]),
    ),
    "chol(A ⊗ B) without A": Case(linalg.cholesky(K), {A: NONE, B: -P2}, NONE, False),
    "log|A ⊗ B| by its factor": Case(
        2 * pt.log(pt.diagonal(linalg.cholesky(K))).sum(), {A: -P3, B: -P2},
        np.linalg.slogdet(kron(P3, P2))[1],
    ),
    "chol(L Lᵀ)": Case(linalg.cholesky(lowered @ lowered.T), {A: L}, chol(L @ L.T)),
    "chol(L Lᵀ) of a tag": Case(linalg.cholesky(tagged @ tagged.T), {A: L}, chol(L @ L.T)),
    "chol(L Lᵀ) by dot": Case(linalg.cholesky(pt.dot(lowered, lowered.T)), {A: L}, chol(L @ L.T)),
    "upper chol(L Lᵀ)": Case(
        linalg.cholesky(lowered @ lowered.T, lower=False), {A: L}, chol(L @ L.T).T
    ),
    "chol(Uᵀ U)": Case(linalg.cholesky(uppered.T @ uppered), {A: L.T}, chol(L @ L.T)),
    "upper chol(Uᵀ U)": Case(
        linalg.cholesky(uppered.T @ uppered, lower=False), {A: L.T}, chol(L @ L.T).T
    ),
    "chol(L Lᵀ) in batches": Case(
        linalg.cholesky(lower(T3) @ lower(T3).mT), {T3: np.stack([L, -L])},
        np.stack([chol(L @ L.T)] * 2),
    ),
    "chol(L Lᵀ) in float32": Case(
        linalg.cholesky(lower(a32) @ lower(a32).T), {a32: L.astype("f4")},
        chol(L @ L.T).astype("f4"),
    ),
    "chol(L Lᵀ), L wide": Case(
        linalg.cholesky(lowered @ lowered.T), {A: L[:3]}, chol(L[:3] @ L[:3].T)
    ),
    "chol(L Lᵀ), L positive": Case(
        linalg.cholesky(lowered @ lowered.T), {A: chol(L @ L.T)}, chol(L @ L.T), False
    ),
    "log|L Lᵀ| by its factor": Case(
        2 * pt.log(pt.diagonal(linalg.cholesky(lowered @ lowered.T))).sum(), {A: L},
        np.linalg.slogdet(L @ L.T)[1],
    ),
    # Complex positive definite matrices.
    "xᵀ P⁻¹ x": Case(w @ linalg.solve(P, w), {Z: HERMITIAN, w: x3}, q),
    "xᵀ P⁻¹ x by an inverse": Case(w @ linalg.inv(P) @ w, {Z: HERMITIAN, w: x3}, q),
    "Σ x P⁻¹ x": Case((w * linalg.solve(P, w)).sum(), {Z: HERMITIAN, w: x3}, q),
    "xᵀ P⁻¹ x, assumed in the solve": Case(
        w @ linalg.solve(Z, w, assume_a="pos"), {Z: HERMITIAN, w: x3}, q
    ),
    "bᵀ P⁻¹ b for real b": Case(
        b @ linalg.solve(P, b), {Z: HERMITIAN, b: np.arange(3.0)},
        np.arange(3.0) @ np.linalg.solve(HERMITIAN, np.arange(3.0)),
    ),
    "yᵀ P⁻¹ x": Case(
        z @ linalg.inv(P) @ w, {Z: HERMITIAN, w: x3, z: y3}, y3 @ np.linalg.solve(HERMITIAN, x3)
    ),
    "xᴴ P⁻¹ x": Case(
        w.conj() @ linalg.solve(P, w), {Z: HERMITIAN, w: x3},
        x3.conj() @ np.linalg.solve(HERMITIAN, x3), False,
    ),
    "columns of X ⊙ P⁻¹ X": Case(
        (Z2 * linalg.solve(P, Z2)).sum(0), {Z: HERMITIAN, Z2: X32},
        (X32 * np.linalg.solve(HERMITIAN, X32)).sum(0),
    ),
    "tr(Xᵀ P⁻¹ X)": Case(
        pt.trace(Z2.T @ linalg.solve(P, Z2)), {Z: HERMITIAN, Z2: X32},
        np.trace(X32.T @ np.linalg.solve(HERMITIAN, X32)), False,
    ),
    "yᵀ P⁻¹": Case(z @ linalg.inv(P), {Z: HERMITIAN, z: y3}, y3 @ np.linalg.inv(HERMITIAN)),
    "Pᵀ x": Case(P.T @ w, {Z: HERMITIAN, w: x3}, HERMITIAN.T @ x3),
    "yᵀ P x": Case(z @ P @ w, {Z: HERMITIAN, w: x3, z: y3}, y3 @ HERMITIAN @ x3),
    "chol(Pᵀ)": Case(linalg.cholesky(P.T), {Z: HERMITIAN}, chol(HERMITIAN.T)),
    "P⁻¹ x + P⁻ᵀ y": Case(
        linalg.solve(Z, w, assume_a="pos") + linalg.solve(Z.T, z, assume_a="pos"),
        {Z: HERMITIAN, w: x3, z: y3},
        np.linalg.solve(HERMITIAN, x3) + np.linalg.solve(HERMITIAN.T, y3),
    ),
    "L⁻ᵀ L⁻¹ x": Case(
        linalg.solve_triangular(
            CHOL_P.T, linalg.solve_triangular(CHOL_P, w, lower=True), lower=False
        ),
        {Z: HERMITIAN, w: x3}, np.linalg.solve(chol(HERMITIAN) @ chol(HERMITIAN).T, x3),
    ),
    # Integers.
    **{
        f"{name} of integers beside solves": Case(
            [linalg.solve(whole, b), linalg.solve(whole, 2 * b), graph],
            {whole: INTEGERS, b: np.ones(2)}, [np.array([0.4, 0.2]), np.array([0.8, 0.4]), true],
        )
        for name, graph, true in (
            ("det", linalg.det(whole), 5.0),
            ("log|det|", linalg.slogdet(whole)[1], np.log(5)),
        )
    },
    "two solves with integers": Case(
        [linalg.solve(whole, b), linalg.solve(whole.T, b)],
        {whole: np.array([[2, 1], [5, 3]]), b: np.ones(2)},
        [np.array([2.0, -3.0]), np.array([-2.0, 1.0])], False,
    ),
    # Matrices that PyTensor takes for definite.
    "log|Aᵀ A + B Bᵀ|, both singular": Case(
        linalg.slogdet(A.T @ A + B @ B.T)[1], {A: WIDE, B: S3[:, :2]},
        np.linalg.slogdet(WIDE.T @ WIDE + S3[:, :2] @ S3[:, :2].T)[1], False,
    ),
    "(Aᵀ A + B Bᵀ)⁻¹ b, both singular": Case(
        linalg.inv(A.T @ A + B @ B.T) @ b, {A: WIDE, B: S3[:, :2], b: np.ones(3)},
        np.linalg.solve(WIDE.T @ WIDE + S3[:, :2] @ S3[:, :2].T, np.ones(3)), False,
    ),
    "|Aᵀ A|, singular": Case(linalg.det(A.T @ A), {A: WIDE}, 0.0, False),
    "(Aᵀ A)⁺, singular": Case(
        linalg.pinv(A.T @ A), {A: WIDE}, np.linalg.pinv(WIDE.T @ WIDE), False
    ),
}  # fmt: skip

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
