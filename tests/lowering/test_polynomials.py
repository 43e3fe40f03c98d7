"""Polynomials in dimensions: an algebra, and proofs that hold for all sizes."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lowering.polynomials import SMALLEST, ZERO, Poly
from matchers.dims import Axis, Dim, const, shorter

AXES = [Axis(name, None) for name in "mnk"]
m, n, k = (Poly.of(Dim(1, frozenset([(s, 1)]))) for s in AXES)
monomials = st.tuples(*[st.integers(0, 3)] * 3).map(
    lambda powers: frozenset((s, p) for s, p in zip(AXES, powers, strict=True) if p)
)
# The coefficients of costs are sixths and sums of sixths; what is smaller by far is rounding.
coefs = st.integers(-40, 40).map(float) | st.integers(-6000, 6000).map(lambda i: i / 6)
polys = st.dictionaries(monomials, coefs, max_size=5).map(Poly)
sizes = st.tuples(*[st.integers(SMALLEST, 3000)] * 3).map(
    lambda ns: dict(zip(AXES, map(float, ns), strict=True))
)


def value(poly: Poly, at: dict[Axis, float]) -> float:
    found = poly.at(at).constant
    assert found is not None
    return found


def near(a: float, b: float, scale: float) -> bool:
    return abs(a - b) <= 1e-9 * max(1.0, abs(scale))


def weight(poly: Poly, at: dict[Axis, float]) -> float:
    return value(Poly({mono: abs(c) for mono, c in poly.terms.items()}), at)


@given(polys, polys, sizes)
def test_an_algebra(p: Poly, q: Poly, at: Any) -> None:
    a, b, scale = value(p, at), value(q, at), weight(p, at) + weight(q, at)
    assert near(value(p + q, at), a + b, scale)
    assert near(value(p - q, at), a - b, scale)
    assert near(value(-p, at), -a, scale)
    assert near(value(p * q, at), a * b, (1 + weight(p, at)) * (1 + weight(q, at)))
    assert near(value(2.5 * p + 1, at), 2.5 * a + 1, scale)
    assert (p - p).terms == {}


mostly_positive = st.dictionaries(
    monomials, st.integers(-12, 240).map(lambda i: i / 6), min_size=2, max_size=5
).map(Poly)


@settings(max_examples=400, suppress_health_check=[HealthCheck.filter_too_much])
@given(mostly_positive, sizes)
def test_positive_means_positive_from_the_smallest_size_on(p: Poly, at: Any) -> None:
    assume(p.positive())
    corners = (dict(zip(AXES, c, strict=True)) for c in product((8.0, 9.0, 5000.0), repeat=3))
    for where in (at, *corners):
        assert value(p, where) > -1e-4 * (1 + weight(p, where))


@given(polys, sizes)
def test_filling_in_step_by_step(p: Poly, at: Any) -> None:
    partly = p.at({AXES[0]: at[AXES[0]]})
    assert AXES[0] not in partly.symbols
    assert near(value(partly, at), value(p, at), weight(p, at))


def test_what_is_proved_positive() -> None:
    assert (m * m - 8 * m + 1).positive()
    assert not (m * m - 9 * m).positive()
    assert (m * n - m - n).positive()
    assert (m * m * n * n - m * m * n - m * n * n).positive()
    assert not (m - n).positive() and not (n - m).positive()
    assert not ZERO.positive() and Poly({frozenset(): 1.0}).positive()
    assert (m - 7).positive() and not (m - 8).positive() and (m - 8).positive(9)


@pytest.mark.parametrize(
    ("poly", "text"),
    [
        (ZERO, "0"), (m, "m"), (-m, "- m"), (m * m * n - 2 * m + 3, "m^2·n - 2·m + 3"),
        (m * n * (2 / 3), "0.667·m·n"), (Poly({frozenset(): -1.5}), "- 1.5"), (1 * m - m, "0"),
    ],
)  # fmt: skip
def test_text(poly: Poly, text: str) -> None:
    assert str(poly) == text


def test_normal_forms_of_dimensions() -> None:
    squared = Dim(1, frozenset([(AXES[1], 2)]))

    def normal(dim: Dim) -> Dim:
        powers = dict(dim.powers)
        p = powers.pop(AXES[0], 0)
        out = Dim(dim.coef * 3**p, frozenset(powers.items()))
        for _ in range(p):
            out = out * squared
        return out

    assert (m * 2 + n * n).normal(normal).terms == (7 * (n * n)).terms
    assert Poly.of(Dim(6)).constant == 6.0
    assert m.constant is None and m.symbols == {AXES[0]}


def test_many_symbols() -> None:
    """Of a product of ten matrices, and more, a proof takes no exponential time."""
    axes = [Poly.of(Dim(1, frozenset([(Axis(f"n{i}", None), 1)]))) for i in range(30)]
    whole = axes[0]
    for axis in axes[1:]:
        whole = whole * axis
    pairs = Poly.sum(a * b for a, b in pairwise(axes))
    assert (whole - 4 * pairs - 3000).positive()
    few = axes[0] * axes[1]
    assert (few - 3 * axes[0] - 3 * axes[1]).positive()
    assert not (few - 4 * axes[0] - 4 * axes[1]).positive()


def test_the_shorter_of_two_lengths_is_at_most_each() -> None:
    rows, cols, inner = (Dim(1, frozenset([(s, 1)])) for s in AXES)
    least = Poly.of(shorter(rows, cols))
    m, n, k = map(Poly.of, (rows, cols, inner))
    assert (m * n * k - 2 * least * k).positive()
    assert (m * k - least * k + 1).positive()
    assert (m + n - 2 * least + 1).positive()
    assert (m * n - least * least + 1).positive()
    assert not (least * k - m * k + 1).positive()
    assert not (m * k - 2 * least * k).positive()
    assert not (m + 1 - least - least).positive()


def _shorter(*parts: Poly | int) -> Poly:
    dims = [const(p) if isinstance(p, int) else Dim(1, next(iter(p.terms))) for p in parts]
    return Poly.of(shorter(*dims))


def test_what_is_subtracted_of_the_shorter_is_no_more_than_either() -> None:
    least = _shorter(k, 30)
    assert [p.terms for p in (m - m * least).below()] == [(m - m * k).terms, (m - 30 * m).terms]
    assert [p.terms for p in (m + n * least * least - 2 * least).below()] == [
        (m + n * least * least - 2 * k).terms,
        (m + n * least * least - 60).terms,
    ]
    assert (m + n * least).below() == (m - n).below() == []


@given(polys, polys, sizes, st.integers(2, 300))
def test_below_is_nowhere_above(p: Poly, q: Poly, at: dict[Axis, float], longest: int) -> None:
    for least in (_shorter(m, n), _shorter(k, longest)):
        poly = p + q * least
        exact = value(poly, at)
        for low in poly.below():
            assert value(low, at) <= exact + 1e-9 * (weight(poly, at) + weight(low, at))


def test_the_shorter_of_what_is_known_is_known() -> None:
    least = _shorter(m, n)
    assert least.at({AXES[0]: 7.0, AXES[1]: 5.0}).constant == 5.0
    assert least.at({AXES[0]: 7.0}).terms == least.terms


def test_what_is_no_longer_than_a_number_is_not_said_to_be() -> None:
    """Of lengths of at least 32, the shorter of k and 12 is still but 12."""
    assert (_shorter(k, 12) - 11).positive(32)
    assert not (_shorter(k, 12) - 13).positive(32)
    assert not (m * _shorter(k, 12) - 13 * m).positive(32)
    assert (m * _shorter(k, n) - 31 * m).positive(32)
