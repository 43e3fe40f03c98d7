"""The library under `kanren.run`: ten named cases per family, one answer with both matchers."""

from __future__ import annotations

import pytensor.tensor as pt
import pytest
from kanren import run, var
from pytensor.assumptions import assume
from pytensor.tensor import linalg

from matchers import vocabulary as v
from matchers.leaves import atom
from matchers.termo import termo
from matchers.terms import Term
from matchers.typed import Typed
from relations import inverses, kronecker, products
from relations.goals import relationo

MATCHERS = ("compiled", "kanren")

A, B, C, D = (pt.matrix(n) for n in "ABCD")
x, y = (pt.vector(n) for n in "xy")
c = pt.scalar("c")
# Square ones, of order 3, 3, 3 and 2, and vectors of length 3 and 6.
S, T, U, V = (pt.matrix(n, shape=(k, k)) for n, k in (("S", 3), ("T", 3), ("U", 3), ("V", 2)))
x3, x6, x9 = (pt.vector(f"x{k}", shape=(k,)) for k in (3, 6, 9))
M3, N3, M4 = pt.tensor3("M3"), pt.tensor3("N3"), pt.tensor4("M4")
P, Q = (assume(m, positive_definite=True) for m in (A, B))
R = assume(A, orthogonal=True)


def term(variable):
    """The atom of a variable."""
    return atom(variable, variable.type.ndim if variable.type.ndim < 2 else 2)


a, b, cc, d = (term(m) for m in (A, B, C, D))
s, t, u, w = (term(m) for m in (S, T, U, V))
k = term(c)
m3, n3 = term(M3), term(N3)
tx, tx3, tx6, tx9 = (term(m) for m in (x, x3, x6, x9))


def answers(relation, graph, matcher):
    """All terms that a relation turns a graph into, each of the type of the graph."""
    out = var()
    found = run(0, out, relationo(relation, graph, out, matcher=matcher))
    assert all(isinstance(etuple, Typed) for etuple in found)
    for etuple in found:
        assert graph.type.is_super(etuple.evaled_obj.type)
    assert len(found) == len({etuple.term for etuple in found}), "an answer comes twice"
    return {etuple.term for etuple in found}


def the_term(graph):
    out = var()
    (found,) = run(0, out, termo(graph, out))
    return found


# --- products, and all else where both sides are one term ---------------------------------------

AXIOMS = {
    "three matrices": (products.associativity, (A @ B) @ C, A @ (B @ C), a @ b @ cc),
    "two matrices and a vector": (products.associativity, (A @ B) @ x, A @ (B @ x), a @ b @ tx),
    "a solve is a factor": (
        products.associativity,
        linalg.solve(A, B) @ x,
        linalg.inv(A) @ (B @ x),
        v.inverse(a) @ b @ tx,
    ),
    "a column by hand": (
        products.associativity,
        (A @ B) @ x,
        pt.squeeze(A @ (B @ x[:, None]), -1),
        a @ b @ tx,
    ),
    "batches": (
        products.associativity,
        (M3 @ M3) @ M3,
        M3 @ (M3 @ M3),
        v.matmul(term(M3), term(M3), term(M3)),
    ),
    "transpose of a product": (products.transpose_of_product, (A @ B).T, B.T @ A.T, b.T @ a.T),
    "transpose through an inverse": (
        products.transpose_of_product,
        (A @ linalg.inv(B)).T,
        linalg.inv(B.T) @ A.T,
        v.inverse(b.T) @ a.T,
    ),
    "transpose of a sum": (products.transpose_of_sum, (A + B).T, B.T + A.T, a.T + b.T),
    "transpose of a transpose": (
        products.transpose_of_transpose,
        A.T.T @ B,
        (B.T @ A.T).T,
        a @ b,
    ),
    "a scalar inside": (products.scalars_commute, A @ (c * B), c * (A @ B), v.scale(k, a @ b)),
    "a scalar spelled in two ways": (
        products.scalars_commute,
        (-0.5 * A) @ B,
        -(A @ (B / 2)),
        v.scale(-0.5, a @ b),
    ),
    "a scaled factor of a Kronecker product": (
        kronecker.kron_of_scaled_left,
        linalg.kron(c * A, B),
        linalg.kron(A, B) * c,
        v.scale(k, v.kron(a, b)),
    ),
}


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize("name", AXIOMS)
def test_axioms(name, matcher):
    relation, one, other, expected = AXIOMS[name]
    assert the_term(one) is expected
    assert the_term(other) is expected
    out = var()
    assert len(run(0, out, relationo(relation, one, other, matcher=matcher))) == 1
    assert len(run(0, out, relationo(relation, other, one, matcher=matcher))) == 1
    # There is nothing to rewrite: the answer would be the graph itself, in another spelling.
    assert answers(relation, one, matcher) == set()


