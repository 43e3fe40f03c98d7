"""Matches inside of larger terms, and how lazily and at what cost answers come."""

from __future__ import annotations

from itertools import islice

import pytensor.tensor as pt

from matchers.blocks import hcat
from matchers.leaves import atom
from matchers.match import Context, compile_pattern
from matchers.terms import Term
from matchers.variables import LogicVar, Run
from matchers.vocabulary import add, inverse, matmul, vec

a, b, c, d = (atom(pt.matrix(n)) for n in "abcd")
x, y = (atom(pt.vector(n), 1) for n in "xy")
s = atom(pt.scalar("s"), 0)
A, B, X = (LogicVar(n) for n in "ABX")
v = LogicVar("v", "vector")
k = LogicVar("k", "scalar")
S = LogicVar("S", "segment")
R = LogicVar("R", "rest")


# --- windows -------------------------------------------------------------------------------------


def windows(pattern, term):
    return [tuple(w) for w in compile_pattern(pattern).match_within(term, Context())]


def test_a_product_matches_within_a_product():
    assert windows(A @ inverse(A), a @ b @ inverse(b) @ c) == [({A: b}, Run((a,)), Run((c,)))]
    assert windows(A @ B, a @ b @ c) == [
        ({A: a, B: b}, Run(), Run((c,))),
        ({A: a, B: b @ c}, Run(), Run()),
        ({A: a @ b, B: c}, Run(), Run()),
        ({A: b, B: c}, Run((a,)), Run()),
    ]


def test_what_stands_beside_its_inverse():
    """What an operand is looked at for first loses no match: runs, transposes, shared products."""
    shared = atom(pt.matrix("p"), 2, a @ b)
    for pattern, term in [
        (inverse(A) @ A, inverse(shared) @ shared),
        (A @ inverse(A), shared @ inverse(shared)),
        (inverse(A) @ A.T, inverse(shared) @ shared.T),
        (A.T @ inverse(A), shared.T @ inverse(shared)),
        (A.T @ A, hcat(a, b).T @ hcat(a, b)),
        (A.T @ A, shared.T @ shared),
        (inverse(A) @ A, inverse(a @ b) @ a @ b),
        (A @ inverse(A), a @ b @ inverse(a @ b)),
        (inverse(A) @ A.T, inverse(a @ b) @ b.T @ a.T),
        (A.T @ inverse(A), b.T @ a.T @ inverse(a @ b)),
    ]:
        assert len(windows(pattern, c @ term @ d)) == 1, (pattern, term)
    assert windows(inverse(A) @ A, inverse(a) @ b @ a) == []
    assert windows(A.T @ inverse(A), a @ inverse(a)) == []


def test_an_explicit_segment_is_the_surrounding():
    assert windows(S @ a, b @ a @ c) == [({S: Run((b,))}, Run(), Run((c,)))]
    assert windows(a @ S, b @ a @ c) == [({S: Run((c,))}, Run((b,)), Run())]


def test_a_sum_matches_within_a_sum():
    assert windows(A @ B + A, a @ b + c + a + d) == [({A: a, B: b}, Run(), Run((c, d)))]
    assert windows(A + A + R, a + b + a) == [({A: a, R: Run((b,))}, Run(), Run())]


def test_a_window_puts_back_what_stands_around():
    term = a @ b @ c @ d
    for found in compile_pattern(A @ B).match_within(term, Context()):
        inside = matmul(found.substitution[A], found.substitution[B])
        assert matmul(found.before, inside, found.after) is term


def test_other_heads_have_nothing_around():
    assert windows(inverse(A), inverse(a)) == [({A: a}, Run(), Run())]
    assert windows(A, a @ b) == [({A: a @ b}, Run(), Run())]


# --- laziness, order, budget ---------------------------------------------------------------------

MANY = [atom(pt.matrix(f"m{i}")) for i in range(12)]
VARIABLES = [LogicVar(f"V{i}") for i in range(12)]


def test_answers_come_one_at_a_time():
    """12! answers, of which the first three cost little."""
    context = Context(budget=200)
    found = list(islice(compile_pattern(add(*VARIABLES)).match(add(*MANY), context), 3))
    assert len(found) == 3
    assert not context.exhausted


def test_the_order_of_answers_is_fixed():
    pattern, term = A + B + R, add(*MANY[:5])
    once, again = ([*compile_pattern(pattern).match(term, Context())] for _ in range(2))
    assert once == again
    assert [list(answer) for answer in once] == [[A, B, R]] * len(once)


def test_a_spent_budget_is_never_silent():
    context = Context(budget=300)
    found = list(compile_pattern(add(*VARIABLES)).match(add(*MANY), context))
    assert context.exhausted
    assert context.budget == 0
    assert 0 < len(found) < 300
    # All that follows in this context is cut short, and says so.
    assert list(compile_pattern(A).match(a, context)) == []


def test_a_sufficient_budget_leaves_no_mark():
    context = Context(budget=100)
    assert len(list(compile_pattern(A + B).match(a + b + c, context))) == 6
    assert not context.exhausted
    assert 0 < context.budget < 100


def test_an_abandoned_match_leaves_the_pattern_as_it_was():
    pattern = compile_pattern(A @ B)
    next(pattern.match(a @ b @ c, Context()))
    assert len(list(pattern.match(a @ b @ c, Context()))) == 2


def test_answers_do_not_share_state():
    first, second = compile_pattern(A @ B).match(a @ b @ c, Context())
    first.clear()
    assert second == {A: a @ b, B: c}


def test_patterns_know_their_variables():
    pattern = compile_pattern(B @ A @ vec(X) + R, {X: (A.rows, B.cols)})
    assert pattern.variables == (B, A, X, R)
    assert isinstance(pattern.term, Term)
    assert repr(pattern).startswith("Pattern(")
