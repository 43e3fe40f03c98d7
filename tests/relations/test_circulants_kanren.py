"""Circulant and Toeplitz matrices under `kanren.run`: ten cases, one answer with both matchers."""

from __future__ import annotations

import pytensor.tensor as pt
import pytest

from matchers import vocabulary as v
from matchers.terms import shape
from relations import circulants
from tests.relations.test_library_kanren import MATCHERS, A, B, a, answers, tx, x

c = x
i, n = pt.arange(c.shape[0]), c.shape[0]
C = c[(i[:, None] - i[None, :]) % n]
T = c[pt.abs(i[:, None] - i[None, :])]
tc = tx
one = v.first(shape(tc)[0])

CASES = {
    "times a vector": (circulants.circulant_times, C @ x, {v.convolved(tc, tx)}),
    "transposed": (circulants.circulant_times, C.T @ x, {v.convolved(v.mirrored(tc), tx)}),
    "another matrix": (circulants.circulant_times, A @ x, set()),
    "from the left": (
        circulants.times_circulant,
        A @ C,
        {v.convolved(v.mirrored(tc), a.T).T},
    ),
    "two": (
        circulants.product_of_circulants,
        C @ C,
        {v.circulant(v.convolved(tc, tc))},
    ),
    "two added": (circulants.sum_of_circulants, C + C.T, {v.circulant(tc + v.mirrored(tc))}),
    "added to another": (circulants.sum_of_circulants, C + B, set()),
    "symmetric": (circulants.toeplitz_times, T @ x, {v.toeplitz_dot(tc, tc, tx)}),
    "not Toeplitz": (circulants.toeplitz_times, C @ x, set()),
    "trace": (
        circulants.trace_of_circulant,
        pt.trace(C),
        {v.scale(v.size(shape(tc)[0]), v.item(one.T @ tc))},
    ),
}


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize("name", CASES)
def test_circulants(name, matcher):
    relation, graph, expected = CASES[name]
    assert answers(relation, graph, matcher) == expected
