"""Stock unification, reification and cons on terms, beside PyTensor's own."""

from __future__ import annotations

import subprocess
import sys
import warnings

import pytensor.tensor as pt
import pytest
from cons import car, cdr, cons
from cons.core import ConsError
from etuples import etuple
from kanren import conso, eq, run, var
from pytensor.graph.basic import equal_computations
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.kanren import KanrenRelationSub
from pytensor.graph.rewriting.unify import ConstrainedVar
from unification import reify, unify
from unification.core import isground, unground_lvars

from matchers.equalities import Dims
from matchers.leaves import atom, number
from matchers.terms import Term, shape
from matchers.unification import instantiate
from matchers.variables import LogicVar, Run
from matchers.vocabulary import add, cholesky, eye, inverse, kron, matmul, trace, unvec, vec

a, b, c = (atom(pt.matrix(n)) for n in "abc")
x = atom(pt.vector("x"), 1)
s = atom(pt.scalar("s"), 0)
A, B, C = (LogicVar(n) for n in "ABC")
v = LogicVar("v", "vector")
k = LogicVar("k", "scalar")
S = LogicVar("S", "segment")
R = LogicVar("R", "rest")

# --- unify ---------------------------------------------------------------------------------------


def test_terms_unify_argument_by_argument():
    assert unify(inverse(A) @ b, inverse(a) @ b, {}) == {A: a}
    assert unify(inverse(a) @ b, inverse(A) @ B, {}) == {A: a, B: b}
    assert unify(A @ A, a @ a, {}) == {A: a}
    assert unify(A @ A, a @ b, {}) is False
    assert unify(A @ B, a @ b @ c, {}) is False
    assert unify(inverse(A), cholesky(a), {}) is False
    assert unify(A @ inverse(B), inverse(C) @ B, {}) is False


def test_both_sides_may_hold_variables():
    found = unify(A @ inverse(b), a @ B, {})
    assert found == {A: a, B: inverse(b)}
    assert reify(A @ B, found) is a @ inverse(b)


def test_ground_terms_are_opaque():
    assert unify(a @ b, a @ b, {}) == {}
    assert unify(a, b, {}) is False
    assert unify(inverse(a), inverse(b), {}) is False
    assert reify(a @ b, {A: c}) is a @ b


@pytest.mark.parametrize(
    ("variable", "term", "fits"),
    [
        (A, a, True), (A, s, False), (v, x, True), (v, a, False), (k, s, True),
        (k, a, False), (k, number(2), True), (S, a, False), (var(), a, True),
    ],
)  # fmt: skip
def test_a_variable_keeps_its_kind(variable, term, fits):
    expected = {variable: term} if fits else False
    assert unify(variable, term, {}) == expected
    assert unify(term, variable, {}) == expected


def test_two_variables_keep_the_narrower_kind():
    for found in (unify(A, v, {}), unify(v, A, {})):
        assert reify(A, found) is v
        assert unify(A, a, found) is False
    assert unify(A, k, {}) is False
    q = var()
    for found in (unify(q, k, {}), unify(k, q, {})):
        assert unify(q, a, found) is False
        assert reify(q, unify(q, s, found)) is s


def test_a_term_unifies_with_an_expression_tuple():
    q = var()
    assert unify(a @ b, etuple(matmul, a, q), {}) == {q: b}
    assert unify(etuple(matmul, a, q), a @ b, {}) == {q: b}
    assert unify((matmul, a, q), a @ b, {}) == {q: b}
    assert unify(a @ b, etuple(kron, a, q), {}) is False


def test_shared_terms_are_not_unified_twice():
    left, right = A, B
    for _ in range(200):
        left, right = kron(inverse(left), inverse(left)), kron(inverse(right), inverse(right))
        left, right = inverse(left), inverse(right)
    assert unify(left, right, {}) in ({A: B}, {B: A})
    assert reify(left, {A: a}).ground


def test_deep_terms_do_not_recurse():
    left, right = A, a
    for _ in range(5000):
        left, right = cholesky(left), cholesky(right)
    assert unify(left, right, {}) == {A: a}
    assert reify(left, {A: a}) is right
    assert unify(B, left, {A: B}) is False


# --- reify ---------------------------------------------------------------------------------------


def test_reified_terms_are_in_normal_form():
    assert reify(A @ B, {A: a @ b, B: 2 * c}) is 2 * (a @ b @ c)
    assert reify(A.T, {A: a @ b}) is b.T @ a.T
    assert reify(A @ S @ B, {A: a, B: b, S: Run((c, c))}) is a @ c @ c @ b
    assert reify(A @ S, {A: a, S: Run()}) is a
    assert reify(A + R, {A: a, R: (b, c)}) is a + b + c


def test_reified_terms_know_their_dimensions():
    assert reify(eye(A.rows), {A: a}) is eye(shape(a)[0])
    assert reify(vec(A @ B), {A: a, B: b}) is vec(a @ b)
    assert not isground(eye(A.rows), {})


