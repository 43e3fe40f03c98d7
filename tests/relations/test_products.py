"""Each relation on sums over a batch: one graph with its expected form, and one near miss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest

from matchers import vocabulary as v
from matchers.view import View
from tests.support import assert_same_value, decisions, ops, rewritten

RNG = np.random.default_rng(20261122)

A, B = pt.matrices("A", "B")
X, Y = pt.tensor3("X"), pt.tensor3("Y")
X4, Y4 = pt.tensor4("X4"), pt.tensor4("Y4")
c = pt.scalar("c")
# Outer dimensions so long that it pays not to make the products one by one.
LONG = {X: (9, 90, 2), Y: (9, 2, 90), X4: (3, 3, 90, 2), Y4: (3, 3, 2, 90)}


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


def test_batch_sum_of_product() -> None:
    name = "batch_sum_of_product"
    graph = (X @ Y).sum(axis=0)
    [step] = decisions(graph, name, LONG)
    assert step.decision.taken
    assert (*map(str, step.before), *map(str, step.after)) == ("Σᵦ(X Y)", "beside(X) beside(Yᵀ)ᵀ")
    given = {X: draw(3, 4, 2), Y: draw(3, 2, 5)}
    new = assert_same_value(graph, given, relations=name, sizes=LONG)
    assert ops(new).count("Dot") == 1 and "Sum" not in ops(new)
    # Nothing is known of the sizes: products of few entries are cheap to sum.
    assert decisions(graph, name) == []
    # One A for all of Y: its columns are not as many as the rows of all members of Y.
    assert decisions((A @ Y).sum(axis=0), name, LONG) == []
    # A batch of batches, and a batch for each of them.
    assert decisions((X4 @ Y).sum(axis=(0, 1)), name, LONG) == []


@pytest.mark.parametrize("batch", [(0, 2), (2, 0), (1, 1), (2, 3)])
def test_batch_sum_of_product_over_two_axes(batch: tuple[int, int]) -> None:
    graph = (X4 @ Y4).sum(axis=(0, 1))
    given = {X4: draw(*batch, 4, 2), Y4: draw(*batch, 2, 5)}
    new = assert_same_value(graph, given, relations="batch_sum_of_product", sizes=LONG)
    assert "Sum" not in ops(new)


@pytest.mark.parametrize("lengths", [(0, 2, 3), (3, 0, 2), (3, 2, 0)])
def test_batch_sum_of_empty_products(lengths: tuple[int, int, int]) -> None:
    p, q, r = lengths
    graph = (X @ Y).sum(axis=0)
    given = {X: draw(3, p, q), Y: draw(3, q, r)}
    new = assert_same_value(graph, given, relations="batch_sum_of_product", sizes=LONG)
    assert "Sum" not in ops(new)


def test_a_sum_over_a_part_of_a_batch_stays() -> None:
    assert decisions((X4 @ Y4).sum(axis=0), "batch_sum_of_product", LONG) == []
    [step] = decisions((X @ Y).sum(axis=1), "batch_sum_of_product", LONG)
    assert step.relations == ("associativity",)


def test_batch_sum_on_the_right() -> None:
    name = "batch_sum_on_the_right"
    graph = (A @ Y).sum(axis=0)
    assert rewritten(graph, name) == [("Σᵦ(A Y)", "A Σᵦ(Y)")]
    new = assert_same_value(graph, {A: draw(4, 2), Y: draw(3, 2, 5)}, relations=name)
    assert ops(new).count("Dot") == 1
    assert decisions((X @ Y).sum(axis=0), name) == []


def test_batch_sum_on_the_left() -> None:
    name = "batch_sum_on_the_left"
    graph = (X @ B).sum(axis=0)
    assert rewritten(graph, name) == [("Σᵦ(X B)", "Σᵦ(X) B")]
    new = assert_same_value(graph, {X: draw(3, 4, 2), B: draw(2, 5)}, relations=name)
    assert ops(new).count("Dot") == 1
    assert decisions((X @ Y).sum(axis=0), name) == []


# --- axioms ---------------------------------------------------------------------------------------


def read(graph: Any) -> Any:
    return View().term(graph, 2)


def beside(x: Any) -> Any:
    return x.transpose(1, 0, 2).reshape((x.shape[1], x.shape[0] * x.shape[2]))


def test_transpose_of_batch_sum() -> None:
    assert read(X.sum(axis=0).T) is read(X.mT.sum(axis=0)) is v.batch_sum(read(X).T)
    assert read(X.sum(axis=1).T) is not read(X.mT.sum(axis=1))


def test_batch_sum_of_scaled() -> None:
    assert read((c * X).sum(axis=0)) is read(c * X.sum(axis=0))
    # One coefficient for each member.
    each = pt.tensor("each", shape=(None, 1, 1))
    assert str(read((each * X).sum(axis=0))) != str(read(c * X.sum(axis=0)))
    assert_same_value((each * X @ Y).sum(axis=0), {
        each: draw(3, 1, 1), X: draw(3, 4, 2), Y: draw(3, 2, 5)
    })  # fmt: skip


def test_beside_of_scaled() -> None:
    assert read(beside(c * X)) is read(c * beside(X))
    assert str(read(beside(X))) == "beside(X)"
    # A transpose is none of all the members.
    assert read(beside(X).T) is not read(beside(X.mT))
