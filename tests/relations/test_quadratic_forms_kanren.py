"""Quadratic forms under `kanren.run`: one answer with both matchers."""

from __future__ import annotations

import pytensor.tensor as pt
import pytest
from pytensor.assumptions import assume
from pytensor.tensor import linalg

from matchers import vocabulary as v
from relations import quadratic_forms as forms
from tests.relations.test_library_kanren import MATCHERS, answers, c, k, term

A, B = pt.matrices("A", "B")
X, Y, x = pt.matrix("X"), pt.matrix("Y"), pt.vector("x")
P = assume(A, positive_definite=True)
p, xx, yy, tx, b = (term(m) for m in (P, X, Y, x, B))

W = v.inverse(v.cholesky(p)) @ xx
w = v.inverse(v.cholesky(p)) @ tx
rows = xx @ v.inverse(v.cholesky(p)).T

CASES = {
    "of a matrix": (forms.whitened_gram, X.T @ linalg.inv(P) @ X, {v.gram(W)}),
    "of a matrix, with a solve": (forms.whitened_gram, X.T @ linalg.solve(P, X), {v.gram(W)}),
    "between two matrices": (forms.whitened_gram, X.T @ linalg.inv(P) @ Y, set()),
    "of a vector": (
        forms.whitened_gram,
        x[None, :] @ linalg.solve(P, x[:, None]),
        {v.gram(w)},
    ),
    "of a scaled vector": (
        forms.whitened_gram,
        c * X.T @ linalg.inv(P) @ X,
        {v.scale(k, v.gram(W))},
    ),
    "within a longer product": (
        forms.whitened_gram,
        Y @ X.T @ linalg.inv(P) @ X,
        {yy @ v.gram(W)},
    ),
    "not known to be definite": (forms.whitened_gram, X.T @ linalg.inv(B) @ X, set()),
    "summed": (
        forms.whitened_total,
        (X * linalg.solve(P, X)).sum(),
        {v.total(v.mul(W, W))},
    ),
    "of a vector, summed": (
        forms.whitened_total,
        (x * linalg.solve(P, x)).sum(),
        {v.total(v.mul(w, w))},
    ),
    "of rows, summed": (
        forms.whitened_total_of_rows,
        (X * (X @ linalg.inv(P))).sum(),
        {v.total(v.mul(rows, rows))},
    ),
    "column by column": (
        forms.whitened_columns,
        (X * linalg.solve(P, X)).sum(axis=0, keepdims=True),
        {v.ones(v.shape(p)[0]).T @ v.mul(W, W)},
    ),
    "row by row": (
        forms.whitened_rows,
        (X * (X @ linalg.inv(P))).sum(axis=1),
        {v.mul(rows, rows) @ v.ones(v.shape(p)[0])},
    ),
}


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize("name", CASES)
def test_quadratic_forms(name, matcher):
    relation, graph, expected = CASES[name]
    assert answers(relation, graph, matcher) == expected


def test_there_are_ten_cases():
    assert len(CASES) >= 10
