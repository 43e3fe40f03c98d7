"""Each relation on two by two blocks: one graph with its expected form, and one near miss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.assumptions import assume
from pytensor.tensor import linalg

import kantor
from kantor.api import graph_of
from matchers import vocabulary as v
from matchers.dims import const
from matchers.terms import shape
from tests.relations.test_blocks import (
    FIRST,
    LAST,
    VALUES,
    A,
    C,
    D,
    E,
    K,
    U,
    V,
    W,
    draw,
    hcat,
    read,
    regular,
    untouched,
    vcat,
    w,
    z,
)
from tests.support import assert_same_value, decisions, evaluate, ops, rewritten

F, G = pt.matrix("F", shape=(10, 10)), pt.matrix("G", shape=(5, 20))


def by_rows(a: Any, b: Any, c: Any, d: Any) -> Any:
    return vcat(hcat(a, b), hcat(c, d))


def by_columns(a: Any, b: Any, c: Any, d: Any) -> Any:
    return hcat(vcat(a, c), vcat(b, d))


def lower(blocks: Any = by_rows) -> Any:
    return blocks(K, pt.zeros((30, 20)), V, E)


def upper(blocks: Any = by_rows) -> Any:
    return blocks(K, U, pt.zeros((20, 30)), E)


# With a first block of more columns than rows, in a matrix that may be regular all the same.
WIDE, TALL = pt.matrix("WIDE", shape=(20, 30)), pt.matrix("TALL", shape=(30, 20))
OTHER = pt.matrix("OTHER", shape=(30, 30))


def wide() -> Any:
    return by_rows(WIDE, pt.zeros((20, 20)), OTHER, TALL)


def test_solve_block_lower() -> None:
    name = "solve_block_lower"
    graph = linalg.solve(lower(), w)
    after = f"vcat(K⁻¹ {FIRST}, E⁻¹ ({LAST} - V K⁻¹ {FIRST}))"
    assert rewritten(graph, name) == [("vcat(hcat(K, 0), hcat(V, E))⁻¹ w", after)]
    new = assert_same_value(graph, VALUES, relations=name)
    # K⁻¹ w₁ is needed twice and computed once.
    assert ops(new).count("Solve") == 2
    assert untouched(linalg.solve(upper(), w), name)
    assert untouched(linalg.solve(wide(), w), name)


def test_solve_block_upper() -> None:
    name = "solve_block_upper"
    graph = linalg.solve(upper(), w)
    after = f"vcat(K⁻¹ ({FIRST} - U E⁻¹ {LAST}), E⁻¹ {LAST})"
    assert rewritten(graph, name) == [("vcat(hcat(K, U), hcat(0, E))⁻¹ w", after)]
    new = assert_same_value(graph, VALUES, relations=name)
    assert ops(new).count("Solve") == 2
    assert untouched(linalg.solve(lower(), w), name)
    assert untouched(linalg.solve(by_rows(K, U, V, E), w), name)


BLOCK_SOLVES = {
    "solve": lambda m: linalg.solve(m, w),
    "solve with a matrix": lambda m: linalg.solve(m, W),
    "inverse": lambda m: linalg.inv(m) @ w,
    "transposed": lambda m: linalg.solve(m.T, w),
    "from the left": lambda m: w @ linalg.inv(m),
    "quadratic form": lambda m: w @ linalg.inv(m) @ w,
    "scaled": lambda m: linalg.solve(2.0 * m, w),
    "inside": lambda m: pt.exp(linalg.solve(m, w)).sum() + linalg.det(m),
}


@pytest.mark.parametrize("blocks", [by_rows, by_columns])
@pytest.mark.parametrize("triangle", [lower, upper])
@pytest.mark.parametrize("name", BLOCK_SOLVES)
def test_a_block_triangular_matrix_is_solved_with_block_by_block(
    name: str, triangle: Any, blocks: Any
) -> None:
    new = assert_same_value(BLOCK_SOLVES[name](triangle(blocks)), VALUES)
    found = ops(new)
    assert "Alloc" not in found and "MatrixInverse" not in found
    assert found.count("Solve") >= 2


@pytest.mark.parametrize("triangle", [lower, upper])
def test_inverse_of_block_triangular(triangle: Any) -> None:
    name = f"inverse_of_block_{triangle.__name__}"
    graph = linalg.inv(triangle())
    [step] = decisions(graph, name)
    assert step.decision.taken and step.relations == (name,)
    assert_same_value(graph, VALUES, relations=name)
    assert untouched(linalg.inv(by_rows(K, U, V, E)), name)
    assert untouched(linalg.inv(wide()), name)


@pytest.mark.parametrize("triangle", [lower, upper])
def test_determinants_of_block_triangular(triangle: Any) -> None:
    name = f"det_of_block_{triangle.__name__}"
    [(_, after)] = rewritten(linalg.det(triangle()), name)
    assert after == "det(K)·det(E)"
    assert_same_value(linalg.det(triangle()) * 1e-40, VALUES, relations=name)
    assert untouched(linalg.det(by_rows(K, U, V, E)), name)
    assert untouched(linalg.det(wide()), name)
    logs = f"log{name.replace('det', 'absdet')}"
    [(_, after)] = rewritten(linalg.slogdet(triangle())[1], logs)
    assert after == "log|K| + log|E|"
    assert_same_value(linalg.slogdet(triangle())[1], VALUES, relations=logs)
    assert untouched(linalg.slogdet(wide())[1], logs)


def test_a_wide_first_block_of_a_regular_matrix() -> None:
    """[A 0; C D] is regular here, and neither A nor D is square: nothing may take them for it."""
    values = {A: np.eye(20, 30), C: np.eye(30, 30, 20), D: np.eye(30, 20, -10), z: draw(50)}
    m = by_rows(A, pt.zeros((A.shape[0], D.shape[1])), C, D)
    for graph in (linalg.solve(m, z), linalg.inv(m), linalg.det(m), linalg.slogdet(m)[1]):
        assert kantor.rewrite(graph) is graph
        assert_same_value(graph, values)
    # Another Op that needs a square A proves it.
    values = {A: regular(5), C: draw(4, 5), D: regular(4), z: draw(9)}
    both = [linalg.solve(m, z), linalg.inv(A)]
    new = kantor.rewrite(both)
    assert "Join" in ops(both[0]) and "Alloc" not in ops(new[0])
    np.testing.assert_allclose(*(evaluate(g, values) for g in (both[0], new[0])), rtol=1e-9)


def test_blocks_on_the_diagonal() -> None:
    name = "blocks_on_the_diagonal"
    whole = by_rows(K, pt.zeros((30, 20)), pt.zeros((20, 30)), E)
    names = (name, "inverse_of_block_diag", "block_diag_times")
    [step] = decisions(linalg.solve(whole, w), names)
    assert set(step.relations) == set(names)
    assert_same_value(linalg.solve(whole, w), VALUES, relations=names)
    assert untouched(linalg.solve(lower(), w), names)


def test_blocks_by_rows() -> None:
    # The first blocks of the columns are not equally long.
    a, b = pt.matrix("a", shape=(10, 30)), pt.matrix("b", shape=(20, 20))
    ragged = hcat(vcat(a, OTHER, F.T @ a), vcat(b, TALL))
    for name, function in (
        ("inverse", linalg.inv),
        ("det", linalg.det),
        ("logabsdet", lambda m: linalg.slogdet(m)[1]),
    ):
        names = (f"{name}_by_rows", f"{name}_of_block_lower")
        [step] = decisions(function(lower(by_columns)), names)
        assert step.relations == names
        assert untouched(function(ragged), names[0])
        assert untouched(function(lower()), names[0])
    graph = linalg.slogdet(lower(by_columns))[1]
    assert_same_value(graph, VALUES, relations=names)


def test_solve_by_schur_complement() -> None:
    name = "solve_by_schur_complement"
    graph = linalg.solve(by_rows(pt.eye(30), U, V, E), w)
    [step] = decisions(graph, name)
    assert step.decision.taken and step.relations == (name,)
    new = assert_same_value(graph, VALUES, relations=name)
    [solve] = [n for n in _nodes(new) if type(n.op.core_op).__name__ == "Solve"]
    assert solve.inputs[0].type.shape == (20, 20)
    # K may be singular, or have no definite sign, where the whole is regular.
    assert untouched(linalg.solve(by_rows(K, U, V, E), w), name)


def _nodes(graph: Any) -> list[Any]:
    return [n for n in graph_of([graph])[0].toposort() if hasattr(n.op, "core_op")]


def test_determinants_by_schur_complement() -> None:
    for name, function in (
        ("det_by_schur_complement", linalg.det),
        ("logabsdet_by_schur_complement", lambda m: linalg.slogdet(m)[1]),
    ):
        graph = function(by_rows(pt.eye(30), U, V, E))
        [step] = decisions(graph, name)
        assert step.decision.taken and step.relations == (name,)
        small = {**VALUES, U: draw(30, 20) / 9, E: draw(20, 20) / 4}
        assert_same_value(graph, small, relations=name)
        assert untouched(function(by_rows(K, U, V, E)), name)


def test_a_singular_first_block() -> None:
    """What is regular as a whole is solved with as a whole, whatever its first block."""
    values = {**VALUES, K: np.diag([0.0] * 20 + [1.0] * 10), U: np.eye(30, 20), V: np.eye(20, 30)}
    graph = linalg.solve(by_rows(assume(K, symmetric=True), U, V, E), w)
    assert untouched(graph, "solve_by_schur_complement")
    assert_same_value(graph, values)


def test_zeros_in_products_and_sums() -> None:
    n = pt.zeros((30, 20))
    assert read(K @ n) is read(n) is v.zeros(const(30), const(20))
    assert read(K @ n + U) is read(U)
    assert read(n.T) is v.zeros(const(20), const(30))
    assert read(2.0 * n) is read(n)
    # A constant, as PyTensor makes of it; but one that is not all zeros.
    data = np.zeros((3, 4))
    assert read(pt.constant(data)) is v.zeros(const(3), const(4))
    data[2, 3] = 1
    assert read(pt.constant(data.copy())) is not v.zeros(const(3), const(4))
    # What is batched keeps its batch.
    batch = pt.tensor3("batch")
    assert shape(read(batch @ pt.zeros((4, 2))))[2]


def cornered(last: bool, whole: Any) -> tuple[Any, dict[Any, Any]]:
    """A function of [A B; C D] of which one corner is positive diagonal, and its inputs."""
    a, b, c = (pt.matrix(n, shape=s) for n, s in (("a", (9, 9)), ("b", (9, 12)), ("c", (12, 9))))
    d = pt.vector("d", shape=(12,))
    diagonal = pt.diag(pt.exp(d))
    rows = (a, b, c, diagonal) if last else (diagonal, c, b, a)
    values = {a: regular(9), b: draw(9, 12), c: draw(12, 9), d: draw(12)}
    return whole(vcat(hcat(*rows[:2]), hcat(*rows[2:]))), values


@pytest.mark.parametrize("last", [False, True])
def test_a_diagonal_corner(last: bool) -> None:
    x = pt.vector("x", shape=(21,))
    names = {
        False: ("solve_by_schur_complement", "det_by_schur", "logabsdet_by_schur"),
        True: ("solve_by_complement_of_last", "det_by_complement", "logabsdet_by_complement"),
    }[last]
    functions = (lambda k: linalg.solve(k, x), linalg.det, lambda k: linalg.slogdet(k)[1])
    for function, name in zip(functions, names, strict=True):
        graph, values = cornered(last, function)
        used = {n for step in decisions(graph) for n in step.relations}
        assert any(n.startswith(name) for n in used)
        new = kantor.rewrite(graph)
        old, made = evaluate([graph, new], {**values, x: draw(21)})
        np.testing.assert_allclose(made, old, rtol=1e-8)


def test_inverse_by_schur_complement() -> None:
    graph, values = cornered(False, linalg.inv)
    assert "inverse_by_schur_complement" in {n for s in decisions(graph) for n in s.relations}
    assert_same_value(graph, values)
    # Nothing is known of the corners.
    a, b, c, d = (pt.matrix(n, shape=(9, 9)) for n in "abcd")
    general = linalg.inv(vcat(hcat(a, b), hcat(c, d)))
    assert not [s for s in decisions(general) if s.decision.taken]
