"""Assignments to a whole diagonal, read as sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg

from matchers import vocabulary as v
from matchers.leaves import atom
from matchers.view import View
from tests.support import assert_same_value, ops

RNG = np.random.default_rng(20261128)
A = pt.matrix("A", shape=(5, 5))
U = pt.matrix("U", shape=(5, 2))
W = pt.matrix("W", shape=(5, 6))
d, x = pt.vector("d", shape=(5,)), pt.vector("x", shape=(5,))
c = pt.scalar("c")
Y = pt.matrix("Y")
i, n = pt.arange(5), pt.arange(Y.shape[0])
constant = np.arange(5)

a, dd = atom(A, 2), atom(d, 1)
minus = v.scale(-1, v.diag(v.diagonal(a)))
READ = {
    "added": (pt.inc_subtensor(A[i, i], d), a + v.diag(dd)),
    "added, constant indices": (pt.inc_subtensor(A[constant, constant], d), a + v.diag(dd)),
    "set": (pt.set_subtensor(A[i, i], d), v.add(a, v.diag(dd), minus)),
    "one number added": (pt.inc_subtensor(A[i, i], c), a + v.scale(atom(c, 0), v.eye(a.rows))),
}
# The graph is no sum with a diagonal matrix, or nothing says so.
LEFT = {
    "reversed": pt.inc_subtensor(A[i, i[::-1]], d),
    "some": pt.inc_subtensor(A[pt.arange(3), pt.arange(3)], d[:3]),
    "from the second": pt.inc_subtensor(A[pt.arange(1, 5), pt.arange(1, 5)], d[1:]),
    "not square": pt.inc_subtensor(W[i, i], d),
    "lengths unknown": pt.inc_subtensor(Y[n, n], pt.vector("z")),
    "rows": pt.inc_subtensor(A[i], A),
    "twice the same": pt.inc_subtensor(A[np.zeros(5, int), np.zeros(5, int)], d),
}


@pytest.mark.parametrize("name", READ)
def test_read_as_sums(name: str) -> None:
    graph, expected = READ[name]
    assert View().term(graph, 2) is expected


@pytest.mark.parametrize("name", LEFT)
def test_what_is_another_assignment_is_a_leaf(name: str) -> None:
    graph = LEFT[name]
    assert View().term(graph, 2) is atom(graph, 2)


def values() -> dict[Any, Any]:
    drawn = {A: (5, 5), U: (5, 2), d: (5,), x: (5,)}
    return {k: RNG.normal(size=s) for k, s in drawn.items()} | {c: np.array(2.5)}


@pytest.mark.parametrize("setting", [pt.inc_subtensor, pt.set_subtensor])
def test_values_within_a_product(setting: Any) -> None:
    for graph in (
        setting((U @ U.T)[i, i], d) @ x,
        setting((A @ A)[i, i], c) @ x,
        linalg.solve(setting((U @ U.T)[i, i], pt.exp(d)), x),
    ):
        assert_same_value(graph, values())


def test_a_low_rank_matrix_with_a_diagonal_added_is_not_formed() -> None:
    tall, e, b = pt.matrix("U", shape=(60, 2)), pt.vector("e", shape=(60,)), pt.vector("b")
    j = pt.arange(60)
    graph = linalg.solve(pt.inc_subtensor((tall @ tall.T)[j, j], pt.exp(e)), b)
    drawn = {tall: RNG.normal(size=(60, 2)), e: RNG.normal(size=60), b: RNG.normal(size=60)}
    assert "AdvancedIncSubtensor" not in ops(assert_same_value(graph, drawn))
