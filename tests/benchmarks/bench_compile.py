"""``python -m kantor bench compile``: what Kantor adds to the rewrite phase of a full compile.

Small models, and with ``--large`` those of 5,000 nodes, which take minutes each. Each is rewritten
as `pytensor.function` would, with the default mode's own optimizer: plain, plain once more, and
with every relation registered. CPU time, medians of interleaved rounds with the garbage collector
off; how far the two plain ones are apart says what the ratio is worth. How long all of a compile
takes is told of one run each.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import pytensor
from pytensor.compile.aliasing import add_supervisor_to_fgraph
from pytensor.compile.io import SymbolicInput
from pytensor.compile.mode import get_mode
from pytensor.configdefaults import config
from pytensor.graph.fg import FunctionGraph

from kantor.engine import Engine
from kantor.modes import register, unregister
from relations.library import library
from tests.benchmarks.large_models import LARGE_MODELS
from tests.benchmarks.models import MODELS, Graph, available, canonical, fgraph_of
from tests.benchmarks.tables import Report, Row
from tests.benchmarks.timing import Case, medians, versions

BARS = {
    "eight schools": 1.05,
    "LKJ hierarchical logistic": 1.05,
    "elementwise, 3,000 nodes": 1.05,
    "GP marginal, n = 60": 1.10,
    **dict.fromkeys(LARGE_MODELS, 1.10),
}
SAME_BAR = 0.02
# A round of a large model takes a minute.
LARGE_ROUNDS = 3


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 where something is over its bar."""
    parser = argparse.ArgumentParser(prog="kantor bench compile", description=__doc__)
    parser.add_argument("models", nargs="*", help="parts of their names; all by default")
    parser.add_argument(
        "--rounds", type=int, help=f"15, of large models {LARGE_ROUNDS}, by default"
    )
    parser.add_argument("--large", action="store_true", help="models of 5,000 nodes instead")
    parser.add_argument("--mode", default=None, help="a PyTensor mode; the default by default")
    options = parser.parse_args(argv)
    report = Report()
    report.console.print(versions(), f"\nmode {get_mode(options.mode).linker}\n")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", category=_kantor_warning())
        for name, make in available(LARGE_MODELS if options.large else MODELS).items():
            if not options.models or any(m in name for m in options.models):
                graph = make()
                nodes = len(fgraph_of(graph).apply_nodes)
                report.section(f"{name}: {nodes:,} nodes", rows(name, graph, options))
    return report.close()


def _kantor_warning() -> type[Warning]:
    from kantor.engine import KantorWarning

    return KantorWarning


def rows(name: str, graph: Graph, options: argparse.Namespace) -> list[Row]:
    """The rewrite phase of one model."""
    rounds = options.rounds or (LARGE_ROUNDS if options.large else 15)
    found = times(graph, options.mode, rounds)
    plain = (found["plain"] + found["plain again"]) / 2
    apart = abs(found["plain again"] / found["plain"] - 1)
    return [
        *(Row(what, seconds, "ms") for what, seconds in found.items()),
        Row("plain against plain, apart by", apart, "", SAME_BAR),
        Row("all relations registered against plain", found["registered"] / plain, "×", BARS[name]),
        *bounds(graph),
        *(Row(f"all of one compile, {what}", s, "s") for what, s in compiles(graph, options.mode)),
    ]


def bounds(graph: Graph) -> list[Row]:
    """How many searches there are, and how many of them ended at a bound."""
    engine = Engine(library())
    # Without the limit the traces of what is rewritten many times grow to gigabytes.
    with config.change_flags(traceback__limit=config.traceback__compile_limit):
        engine.rewrite(canonical(graph))
    met = engine.bounds
    ended = {"of too many matches": met["matches"], "of too many forms": met["forms"]}
    note = f"of {met['searches']}"
    rows = [Row(f"searches ended {why}", n, "", 0.0, note) for why, n in ended.items()]
    return [*rows, Row("searches ended as nothing cheaper came", met["patience"], "", note=note)]


def compiles(graph: Graph, mode: Any) -> Iterator[tuple[str, float]]:
    """CPU seconds of `pytensor.function`, plain and registered."""
    pytensor.function([], pytensor.tensor.zeros(()), mode=mode)  # imports what the linker needs
    for what in ("plain", "registered"):
        try:
            if what == "registered":
                register(relations=library())
            start = time.process_time()
            pytensor.function(*graph, mode=mode, on_unused_input="ignore")
            yield what, time.process_time() - start
        finally:
            unregister()


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
