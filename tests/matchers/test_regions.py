"""Regions: found by type alone, closed, disjoint, with all their outputs."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
import pytest
from pytensor.compile.builders import OpFromGraph
from pytensor.tensor import linalg

from kantor.api import graph_of
from matchers.readers import ANCHORS, PRODUCTS, STRUCTURAL
from matchers.regions import LINKS, anchored, regions, structural, used_outside

A, B, C = pt.matrices("A", "B", "C")
x, y = pt.vectors("x", "y")


def found(*outputs: Any) -> list[set[str]]:
    fgraph, _ = graph_of(list(outputs))
    return [{kind(n) for n in r.nodes} for r in regions(fgraph)]


def kind(node: Any) -> str:
    return type(getattr(node.op, "core_op", node.op)).__name__


NOTHING = [
    A,
    x + y,
    pt.exp(A) * 2,
    A @ x,
    A.T,
    A.sum(),
    pt.diag(x),
    pt.eye(3),
    (A**2).sum(axis=0),
    A[0] + A[:, 1],
    pt.concatenate([A, B]),
]


@pytest.mark.parametrize("graph", NOTHING, ids=str)
def test_no_region(graph: Any) -> None:
    fgraph, _ = graph_of([graph])
    assert not anchored(fgraph) or list(regions(fgraph)) == []


SOMETHING = [
    linalg.inv(A), linalg.solve(A, x), linalg.kron(A, B), linalg.cholesky(A), linalg.det(A),
    linalg.slogdet(A)[1], linalg.expm(A), linalg.block_diag(A, B), A @ B @ x,
    linalg.solve_triangular(A, x), linalg.solve(pt.tensor3("T"), pt.tensor3("U")),
    linalg.solve_sylvester(A, B, C), linalg.inv(A)[0], pt.concatenate([A, B]) @ C,
]  # fmt: skip


@pytest.mark.parametrize("graph", SOMETHING, ids=str)
def test_one_region(graph: Any) -> None:
    fgraph, _ = graph_of([graph])
    assert anchored(fgraph)
    assert len(list(regions(fgraph))) == 1


def test_a_region_has_all_its_outputs() -> None:
    inverse = linalg.inv(A)
    fgraph, _ = graph_of([inverse @ x, inverse @ y, pt.exp(inverse), linalg.inv(A @ B) @ x])
    first, second = regions(fgraph)
    assert sorted([len(first.roots), len(second.roots)]) == [1, 3]
    assert not set(first.nodes) & set(second.nodes)


def test_what_is_linked_is_taken_in() -> None:
    [one] = found(linalg.inv(2 * (A @ B) + C.T) @ x)
    assert {"Dot", "MatrixInverse", "Elemwise", "DimShuffle"} <= one
    assert len(found(linalg.inv(pt.exp(linalg.inv(A))))) == 2  # nobody reads through exp


@pytest.mark.parametrize(("between", "count"), [(1, 1), (LINKS, 1), (LINKS + 2, 2)])
def test_links_are_bounded(between: int, count: int) -> None:
    graph = linalg.inv(A)
    for _ in range(between):
        graph = graph + B
    assert len(found(linalg.inv(graph))) == count


def test_caps() -> None:
    fgraph, _ = graph_of([pt.log(pt.abs(linalg.det(A)))])
    [region] = regions(fgraph)
    assert [kind(n) for n in region.nodes] == ["Det", "Elemwise", "Elemwise"]
    assert region.roots == fgraph.outputs
    fgraph, _ = graph_of([pt.exp(linalg.det(A))])
    assert [kind(n) for r in regions(fgraph) for n in r.nodes] == ["Det"]


def test_regions_are_in_topological_order() -> None:
    fgraph, _ = graph_of([linalg.inv(pt.exp(linalg.solve(A, B)) @ C) @ (A @ x)])
    order = {n: i for i, n in enumerate(fgraph.toposort())}
    for region in regions(fgraph):
        ranks = [order[n] for n in region.nodes]
        assert ranks == sorted(ranks)
        assert region.roots == used_outside(fgraph, region.nodes)


def test_gradients_of_kron_are_known_by_their_inputs() -> None:
    fgraph, _ = graph_of([pt.grad((linalg.kron(A, B) @ x).sum(), A)])
    assert any(kind(n) == "OpFromGraph" and structural(n) for n in fgraph.apply_nodes)
    other = OpFromGraph([A, B, C], [A @ B @ C])(A, B, C)
    fgraph, _ = graph_of([other])
    assert not any(structural(n) for n in fgraph.apply_nodes) and not anchored(fgraph)


def test_gradients_of_diagonals_are_known_by_their_inputs() -> None:
    fgraph, _ = graph_of([pt.grad((pt.diag(x) @ A).sum(), x)])
    assert any(kind(n) == "OpFromGraph" and structural(n) for n in fgraph.apply_nodes)
    other = OpFromGraph([x, A, B], [A @ B @ x])(x, A, B)
    fgraph, _ = graph_of([other])
    assert not any(structural(n) for n in fgraph.apply_nodes)


def test_what_factorizes_a_matrix_meets_what_adds_to_it() -> None:
    both = [linalg.solve(A, x), linalg.solve(A + B @ C, y)]
    assert len(found(*both)) == 1
    assert len(found(both[0], linalg.solve(A.T + B @ C, y))) == 1
    assert len(found(both[0], linalg.solve(B + C @ C, y))) == 2
    # The sum of two leaves is no linear algebra by itself.
    assert found(linalg.solve(A, x), A + B) == [{"Solve"}]


def test_one_product_with_an_outer_product_added() -> None:
    column, row = x[:, None], y[None, :]
    assert len(found((A + column * row) @ x)) == 1
    assert len(found((column * row - A) @ x)) == 1
    assert found((A + column) @ x) == found((A + B * B) @ x) == []


def test_products_are_no_anchors() -> None:
    assert PRODUCTS < STRUCTURAL and ANCHORS < STRUCTURAL and not PRODUCTS & ANCHORS


# --- summands -------------------------------------------------------------------------------------

SUMMANDS = [
    2 * (A @ B) + C[0, 0] * (A @ C), A @ B + C + A @ C, A @ x - 2 * (A @ y),
    A @ B + A @ C - 2 * (A @ B.T), linalg.solve(A, x) - 3 * linalg.solve(A, y),
    A @ B - 2 * (C.T @ B.T + y), A @ B + (A @ B).T, C - 2 * (A @ B).T - A @ B,
    (2 * (A @ B)).T + C @ B,
]  # fmt: skip


@pytest.mark.parametrize("graph", SUMMANDS, ids=str)
def test_scaled_products_with_a_common_factor_are_one_region(graph: Any) -> None:
    fgraph, _ = graph_of([graph])
    [region] = regions(fgraph)
    assert region.roots == fgraph.outputs


def test_other_scaled_products_are_none() -> None:
    D = pt.matrix("D")
    assert found(2 * (A @ B) + 3 * (C @ D)) == []
    assert found(2 * (A @ B) + (C @ D).T) == []
    assert found(pt.exp(A @ B) + 3 * (A @ C)) == []  # not linear
    scaled = 3 * (A @ C)
    assert found(2 * (A @ B) + scaled, scaled + 1) == []  # it is used elsewhere
    long = A @ B
    for _ in range(LINKS + 1):
        long = long + C
    assert found(long + A @ C) == []


def test_entries_set_one_by_one_link_nothing() -> None:
    both = pt.zeros(2)
    for i, matrix in enumerate((A, B)):
        both = pt.inc_subtensor(both[i], linalg.det(matrix))
    assert found((both * y).sum()) == [{"Det"}, {"Det"}]


def test_zeros_of_which_all_entries_are_set_link() -> None:
    column = pt.set_subtensor(pt.zeros(5)[:5], linalg.inv(pt.matrix(shape=(5, 5))) @ pt.ones(5))
    assert ["IncSubtensor" in r for r in found(B @ column)] == [True]
