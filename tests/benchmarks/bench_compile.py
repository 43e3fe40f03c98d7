"""``python -m kantor bench compile``: what Kantor adds to the rewrite phase of a full compile.

Each model is rewritten as `pytensor.function` would, with the default mode's own optimizer: plain,
plain once more, and with every relation registered. CPU time, medians of interleaved rounds with
the garbage collector off; how far the two plain ones are apart says what the ratio is worth.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from typing import Any

from pytensor.compile.aliasing import add_supervisor_to_fgraph
from pytensor.compile.io import SymbolicInput
from pytensor.compile.mode import get_mode
from pytensor.configdefaults import config
from pytensor.graph.fg import FunctionGraph

from kantor.modes import register, unregister
from relations.library import library
from tests.benchmarks.models import Graph, available, fgraph_of
from tests.benchmarks.tables import Report, Row
from tests.benchmarks.timing import Case, medians, versions

BARS = {
    "eight schools": 1.05,
    "LKJ hierarchical logistic": 1.05,
    "elementwise, 3,000 nodes": 1.05,
    "GP marginal, n = 60": 1.10,
}
SAME_BAR = 0.02


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 where something is over its bar."""
    parser = argparse.ArgumentParser(prog="kantor bench compile", description=__doc__)
    parser.add_argument("models", nargs="*", help="parts of their names; all by default")
    parser.add_argument("--rounds", type=int, default=15, help="11 or more")
    parser.add_argument("--mode", default=None, help="a PyTensor mode; the default by default")
    options = parser.parse_args(argv)
    report = Report()
    report.console.print(versions(), f"\nmode {get_mode(options.mode).linker}\n")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", category=_kantor_warning())
        for name, make in available().items():
            if not options.models or any(m in name for m in options.models):
                report.section(name, rows(name, make(), options))
    return report.close()


def _kantor_warning() -> type[Warning]:
    from kantor.engine import KantorWarning

    return KantorWarning


def rows(name: str, graph: Graph, options: argparse.Namespace) -> list[Row]:
    """The rewrite phase of one model."""
    found = times(graph, options.mode, options.rounds)
    plain = (found["plain"] + found["plain again"]) / 2
    apart = abs(found["plain again"] / found["plain"] - 1)
    return [
        *(Row(what, seconds, "ms") for what, seconds in found.items()),
        Row("plain against plain, apart by", apart, "", SAME_BAR),
        Row("all relations registered against plain", found["registered"] / plain, "×", BARS[name]),
    ]


def times(graph: Graph, mode: Any, rounds: int) -> dict[str, float]:
    """Seconds of the rewrite phase: plain, plain again, and registered."""

    def rewrite(fgraph: FunctionGraph, optimizer: Any) -> None:
        with config.change_flags(traceback__limit=config.traceback__compile_limit):
            optimizer.rewrite(fgraph)

    def plain() -> tuple[Any, ...]:
        unregister()
        return _supervised(graph), get_mode(mode).optimizer

    def registered() -> tuple[Any, ...]:
        register(relations=library())
        return _supervised(graph), get_mode(mode).optimizer

    try:
        return medians(
            [
                Case("plain", rewrite, plain),
                Case("registered", rewrite, registered),
                Case("plain again", rewrite, plain),
            ],
            rounds,
        )
    finally:
        unregister()


def _supervised(graph: Graph) -> FunctionGraph:
    """The graph as `pytensor.function` hands it to the optimizer."""
    fgraph = fgraph_of(graph)
    add_supervisor_to_fgraph(fgraph, [SymbolicInput(i) for i in fgraph.inputs])
    return fgraph
