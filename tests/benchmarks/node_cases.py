"""Rewriter time per node of a graph: Kantor with few and many relations, and stock code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.kanren import KanrenRelationSub
from pytensor.graph.rewriting.unify import OpPattern, convert_strs_to_vars, match_pattern
from pytensor.tensor.math import Dot

from kantor.engine import Engine
from kantor.rewriter import KantorRewriter
from tests.benchmarks.timing import Case, medians

# Stock kanren takes seconds on thousands of nodes; a part of them tells the time of one.
STOCK_NODES = 150


def rewriter_times(
    fgraph: FunctionGraph, engines: dict[str, Engine], rounds: int
) -> dict[str, float]:
    """Seconds per node of the graph, for Kantor with each of the engines and for stock code.

    What is timed is what PyTensor calls: `KantorRewriter.apply` on a graph that it meets for the
    first time, so finding, reading, searching and rebuilding regions are all in it.
    """
    nodes = len(fgraph.apply_nodes)
    cases = [Case(name, _rewriter(e).apply, _copy(fgraph)) for name, e in engines.items()]
    found = medians(cases, rounds)
    return {name: seconds / nodes for name, seconds in found.items()}


def stock_times(fgraph: FunctionGraph, rounds: int) -> dict[str, float]:
    """Seconds per node of stock kanren and of `match_pattern`, with one simple relation each."""
    nodes = fgraph.toposort()[:STOCK_NODES]
    kanren = KanrenRelationSub(_double_transpose)
    pattern = convert_strs_to_vars((OpPattern(Dot), (OpPattern(Dot), "a", "b"), "c"))
    single = [n for n in nodes if len(n.outputs) == 1]

    def run_kanren() -> None:
        for node in single:
            kanren.transform(fgraph, node)

    def run_pattern() -> None:
        for node in nodes:
            match_pattern(pattern, node)

    found = medians(
        [Case("KanrenRelationSub", run_kanren), Case("match_pattern", run_pattern)], rounds
    )
    return {
        "KanrenRelationSub": found["KanrenRelationSub"] / len(single),
        "match_pattern": found["match_pattern"] / len(nodes),
    }


def _rewriter(engine: Engine) -> KantorRewriter:
    return KantorRewriter(lambda: engine)


def _copy(fgraph: FunctionGraph) -> Callable[[], tuple[Any, ...]]:
    return lambda: (fgraph.clone(),)


def _double_transpose(in_lv: Any, out_lv: Any) -> Any:
    """dot(dot(a, b), c) = dot(a, dot(b, c)), as a plain miniKanren relation."""
    from etuples import etuple
    from kanren import eq, lall, var

    a, b, c = var(), var(), var()
    dot = Dot()
    return lall(
        eq(in_lv, etuple(dot, etuple(dot, a, b), c)),
        eq(out_lv, etuple(dot, a, etuple(dot, b, c))),
    )
