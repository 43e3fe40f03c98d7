"""A hundred expressions that fail at the last condition of a relation.

Each matches the left side of a relation in every head; what is missing is that a matrix is square,
positive definite or orthogonal, or that two shapes are equal, which nothing in the graph proves.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice, product
from typing import Any

import pytensor.tensor as pt
from pytensor.tensor import linalg

from tests.benchmarks.models import Graph

HOW_MANY = 100
Miss = Callable[[Any, Any, Any], Any]


def _logabsdet(x: Any) -> Any:
    return linalg.slogdet(x)[1]


MISSES: tuple[Miss, ...] = (
    lambda a, b, x: linalg.solve(a @ b, x),
    lambda a, b, x: linalg.solve(a @ b @ a.T, x),
    lambda a, b, x: linalg.solve(a.T @ b.T, x),
    lambda a, b, x: linalg.solve(b.T @ a.T, x),
    lambda a, b, x: linalg.solve(a, x) * b.sum(),
    lambda a, b, x: _logabsdet(linalg.kron(a, b)) + x,
    lambda a, b, x: pt.trace(linalg.kron(a, b)) + x,
    lambda a, b, x: pt.diagonal(linalg.cholesky(linalg.kron(a, b))) * x,
    lambda a, b, x: (linalg.kron(a, b) * linalg.kron(b, a)).sum() + x,
    lambda a, b, x: pt.diagonal(linalg.inv(b.T @ a.T)) * x,
)
AROUND: tuple[Callable[[Any, Any], Any], ...] = (
    lambda y, r: pt.sqr(y - r),
    lambda y, r: pt.exp(-pt.sqr(y - r)),
    lambda y, r: y * pt.tanh(r),
    lambda y, r: pt.softplus(r + y) - r,
    lambda y, r: pt.switch(r > 0, r, y),
)
SIZES = ((None, None), (None, 7))


def near_misses() -> Graph:
    """All of them as the outputs of one graph, each over inputs of its own."""
    inputs, outputs = [], []
    for size, around, miss in islice(product(SIZES, AROUND, MISSES), HOW_MANY):
        m, n = size
        a, b = pt.matrix(shape=(m, n)), pt.matrix(shape=(n, m))
        x, y = pt.vector(), pt.vector()
        inputs += [a, b, x, y]
        outputs.append(around(y, miss(a, b, x)).sum())
    return inputs, outputs
