"""Whatever is written, a rewrite keeps value, gradient, dtype and shape.

The relations are verified one by one; here they meet each other, PyTensor's Ops and the planner.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytest
from pytensor.compile.mode import Mode

import kantor
from tests.coverage.flops import run
from tests.coverage.measure import PLAIN as COUNTED
from tests.kantor.random_graphs import SIZES, Expressions

PLAIN = Mode("py", optimizer=None)
STEP = 1e-8
# Rounding that is this much larger than that of the inputs is no fault of a rewrite.
ALLOWED = 1e4 * np.finfo(float).eps
FLOOR = 1e-11
# What has fewer digits than that tells nothing.
TELLING = 1e-4
# Lengths at which operations, and not launches, are what a graph costs.
LARGER = {"m": 10, "k": 12, "n": 120}
# PyTensor fuses a scaling with the elementwise product that it comes before: one more factor of
# each entry of the output is counted, but takes no pass of its own.
FUSED = 2


def drawn(
    seed: int, depth: int, static: bool = False, sizes: dict[str, int] = SIZES
) -> tuple[Expressions, Any]:
    """An expression, or the gradient of one, with lengths known or not."""
    found = Expressions(seed, static=static or seed % 3 != 0, sizes=sizes)
    kinds = [
        lambda: found.number(depth),
        lambda: found.vector(depth, "n"),
        lambda: found.matrix(depth, "n", "m"),
        lambda: found.matrix(depth, "n", "n"),
    ]
    graph = kinds[seed % 4]()
    if seed % 5 == 0 and graph.type.ndim == 0 and found.leaves:
        first = next(iter(found.leaves.values())).var
        graph = pytensor.grad(graph, first, disconnected_inputs="ignore")
    return found, graph


def sensitivity(found: Expressions, function: Any, value: Any) -> float:
    """By how much a value moves if the inputs do, in units of their movement.

    What is orthogonal or definite is moved as a whole, and stays so.
    """
    rng = np.random.default_rng(1)
    largest = 0.0
    for _ in range(3):
        moved = [
            leaf.value * (1 + STEP * rng.standard_normal(
                leaf.value.shape if kind[0] in ("plain", "regular", "positive") else ()
            ))
            for kind, leaf in found.leaves.items()
        ]  # fmt: skip
        largest = max(largest, float(np.max(np.abs(function(*moved) - value), initial=0)))
    return largest / STEP


def assert_kept(seed: int, depth: int) -> bool:
    """Whether the expression is rewritten, once it is seen to be equal."""
    found, graph = drawn(seed, depth)
    new = kantor.rewrite(graph)
    assert new.type.dtype == graph.type.dtype
    assert new.type.broadcastable == graph.type.broadcastable
    if new is graph:
        return False
    inputs = [leaf.var for leaf in found.leaves.values()]
    values = [leaf.value for leaf in found.leaves.values()]
    before, after = (
        pytensor.function(inputs, g, mode=PLAIN, on_unused_input="ignore") for g in (graph, new)
    )
    old, now = before(*values), after(*values)
    assert now.shape == old.shape
    assert now.dtype == old.dtype
    size = float(np.max(np.abs(old), initial=0))
    if np.isfinite(old).all():
        allowed = ALLOWED * sensitivity(found, before, old) + 1e-10 * size + FLOOR
        if allowed <= max(TELLING * size, FLOOR):
            assert float(np.max(np.abs(old - now), initial=0)) <= allowed, kantor.explain(graph)
    return True


@pytest.mark.filterwarnings("error::kantor.KantorWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("start", range(0, 120, 12))
def test_a_rewrite_keeps_everything(start: int) -> None:
    rewritten = [assert_kept(seed, 3) for seed in range(start, start + 12)]
    assert any(rewritten)


@pytest.mark.slow
@pytest.mark.filterwarnings("error::kantor.KantorWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("depth", [2, 3, 4])
def test_a_rewrite_keeps_everything_of_many(depth: int) -> None:
    rewritten = [assert_kept(seed, depth) for seed in range(1000, 1500)]
    assert sum(rewritten) > 100


def assert_no_dearer(seed: int, depth: int) -> float:
    """The part of the flops that is left, of what PyTensor compiles by itself."""
    found, graph = drawn(seed, depth, True, LARGER)
    inputs = [leaf.var for leaf in found.leaves.values()]
    values = [leaf.value for leaf in found.leaves.values()]
    with pytensor.config.change_flags(cxx=""):
        plain, ours = (
            pytensor.function(inputs, graph, mode=mode, on_unused_input="ignore")
            for mode in (COUNTED, kantor.mode(COUNTED))
        )
    (_, before), (outputs, after) = (run(f.maker.fgraph, values) for f in (plain, ours))
    allowed = 1.05 * before + FUSED * np.size(outputs[0]) + 1000
    assert after <= allowed, (seed, before, after, kantor.explain(graph))
    return after / before if before else 1.0


@pytest.mark.filterwarnings("error::kantor.KantorWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("start", range(0, 40, 10))
def test_a_mode_costs_no_more(start: int) -> None:
    assert min(assert_no_dearer(seed, 3) for seed in range(start, start + 10)) < 0.9


@pytest.mark.slow
@pytest.mark.filterwarnings("error::kantor.KantorWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("depth", [2, 3, 4])
def test_a_mode_costs_no_more_of_many(depth: int) -> None:
    for seed in range(1000, 1200):
        assert_no_dearer(seed, depth)
