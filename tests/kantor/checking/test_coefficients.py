"""Optional coefficients in the battery: both spellings are verified, and both must match."""

from __future__ import annotations

from typing import Any

import pytest

import matchers.coefficients
from kantor.checking import readings
from kantor.checking.instances import Problem
from kantor.checking.matching import check_matches
from kantor.checking.mismatch import Mismatch
from matchers.leaves import number
from matchers.vocabulary import inverse, scale
from relations.language import coefficients, matrices
from relations.sums_of_products import common_factor_left
from tests.kantor.checking.planted import failure, holds, made

A, B, X = matrices("A B X")
c, d = coefficients("c d")


def test_each_coefficient_is_there_or_left_out() -> None:
    found = [tuple(map(str, s.written)) for s in readings(common_factor_left)]
    assert found == [
        ("c·A X + d·A Y", "A (c·X + d·Y)"),
        ("c·A X + A Y", "A (c·X + Y)"),
        ("A X + d·A Y", "A (X + d·Y)"),
        ("A X + A Y", "A (X + Y)"),
    ]
    assert [len(s.variables) for s in readings(common_factor_left)] == [5, 4, 4, 3]


def test_what_is_made_of_a_coefficient_that_is_left_out() -> None:
    def body() -> Any:
        return inverse(scale(c, A)), scale(1 / c, inverse(A))

    with_it, without = readings(made(body, both_ways=False))
    assert (str(with_it.rhs), str(without.lhs), str(without.rhs)) == ("c⁻¹·A⁻¹", "A⁻¹", "A⁻¹")
    verdict = holds(made(body, both_ways=False))
    assert verdict.variants["float32"] and verdict.variants["complex"]


@pytest.mark.parametrize(
    "body",
    [
        lambda: (scale(c, A @ X) + B, A @ X + B),  # true without it
        lambda: (scale(c, A @ X) + B, scale(-1, scale(c, A @ X)) + B),  # never true
        lambda: (scale(c, A @ X) + B, scale(1 / c, A @ X) + B),
    ],
)
def test_a_wrong_side_is_found(body: Any) -> None:
    assert "right side differs" in failure(made(body, both_ways=False))


@pytest.mark.parametrize("broken", ["one", "several"])
def test_a_matcher_that_wants_one_spelling_fails(broken: str, monkeypatch: Any) -> None:
    whole = matchers.coefficients.parted

    def parted(t: Any) -> tuple[Any, Any]:
        coefficient, scaled = whole(t)
        is_one = coefficient is number(1)
        return (number(7), inverse(t)) if is_one == (broken == "one") else (coefficient, scaled)

    def check() -> None:
        for sides in readings(common_factor_left):
            check_matches(Problem(sides), [])

    check()
    monkeypatch.setattr(matchers.coefficients, "parted", parted)
    with pytest.raises(Mismatch, match="does not match"):
        check()
