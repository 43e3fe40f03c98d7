"""Each relation on sums: one graph with its expected form, its value, and one near miss."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytensor.graph.rewriting.utils import rewrite_graph

import kantor
from kantor.api import graph_of
from tests.support import assert_same_value, decisions, evaluate, ops, rewritten

RNG = np.random.default_rng(20261124)

A, B, C, D = pt.matrices("A", "B", "C", "D")
x, y = pt.vectors("x", "y")
X, Y = pt.tensor3("X"), pt.tensor3("Y")
c = pt.scalar("c")


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


VALUES = {A: draw(4, 3), B: draw(3, 5), C: draw(5, 2), x: draw(3), y: draw(5), c: 1.7}


def products(graph: Any) -> list[tuple[int, ...]]:
    """How many axes of unknown length each product of the rewritten graph has."""
    # The length of a mean is asked of the product, until PyTensor asks it of the factors.
    fgraph, _ = graph_of(
        [rewrite_graph(kantor.rewrite(graph), include=("ShapeOpt", "canonicalize"))]
    )
    nodes = [n for n in fgraph.toposort() if type(getattr(n.op, "core_op", n.op)).__name__ == "Dot"]
    return [tuple(sum(not b for b in i.type.broadcastable) for i in n.inputs) for n in nodes]


# name: the graph, what it reads as, what it becomes
FORMS = {
    "all": (lambda: (A @ B).sum(), "Σ(A B)", "(1)ᵀ A B 1"),
    "both axes": (lambda: (A @ B).sum(axis=(0, 1)), "Σ(A B)", "(1)ᵀ A B 1"),
    "one axis, then the other": (
        lambda: (A @ B).sum(axis=0).sum(), "Σ(Bᵀ Aᵀ 1)", "(1)ᵀ Bᵀ Aᵀ 1",
    ),
    "scaled": (lambda: (c * A @ B).sum(), "c·Σ(A B)", "c·((1)ᵀ A B 1)"),
    "transposed": (lambda: (A @ B).T.sum(), "Σ(Bᵀ Aᵀ)", "(1)ᵀ Bᵀ Aᵀ 1"),
    "three factors": (lambda: (A @ B @ C).sum(), "Σ(A B C)", "(1)ᵀ A B C 1"),
    "of a column": (lambda: (A @ x).sum(), "Σ(A x)", "(1)ᵀ A x"),
    "with a diagonal": (lambda: ((A * x) @ B).sum(), "Σ(A diag(x) B)", "(1)ᵀ A diag(x) B 1"),
    "over columns": (lambda: (A @ B).sum(axis=1), "A B 1", "A B 1"),
    "over columns, kept": (lambda: (A @ B).sum(axis=1, keepdims=True), "A B 1", "A B 1"),
    "over rows": (lambda: (A @ B).sum(axis=0), "Bᵀ Aᵀ 1", "Bᵀ Aᵀ 1"),
    "over rows, kept": (lambda: (A @ B).sum(axis=0, keepdims=True), "Bᵀ Aᵀ 1", "Bᵀ Aᵀ 1"),
    "mean": (lambda: (A @ B).mean(), "Σ(A B)", "(1)ᵀ A B 1"),
    "mean over columns": (lambda: (A @ B).mean(axis=1), "A B 1", "A B 1"),
    "mean over rows": (lambda: (A @ B).mean(axis=0), None, None),
    "mean over rows, kept": (lambda: (A @ B).mean(axis=0, keepdims=True), None, None),
    "and more": (lambda: (A @ B + D).sum(), None, None),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_a_sum_of_a_product_is_a_product_of_sums(name: str) -> None:
    make, before, after = FORMS[name]
    graph = make()
    [(old, new)] = rewritten(graph)
    if before is not None:
        assert (old, new) == (before, after)
    assert_same_value(graph, {**VALUES, D: draw(4, 5)})
    # No product of two matrices is left.
    assert (2, 2) not in products(graph)


@pytest.mark.parametrize("lengths", [(0, 3, 5), (4, 0, 5), (4, 3, 0), (1, 1, 1), (1, 3, 1)])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_empty_and_single(lengths: tuple[int, int, int], axis: int | None) -> None:
    m, k, n = lengths
    assert_same_value((A @ B).sum(axis=axis), {A: draw(m, k), B: draw(k, n)})
    a, b = pt.matrix("a", shape=(m, k)), pt.matrix("b", shape=(k, n))
    assert_same_value((a @ b).sum(axis=axis), {a: draw(m, k), b: draw(k, n)})


@pytest.mark.parametrize("axis", [-1, -2])
def test_of_a_batch(axis: int) -> None:
    graph = (X @ Y).sum(axis=axis)
    assert rewritten(graph)
    assert_same_value(graph, {X: draw(2, 4, 3), Y: draw(2, 3, 5)})
    # Of some members of the batch only.
    assert_same_value((A @ Y).sum(axis=axis), {A: draw(4, 3), Y: draw(2, 3, 5)})


def test_what_stays_as_it_is() -> None:
    for graph in (A.sum(axis=0), A.sum(), A @ B.sum(axis=1), (A @ B).max(axis=1), A @ x):
        assert kantor.rewrite(graph) is graph
    # The product is needed anyway.
    assert kantor.rewrite([A @ B, (A @ B).sum(axis=1)])[0].owner.op == (A @ B).owner.op


def test_a_product_with_ones_is_a_sum() -> None:
    m, n = A.shape
    graph = pt.ones(m) @ A @ pt.ones(n)
    assert rewritten(graph) == [("(1)ᵀ A 1", "Σ(A)")]
    new = assert_same_value(graph, VALUES)
    assert "Dot" not in ops(new)
    # A vector that is not of ones.
    assert all("sum_by_ones" not in s.relations for s in decisions(x @ A.T @ pt.ones(m)))


def test_ones_that_were_folded() -> None:
    S = pt.matrix("S", shape=(4, 3))
    graph = pt.constant(np.ones(4)) @ S @ pt.constant(np.full(3, 2.0))
    assert rewritten(graph) == [("2·(1)ᵀ S 1", "2·Σ(S)")]
    assert_same_value(graph, {S: draw(4, 3)})
    assert not rewritten(pt.constant(np.array([1.0, 1.0, 2.0, 1.0])) @ S @ x)


def test_sums_of_squares_of_a_thin_product() -> None:
    name = "sum_of_products_entrywise"
    thin = {A: (900, 5), B: (5, 800), C: (900, 7), D: (7, 800)}
    small = {A: draw(4, 3), B: draw(3, 5), C: draw(4, 2), D: draw(2, 5)}
    for graph, expected in (
        (((A @ B) ** 2).sum(), "Σ((Aᵀ A) ⊙ (B Bᵀ))"),
        (((A @ B) * (C @ D)).sum(), "Σ((Aᵀ C) ⊙ (B Dᵀ))"),
    ):
        [step] = decisions(graph, name, thin)
        assert step.decision.taken
        assert str(step.after[0]) == expected
        assert_same_value(graph, small, relations=name, sizes=thin)
        assert not rewritten(graph, name)  # the sizes decide
    # Of columns there is nothing to gain.
    assert decisions(((A @ x) ** 2).sum() + (B @ y).sum(), name) == []


def test_sum_of_product_and_more() -> None:
    graph = (A @ B + D).sum()
    [(old, new)] = rewritten(graph)
    assert old in ("Σ(D + A B)", "Σ(A B + D)")
    assert "(1)ᵀ A B 1" in new and "Σ(D)" in new
    # What is no product stays in one sum.
    assert all(
        "and_more" not in n for s in decisions((A + D).sum() + x @ B @ y) for n in s.relations
    )


def test_row_sums_of_diagonal() -> None:
    graph = (pt.diag(x) @ B).sum(axis=0) + pt.diag(x).sum(axis=1) @ B
    new = assert_same_value(graph, VALUES)
    assert "AllocDiag" not in ops(new) and "AllocDiag2" not in ops(new)
    assert decisions(A.sum(axis=1), "row_sums_of_diagonal") == []


def test_gradients() -> None:
    cost = ((A @ B).sum(axis=1) ** 2).sum()
    wanted = evaluate(pt.grad(cost, [A, B]), VALUES)
    before = evaluate(pt.grad(kantor.rewrite(cost), [A, B]), VALUES)
    after = evaluate(kantor.rewrite(pt.grad(cost, [A, B])), VALUES)
    for one, other, want in zip(before, after, wanted, strict=True):
        np.testing.assert_allclose(one, want)
        np.testing.assert_allclose(other, want)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_dtypes(dtype: str) -> None:
    a, b = pt.matrix("a", dtype=dtype), pt.matrix("b", dtype=dtype)
    values = {a: draw(4, 3).astype(dtype), b: draw(3, 5).astype(dtype)}
    for graph in ((a @ b).sum(), (a @ b).sum(axis=0), (a @ b).mean(axis=1)):
        new = kantor.rewrite(graph)
        assert new is not graph and new.type.dtype == graph.type.dtype
        old, found = evaluate([graph, new], values)
        np.testing.assert_allclose(found, old, rtol=1e-4 if dtype == "float32" else 1e-10)


def test_compiled() -> None:
    f = pytensor.function([A, B], (A @ B).mean(axis=0), mode=kantor.mode("CVM"))
    a, b = draw(6, 4), draw(4, 7)
    np.testing.assert_allclose(f(a, b), (a @ b).mean(axis=0))


AXES = st.sampled_from([None, 0, 1])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=3, max_size=5), AXES, st.booleans(), st.booleans())
def test_sums_of_chains(lengths: list[int], axis: int | None, keep: bool, mean: bool) -> None:
    """Any chain, summed in any way, has the value that NumPy gives it."""
    factors = [pt.matrix(f"M{i}") for i in range(len(lengths) - 1)]
    product = factors[0]
    for f in factors[1:]:
        product = product @ f
    values = {f: draw(*s) for f, s in zip(factors, pairwise(lengths), strict=True)}
    graph = product.sum(axis=axis, keepdims=keep)
    want = np.linalg.multi_dot(list(values.values())).sum(axis=axis, keepdims=keep)
    if mean:
        graph = graph * c
        want, values[c] = want * 1.5, 1.5
    new = kantor.rewrite(graph)
    found = evaluate(new, values)
    assert found.shape == want.shape
    np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-9)
