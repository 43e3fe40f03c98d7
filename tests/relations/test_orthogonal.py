"""Each relation on orthogonal matrices: one graph with its expected form, and one near miss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.assumptions import assume
from pytensor.tensor import linalg

import kantor
from tests.support import assert_same_value, decisions, evaluate, ops, rewritten

RNG = np.random.default_rng(20261123)


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


def rotation(n: int) -> Any:
    return np.linalg.qr(draw(n, n))[0]


A, B, C, X = pt.matrices("A", "B", "C", "X")
K = pt.matrix("K", shape=(4, 4))
Q, R = assume(A, orthogonal=True), assume(B, orthogonal=True)
T, t = pt.tensor3("T"), pt.tensor3("t")
V, E = assume(T, orthogonal=True), assume(A, permutation=True)
x, y, d = pt.vectors("x", "y", "d")
c = pt.scalar("c")
GIVEN = {
    A: rotation(4), B: rotation(4), C: draw(4, 4), K: draw(4, 4), X: draw(4, 3),
    x: draw(4), y: draw(4), d: 1 + draw(4) ** 2, c: 1.5, T: np.stack([rotation(4)] * 2),
    t: draw(2, 4, 3),
}  # fmt: skip

CANCELS = {
    "Qᵀ Q x": (Q.T @ (Q @ x), "x"),
    "Q Qᵀ x": (Q @ (Q.T @ x), "x"),
    "another bracketing": ((Q @ Q.T) @ x, "x"),
    "a row": (x @ Q @ Q.T, "x"),
    "scaled": ((c * Q) @ (2 * Q.T @ x), "2·c·x"),
    "in a longer product": (Q @ C @ Q.T @ Q, "A C"),
    "a product of two": ((Q @ R).T @ Q @ R @ x, "x"),
    "a quadratic form": (x @ Q.T @ Q @ y, "xᵀ y"),
    "a norm": (linalg.norm(Q @ x), "xᵀ x"),
    "a batch": (V.mT @ (V @ t), "t"),
    "eigenvectors": (linalg.eigh(K)[1].T @ (linalg.eigh(K)[1] @ x), "x"),
    "a permutation": (E.T @ (E @ x), "x"),
}


@pytest.mark.parametrize("name", CANCELS)
def test_orthogonal_cancels(name: str) -> None:
    graph, expected = CANCELS[name]
    [step] = decisions(graph, ["orthogonal_cancels", "products"])
    assert step.decision.taken and [str(t) for t in step.after] == [expected]
    given = {**GIVEN, A: np.eye(4)[[2, 0, 3, 1]]} if name == "a permutation" else GIVEN
    new = assert_same_value(graph, given)
    assert ops(new).count("Dot") <= 1


def test_orthogonal_cancels_nothing_else() -> None:
    name = "orthogonal_cancels"
    for graph in (A.T @ (A @ x), Q @ (Q @ x), Q.T @ R @ x, R @ C @ R.T @ x):
        assert all(name not in s.relations for s in decisions(graph, name))
    # Orthogonal means unitary where the matrices are complex.
    Z = assume(pt.matrix("Z", dtype="complex128"), orthogonal=True)
    assert all(name not in s.relations for s in decisions(Z.T @ (Z @ x.astype("complex128")), name))


def test_an_identity_of_a_batch_would_lose_the_batch() -> None:
    assert all(not s.decision.taken for s in decisions(V.mT @ V, "orthogonal_cancels"))


def test_inverse_of_rotated() -> None:
    name = "inverse_of_rotated"
    assert rewritten(linalg.solve(Q @ C, x), name) == [("(A C)⁻¹ x", "C⁻¹ Aᵀ x")]
    assert rewritten(linalg.inv(Q @ C), name) == [("(A C)⁻¹", "C⁻¹ Aᵀ")]
    new = assert_same_value(linalg.solve(Q @ C, x), GIVEN, relations=name)
    assert ops(new).count("Dot") == 1 and ops(new).count("Solve") == 1
    assert_same_value(linalg.inv(c * (Q @ C)) @ x, GIVEN)
    # C is square because Q is; without a declaration neither is known to be.
    assert decisions(linalg.inv(A @ C), name) == []


def test_inverse_of_rotated_right() -> None:
    name = "inverse_of_rotated_right"
    assert rewritten(linalg.solve(C @ Q, x), name) == [("(C A)⁻¹ x", "Aᵀ C⁻¹ x")]
    assert_same_value(linalg.solve(C @ Q, x), GIVEN, relations=name)
    assert decisions(linalg.inv(C @ A), name) == []


def test_a_similar_matrix_is_solved_with_vectors() -> None:
    assert rewritten(linalg.inv(Q @ C @ R.T) @ x) == [("(A C Bᵀ)⁻¹ x", "B C⁻¹ Aᵀ x")]
    assert_same_value(linalg.inv(Q @ C @ R.T) @ x, GIVEN)
    for graph in (linalg.solve(Q @ pt.diag(d) @ Q.T, x), linalg.inv((Q * d) @ Q.T) @ x):
        [(_, after)] = rewritten(graph)
        assert after == "A diag(d⁻¹) Aᵀ x"
        new = assert_same_value(graph, GIVEN)
        assert "Solve" not in ops(new) and ops(new).count("Dot") == 2


def test_inverse_of_kron_with_an_orthogonal_factor() -> None:
    [(_, after)] = rewritten(linalg.inv(linalg.kron(Q, C)))
    assert after == "Aᵀ ⊗ C⁻¹"
    assert_same_value(linalg.inv(linalg.kron(Q, C)), GIVEN)


NORMS = {
    "sum of squares": pt.sum((Q @ X) ** 2),
    "sqr": pt.sum(pt.sqr(Q @ X)),
    "of a vector": pt.sum((Q @ x) ** 2),
    "a product": pt.sum((Q @ X) * (Q @ (2 * X))),
}


@pytest.mark.parametrize("name", NORMS)
def test_inner_product_of_rotated(name: str) -> None:
    new = assert_same_value(NORMS[name], GIVEN, relations="inner_product_of_rotated")
    assert "Dot" not in ops(new)


def test_inner_product_of_rotated_form() -> None:
    graph = pt.sum((Q @ x) * (Q @ y))
    expected = [("Σ((A x) ⊙ (A y))", "Σ(x ⊙ y)")]
    assert rewritten(graph, "inner_product_of_rotated") == expected
    for other in (pt.sum((Q @ x) * (R @ y)), pt.sum((A @ x) ** 2), pt.sum((X.T @ Q) ** 2)):
        assert decisions(other, "inner_product_of_rotated") == []


def test_inner_product_of_rotated_rows() -> None:
    name = "inner_product_of_rotated_rows"
    graph = pt.sum((X.T @ Q) ** 2)
    assert rewritten(graph, name) == [("Σ((Xᵀ A) ⊙ (Xᵀ A))", "Σ(Xᵀ ⊙ Xᵀ)")]
    assert_same_value(graph, GIVEN, relations=name)
    assert decisions(pt.sum((X.T @ A) ** 2), name) == []


def test_gradients() -> None:
    """Before and after differentiation, in a larger graph."""
    cost = pt.exp(-pt.sum((Q @ (x * d)) ** 2) / 100) + pt.log(pt.sum(Q.T @ (Q @ y) * d) ** 2)
    wanted = pytensor.grad(cost, [x, y, d])
    before = pytensor.grad(kantor.rewrite(cost), [x, y, d])
    after = kantor.rewrite(pytensor.grad(cost, [x, y, d]))
    for g, first, second in zip(
        *(evaluate(gs, GIVEN) for gs in (wanted, before, after)), strict=True
    ):
        np.testing.assert_allclose(first, g, rtol=1e-9)
        np.testing.assert_allclose(second, g, rtol=1e-9)
