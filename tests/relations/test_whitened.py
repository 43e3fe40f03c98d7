"""Each relation on whitening read back: one graph with its expected form, and one near miss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg

import kantor
from tests.support import assert_same_value, decisions, evaluate, ops, rewritten

RNG = np.random.default_rng(20261201)
N, R = 40, 3

U, A = pt.matrix("U", shape=(N, R)), pt.matrix("A", shape=(N, N))
d, x = pt.vector("d", shape=(N,)), pt.vector("x", shape=(N,))
s = pt.scalar("s")
S = pt.diag(pt.exp(d)) + U @ U.T
VALUES = {
    U: RNG.normal(size=(N, R)), d: RNG.normal(size=N), x: RNG.normal(size=N), s: 0.3,
}  # fmt: skip
VALUES[A] = VALUES[U] @ VALUES[U].T + np.eye(N)
LOW_RANK = ("low_rank", "total_of_whitened", "log_diagonal_of_cholesky", "distribution")


def whiten(covariance: Any) -> Any:
    return linalg.solve_triangular(linalg.cholesky(covariance), x, lower=True)


def logs(covariance: Any) -> Any:
    return pt.log(pt.diagonal(linalg.cholesky(covariance))).sum()


def log_density(covariance: Any) -> Any:
    L = linalg.cholesky(covariance)
    z = linalg.solve_triangular(L, x, lower=True)
    return -0.5 * (z**2).sum() - pt.log(pt.diagonal(L)).sum()


def test_total_of_whitened() -> None:
    graph = (whiten(S) ** 2).sum()
    [step] = decisions(graph, LOW_RANK)
    assert step.decision.taken and "total_of_whitened" in step.relations
    new = assert_same_value(graph, VALUES, relations=LOW_RANK)
    assert not {"Cholesky", "SolveTriangular"} & set(ops(new))
    # What is not whitened by its own factor.
    other = (whiten(S) * linalg.solve_triangular(linalg.cholesky(A), x, lower=True)).sum()
    assert all("total_of_whitened" not in s.relations for s in decisions(other, LOW_RANK))


def test_log_diagonal_of_cholesky() -> None:
    expected = "0.5·(Σ(log|exp(d)|) + log|I + Uᵀ diag(exp(d)⁻¹) U|)"
    before = "Σ log|diagonal(chol(diag(exp(d)) + U Uᵀ))|"
    assert rewritten(logs(S), LOW_RANK) == [(before, expected)]
    new = assert_same_value(logs(S), VALUES, relations=LOW_RANK)
    assert "Cholesky" not in ops(new)
    # Half a matrix is read of one that is not symmetric.
    lopsided = pt.diag(pt.exp(d)) + U @ (2 * U + 1).T
    assert not any(s.decision.taken for s in decisions(logs(lopsided), LOW_RANK))


@pytest.mark.parametrize("cov", [S, pt.exp(s) * pt.eye(N) + U @ U.T], ids=["diagonal", "shift"])
def test_a_log_density(cov: Any) -> None:
    new = assert_same_value(log_density(cov), VALUES)
    assert not {"Cholesky", "SolveTriangular"} & set(ops(new))
    wrt = [U, x]
    before, after = (pt.grad(g, wrt) for g in (log_density(cov), new))
    for left, right in zip(evaluate(before, VALUES), evaluate(after, VALUES), strict=True):
        np.testing.assert_allclose(right, left, rtol=1e-8, atol=1e-9)


def test_without_a_cheap_inverse_the_factor_stays() -> None:
    """Neither way round, and not back and forth between the two."""
    graph = log_density(kantor.assume(A, positive_definite=True))
    assert not any(s.decision.taken for s in decisions(graph))
    f = pytensor.function([A, x], graph, mode=kantor.mode("CVM"))
    assert [type(getattr(n.op, "core_op", n.op)).__name__ for n in f.maker.fgraph.toposort()].count(
        "Cholesky"
    ) == 1
    np.testing.assert_allclose(f(VALUES[A], VALUES[x]), evaluate(graph, VALUES), rtol=1e-10)


def test_other_logarithms_are_leaves() -> None:
    plain = pt.log(pt.diagonal(A)).sum() + linalg.slogdet(A)[1]
    assert not any(s.decision.taken for s in decisions(plain))
    negative = evaluate(kantor.rewrite(plain), {A: -VALUES[A]})
    assert np.isnan(negative)