# --- sums over a batch ---------------------------------------------------------------------------

SUMS = {
    "of products": (
        products.batch_sum_of_product,
        (M3 @ N3).sum(axis=0),
        {v.beside(m3) @ v.beside(n3.T).T},
    ),
    "of products of three": (
        products.batch_sum_of_product,
        (M3 @ A @ N3).sum(axis=0),
        {v.beside(m3 @ a) @ v.beside(n3.T).T, v.beside(m3) @ v.beside(n3.T @ a.T).T},
    ),
    "of products with one matrix": (
        products.batch_sum_of_product,
        (A @ M3).sum(axis=0),
        set(),
    ),
    "of products with two batches": (
        products.batch_sum_of_product,
        (M4 @ N3).sum(axis=(0, 1)),
        set(),
    ),
    "one matrix on the left": (
        products.batch_sum_on_the_right,
        (A @ M3).sum(axis=0),
        {a @ v.batch_sum(m3)},
    ),
    "two matrices on the left": (
        products.batch_sum_on_the_right,
        (A @ B @ M3).sum(axis=0),
        {a @ v.batch_sum(b @ m3), a @ b @ v.batch_sum(m3)},
    ),
    "a batch on the left": (products.batch_sum_on_the_right, (M3 @ A).sum(axis=0), set()),
    "one matrix on the right": (
        products.batch_sum_on_the_left,
        (M3 @ A).sum(axis=0),
        {v.batch_sum(m3) @ a},
    ),
    "a batch on the right": (products.batch_sum_on_the_left, (A @ M3).sum(axis=0), set()),
    "over a part of a batch": (
        products.batch_sum_of_product,
        (M4 @ M4).sum(axis=0),
        set(),
    ),
}

# --- inverses ------------------------------------------------------------------------------------

INVERSES = {
    "a product": (
        inverses.inverse_of_product,
        linalg.inv(S @ T),
        {v.inverse(t) @ v.inverse(s)},
    ),
    "a product of three, in both places": (
        inverses.inverse_of_product,
        linalg.inv(S @ T @ U),
        {v.inverse(u) @ v.inverse(s @ t), v.inverse(t @ u) @ v.inverse(s)},
    ),
    "a product within a product": (
        inverses.inverse_of_product,
        S.T @ linalg.inv(S @ T) @ x3,
        {s.T @ v.inverse(t) @ v.inverse(s) @ tx3},
    ),
    "a solve of a product": (
        inverses.inverse_of_product,
        linalg.solve(S @ T, x3),
        {v.inverse(t) @ v.inverse(s) @ tx3},
    ),
    "a product of what may not be square": (
        inverses.inverse_of_product,
        linalg.inv(A @ B),
        set(),
    ),
    "an inverse": (inverses.inverse_of_inverse, linalg.inv(linalg.inv(A)), {a}),
    "a matrix times a number": (
        inverses.inverse_of_scaled,
        linalg.inv(2 * A),
        {v.scale(0.5, v.inverse(a))},
    ),
    "a matrix times a scalar": (
        inverses.inverse_of_scaled,
        linalg.solve(c * A, x),
        {v.scale(v.reciprocal(k), v.inverse(a) @ tx)},
    ),
    "cancelled by a solve": (inverses.cancel_left, linalg.solve(A, A @ x), {tx}),
    "cancelled in the middle": (inverses.cancel_right, B @ A @ linalg.inv(A) @ C, {b @ cc}),
    "cancelled twice": (
        inverses.cancel_left,
        linalg.inv(S) @ S @ linalg.inv(T) @ T,
        {v.inverse(s) @ s, v.inverse(t) @ t},
    ),
    "orthogonal": (
        inverses.inverse_of_orthogonal,
        linalg.solve(R, x),
        {term(R).T @ tx},
    ),
    "not known to be orthogonal": (inverses.inverse_of_orthogonal, linalg.inv(A), set()),
}

