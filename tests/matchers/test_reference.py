"""The plain miniKanren goals, and the meaning of patterns that is built from them."""

from __future__ import annotations

from collections import Counter

import pytensor.tensor as pt
import pytest
from kanren import eq, run, var

from matchers.goals import all_of, appendo, one_of, project, selecto, subseto
from matchers.leaves import atom, number
from matchers.match import Context
from matchers.reference import answers, matcho
from matchers.variables import LogicVar, Run
from matchers.vocabulary import inverse, scale

a, b, c = (atom(pt.matrix(n)) for n in "abc")
x = atom(pt.vector("x"), 1)
A, B = LogicVar("A"), LogicVar("B")
v = LogicVar("v", "vector")
k = LogicVar("k", "scalar")
S = LogicVar("S", "segment")
R = LogicVar("R", "rest")

# --- goals on sequences --------------------------------------------------------------------------


def test_selecto_picks_each_element():
    p, rest = var(), var()
    found = run(0, (p, rest), selecto(p, (1, 2, 2), rest))
    assert Counter(found) == Counter([(1, (2, 2)), (2, (1, 2)), (2, (1, 2))])


def test_selecto_is_sound_for_a_known_element():
    """kanren's own rembero(1, (1, 2), (1, 2)) holds."""
    assert run(0, True, selecto(1, (1, 2), (1, 2))) == ()
    assert run(0, True, selecto(3, (1, 2), var())) == ()
    rest = var()
    assert run(0, rest, selecto(1, (1, 2), rest)) == ((2,),)


def test_subseto_picks_each_part():
    some, rest = var(), var()
    found = run(0, (some, rest), subseto(some, (1, 2), rest))
    assert Counter(found) == Counter([((1,), (2,)), ((2,), (1,)), ((1, 2), ())])
    assert run(0, some, subseto(some, (), rest)) == ()


def test_appendo_splits():
    front, back = var(), var()
    found = run(0, (front, back), appendo(front, back, (1, 2)))
    assert Counter(found) == Counter([((), (1, 2)), ((1,), (2,)), ((1, 2), ())])


def test_of_no_clause_nothing_holds():
    assert run(0, True, one_of([])) == ()
    assert run(0, True, all_of()) == (True,)


def test_project_waits_for_its_turn():
    p, q = var(), var()
    assert run(0, q, eq(p, 2), project(lambda n: eq(q, n + 1), p)) == (3,)


# --- patterns ------------------------------------------------------------------------------------


def test_answers():
    assert answers(A @ inverse(B), a @ b @ inverse(c), Context()) == [{A: a @ b, B: c}]
    assert answers(A @ v, a @ b, Context()) == []
    (answer,) = answers(S @ inverse(A) + R, a @ inverse(b) + c, Context())
    assert answer == {A: b, S: Run((a,)), R: Run((c,))}
    assert type(answer[S]) is type(answer[R]) is Run


def test_answers_come_once():
    assert len(answers(A + R, a + a, Context())) == 2


# --- as a goal among others ----------------------------------------------------------------------


def test_the_term_may_be_a_logic_variable():
    q = var()
    assert run(0, (A, B), eq(q, inverse(a) @ b), matcho(inverse(A) @ B, q)) == ((a, b),)


def test_patterns_share_variables_with_other_goals():
    p, q = inverse(a) @ b, scale(number(2), b)
    assert run(0, (A, B, k), matcho(inverse(A) @ B, p), matcho(k * B, q)) == ((a, b, number(2)),)
    assert run(0, A, matcho(A, a), matcho(inverse(A), inverse(b))) == ()


def test_a_relation_in_plain_miniKanren():
    """One side is matched, the other reified: inv(A B) = inv(B) inv(A)."""
    out = var()

    def relation(in_lv, out_lv):
        return all_of(matcho(inverse(A @ B), in_lv), eq(out_lv, inverse(B) @ inverse(A)))

    found = run(0, out, relation(inverse(a @ b @ c), out))
    assert set(found) == {
        inverse(b @ c) @ inverse(a),
        inverse(c) @ inverse(a @ b),
    }


@pytest.mark.parametrize("term", [x, 2 * x, a @ x])
def test_kinds_hold_in_goals(term):
    found = run(0, v, matcho(v, term))
    assert found == (term,)
    assert run(0, k, matcho(k, term)) == ()
