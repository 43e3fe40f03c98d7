"""Random matrix expressions: the flops of what Kantor compiles beside plain PyTensor's."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from statistics import mean
from typing import Any

import numpy as np
import pytensor
from pytensor.compile.mode import Mode, get_mode

import kantor
from tests.benchmarks import random_linnea
from tests.benchmarks.counter import Counted, count, table
from tests.benchmarks.linnea_measures import rewriting
from tests.benchmarks.linnea_problems import Graph
from tests.benchmarks.random_linnea import SMALLER, Drawn
from tests.benchmarks.random_reference import best_chain
from tests.benchmarks.tables import Report, Row
from tests.benchmarks.timing import versions

RATIO, ERROR, SEARCH = 1.02, 1e-9, 0.3
# Fewer flops than that are the time of a launch.
NOTHING = 2000.0
VARIANTS = {"static": "shapes in the types", "dynamic": "shapes unknown, sizes="}


@dataclass(frozen=True)
class Measured:
    """What one expression takes.

    Attributes
    ----------
    drawn : Drawn
    flops : dict
        By variant, and of plain PyTensor.
    nodes : dict
        What takes them.
    search : dict
        CPU seconds in Kantor's engine, by variant.
    error : float
        Relative to the largest entry.
    best : float or None
        The flops of the best bracketing, where the expression is a product.
    """

    drawn: Drawn
    flops: dict[str, float]
    nodes: dict[str, list[Counted]]
    search: dict[str, float]
    error: float
    best: float | None

    def ratio(self, variant: str, to: float | None = None) -> float:
        """Flops over those of plain PyTensor, or over others."""
        of = self.flops["plain"] if to is None else to
        return (self.flops[variant] + NOTHING) / (of + NOTHING)


def compiled(graph: Graph, mode: Mode) -> tuple[Any, float]:
    """A function of all inputs, and the CPU seconds of Kantor's rewriter."""
    gc.collect()  # what others left is not to be swept up within
    with rewriting() as told:
        f = pytensor.function(graph.inputs, graph.outputs, mode=mode, on_unused_input="ignore")
    return f, sum(told)


def measure(drawn: Drawn, backend: str = "NUMBA") -> Measured:
    """Count the flops at full lengths, and compare values at small ones."""
    # The same graph as the backend's, made of Ops that Python runs: nothing is compiled further.
    base = get_mode(backend).clone(linker="py")
    static = random_linnea.graph(drawn, static=True)
    dynamic = random_linnea.graph(drawn, static=False)
    small = random_linnea.graph(drawn, static=True, scale=SMALLER)
    graphs = {"plain": static, "static": static, "dynamic": dynamic}
    modes = {
        "plain": base,
        "static": kantor.mode(base),
        "dynamic": kantor.mode(base, sizes=dynamic.sizes),
    }
    made = {k: compiled(g, modes[k]) for k, g in graphs.items()}
    counts = {
        k: count(f.maker.fgraph, [graphs[k].sizes[x] for x in graphs[k].inputs])
        for k, (f, _) in made.items()
    }
    functions = [made["dynamic"][0], compiled(small, modes["static"])[0]]
    return Measured(
        drawn,
        {k: n for k, (n, _) in counts.items()},
        {k: nodes for k, (_, nodes) in counts.items()},
        {k: made[k][1] for k in VARIANTS},
        max(_away(drawn, f) for f in functions),
        best_chain(drawn.tree),
    )


def _away(drawn: Drawn, function: Any) -> float:
    """The largest difference from what NumPy makes of it, relative to the largest entry."""
    given = random_linnea.values(drawn)
    expected = random_linnea.literal(drawn.tree, given)
    arrays = [x.reshape(random_linnea.written(drawn, x.shape)) for x in given.values()]
    (found,) = function(*arrays)
    return float(np.abs(found.reshape(expected.shape) - expected).max() / np.abs(expected).max())


def rows(found: Measured) -> list[Row]:
    """What is to be told of one expression, against the bars."""
    made = [
        Row(VARIANTS[k], found.ratio(k), "×", RATIO, f"{found.flops[k]:.4g} flops")
        for k in VARIANTS
    ]
    if found.best is not None:
        ratio = found.ratio("static", found.best)
        made.append(Row("over the best bracketing", ratio, "×", None, f"{found.best:.4g} flops"))
    plain = f"plain PyTensor {found.flops['plain']:.4g} flops"
    return [
        *made,
        Row("relative error", found.error, "", ERROR, plain),
        Row("search", max(found.search.values()), "ms", SEARCH * 1e3),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 if a bar is missed."""
    parser = argparse.ArgumentParser(prog="kantor bench random", description=__doc__)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0, help="of the first expression")
    parser.add_argument("--operations", type=int, nargs="+", default=[4, 5, 6, 7])
    parser.add_argument("--backend", default="NUMBA", choices=("NUMBA", "CVM"))
    parser.add_argument("--all", action="store_true", help="tell of each, not only of what fails")
    parser.add_argument("--nodes", action="store_true", help="list the flops of the programs")
    options = parser.parse_args(argv)
    report = Report()
    report.console.print(f"{versions()}; {options.backend}")
    report.console.print(
        f"bars: at most {RATIO} × plain PyTensor's flops, relative error at most {ERROR:g}, "
        f"search at most {SEARCH * 1e3:g} ms"
    )
    found = []
    for seed in range(options.seed, options.seed + options.count):
        drawn = random_linnea.draw(seed, options.operations[seed % len(options.operations)])
        found.append(measure(drawn, options.backend))
        told = rows(found[-1])
        if options.all or not all(r.passed for r in told):
            report.section(f"{seed}: {drawn.title}", told)
            for variant in ("plain", *VARIANTS) if options.nodes else ():
                report.console.print(f"  {variant}")
                for kernel, flops in table(found[-1].nodes[variant]).most_common():
                    report.console.print(f"    {flops:9.4g}  {kernel}")
    _summary(report, found)
    return report.close()


def _summary(report: Report, found: Sequence[Measured]) -> None:
    """The geometric means, the worst, and how many are dearer or slow."""
    say = report.console.print
    for variant in VARIANTS:
        ratios = [m.ratio(variant) for m in found]
        slowest = max(found, key=lambda m: m.search[variant])
        say(
            f"{variant}: {exp(mean(map(log, ratios))):.3f} × plain (geometric mean), "
            f"worst {max(ratios):.3f}, {sum(r > RATIO for r in ratios)} of {len(found)} dearer; "
            f"search: mean {mean(m.search[variant] for m in found) * 1e3:.0f} ms, "
            f"longest {slowest.search[variant] * 1e3:.0f} ms (seed {slowest.drawn.seed})"
        )
        of = [m.ratio(variant, m.best) for m in found if m.best is not None]
        if of:
            say(
                f"  of {len(of)} pure products: {exp(mean(map(log, of))):.3f} × the best "
                f"bracketing, {sum(r <= RATIO for r in of)} within {RATIO}"
            )
    say(f"largest relative error {max(m.error for m in found):.2g}\n")


if __name__ == "__main__":
    raise SystemExit(main())
