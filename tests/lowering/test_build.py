"""Building: the graph of a plan, of the type of what it replaces, over leaves only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg

from lowering.build import Builder, CannotBuild
from lowering.planner import Planner
from matchers import vocabulary as v
from matchers.conforming import learn
from matchers.dims import const
from matchers.equalities import Dims
from matchers.leaves import atom, number
from matchers.terms import Term, shape
from matchers.traversal import subterms
from tests.support import PLAIN, evaluate, ops

RNG = np.random.default_rng(20261203)
AA, BB = pt.matrices("A", "B")
xx = pt.vector("x")
A, B, x = atom(AA), atom(BB), atom(xx, 1)


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


HALF = draw(4, 4)
P = HALF @ HALF.T + np.eye(4)
VALUES = {AA: P, BB: draw(4, 4), xx: draw(4)}


def builder(*roots: Term, known: Any = (), dtype: str = "float64", replaced: Any = ()) -> Builder:
    facts = set(known)

    def holds(term: Any, key: str) -> bool:
        return (term, key) in facts

    dims = Dims()
    learn(dims, *roots)
    plan = Planner(lambda d: 50.0 ** sum(p for _, p in d.powers), holds).plan(roots)
    leaves = [AA, BB, xx, *(t.var for t in subterms(*roots) if hasattr(t, "var"))]
    return Builder(plan, dims, leaves, replaced, dtype, holds)


def built(term: Term, **options: Any) -> Any:
    return builder(term, **options).value(term)


LITERAL = [
    A @ B @ x, v.inverse(A) @ x, B @ v.inverse(A), B @ v.inverse(A) @ B, A + B - A, 2.5 * A @ B,
    v.diag(x) @ B, B @ v.diag(x), v.diag(x) @ B @ v.diag(x), v.diag(x), v.kron(A, B), A.T @ x,
    v.inverse(v.transpose(A)) @ x, v.trace(A) * B, v.mul(A, B), v.vec(A @ B), v.diagonal(A),
    v.eye(A.rows) + A, v.ones(A.rows) @ x.T, v.cholesky(A), v.reciprocal(v.det(A)) * A,
    v.inverse(A) @ v.inverse(A) @ x, v.total(A) * v.logabsdet(A) * B, v.size(A.rows) * A,
    v.block_diag(A, B), v.unvec(v.vec(A), B.rows, B.cols), v.item(x.T @ A @ x) * A,
    v.triangle(A, True, False), v.triangle(A, False, True), v.triangle(A, True, True),
]  # fmt: skip


@pytest.mark.parametrize("term", LITERAL, ids=str)
def test_the_value_of_a_plan_is_the_literal_value(term: Term) -> None:
    got, want = evaluate([built(term), term.evaled_obj], VALUES)
    np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("transposed", [True, False])
def test_triangular_solves(side: str, lower: bool, transposed: bool) -> None:
    keys = ("lower_triangular", "upper_triangular")
    own, other = keys if lower else keys[::-1]
    factor = v.inverse(A.T if transposed else A)
    known = [(A, own), (A.T, other)]
    term = factor @ B if side == "left" else B @ factor
    graph = built(term, known=known)
    assert "SolveTriangular" in ops(graph)
    triangle = np.tril(P) if lower else np.triu(P)
    got, want = evaluate([graph, term.evaled_obj], {**VALUES, AA: triangle})
    np.testing.assert_allclose(got, want, rtol=1e-8)


def test_positive_definite_solves() -> None:
    graph = built(v.inverse(A) @ x, known=[(A, "positive_definite")])
    assert graph.owner.op.core_op.assume_a == "pos"
    np.testing.assert_allclose(evaluate(graph, VALUES), np.linalg.solve(P, VALUES[xx])[:, None])


def test_shared_terms_are_built_once() -> None:
    inner = v.kron(A, B)
    graph = built(inner + inner.T @ inner)
    assert ops(graph).count("KroneckerProduct") == 1


def test_identities_have_the_dtype_that_is_asked_for() -> None:
    for dtype in ("float32", "float64", "complex64"):
        assert built(v.eye(A.rows), dtype=dtype).type.dtype == dtype
        assert built(v.ones(A.rows), dtype=dtype).type.dtype == dtype


def test_definitions_are_built_and_not_the_variable() -> None:
    var = pt.exp(pt.matrix("never mentioned"))
    graph = built(atom(var, 2, A @ B) @ x)
    np.testing.assert_allclose(evaluate(graph, VALUES), (P @ VALUES[BB] @ VALUES[xx])[:, None])


OUTPUTS = [
    (A @ x, pt.vector(), 1), (A @ x, pt.vector(shape=(4,)), 1), (A @ B, pt.matrix(), 2),
    (A @ B, pt.matrix(shape=(4, 4)), 2), (A @ x, pt.matrix(shape=(None, 1)), 2),
    (v.trace(A), pt.scalar(), 0), (x.T @ A @ x, pt.matrix(shape=(1, 1)), 2),
    (v.vec(A @ B), pt.vector(), 1), (A @ B, pt.tensor3(shape=(1, None, None)), 2),
    (v.total(x), pt.vector(shape=(1,)), 0), (A @ B, pt.fmatrix(), 2), (number(2), pt.scalar(), 0),
    (v.item(x.T @ x), pt.scalar(), 0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("term", "like", "core"), OUTPUTS, ids=[f"{t}-{x.type}" for t, x, _ in OUTPUTS]
)
def test_outputs_have_the_type_of_what_they_replace(term: Term, like: Any, core: int) -> None:
    new = builder(term).output(term, like, core)
    assert like.type.is_super(new.type)
    assert new.type.ndim == like.type.ndim and new.type.dtype == like.type.dtype
    want = np.asarray(evaluate(pt.as_tensor(term.evaled_obj), VALUES))
    got = evaluate(new, VALUES)
    np.testing.assert_allclose(got.ravel(), want.ravel(), rtol=1e-5)


def test_a_static_shape_is_checked_when_it_runs() -> None:
    new = builder(A @ x).output(A @ x, pt.vector(shape=(5,)), 1)
    with pytest.raises(AssertionError, match="SpecifyShape"):
        evaluate(new, VALUES)


def test_lengths_come_from_leaves() -> None:
    term = v.kron(A, B) @ x
    b = builder(term)
    length = b.length(x.rows)
    values = {AA: draw(2, 3), BB: draw(4, 5), xx: draw(15)}
    f = pytensor.function([AA, BB, xx], pt.as_tensor(length), mode=PLAIN, on_unused_input="ignore")
    assert f(*values.values()) == 15
    assert b.length(const(7)) == 7
    assert b.length(A.rows) is b.length(A.rows)  # one node for all that asks for it


def test_lengths_of_sums() -> None:
    term = v.block_diag(A, B)
    length = builder(term).length(term.rows)
    assert evaluate(length, {AA: draw(2, 3), BB: draw(4, 5)}) == 6


def test_no_length_comes_from_what_is_replaced() -> None:
    below = pt.exp(AA)
    leaf = atom(linalg.cholesky(below))
    b = builder(v.ones(leaf.rows), leaf, replaced=[below])
    with pytest.raises(CannotBuild):
        b.value(v.ones(leaf.rows))


@pytest.mark.parametrize("first", [True, False])
def test_a_length_is_not_bound_to_what_mentions_it(first: bool) -> None:
    b = builder(A @ x)
    lengths = (A.cols, shape(v.diagonal(A))[0])
    b.dims.unify(*(lengths if first else lengths[::-1]))
    for length in lengths:
        value = evaluate(b.length(length), {AA: draw(5, 3), xx: draw(3)})
        assert value == 3
