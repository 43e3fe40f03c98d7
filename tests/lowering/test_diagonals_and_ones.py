"""What diagonals, matrices of one entry and differences are lowered to, and how they are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg

import kantor
from lowering.build import Builder
from lowering.planner import Planner
from lowering.subtraction import signed
from matchers import vocabulary as v
from matchers.conforming import learn
from matchers.dims import const
from matchers.equalities import Dims
from matchers.kernels import node_kernel
from matchers.leaves import atom, number
from matchers.terms import Term
from matchers.traversal import subterms
from matchers.view import View
from tests.support import evaluate, ops

RNG = np.random.default_rng(20261124)
AA, ONE = pt.matrix("A"), pt.matrix("O", shape=(1, 1))
xx, yy, zz = pt.vectors("x", "y", "z")
A, one, x, y, z = atom(AA), atom(ONE), *(atom(w, 1) for w in (xx, yy, zz))
VALUES = {
    AA: RNG.normal(size=(4, 4)), ONE: np.array([[-1.7]]),
    xx: RNG.normal(size=4), yy: RNG.normal(size=4), zz: np.array([0.3]),
}  # fmt: skip
THREE = pt.vector("three", shape=(1,))
w = atom(THREE, 1)
VALUES[THREE] = np.array([2.5])


def built(term: Term) -> Any:
    dims = Dims()
    learn(dims, term)

    def holds(t: Any, key: str) -> bool:
        return t.head is v.triangle and key == "lower_triangular"

    plan = Planner(lambda d: 50.0 ** sum(p for _, p in d.powers), holds).plan((term,))
    leaves = [t.var for t in subterms(term) if hasattr(t, "var")]
    return Builder(plan, dims, leaves, (), "float64", holds).value(term)


SAME: dict[str, tuple[Term, list[str]]] = {
    "divided by a diagonal": (v.inverse(v.diag(x)) @ y, ["Elemwise"]),
    "a matrix divided, from the right": (A @ v.inverse(v.diag(x)), ["Elemwise"]),
    "times a diagonal": (v.diag(x) @ y, ["Elemwise"]),
    "a difference": (x - y, ["Elemwise"]),
    "two taken away": (x + x - y - v.scale(2, x), ["Elemwise"] * 3),
    "nothing but negatives": (v.add(v.scale(-1, x), v.scale(-1, y)), ["Elemwise"] * 2),
    "the inverse of one entry": (v.inverse(one), ["Elemwise"]),
    "a solve with one entry": (v.inverse(one) @ w.T, ["Elemwise"]),
    "a solve with one entry, from the right": (x @ v.inverse(one), ["Elemwise"]),
    "the determinant of one entry": (v.det(one), []),
    "the logarithm of one entry": (v.logabsdet(one), ["Elemwise", "Elemwise"]),
    "a triangle of one entry": (
        v.inverse(v.triangle(one, True, True)) @ w.T,
        ["SolveTriangular"],
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_built_as_it_is_priced(name: str) -> None:
    term, expected = SAME[name]
    graph = built(term)
    np.testing.assert_allclose(*evaluate([graph, term.evaled_obj], VALUES), rtol=1e-12)
    assert [op for op in ops(graph) if op not in ("DimShuffle", "Squeeze")] == expected


def test_one_number_is_free() -> None:
    planner = Planner(lambda d: 8.0, lambda t, key: False)
    for term in (v.inverse(one) @ w.T, v.add(one, one), v.scale(2, one)):
        assert planner.step(term).kernel == "scalar"
    assert planner.step(v.add(x, y)).kernel == "elementwise"
    view = View()
    for graph in (ONE + ONE, pt.scalar() * 2):
        assert node_kernel(view, graph.owner)[0] == "scalar"
    assert node_kernel(view, (xx + yy).owner)[0] == "elementwise"


def test_what_is_added_stands_first() -> None:
    total = v.add(v.scale(-1, x), y)
    assert signed(total) == [(y, False), (x, True)]
    negative = v.add(v.scale(-1, x), v.scale(-1, y))
    (first, minus), *others = signed(negative)
    assert first.head is v.scale and not minus
    assert [minus for _, minus in others] == [True]
    planner = Planner(lambda n: 50.0, lambda *_: False)
    assert planner.price((negative,)) == planner.price((v.add(v.scale(-1, x), y),)) + 250


def test_zeros_are_left_out_of_sums() -> None:
    a = v.total(A)
    assert v.add(a, number(0)) is a
    assert v.add(number(0), number(0)) is number(0)
    assert v.logabsdet(v.eye(const(3))) is number(0)
    assert v.det(v.eye(const(3))) is number(1)
    assert v.inverse(v.scale(2, v.eye(const(3)))) is v.scale(0.5, v.eye(const(3)))
    assert v.log_magnitude(number(-1)) is number(0)


READ = {
    "one over a vector": (1 / xx, "x⁻¹"),
    "one over a column": (1 / xx[:, None], "x⁻¹"),
    "reciprocal": (pt.reciprocal(xx), "x⁻¹"),
    "a logarithm": (pt.log(pt.abs(xx)), "log|x|"),
    "a logarithm of a coefficient": (pt.log(pt.abs(xx.sum())), "log|Σ(x)|"),
    "a product of all": (pt.prod(xx), "Π(x)"),
    "a product of all entries": (AA.prod(), "Π(A)"),
}


@pytest.mark.parametrize("name", READ)
def test_read(name: str) -> None:
    graph, expected = READ[name]
    view = View()
    term = view.definition(graph)
    assert str(term) == expected
    value = np.asarray(evaluate(term.evaled_obj, VALUES))
    np.testing.assert_allclose(value.reshape(-1), np.reshape(evaluate(graph, VALUES), -1))


LEAVES = {
    "one over a matrix": 1 / AA,
    "two over a vector": 2 / xx,
    "a logarithm": pt.log(xx),
    "one of another dtype": 1 / pt.vector(dtype="int64"),
    "a product along an axis": AA.prod(axis=0),
}


@pytest.mark.parametrize("name", LEAVES)
def test_not_read(name: str) -> None:
    term = View().definition(LEAVES[name])
    assert not term.args


@pytest.mark.parametrize("relations", [None, "inverses"])
def test_a_diagonal_is_never_factorized(relations: Any) -> None:
    for graph in (linalg.inv(pt.diag(xx)), linalg.det(pt.diag(xx)), linalg.slogdet(pt.diag(xx))[1]):
        new = kantor.rewrite(graph, relations=relations)
        assert not {"MatrixInverse", "Det", "SLogDet"} & set(ops(new))
        np.testing.assert_allclose(*evaluate([new, graph], VALUES), rtol=1e-10)


def test_the_inverse_of_a_scaled_identity_is_no_factorization() -> None:
    c = pt.scalar("c")
    new = kantor.rewrite(linalg.inv(c * pt.eye(5)))
    assert "MatrixInverse" not in ops(new)
    value = new.eval({c: 4.0})
    np.testing.assert_allclose(value, np.eye(5) / 4)
