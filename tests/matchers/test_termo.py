"""`termo`: from a graph to its term and back, under `kanren.run`, with both matchers."""

from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from etuples import etuple
from etuples.core import ExpressionTuple
from kanren import eq, fact, run, var
from kanren.assoccomm import associative, commutative
from pytensor.compile.mode import Mode
from pytensor.graph.basic import Variable
from pytensor.graph.traversal import explicit_graph_inputs
from pytensor.tensor import linalg

from lowering.positions import positions
from matchers import vocabulary as v
from matchers.leaves import atom, number
from matchers.reference import matcho
from matchers.termo import MATCHERS, meeto, read, termo, typed
from matchers.terms import Term
from matchers.variables import LogicVar

A, B, C = (pt.matrix(n) for n in "ABC")
x, y = (pt.vector(n) for n in "xy")
c = pt.scalar("c")
S = pt.matrix("S", shape=(3, 3))
N9 = pt.matrix("N9", shape=(9, 2))
F = pt.fmatrix("F")
f = pt.fvector("f")
T3 = pt.tensor3("T3")
I8 = pt.matrix("I8", dtype="int8")
a, b, cc = (atom(m) for m in (A, B, C))
X, Y, Z = (LogicVar(n) for n in "XYZ")
k = LogicVar("k", "scalar")

GRAPHS = {
    "leaf": A,
    "product": A @ B @ C,
    "vector": A @ B @ x,
    "solve": linalg.solve(A, x),
    "row": (A @ x)[None, :] @ B,
    "quadratic form": x @ A @ x,
    "scaled": -0.5 * A @ x,
    "sum": A @ B + C.T - 2 * C,
    "elementwise": A * B,
    "kron": linalg.kron(S, S) @ N9,
    "vec": linalg.kron(S, S) @ S.ravel(),
    "trace": pt.trace(A @ B),
    "sum of all": (A @ B).sum(),
    "logdet": linalg.slogdet(S)[1],
    "cholesky": linalg.cholesky(S),
    "expm": linalg.expm(S),
    "identity": pt.eye(3) + S,
    "single precision": linalg.inv(F) @ f,
    "batch": linalg.inv(T3) @ T3.mT,
}


def value(variable):
    """The value at fixed inputs, each square matrix positive definite, without any rewriting."""
    inputs = list(explicit_graph_inputs([variable]))
    values = []
    for i in inputs:
        rng = np.random.default_rng(sum(map(ord, i.name)))
        shape = [n or 3 for n in i.type.shape]
        data = rng.uniform(size=shape)
        if shape[-2:] == [3, 3]:
            data = data + np.swapaxes(data, -1, -2) + 4 * np.eye(3)
        values.append(data.astype(i.type.dtype))
    mode = Mode(linker="py", optimizer=None)
    return pytensor.function(inputs, variable, mode=mode)(*values)


def the(answers):
    (only,) = answers
    return only


@pytest.mark.parametrize("name", GRAPHS)
def test_there_and_back(name):
    graph, q, r = GRAPHS[name], var(), var()
    term = the(run(0, q, termo(graph, q)))
    assert isinstance(term, Term)
    assert term.ground
    written = the(run(0, q, termo(q, term)))
    assert isinstance(written, ExpressionTuple)
    assert not isinstance(written, Term)
    again = written.evaled_obj
    assert (again.type.ndim, again.type.dtype) == (graph.type.ndim, graph.type.dtype)
    # Both at once: forward, then backward.
    assert the(run(0, r, termo(graph, q), termo(r, q))).evaled_obj.type.ndim == graph.type.ndim
    np.testing.assert_allclose(value(again), value(graph), rtol=1e-4, atol=1e-6)


AGAIN = {**GRAPHS, "vec of unknown length": (A @ B).ravel()}


@pytest.mark.parametrize("name", AGAIN)
def test_what_is_written_reads_as_before(name):
    graph, q = AGAIN[name], var()
    term = the(run(0, q, termo(graph, q)))
    again = read(typed(term).evaled_obj)
    assert again.same(read(graph))
    assert read(graph).same(again)


def test_both_known_is_a_check():
    q = var()
    assert run(0, q, termo(A @ (B @ x), a @ b @ atom(x, 1)))
    assert run(0, q, termo((A @ B) @ x, a @ b @ atom(x, 1)))
    assert not run(0, q, termo(A @ (B @ x), b @ a @ atom(x, 1)))
    assert run(0, q, termo(A @ B, typed(a @ b)))


def test_neither_known_has_no_answer():
    q, r = var(), var()
    assert run(0, (q, r), termo(q, r)) == ()
    assert run(0, q, termo(q, X @ Y)) == ()


@pytest.mark.parametrize("matcher", MATCHERS)
def test_sympys_example(matcher):
    """X Y⁻¹ against Aᵀ B B C⁻¹, where SymPy finds {X: AᵀB², Y: C}."""
    q = var()
    square = {n: pt.matrix(n, shape=(4, 4)) for n in "ABC"}
    for m in ({"A": A, "B": B, "C": C}, square):
        graph = m["A"].T @ m["B"] @ m["B"] @ linalg.inv(m["C"])
        expected = ((atom(m["A"]).T @ atom(m["B"]) @ atom(m["B"]), atom(m["C"])),)
        assert run(0, (X, Y), termo(graph, X @ v.inverse(Y), matcher=matcher)) == expected
        # However it is bracketed, and with the goals one by one.
        bracketed = m["A"].T @ (m["B"] @ (m["B"] @ linalg.inv(m["C"])))
        assert run(0, (X, Y), termo(bracketed, q), matcho(X @ v.inverse(Y), q)) == expected


