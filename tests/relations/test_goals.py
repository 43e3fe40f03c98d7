"""Relations as goals: forward, backward, as a check, and inside PyTensor's stock rewriter."""

from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from kanren import eq, run, var
from pytensor.assumptions import assume
from pytensor.compile.mode import Mode
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.traversal import explicit_graph_inputs
from pytensor.tensor import linalg

from matchers import vocabulary as v
from matchers.leaves import atom
from matchers.termo import MATCHERS, read, termo
from matchers.terms import Term, shape
from matchers.typed import Typed
from matchers.variables import LogicVar
from relations import inverses, kronecker, products
from relations.goals import relationo
from relations.language import matrices, relation

A, B, C = (pt.matrix(n) for n in "ABC")
x, y, z = (pt.vector(n) for n in "xyz")
S, T, U = (pt.matrix(n, shape=(3, 3)) for n in "STU")
T3 = pt.tensor3("T3")
a, b, c = (atom(m) for m in (A, B, C))
s, t, u = (atom(m) for m in (S, T, U))
tx = atom(x, 1)

M, X, Y = matrices("M X Y")


@relation()
def distributes(M, X, Y):
    """M (X + Y) = M X + M Y."""
    return M @ (X + Y), M @ X + M @ Y


def forward(r, graph, matcher="compiled"):
    """What `graph` is rewritten to."""
    q = var()
    return run(0, q, relationo(r, graph, q, matcher=matcher))


def backward(r, graph, matcher="compiled"):
    """What is rewritten to `graph`."""
    q = var()
    return run(0, q, relationo(r, q, graph, matcher=matcher))


def holds(r, one, other, matcher="compiled"):
    return bool(run(0, var(), relationo(r, one, other, matcher=matcher)))


def the(answers):
    (only,) = answers
    return only


def terms(answers):
    return {answer.term if isinstance(answer, Typed) else answer for answer in answers}


def value(variable):
    """The value where each square matrix is positive definite, without any rewriting."""
    inputs = list(explicit_graph_inputs([variable]))
    values = []
    for i in inputs:
        rng = np.random.default_rng(sum(map(ord, i.name)))
        shape = [n or 3 for n in i.type.shape]
        data = rng.uniform(size=shape)
        if shape[-2:] == [3, 3]:
            data = data + np.swapaxes(data, -1, -2) + 4 * np.eye(3)
        values.append(data.astype(i.type.dtype))
    return pytensor.function(inputs, variable, mode=Mode(linker="py", optimizer=None))(*values)


# --- the four ways --------------------------------------------------------------------------------


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize(
    ("r", "graph", "expected"),
    [
        (inverses.inverse_of_product, linalg.inv(S @ T), v.inverse(t) @ v.inverse(s)),
        (kronecker.inverse_of_kron, linalg.inv(linalg.kron(A, B)), None),
        (kronecker.transpose_of_kron, linalg.kron(A, B).T, v.kron(a.T, b.T)),
        (kronecker.kron_matvec, linalg.kron(S, T) @ S.ravel(), None),
        (distributes, A @ (B + C), a @ b + a @ c),
    ],
    ids=lambda p: getattr(p, "name", ""),
)
def test_there_and_back(r, graph, expected, matcher):
    answer = the(forward(r, graph, matcher))
    assert expected is None or answer.term is expected
    assert graph.type.is_super(answer.evaled_obj.type)
    # Backward from the etuple, from the graph that it evaluates to, and from the term.
    for known in (answer, answer.evaled_obj, answer.term):
        found = backward(r, known, matcher)
        assert read(graph).term in terms(found)
        assert all(isinstance(f, Term if known is answer.term else Typed) for f in found)
    assert holds(r, graph, answer, matcher)
    assert holds(r, graph, answer.evaled_obj, matcher)
    assert holds(r, read(graph).term, answer.term, matcher)
    assert not holds(r, answer, graph, matcher)
    assert not holds(r, graph, A, matcher)
    assert not holds(r, graph, graph, matcher)


def test_neither_side_known():
    q, r, p = var(), var(), var()
    lhs, rhs = the(run(0, (q, r), kronecker.kron_matvec(q, r)))
    assert not lhs.ground
    assert str(lhs).startswith("(A#")
    # With variables of their own: not those of the relation, nor those of another call.
    assert set(lhs.args[0].args).isdisjoint(kronecker.kron_matvec.variables)
    (other, _) = the(run(0, (q, r), kronecker.kron_matvec(q, r)))
    assert set(lhs.args[0].args).isdisjoint(other.args[0].args)
    # What is bound later goes through to the other side.
    found = run(0, r, inverses.inverse_of_scaled(q, r), eq(q, v.inverse(v.scale(2, a))))
    assert found == (v.scale(0.5, v.inverse(a)),)
    assert run(0, p, inverses.inverse_of_product(p, p)) == ()
    assert rhs.head is v.reshape


