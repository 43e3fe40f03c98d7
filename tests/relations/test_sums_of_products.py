"""Common factors and low-rank products: expected forms, values, and what must stay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.tensor.linalg import inv, solve

import kantor
from tests.support import assert_same_value, decisions, ops, rewritten

RNG = np.random.default_rng(20261123)
FAMILY = "distribution"

A, B, C, D = pt.matrices("A", "B", "C", "D")
x, y, z = pt.vectors("x", "y", "z")
s = pt.scalar("s")
T3 = pt.tensor3("T3")


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


SQUARE = {
    A: draw(4, 4) + 8 * np.eye(4), B: draw(4, 4), C: draw(4, 4), D: draw(4, 4),
    x: draw(4), y: draw(4), z: draw(4), s: np.array(0.7), T3: draw(3, 4, 4),
}  # fmt: skip

COMMON = {
    "none": (A @ B + A @ C, "A B + A C", "A (B + C)"),
    "minus": (A @ B - A @ C, "A B - A C", "A (B - C)"),
    "one number": (2 * (A @ B) + A @ C, "2·A B + A C", "A (2·B + C)"),
    "one symbol": (A @ B + s * (A @ C), "A B + s·A C", "A (B + s·C)"),
    "both": (2 * (A @ B) + s * (A @ C), "2·A B + s·A C", "A (2·B + s·C)"),
    "nested": (A @ B - 2 * (s * (A @ C)), "A B - 2·s·A C", "A (B - 2·s·C)"),
    "inside": ((2 * A) @ B + A @ (C / s), "2·A B + s⁻¹·A C", "A (2·B + s⁻¹·C)"),
    "vectors": (A @ x + A @ y, "A x + A y", "A (x + y)"),
    "vectors, minus": (A @ x - s * (A @ y), "A x - s·A y", "A (x - s·y)"),
    "on the right": (A @ B + C @ B, "A B + C B", "(A + C) B"),
    "rows": (x @ A + y @ A, "Aᵀ x + Aᵀ y", "Aᵀ (x + y)"),
    "transposed": (A.T @ B.T + A.T @ C, "Aᵀ Bᵀ + Aᵀ C", "Aᵀ (Bᵀ + C)"),
    "solves": (solve(A, B) + solve(A, C), "A⁻¹ B + A⁻¹ C", "A⁻¹ (B + C)"),
    "a solve and an inverse": (solve(A, B) - inv(A) @ C, "A⁻¹ B - A⁻¹ C", "A⁻¹ (B - C)"),
    "solves of vectors": (solve(A, x) - s * solve(A, y), "A⁻¹ x - s·A⁻¹ y", "A⁻¹ (x - s·y)"),
    "a rest": (A @ B + D + A @ C, "A B + D + A C", "A (B + C) + D"),
    "a residual": (y - A @ x - A @ z, "y - A x - A z", "A (-x - z) + y"),
    "three": (A @ B + A @ C - 2 * (A @ D), "A B + A C - 2·A D", "A (B + C - 2·D)"),
}  # fmt: skip


@pytest.mark.parametrize("name", COMMON)
def test_a_common_factor(name: str) -> None:
    """Taken with shapes that nothing is known of."""
    graph, before, after = COMMON[name]
    assert rewritten(graph, FAMILY) == [(before, after)]
    new = assert_same_value(graph, SQUARE, relations=FAMILY)
    heavy = [op for op in ops(new) if op in ("Dot", "Solve", "MatrixInverse")]
    assert len(heavy) == 1


def test_longer_products_share_what_they_have_in_common() -> None:
    graph = A @ B @ x + A @ C @ x
    step = decisions(graph, FAMILY)[0]
    assert step.decision.taken
    assert "A (B + C) x" in map(str, step.after) or "A (B x + C x)" in map(str, step.after)
    assert_same_value(graph, SQUARE, relations=FAMILY)


def test_a_batch() -> None:
    graph = T3 @ B + T3 @ C
    assert rewritten(graph, FAMILY) == [("T3 B + T3 C", "T3 (B + C)")]
    assert_same_value(graph, SQUARE, relations=FAMILY)


@pytest.mark.parametrize("lengths", [(0, 2, 3), (3, 0, 2), (3, 2, 0), (1, 1, 1)])
def test_degenerate_sizes(lengths: tuple[int, int, int]) -> None:
    m, k, n = lengths
    values = {A: draw(m, k), B: draw(k, n), C: draw(k, n), s: np.array(2.0)}
    assert_same_value(A @ B - s * (A @ C), values, relations=FAMILY)


@pytest.mark.parametrize(
    "graph",
    [A @ B + C @ D, A @ B + B @ C, A @ B + A, A @ B * (A @ C), A @ (B + C), A @ B + A.T @ C],
    ids=str,
)
def test_no_common_factor(graph: Any) -> None:
    assert rewritten(graph, FAMILY) == []


def test_inside_a_larger_graph_and_its_gradient() -> None:
    cost = pt.exp(A @ x - s * (A @ y)).sum()
    for graph in (cost, pytensor.grad(cost, x)):
        assert any(b == "A x - s·A y" for b, _ in rewritten(graph, FAMILY))
        assert_same_value(graph, {**SQUARE, A: draw(4, 4)}, relations=FAMILY)


# Taken where the sum is inverted, for two solves with a vector; nothing is known of shapes.
ALONE = {
    "on the left": (inv(A @ B + A) @ x, "common_factor_alone_left"),
    "minus": (inv(A - A @ B) @ x, "common_factor_alone_left"),
    "on the right": (inv(B @ A + A) @ x, "common_factor_alone_right"),
    "coefficients": (solve(2 * (A @ B) + s * A, x), "common_factor_alone_left"),
    "a run": (inv(A @ B @ C - A @ B) @ x, "common_factor_alone_left"),
    "transposed": (inv(A.T @ B + A.T) @ x, "common_factor_alone_left"),
    "rows": (x @ inv(A @ B + A), "common_factor_alone_left"),
    "in a sum": (y - inv(A @ B + A) @ x, "common_factor_alone_left"),
}


@pytest.mark.parametrize("name", ALONE)
def test_a_common_factor_that_stands_alone(name: str) -> None:
    graph, relation = ALONE[name]
    [step] = decisions(graph)
    assert step.decision.taken and {relation, relation.replace("left", "right")} & {*step.relations}
    assert_same_value(graph, {**SQUARE, B: draw(4, 4) + 8 * np.eye(4)})


def test_a_common_factor_alone_in_a_gradient() -> None:
    cost = (inv(A @ B + A) @ x).sum()
    for wrt in (A, B, x):
        assert_same_value(pytensor.grad(cost, wrt), {**SQUARE, B: draw(4, 4) + 8 * np.eye(4)})


def test_a_common_factor_that_is_transposed_is_none() -> None:
    for graph in (inv(A @ B + A.T) @ x, inv(A @ B + C) @ x):
        assert not any("alone" in r for step in decisions(graph) for r in step.relations)


# --- low rank -------------------------------------------------------------------------------------

LOW_RANK = {
    "no coefficient": ((D + A @ B) @ x, "(D + A B) x", "D x + A B x"),
    "coefficient": ((D + s * (A @ B)) @ x, "(D + s·A B) x", "D x + s·A B x"),
    "minus a Gram matrix": ((D - A.T @ A) @ x, "(D - Aᵀ A) x", "D x - Aᵀ A x"),
    "a diagonal": ((pt.diag(x) + A @ B) @ y, "(diag(x) + A B) y", "diag(x) y + A B y"),
    "from the left": (x @ (D + s * (A @ B)), "(Dᵀ + s·Bᵀ Aᵀ) x", "Dᵀ x + s·Bᵀ Aᵀ x"),
    "two of them": ((D + A @ B - C @ C) @ x, "(D + A B - C C) x", "D x + A B x - C C x"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOW_RANK)
def test_low_rank_times_a_vector(name: str) -> None:
    """Taken with shapes that nothing is known of."""
    graph, before, after = LOW_RANK[name]
    assert rewritten(graph, FAMILY) == [(before, after)]
    assert_same_value(graph, SQUARE, relations=FAMILY)


def test_low_rank_times_a_matrix() -> None:
    shapes = {"W": (64, 64), "U": (64, 2), "V": (2, 64), "X": (64, 8)}
    W, U, V, X = (pt.tensor(name, shape=lengths) for name, lengths in shapes.items())
    graph = (W + 0.5 * (U @ V)) @ X
    assert rewritten(graph, FAMILY) == [("(W + 0.5·U V) X", "W X + 0.5·U V X")]
    values = {v: draw(*v.type.shape) for v in (W, U, V, X)}
    assert_same_value(graph, values, relations=FAMILY)
    graph = X.T @ (W - U @ V)
    assert rewritten(graph, FAMILY) == [("Xᵀ (W - U V)", "Xᵀ W - Xᵀ U V")]
    assert_same_value(graph, values, relations=FAMILY)


def test_low_rank_where_sizes_decide() -> None:
    graph = (D + s * (A @ B)) @ C
    assert rewritten(graph, FAMILY) == []
    sizes = {D: (512, 512), A: (512, 8), B: (8, 512), C: (512, 64)}
    assert [step.decision.taken for step in decisions(graph, FAMILY, sizes)] == [True]
    full = {D: (64, 64), A: (64, 256), B: (256, 64), C: (64, 64)}
    assert not any(step.decision.taken for step in decisions(graph, FAMILY, full))


def test_an_outer_product() -> None:
    m, u, v = (
        pt.tensor("m", shape=(30, 30)),
        pt.tensor("u", shape=(30,)),
        pt.tensor("v", shape=(30,)),
    )
    graph = (m + pt.outer(u, v)) @ v
    [(before, after)] = rewritten(graph, FAMILY)
    assert (before, after) == ("(m + u vᵀ) v", "m v + u vᵀ v")
    assert_same_value(graph, {m: draw(30, 30), u: draw(30), v: draw(30)}, relations=FAMILY)


def test_what_is_not_low_rank_stays() -> None:
    assert decisions((A + B) @ x, FAMILY) == []
    assert rewritten((A + B * C) @ x, FAMILY) == []


def test_the_gradient_of_a_low_rank_product() -> None:
    cost = (((D + s * (A @ B)) @ x) ** 2).sum()
    for wrt in (A, B, D, x):
        assert_same_value(pytensor.grad(cost, wrt), SQUARE, relations=FAMILY)


def test_why_not_says_what_the_coefficient_is() -> None:
    said = str(kantor.explain((D + A @ B) @ C).why_not("low_rank_left"))
    assert "c = 1" in said and "low_rank_left matches (D + A B) C" in said
    said = str(kantor.explain(A @ B - s * (C @ D)).why_not("common_factor_left"))
    assert "common_factor_left" in said