@pytest.mark.parametrize("matcher", MATCHERS)
def test_patterns(matcher):
    def found(variables, graph, pattern, *goals):
        return set(run(0, variables, *goals, termo(graph, pattern, matcher=matcher)))

    assert found((X, Y), A @ B @ C, X @ Y) == {(a, b @ cc), (a @ b, cc)}
    assert found((X, Y), A + B, X + Y) == {(a, b), (b, a)}
    assert found(X, A @ A.T, X @ X.T) == {a}
    assert found(X, A @ B.T, X @ X.T) == set()
    assert found((k, X), 3 * A, v.scale(k, X)) == {(number(3), a)}
    # What is bound already counts.
    assert found((X, Y), A @ B @ C, X @ Y, eq(X, a)) == {(a, b @ cc)}
    assert found((X, Y), A @ B @ C, X @ Y, eq(X, b)) == set()


def test_a_pattern_under_a_variable():
    q = var()
    assert run(0, X, eq(q, X @ v.inverse(b)), termo(A @ linalg.inv(B), q)) == (a,)


# --- the pitfalls of facts measured elsewhere, where they apply -----------------------------------


def test_what_is_bound_is_true_and_no_variable():
    q = var()
    for term in (a, atom(x, 1), a @ b, number(0)):
        written = the(run(0, q, termo(q, term)))
        assert not isinstance(written, Variable)
        assert written


def test_outputs_of_one_node_differ():
    q = var()
    U, _, V = linalg.svd(A)
    assert the(run(0, q, termo(U, q))) is not the(run(0, q, termo(V, q)))
    assert run(0, X, termo(U @ V, X @ X)) == ()
    assert run(0, X, termo(U @ U, X @ X)) == (the(run(0, q, termo(U, q))),)
    assert run(0, q, termo([U, V], q)) == ()


def test_constants():
    one, ones = pt.constant(1.0), pt.constant(np.ones(3))
    small = pt.constant(np.int8(1))
    assert not read(one).same(read(small))
    assert not read(one).same(read(ones))
    assert not read(small).same(read(ones))
    nan = pt.constant(np.nan)
    assert read(nan).same(read(pt.constant(np.nan)))
    assert read(nan).same(read(np.nan))
    assert run(0, X, termo(nan * A + nan * B, number(np.nan) * X + number(np.nan) * b)) == (a,)


def test_heads_that_etuples_cannot_rebuild():
    """SymbolicOps, and Ops whose constructors take keywords only."""
    q = var()
    for term in (v.kron(a, b), v.cholesky(a), v.total(a), a.T, v.trace(a)):
        graph = the(run(0, q, termo(q, term))).evaled_obj
        assert the(run(0, q, termo(graph, q))) is term


def test_arrays():
    q = var()
    assert str(the(run(0, q, termo(2 * np.eye(3), q)))) == "2·I"
    assert run(0, q, termo(np.nan, number(np.nan)))


def test_occurs_check():
    q = var()
    assert run(0, X, eq(X, v.inverse(X))) == ()
    assert run(0, q, eq(q, X), eq(X, v.inverse(X)), termo(A, q)) == ()
    assert run(0, X, termo(A, X), termo(linalg.inv(A), v.inverse(X))) == (a,)
    assert run(0, X, termo(A, X), termo(A, v.inverse(X))) == ()


def test_facts_about_commutativity_do_not_matter():
    before = [(r, dict(r.index), set(r.facts)) for r in (commutative, associative)]
    try:
        for op in (pt.add, pt.mul, v.matmul):
            fact(commutative, op)
            fact(associative, op)
        q = var()
        assert run(0, q, termo(A @ B, b @ a)) == ()
        assert run(0, (X, Y), termo(A @ B, X @ Y)) == ((a, b),)
    finally:
        for relation, index, facts in before:
            relation.index.clear()
            relation.index.update(index)
            relation.facts.clear()
            relation.facts.update(facts)


def test_dtype_and_shape_stay():
    q = var()
    single = atom(F) + v.eye(atom(F).rows)
    assert the(run(0, q, termo(q, single))).evaled_obj.type.dtype == "float32"
    for x in (f, pt.fvector("f3", shape=(3,)), T3, pt.tensor("t", shape=(1, 1, None, 3))):
        assert the(run(0, q, meeto(read(x), q))).evaled_obj.type == x.type


# --- what is no graph -----------------------------------------------------------------------------


def test_etuples():
    q = var()
    assert the(run(0, q, termo(etuple(pt.dot, A, B), q))) is a @ b
    assert run(0, q, termo(etuple(pt.dot, A, x, B), q)) == ()
    assert run(0, q, termo(etuple(pt.dot, A, var()), q)) == ()


@pytest.mark.parametrize("thing", ["text", None, [A, B], (A,), {}, object()])
def test_what_is_no_graph(thing):
    q = var()
    assert run(0, q, termo(thing, q)) == ()


def test_a_matcher_that_does_not_exist():
    with pytest.raises(ValueError, match="no matcher is named 'sympy'"):
        termo(A, var(), matcher="sympy")


def test_integers_are_leaves_where_they_would_be_cast():
    q = var()
    inverse = linalg.inv(I8)
    assert the(run(0, q, termo(inverse, q))) is atom(inverse)


def test_deep_and_shared_graphs():
    z, w = A, A
    for _ in range(300):
        z = z @ B
    for _ in range(40):
        w = w * w if w is A else linalg.expm(w)
    q = var()
    # A long product is an operand of the next, so that reading a chain takes linear time.
    assert len(positions((the(run(0, q, termo(z, q))),))) < 30
    term = the(run(0, q, termo(w, q)))
    assert the(run(0, q, termo(q, term))).evaled_obj.type.ndim == 2