def test_a_side_known_in_part():
    N = LogicVar("N")
    assert run(0, N, distributes(N @ (b + c), a @ b + a @ c)) == (a,)
    assert run(0, N, kronecker.transpose_of_kron(linalg.kron(A, B).T, v.kron(N, b.T))) == (a.T,)
    # Neither ground: the sides are unified as they are written.
    q = var()
    written = the(run(0, q, inverses.inverse_of_inverse(v.inverse(v.inverse(N)), q)))
    assert written is N or isinstance(written, LogicVar)


def test_conditions_are_checked_once_their_variables_are_known():
    q = var()
    unknown, known = v.inverse(a @ b), v.inverse(s @ t)
    assert run(0, q, eq(q, unknown), inverses.inverse_of_product(q, var())) == ()
    assert run(0, q, eq(q, known), inverses.inverse_of_product(q, var())) == (known,)


def test_goals_in_a_row():
    q, r = var(), var()
    system = linalg.solve(linalg.kron(A, B), x)
    found = run(0, r, kronecker.inverse_of_kron(system, q), kronecker.kron_matvec(q, r))
    expected = v.vec(v.inverse(a) @ v.unvec(tx, a.cols, b.cols) @ v.inverse(b).T)
    assert [str(f) for f in terms(found)] == [str(expected)]
    assert the(found).evaled_obj.type.ndim == 1
    assert run(0, r, termo(system, q), kronecker.inverse_of_kron(q, r)) == (
        v.kron(v.inverse(a), v.inverse(b)) @ tx,
    )
    # The other way round, the goals in their order of matching.
    back = run(0, q, kronecker.kron_matvec(r, the(found)), kronecker.inverse_of_kron(q, r))
    assert read(the(back)).same(read(system))


def test_an_axiom_rewrites_nothing_and_can_be_checked():
    one, other = (A @ B) @ C, A @ (B @ C)
    assert forward(products.associativity, one) == ()
    assert backward(products.associativity, one) == ()
    assert holds(products.associativity, one, other)
    assert not holds(products.associativity, one, A @ C)
    assert not holds(products.transpose_of_sum, A @ B, A @ B)


def test_a_side_that_says_too_little_has_no_backward_answer():
    assert backward(inverses.cancel_left, pt.eye(3)) == ()
    assert backward(inverses.inverse_of_inverse, A) == ()
    assert holds(inverses.inverse_of_inverse, linalg.inv(linalg.inv(A)), A)


# --- what is found, and where ---------------------------------------------------------------------


@pytest.mark.parametrize("matcher", MATCHERS)
def test_within_products_and_sums(matcher):
    rest = pt.matrix("rest")
    graph = B @ linalg.inv(A) @ A @ C
    assert terms(forward(inverses.cancel_left, graph, matcher)) == {b @ c}
    graph = A @ (B + C) + rest
    assert terms(forward(distributes, graph, matcher)) == {a @ b + a @ c + atom(rest)}
    assert terms(backward(distributes, A @ B + A @ C + rest, matcher)) == {a @ (b + c) + atom(rest)}
    assert terms(forward(distributes, 3 * (A @ (B + C)) @ x, matcher)) == {
        v.scale(3, (a @ b + a @ c) @ tx)
    }


def test_every_answer_once():
    found = forward(distributes, A @ (B + C + S.T))
    assert len(found) == len(terms(found))
    assert terms(found) == {
        a @ (b + c) + a @ s.T,
        a @ (b + s.T) + a @ c,
        a @ (c + s.T) + a @ b,
    }


def test_what_has_no_node_of_its_own():
    """A solve says an inverse; the node of an inverse says the same by itself."""
    expected = {v.kron(v.inverse(a), v.inverse(b)) @ tx}
    K = linalg.kron(A, B)
    for graph in (linalg.solve(K, x), linalg.inv(K) @ x):
        assert terms(forward(kronecker.inverse_of_kron, graph)) == expected
    # What lies deeper belongs to the nodes below, and is not rebuilt from above.
    assert forward(kronecker.inverse_of_kron, linalg.det(linalg.inv(K))) == ()
    # A term is rewritten anywhere.
    p, q = var(), var()
    deep = linalg.det(linalg.inv(K))
    assert run(0, q, termo(deep, p), kronecker.inverse_of_kron(p, q)) == (
        v.det(v.kron(v.inverse(a), v.inverse(b))),
    )


