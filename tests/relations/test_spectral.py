"""Each relation on exponentials and factorizations: one graph, its expected form, a near miss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.assumptions import assume
from pytensor.tensor import linalg

import kantor
from kantor.api import graph_of
from matchers import vocabulary as v
from matchers.view import View
from tests.support import assert_same_value, decisions, evaluate, ops, rewritten

RNG = np.random.default_rng(20261125)


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


def even(n: int) -> Any:
    x = draw(n, n)
    return x + x.T


A, B, C, X = pt.matrices("A", "B", "C", "X")
Q, S = assume(A, orthogonal=True), assume(A, symmetric=True)
T = pt.tensor3("T")
x, d = pt.vectors("x", "d")
w, V = linalg.eigh(S)
w_any, V_any = linalg.eigh(A)
u, s, vt = linalg.svd(X, full_matrices=False)
ROTATION = np.linalg.qr(draw(4, 4))[0]

# --- exponentials ---------------------------------------------------------------------------------


def read(graph: Any) -> Any:
    return View().term(graph, 2)


def test_expm_of_transpose() -> None:
    a = read(A)
    assert read(linalg.expm(A.T)) is read(linalg.expm(A).T) is v.transpose(v.expm(a))
    assert read(linalg.expm(A.T).T) is v.expm(a)
    assert read(linalg.expm(-2 * A.T)) is v.transpose(v.expm(v.scale(-2, a)))
    assert read(linalg.expm((A @ B).T)) is read(linalg.expm(A @ B).T)
    assert read(linalg.expm(A.T)) is not read(linalg.expm(A))
    assert_same_value(linalg.expm(A.T) @ linalg.expm(A) @ x, {A: draw(4, 4), x: draw(4)})
    # One exponential serves both.
    both = kantor.rewrite(linalg.expm(A.T) @ (linalg.expm(A) @ x) @ B @ C)
    assert ops(both).count("Expm") == 1


def test_inverse_of_expm() -> None:
    name = "inverse_of_expm"
    assert rewritten(linalg.inv(linalg.expm(A)), name) == [("exp(A)⁻¹", "exp(-A)")]
    graph = linalg.solve(linalg.expm(A), x)
    assert rewritten(graph, name) == [("exp(A)⁻¹ x", "exp(-A) x")]
    assert_same_value(graph, {A: draw(4, 4), x: draw(4)})
    assert decisions(linalg.inv(linalg.expm(A) + B), name) == []
    # Where exp(A) is needed as well, one exponential is cheaper than two.
    shared = linalg.expm(A)
    assert rewritten(linalg.inv(shared) + shared, name) == []


def test_logabsdet_of_expm() -> None:
    graph = linalg.slogdet(linalg.expm(A))[1]
    assert rewritten(graph, "logabsdet_of_expm") == [("log|exp(A)|", "tr(A)")]
    assert_same_value(graph, {A: draw(4, 4)})
    assert decisions(linalg.slogdet(2 * linalg.expm(A))[1], "logabsdet_of_expm") == []


def test_det_of_expm() -> None:
    graph = linalg.det(linalg.expm(A))
    assert rewritten(graph, "det_of_expm") == [("det(exp(A))", "e^(tr(A))")]
    assert_same_value(graph, {A: draw(4, 4)})
    assert decisions(linalg.det(linalg.expm(A) + B), "det_of_expm") == []


def test_exponential_of_diag() -> None:
    name = "exponential_of_diag"
    assert rewritten(linalg.expm(pt.diag(d)), name) == [("exp(diag(d))", "diag(e^(d))")]
    assert_same_value(linalg.expm(pt.diag(d)), {d: draw(4)})
    assert decisions(linalg.expm(pt.diag(d) + A), name) == []


def test_expm_of_rotated() -> None:
    name = "expm_of_rotated"
    graph = linalg.expm(Q @ B @ Q.T) @ x
    assert rewritten(graph, name) == [("exp(A B Aᵀ) x", "A exp(B) Aᵀ x")]
    assert_same_value(graph, {A: ROTATION, B: draw(4, 4), x: draw(4)})
    for diagonal in (Q @ pt.diag(d) @ Q.T, (Q * d) @ Q.T):
        graph = linalg.expm(diagonal) @ x
        [(_, after)] = rewritten(graph)
        assert after == "A diag(e^(d)) Aᵀ x"
        new = assert_same_value(graph, {A: ROTATION, d: draw(4), x: draw(4)})
        assert "Expm" not in ops(new)
    for other in (linalg.expm(A @ B @ A.T), linalg.expm(Q @ B @ Q)):
        assert decisions(other, name) == []


# --- factors multiplied again ---------------------------------------------------------------------


def test_eigh_recomposed() -> None:
    name = "eigh_recomposed"
    for graph in (V @ pt.diag(w) @ V.T, (V * w) @ V.T):
        [(before, after)] = rewritten(graph, name)
        assert before == "eigenvectors(A) diag(eigenvalues(A)) eigenvectors(A)ᵀ"
        assert after == "A"
        new = assert_same_value(graph, {A: even(4)}, relations=name)
        assert "Eigh" not in ops(new)
    assert_same_value(linalg.solve((V * w) @ V.T, x), {A: even(4), x: draw(4)})
    # One triangle of A is read, and A need not be symmetric.
    assert decisions((V_any * w_any) @ V_any.T, name) == []
    upper = linalg.eigh(S, lower=False)
    assert not any(name in t.relations for t in decisions((upper[1] * upper[0]) @ upper[1].T))


def test_eigh_diagonalizes() -> None:
    name = "eigh_diagonalizes"
    graph = V.T @ S @ V
    assert rewritten(graph, name) == [
        ("eigenvectors(A)ᵀ A eigenvectors(A)", "diag(eigenvalues(A))")
    ]
    assert_same_value(graph, {A: even(4)}, relations=name)
    assert all(name not in t.relations for t in decisions(V_any.T @ A @ V_any, name))


def test_orthonormal_left_singular_vectors() -> None:
    name = "orthonormal_left_singular_vectors"
    assert rewritten(u.T @ (u @ x), name) == [("svd_u(X)ᵀ svd_u(X) x", "x")]
    assert rewritten(u.T @ u, name) == [("svd_u(X)ᵀ svd_u(X)", "I")]
    for shape in ((5, 3), (3, 5), (4, 4)):
        assert_same_value(u.T @ u, {X: draw(*shape)}, relations=name)
        known = pt.matrix("known", shape=shape)
        left = linalg.svd(known, full_matrices=False)[0]
        assert_same_value(left.T @ left, {known: draw(*shape)}, relations=name)
    # The projection on the columns is no identity.
    assert all(name not in t.relations for t in decisions(u @ u.T, name))


def test_orthonormal_right_singular_vectors() -> None:
    name = "orthonormal_right_singular_vectors"
    assert rewritten(vt @ vt.T, name) == [("svd_vt(X) svd_vt(X)ᵀ", "I")]
    for shape in ((5, 3), (3, 5), (4, 4)):
        assert_same_value(vt @ vt.T, {X: draw(*shape)}, relations=name)
    assert all(name not in t.relations for t in decisions(vt.T @ vt, name))
    full = linalg.svd(X)[2]
    assert all(name not in t.relations for t in decisions(full @ full.T, name))


def test_total_of_eigenvalues() -> None:
    name = "total_of_eigenvalues"
    graph = pt.sum(linalg.eigvalsh(A))
    assert rewritten(graph, name) == [("Σ(eigenvalues(A))", "tr(A)")]
    assert_same_value(graph, {A: draw(4, 4)})
    assert decisions(pt.sum(linalg.eigvalsh(A) ** 2), name) == []


def test_total_of_eigenvalues_of_eigh() -> None:
    name = "total_of_eigenvalues_of_eigh"
    assert rewritten(pt.sum(w), name) == [("Σ(eigenvalues(A))", "tr(A)")]
    assert_same_value(pt.sum(w), {A: even(4)})
    assert decisions(pt.sum(s), name) == []


# --- factors as terms -----------------------------------------------------------------------------


@pytest.mark.parametrize("graphs", [linalg.eigh(A), [linalg.eigvalsh(A)], [u, s, vt]])
def test_factors_are_built_again(graphs: list[Any]) -> None:
    """A factorization beside what is rewritten is one node, and its values are the same."""
    first = graphs[0]
    mixed = [linalg.inv(linalg.inv(B)) @ first, *graphs[1:]]
    given = {A: even(4), X: draw(5, 3), B: draw(*(5, 5) if first is u else (4, 4))}
    before = evaluate(mixed, given)
    new = kantor.rewrite(mixed)
    for old, found in zip(before, evaluate(new, given), strict=True):
        np.testing.assert_allclose(found, old, rtol=1e-9, atol=1e-9)
    fgraph, _ = graph_of(new)
    names = [type(getattr(n.op, "core_op", n.op)).__name__ for n in fgraph.toposort()]
    assert "MatrixInverse" not in names


def test_factors_of_a_batch() -> None:
    values, vectors = linalg.eigh(assume(T, symmetric=True))
    graph = vectors @ (values[..., None] * vectors.mT)
    batch = np.stack([even(4), even(4)])
    assert_same_value(graph, {T: batch})
    assert_same_value(vectors.mT @ (vectors @ B), {T: batch, B: draw(4, 3)})


def test_other_factorizations_are_leaves() -> None:
    for graph in (
        linalg.eigh(A, B)[1],
        linalg.eigh(A, lower=False)[1],
        linalg.eigh(A, driver="evd")[1],
        linalg.svd(X)[0],
        linalg.svd(X, compute_uv=False),
    ):
        assert not View().term(graph).args


def test_gradients() -> None:
    cost = pt.log(linalg.slogdet(linalg.expm(B))[1] ** 2) + pt.sum(linalg.solve(linalg.expm(B), x))
    given = {B: draw(3, 3), x: draw(3)}
    wanted = pytensor.grad(cost, [B, x])
    before = pytensor.grad(kantor.rewrite(cost), [B, x])
    after = kantor.rewrite(pytensor.grad(cost, [B, x]))
    for g, first, second in zip(
        *(evaluate(gs, given) for gs in (wanted, before, after)), strict=True
    ):
        np.testing.assert_allclose(first, g, rtol=1e-8)
        np.testing.assert_allclose(second, g, rtol=1e-8)
