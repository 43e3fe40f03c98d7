"""Log-densities with a low-rank covariance, their gradients, and what is lost by rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg

import kantor
from tests.relations.test_low_rank import RNG, VALUES, D, N, R, U, b, d, draw, e, graph_nodes
from tests.support import assert_same_value, evaluate


def log_density(diagonal: Any) -> Any:
    K = pt.diag(diagonal) + U @ U.T
    return -0.5 * (b @ linalg.solve(K, b)) - 0.5 * linalg.slogdet(K)[1]


def test_value_and_gradient_of_a_log_density() -> None:
    """Rewritten before it is differentiated nothing of order n is left."""
    dense = log_density(d)
    new = assert_same_value(dense, VALUES)
    inputs = [e, U, b]
    before, after = (pt.grad(g, inputs) for g in (dense, new))
    values = evaluate([*before, *after], VALUES)
    for left, right in zip(values[:3], values[3:], strict=True):
        np.testing.assert_allclose(right, left, rtol=1e-8, atol=1e-10)
    shapes = {v.type.shape for g in after for n in graph_nodes(g) for v in n.outputs}
    assert (N, N) not in shapes


def test_gradients_are_rewritten_too() -> None:
    dense = log_density(pt.exp(e))
    inputs = [e, U, b]
    grads = pt.grad(dense, inputs)
    f = pytensor.function(inputs, [dense, *grads], mode=kantor.mode("CVM"))
    values = [VALUES[i] for i in inputs]
    for found, expected in zip(f(*values), evaluate([dense, *grads], VALUES), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


def test_a_gradient_leaves_nothing_of_order_n() -> None:
    """Rewritten after it is taken, with what the logarithm of a determinant brings with it."""
    graph = log_density(pt.exp(e))
    inputs = [e, U, b]
    grads = pt.grad(graph, inputs)
    new = kantor.rewrite(grads)
    for left, right in zip(evaluate(grads, VALUES), evaluate(new, VALUES), strict=True):
        np.testing.assert_allclose(right, left, rtol=1e-8, atol=1e-9)
    factorized = [
        n for g in new for n in graph_nodes(g)
        if type(getattr(n.op, "core_op", n.op)).__name__ in ("Solve", "MatrixInverse", "Det")
    ]  # fmt: skip
    assert factorized
    assert all(n.inputs[0].type.shape == (R, R) for n in factorized)


# --- rounding -------------------------------------------------------------------------------------


def solution(matrix: Any, right: Any) -> Any:
    """By Gaussian elimination in extended precision."""
    A = np.array(matrix, dtype=np.longdouble)
    x = np.array(right, dtype=np.longdouble)
    n = len(x)
    for k in range(n):
        p = k + int(np.argmax(np.abs(A[k:, k])))
        A[[k, p]], x[[k, p]] = A[[p, k]], x[[p, k]]
        factors = A[k + 1 :, k] / A[k, k]
        A[k + 1 :] -= factors[:, None] * A[k]
        x[k + 1 :] -= factors * x[k]
    for k in reversed(range(n)):
        x[k] = (x[k] - A[k, k + 1 :] @ x[k + 1 :]) / A[k, k]
    return x


# Of condition 1e8 or so.
CONDITIONS = {
    "a spread diagonal": lambda: (10.0 ** RNG.uniform(-4, 4, N), draw(N, R), draw(N)),
    "little noise": lambda: (np.full(N, 1e-7), draw(N, R), draw(N)),
    "spread columns": lambda: (np.ones(N), draw(N, R) * [1e-4, 1, 1e3], draw(N)),
    "a right side of low rank": lambda: (np.full(N, 1e-7), W0, W0 @ draw(R)),
}
W0 = draw(N, R)


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="no extended precision")
@pytest.mark.parametrize("name", CONDITIONS)
def test_no_more_than_a_digit_is_lost(name: str) -> None:
    graph = linalg.solve(D + U @ U.T, b)
    new = kantor.rewrite(graph)
    for _ in range(5):
        diagonal, low, right = CONDITIONS[name]()
        values = {e: diagonal, U: low, b: right}
        exact = np.diag(diagonal.astype(np.longdouble))
        exact = exact + low.astype(np.longdouble) @ low.T.astype(np.longdouble)
        true = solution(exact, right)
        left, ours = (np.linalg.norm(x - true) for x in evaluate([graph, new], values))
        assert ours <= 10 * left + 1e-15 * np.linalg.norm(true)


def test_one_entry_far_below_the_others_loses_digits() -> None:
    """What is documented: A is worse conditioned than A + U V, and A⁻¹ is what is used."""
    diagonal, low = np.ones(N), np.zeros((N, R))
    diagonal[0], low[0] = 1e-8, 1.0
    values = {e: diagonal, U: low, b: draw(N)}
    graph = linalg.solve(D + U @ U.T, b)
    left, right = evaluate([graph, kantor.rewrite(graph)], values)
    assert 1e-13 < np.max(np.abs(left - right)) < 1e-7