def test_structure_is_proved_from_the_graph_that_stands_alone():
    r = inverses.inverse_of_orthogonal
    Q = assume(A, orthogonal=True)
    assert terms(forward(r, linalg.solve(Q, x))) == {atom(Q).T @ tx}
    assert forward(r, linalg.solve(A, x)) == ()
    both = linalg.inv(assume(A, orthogonal=True)) @ linalg.inv(B)
    assert len(forward(r, both)) == 1
    P = S @ S.T
    K = linalg.cholesky(linalg.kron(assume(S, positive_definite=True), T))
    assert forward(kronecker.cholesky_of_kron, K) == ()
    assert read(linalg.cholesky(P)).view.holds(read(P).term, "symmetric")


def test_dimensions_are_learnt_from_the_graph():
    assert forward(inverses.inverse_of_product, linalg.inv(A @ B)) == ()
    # Static shapes, or another Op that would raise, make them square.
    assert len(forward(inverses.inverse_of_product, linalg.inv(S @ T))) == 1
    assert len(forward(inverses.inverse_of_product, linalg.inv(A @ linalg.inv(B)))) == 1


@pytest.mark.parametrize("ndim", [0, 1, 2])
def test_types_stay(ndim):
    K = linalg.kron(A, B)
    graph = [x @ K @ x, linalg.solve(K, x), linalg.inv(K)][ndim]
    for r in (kronecker.inverse_of_kron, kronecker.kron_matvec):
        for answer in forward(r, graph):
            assert answer.evaled_obj.type == graph.type


@pytest.mark.parametrize("matcher", MATCHERS)
def test_batches_are_not_lost(matcher):
    """An identity stands for each member of a batch of A⁻¹ A; beside a batch it needs none."""
    alone, beside = linalg.inv(T3) @ T3, T3 @ linalg.inv(T3) @ T3
    for graph in (alone, beside):
        answer = the(forward(inverses.cancel_left, graph, matcher))
        assert answer.evaled_obj.type == graph.type
        np.testing.assert_allclose(value(answer.evaled_obj), value(graph), atol=1e-12)
        assert holds(inverses.cancel_left, graph, answer, matcher)
        if graph is beside:
            assert answer.term is atom(T3)
        else:
            eye, *batch = answer.term.args
            assert (answer.term.head, eye.head) == (v.spread, v.eye)
            assert tuple(batch) == shape(atom(T3))[2]


def test_batches_stay_batches():
    batched = linalg.inv(T3 @ (2 * T3))
    found = forward(inverses.inverse_of_scaled, batched)
    assert found
    for answer in found:
        assert answer.evaled_obj.type.ndim == 3
        np.testing.assert_allclose(value(answer.evaled_obj), value(batched))


@pytest.mark.parametrize(
    ("r", "graph"),
    [
        (inverses.inverse_of_product, S.T @ linalg.inv(S @ T) @ S[0]),
        (inverses.inverse_of_scaled, linalg.solve(2.5 * S, T)),
        (inverses.cancel_right, B @ S @ linalg.inv(S) @ T),
        (kronecker.kron_matvec, linalg.kron(S, T) @ S.ravel()),
        (kronecker.inverse_of_kron, linalg.solve(linalg.kron(S, T), S.ravel())),
        (kronecker.total_of_kron, linalg.kron(A, B).sum()),
        (kronecker.trace_of_kron, pt.trace(linalg.kron(S, T))),
        (
            kronecker.expm_of_kron_sum,
            linalg.expm(linalg.kron(S, pt.eye(3)) + linalg.kron(pt.eye(3), T)),
        ),
        (distributes, A @ (S + T) @ B),
    ],
    ids=lambda p: getattr(p, "name", ""),
)
def test_values_stay(r, graph):
    found = forward(r, graph)
    assert found
    for answer in found:
        np.testing.assert_allclose(value(answer.evaled_obj), value(graph), rtol=1e-8)


def test_single_precision_stays():
    F = pt.fmatrix("F")
    graph = linalg.inv(F) @ F
    answer = the(forward(inverses.cancel_left, graph))
    assert answer.evaled_obj.type == graph.type
    static = pt.matrix("static", shape=(2, 2), dtype="float32")
    graph = linalg.inv(static) @ static
    assert the(forward(inverses.cancel_left, graph)).evaled_obj.type == graph.type


def ancestors(variable):
    return FunctionGraph(outputs=[variable], clone=False).toposort()
