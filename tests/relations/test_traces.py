"""Each relation on traces and diagonals: one graph with its expected form, and one near miss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg

import kantor
from tests.support import assert_same_value, decisions, evaluate, ops, rewritten

RNG = np.random.default_rng(20261123)


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


A, B, X = pt.matrices("A", "B", "X")
S, R = pt.matrix("S", shape=(30, 30)), pt.matrix("R", shape=(30, 30))
W, V = pt.matrix("W", shape=(30, 40)), pt.matrix("V", shape=(40, 30))
c = pt.scalar("c")


def test_trace_of_product() -> None:
    graph = pt.trace(W @ V)
    assert rewritten(graph, "trace_of_product") == [("tr(W V)", "Σ(Wᵀ ⊙ V)")]
    new = assert_same_value(graph, {W: draw(30, 40), V: draw(40, 30)})
    assert "Dot" not in ops(new)
    # A product that is not square has a trace too, and of fewer rows: see test_diagonals.
    assert rewritten(pt.trace(A @ B), "trace_of_product")
    assert decisions(pt.trace(A + B), "trace_of_product") == []
    tall = pt.trace(W @ pt.matrix("T", shape=(40, 20)))
    assert rewritten(tall, "trace_of_product") == [("tr(W T)", "Σ(rows(W, 0, 20)ᵀ ⊙ T)")]


SPELLINGS = {
    "tr(Xᵀ A X)": (lambda: pt.trace(X.T @ A @ X), "Σ((Aᵀ X) ⊙ X)"),
    "tr((Xᵀ A) X)": (lambda: pt.trace(X.T @ (A @ X)), "Σ((Aᵀ X) ⊙ X)"),
    "scaled": (lambda: pt.trace(c * (X.T @ A @ X)), "c·Σ((Aᵀ X) ⊙ X)"),
    "summed": (lambda: pt.diag(X.T @ A @ X).sum(), "Σ((Aᵀ X) ⊙ X)"),
    "transposed": (lambda: pt.trace((X.T @ A @ X).T), "Σ((A X) ⊙ X)"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings_of_a_quadratic_trace(spelling: str) -> None:
    """Of unknown lengths the columns of X are as many on both sides, so this is square."""
    make, _ = SPELLINGS[spelling]
    ((_, after),) = rewritten(make(), "trace_of_product")
    assert after.lstrip("c·") in ("Σ((Aᵀ X) ⊙ X)", "Σ(X ⊙ (A X))", "Σ((A X) ⊙ X)", "Σ(X ⊙ (Aᵀ X))")
    for n, k in ((5, 3), (3, 5), (1, 1), (0, 2), (2, 0)):
        values = {A: draw(n, n), X: draw(n, k), c: -1.5}
        new = assert_same_value(make(), values, relations="trace_of_product")
        assert ops(new).count("Dot") == 1
        gradients = [pt.grad(g, X) for g in (make(), new)]
        np.testing.assert_allclose(*evaluate(gradients, values), rtol=1e-9, atol=1e-9)


def test_cyclic_trace() -> None:
    graph = pt.trace(linalg.inv(S) @ R @ S)
    names = ("cyclic_trace", "cancel_right", "cancel_left")
    assert rewritten(graph, names) == [("tr(S⁻¹ R S)", "tr(R)")]
    assert_same_value(graph, {S: draw(30, 30) + 9 * np.eye(30), R: draw(30, 30)}, relations=names)
    [step] = decisions(pt.trace(linalg.inv(A) @ X @ B), names)
    assert step.relations == ("associativity",)


def test_the_trace_of_a_hat_matrix() -> None:
    """It is the number of columns, whatever they are."""
    graph = pt.trace(X @ linalg.inv(X.T @ X) @ X.T)
    assert [after for _, after in rewritten(graph)] == ["cols(X)"]
    new = assert_same_value(graph, {X: draw(7, 3)})
    assert not {"Dot", "Solve", "MatrixInverse"} & set(ops(new))


def test_trace_of_sum() -> None:
    graph = pt.trace(W @ V + S)
    names = ("trace_of_sum", "trace_of_product")
    assert rewritten(graph, names) == [("tr(W V + S)", "Σ(Wᵀ ⊙ V) + tr(S)")]
    values = {W: draw(30, 40), V: draw(40, 30), S: draw(30, 30)}
    new = assert_same_value(graph, values, relations=names)
    assert "Dot" not in ops(new)
    assert decisions(pt.trace((S + R) * R), "trace_of_sum") == []


def test_diagonal_of_product() -> None:
    graph = pt.diag(W @ V)
    assert rewritten(graph, "diagonal_of_product") == [("diagonal(W V)", "(W ⊙ Vᵀ) 1")]
    assert_same_value(graph, {W: draw(30, 40), V: draw(40, 30)}, relations="diagonal_of_product")
    assert rewritten(pt.diag(A @ B), "diagonal_of_product")
    assert decisions(pt.diag(A + B), "diagonal_of_product") == []
    # Another diagonal is not read as this one.
    assert decisions(pt.diagonal(W @ V, offset=1), "diagonal_of_product") == []


def test_the_diagonal_of_a_quadratic_form() -> None:
    graph = pt.diag(X.T @ A @ X)
    new = assert_same_value(graph, {A: draw(5, 5), X: draw(5, 3)})
    assert kantor.explain(graph).steps[0].relation == "diagonal_of_product"
    for n, k in ((3, 5), (1, 1), (0, 2), (2, 0)):
        before, after = evaluate([graph, new], {A: draw(n, n), X: draw(n, k)})
        np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9)


def test_diagonals_of_a_batch() -> None:
    M, N = (pt.tensor3(n, shape=(4, 9, 9)) for n in "MN")
    graph = pt.diagonal(M @ N, axis1=-2, axis2=-1)
    assert [s.relations for s in decisions(graph)] == [("diagonal_of_product",)]
    assert_same_value(graph, {M: draw(4, 9, 9), N: draw(4, 9, 9)})


def test_a_trace_that_another_use_needs_stays() -> None:
    """The product is there anyway."""
    product = W @ V
    assert decisions(pt.trace(product) + (product**3).sum(), "traces") == []


def test_total_with_identity() -> None:
    inverse, name = linalg.inv(S), "total_with_identity"
    graph = (inverse * pt.eye(30)).sum()
    assert rewritten(graph, name) == [("Σ(S⁻¹ ⊙ I)", "tr(S⁻¹)")]
    assert_same_value(graph, {S: draw(30, 30)}, relations=name)
    assert decisions((inverse * R).sum(), name) == []
