"""Pairwise squared distances: read as such, and by products where one asks for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

import kantor
from matchers import vocabulary as v
from matchers.leaves import atom
from matchers.view import View
from relations.library import select
from tests.support import assert_same_value, decisions, evaluate, rewritten

RNG = np.random.default_rng(20261129)
X, Y, Z = pt.matrices("X", "Y", "Z")
NAME = "distances_by_products"
x, y = atom(X, 2), atom(Y, 2)
DISTANCES = v.squared_distances(x, y)


def rows(a: Any) -> Any:
    return a[:, None, :]


def columns(a: Any) -> Any:
    return a[None, :, :]


SPELLINGS = {
    "power": ((rows(X) - columns(Y)) ** 2).sum(-1),
    "square": pt.sqr(rows(X) - columns(Y)).sum(axis=2),
    "the other way round": ((columns(Y) - rows(X)) ** 2).sum(-1),
    "expand_dims": ((pt.expand_dims(X, 1) - pt.expand_dims(Y, 0)) ** 2).sum(axis=2),
}
OTHERS = {
    "a sum over other axes": ((rows(X) - columns(Y)) ** 2).sum(1),
    "a sum of differences": (rows(X) - columns(Y)).sum(-1),
    "moved, then summed": rows(X).transpose(2, 0, 1).sum(2),
    "third powers": ((rows(X) - columns(Y)) ** 3).sum(-1),
    "sums": ((rows(X) + columns(Y)) ** 2).sum(-1),
    "both by rows": ((rows(X) - rows(Y)) ** 2).sum(-1),
    "a column": ((rows(pt.col("c")) - columns(Y)) ** 2).sum(-1),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_distances_by_products(name: str) -> None:
    graph = SPELLINGS[name]
    assert View().term(graph, 2) is DISTANCES
    for m, n, k in ((5, 4, 3), (1, 4, 3), (3, 1, 1), (0, 2, 3), (2, 3, 0)):
        values = {X: RNG.normal(size=(m, k)), Y: RNG.normal(size=(n, k))}
        assert_same_value(graph, values, relations=NAME)
        assert_same_value(pt.exp(-0.5 * graph), values, relations=NAME)
    (after,) = [after for _, after in rewritten(graph, NAME)]
    assert after == "(X ⊙ X) 1 (1)ᵀ + 1 (1)ᵀ (Yᵀ ⊙ Yᵀ) - 2·X Yᵀ"


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_distance(name: str) -> None:
    graph = OTHERS[name]
    assert View().term(graph, 2) is not DISTANCES
    assert [s for s in decisions(graph, NAME) if NAME in s.relations] == []


def test_it_is_off_by_default_and_loses() -> None:
    (relation,) = select(NAME)[0]
    assert relation.stability == "loses"
    assert relation not in select(None)[0]
    graph = SPELLINGS["power"]
    assert kantor.rewrite(graph) is graph
    # Rows of 1e8 that are one apart.
    values = {X: np.array([[1e8, 1e8]]), Y: np.array([[1e8 + 1, 1e8]])}
    short = kantor.rewrite(graph, relations=NAME)
    near, lost = (float(evaluate(g, values)[0, 0]) for g in (graph, short))
    assert near == 1
    assert abs(lost - 1) > 0.5


def test_around_it_the_rest_is_rewritten() -> None:
    graph = ((rows(X @ Y @ Z) - columns(Z.T)) ** 2).sum(-1)
    values = {X: RNG.normal(size=(9, 3)), Y: RNG.normal(size=(3, 2)), Z: RNG.normal(size=(2, 4))}
    values[Z] = RNG.normal(size=(2, 2))
    assert_same_value(graph, values)
    gradient = pytensor.grad(graph.sum(), X)
    assert_same_value(gradient, values)
    assert_same_value(gradient, values, relations=NAME)