def test_bindings_are_followed():
    q = var()
    assert reify(A @ B, {A: inverse(B), B: q, q: b}) is inverse(b) @ b


def test_groundness_is_seen_through_terms():
    assert unground_lvars(A @ inverse(B), {A: a}) == {B}
    assert isground(A @ B, {A: a, B: b})
    assert not isground(A @ B, {A: a})
    assert isground(a, {})


def test_instantiate_needs_no_substitution_machinery():
    assert instantiate(vec(A @ S @ B), {A: a, S: Run((b,)), B: c}) is vec(a @ b @ c)
    assert instantiate(A, {A: a}) is a
    assert instantiate(A.rows, {A: a}) == shape(a)[0]
    assert instantiate(A @ B, {A: a}) is a @ B


def test_a_reshape_to_the_known_shape_is_left_out():
    dims = Dims()
    same = unvec(A, B.rows, B.cols)
    assert instantiate(same, {A: a, B: b}, dims) is unvec(a, b.rows, b.cols)
    dims.unify(a.rows, b.rows)
    dims.unify(a.cols, b.cols)
    assert instantiate(same, {A: a, B: b}, dims) is a
    assert instantiate(same @ C, {A: a, B: b, C: c}, dims) is a @ c
    assert instantiate(same, {A: a, B: b}) is unvec(a, b.rows, b.cols)


# --- cons ----------------------------------------------------------------------------------------


def test_a_term_is_a_cons_of_its_head():
    term = a @ b
    assert car(term) is matmul
    assert tuple(cdr(term)) == (a, b)
    assert tuple(cons(car(term), cdr(term))) == tuple(term)
    head, rest = var(), var()
    assert run(0, (head, rest), conso(head, rest, term)) == ((matmul, etuple(a, b)),)


def test_a_cons_of_a_head_unifies_with_a_term():
    rest, q = var(), var()
    goal = conso(matmul, rest, a @ b), conso(matmul, rest, q)
    (found,) = run(0, q, *goal)
    assert equal_computations([found.evaled_obj], [(a @ b).evaled_obj])


@pytest.mark.parametrize("leaf", [a, s, number(2)])
def test_a_leaf_is_no_cons(leaf):
    with pytest.raises(ConsError):
        car(leaf)
    with pytest.raises(ConsError):
        cdr(leaf)
    assert run(0, A, conso(var(), var(), leaf)) == ()
    assert unify(leaf, etuple(*leaf), {}) is False


# --- beside PyTensor's own dispatch --------------------------------------------------------------


def _log_to_exp(in_lv, out_lv):
    rest = var()
    return eq(cons(pt.log, rest), in_lv), eq(cons(pt.exp, rest), out_lv)


def test_pytensor_relations_still_work():
    y = pt.vector("y")
    fgraph = FunctionGraph([y], [pt.log(y)], clone=False)
    rewriter = KanrenRelationSub(lambda i, o: lambda S: _both(*_log_to_exp(i, o), S))
    (new,) = rewriter.transform(fgraph, fgraph.outputs[0].owner)
    assert equal_computations([new], [pt.exp(y)])


def _both(first, second, S):
    for state in first(S):
        yield from second(state)


def test_a_constraint_of_pytensor_is_asked_about_the_graph():
    matrices_only = ConstrainedVar(lambda graph: graph.type.ndim == 2)
    assert unify(matrices_only, a @ b, {}) == {matrices_only: a @ b}
    assert unify(a @ b, matrices_only, {}) == {matrices_only: a @ b}
    assert unify(matrices_only, trace(a), {}) is False


@pytest.mark.parametrize("first", ["matchers.unification", "pytensor.graph.rewriting.kanren"])
def test_no_dispatch_is_ambiguous(first):
    """In whichever order the two are imported."""
    program = f"""
import warnings
warnings.simplefilter("error")
from multipledispatch.conflict import AmbiguityWarning
import {first}
import matchers.unification, pytensor.graph.rewriting.kanren, kanren
from unification.core import _unify, _reify
from unification import unify
from kanren import var
import pytensor.tensor as pt
from matchers.leaves import atom
from matchers.variables import LogicVar
from pytensor.graph.rewriting.unify import ConstrainedVar
a, x = atom(pt.matrix()), pt.matrix()
values = [a, LogicVar("A"), var(), ConstrainedVar(lambda x: True), (1,), x, pt.log, x.type]
for u in values:
    for v in values:
        unify(u, v, {{}})
for d in (_unify, _reify):
    d.reorder()
"""
    run_ = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "AmbiguityWarning" not in run_.stderr
    assert run_.returncode == 0, run_.stderr


def test_importing_registers_nothing_foreign():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert unify(1, 1, {}) == {}
        assert unify(var("q"), 1, {}) == {var("q"): 1}
        assert reify((1, var("q")), {var("q"): 2}) == (1, 2)
    assert isinstance(add(a, b), Term)
