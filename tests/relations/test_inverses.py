"""Each relation on inverses and products: one graph with its expected form, and one near miss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.assumptions import assume
from pytensor.tensor import linalg

from tests.support import assert_same_value, decisions, ops, rewritten

RNG = np.random.default_rng(20261121)


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


A, B, C = pt.matrices("A", "B", "C")
S, R = pt.matrix("S", shape=(30, 30)), pt.matrix("R", shape=(30, 30))
x, y = pt.vectors("x", "y")
c = pt.scalar("c")


def regular(n: int) -> Any:
    return draw(n, n) + 2 * n * np.eye(n)


def test_inverse_of_product() -> None:
    graph = S.T @ linalg.inv(S @ R) @ x
    expected = [("Sᵀ (S R)⁻¹ x", "Sᵀ R⁻¹ S⁻¹ x")]
    assert rewritten(graph, "inverse_of_product") == expected
    new = assert_same_value(graph, {S: regular(30), R: regular(30), x: draw(30)})
    assert ops(new).count("Solve") == 2
    # Nothing proves A and B square, so one solve of their product is all that is allowed.
    graph = A.T @ linalg.inv(A @ B) @ x
    assert rewritten(graph, "inverse_of_product") == [("Aᵀ (A B)⁻¹ x", "Aᵀ (A B)⁻¹ x")]
    assert_same_value(graph, {A: draw(3, 5), B: draw(5, 3), x: draw(3)})


def test_inverse_of_inverse() -> None:
    graph = linalg.inv(linalg.inv(A)) @ B
    assert rewritten(graph, "inverse_of_inverse") == [("(A⁻¹)⁻¹ B", "A B")]
    assert_same_value(graph, {A: regular(4), B: draw(4, 2)})
    assert decisions(linalg.inv(A).T, "inverse_of_inverse") == []


def test_inverse_of_scaled() -> None:
    names = ("inverse_of_scaled", "inverse_of_inverse")
    graph = linalg.inv(c * linalg.inv(A))
    assert rewritten(graph, names) == [("(c·A⁻¹)⁻¹", "c⁻¹·A")]
    assert_same_value(graph, {A: regular(4), c: 1.5})
    # A vector scales rows, it is no coefficient.
    assert not rewritten(linalg.inv(x * linalg.inv(A)), names)


def test_cancel_left() -> None:
    graph = linalg.inv(A) @ A @ x
    assert rewritten(graph, "cancel_left") == [("A⁻¹ A x", "x")]
    assert_same_value(graph, {A: regular(4), x: draw(4)})
    assert all("cancel_left" not in s.relations for s in decisions(linalg.inv(A) @ B @ x))


def test_cancel_left_leaves_an_identity() -> None:
    graph = linalg.solve(A, A)
    assert rewritten(graph, "cancel_left") == [("A⁻¹ A", "I")]
    assert_same_value(graph, {A: regular(4)})


def test_cancel_right() -> None:
    graph = A @ linalg.solve(A, x)
    assert rewritten(graph, "cancel_right") == [("A A⁻¹ x", "x")]
    assert_same_value(graph, {A: regular(4), x: draw(4)})
    assert decisions(A.T @ linalg.solve(A, x), "cancel_right") == []


def test_inverse_of_orthogonal() -> None:
    Q = assume(A, orthogonal=True)
    [step] = decisions(linalg.inv(Q) @ x, "inverse_of_orthogonal")
    assert step.relations == ("inverse_of_orthogonal",)
    q = np.linalg.qr(draw(4, 4))[0]
    new = assert_same_value(linalg.inv(Q) @ x, {A: q, x: draw(4)})
    assert "Solve" not in ops(new)
    [step] = decisions(linalg.inv(A) @ x, "inverse_of_orthogonal")
    assert step.relations == ("associativity",)


def test_orthogonal_is_unitary_where_it_is_complex() -> None:
    """Q⁻¹ is then the conjugate of Qᵀ."""
    Z, z = pt.matrix("Z", dtype="complex128"), pt.vector("z", dtype="complex128")
    graph = linalg.inv(assume(Z, orthogonal=True)) @ x
    assert all("inverse_of_orthogonal" not in s.relations for s in decisions(graph))
    # What stands beside the inverse may be complex.
    [step] = decisions(linalg.inv(assume(A, orthogonal=True)) @ z, "inverse_of_orthogonal")
    assert step.relations == ("inverse_of_orthogonal",)
    # A complex coefficient is none of the orthogonal matrix.
    for number in (1j, 2.0):
        scaled = number * linalg.inv(assume(A, orthogonal=True)) @ x
        [step] = decisions(scaled, "inverse_of_orthogonal")
        assert step.relations == ("inverse_of_orthogonal",)


BRACKETINGS = {
    "((Aᵀ (AB)⁻¹) C) y": lambda: ((A.T @ linalg.inv(A @ B)) @ C) @ y,
    "(Aᵀ ((AB)⁻¹ C)) y": lambda: (A.T @ (linalg.inv(A @ B) @ C)) @ y,
    "(Aᵀ (AB)⁻¹) (C y)": lambda: (A.T @ linalg.inv(A @ B)) @ (C @ y),
    "Aᵀ (((AB)⁻¹ C) y)": lambda: A.T @ ((linalg.inv(A @ B) @ C) @ y),
    "Aᵀ ((AB)⁻¹ (C y))": lambda: A.T @ (linalg.inv(A @ B) @ (C @ y)),
    "Aᵀ solve(AB, C y)": lambda: A.T @ linalg.solve(A @ B, C @ y),
    "Aᵀ solve(AB, C) y": lambda: A.T @ linalg.solve(A @ B, C) @ y,
    "(yᵀ Cᵀ (AB)⁻ᵀ A)ᵀ": lambda: ((y @ C.T) @ linalg.inv(A @ B).T) @ A,
}


@pytest.mark.parametrize("spelling", BRACKETINGS)
@pytest.mark.parametrize("n", [4, 6])
def test_every_bracketing_is_one_solve(spelling: str, n: int) -> None:
    graph = BRACKETINGS[spelling]()
    values = {A: draw(4, n), B: draw(n, 4), C: draw(4, 3), y: draw(3)}
    new = assert_same_value(graph, values)
    assert ops(new).count("Solve") == 1
    assert "MatrixInverse" not in ops(new)
    # A B, then products with vectors only.
    assert ops(new).count("Dot") == 3


@pytest.mark.parametrize("declared", ["static", "implied"])
def test_square_factors_are_factorized_one_by_one(declared: str) -> None:
    a, b = (S, R) if declared == "static" else (A, B)
    graph = a.T @ linalg.inv(a @ b) @ C @ y
    graphs = [graph] if declared == "static" else [graph, linalg.det(A) + linalg.det(B)]
    import kantor

    new = kantor.rewrite(graphs)[0]
    assert ops(new).count("Solve") == 2
    assert ops(new).count("Dot") == 2


def test_cholesky_recomposed() -> None:
    L = linalg.cholesky(assume(A, positive_definite=True))
    [step] = decisions(L @ L.T @ x, "cholesky_recomposed")
    assert step.relations == ("cholesky_recomposed",)
    p = regular(4) @ regular(4).T
    new = assert_same_value(L @ L.T @ x, {A: p @ p.T, x: draw(4)}, relations="cholesky_recomposed")
    assert "Cholesky" not in ops(new)
    # The factor of what is not symmetric reads one triangle only, and Lᵀ L is another matrix.
    for graph in (linalg.cholesky(A) @ linalg.cholesky(A).T @ x, L.T @ L @ x):
        assert all(s.relations == ("associativity",) for s in decisions(graph))


def test_inverse_recomposed() -> None:
    L = linalg.cholesky(assume(A, positive_definite=True))
    graph = linalg.inv(L).T @ linalg.inv(L)
    [step] = decisions(graph, "inverse_recomposed")
    assert step.relations == ("inverse_recomposed",)
    p = regular(4)
    new = assert_same_value(graph, {A: p @ p.T}, relations="inverse_recomposed")
    assert ops(new).count("MatrixInverse") == 1 and "Cholesky" not in ops(new)
    for near in (linalg.inv(L) @ linalg.inv(L).T, linalg.inv(linalg.cholesky(A)).T @ linalg.inv(L)):
        assert all("inverse_recomposed" not in s.relations for s in decisions(near))
