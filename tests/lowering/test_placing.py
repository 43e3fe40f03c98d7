"""Where a coefficient goes: priced and built on the smallest factor of an outer product."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg

import kantor
from lowering.placing import placed
from lowering.planner import Planner
from matchers import vocabulary as v
from matchers.leaves import atom
from matchers.terms import Term
from tests.support import evaluate

RNG = np.random.default_rng(20261120)
CC, XX, YY = pt.scalar("c"), pt.vector("x"), pt.vector("y")
AA, BB = pt.matrix("A", shape=(6, 7)), pt.matrix("B", shape=(3, 2))
c, x, y, A, B = atom(CC, 0), atom(XX, 1), atom(YY, 1), atom(AA), atom(BB)
LENGTHS = {"x": 30.0, "y": 50.0}


def size(dim: Any) -> float:
    found = float(dim.coef)
    for axis, power in dim.powers:
        found *= LENGTHS[axis.owner.name] ** power
    return found


MOVED = {
    "outer": (x @ y.T, (v.scale(c, x), y.T)),
    "the shorter": (y @ x.T, (y, v.scale(c, x).T)),
    # What A x is needed for elsewhere is left as it is.
    "a row that stands alone": (A @ x @ y.T, (A, x, v.scale(c, y).T)),
    "none stands alone": (A @ x @ y.T @ B, (A, x, y.T, v.scale(c, B))),
    "kron": (v.kron(A, B), (A, v.scale(c, B))),
}


@pytest.mark.parametrize("name", MOVED)
def test_the_smallest_factor_is_scaled(name: str) -> None:
    product, factors = MOVED[name]
    found = placed(c, product, size)
    assert isinstance(found, Term)
    assert found.head is product.head
    assert [str(f) for f in found.args] == [str(f) for f in factors]


@pytest.mark.parametrize(
    "product",
    [
        A @ x,
        x.T @ x,
        v.kron(v.inverse(A), v.inverse(B)),
        v.mul(A, A),
        v.ones(x.rows) @ v.ones(x.rows).T,
    ],
    ids=str,
)
def test_what_gains_nothing_stays(product: Term) -> None:
    assert placed(c, product, size) is None


def test_it_is_priced_where_it_goes() -> None:
    planner = Planner(size, lambda *_: False)
    outer = x @ y.T
    more = planner.price((v.scale(c, outer),)) - planner.price((outer,))
    assert more == 30 + 200  # one pass over x, one launch


GRAPHS = {
    "outer": lambda: CC * (pt.outer(AA @ AA.T @ AA[:, 0], YY) + pt.outer(AA[:, 1], YY)),
    "negative kron": lambda: -linalg.kron(AA @ AA.T @ AA, BB) + linalg.kron(AA, BB),
    "in a sum": lambda: pt.outer(AA @ AA.T @ XX, YY) * CC - pt.outer(XX, YY) / 3,
}


@pytest.mark.parametrize("name", GRAPHS)
def test_values(name: str) -> None:
    graph = GRAPHS[name]()
    values = {
        AA: RNG.normal(size=(6, 7)), BB: RNG.normal(size=(3, 2)),
        XX: RNG.normal(size=6), YY: RNG.normal(size=5), CC: np.array(0.3),
    }  # fmt: skip
    np.testing.assert_allclose(*evaluate([graph, kantor.rewrite(graph)], values), rtol=1e-10)
