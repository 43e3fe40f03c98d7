"""Each relation on low rank: one graph with its expected form, and one near miss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg

import kantor
from kantor.api import graph_of
from relations.library import library, select
from tests.coverage.flops import run
from tests.support import assert_same_value, decisions, evaluate, ops, rewritten

RNG = np.random.default_rng(20261122)
N, R = 40, 3


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


U, W = pt.matrix("U", shape=(N, R)), pt.matrix("W", shape=(N, 4))
V, B = pt.matrix("V", shape=(R, N)), pt.matrix("B", shape=(N, 2))
G, H = pt.matrix("G", shape=(N, N)), pt.matrix("H", shape=(N, N))
b, e = pt.vector("b", shape=(N,)), pt.vector("e", shape=(N,))
x, y, z = pt.vectors("x", "y", "z")
z0, E = pt.vector("z0", shape=(N,)), pt.matrix("E", shape=(N, N))
c, f = pt.scalars("c", "f")
EYE = pt.eye(N)
# What is declared, over the inputs of the same names.
d, P = kantor.assume(e, positive=True), kantor.assume(G, positive_definite=True)
D = pt.diag(d)
VALUES = {
    U: draw(N, R), W: draw(N, 4), V: draw(R, N), B: draw(N, 2), b: draw(N), c: 0.7,
    e: RNG.uniform(0.5, 2, N), G: np.eye(N) + draw(N, 3) @ draw(3, N) / N, H: draw(N, N),
    x: draw(N), y: draw(N), z: draw(N),
}  # fmt: skip
VALUES[G] = VALUES[G] @ VALUES[G].T


FAMILY = {r.name for r in select("low_rank")[0]}


def taken(graph: Any, relation: str | None, sizes: Any = None) -> bool:
    """Whether a relation was used, by default any of the family with all that is on by default."""
    names = FAMILY if relation is None else {relation}
    steps = decisions(graph, relation, sizes)
    return any(s.decision.taken and not names.isdisjoint(s.relations) for s in steps)


# --- inverses -------------------------------------------------------------------------------------


def test_woodbury() -> None:
    graph = pt.diagonal(linalg.inv(D + U @ V))
    expected = "diagonal(diag(e⁻¹) - diag(e⁻¹) U (I + V diag(e⁻¹) U)⁻¹ V diag(e⁻¹))"
    assert rewritten(graph, "woodbury") == [("diagonal((diag(e) + U V)⁻¹)", expected)]
    assert_same_value(graph, VALUES, relations="woodbury")
    assert not taken(pt.diagonal(linalg.inv(pt.diag(b) + U @ V)), "woodbury")


def test_woodbury_scaled() -> None:
    graph = linalg.inv(EYE - U @ V)
    assert rewritten(graph, "woodbury") == [("(I - U V)⁻¹", "I + U (I - V U)⁻¹ V")]
    assert_same_value(graph, VALUES, relations="woodbury")
    assert not taken(linalg.inv(H - U @ V), "woodbury")


def test_woodbury_solve() -> None:
    graph = linalg.solve(D + U @ U.T, b)
    expected = "diag(e⁻¹) b - diag(e⁻¹) U (I + Uᵀ diag(e⁻¹) U)⁻¹ Uᵀ diag(e⁻¹) b"
    assert rewritten(graph, "woodbury_solve") == [("(diag(e) + U Uᵀ)⁻¹ b", expected)]
    new = assert_same_value(graph, VALUES, relations="woodbury_solve")
    assert "AllocDiag" not in ops(new)
    assert ops(new).count("Solve") == 1
    assert not taken(linalg.solve(pt.diag(b) + U @ U.T, b), "woodbury_solve")


def test_woodbury_solve_scaled() -> None:
    graph = linalg.solve(EYE + c * (U @ V), b)
    expected = "b - c·U (I + c·V U)⁻¹ V b"
    assert rewritten(graph, "woodbury_solve") == [("(I + c·U V)⁻¹ b", expected)]
    assert_same_value(graph, VALUES, relations="woodbury_solve")
    assert_same_value(graph, {**VALUES, c: 0.0}, relations="woodbury_solve")
    # A vector scales rows, it is no coefficient.
    assert not taken(linalg.solve(H + e * (U @ V), b), "woodbury_solve")


def test_woodbury_solve_left() -> None:
    graph = B.T @ linalg.inv(EYE + U @ V)
    expected = "Bᵀ - Bᵀ U (I + V U)⁻¹ V"
    assert rewritten(graph, "woodbury_solve_left") == [("Bᵀ (I + U V)⁻¹", expected)]
    assert_same_value(graph, VALUES, relations="woodbury_solve_left")
    assert not taken(B.T @ linalg.inv(H + U @ V), "woodbury_solve_left")


def test_woodbury_solve_left_scaled() -> None:
    graph = B.T @ linalg.inv(EYE - 2 * U @ V)
    expected = "Bᵀ + 2·Bᵀ U (I - 2·V U)⁻¹ V"
    name = "woodbury_solve_left"
    assert rewritten(graph, name) == [("Bᵀ (I - 2·U V)⁻¹", expected)]
    assert_same_value(graph, VALUES, relations=name)
    assert not taken(B.T @ linalg.inv(H - 2 * U @ V), name)


def test_push_through() -> None:
    graph = linalg.solve(EYE + U @ V, U)
    assert rewritten(graph, "push_through") == [("(I + U V)⁻¹ U", "U (I + V U)⁻¹")]
    assert_same_value(graph, VALUES, relations="push_through")
    assert not taken(linalg.solve(EYE + U @ V, V.T), "push_through")


def test_push_through_left() -> None:
    graph = U.T @ linalg.solve(P + U @ U.T, b)
    expected = "(I + Uᵀ G⁻¹ U)⁻¹ Uᵀ G⁻¹ b"
    # What factorizes G is there already.
    both = (linalg.inv(P) @ B).sum() + graph.sum()
    [step] = decisions(both, "push_through_left")
    assert step.relations == ("push_through_left",)
    assert expected in " ".join(map(str, step.after))
    assert_same_value(both, VALUES, relations="push_through_left")
    other = (linalg.inv(H) @ B).sum() + (U.T @ linalg.solve(H + U @ U.T, b)).sum()
    assert not taken(other, "push_through_left")


def test_push_through_scaled() -> None:
    graph = linalg.solve(EYE - U @ V, U)
    assert rewritten(graph, "push_through") == [("(I - U V)⁻¹ U", "U (I - V U)⁻¹")]
    assert_same_value(graph, VALUES, relations="push_through")
    assert not taken(linalg.solve(H - U @ V, U), "push_through")


def test_push_through_left_scaled() -> None:
    graph = V @ linalg.inv(EYE - U @ V)
    assert rewritten(graph, "push_through_left") == [("V (I - U V)⁻¹", "(I - V U)⁻¹ V")]
    assert_same_value(graph, VALUES, relations="push_through_left")
    assert not taken(U.T @ linalg.inv(EYE - U @ V), "push_through_left")


def test_inverse_of_two_updates() -> None:
    """Of unknown signs, so that neither update alone leaves what is proved to have an inverse."""
    graph = linalg.solve(D + c * pt.outer(b, b) - f * pt.outer(z0, z0), b)
    [step] = [s for s in decisions(graph) if s.decision.taken]
    assert "inverse_of_two_updates" in step.relations
    new = assert_same_value(graph, {**VALUES, f: 0.3, z0: draw(N)})
    assert all(v.type.shape != (N, N) for n in graph_nodes(new) for v in n.outputs)
    near = linalg.solve(H + c * pt.outer(b, b) - f * pt.outer(z0, z0), b)
    assert not taken(near, "inverse_of_two_updates")


def test_logabsdet_of_two_updates() -> None:
    graph = linalg.slogdet(D + c * pt.outer(b, b) - f * pt.outer(z0, z0))[1]
    [step] = [s for s in decisions(graph) if s.decision.taken]
    assert "logabsdet_of_two_updates" in step.relations
    assert_same_value(graph, {**VALUES, f: 0.3, z0: draw(N)})
    near = linalg.slogdet(H + c * pt.outer(b, b) - f * pt.outer(z0, z0))[1]
    assert not taken(near, "logabsdet_of_two_updates")


def test_inverse_of_diagonal_matrix() -> None:
    declared = kantor.assume(E, diagonal=True, nonsingular=True)
    graph = linalg.solve(declared + U @ V, b)
    [step] = [s for s in decisions(graph) if s.decision.taken]
    assert "inverse_of_diagonal_matrix" in step.relations
    values = {**VALUES, E: np.diag(RNG.uniform(0.5, 2, N))}
    new = assert_same_value(graph, values)
    assert flops(new, values) < 0.1 * flops(graph, values)
    # It may hold a zero.
    assert not taken(linalg.solve(kantor.assume(E, diagonal=True) + U @ V, b), None)


# --- determinants ---------------------------------------------------------------------------------


def test_determinant_of_identity_plus() -> None:
    graph = linalg.det(EYE + U @ V)
    assert rewritten(graph, "determinant_of_identity_plus") == [("det(I + U V)", "det(I + V U)")]
    assert_same_value(graph, VALUES, relations="determinant_of_identity_plus")
    assert not taken(linalg.det(H + U @ V), "determinant_of_identity_plus")


def test_determinant_of_identity_plus_scaled() -> None:
    graph, name = linalg.det(EYE - U @ V), "determinant_of_identity_plus"
    assert rewritten(graph, name) == [("det(I - U V)", "det(I - V U)")]
    assert_same_value(graph, VALUES, relations=name)
    assert not taken(linalg.det(H - U @ V), name)


def test_determinant_lemma() -> None:
    graph, name = linalg.det(D + U @ V), "determinant_lemma"
    expected = "Π(e)·det(I + V diag(e⁻¹) U)"
    assert rewritten(graph, name) == [("det(diag(e) + U V)", expected)]
    assert_same_value(graph, VALUES, relations=name)
    assert not taken(linalg.det(pt.diag(b) + U @ V), name)
    # One of the two may overflow: it has to be asked for.
    assert not taken(graph, None)


def test_determinant_lemma_scaled() -> None:
    graph, name = linalg.det(D - U @ V), "determinant_lemma"
    expected = "Π(e)·det(I - V diag(e⁻¹) U)"
    assert rewritten(graph, name) == [("det(diag(e) - U V)", expected)]
    assert_same_value(graph, VALUES, relations=name)
    assert not taken(linalg.det(pt.diag(b) - U @ V), name)


def test_logabsdet_lemma() -> None:
    graph = linalg.slogdet(D + U @ U.T)[1]
    expected = "Σ(log|e|) + log|I + Uᵀ diag(e⁻¹) U|"
    assert rewritten(graph, "logabsdet_lemma") == [("log|diag(e) + U Uᵀ|", expected)]
    assert_same_value(graph, VALUES, relations="logabsdet_lemma")
    spelled = pt.log(pt.abs(linalg.det(EYE + U @ V)))
    assert rewritten(spelled, "logabsdet_lemma") == [("log|I + U V|", "log|I + V U|")]
    assert not taken(linalg.slogdet(pt.diag(b) + U @ U.T)[1], "logabsdet_lemma")


def test_logabsdet_lemma_scaled() -> None:
    graph, name = linalg.slogdet(EYE - U @ V)[1], "logabsdet_lemma"
    assert rewritten(graph, name) == [("log|I - U V|", "log|I - V U|")]
    assert_same_value(graph, VALUES, relations=name)
    assert not taken(linalg.slogdet(H - U @ V)[1], name)


# --- parallel sums, diagonals ---------------------------------------------------------------------


def test_inverse_of_sum_of_inverses() -> None:
    graph, name = linalg.inv(linalg.inv(G) + linalg.inv(H)), "inverse_of_sum_of_inverses"
    assert rewritten(graph, name) == [("(G⁻¹ + H⁻¹)⁻¹", "G (G + H)⁻¹ H")]
    assert_same_value(graph, VALUES, relations=name)
    assert not taken(linalg.inv(linalg.inv(G) + H), name)


def test_inverse_of_inverse_plus() -> None:
    graph, name = linalg.inv(linalg.inv(G) + pt.diag(b)) @ x, "inverse_of_inverse_plus"
    assert rewritten(graph, name) == [("(G⁻¹ + diag(b))⁻¹ x", "(I + G diag(b))⁻¹ G x")]
    assert_same_value(graph, VALUES, relations=name)
    assert not taken(linalg.inv(G + pt.diag(b)) @ x, name)


def test_parallel_sum() -> None:
    graph = (G - G @ linalg.inv(G + H) @ G) @ b
    expected = [("(G - G (G + H)⁻¹ G) b", "G (G + H)⁻¹ H b")]
    assert rewritten(graph, "parallel_sum") == expected
    assert_same_value(graph, VALUES, relations="parallel_sum")
    assert not taken((G - G @ linalg.inv(G + H) @ H) @ b, "parallel_sum")


def test_diagonals_are_inverted_entry_by_entry() -> None:
    [step] = decisions(linalg.inv(pt.diag(b)) @ x)
    assert [str(t) for t in step.before] == ["diag(b⁻¹) x"]
    new = assert_same_value(linalg.inv(pt.diag(b)) @ x, VALUES)
    assert ops(new).count("Elemwise") == 1
    assert not {"Solve", "MatrixInverse", "AllocDiag"} & set(ops(new))
    new = assert_same_value(linalg.slogdet(pt.diag(b))[1], VALUES)
    assert "SLogDet" not in ops(new)
    new = assert_same_value(linalg.det(pt.diag(b)), VALUES)
    assert "Det" not in ops(new)


# --- spellings ------------------------------------------------------------------------------------

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


def flops(graph: Any, values: dict[Any, Any]) -> float:
    fgraph, _ = graph_of([graph])
    return float(run(fgraph, [np.asarray(values[x]) for x in fgraph.inputs])[1])


def test_batched_lora() -> None:
    A, B3 = pt.tensor3("A", shape=(2, N, R)), pt.tensor3("B", shape=(2, R, N))
    Y = pt.tensor3("Y", shape=(2, 7, N))
    graph = pt.matmul(Y, (H + c * pt.matmul(A, B3)).mT)
    assert any(s.decision.taken for s in decisions(graph))
    assert_same_value(graph, {**VALUES, A: draw(2, N, R), B3: draw(2, R, N), Y: draw(2, 7, N)})


def graph_nodes(graph: Any) -> list[Any]:
    return list(graph_of([graph])[0].apply_nodes)


def test_a_matrix_that_is_solved_with_anyway() -> None:
    """One factorization of P serves both."""
    graph = linalg.solve(P + U @ U.T, B) + linalg.inv(P) @ B
    [step] = decisions(graph)
    assert "woodbury_solve" in step.relations
    assert_same_value(graph, VALUES)


def test_two_outputs_share_a_factorization() -> None:
    """The two meet in P only, which both would factorize."""
    graphs = [linalg.solve(P, b), linalg.solve(P + U @ V, b)]
    assert "woodbury_solve" in {step.relation for step in kantor.explain(graphs).steps}
    new = kantor.rewrite(graphs)
    for left, right in zip(evaluate(graphs, VALUES), evaluate(new, VALUES), strict=True):
        np.testing.assert_allclose(right, left, rtol=1e-9)
    inverses = [linalg.inv(P), linalg.inv(P + pt.outer(b, z0))]
    assert "woodbury" in {step.relation for step in kantor.explain(inverses).steps}
    apart = [linalg.solve(H, b), linalg.solve(H + U @ V, b)]
    assert not kantor.explain(apart).steps


def test_a_static_rank_is_enough() -> None:
    """Of unknown length n, U has three columns: cheaper but for the smallest."""
    A, e_ = pt.matrix("A", shape=(None, R)), pt.vector("e_")
    graph = linalg.solve(pt.diag(pt.exp(e_)) + A @ A.T, x)
    [step] = decisions(graph)
    assert step.decision.taken and step.decision.why == "for larger sizes"
    assert "from length 32 on" in str(kantor.explain(graph))
    for n in (1, 5, 50):
        values = {A: draw(n, R), e_: draw(n), x: draw(n)}
        assert_same_value(graph, values)
    wide = linalg.solve(pt.diag(pt.exp(e_)) + pt.matrix("B") @ pt.matrix("C"), x)
    [step] = decisions(wide)
    assert not step.decision.taken
    assert "cheaper where" in str(kantor.explain(wide))


def test_rank_one_needs_no_sizes_and_no_solve() -> None:
    graph = linalg.solve(pt.eye(x.shape[0]) + pt.outer(x, y), z)
    assert rewritten(graph) == [("(I + x yᵀ)⁻¹ z", "z - x (I + yᵀ x)⁻¹ yᵀ z")]
    new = assert_same_value(graph, VALUES)
    assert "Solve" not in ops(new)
    log = linalg.slogdet(pt.eye(x.shape[0]) + pt.outer(x, y))[1]
    assert not {"SLogDet", "Det"} & set(ops(assert_same_value(log, VALUES)))


def test_of_unknown_lengths_the_sizes_decide() -> None:
    A, C = pt.matrices("A", "C")
    graph = linalg.solve(pt.eye(A.shape[0]) + A @ C, x)
    assert not taken(graph, "woodbury_solve")
    sizes = {A: (1000, 10), C: (10, 1000)}
    new = kantor.rewrite(graph, sizes=sizes)
    assert len(ops(new)) > 0
    values = {A: draw(9, 2), C: draw(2, 9), x: draw(9)}
    np.testing.assert_allclose(*evaluate([new, graph], values), rtol=1e-9)
    wide = {A: (10, 1000), C: (1000, 10)}
    assert not taken(graph, "woodbury_solve", wide)


def test_a_diagonal_may_hold_a_zero() -> None:
    """The dense matrix is regular where Woodbury's form has no value."""
    graph = linalg.solve(pt.diag(e) + U @ U.T, b)
    zero = {**VALUES, e: np.arange(N, dtype=float), U: np.eye(N)[:, :R]}
    assert np.isfinite(evaluate(graph, zero)).all()
    new = kantor.rewrite(graph)
    np.testing.assert_array_equal(evaluate(new, zero), evaluate(graph, zero))
    said = str(kantor.explain(graph).why_not("woodbury_solve"))
    assert "kantor.assume(e, nonzero=True)" in said
    said = str(kantor.explain(linalg.solve(c * EYE + U @ V, b)).why_not("woodbury_solve"))
    assert "kantor.assume(c, nonzero=True)" in said
    said = str(kantor.explain(linalg.solve(c * H + U @ V, b)).why_not("woodbury_solve"))
    assert "assume(c, nonzero=True); declare kantor.assume(H, nonsingular=True)" in said


def test_a_gram_matrix_is_not_taken_for_regular() -> None:
    graph = linalg.solve(W @ W.T + U @ V, b)
    assert not taken(graph, None)


def test_a_batch() -> None:
    A, C, y3 = (pt.tensor(n, shape=s) for n, s in (
        ("A", (2, N, R)), ("C", (2, R, N)), ("y", (2, N, 1)),
    ))  # fmt: skip
    graph = linalg.solve(pt.eye(N) + A @ C, y3, b_ndim=2)
    values = {A: draw(2, N, R), C: draw(2, R, N), y3: draw(2, N, 1)}
    assert taken(graph, "woodbury_solve")
    assert_same_value(graph, values)


# --- a log-density --------------------------------------------------------------------------------


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


def test_a_user_may_have_the_same_relation() -> None:
    """The README has one, under a name that is not the library's."""
    assert "low_rank_solve" not in {r.name for r in library()}
