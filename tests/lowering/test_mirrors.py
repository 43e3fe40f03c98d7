"""Transposes of products: found up to what is known to be symmetric, and computed once."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
import pytest

from lowering.costs import FREE
from lowering.mirrors import Mirrors
from lowering.planner import Planner
from lowering.sharing import common_runs
from matchers import vocabulary as v
from matchers.dims import Dim
from matchers.leaves import atom
from matchers.terms import Term

A, B, P, X = (atom(pt.matrix(name)) for name in "ABPX")
S = atom(pt.matrix("S"), symmetric=True)
Z = atom(pt.zmatrix("Z"))
b = atom(pt.vector("b"), 1)


def size(dim: Dim) -> float:
    return float(dim.coef) * 50.0 ** sum(p for _, p in dim.powers)


def known(*facts: tuple[Term, str]) -> Any:
    return lambda term, key: (term, key) in facts


def kernels(*roots: Term, facts: Any = ()) -> list[str]:
    plan = Planner(size, known(*facts), factoring=True).plan(roots)
    return [k for k, _, _ in plan.calls() if k not in FREE]


def test_a_symmetric_leaf_is_its_own_transpose() -> None:
    assert S.T is S and A.T is not A
    assert (A @ S @ B).T is B.T @ S @ A.T
    assert v.inverse(S).T is v.inverse(S)
    assert atom(S.var) is not S, "another term than the same variable of which nothing is said"


def test_the_transpose_of_a_product() -> None:
    mirrors = Mirrors()
    assert mirrors.factor(S) is S and mirrors.factor(A) is A.T
    assert mirrors.factor(v.inverse(S)) is v.inverse(S)
    product = A @ S @ v.inverse(B)
    assert mirrors.product(product) is v.inverse(B.T) @ S @ A.T
    assert mirrors.product(mirrors.product(product)) is product


@pytest.mark.parametrize(
    ("factors", "places", "expected"),
    [
        ((A, A.T), (0, 0, 1), True),
        ((A.T, A), (0, 0, 1), True),
        ((A, A), (0, 0, 1), False),
        ((S, S), (0, 0, 1), True),
        ((A, B, B.T, A.T), (0, 1, 3), True),
        ((A, B, A.T, B.T), (0, 1, 3), False),
        ((A, B, B.T, A.T), (0, 0, 3), False),
        ((Z, Z.T), (0, 0, 1), False),  # no kernel for complex numbers
    ],
)
def test_halves(factors: Any, places: Any, expected: bool) -> None:
    assert Mirrors().halves(factors, *places) is expected


def test_a_product_with_its_transpose_takes_half() -> None:
    assert kernels(A @ A.T) == ["gram"]
    assert kernels(A.T @ B.T @ B @ A) == ["product", "gram"]
    assert kernels(A @ B) == ["product"]
    assert kernels(b.T @ b) == ["product"], "of a column there is no half"


def test_two_products_that_are_transposes_are_computed_once() -> None:
    assert kernels(A @ B.T, B @ A.T) == ["product"]
    assert kernels(A @ B.T, A.T @ B) == ["product", "product"]
    assert kernels(v.inverse(A) @ B, B.T @ v.inverse(A.T)) == ["solve"]
    assert kernels(S @ A, A.T @ S) == ["product"]


def test_runs_that_products_have_in_common() -> None:
    mirrors = Mirrors()
    found = common_runs([A.T @ P @ A, A.T @ P @ b], mirrors)
    assert found == {A.T @ P: 2}
    assert common_runs([A @ B, B.T @ A.T], mirrors) == {A @ B: 2}
    assert common_runs([A @ B, A.T @ B], mirrors) == {}


def test_what_two_products_share_is_bracketed_to_be_shared() -> None:
    """By itself Aᵀ P b is cheapest from the right, as two products with a vector."""
    planner = Planner(size, known())
    together = (A.T @ P @ A, A.T @ P @ b)
    assert planner.exact_price(together) < planner.price(together)
    plan = planner.plan(together)
    assert A.T @ P in plan.steps and P @ b not in plan.steps
    alone = planner.plan((A.T @ P @ b,))
    assert P @ b in alone.steps


def test_one_factorization_for_a_factor_and_for_solves() -> None:
    facts = [(P, "positive_definite")]
    found = kernels(v.cholesky(P), v.inverse(P) @ A, facts=facts)
    assert found == ["cholesky", "solve_again"]
    found = kernels(v.inverse(P), v.inverse(P) @ A, facts=facts)
    assert sorted(found) == ["cholesky", "inverse_positive", "solve_again"]
    assert kernels(v.cholesky(P), v.inverse(A) @ B) == ["cholesky", "solve"]


def test_no_factor_is_brought_in_before_a_graph_is_differentiated() -> None:
    """The gradient of a Cholesky factor is one triangle, that of a solve is whole."""
    planner = Planner(size, known((P, "positive_definite")))
    plan = planner.plan((v.cholesky(P), v.inverse(P), v.inverse(P) @ A))
    found = [k for k, _, _ in plan.calls() if k not in FREE]
    assert sorted(found) == ["cholesky", "inverse", "solve_positive"]
