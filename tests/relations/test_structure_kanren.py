"""Orthogonal matrices, structure and exponentials under `kanren.run`, with both matchers."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
import pytest
from kanren import run, var
from pytensor.assumptions import assume
from pytensor.tensor import linalg

from matchers import vocabulary as v
from matchers.decompositions import eigenvalue_factor
from relations import orthogonal, spectral, triangular
from relations.goals import relationo
from tests.relations.test_library_kanren import MATCHERS, A, B, C, answers, term, x, y

X, T = pt.matrix("X", shape=(5, 3)), pt.matrix("T", shape=(4, 4))
Q, R, S = assume(A, orthogonal=True), assume(B, orthogonal=True), assume(A, symmetric=True)
q, r, s, b, cc, tx, ty, big, t = (term(m) for m in (Q, R, S, B, C, x, y, X, T))
d = pt.vector("d")
td = term(d)
u, values, vt = linalg.svd(X, full_matrices=False)
w, V = linalg.eigh(S)
w_any, V_any = linalg.eigh(B)

ORTHOGONAL = {
    "Qᵀ Q": (orthogonal.orthogonal_cancels, Q.T @ (Q @ x), {tx}),
    "Q Qᵀ": (orthogonal.orthogonal_cancels, Q @ (Q.T @ x), {tx}),
    "in the middle": (orthogonal.orthogonal_cancels, B @ Q.T @ Q @ C, {b @ cc}),
    "not known to be orthogonal": (orthogonal.orthogonal_cancels, C.T @ (C @ x), set()),
    "two that differ": (orthogonal.orthogonal_cancels, Q.T @ (R @ x), set()),
    "inverse": (orthogonal.inverse_of_rotated, linalg.inv(Q @ C), {v.inverse(cc) @ q.T}),
    "solve": (orthogonal.inverse_of_rotated, linalg.solve(Q @ C, x), {v.inverse(cc) @ q.T @ tx}),
    "two orthogonal factors": (
        orthogonal.inverse_of_rotated,
        linalg.inv(Q @ R @ C),
        {v.inverse(r @ cc) @ q.T, v.inverse(cc) @ r.T @ q.T},
    ),
    "on the right": (
        orthogonal.inverse_of_rotated_right,
        linalg.inv(C @ Q),
        {q.T @ v.inverse(cc)},
    ),
    "on the wrong side": (orthogonal.inverse_of_rotated_right, linalg.inv(Q @ C), set()),
    "inner product": (
        orthogonal.inner_product_of_rotated,
        pt.sum((Q @ x) * (Q @ y)),
        {v.total(v.mul(tx, ty))},
    ),
    "inner product of what differs": (
        orthogonal.inner_product_of_rotated,
        pt.sum((Q @ x) * (R @ y)),
        set(),
    ),
    "norm of rows": (
        orthogonal.inner_product_of_rotated_rows,
        pt.sum((C @ Q) ** 2),
        {v.total(v.mul(cc, cc))},
    ),
}

TRIANGULAR = {
    "S⁻¹ Sᵀ": (triangular.symmetric_cancels_left, linalg.inv(S) @ S.T @ x, {tx}),
    "S⁻ᵀ S": (triangular.symmetric_cancels_left, linalg.inv(S).T @ S @ x, {tx}),
    "not symmetric": (triangular.symmetric_cancels_left, linalg.inv(B) @ B.T @ x, set()),
    "A + Aᵀ": (
        triangular.symmetric_cancels_left,
        linalg.solve(B + B.T, (B + B.T).T @ x),
        {tx},
    ),
    "Sᵀ S⁻¹": (triangular.symmetric_cancels_right, S.T @ linalg.solve(S, x), {tx}),
    "Sᵀ S⁻ᵀ": (triangular.symmetric_cancels_right, S @ linalg.inv(S).T @ x, {tx}),
    "in the middle": (
        triangular.symmetric_cancels_left,
        C @ linalg.inv(S) @ S.T @ B,
        {cc @ b},
    ),
    "of a matrix": (triangular.symmetric_cancels_right, C @ S.T @ linalg.solve(S, B), {cc @ b}),
    "A + Aᵀ on the right": (
        triangular.symmetric_cancels_right,
        (B + B.T).T @ linalg.solve(B + B.T, x),
        {tx},
    ),
    "another inverse": (triangular.symmetric_cancels_right, S.T @ linalg.solve(B, x), set()),
}

SPECTRAL = {
    "inverse": (spectral.inverse_of_expm, linalg.inv(linalg.expm(B)), {v.expm(v.scale(-1, b))}),
    "solve": (
        spectral.inverse_of_expm,
        linalg.solve(linalg.expm(B), x),
        {v.expm(v.scale(-1, b)) @ tx},
    ),
    "determinant": (
        spectral.det_of_expm,
        linalg.det(linalg.expm(B)),
        {v.exponential(v.trace(b))},
    ),
    "its logarithm": (
        spectral.logabsdet_of_expm,
        linalg.slogdet(linalg.expm(B))[1],
        {v.trace(b)},
    ),
    "of a diagonal": (
        spectral.exponential_of_diag,
        linalg.expm(pt.diag(d)),
        {v.diag(v.exponential(td))},
    ),
    "rotated": (
        spectral.expm_of_rotated,
        linalg.expm(Q @ C @ Q.T),
        {q @ v.expm(cc) @ q.T},
    ),
    "rotated in one place": (spectral.expm_of_rotated, linalg.expm(Q @ C), set()),
    "eigenvalues and eigenvectors": (spectral.eigh_recomposed, V @ pt.diag(w) @ V.T, {s}),
    "of what is not symmetric": (
        spectral.eigh_recomposed,
        V_any @ pt.diag(w_any) @ V_any.T,
        set(),
    ),
    "diagonalized": (
        spectral.eigh_diagonalizes,
        V.T @ S @ V,
        {v.diag(eigenvalue_factor(v.eigvalsh(s)))},
    ),
    "singular vectors": (
        spectral.orthonormal_left_singular_vectors,
        u.T @ u,
        {v.eye(v.svd(big).cols)},
    ),
    "sum of eigenvalues": (
        spectral.total_of_eigenvalues,
        pt.sum(linalg.eigvalsh(T)),
        {v.trace(t)},
    ),
}
FAMILIES: dict[str, dict[str, Any]] = {
    "orthogonal": ORTHOGONAL,
    "triangular": TRIANGULAR,
    "spectral": SPECTRAL,
}
CASES = [(family, name) for family, cases in FAMILIES.items() for name in cases]


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize(("family", "name"), CASES)
def test_structure(family, name, matcher):
    relation, graph, expected = FAMILIES[family][name]
    assert answers(relation, graph, matcher) == expected


@pytest.mark.parametrize("matcher", MATCHERS)
def test_expm_of_transpose(matcher):
    relation, one, other = spectral.expm_of_transpose, linalg.expm(A.T), linalg.expm(A).T
    out = var()
    assert len(run(0, out, relationo(relation, one, other, matcher=matcher))) == 1
    assert answers(relation, one, matcher) == set()


@pytest.mark.parametrize("family", FAMILIES)
def test_there_are_ten_cases(family):
    assert len(FAMILIES[family]) >= 10
