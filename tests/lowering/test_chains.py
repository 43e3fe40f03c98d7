"""Bracketing: the cheapest of all bracketings, held against all of them."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowering.chains import DEFINITE, LONGEST, bracket, leaf_cost, step_cost
from lowering.costs import cost
from lowering.formulas import LAUNCH

KINDS = ("plain", "diagonal", "solve", "solve_positive", "solve_triangular")


def first(tree: Any) -> int:
    return tree if isinstance(tree, int) else first(tree[0])


def last(tree: Any) -> int:
    return tree if isinstance(tree, int) else last(tree[1])


def price(tree: Any, kinds: Any, dims: Any, batch: float) -> float:
    """What a bracketing costs, said independently of the programming."""
    if isinstance(tree, int):
        return leaf_cost(kinds[tree], dims[tree], batch)
    left, right = tree
    m, n, p = dims[first(left)], dims[first(right)], dims[last(right) + 1]
    ways = [
        price(other, kinds, dims, batch) + application(kinds[side], n, width, batch)
        for side, other, width in ((left, right, p), (right, left, m))
        if isinstance(side, int) and kinds[side] != "plain"
    ]
    if ways:
        return min(ways)
    parts = [price(x, kinds, dims, batch) for x in tree]
    return cost("product", (m, n, p), batch) + sum(parts)


def application(kind: str, n: float, width: float, batch: float) -> float:
    """What it costs to apply an inverse, or what is diagonal, without forming it."""
    if kind == "diagonal":
        return cost("elementwise", (n * width,), batch)
    return cost("solve_positive" if kind == DEFINITE else kind, (n, width), batch)


@cache
def trees(i: int, j: int) -> tuple[Any, ...]:
    if i == j:
        return (i,)
    return tuple((a, b) for k in range(i, j) for a in trees(i, k) for b in trees(k + 1, j))


@st.composite
def chains(draw: Any, most: int = 6) -> Any:
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=most))
    dims = [draw(st.integers(1, 60))]
    for kind in kinds:  # what is inverted or diagonal is square
        dims.append(draw(st.integers(1, 60)) if kind == "plain" else dims[-1])
    return kinds, [float(d) for d in dims], draw(st.sampled_from([1.0, 5.0]))


@settings(max_examples=100, deadline=None)
@given(chains(), st.integers(0, 3), st.integers(1, 4))
def test_what_is_known_of_other_chains_changes_nothing(chain: Any, start: int, width: int) -> None:
    kinds, dims, batch = chain
    names, known = [f"x{i}" for i in range(len(kinds))], {}
    part = slice(start, start + width)
    if kinds[part]:
        bracket(
            kinds[part], dims[start : start + len(kinds[part]) + 1], batch,
            known=known, factors=tuple(names[part]),
        )  # fmt: skip
    found = bracket(kinds, dims, batch, known=known, factors=tuple(names))
    assert found == bracket(kinds, dims, batch)


@settings(max_examples=200, deadline=None)
@given(chains())
def test_optimal(chain: Any) -> None:
    kinds, dims, batch = chain
    total, tree = bracket(kinds, dims, batch)
    best = min(price(t, kinds, dims, batch) for t in trees(0, len(kinds) - 1))
    assert best - 1e-6 <= total <= best + spare(kinds, batch) + 1e-6 * best
    assert price(tree, kinds, dims, batch) <= total + 1e-6 * best


def spare(kinds: Any, batch: float) -> float:
    """Which of two neighbours is formed does not depend on lengths, but for launches it may."""
    return 2.0 * LAUNCH * batch * kinds.count("solve_positive")


@settings(max_examples=200, deadline=None)
@given(chains(4), st.booleans(), st.booleans())
def test_columns_of_the_identity_are_taken_where_it_costs_least(
    chain: Any, row: bool, column: bool
) -> None:
    """A view of whatever else is computed, but built as the right side of a solve."""
    kinds, dims, batch = chain
    kinds = [*["row"] * row, *kinds, *["column"] * column]
    dims = [*[1.0] * row, *dims, *[1.0] * column]
    ends = {0: "row", len(kinds) - 1: "column"}

    def picked(tree: Any, alone: bool) -> float:
        if isinstance(tree, int):
            if ends.get(tree) == kinds[tree]:
                return cost("copy", (dims[tree + (kinds[tree] == "row")],), batch)
            return 0.0 if alone else leaf_cost(kinds[tree], dims[tree], batch)
        left, right = tree
        i, k, j = first(left), last(left), last(right)
        m, n, p = dims[i], dims[k + 1], dims[j + 1]
        ways = [
            application(kinds[side], n, width, batch) + picked(other, False)
            for side, other, width in ((left, right, p), (right, left, m))
            if isinstance(side, int) and kinds[side] not in ("plain", "row", "column")
        ]
        if ways:
            return min(ways)
        if isinstance(right, int) and kinds[right] == "column":
            return picked(left, False)
        if isinstance(left, int) and kinds[left] == "row":
            return picked(right, False)
        return cost("product", (m, n, p), batch) + picked(left, False) + picked(right, False)

    total, tree = bracket(kinds, dims, batch)
    best = min(picked(t, False) for t in trees(0, len(kinds) - 1))
    assert best - 1e-6 <= total <= best + spare(kinds, batch) + 1e-6 * best
    assert picked(tree, False) <= total + 1e-6 * best


def test_a_product_with_a_vector_goes_from_the_right() -> None:
    assert bracket(["plain"] * 3, [50, 50, 50, 1])[1] == (0, (1, 2))
    assert bracket(["plain"] * 3, [1, 50, 50, 50])[1] == ((0, 1), 2)


def test_an_inverse_is_applied_and_not_formed() -> None:
    total, tree = bracket(["plain", "solve", "plain"], [50, 50, 50, 1])
    assert tree == (0, (1, 2))
    assert total == cost("solve", (50.0, 1.0)) + cost("product", (50.0, 50.0, 1.0))


def test_a_single_inverse_is_formed() -> None:
    assert bracket(["solve"], [9.0, 9.0]) == (cost("inverse", (9.0,)), 0)
    assert bracket(["plain"], [9.0, 4.0]) == (0.0, 0)
    assert bracket(["diagonal"], [9.0, 9.0]) == (cost("copy", (81.0,)), 0)


@pytest.mark.parametrize("end", ["left", "right"])
def test_long_chains_are_bracketed_from_the_cheaper_end(end: str) -> None:
    n = LONGEST + 3
    dims = [1.0] + [30.0] * n if end == "left" else [30.0] * n + [1.0]
    total, tree = bracket(["plain"] * n, dims)
    assert total == pytest.approx((n - 2) * cost("product", (30.0, 30.0, 1.0)) + cost(
        "product", (30.0, 30.0, 1.0)))  # fmt: skip
    assert (first(tree), last(tree)) == (0, n - 1)
    assert isinstance(tree[1] if end == "left" else tree[0], int)


@pytest.mark.parametrize("n", [2, 7, LONGEST, LONGEST + 1, 200])
def test_every_factor_once_and_in_order(n: int) -> None:
    tree = bracket(["plain"] * n, [float(3 + i * 7 % 11) for i in range(n + 1)])[1]
    leaves, stack = [], [tree]
    while stack:
        t = stack.pop()
        if isinstance(t, int):
            leaves.append(t)
        else:
            stack += [t[1], t[0]]
    assert leaves == list(range(n))


@settings(max_examples=50, deadline=None)
@given(chains(4), st.data())
def test_the_order_of_ties_is_fixed(chain: Any, data: Any) -> None:
    assert bracket(*chain) == bracket(*chain)


def test_the_inverse_of_a_triangular_matrix_costs_a_solve_with_an_identity() -> None:
    n = 50.0
    expected = cost("solve_triangular", (n, n)) + cost("copy", (n * n,))
    assert leaf_cost("solve_triangular", n) == expected < leaf_cost("solve", n)


@pytest.mark.parametrize("turned", [False, True])
def test_what_zeros_save(turned: bool) -> None:
    """Of an upper m × n trapezoid on the left, and of its transpose on the right."""
    for m, n, k in ((90, 100, 7), (100, 90, 7), (5, 5, 2)):
        kinds, dims = ["upper_trapezoid", "plain"], [m, n, k]
        if turned:
            kinds, dims = ["plain", "lower_trapezoid"], [k, n, m]
        found = step_cost(kinds, dims, 3.0, 0, 0, 1)
        assert found == cost("product", (m, n, k), 3.0) - 3 * m * min(m, n) * k
        band = ["tridiagonal" if kind != "plain" else kind for kind in kinds]
        assert step_cost(band, dims, 1.0, 0, 0, 1) == cost("tridiagonal", (m, k))
    assert step_cost(["triangular", "plain"], [5, 5, 4], 1.0, 0, 0, 1) == 100 + cost("sum", (0,))
