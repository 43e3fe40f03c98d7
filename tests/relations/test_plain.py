"""Plain miniKanren relations of users: adapted, checked, reported by name, and never endless."""

from __future__ import annotations

import warnings

import numpy as np
import pytensor.tensor as pt
import pytest
from etuples import etuple
from kanren import conde, eq, lall, var
from kanren.core import Zzz, fail
from kanren.goals import conso
from pytensor.graph.basic import equal_computations
from pytensor.tensor import linalg

from relations import inverses, plain
from relations.plain import PlainGoal

A, B = (pt.matrix(n) for n in "AB")
x = pt.vector("x")


def log_to_exp(in_lv, out_lv):
    rest = var()
    return lall(conso(pt.log, rest, in_lv), conso(pt.exp, rest, out_lv))


def same(new, expected):
    return new is not None and equal_computations([new], [expected])


@pytest.fixture(autouse=True)
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def refused(goal, graph, match):
    adapted = PlainGoal(goal)
    with pytest.warns(UserWarning, match=match) as record:
        assert adapted.replacement(graph) is None
        assert adapted.replacement(graph) is None
    assert len(record) == 1, "said once"
    assert f"the miniKanren relation {goal.__name__}: " in str(record[0].message)
    return adapted


def test_a_hit_and_a_miss():
    goal = PlainGoal(log_to_exp)
    assert goal.name == "log_to_exp"
    assert same(goal.replacement(pt.log(A)), pt.exp(A))
    assert goal.replacement(pt.exp(A)) is None
    assert goal.replacement(A) is None
    assert goal.replacement(pt.constant(1.0)) is None


def test_the_first_answer_and_no_other():
    seen = []

    def several(in_lv, out_lv):
        def later(S):
            seen.append("later")
            yield from eq(out_lv, etuple(pt.cos, A))(S)

        return conde([eq(out_lv, etuple(pt.sin, A))], [later])

    assert same(PlainGoal(several).replacement(pt.exp(A)), pt.sin(A))
    assert seen == []


def test_answers_of_all_kinds():
    for answer in (
        etuple(pt.sin, A),
        [etuple(pt.sin, A)],
        pt.sin(A),
        [pt.sin(A)],
    ):
        goal = PlainGoal(lambda in_lv, out_lv, answer=answer: eq(out_lv, answer))
        assert same(goal.replacement(pt.exp(A)), pt.sin(A))
    # One of Kantor's own, as a goal: its etuples have the type of the graph.
    goal = PlainGoal(inverses.cancel_left)
    assert goal.replacement(linalg.solve(A, A @ x)) is x


def test_an_inner_variable_is_an_answer():
    def exp_of_log(in_lv, out_lv):
        return eq(in_lv, etuple(pt.exp, etuple(pt.log, out_lv)))

    assert PlainGoal(exp_of_log).replacement(pt.exp(pt.log(A))) is A


def test_the_input_itself_is_no_answer():
    def identity(in_lv, out_lv):
        return eq(in_lv, out_lv)

    def rebuilt(in_lv, out_lv):
        return conde([eq(out_lv, etuple(pt.exp, A))], [eq(out_lv, etuple(pt.sin, A))])

    assert PlainGoal(identity).replacement(pt.exp(A)) is None
    assert same(PlainGoal(rebuilt).replacement(pt.exp(A)), pt.sin(A))


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        (etuple(pt.sum, A), "float64"),
        (etuple(pt.cast, A, "float32"), "float32"),
        (etuple(pt.sin, pt.row("r")), "refused"),
        (etuple(pt.exp, etuple(pt.exp, etuple(pt.exp, A)))[0], "no graph"),
        (etuple(pt.sin, var()), "cannot be built"),
        (etuple(pt.dot, A, A, A), "cannot be built: TypeError"),
        ("text", "no graph of one output"),
        (None, "no graph of one output"),
        (etuple(linalg.svd, A), "no graph of one output"),
        (np.eye(2), "left out"),  # kanren cannot even compare it
    ],
)
def test_wrong_answers_are_refused(answer, match):
    def wrong(in_lv, out_lv):
        return eq(out_lv, answer)

    static = pt.exp(pt.matrix("static", shape=(2, 2)))
    refused(wrong, static, match)


def test_a_shape_that_is_less_known_is_kept():
    def unknown(in_lv, out_lv):
        return eq(out_lv, etuple(pt.sin, A))

    old = pt.exp(pt.matrix("static", shape=(2, 2)))
    new = PlainGoal(unknown).replacement(old)
    assert new is not None
    assert new.type == old.type


def test_a_replacement_that_mentions_what_it_replaces():
    def around(in_lv, out_lv):
        return eq(out_lv, etuple(pt.sin, in_lv))

    refused(around, pt.exp(A), "mentions what it replaces")


def test_a_goal_that_raises_is_left_out():
    calls = []

    def raising(in_lv, out_lv):
        calls.append(in_lv)
        raise KeyError("no such thing")

    goal = refused(raising, pt.exp(A), "KeyError: 'no such thing'; it is left out")
    assert goal.failed
    assert len(calls) == 1


def test_an_answer_that_contains_itself():
    """kanren has no occurs check, and would never finish reading such an answer."""

    def circular(in_lv, out_lv):
        return eq(out_lv, (out_lv,))

    def in_a_round(in_lv, out_lv):
        q = var()
        return lall(eq(out_lv, etuple(pt.sin, q)), eq(q, etuple(pt.cos, out_lv)))

    refused(circular, pt.exp(A), "contains itself")
    refused(in_a_round, pt.exp(A), "contains itself")


def test_a_search_without_end():
    def endless(in_lv, out_lv):
        q = var()
        return conde([fail], [eq(q, in_lv), Zzz(endless, in_lv, out_lv)])

    refused(endless, pt.exp(A), "left out")

    def wandering(in_lv, out_lv):
        def goal(S):
            while True:
                S = next(eq(var(), in_lv)(S))
            yield S

        return goal

    refused(wandering, pt.exp(A), "its search goes on and on")


def test_answers_without_end():
    def swap(in_lv, out_lv):
        p, q = var(), var()
        return lall(eq(in_lv, etuple(pt.add, p, q)), eq(out_lv, etuple(pt.add, q, p)))

    goal, graph, rounds = PlainGoal(swap), A + B, 0
    while (new := goal.replacement(graph)) is not None:
        graph, rounds = new, rounds + 1
        assert rounds <= plain.ROUNDS
    assert rounds == plain.ROUNDS
    # Another graph is not affected.
    assert goal.replacement(B + A) is not None

    def the_same_for_ever(in_lv, out_lv):
        return conde(*[[eq(in_lv, out_lv)]] * 1000)

    assert PlainGoal(the_same_for_ever).replacement(A + B) is None


def test_messages_go_where_they_are_asked_to():
    said = []
    goal = PlainGoal(lambda in_lv, out_lv: eq(out_lv, etuple(pt.sum, A)), said.append)
    assert goal.replacement(pt.exp(A)) is None
    assert len(said) == 1
    assert repr(PlainGoal(log_to_exp)) == "PlainGoal(log_to_exp)"


def test_nothing_is_kept():
    import gc
    import weakref

    goal = PlainGoal(log_to_exp)
    graph = pt.log(pt.matrix())
    new = goal.replacement(graph)
    kept = weakref.ref(new)
    del graph, new
    gc.collect()
    assert kept() is None
