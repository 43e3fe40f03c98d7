"""What the tests share: rewriting one graph with given relations, and evaluating graphs plainly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
from pytensor.compile.mode import Mode
from pytensor.graph.traversal import explicit_graph_inputs

import kantor
from kantor.api import graph_of
from kantor.engine import Engine, Step
from relations.library import select

PLAIN = Mode(linker="py", optimizer=None)


def decisions(graph: Any, relations: Any = None, sizes: Any = None) -> list[Step]:
    """What the engine decides about a graph, without rewriting it."""
    fgraph, _ = graph_of([graph])
    return Engine(select(relations)[0], sizes).decisions(fgraph, replace=False)


def rewritten(graph: Any, relations: Any = None) -> list[tuple[str, str]]:
    """The terms before and after, of each region that was rewritten."""
    return [
        (str(before), str(after))
        for step in decisions(graph, relations)
        if step.decision.taken
        for before, after in zip(step.before, step.after, strict=True)
    ]


def ops(graph: Any) -> list[str]:
    """The names of the Ops of a graph, in topological order."""
    fgraph, _ = graph_of([graph])
    return [type(getattr(n.op, "core_op", n.op)).__name__ for n in fgraph.toposort()]


def evaluate(graphs: Any, values: dict[Any, Any]) -> Any:
    """The values of graphs, by the Python linker and without any rewrite."""
    single = not isinstance(graphs, list)
    listed = [graphs] if single else graphs
    inputs = list(explicit_graph_inputs(listed))
    found = pytensor.function(inputs, listed, mode=PLAIN, on_unused_input="ignore")(
        *(values[i] for i in inputs)
    )
    return found[0] if single else found


def assert_same_value(graph: Any, values: dict[Any, Any], **options: Any) -> Any:
    """Rewrite a graph, check type and value against the graph itself, and return it."""
    new = kantor.rewrite(graph, **options)
    assert new.type.dtype == graph.type.dtype
    assert new.type.ndim == graph.type.ndim
    before, after = evaluate([graph, new], values)
    assert np.shape(before) == np.shape(after)
    np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9)
    return new
