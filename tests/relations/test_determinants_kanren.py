"""Determinants, traces and quadratic forms under `kanren.run`: one answer with both matchers."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
import pytest
from pytensor.assumptions import assume
from pytensor.tensor import linalg

from matchers import vocabulary as v
from matchers.blocks import NOTHING
from matchers.dims import ONE, shorter
from relations import determinants, inverses, quadratic_forms, traces
from tests.relations.test_library_kanren import (
    MATCHERS,
    A,
    B,
    P,
    S,
    T,
    U,
    a,
    answers,
    b,
    c,
    k,
    s,
    t,
    term,
    the_term,
    u,
    x,
)

# As many rows of A and columns of B as the diagonal of A B has entries.
FIRST, FIRST_COLUMNS = (v.rows_of(m, NOTHING, shorter(a.rows, b.cols)) for m in (a, v.transpose(b)))


def log(matrix: Any) -> Any:
    return linalg.slogdet(matrix)[1]


p, tx = term(P), term(x)
L = assume(A, lower_triangular=True)
chol = linalg.cholesky(P)

DETERMINANTS = {
    "of a product": (
        determinants.det_of_product,
        linalg.det(S @ T),
        {v.det(s) * v.det(t)},
    ),
    "of a product of three": (
        determinants.logabsdet_of_product,
        log(S @ T @ U),
        {
            v.logabsdet(s) + v.logabsdet(t @ u),
            v.logabsdet(s @ t) + v.logabsdet(u),
        },
    ),
    "of a product of what may not be square": (
        determinants.logabsdet_of_product,
        log(A @ B),
        set(),
    ),
    "of a solve": (
        determinants.logabsdet_of_product,
        log(linalg.solve(S, T)),
        {v.logabsdet(v.inverse(s)) + v.logabsdet(t)},
    ),
    "of a multiple": (
        determinants.det_of_scaled,
        linalg.det(c * A),
        {v.scale(v.power(k, a.rows), v.det(a))},
    ),
    "the logarithm of a multiple": (
        determinants.logabsdet_of_scaled,
        log(A * c),
        {v.log_power(k, a.rows) + v.logabsdet(a)},
    ),
    "of an inverse": (
        determinants.det_of_inverse,
        linalg.det(linalg.inv(A)),
        {v.reciprocal(v.det(a))},
    ),
    "the logarithm of an inverse": (
        determinants.logabsdet_of_inverse,
        pt.log(pt.abs(linalg.det(linalg.inv(A)))),
        {v.scale(-1, v.logabsdet(a))},
    ),
    "of a triangle": (
        determinants.logabsdet_of_lower_triangular,
        log(L),
        {v.log_diagonal(term(L))},
    ),
    "of the other triangle": (determinants.logabsdet_of_upper_triangular, log(L), set()),
    "of a definite matrix": (
        determinants.logabsdet_of_positive_definite,
        log(P),
        {v.scale(2, v.log_diagonal(v.cholesky(p)))},
    ),
    "not known to be definite": (
        determinants.logabsdet_of_positive_definite,
        log(A @ A.T),
        set(),
    ),
}

TRACES = {
    "of a product": (traces.trace_of_product, pt.trace(S @ T), {v.total(v.mul(s.T, t))}),
    "of a product of three": (
        traces.trace_of_product,
        pt.trace(S @ T @ U),
        {v.total(v.mul(s.T, t @ u)), v.total(v.mul(t.T @ s.T, u))},
    ),
    "of what is square by itself": (
        traces.trace_of_product,
        pt.trace(A.T @ A),
        {v.total(v.mul(a, a))},
    ),
    "of what may not be square": (
        traces.trace_of_product,
        pt.trace(A @ B),
        {v.total(v.mul(v.transpose(FIRST), v.transpose(FIRST_COLUMNS)))},
    ),
    "turned round": (
        traces.cyclic_trace,
        pt.trace(S @ T @ U),
        {v.trace(t @ u @ s), v.trace(u @ s @ t)},
    ),
    "turned round as a multiple": (
        traces.cyclic_trace,
        pt.trace(c * (S @ T)),
        {v.scale(k, v.trace(t @ s))},
    ),
    "of a sum": (traces.trace_of_sum, pt.trace(A + B), {v.trace(a) + v.trace(b)}),
    "a diagonal": (
        traces.diagonal_of_product,
        pt.diag(S @ T),
        {v.mul(s, t.T) @ v.ones(s.cols)},
    ),
    "a diagonal that may not be square": (
        traces.diagonal_of_product,
        pt.diag(A @ B),
        {v.mul(FIRST, FIRST_COLUMNS) @ v.ones(a.cols)},
    ),
    "a diagonal of a quadratic form": (
        traces.diagonal_of_product,
        pt.diag(A.T @ A),
        {v.mul(a.T, a.T) @ v.ones(a.rows)},
    ),
}

Q = linalg.inv(P)
W = v.inverse(v.cholesky(p)) @ b
ROWS = b @ v.transpose(v.inverse(v.cholesky(p)))
one = v.ones(p.rows)
FORMS = {
    "a matrix": (quadratic_forms.whitened_gram, B.T @ Q @ B, {v.gram(W)}),
    "a vector": (
        quadratic_forms.whitened_gram,
        -0.5 * x @ Q @ x,
        {v.scale(-0.5, v.item(v.gram(v.inverse(v.cholesky(p)) @ tx)))},
    ),
    "a solve": (quadratic_forms.whitened_gram, B.T @ linalg.solve(P, B), {v.gram(W)}),
    "of another matrix": (quadratic_forms.whitened_gram, B.T @ linalg.inv(A) @ B, set()),
    "of two matrices": (quadratic_forms.whitened_gram, B @ Q @ B, set()),
    "a sum": (
        quadratic_forms.whitened_total,
        (B * (Q @ B)).sum(),
        {v.total(v.mul(W, W))},
    ),
    "a sum over rows": (
        quadratic_forms.whitened_total_of_rows,
        ((B @ Q) * B).sum(),
        {v.total(v.mul(ROWS, ROWS))},
    ),
    "the other sum": (quadratic_forms.whitened_total, (B * (B @ Q)).sum(), set()),
    "columns": (
        quadratic_forms.whitened_columns,
        pt.ones((1, A.shape[0])) @ (B * (Q @ B)),
        {v.ones(ONE) @ one.T @ v.mul(W, W)},
    ),
    "rows": (
        quadratic_forms.whitened_rows,
        (B * (B @ Q)) @ pt.ones((A.shape[0], 1)),
        {v.mul(ROWS, ROWS) @ one},
    ),
    "a factor": (inverses.cholesky_recomposed, chol @ chol.T, {p}),
    "the inverse of a factor": (
        inverses.inverse_recomposed,
        linalg.inv(chol).T @ linalg.inv(chol) @ x,
        {v.inverse(p) @ tx},
    ),
    "a factor the other way round": (inverses.cholesky_recomposed, chol.T @ chol, set()),
}

FAMILIES = {**DETERMINANTS, **{f"trace {n}": f for n, f in TRACES.items()}, **FORMS}


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize("name", FAMILIES)
def test_answers(name: str, matcher: str) -> None:
    relation, graph, expected = FAMILIES[name]
    assert answers(relation, graph, matcher) == expected


def test_the_same_for_a_transpose() -> None:
    assert the_term(linalg.det(A.T)) is the_term(linalg.det(A)) is v.det(a)
    assert the_term(log(A.T)) is the_term(log(A)) is v.logabsdet(a)
    assert the_term(pt.trace(A.T)) is the_term(pt.trace(A)) is v.trace(a)
    assert v.trace(v.eye(a.rows)) is v.size(a.rows)


@pytest.mark.parametrize("family", [DETERMINANTS, TRACES, FORMS])
def test_there_are_ten_cases(family: dict[str, Any]) -> None:
    assert len(family) >= 10
