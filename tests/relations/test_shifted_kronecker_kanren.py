"""Shifted Kronecker products and sums under `kanren.run`: one answer with both matchers."""

from __future__ import annotations

import pytensor.tensor as pt
import pytest
from pytensor.assumptions import assume
from pytensor.tensor import linalg

from matchers import vocabulary as v
from matchers.dims import const
from matchers.leaves import number
from relations import kronecker
from relations import shifted_kronecker as shifted
from tests.relations.test_library_kanren import MATCHERS, answers, c, k, term

A, B = (pt.matrix(n, shape=(m, m)) for n, m in (("A", 3), ("B", 2)))
C, E = (pt.matrix(n, shape=(m, m)) for n, m in (("C", 3), ("E", 2)))
G = pt.matrix("G", shape=(3, 3))
X, y = pt.matrix("X", shape=(4, 6)), pt.vector("y", shape=(6,))
P, Q = (assume(m, symmetric=True) for m in (A, B))
D, F = (assume(m, diagonal=True, positive_definite=True) for m in (C, E))
d = pt.exp(pt.vector("d", shape=(3,)))
p, q, g, dd, ff, xx, yy, e = (term(m) for m in (P, Q, G, D, F, X, y, d))

K = linalg.kron(P, Q)
shift = K + c * pt.eye(6)
noise = K + c * linalg.kron(D, F)
laplacian = linalg.kron(P, pt.eye(2)) + linalg.kron(pt.eye(3), Q)

CASES = {
    "a solve": (
        shifted.solve_of_shifted_kron,
        linalg.solve(shift, y),
        {v.shifted_solve(k, yy, v.kron(p, q))},
    ),
    "a solve from the left": (
        shifted.solve_of_shifted_kron_from_the_left,
        X @ linalg.inv(shift),
        {v.shifted_solve(k, xx.T, v.kron(p, q)).T},
    ),
    "a solve with the transpose": (
        shifted.solve_of_shifted_kron,
        linalg.solve(shift.T, y),
        {v.shifted_solve(k, yy, v.kron(p, q))},
    ),
    "nobody says that a factor is symmetric": (
        shifted.solve_of_shifted_kron,
        linalg.solve(linalg.kron(P, B) + c * pt.eye(6), y),
        set(),
    ),
    "a log-determinant": (
        shifted.logabsdet_of_shifted_kron,
        linalg.slogdet(K + pt.eye(6))[1],
        {v.shifted_logabsdet(number(1), v.kron(p, q))},
    ),
    "a determinant": (
        shifted.det_of_shifted_kron,
        linalg.det(shift),
        {v.shifted_det(k, v.kron(p, q))},
    ),
    "the trace of an inverse": (
        shifted.trace_of_inverse_of_shifted_kron,
        pt.trace(linalg.inv(shift)),
        {v.shifted_inverse_trace(k, v.kron(p, q))},
    ),
    "noise of each task": (
        shifted.solve_of_kron_with_noise,
        linalg.solve(noise, y),
        {v.noisy_solve(k, yy, p, q, v.diagonal(dd), v.diagonal(ff))},
    ),
    "noise of one factor only": (
        shifted.logabsdet_of_kron_with_noise,
        linalg.slogdet(K + linalg.kron(pt.diag(d), pt.eye(2)))[1],
        {v.noisy_logabsdet(number(1), p, q, e, v.ones(const(2)))},
    ),
    "noise as PyTensor writes it": (
        shifted.solve_of_kron_with_outer_noise,
        linalg.solve(K + pt.diag(pt.outer(d, pt.ones(2)).ravel()), y),
        {v.noisy_solve(number(1), yy, p, q, e, v.ones(const(2)))},
    ),
    "factors of other shapes": (
        shifted.solve_of_kron_with_noise,
        linalg.solve(K + linalg.kron(F, D), y),
        set(),
    ),
    "a sum": (
        shifted.solve_of_symmetric_kron_sum,
        linalg.solve(laplacian, y),
        {v.shifted_sum_solve(0, yy, p, q)},
    ),
    "the log-determinant of a sum with a coefficient": (
        shifted.logabsdet_of_symmetric_kron_sum,
        linalg.slogdet(c * linalg.kron(P, pt.eye(2)) + linalg.kron(pt.eye(3), Q))[1],
        {v.shifted_sum_logabsdet(0, v.scale(k, p), q)},
    ),
    "a shifted sum": (
        shifted.shift_of_kron_sum,
        linalg.kron(G, pt.eye(2)) + linalg.kron(pt.eye(3), Q) + c * pt.eye(6),
        {
            v.kron(v.add(g, v.scale(k, v.eye(v.shape(g)[0]))), v.eye(v.shape(q)[0]))
            + v.kron(v.eye(v.shape(g)[0]), q)
        },
    ),
    "a sum beside a product": (
        kronecker.sum_with_kron_times,
        shift @ y,
        {v.kron(p, q) @ yy + v.scale(k, yy)},
    ),
}


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize("name", CASES)
def test_shifted_kronecker(name, matcher):
    relation, graph, expected = CASES[name]
    assert answers(relation, graph, matcher) == expected


def test_there_are_ten_cases():
    assert len(CASES) >= 10
