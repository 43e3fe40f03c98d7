"""Dimensions: monomials under unification, which never calls equal what may differ."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from matchers.dims import ONE, Axis, Dim, broadcast, const, length, summed, symbol
from matchers.equalities import Dims
from matchers.terms import shape
from matchers.variables import LogicVar
from tests.support import evaluate

AXES = [Axis(name, None) for name in "abcd"]
a, b, c, d = (Dim(1, frozenset([(s, 1)])) for s in AXES)


def value(dim: Dim, sizes: dict[Any, int]) -> int:
    out = dim.coef
    for s, p in dim.powers:
        parts = s.owner[1] if isinstance(s.owner, tuple) else ()
        out *= (sum(value(d, sizes) for d in parts) if parts else sizes[s]) ** p
    return out


monomials = st.builds(
    lambda coef, powers: Dim(
        coef, frozenset((s, p) for s, p in zip(AXES, powers, strict=True) if p)
    ),
    st.sampled_from([1, 1, 1, 2, 3, 6, 0]),
    st.tuples(*[st.integers(0, 2)] * 4),
)
symbols = st.sampled_from([a, b, c, d, ONE, Dim(2), a * b])
sums = st.lists(symbols, min_size=1, max_size=3).map(lambda parts: summed(*parts))
SIZES = [dict(zip(AXES, ns, strict=True)) for ns in product((0, 1, 2, 3, 6), repeat=4)]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(sums, sums), max_size=5), sums, sums)
def test_sums_are_equal_for_all_lengths_that_fit(equations: Any, x: Dim, y: Dim) -> None:
    dims = Dims()
    consistent = all([dims.unify(m, n) for m, n in equations])
    fitting = [s for s in SIZES if all(value(m, s) == value(n, s) for m, n in equations)]
    if not consistent:
        assert not fitting
    for s in fitting:
        assert value(dims.normal(x), s) == value(x, s)
        if dims.equal(x, y):
            assert value(x, s) == value(y, s)


def test_sums_of_lengths() -> None:
    assert summed(a, summed(b, c)) == summed(summed(a, b), c)
    assert summed(a, a) == a * 2
    assert summed(a, Dim(0)) == a
    assert summed(const(2), const(3)) == const(5)
    dims = Dims()
    assert dims.equal(summed(a, b), summed(b, a))
    assert not dims.equal(summed(a, b), summed(a, c))
    # Lengths that are added may be cancelled, unlike those that are multiplied.
    assert dims.unify(summed(a, b), summed(a, c)) and dims.equal(b, c)
    assert dims.unify(summed(a, const(2)), const(5)) and dims.equal(a, const(3))


def test_a_sum_is_known_by_its_parts() -> None:
    dims = Dims()
    assert dims.unify(d, summed(a, b))
    assert not dims.equal(d, summed(a, c))
    assert dims.unify(b, c)
    assert dims.equal(d, summed(a, c)) and dims.equal(d, summed(c, a))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(monomials, monomials), max_size=4), monomials, monomials)
def test_equal_means_equal_for_all_lengths_that_fit(equations: Any, x: Dim, y: Dim) -> None:
    dims = Dims()
    consistent = all([dims.unify(m, n) for m, n in equations])
    fitting = [s for s in SIZES if all(value(m, s) == value(n, s) for m, n in equations)]
    if not consistent:
        assert not fitting
    for m in (a, b, c, d, x, y):
        for form in (dims.normal(m), dims.reduced(m)):
            assert all(value(m, s) == value(form, s) for s in fitting)
    assume(dims.equal(x, y))
    assert all(value(x, s) == value(y, s) for s in fitting)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(monomials, monomials), max_size=4))
def test_members_are_equal(equations: Any) -> None:
    dims = Dims()
    if not all([dims.unify(m, n) for m, n in equations]):
        return
    for m in (a, b, c, d):
        assert all(dims.equal(k, m) for k in dims.members(m))


@given(monomials, monomials)
def test_monomials_multiply(x: Dim, y: Dim) -> None:
    assert x * y == y * x
    assert hash(x * y) == hash(y * x)
    for sizes in SIZES[::97]:
        assert value(x * y, sizes) == value(x, sizes) * value(y, sizes)


def test_composite_lengths() -> None:
    dims = Dims()
    assert dims.unify(c, a * b)  # the length of v in (A ⊗ B) v
    assert dims.equal(c, b * a)
    assert dims.equal(c * c, a * a * b * b)
    assert not dims.equal(c, a)
    assert dims.unify(a, const(3))
    assert dims.normal(c) == b * 3
    assert dims.unify(b, const(4))
    assert dims.normal(c) == const(12)
    assert not dims.unify(c, const(13))


def test_two_composite_lengths_are_remembered() -> None:
    dims = Dims()
    assert dims.unify(a * b, c * d)
    assert dims.equal(a * b, c * d)
    assert dims.equal(a * b * a, c * d * a)
    assert not dims.equal(a, c)
    assert dims.unify(b, d)
    # Where b is 0 nothing follows of a and c.
    assert not dims.equal(a, c)
    assert dims.equal(a * b, c * b)


def test_a_composite_length_of_one() -> None:
    dims = Dims()
    assert dims.unify(a * b, ONE)
    assert dims.equal(a * b, ONE)


def test_common_integers_are_cancelled_and_lengths_are_not() -> None:
    dims = Dims()
    assert dims.unify(a * 2, b * 2)
    assert dims.equal(a, b)
    assert dims.unify(a * c, a * d)
    assert not dims.equal(c, d)


def test_contradictions() -> None:
    dims = Dims()
    assert dims.unify(a, const(2))
    assert not dims.unify(a, const(3))
    assert not dims.unify(const(2), const(3))
    assert dims.unify(const(3), const(3))
    assert dims.unify(a, a)


def test_a_copy_is_independent() -> None:
    dims = Dims()
    dims.unify(a, b)
    other = dims.copy()
    other.unify(c, d)
    assert other.equal(a, b) and other.equal(c, d)
    assert not dims.equal(c, d)


def test_members_are_single_symbols() -> None:
    dims = Dims()
    dims.unify(a, b)
    dims.unify(b, c)
    assert set(dims.members(c)) == {a, b}
    assert dims.members(d) == []


def test_symbols_of_variables() -> None:
    A, S = pt.matrix("A"), pt.matrix("S", shape=(4, 1))
    assert symbol(S, 0) == const(4)
    assert symbol(S, 1) is ONE
    assert str(symbol(A, 1)) == "A.1"
    assert str(symbol(A, 0) * symbol(A, 0) * 3) == "3·A.0^2"
    assert const(1) is ONE
    assert not symbol(A, 0).known and const(5).known
    x = LogicVar("x", "vector")
    assert shape(x)[1] is ONE
    assert shape(x)[0].has_variable and not symbol(A, 0).has_variable


def test_a_length_is_a_graph() -> None:
    A, n = pt.matrix("A"), pt.lscalar("n")
    assert length(const(7)) == 7
    graph = length(symbol(A, 0) * symbol(n, None) * 2)
    assert evaluate(graph, {A: np.ones((3, 2)), n: 5}) == 30
    assert length(symbol(n, None)) is n


@pytest.mark.parametrize(
    ("batches", "out"),
    [
        ([], ()), ([()], ()), ([(a,), ()], (a,)), ([(a, b), (b,)], (a, b)),
        ([(ONE, b), (a, ONE)], (a, b)), ([(ONE,), (ONE,)], (ONE,)), ([(b,), (a, ONE)], (a, b)),
    ],
)  # fmt: skip
def test_broadcasting(batches: list[tuple[Dim, ...]], out: tuple[Dim, ...]) -> None:
    assert broadcast(batches) == out
