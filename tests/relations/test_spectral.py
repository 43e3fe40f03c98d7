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
    new = assert_same_value(graph, {A: even(4)}, relations=name)
    # Those without vectors are accurate, where those with vectors are off by more.
    assert "Eigvalsh" in ops(new) and "Eigh" not in ops(new)
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
        linalg.lu(X, permute_l=True)[0],
        linalg.qr(X, mode="r"),
        linalg.qr(X, pivoting=True)[0],
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


# --- one exponential or determinant of a matrix and its transpose ---------------------------------


def test_a_matrix_and_its_transpose_share() -> None:
    for f, name in ((linalg.expm, "Expm"), (linalg.det, "Det")):
        both = kantor.rewrite([f(A.T), f(A)])
        fgraph, _ = graph_of(both)
        found = [type(getattr(n.op, "core_op", n.op)).__name__ for n in fgraph.apply_nodes]
        assert found.count(name) == 1
        values = {A: draw(4, 4)}
        before, after = evaluate([f(A.T), f(A)], values), evaluate(both, values)
        for x0, x1 in zip(before, after, strict=True):
            np.testing.assert_allclose(x1, x0, rtol=1e-9)
    apart = kantor.rewrite([linalg.expm(A), linalg.expm(B)])
    assert [g.owner for g in apart] and sum(ops(g).count("Expm") for g in apart) == 2


# --- more on exponentials -------------------------------------------------------------------------


def test_products_of_exponentials() -> None:
    e = linalg.expm
    assert rewritten(e(A) @ e(A)) == [("exp(A) exp(A)", "exp(2·A)")]
    assert rewritten(e(A) @ e(-A)) == [("exp(A) exp(-A)", "I")]
    assert rewritten(e(-A) @ e(A) @ x)[0][1] == "x"
    assert rewritten(linalg.inv(e(A.T))) == [("exp(A)⁻ᵀ", "exp(-A)ᵀ")]
    assert not rewritten(e(A) @ e(B))
    assert not rewritten(e(A) @ e(-B))
    for graph in (e(A) @ e(A), e(A) @ e(-A), linalg.inv(e(A.T))):
        assert_same_value(graph, {A: draw(4, 4) / 4})


def test_expm_of_similar() -> None:
    D = pt.diag(d)
    graph = linalg.expm(A @ D @ linalg.inv(A))
    assert rewritten(graph)[0][1] == "A diag(e^(d)) A⁻¹"
    assert_same_value(graph, {A: draw(4, 4) + 3 * np.eye(4), d: draw(4)})
    graph = linalg.expm(linalg.solve(A, D @ A))
    assert rewritten(graph)[0][1] == "A⁻¹ diag(e^(d)) A"
    assert_same_value(graph, {A: draw(4, 4) + 3 * np.eye(4), d: draw(4)})
    other = rewritten(linalg.expm(A @ D @ linalg.inv(B)))
    assert not [after for _, after in other if "e^" in after]


# --- factors multiplied again ---------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["full", "economic"])
def test_qr_recomposed(mode: str) -> None:
    q, r = linalg.qr(X, mode=mode)
    assert rewritten(q @ r)[0][1] == "X"
    assert rewritten(q @ (r @ x))[0][1] == "X x"
    assert not rewritten(linalg.qr(A, mode=mode)[0] @ r)
    assert_same_value(q @ r, {X: draw(5, 3)})
    assert_same_value(q @ r, {X: draw(3, 5)})


def test_orthonormal_q() -> None:
    q, _ = linalg.qr(X, mode="economic")
    assert rewritten(q.T @ q @ x)[0][1] == "x"
    assert not [after for _, after in rewritten(q @ (q.T @ x)) if after == "x"]


def test_lu_recomposed() -> None:
    M, N = pt.matrix("M", shape=(5, 5)), pt.matrix("N")
    p, l, u = linalg.lu(M)  # noqa: E741
    assert rewritten(p @ l @ u)[0][1] == "M"
    assert rewritten(p @ (l @ (u @ x)))[0][1] == "M x"
    assert_same_value(p @ l @ u, {M: draw(5, 5)})
    p, l, u = linalg.lu(N)  # noqa: E741
    assert not [after for _, after in rewritten(p @ l @ u) if after == "N"], "square?"


def test_eigh_inverted() -> None:
    for graph in (V @ pt.diag(1 / w) @ V.T, (V / w) @ V.T, (V * (1 / w)) @ V.T):
        assert rewritten(graph)[0][1] == "A⁻¹"
        value = draw(4, 4)
        assert_same_value(graph, {A: value + value.T + 9 * np.eye(4)})
    assert not [after for _, after in rewritten((V_any / w_any) @ V_any.T) if after == "A⁻¹"]


def test_eigh_recomposed_after_canonicalize() -> None:
    # PyTensor writes a product with diag(w) as one with the diagonal of diag(w).
    again = V * pt.diagonal(pt.diag(w)) @ V.T
    assert rewritten(again)[0][1] == "A"


# --- eigenvalues and singular values --------------------------------------------------------------


def test_eigenvalues_of_rotated() -> None:
    P = pt.matrix("P")
    E = assume(P, symmetric=True)
    D = assume(P, diagonal=True)
    rotation = {A: ROTATION, d: draw(4)}
    for graph in (linalg.eigh(Q @ pt.diag(d) @ Q.T)[0], linalg.eigvalsh(Q @ pt.diag(d) @ Q.T)):
        assert rewritten(graph)[0][1] == "sorted(d)"
        assert_same_value(graph, rotation)
    for graph in (linalg.eigh(Q @ E @ Q.T)[0], linalg.eigvalsh(Q.T @ E @ Q)):
        assert rewritten(graph)
        assert_same_value(graph, {A: ROTATION, P: even(4)})
    assert_same_value(linalg.eigh(D)[0], {P: np.diag(draw(4))})
    assert rewritten(linalg.eigh(D)[0])[0][1] == "sorted(diagonal(P))"
    assert not rewritten(linalg.eigh(Q @ P @ Q.T)[0]), "of P one triangle would be read"
    both = linalg.eigh(Q @ pt.diag(d) @ Q.T)
    found = rewritten(both[0].sum() * both[1])
    assert not [after for _, after in found if "sorted" in after]


def test_product_of_eigenvalues() -> None:
    P = assume(B, positive_definite=True)
    for graph in (linalg.eigh(P)[0].prod(), linalg.eigvalsh(P).prod()):
        assert rewritten(graph)[0][1] == "det(B)"
        value = even(4)
        assert_same_value(graph, {B: value @ value + np.eye(4)})
    assert not rewritten(linalg.eigh(S)[0].prod()), "singular: its gradient has no determinant"


def test_squares_of_eigenvalues_and_singular_values() -> None:
    for w0 in (linalg.eigh(S)[0], linalg.eigvalsh(S)):
        assert rewritten((w0**2).sum())[0][1] == "Σ(A ⊙ A)"
        assert_same_value((w0**2).sum(), {A: even(4)})
    assert not rewritten((w_any**2).sum()), "one triangle is read"
    for s0 in (s, linalg.svd(X, compute_uv=False), linalg.svd(X)[1]):
        assert rewritten((s0 * s0).sum())[0][1] == "Σ(X ⊙ X)"
        assert_same_value((s0**2).sum(), {X: draw(5, 3)})
