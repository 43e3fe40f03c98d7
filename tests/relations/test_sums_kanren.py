"""Sums under `kanren.run`: ten named cases, one answer with both matchers."""

from __future__ import annotations

import pytensor.tensor as pt
import pytest

from matchers import vocabulary as v
from matchers.terms import shape
from relations import sums
from tests.relations.test_library_kanren import MATCHERS, A, B, C, D, a, answers, b, cc, d, tx, x


def ones(length):
    """A column of ones."""
    return v.ones(length)


def row(t):
    """A row of ones that sums the rows of a term."""
    return ones(shape(t)[0]).T


def column(t):
    """A column of ones that sums the columns of a term."""
    return ones(shape(t)[1])


CASES = {
    "of a product": (
        sums.sum_of_product,
        (A @ B).sum(),
        {v.item(row(a) @ a @ b @ column(b))},
    ),
    "of three": (
        sums.sum_of_product,
        (A @ B @ C).sum(),
        {v.item(row(a) @ a @ b @ cc @ column(cc))},
    ),
    "of a matrix and a vector": (
        sums.sum_of_product,
        (A @ x).sum(),
        {v.item(row(a) @ a @ tx)},
    ),
    "of one matrix": (sums.sum_of_product, A.sum(), set()),
    "of a quotient": (sums.sum_of_product, (A / B).sum(), set()),
    "between ones": (
        sums.sum_by_ones,
        pt.ones(A.shape[0]) @ A @ pt.ones(A.shape[1]),
        {v.total(a)},
    ),
    "between a vector and ones": (sums.sum_by_ones, x @ A @ pt.ones(A.shape[1]), set()),
    "and more": (
        sums.sum_of_product_and_more,
        (A @ B + C).sum(),
        {v.add(v.total(a @ b), v.total(cc))},
    ),
    "of two products": (
        sums.sum_of_products_entrywise,
        ((A @ B) * (C @ D)).sum(),
        {
            v.total(v.mul(a.T @ cc, b @ d.T)),
            v.total(v.mul(cc.T @ a, d @ b.T)),
        },
    ),
    "of squares of a column": (sums.sum_of_products_entrywise, ((A @ x) ** 2).sum(), set()),
    "row sums of a diagonal": (sums.row_sums_of_diagonal, pt.diag(x).sum(axis=1), {tx}),
}  # fmt: skip


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize("name", CASES)
def test_sums(name, matcher):
    relation, graph, expected = CASES[name]
    assert answers(relation, graph, matcher) == expected
