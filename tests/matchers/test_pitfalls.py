"""One test for each pitfall of the stock parts, by its number in the notes on PyTensor 3.3.7."""

from __future__ import annotations

import numpy as np
import pytensor.tensor as pt
import pytest
from cons import car, cdr, cons
from etuples import apply
from kanren import eq, run, var
from pytensor.graph.basic import equal_computations
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.kanren import KanrenRelationSub
from unification import reify, unify

from matchers.leaves import atom, number
from matchers.reference import matcho
from matchers.variables import LogicVar
from matchers.vocabulary import cholesky, inverse, kron, matmul, scale, total, trace, transpose

a, b, c = (atom(pt.matrix(n)) for n in "abc")
x = atom(pt.vector("x"), 1)
s = atom(pt.scalar("s"), 0)
A, B, C = (LogicVar(n) for n in "ABC")
v = LogicVar("v", "vector")
k = LogicVar("k", "scalar")
S = LogicVar("S", "segment")
R = LogicVar("R", "rest")


def _transformed(result):
    y = pt.matrix("y")
    fgraph = FunctionGraph([y], [pt.exp(y)], clone=False)
    rewriter = KanrenRelationSub(lambda _, out: eq(out, result))
    return rewriter.transform(fgraph, fgraph.outputs[0].owner)


def test_pitfall_1_a_leaf_as_a_result_has_a_truth_value():
    assert _transformed(a) == [a.var]
    (new,) = _transformed(a.T)
    assert equal_computations([new], [a.var.mT])


def test_pitfall_2_outputs_of_one_node_differ():
    u, sigma, vt = pt.linalg.svd(pt.matrix("m"))
    assert unify(atom(u), atom(vt), {}) is False
    assert unify(atom(u), atom(sigma, 1), {}) is False
    assert unify(inverse(A) @ A, inverse(atom(u)) @ atom(vt), {}) is False


def test_pitfall_3_constants_differ_by_dtype_and_shape():
    constants = [
        (pt.constant(1.0), 0), (pt.constant(np.ones(3)), 1), (pt.constant(np.int8(1)), 0),
    ]  # fmt: skip
    atoms = [atom(value, core) for value, core in constants]
    for i, u in enumerate(atoms):
        for j, w in enumerate(atoms):
            assert unify(u, w, {}) == ({} if i == j else False)


def test_pitfall_3_nan_equals_nan():
    assert number(float("nan")) is number(np.nan)
    assert unify(scale(k, A), scale(number(np.nan), a), {k: number(np.nan)}) == {
        k: number(np.nan), A: a,
    }  # fmt: skip
    assert number(0.0) is not number(-0.0)


def test_pitfall_4_symbolic_ops_are_heads():
    assert unify(kron(A, B), kron(a, b), {}) == {A: a, B: b}
    assert equal_computations([kron(a, b).evaled_obj], [pt.linalg.kron(a.var, b.var)])


@pytest.mark.parametrize("term", [transpose(a), total(a), cholesky(a), kron(a, b), trace(a)])
def test_pitfall_5_terms_are_rebuilt_from_their_parts(term):
    assert reify(term.head.make(*[A, B][: len(term.args)]), {A: a, B: b}) is term
    assert tuple(cons(car(term), cdr(term))) == tuple(term)
    assert equal_computations([apply(car(term), cdr(term))], [term.evaled_obj])


def test_pitfall_6_arrays_are_compared_as_leaves():
    first, second = (atom(pt.constant(np.eye(3) * n)) for n in (1, 2))
    assert unify(first, second, {}) is False
    assert unify(A @ A, first @ first, {}) == {A: first}
    assert unify(A @ A, first @ second, {}) is False


def test_pitfall_7_the_occurs_check_holds():
    assert unify(A, inverse(A), {}) is False
    assert unify(A @ B, inverse(B) @ inverse(A), {}) is False
    q = var()
    assert run(1, q, eq(matmul.make(a, q), q)) == ()
    assert unify(B, cholesky(A), {A: inverse(B)}) is False
    assert unify(q, inverse(A), {A: q}) is False


def test_pitfall_8_nothing_is_declared_globally():
    from kanren.assoccomm import associative, commutative

    assert not commutative.facts
    assert not associative.facts
    assert unify(A @ b, b @ a, {}) is False
    found = run(0, (A, B), matcho(A + inverse(B), inverse(b) + a))
    assert found == ((a, b),)


def test_pitfall_9_a_coefficient_does_not_change_the_dtype():
    narrow = atom(pt.tensor("narrow", dtype="float32", shape=(None, None)))
    wide = atom(pt.scalar("wide", dtype="float64"), 0)
    for coefficient in (number(0.5), wide):
        term = reify(scale(k, A), {k: coefficient, A: narrow})
        assert term.evaled_obj.type.dtype == "float32"
