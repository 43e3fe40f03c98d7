"""The table of kernels: each head is computed in one way, and each kernel that is chosen costs."""

from __future__ import annotations

from collections import Counter

import pytensor.tensor as pt
import pytest

from lowering.chains import DEFINITE, UNAPPLIED
from lowering.costs import cost
from lowering.formulas import LAUNCH
from lowering.kernels import FREE, KERNELS, step_of
from lowering.product_graphs import _GRAPHS
from lowering.products import _APPLIED, _KINDS, _TRANSPOSED
from matchers.leaves import atom


def test_each_head_stands_in_one_place() -> None:
    listed = Counter(h for k in KERNELS.values() for heads in k.heads.values() for h in heads)
    assert [h.name for h, times in listed.items() if times > 1] == []


def test_what_costs_nothing() -> None:
    assert sorted(FREE) == ["leaf", "scalar", "view"]


@pytest.mark.parametrize("solver", ["solve", "solve_positive", "solve_triangular"])
def test_each_solver_has_flops_a_step_and_a_graph(solver: str) -> None:
    assert solver in KERNELS and solver in _APPLIED and solver in _GRAPHS


def test_a_sum_is_one_node_and_each_difference_another() -> None:
    """As the builder makes them, so that a graph is not rewritten for what it has already."""
    A, B, C, D = (atom(pt.matrix(name, shape=(4, 5))) for name in "ABCD")
    sizes = {
        A + B: [20], A - B: [20], A + B + C: [40], A + B - C: [20, 20], A - B - C: [20, 20],
        A + B + C - D: [40, 20], A - B - C - D: [20, 20, 20], -A - B: [20],
    }  # fmt: skip
    for term, expected in sizes.items():
        step = step_of(term)
        assert [d.coef for d in step.sizes] == expected, term
        flops = 20 * (len(term.args) - 1)
        assert cost("elementwise", tuple(expected)) == flops + LAUNCH * len(expected)


def test_each_kind_of_factor_is_applied_or_multiplied() -> None:
    kinds = {*_KINDS.values(), *_TRANSPOSED.values()}
    assert kinds <= {*_APPLIED, *UNAPPLIED}
    of_leaves = {"permutation", "tridiagonal", "lower_trapezoid", "upper_trapezoid"}
    assert _APPLIED.keys() - kinds == {
        "solve",
        "solve_positive",
        "solve_triangular",
        DEFINITE,
        *of_leaves,
    }
