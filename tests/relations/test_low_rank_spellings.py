"""Low-rank updates in every spelling: of solves, of diagonals and of updates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg

import kantor
from tests.relations.test_low_rank import (
    EYE,
    RNG,
    VALUES,
    B,
    D,
    H,
    N,
    P,
    R,
    U,
    V,
    W,
    b,
    c,
    d,
    draw,
    e,
    flops,
    graph_nodes,
    taken,
    z0,
)
from tests.support import assert_same_value, decisions

SOLVES = {
    "solve": lambda: linalg.solve(D + U @ U.T, b),
    "inv": lambda: linalg.inv(D + U @ U.T) @ b,
    "from the left": lambda: b @ linalg.inv(D + U @ U.T),
    "transposed": lambda: linalg.solve((U @ U.T + D).T, b),
    "an identity times a vector": lambda: linalg.solve(EYE * d + U @ U.T, b),
    "an identity, row by row": lambda: linalg.solve(pt.eye(e.shape[0]) * d[:, None] + U @ U.T, b),
    "by its definition": lambda: linalg.solve(pt.diag(pt.exp(b)) + U @ V, b),
    "by half squares": lambda: linalg.solve(0.5 * pt.diag(b**2 + 0.1) + U @ V, b),
    "two sums": lambda: linalg.solve(D + (U @ U.T + W @ W.T), b),
    "with a core": lambda: linalg.solve(D + U @ (V @ V.T) @ U.T, b),
    "a positive shift": lambda: linalg.solve(pt.exp(c) * EYE + U @ V, b),
    "a number": lambda: linalg.solve(2 * EYE - U @ V, b),
    "positive definite": lambda: linalg.solve(D + U @ U.T, b, assume_a="pos"),
    "many right sides": lambda: linalg.solve(D + U @ U.T, B),
    "within more": lambda: 3 * (V @ linalg.solve(D + U @ U.T, B) @ B.T).T + W @ W[:3].T,
}


@pytest.mark.parametrize("name", SOLVES)
def test_every_spelling_of_a_solve(name: str) -> None:
    graph = SOLVES[name]()
    [step] = [s for s in decisions(graph) if s.decision.taken]
    assert any("woodbury" in r or "push" in r for r in step.relations)
    new = assert_same_value(graph, VALUES)
    solved = [n for n in graph_nodes(new) if type(n.op).__name__ == "Blockwise"]
    assert all(n.inputs[0].type.shape != (N, N) for n in solved)


# What proves that a diagonal holds no zero, of any vector q and any number c.
q = pt.vector("q", shape=(N,))
POSITIVE = {
    "exp": lambda: pt.exp(q),
    "softplus": lambda: pt.softplus(q),
    "sigmoid": lambda: pt.sigmoid(q),
    "softmax": lambda: pt.special.softmax(q),
    "squares and a jitter": lambda: q**2 + 1e-6,
    "magnitudes and more": lambda: pt.abs(q) + 0.1,
    "a precision": lambda: 1 / pt.exp(q),
    "a standard deviation": lambda: pt.exp(q) ** 2,
    "one variance": lambda: pt.exp(c) * pt.ones(N),
    "one variance, filled": lambda: pt.full((N,), pt.exp(c)),
    "clipped": lambda: pt.clip(q, 1e-3, 10.0),
    "at least": lambda: pt.maximum(q, 1e-3),
    "constant": lambda: pt.as_tensor(np.linspace(1, 2, N)),
    "joined": lambda: pt.concatenate([pt.exp(q[:10]), pt.softplus(q[10:])]),
    "a square and a square": lambda: q * q + c * c + 1,
    "declared": lambda: kantor.assume(q, positive=True),
    "declared, inverted": lambda: kantor.assume(q, positive=True) ** -2,
    "of any sign": lambda: kantor.assume(q, nonzero=True),
}
MAYBE_ZERO = {
    "as it is": lambda: q,
    "a square": lambda: q**2,
    "a magnitude": lambda: pt.abs(q),
    "rectified": lambda: pt.maximum(q, 0.0),
    "less a number": lambda: pt.exp(q) - 1,
    "a logarithm": lambda: pt.log(1 + pt.exp(q)),
    "declared nonnegative": lambda: kantor.assume(q, nonnegative=True),
}


@pytest.mark.parametrize("name", POSITIVE)
def test_what_is_proved_to_hold_no_zero(name: str) -> None:
    graph = linalg.solve(pt.diag(POSITIVE[name]()) + U @ U.T, b)
    assert taken(graph, "woodbury_solve")
    assert_same_value(graph, {**VALUES, q: RNG.uniform(0.5, 2, N)})


@pytest.mark.parametrize("name", MAYBE_ZERO)
def test_what_may_hold_a_zero_is_left(name: str) -> None:
    assert not taken(linalg.solve(pt.diag(MAYBE_ZERO[name]()) + U @ U.T, b), None)


DIAGONALS = {
    "by an identity": lambda: EYE * d,
    "by an identity, row by row": lambda: d[:, None] * EYE,
    "a multiple of the identity": lambda: pt.exp(c) * EYE,
    "an identity divided": lambda: EYE / pt.exp(c),
    "like another": lambda: pt.identity_like(H) * pt.exp(c),
    "two of them": lambda: D + pt.diag(pt.exp(b)),
    "with a jitter": lambda: pt.diag(b**2) + 1e-6 * EYE,
    "multiplied": lambda: D @ D,
    "negative": lambda: -D,
}


@pytest.mark.parametrize("name", DIAGONALS)
def test_every_spelling_of_a_diagonal(name: str) -> None:
    graph = linalg.solve(DIAGONALS[name]() + U @ U.T, b)
    assert taken(graph, "woodbury_solve")
    assert_same_value(graph, VALUES)


C, X = pt.matrix("C", shape=(R, R)), pt.matrix("X", shape=(N, 4))
K = kantor.assume(C, positive_definite=True)
UPDATES = {
    "with a core": lambda: U @ C @ U.T,
    "by columns": lambda: (U * C[0]) @ U.T,
    "with an inverse": lambda: U @ linalg.inv(K) @ U.T,
    "solved": lambda: U @ linalg.solve(K, U.T),
    "by a factor": lambda: factor(U, K) @ factor(U, K).T,
    "divided": lambda: U @ U.T / c,
    "a mean": lambda: U @ U.T / N,
    "rank one": lambda: b[:, None] * z0[None, :],
    "two of rank one": lambda: pt.outer(b, b) + pt.outer(z0, z0),
    "rank one, normed": lambda: c * pt.outer(b, b) / (b @ b),
    "an einsum": lambda: pt.einsum("ij,kj->ik", U, U),
    "a sum": lambda: (U[:, None, :] * U[None, :, :]).sum(-1),
    "scaled rows": lambda: (U * b[:, None]) @ (U * b[:, None]).T,
    "a constant in every entry": lambda: pt.exp(c) * pt.ones((N, N)),
}


def factor(U: Any, K: Any) -> Any:
    return U @ linalg.cholesky(K)


@pytest.mark.parametrize("name", UPDATES)
def test_every_spelling_of_an_update(name: str) -> None:
    graph = linalg.solve(D + UPDATES[name](), b)
    assert taken(graph, None)
    core = draw(R, R)
    new = assert_same_value(graph, {**VALUES, z0: draw(N), C: core @ core.T + np.eye(R)})
    solved = [n for n in graph_nodes(new) if type(n.op).__name__ == "Blockwise"]
    assert all(n.inputs[0].type.shape != (N, N) for n in solved)


# What statisticians, filters and networks write.
noise = pt.exp(c)
S = D + U @ U.T
WRITTEN = {
    "generalized least squares": lambda: linalg.solve(
        X.T @ linalg.solve(S, X), X.T @ linalg.solve(S, b)
    ),
    "generalized least squares by inverses": lambda: (
        linalg.inv(X.T @ linalg.inv(S) @ X) @ X.T @ linalg.inv(S) @ b
    ),
    "ridge regression, dual": lambda: U.T @ linalg.inv(U @ U.T + noise * EYE) @ b,
    "posterior covariance": lambda: linalg.inv(EYE + U @ U.T),
    "probabilistic PCA": lambda: U.T @ linalg.solve(U @ U.T + noise * EYE, b),
    "factor analysis": lambda: U.T @ linalg.inv(U @ U.T + D) @ b,
    "its covariance": lambda: pt.eye(R) - U.T @ linalg.inv(U @ U.T + D) @ U,
    "Kalman filter by information": lambda: linalg.inv(linalg.inv(P) + V.T @ linalg.inv(K) @ V),
    "its mean": lambda: linalg.solve(linalg.inv(P) + V.T @ linalg.inv(K) @ V, b),
    "Nyström": lambda: linalg.solve(noise * EYE + U @ linalg.inv(K) @ U.T, b),
    "inducing points": lambda: linalg.slogdet(noise * EYE + U @ linalg.inv(K) @ U.T)[1],
    "whitened": lambda: linalg.solve(EYE + (U / d[:, None]) @ (U / d[:, None]).T, b / d) / d,
    "by a Cholesky factor": lambda: linalg.cho_solve((linalg.cholesky(S), True), b),
    "Mahalanobis distances": lambda: (X.T * linalg.solve(S, X).T).sum(1),
    "Mahalanobis distances by an inverse": lambda: ((X.T @ linalg.inv(S)) * X.T).sum(-1),
    "a diagonal of an inverse": lambda: pt.diagonal(linalg.inv(S)),
    "a trace of an inverse": lambda: pt.trace(linalg.inv(S)),
    "a row of an inverse": lambda: linalg.inv(S)[0],
    "a logarithm of a determinant": lambda: pt.log(linalg.det(S)),
    "a difference of log-determinants": lambda: (
        linalg.slogdet(S)[1] - linalg.slogdet(pt.diag(d))[1]
    ),
    "a downdate": lambda: linalg.solve(D - U @ U.T, b),
    "a reflection": lambda: (EYE - 2 * pt.outer(b, b) / (b @ b)) @ X,
    "LoRA": lambda: X.T @ (H + c * (U @ V)).T,
    "LoRA of one input": lambda: b @ (H + 16 / R * (U @ V)).T,
    "a precision": lambda: b @ (D + U @ U.T) @ b,
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written(name: str) -> None:
    graph = WRITTEN[name]()
    assert any(s.decision.taken for s in decisions(graph))
    core = draw(R, R)
    values = {**VALUES, C: core @ core.T + np.eye(R), X: draw(N, 4)}
    new = assert_same_value(graph, values)
    assert flops(new, values) < 0.8 * flops(graph, values)
