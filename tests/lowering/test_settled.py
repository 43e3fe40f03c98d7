"""A region is settled only where a search would come back with what the graph has."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
import pytest
from pytensor.graph.fg import FunctionGraph
from pytensor.tensor import linalg

from kantor.reading import Reading
from kantor.sizes import SAMPLES
from lowering.planner import Planner
from lowering.search import search
from matchers.match import Context
from matchers.regions import regions
from relations.library import select
from relations.rules import Rules

A, B, C = (pt.matrix(name) for name in "ABC")
S, T, U = (pt.matrix(name, shape=(5, 5)) for name in "STU")
R = pt.matrix("R", shape=(5, 3))
v, w = pt.vectors("v", "w")
x = pt.vector("x", shape=(5,))


def _readings(outputs: list[Any]) -> list[tuple[Reading, Any]]:
    fgraph = FunctionGraph(outputs=outputs, clone=True)
    rules = Rules(select(None)[0], everything=False)
    out = []
    for region in list(regions(fgraph)):
        reading = Reading(fgraph, region, None)
        context = Context(reading.view.dims)

        def moves(term: Any, view: Any = reading.view, context: Any = context) -> Any:
            return tuple(rules.rewrites(term, view, context))

        out.append((reading, moves))
    return out


def _solved(matrix: Any, right: Any) -> Any:
    return linalg.solve_triangular(matrix, right, lower=True)


def _shared_solve() -> list[Any]:
    y = _solved(S, x)
    return [_solved(S.T @ T, y), (y * y).sum()]


L = linalg.cholesky(S)
SETTLED = {
    "one solve": [linalg.solve(A, v)],
    "a product and the sums of its squares": [((S @ A) ** 2).sum(axis=0), S @ v],
    "a coefficient where it stands": [2 * (A @ B), linalg.solve(C, v)],
    "a coefficient from a factor no larger than the product": [linalg.solve(S, 2 * x)],
    "square matrices in any order": [S @ T @ U],
    "there and back": [linalg.solve(A @ B @ A.T, v)],
    "a shared solve that both uses need": [
        linalg.solve_triangular(L.T, y := _solved(L, x)), (y * y).sum(),
    ],
    "a shared sum": [linalg.solve(A, s := v + w) , linalg.solve(B, s + pt.vector("z"))],
}  # fmt: skip
OPEN = {
    "the sum of a product": [(A @ B).sum()],
    "row sums of a product": [(A @ B).sum(axis=1)],
    "a relation": [linalg.inv(A) @ A @ v],
    "a chain with a cheaper order": [linalg.solve(A, B @ C @ v)],
    "an inverse that is multiplied": [linalg.inv(A) @ v],
    "a coefficient of a matrix before a vector": [linalg.solve(A, (2 * S) @ x)],
    "two products in common": [linalg.solve(S @ T @ U, x), linalg.solve(T @ U @ S, x)],
    "one product in two forms": [linalg.solve(S @ T, x), linalg.solve(T.T @ S.T @ U, x)],
    "a shared product that only longer ones use": [
        linalg.solve(p := A @ B, v), p @ w, p @ pt.vector("z"),
    ],
}  # fmt: skip


def _settled(outputs: list[Any]) -> bool:
    return all([reading.settled(moves, lambda t: ()) for reading, moves in _readings(outputs)])


@pytest.mark.parametrize("name", SETTLED)
def test_settled(name: str) -> None:
    assert _settled(SETTLED[name])


@pytest.mark.parametrize("name", OPEN)
def test_not_settled(name: str) -> None:
    assert not _settled(OPEN[name])


@pytest.mark.parametrize("name", SETTLED)
def test_a_search_of_what_is_settled_finds_nothing(name: str) -> None:
    for reading, moves in _readings(SETTLED[name]):
        size = reading.sizer(SAMPLES[0])
        found = search(reading.roots, moves, Planner(size, reading.view.promised))
        assert found.candidates[0].cost >= reading.cost_at(size) * (1 - 1e-9)


def test_a_shared_value_is_opened_where_that_pays() -> None:
    # (S S⁻¹) appears only where the shared product is read through.
    p = linalg.inv(S) @ T
    assert not _settled([S @ p, (p * p).sum()])
