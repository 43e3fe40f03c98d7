"""Each congruence: one graph with its expected form and value, and one near miss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode
from pytensor.tensor import linalg

import kantor
from matchers import vocabulary as v
from relations import congruences, low_rank
from relations.library import library
from tests.relations.test_library_kanren import MATCHERS, A, B, C, a, answers, b, cc
from tests.support import PLAIN, assert_same_value, decisions, ops, rewritten

RNG = np.random.default_rng(20261120)
N, K = 40, 60
inv = linalg.inv
P0, S0, R0 = (pt.matrix(name, shape=(N, N)) for name in "PSR")
X0, Y0 = pt.matrix("X", shape=(K, N)), pt.matrix("Y", shape=(N, K))
U0, V0 = pt.matrix("U", shape=(N, 4)), pt.matrix("V", shape=(4, N))
Q0 = pt.matrix("Q", shape=(4, 4))
D0, w0 = pt.matrix("D", shape=(N, N)), pt.vector("w", shape=(N,))
P, Q = (kantor.assume(x, positive_definite=True) for x in (P0, Q0))
S = kantor.assume(S0, symmetric=True)


def definite(n: int) -> Any:
    a = RNG.normal(size=(n, n))
    return a @ a.T / n + np.eye(n)


VALUES = {
    P0: definite(N), S0: definite(N) - 2 * np.eye(N), R0: RNG.normal(size=(N, N)) + 9 * np.eye(N),
    X0: RNG.normal(size=(K, N)), Y0: RNG.normal(size=(N, K)),
    D0: np.diag(np.arange(N) % 3.0), w0: np.arange(N) % 5.0,
    U0: RNG.normal(size=(N, 4)), V0: RNG.normal(size=(4, N)), Q0: definite(4),
}  # fmt: skip


def used(graph: Any, name: str) -> bool:
    return any(name in s.relations for s in decisions(graph, name))


def test_congruence_by_factor() -> None:
    name = "congruence_by_factor"
    assert rewritten(X0 @ P @ X0.T, name) == [("X P Xᵀ", "X chol(P) chol(P)ᵀ Xᵀ")]
    new = assert_same_value(X0 @ P @ X0.T, VALUES, relations=name)
    assert {"Cholesky", "Trmm", "Syrk"} <= set(ops(new)) and "Dot" not in ops(new)
    assert not used(X0 @ S @ X0.T, name) and not used(X0 @ P @ Y0, name)
    # Where the factor costs more than it saves.
    assert not used(X0[:2] @ P @ X0[:2].T, name)


def test_congruence_of_inverse_by_factor() -> None:
    name = "congruence_of_inverse_by_factor"
    graph = X0 @ inv(P) @ X0.T
    assert rewritten(graph, name) == [("X P⁻¹ Xᵀ", "X chol(P)⁻ᵀ chol(P)⁻¹ Xᵀ")]
    new = assert_same_value(graph, VALUES, relations=name)
    assert {"Cholesky", "SolveTriangular", "Syrk"} <= set(ops(new))
    assert not used(X0 @ inv(S) @ X0.T, name) and not used(X0 @ inv(P) @ Y0, name)


def test_congruence_by_roots() -> None:
    name = "congruence_by_roots"
    expected = "X diag(√w) diag(√w) Xᵀ"
    w = kantor.assume(w0, nonnegative=True)
    for graph in ((X0 * w) @ X0.T, X0 @ pt.diag(w) @ X0.T, X0 @ (w[:, None] * X0.T)):
        assert rewritten(graph, name) == [("X diag(w) Xᵀ", expected)]
        new = assert_same_value(graph, VALUES, relations=name)
        assert "Syrk" in ops(new) and "Dot" not in ops(new)
    assert not used((X0 * w0) @ X0.T, name), "nothing is said of signs"
    assert not used((X0 * w) @ Y0, name)
    E = kantor.assume(R0, diagonal=True)
    assert not used(X0 @ E @ X0.T, name)


def test_congruence_by_roots_of_weights_however_written() -> None:
    name = "congruence_by_roots"
    u = pt.vector("u", shape=(K,))
    for graph in (
        X0.T @ (pt.exp(u)[:, None] * X0), (X0.T * pt.exp(u)) @ X0, X0.T @ pt.diag(pt.exp(u)) @ X0,
        X0.T @ (X0 / pt.exp(u)[:, None]),
    ):  # fmt: skip
        assert used(graph, name)
        assert_same_value(graph, VALUES | {u: RNG.normal(size=K)}, relations=name)


def test_congruence_by_roots_of_a_matrix_that_is_declared() -> None:
    name = "congruence_by_roots"
    D = kantor.assume(D0, diagonal=True, positive_semidefinite=True)
    graph = X0 @ D @ X0.T
    assert rewritten(graph, name) == [
        ("X D Xᵀ", "X diag(√diagonal(D)) diag(√diagonal(D)) Xᵀ"),
    ]
    assert "Syrk" in ops(assert_same_value(graph, VALUES, relations=name))


def test_the_roots_leave_a_definite_product_definite() -> None:
    """As PyTensor has spelt it: with the diagonal alone, and a factor that scales by it."""
    D = kantor.assume(D0, diagonal=True, positive_definite=True)
    Z = kantor.assume(X0[:20], full_row_rank=True)
    mode = kantor.mode(Mode("py", "fast_run"))
    f = pytensor.function([D0, X0, w0], inv(Z @ D @ Z.T) @ Z @ w0, mode=mode)
    kinds = {type(getattr(n.op, "core_op", n.op)).__name__ for n in f.maker.fgraph.apply_nodes}
    assert {"Syrk", "Cholesky"} <= kinds and kinds.isdisjoint({"Dot", "LUFactor", "MatrixInverse"})
    values = np.diag(np.arange(1.0, N + 1)), VALUES[X0], VALUES[w0]
    plain = pytensor.function([D0, X0, w0], inv(Z @ D @ Z.T) @ Z @ w0, mode=PLAIN)
    np.testing.assert_allclose(f(*values), plain(*values), rtol=1e-9)


def test_inverse_of_congruence_plus() -> None:
    name = "inverse_of_congruence_plus"
    graph = inv(inv(R0.T) @ S @ inv(R0) + P) @ inv(R0.T)
    [step] = decisions(graph, [name, "cancel_right"])
    assert step.decision.taken and name in step.relations
    new = assert_same_value(graph, VALUES, relations=[name, "cancel_right"])
    assert ops(new).count("Solve") + ops(new).count("MatrixInverse") == 1
    assert not used(inv(inv(R0.T) @ S @ R0 + P), name)


def test_congruence_with_an_update() -> None:
    name = "congruence_with_an_update"
    F = pt.eye(N) - U0 @ V0
    [step] = decisions(F @ S @ F.T, name)
    assert step.decision.taken and step.relations[0] == name
    new = assert_same_value(F @ S @ F.T, VALUES, relations=name)
    assert ops(new).count("Dot") <= 6
    assert not used(F @ R0 @ F.T, name) and not used(F @ S @ F, name)


def test_halves_of_a_symmetric_sum() -> None:
    name = "halves_of_a_symmetric_sum"
    graph = X0 @ Y0 + Y0.T @ X0.T - 2 * X0 @ S @ X0.T
    assert rewritten(graph, name) == [("X Y + Yᵀ Xᵀ - 2·X S Xᵀ", "X (Y - S Xᵀ) + (Yᵀ - X S) Xᵀ")]
    new = assert_same_value(graph, VALUES, relations=name)
    assert ops(new).count("Dot") == 2
    assert not used(X0 @ Y0 + Y0.T @ X0.T + X0 @ R0 @ X0.T, name)
    assert not used(X0 @ Y0 - Y0.T @ X0.T + X0 @ S @ X0.T, name)


def test_halves_are_not_taken_of_integers() -> None:
    X, Y = pt.imatrix("X"), pt.imatrix("Y")
    S = kantor.assume(pt.imatrix("S"), symmetric=True)
    assert not used(X @ Y + Y.T @ X.T + X @ S @ X.T, "halves_of_a_symmetric_sum")
    (relation,) = (r for r in library() if r.name == "halves_of_a_symmetric_sum")
    assert relation.fractional and "integers" in relation.restriction


def test_gain() -> None:
    name = "gain"
    graph = inv(inv(P) + U0 @ inv(Q) @ V0) @ U0 @ inv(Q)
    assert rewritten(graph, name) == [("(P⁻¹ + U Q⁻¹ V)⁻¹ U Q⁻¹", "P U (Q + V P U)⁻¹")]
    assert_same_value(graph, VALUES, relations=name)
    other = inv(inv(P) + U0 @ inv(Q) @ V0) @ U0 @ inv(Q0)
    assert not used(other, name), "the two inverses are of different variables"


def test_gain_left() -> None:
    name = "gain_left"
    graph = inv(Q) @ V0 @ inv(inv(P) + U0 @ inv(Q) @ V0)
    assert rewritten(graph, name) == [("Q⁻¹ V (P⁻¹ + U Q⁻¹ V)⁻¹", "(Q + V P U)⁻¹ V P")]
    assert_same_value(graph, VALUES, relations=name)
    assert not used(inv(Q) @ V0 @ inv(inv(P) + U0 @ Q @ V0), name)


# --- with both matchers ---------------------------------------------------------------------------

KANREN = {
    "update": (
        congruences.inverse_of_congruence_plus,
        inv(inv(A) @ B @ inv(C) + A),
        {cc @ v.inverse(b + a @ a @ cc) @ a},
    ),
    "update of another": (congruences.inverse_of_congruence_plus, inv(inv(A) @ B @ C + A), set()),
    "not definite": (congruences.congruence_by_factor, A @ B @ A.T, set()),
    "not diagonal": (congruences.congruence_by_roots, A @ B @ A.T, set()),
    "no transpose": (congruences.congruence_by_factor, A @ B @ A, set()),
    "no inverse": (congruences.congruence_of_inverse_by_factor, A.T @ B @ A, set()),
    "not symmetric": (
        congruences.halves_of_a_symmetric_sum, A @ B + B.T @ A.T + A @ C @ A.T, set(),
    ),
    "one product": (congruences.halves_of_a_symmetric_sum, A @ B + A @ C @ A.T, set()),
    "no identity": (congruences.congruence_with_an_update, A @ B @ A.T, set()),
    "gain": (
        low_rank.gain,
        inv(inv(A) + B @ inv(C) @ A) @ B @ inv(C),
        {a @ b @ v.inverse(cc + a @ a @ b)},
    ),
    "no gain": (low_rank.gain, inv(A + B @ inv(C) @ A) @ B @ inv(C), set()),
}  # fmt: skip


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize("name", KANREN)
def test_with_both_matchers(name: str, matcher: Any) -> None:
    relation, graph, expected = KANREN[name]
    assert answers(relation, graph, matcher) == expected
