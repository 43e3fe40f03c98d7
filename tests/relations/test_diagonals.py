"""Traces and diagonals: of what need not be square, and never dearer than PyTensor by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg

import kantor
from tests.coverage.flops import run
from tests.coverage.measure import PLAIN
from tests.support import assert_same_value, decisions, evaluate, rewritten

RNG = np.random.default_rng(20261126)
A, B, C, D, E = pt.matrices("A", "B", "C", "D", "E")
d = pt.vector("d")
K, L = linalg.kron(A, B), linalg.kron(C, D)


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


def flops(graph: Any, values: dict[Any, Any]) -> tuple[float, float]:
    """Those of the graph that PyTensor compiles by itself, and with Kantor; values are equal."""
    inputs = list(values)
    with pytensor.config.change_flags(cxx=""):
        made = [
            pytensor.function(inputs, graph, mode=mode, on_unused_input="ignore")
            for mode in (PLAIN, kantor.mode(PLAIN))
        ]
    (old, before), (new, after) = (run(f.maker.fgraph, list(values.values())) for f in made)
    np.testing.assert_allclose(new[0], old[0], rtol=1e-9, atol=1e-9)
    return before, after


ROWS = "0, min(rows(A), cols(B))"
EXPECTED = f"Σ(rows(A, {ROWS})ᵀ ⊙ rows(Bᵀ, {ROWS})ᵀ)"


def test_trace_of_what_may_not_be_square() -> None:
    name = "trace_of_product"
    assert rewritten(pt.trace(A @ B), name) == [("tr(A B)", EXPECTED)]
    for m, k, n in ((3, 4, 5), (5, 4, 3), (4, 3, 4), (1, 1, 1), (0, 3, 2), (2, 0, 2)):
        assert_same_value(pt.trace(A @ B), {A: draw(m, k), B: draw(k, n)}, relations=name)
    # A square product needs no slices.
    S = pt.matrix("S", shape=(4, 6))
    assert rewritten(pt.trace(S @ S.T), name) == [("tr(S Sᵀ)", "Σ(Sᵀ ⊙ Sᵀ)")]
    assert decisions(pt.trace(A + B), name) == []


def test_diagonal_of_what_may_not_be_square() -> None:
    for m, k, n in ((3, 4, 5), (5, 4, 3), (1, 1, 1), (0, 3, 2)):
        new = assert_same_value(pt.diagonal(A @ B), {A: draw(m, k), B: draw(k, n)})
        assert new is not None
    assert rewritten(pt.diagonal(A @ B), "diagonal_of_product")
    assert decisions(pt.diagonal(A), "diagonal_of_product") == []


@pytest.mark.parametrize("shape", [(4, 4), (4, 7), (7, 4), (1, 1), (0, 3)])
@pytest.mark.parametrize(
    "name", ["diagonal_of_scaled_columns", "diagonal_of_scaled_rows", "diagonal_of_sum"]
)
def test_diagonals(name: str, shape: tuple[int, int]) -> None:
    columns = name != "diagonal_of_scaled_rows"
    graph = {
        "diagonal_of_scaled_columns": pt.diagonal(A @ pt.diag(d)),
        "diagonal_of_scaled_rows": pt.diagonal(pt.diag(d) @ A),
        "diagonal_of_sum": pt.diagonal(A + B @ C),
    }[name]
    assert rewritten(graph, name)
    values = {A: draw(*shape), d: draw(shape[columns]), B: draw(shape[0], 2), C: draw(2, shape[1])}
    assert_same_value(graph, values, relations=name)
    assert decisions(pt.diagonal(A), name) == []


@pytest.mark.parametrize("name", ["trace_of_scaled_columns", "trace_of_scaled_rows"])
def test_scaled_traces(name: str) -> None:
    rows = name.endswith("rows")
    graph = pt.trace(pt.diag(d) @ A) if rows else pt.trace(A @ pt.diag(d))
    assert rewritten(graph, name)
    for shape in ((4, 4), (4, 7), (7, 4), (0, 2)):
        assert_same_value(graph, {A: draw(*shape), d: draw(shape[not rows])}, relations=name)
    assert decisions(pt.trace(A @ B), name) == []


def test_log_diagonal_of_product() -> None:
    graph = pt.log(pt.abs(pt.diagonal(A @ B))).sum()
    assert rewritten(graph, "log_diagonal_of_product")
    for m, k, n in ((3, 4, 5), (5, 4, 3), (4, 4, 4)):
        assert_same_value(graph, {A: draw(m, k), B: draw(k, n)})
    assert decisions(pt.log(pt.abs(pt.diagonal(A))).sum(), "log_diagonal_of_product") == []


@pytest.mark.parametrize(
    "shapes",
    [((2, 3), (3, 2)), ((3, 3), (2, 2)), ((1, 4), (3, 1)), ((2, 2), (0, 3))],
)
def test_kronecker_products_of_what_may_not_be_square(shapes: Any) -> None:
    values = {A: draw(*shapes[0]), B: draw(*shapes[1])}
    for graph in (pt.trace(K), pt.diagonal(K), pt.trace(2.5 * K), pt.diagonal(-K.T)):
        assert_same_value(graph, values)
    assert rewritten(pt.trace(K), "trace_of_any_kron") == [("tr(A ⊗ B)", "Σ(kron_diagonal(A, B))")]
    assert rewritten(pt.diagonal(K), "diagonal_of_any_kron")
    assert decisions(pt.diagonal(A @ B), "diagonal_of_any_kron") == []
    gradient = pytensor.grad((pt.diagonal(K) ** 2).sum(), A)
    new = pytensor.grad((kantor.rewrite(pt.diagonal(K)) ** 2).sum(), A)
    old, now = evaluate([gradient, new], values)
    np.testing.assert_allclose(now, old, rtol=1e-9, atol=1e-12)


TAKEN = {
    "trace": pt.trace(K @ L),
    "trace of a transpose": pt.trace((K @ L).T),
    "diagonal": pt.diagonal(K @ L),
    "another diagonal": pt.diagonal(K @ L, offset=1),
    "another diagonal of a sum": pt.diagonal(E - K @ L, offset=-1),
    "diagonal of a sum": pt.diagonal(E - K @ L),
    "logarithms": pt.log(pt.abs(pt.diagonal(K @ L))).sum(),
    "of one Kronecker product": pt.diagonal(K @ E, offset=2),
    "entry": (K @ L)[0, 0],
    "row": (K @ L)[1],
    "column": (K @ L)[:, -1],
    "sum": (K @ L).sum(),
    "row sums": (K @ L).sum(1),
    "largest": (K @ L).max(),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_little_is_taken_of_a_product_costs_no_more(name: str) -> None:
    values = {A: draw(6, 6), B: draw(5, 5), C: draw(6, 6), D: draw(5, 5), E: draw(30, 30)}
    before, after = flops(TAKEN[name], values)
    assert after <= 1.05 * before + 1000


def test_an_inverse_is_priced_as_the_solve_that_it_becomes() -> None:
    """Of a thin right side the row sums of A⁻¹ ⊙ Bᵀ need an inverse, which a solve does not."""
    values = {A: draw(60, 60) + 20 * np.eye(60), B: draw(60, 5)}
    before, after = flops(pt.diagonal(linalg.inv(A) @ B), values)
    assert after <= 1.05 * before + 1000
    graph = pt.diagonal(linalg.inv(A) @ B)
    assert "diagonal_of_product" not in [
        name for s in decisions(graph) if s.decision.taken for name in s.relations
    ]
    S = pt.matrix("S", shape=(60, 60))
    both = pt.diagonal(linalg.inv(A) @ S)
    assert [name for s in decisions(both) if s.decision.taken for name in s.relations] == [
        "diagonal_of_product"
    ]
