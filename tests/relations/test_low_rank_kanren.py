"""Low rank under `kanren.run`: ten named cases, one answer with both matchers."""

from __future__ import annotations

import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg

import kantor
from matchers import vocabulary as v
from matchers.terms import Term
from relations import low_rank
from tests.relations.test_library_kanren import MATCHERS, answers, term

S, T = (pt.matrix(name, shape=(4, 4)) for name in "ST")
U, V = pt.matrix("U", shape=(4, 2)), pt.matrix("V", shape=(2, 4))
b, y = pt.vector("b", shape=(4,)), pt.vector("y", shape=(4,))
k = kantor.assume(pt.scalar("k"), nonzero=True)
d = kantor.assume(pt.vector("d", shape=(4,)), positive=True)
N = kantor.assume(S, nonsingular=True)
EYE = pt.eye(4)

s, t, n, u, w = (term(m) for m in (S, T, N, U, V))
tb, ty, td, tk = (term(m) for m in (b, y, d, k))
small = v.eye(w.rows) + w @ u
by_d, by_k = v.diag(v.reciprocal(td)), v.reciprocal(tk)
scaled = v.eye(w.rows) + v.scale(by_k, w @ u)

LOW_RANK = {
    "an identity": (
        low_rank.woodbury,
        linalg.inv(EYE + U @ V),
        {v.eye(u.rows) - u @ v.inverse(small) @ w},
    ),
    "an identity, solved with": (
        low_rank.woodbury_solve,
        linalg.solve(EYE + U @ V, b),
        {tb - u @ v.inverse(small) @ w @ tb},
    ),
    "an identity, solved with from the left": (
        low_rank.woodbury_solve_left,
        U.T @ linalg.inv(EYE + U @ V),
        {u.T - u.T @ u @ v.inverse(small) @ w},
    ),
    "a diagonal": (
        low_rank.woodbury_solve,
        linalg.solve(pt.diag(d) + U @ V, b),
        {
            by_d @ tb
            - by_d @ u @ v.inverse(v.eye(w.rows) + w @ by_d @ u) @ w @ by_d @ tb
        },
    ),
    "a shift": (
        low_rank.push_through,
        linalg.solve(k * EYE + U @ V, U),
        {v.scale(by_k, u @ v.inverse(scaled))},
    ),
    "a shift that may be 0": (
        low_rank.push_through,
        linalg.solve(pt.scalar("c") * EYE + U @ V, U),
        set(),
    ),
    "what is declared": (
        low_rank.push_through_left,
        V @ linalg.inv(N + U @ V),
        {v.inverse(v.eye(w.rows) + w @ v.inverse(n) @ u) @ w @ v.inverse(n)},
    ),
    "what is not declared": (low_rank.push_through_left, V @ linalg.inv(S + U @ V), set()),
    "a product taken away": (
        low_rank.woodbury_solve,
        linalg.solve(EYE - U @ V, b),
        {tb + u @ v.inverse(v.eye(w.rows) - w @ u) @ w @ tb},
    ),
    "rank one": (
        low_rank.determinant_of_identity_plus,
        linalg.det(EYE + pt.outer(b, y)),
        {v.det(v.eye(v.transpose(ty).rows) + ty.T @ tb)},
    ),
    "a log-determinant": (
        low_rank.logabsdet_lemma,
        linalg.slogdet(pt.diag(d) + U @ V)[1],
        {
            v.total(v.log_magnitude(td))
            + v.logabsdet(v.eye(w.rows) + w @ by_d @ u)
        },
    ),
    "a log-determinant of what is not declared": (
        low_rank.logabsdet_lemma,
        linalg.slogdet(pt.diag(b) + U @ V)[1],
        set(),
    ),
    "inverses added": (
        low_rank.inverse_of_sum_of_inverses,
        linalg.inv(linalg.inv(S) + linalg.inv(T)),
        {s @ v.inverse(s + t) @ t, t @ v.inverse(s + t) @ s},
    ),
    "a parallel sum": (
        low_rank.parallel_sum,
        S - S @ linalg.inv(S + T) @ S,
        {s @ v.inverse(s + t) @ t},
    ),
}  # fmt: skip


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize("name", LOW_RANK)
def test_low_rank(name: str, matcher: str) -> None:
    relation, graph, expected = LOW_RANK[name]
    assert answers(relation, graph, matcher) == expected


def test_there_are_ten_cases() -> None:
    assert len(LOW_RANK) >= 10
    assert all(isinstance(relation.lhs, Term) for relation, *_ in LOW_RANK.values())
