"""Sums of products under `kanren.run`: the same answers with both matchers."""

from __future__ import annotations

import pytest
from kanren import run, var
from pytensor.tensor import linalg

from matchers import vocabulary as v
from matchers.terms import Term
from relations import sums_of_products as sums
from relations.goals import relationo
from tests.relations.test_library_kanren import (
    MATCHERS,
    A,
    B,
    C,
    D,
    S,
    T,
    U,
    a,
    answers,
    b,
    c,
    cc,
    d,
    k,
    s,
    t,
    tx,
    u,
    x,
)

FACTOR, RIGHT = sums.common_factor_left, sums.common_factor_right
ALONE, ALONE_RIGHT = sums.common_factor_alone_left, sums.common_factor_alone_right
LEFT_OF, RIGHT_OF = sums.low_rank_left, sums.low_rank_right

CASES = {
    "no coefficient": (FACTOR, A @ B + A @ C, {a @ (b + cc)}),
    "a minus": (FACTOR, A @ B - A @ C, {a @ (b - cc)}),
    "both": (FACTOR, 2 * (A @ B) + c * (A @ C), {a @ (2 * b + k * cc)}),
    "nested": (FACTOR, A @ B + 2 * c * (A @ C), {a @ (b + (2 * k) * cc)}),
    "a rest": (FACTOR, A @ B - A @ C + D, {a @ (b - cc) + d}),
    "three": (FACTOR, A @ B + A @ C - A @ D, {
        a @ (b + cc) - a @ d, a @ (b - d) + a @ cc, a @ (cc - d) + a @ b}),
    "solves": (FACTOR, linalg.solve(A, B) - linalg.solve(A, C), {v.inverse(a) @ (b - cc)}),
    "none on the left": (FACTOR, A @ B + C @ B, set()),
    "on the right": (RIGHT, A @ B - c * (C @ B), {(a - k * cc) @ b}),
    "none on the right": (RIGHT, A @ B + A @ C, set()),
    "alone": (ALONE, S @ T + S, {s @ (t + v.eye(s.rows))}),
    "alone, both": (ALONE, c * (S @ T) - 2 * S, {s @ (k * t - 2 * v.eye(s.rows))}),
    "alone, a run": (ALONE, S @ T @ U + S @ T, {s @ t @ (u + v.eye(s.rows))}),
    "alone on the right": (ALONE_RIGHT, S @ T - T, {(s - v.eye(s.rows)) @ t}),
    "not alone": (ALONE, S @ T + U, set()),
    "low rank": (LEFT_OF, (D + A @ B) @ x, {d @ tx + a @ b @ tx}),
    "low rank, scaled": (LEFT_OF, (D - c * (A @ B)) @ x, {d @ tx - k * (a @ b @ tx)}),
    "low rank on the right": (RIGHT_OF, C @ (D + 2 * (A @ B)), {cc @ d + 2 * (cc @ a @ b)}),
    "no product": (LEFT_OF, (A + B) @ x, set()),
}  # fmt: skip


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize("name", CASES)
def test_cases(name, matcher):
    relation, graph, expected = CASES[name]
    assert answers(relation, graph, matcher) == expected


def test_there_are_ten_cases():
    assert len(CASES) >= 10
    assert all(isinstance(relation.lhs, Term) for relation, *_ in CASES.values())


@pytest.mark.parametrize("matcher", MATCHERS)
def test_a_check_of_two_known_sides(matcher):
    out = A @ (B - c * C)
    assert run(0, True, relationo(FACTOR, A @ B - c * (A @ C), out, matcher=matcher)) == (True,)
    assert run(0, True, relationo(FACTOR, A @ B + c * (A @ C), out, matcher=matcher)) == ()


def test_the_sides_of_their_own_keep_the_coefficients_optional():
    one, other = var(), var()
    [(left, _)] = run(0, (one, other), FACTOR(one, other))
    names = [x for x in left.args[0].args if getattr(x, "kind", "") == "scalar"]
    assert [x.optional for x in names] == [True]
