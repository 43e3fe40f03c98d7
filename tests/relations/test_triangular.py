"""Inverses of triangular and symmetric matrices: forms, values, near misses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.assumptions import assume
from pytensor.tensor import linalg

import kantor
from tests.support import assert_same_value, decisions, ops, rewritten

RNG = np.random.default_rng(20261124)


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


A, B, X = pt.matrices("A", "B", "X")
N, M = pt.matrix("N", shape=(40, 40)), pt.matrix("M", shape=(40, 40))
L, K = assume(N, lower_triangular=True), assume(M, lower_triangular=True)
S = assume(A, symmetric=True)
T = pt.tensor3("T")
x, d = pt.vectors("x", "d")


def lower(*shape: int) -> Any:
    return np.tril(draw(*shape)) + 3 * np.eye(shape[-1])


def even(n: int) -> Any:
    y = draw(n, n)
    return y + y.T


INVERSES = {
    "lower": (linalg.inv(L), {N: lower(40, 40)}),
    "unknown lengths": (linalg.inv(assume(A, lower_triangular=True)), {A: lower(5, 5)}),
    "transposed": (linalg.inv(L.T), {N: lower(40, 40)}),
    "upper": (linalg.inv(assume(N, upper_triangular=True)), {N: lower(40, 40).T}),
    "a product": (linalg.inv(L @ K), {N: lower(40, 40), M: lower(40, 40)}),
    "a factor": (linalg.inv(linalg.cholesky(A)), {A: even(5) + 20 * np.eye(5)}),
    "a batch": (linalg.inv(assume(T, lower_triangular=True)), {T: lower(3, 5, 5)}),
    "an empty one": (linalg.inv(assume(A, lower_triangular=True)), {A: draw(0, 0)}),
    "beside another": (linalg.inv(L) + linalg.inv(K), {N: lower(40, 40), M: lower(40, 40)}),
}


@pytest.mark.parametrize("name", INVERSES)
def test_inverses_of_triangular_matrices_are_by_substitution(name: str) -> None:
    graph, given = INVERSES[name]
    new = assert_same_value(graph, given)
    assert "MatrixInverse" not in ops(new) and "SolveTriangular" in ops(new)
    # What was built is what it would be built again as.
    assert kantor.rewrite(new) is new


@pytest.mark.parametrize("which", ["lower", "upper"])
def test_the_inverse_of_a_triangular_matrix_compiled(which: str) -> None:
    given = assume(N, **{f"{which}_triangular": True})
    f = pytensor.function([N], linalg.inv(given), mode=kantor.mode("CVM"))
    kinds = [type(getattr(n.op, "core_op", n.op)).__name__ for n in f.maker.fgraph.apply_nodes]
    assert "SolveTriangular" in kinds and "MatrixInverse" not in kinds
    value = lower(40, 40) if which == "lower" else lower(40, 40).T
    np.testing.assert_allclose(f(value), np.linalg.inv(value), rtol=1e-9, atol=1e-12)
    # Beside a vector it is one solve, as ever, without an identity.
    f = pytensor.function([N, x], linalg.inv(given) @ x, mode=kantor.mode("CVM"))
    kinds = [type(getattr(n.op, "core_op", n.op)).__name__ for n in f.maker.fgraph.apply_nodes]
    assert "SolveTriangular" in kinds and not {"MatrixInverse", "Eye"} & set(kinds)


def test_other_inverses_stay() -> None:
    for graph in (linalg.inv(N), linalg.inv(L + M), linalg.inv(L @ M)):
        assert "SolveTriangular" not in ops(kantor.rewrite(graph))


def test_a_product_of_triangular_matrices_is_solved_one_by_one() -> None:
    graph = linalg.solve(L @ K, x)
    [(before, after)] = rewritten(graph)
    assert (before, after) == ("(N M)⁻¹ x", "M⁻¹ N⁻¹ x")
    assert_same_value(graph, {N: lower(40, 40), M: lower(40, 40), x: draw(40)})


def test_symmetric_cancels_left() -> None:
    name = "symmetric_cancels_left"
    assert rewritten(linalg.solve(S, S.T @ x), name) == [("A⁻¹ A x", "x")]
    assert rewritten(linalg.inv(S).T @ S @ x, name) == [("A⁻¹ A x", "x")]
    assert_same_value(linalg.solve(S, S.T @ x), {A: even(4), x: draw(4)})
    assert all(name not in s.relations for s in decisions(linalg.solve(A, A.T @ x), name))
    both = (B + A.T) @ (B.T + A)
    assert rewritten(linalg.solve(both, both.T @ x), name) != []
    both = (B + A) @ (B.T + A)
    assert all(name not in s.relations for s in decisions(linalg.solve(both, both.T @ x), name))


def test_symmetric_cancels_right() -> None:
    name = "symmetric_cancels_right"
    assert rewritten(S.T @ linalg.solve(S, x), name) == [("A A⁻¹ x", "x")]
    assert_same_value(S.T @ linalg.solve(S, x), {A: even(4), x: draw(4)})
    assert all(name not in s.relations for s in decisions(A.T @ linalg.solve(A, x), name))
