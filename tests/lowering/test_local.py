"""Large regions, whose terms are searched one by one."""

from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.graph.traversal import ancestors
from pytensor.tensor import linalg
from pytensor.tensor.linalg.products import KroneckerProduct

from kantor.api import graph_of
from kantor.engine import Engine
from kantor.reading import Reading
from lowering.local import LARGE
from lowering.positions import positions
from lowering.search import BUDGET
from lowering.settled import _without
from lowering.uses import Uses
from matchers.regions import regions
from relations.library import select

STEPS = BUDGET + 6


def _filtered(steps: int, n: int = 12) -> tuple[list[pt.TensorVariable], pt.TensorVariable]:
    """A state that is moved by a Kronecker product at each step."""
    moves = [pt.tensor(f"M{i}", shape=(2, n, n)) for i in range(steps)]
    state, drift = (pt.vector(name, shape=(n * n,)) for name in ("state", "drift"))
    inputs = [state, drift, *moves]
    for move in moves:
        state = linalg.kron(move[0], move[1]) @ state + drift
    return inputs, state


def test_more_moves_than_a_search_expands() -> None:
    inputs, state = _filtered(STEPS)
    fgraph, _ = graph_of([state])
    engine = Engine(select(None)[0])
    (step,) = engine.rewrite(fgraph)
    assert len([r for r in step.relations if r.startswith("kron")]) >= STEPS
    assert engine.bounds["searches"] and not engine.bounds["forms"]
    new = fgraph.outputs[0]
    kinds = {type(v.owner.op) for v in ancestors([new]) if v.owner is not None}
    assert KroneckerProduct not in kinds
    rng = np.random.default_rng(0)
    values = [rng.normal(size=i.type.shape) / 3 for i in inputs]
    old = pytensor.function(inputs, state, mode="FAST_COMPILE")(*values)
    got = pytensor.function(fgraph.inputs, new, mode="FAST_COMPILE", on_unused_input="ignore")
    given = {i.name: value for i, value in zip(inputs, values, strict=True)}
    np.testing.assert_allclose(got(*[given[i.name] for i in fgraph.inputs]), old, rtol=1e-9)


def test_what_is_needed_without_a_term() -> None:
    _, state = _filtered(6)
    shared = linalg.solve(pt.matrix("A"), state[:, None])
    fgraph, _ = graph_of([shared.T @ shared, shared + 1.0, linalg.det(pt.matrix("A"))])
    for region in regions(fgraph):
        roots = Reading(fgraph, region, None).roots
        order = positions(roots)
        uses = Uses(order, roots)
        for term in order:
            others = uses.without(term)
            assert {t for t in order if t in others} == _without(order, roots, term)


def test_a_region_that_is_not_large_is_searched_as_a_whole() -> None:
    _, state = _filtered(4)
    fgraph, _ = graph_of([state])
    (region,) = regions(fgraph)
    assert len(positions(Reading(fgraph, region, None).roots)) < LARGE / 2


def test_a_search_that_runs_out_is_counted() -> None:
    _, state = _filtered(4)
    fgraph, _ = graph_of([state])
    engine = Engine(select(None)[0], budget=1)
    engine.rewrite(fgraph)
    assert engine.bounds["forms"] >= 1
