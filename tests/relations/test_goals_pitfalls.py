"""Relations as goals: pitfalls, and what PyTensor asks of its own rewriter."""

from __future__ import annotations

import warnings

import numpy as np
import pytensor.tensor as pt
import pytest
from etuples import etuple
from etuples.core import ExpressionTuple
from kanren import eq, fact, run, var
from kanren.assoccomm import associative, commutative
from pytensor.graph.basic import Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.basic import EquilibriumGraphRewriter
from pytensor.graph.rewriting.kanren import KanrenRelationSub
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.tensor import linalg

from matchers import vocabulary as v
from matchers.leaves import atom
from matchers.state import Context
from matchers.termo import MATCHERS, read, termo
from relations import goals, inverses, kronecker
from relations.goals import relationo
from relations.library import library
from tests.relations.test_goals import (
    A,
    B,
    C,
    S,
    T,
    X,
    a,
    ancestors,
    b,
    backward,
    c,
    distributes,
    forward,
    holds,
    s,
    terms,
    the,
    tx,
    value,
    x,
    y,
    z,
)


def test_answers_are_true_and_no_variables():
    answer = the(forward(inverses.cancel_left, linalg.solve(A, A @ x)))
    assert isinstance(answer, ExpressionTuple)
    assert not isinstance(answer, Variable)
    assert answer
    assert answer.evaled_obj is x


def test_outputs_of_one_node_differ():
    W, _, V = linalg.svd(A)
    assert forward(inverses.cancel_left, linalg.inv(W) @ V) == ()
    assert len(forward(inverses.cancel_left, linalg.inv(W) @ W @ B)) == 1


def test_constants_unify_only_if_they_are_equal():
    one, other = (pt.constant(np.array(m, dtype)) for m, dtype in (
        ([[2.0, 1.0], [1.0, 3.0]], "float64"), ([[2.0, 1.0], [1.0, 4.0]], "float64"),
    ))  # fmt: skip
    nan = pt.constant(np.full((2, 2), np.nan))
    assert forward(inverses.cancel_left, linalg.inv(one) @ other) == ()
    assert len(forward(inverses.cancel_left, linalg.inv(one) @ one)) == 1
    assert len(forward(inverses.cancel_left, linalg.inv(nan) @ nan)) == 1
    assert not holds(inverses.inverse_of_inverse, linalg.inv(linalg.inv(A)), pt.cast(A, "float32"))


def test_arrays_and_numbers():
    assert terms(forward(inverses.inverse_of_scaled, np.float64(3.0))) == set()
    q = var()
    assert run(0, q, distributes(np.eye(3), q)) == ()
    assert str(the(run(0, q, termo(np.eye(3), q)))) == "I"


def test_occurs_check():
    q = var()
    assert run(0, q, inverses.inverse_of_inverse(q, q)) == ()
    assert run(0, q, distributes(q, q)) == ()
    assert run(0, q, eq(X, v.inverse(X)), distributes(q, X)) == ()


def test_facts_about_commutativity_do_not_matter():
    saved = [(r, dict(r.index), set(r.facts)) for r in (commutative, associative)]
    before = terms(forward(distributes, A @ (B + C)))
    try:
        for op in (pt.add, v.matmul, v.add):
            fact(commutative, op)
            fact(associative, op)
        assert terms(forward(distributes, A @ (B + C))) == before
        assert forward(inverses.cancel_left, A @ B @ linalg.inv(A)) == ()
    finally:
        for r, index, facts in saved:
            r.index.clear()
            r.index.update(index)
            r.facts.clear()
            r.facts.update(facts)


def test_what_is_no_graph():
    q = var()
    for thing in ("text", None, [A, B], (A,), etuple(pt.dot, A, x, B)):
        assert run(0, q, distributes(thing, q)) == ()
        assert run(0, q, distributes(q, thing)) == ()
    assert terms(run(0, q, distributes(etuple(pt.dot, A, etuple(pt.add, B, C)), q))) == {
        a @ b + a @ c
    }


def test_a_matcher_that_does_not_exist():
    with pytest.raises(ValueError, match="no matcher is named 'sympy'"):
        relationo(distributes, A, var(), matcher="sympy")


@pytest.mark.parametrize("matcher", MATCHERS)
def test_the_bound_on_work_is_reported(matcher, monkeypatch):
    monkeypatch.setattr(goals, "Context", lambda dims: Context(dims, budget=100))
    many = pt.add(*(B @ pt.matrix(f"m{i}") for i in range(12)))
    with pytest.warns(RuntimeWarning, match="distributes: the bound on work is reached"):
        backward(distributes, many, matcher)


def test_a_relation_is_called_like_a_goal():
    q = var()
    assert run(0, q, distributes(A @ (B + C), q)) == forward(distributes, A @ (B + C))


# --- PyTensor's own tests of its rewriter, with relations of Kantor's -----------------------------


def stock(graph, *relations):
    """The graph rewritten to a fixed point by PyTensor's own classes."""
    fgraph = FunctionGraph(outputs=[graph], clone=False)
    rewriter = EquilibriumGraphRewriter([KanrenRelationSub(r) for r in relations], max_use_ratio=10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return rewrite_graph(fgraph, custom_rewrite=rewriter).outputs[0]


def test_stock_basic():
    assert run(0, X, termo(pt.dot(A, x), X @ tx)) == (a,)


def test_stock_filters():
    graph = A @ ((B + C) + S)
    fgraph = FunctionGraph(outputs=[graph], clone=False)
    node = fgraph.outputs[0].owner
    seen = []

    def results_filter(results):
        seen.extend(results)

    assert not KanrenRelationSub(distributes, results_filter=results_filter).transform(fgraph, node)
    assert a @ (b + c) + a @ s in terms(seen)
    assert a @ (c + s) + a @ b in terms(seen)
    assert a @ (s + b) + a @ c in terms(seen)
    assert KanrenRelationSub(distributes, node_filter=lambda n: False).transform(fgraph, node) is (
        False
    )


def test_stock_multiout():
    W, singular, V = linalg.svd(A)
    fgraph = FunctionGraph(outputs=[W, singular, V], clone=False)
    for r in library():
        assert KanrenRelationSub(r).transform(fgraph, W.owner) is False


def test_stock_dot():
    graph = A.dot(x + B.dot(y + z))
    new = stock(graph, distributes)
    ty, tz = atom(y, 1), atom(z, 1)
    assert read(new).term is a @ tx + a @ b @ ty + a @ b @ tz
    assert new.type == graph.type


def test_stock_until_nothing_is_left():
    graph = linalg.solve(linalg.kron(S, T), S.ravel()) @ S.ravel()
    new = stock(graph, kronecker.inverse_of_kron, kronecker.kron_matvec)
    names = {type(getattr(n.op, "core_op", n.op)).__name__ for n in ancestors(new)}
    assert "KroneckerProduct" not in names
    np.testing.assert_allclose(value(new), value(graph))


def test_stock_results_that_are_the_input_are_none():
    for r in library():
        for graph in (A @ B @ x, A + B, linalg.inv(A), linalg.kron(A, B)):
            q = var()
            for answer in run(0, q, r(graph, q)):
                assert not read(answer).same(read(graph))