# --- Kronecker products --------------------------------------------------------------------------

KRONECKER = {
    "times a vector": (
        kronecker.kron_matvec,
        linalg.kron(A, B) @ x,
        {v.vec(a @ v.unvec(tx, a.cols, b.cols) @ b.T)},
    ),
    "a row times it": (
        kronecker.kron_vecmat,
        x[None, :] @ linalg.kron(A, B),
        {v.vec(a.T @ v.unvec(tx, a.rows, b.rows) @ b).T},
    ),
    "inverse": (
        kronecker.inverse_of_kron,
        linalg.inv(linalg.kron(A, B)),
        {v.kron(v.inverse(a), v.inverse(b))},
    ),
    "inverse of three factors": (
        kronecker.inverse_of_kron,
        linalg.inv(linalg.kron(linalg.kron(A, B), C)),
        {
            v.kron(v.inverse(a), v.inverse(v.kron(b, cc))),
            v.kron(v.inverse(v.kron(a, b)), v.inverse(cc)),
        },
    ),
    "solve": (
        kronecker.inverse_of_kron,
        linalg.solve(linalg.kron(A, B), x),
        {v.kron(v.inverse(a), v.inverse(b)) @ tx},
    ),
    "transpose": (kronecker.transpose_of_kron, linalg.kron(A, B).T, {v.kron(a.T, b.T)}),
    "times another": (
        kronecker.product_of_krons,
        linalg.kron(S, V) @ linalg.kron(T, V),
        {v.kron(s @ t, w @ w)},
    ),
    "times another that may not conform": (
        kronecker.product_of_krons,
        linalg.kron(A, B) @ linalg.kron(C, D),
        set(),
    ),
    "trace": (
        kronecker.trace_of_kron,
        pt.trace(linalg.kron(S, V)),
        {v.trace(s) * v.trace(w)},
    ),
    "sum of all entries": (
        kronecker.total_of_kron,
        linalg.kron(A, B).sum(),
        {v.total(a) * v.total(b)},
    ),
    "times another, elementwise": (
        kronecker.elementwise_product_of_krons,
        linalg.kron(S, V) * linalg.kron(T, V),
        {v.kron(v.mul(s, t), v.mul(w, w))},
    ),
    "Cholesky factor": (
        kronecker.cholesky_of_kron,
        linalg.cholesky(linalg.kron(P, Q)),
        {v.kron(v.cholesky(term(P)), v.cholesky(term(Q)))},
    ),
    "a Kronecker sum in a solve": (
        kronecker.sylvester_of_kron_sum,
        linalg.solve(linalg.kron(S, pt.eye(2)) + linalg.kron(pt.eye(3), V), x6),
        {v.vec(v.sylvester(s, w.T, v.unvec(tx6, s.cols, w.cols)))},
    ),
    "Lyapunov's equation": (
        kronecker.lyapunov_of_kron,
        linalg.solve(pt.eye(9) - linalg.kron(S, S), x9),
        {v.vec(v.discrete_lyapunov(s, v.unvec(tx9, s.cols, s.cols)))},
    ),
    "exponential of a Kronecker sum": (
        kronecker.expm_of_kron_sum,
        linalg.expm(linalg.kron(S, pt.eye(2)) + linalg.kron(pt.eye(3), V)),
        {v.kron(v.expm(s), v.expm(w))},
    ),
}


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize("name", SUMS)
def test_sums(name, matcher):
    relation, graph, expected = SUMS[name]
    assert answers(relation, graph, matcher) == expected


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize("name", INVERSES)
def test_inverses(name, matcher):
    relation, graph, expected = INVERSES[name]
    assert answers(relation, graph, matcher) == expected


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize("name", KRONECKER)
def test_kronecker(name, matcher):
    relation, graph, expected = KRONECKER[name]
    assert answers(relation, graph, matcher) == expected


@pytest.mark.parametrize("family", [AXIOMS, SUMS, INVERSES, KRONECKER])
def test_there_are_ten_cases(family):
    assert len(family) >= 10
    assert all(isinstance(relation.lhs, Term) for relation, *_ in family.values())
