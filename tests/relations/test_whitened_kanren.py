"""Whitening read back under `kanren.run`: named cases, one answer with both matchers."""

from __future__ import annotations

import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg

import kantor
from matchers import vocabulary as v
from relations import low_rank, whitened
from tests.relations.test_library_kanren import MATCHERS, answers, term

S = pt.matrix("S", shape=(4, 4))
P = kantor.assume(S, positive_definite=True)
U, V = pt.matrix("U", shape=(4, 2)), pt.matrix("V", shape=(2, 4))
D = kantor.assume(pt.matrix("D", shape=(4, 4)), diagonal=True)
a, b, x, y = (pt.vector(n, shape=(4,)) for n in "abxy")
c = pt.scalar("c")
EYE = pt.eye(4)

p, u, w, td, tc = (term(m) for m in (P, U, V, D, c))
ta, tb, tx, ty = (term(m) for m in (a, b, x, y))


def white(matrix, column):
    return linalg.solve_triangular(linalg.cholesky(matrix), column, lower=True)


two = v.hcat(v.scale(tc, tx), u) @ v.vcat(ty.T, w)
two_too = v.hcat(u, v.scale(tc, tx)) @ v.vcat(w, ty.T)

CASES = {
    "a whitened column": (
        whitened.total_of_whitened,
        (white(P, x) ** 2).sum(),
        {v.total(v.mul(tx, v.inverse(p) @ tx))},
    ),
    "two whitened columns": (whitened.total_of_whitened, (white(P, x) * white(P, y)).sum(), set()),
    "of what may be indefinite": (whitened.total_of_whitened, (white(S, x) ** 2).sum(), set()),
    "the logarithms of a factor": (
        whitened.log_diagonal_of_cholesky,
        pt.log(pt.diagonal(linalg.cholesky(P))).sum(),
        {v.scale(0.5, v.logabsdet(p))},
    ),
    "of a factor that is not known": (
        whitened.log_diagonal_of_cholesky,
        pt.log(pt.diagonal(linalg.cholesky(S))).sum(),
        set(),
    ),
    "two updates": (
        low_rank.inverse_of_two_updates,
        linalg.inv(EYE + c * pt.outer(x, y) + U @ V),
        {v.inverse(v.eye(u.rows) + t) for t in (two, two_too)},
    ),
    "two updates of what may be singular": (
        low_rank.inverse_of_two_updates,
        linalg.inv(S + c * pt.outer(x, y) + U @ V),
        set(),
    ),
    "two updates of a log-determinant": (
        low_rank.logabsdet_of_two_updates,
        linalg.slogdet(EYE + c * pt.outer(x, y) + U @ V)[1],
        {v.logabsdet(v.eye(u.rows) + t) for t in (two, two_too)},
    ),
    "a declared diagonal": (
        low_rank.inverse_of_diagonal_matrix,
        linalg.inv(D),
        {v.diag(v.reciprocal(v.diagonal(td)))},
    ),
    "what is not declared diagonal": (low_rank.inverse_of_diagonal_matrix, linalg.inv(S), set()),
}


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize("name", CASES)
def test_whitened(name: str, matcher: str) -> None:
    relation, graph, expected = CASES[name]
    assert answers(relation, graph, matcher) == expected


def test_there_are_ten_cases() -> None:
    assert len(CASES) >= 10
