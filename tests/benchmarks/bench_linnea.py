"""Linnea's application problems: the flops of what Kantor compiles beside the best known."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import exp, log
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pytensor
from pytensor.compile.mode import Mode, get_mode

import kantor
from tests.benchmarks import linnea_problems as linnea
from tests.benchmarks.counter import Counted, count, table
from tests.benchmarks.linnea_by_hand import BY_HAND
from tests.benchmarks.linnea_problems import Graph, Problem
from tests.benchmarks.tables import Report, Row
from tests.benchmarks.timing import Case, medians, versions

RATIO, ERROR = 1.02, 1e-9
# At this part of the lengths the values are compared; the program is that of the full lengths.
SMALL = 0.04
VARIANTS = {"static": "shapes in the types", "dynamic": "shapes unknown, sizes="}


@dataclass(frozen=True)
class Measured:
    """The flops of one problem by variant, and what its values are away from NumPy's."""

    problem: Problem
    flops: dict[str, float]
    nodes: dict[str, list[Counted]]
    error: float

    def ratio(self, variant: str) -> float:
        """Flops over the best known."""
        return self.flops[variant] / self.problem.best


def compiled(graph: Graph, mode: Any) -> Any:
    """A function of all inputs, used or not."""
    return pytensor.function(graph.inputs, graph.outputs, mode=mode, on_unused_input="ignore")


def programs(problem: Problem, base: Mode, columns: bool, scale: float = 1.0) -> dict[str, Any]:
    """What is compiled of a problem by plain PyTensor and by Kantor, and the graph it is of."""
    write = partial(linnea.graph, problem, columns=columns, scale=scale)
    plain, static, dynamic = write(static=True, plain=True), write(static=True), write(static=False)
    return {
        "plain": (plain, compiled(plain, base)),
        "static": (static, compiled(static, kantor.mode(base))),
        "dynamic": (dynamic, compiled(dynamic, kantor.mode(base, sizes=dynamic.sizes))),
    }


def measure(problem: Problem, backend: str, columns: bool = False) -> Measured:
    """Count the flops of all variants at full lengths, and compare values at small ones."""
    # The same graph as the backend's, made of Ops that Python runs: nothing is compiled further.
    base = get_mode(backend).clone(linker="py")
    made = programs(problem, base, columns)
    counts = {
        k: count(f.maker.fgraph, [g.sizes[x] for x in g.inputs]) for k, (g, f) in made.items()
    }
    given = linnea.values(problem, SMALL)
    expected = linnea.literal(problem, given, SMALL)
    small = linnea.graph(problem, static=True, columns=columns, scale=SMALL)
    functions = [made["dynamic"][1], compiled(small, kantor.mode(base))]
    errors = [_away(f(*arguments(problem, given, columns)), expected) for f in functions]
    return Measured(
        problem,
        {k: n for k, (n, _) in counts.items()},
        {k: nodes for k, (_, nodes) in counts.items()},
        max(errors),
    )


def arguments(problem: Problem, given: Mapping[str, Any], columns: bool = False) -> list[Any]:
    """The operands in the order of the inputs."""
    values = [given[o.name] for o in problem.inputs]
    return [x[:, None] if columns and x.ndim == 1 else x for x in values]


def _away(found: Sequence[Any], expected: Sequence[Any]) -> float:
    """The largest difference of any output, relative to its largest entry."""
    return max(
        float(np.abs(x.reshape(y.shape) - y).max() / np.abs(y).max())
        for x, y in zip(found, expected, strict=True)
    )


def rows(found: Measured) -> list[Row]:
    """What is to be told of one problem, against the bars."""
    p, plain = found.problem, found.flops["plain"]
    told = [
        Row(VARIANTS[k], found.ratio(k), "×", RATIO, f"{found.flops[k]:.4g} flops")
        for k in VARIANTS
    ]
    best = f"{plain:.4g} flops; best known {p.best:.4g}"
    return [
        *told,
        Row("plain PyTensor", found.ratio("plain"), "×", None, best),
        Row("relative error", found.error, "", ERROR),
    ]


def times(problem: Problem, backend: str, scale: float, rounds: int) -> list[Row]:
    """CPU time of Kantor's program, of plain PyTensor, JAX and what is written by hand."""
    given = linnea.values(problem, scale)
    made = programs(problem, get_mode(backend), columns=False, scale=scale)
    values = arguments(problem, given)
    runs: dict[str, Callable[[], Any]] = {k: partial(f, *values) for k, (_, f) in made.items()}
    runs["by hand"] = partial(BY_HAND[problem.id], given)
    if importlib.util.find_spec("jax") is not None:
        runs["JAX"] = _jax(problem, given, scale)
    found = medians([Case(k, run) for k, run in runs.items()], rounds=rounds)
    return [
        Row(VARIANTS.get(k, k), seconds, "ms", None,
            f"{seconds / found['by hand']:.3g} × by hand")
        for k, seconds in found.items()
    ]  # fmt: skip


def _jax(problem: Problem, given: Mapping[str, Any], scale: float) -> Callable[[], Any]:
    """The expressions as they stand, compiled by JAX."""
    import jax

    jax.config.update("jax_enable_x64", True)
    names = [o.name for o in problem.inputs]
    eyes = {
        o.name: jax.numpy.eye(problem.shape(o, scale)[0])
        for o in problem.operands
        if "Identity" in o.properties
    }

    def literal(*operands: Any) -> list[Any]:
        named = {**dict(zip(names, operands, strict=True)), **eyes}
        return problem.evaluate(named, jax.numpy.linalg.inv)

    f = jax.jit(literal)
    operands = [jax.numpy.asarray(given[name]) for name in names]
    return lambda: jax.block_until_ready(f(*operands))


def draw(found: Sequence[Measured], path: Path) -> None:
    """Ratios as bars, on a logarithmic axis."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.subplots()
    for i, variant in enumerate(("plain", *VARIANTS)):
        places = [k + 0.27 * (i - 1) for k in range(len(found))]
        axes.bar(places, [m.ratio(variant) for m in found], 0.25, label=variant)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_yscale("log")
    axes.set_xticks(range(len(found)), [str(m.problem.id) for m in found])
    axes.set(xlabel="problem", ylabel="flops over the best known")
    axes.legend(frameon=False)
    figure.savefig(path)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 if a bar is missed."""
    known = linnea.problems()
    parser = argparse.ArgumentParser(prog="kantor bench linnea", description=__doc__)
    parser.add_argument("--only", type=int, nargs="+", choices=known, metavar="ID")
    parser.add_argument("--backend", default="NUMBA", choices=("NUMBA", "CVM"))
    parser.add_argument("--columns", action="store_true", help="vectors as n × 1 matrices")
    parser.add_argument("--nodes", action="store_true", help="list the flops of each program")
    parser.add_argument("--times", action="store_true", help="measure times as well")
    parser.add_argument("--scale", type=float, default=0.2, help="of all lengths, for times")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--png", type=Path, help="draw the ratios")
    options = parser.parse_args(argv)
    report = Report()
    report.console.print(f"{versions()}; {options.backend}")
    report.console.print(
        f"bars: at most {RATIO} × the best known flops, relative error at most {ERROR:g}"
    )
    chosen = [known[i] for i in options.only or known]
    found = []
    for problem in chosen:
        found.append(measure(problem, options.backend, options.columns))
        report.section(f"{problem.id} {problem.name}", rows(found[-1]))
        for variant in VARIANTS if options.nodes else ():
            report.console.print(f"  {variant}")
            for kernel, flops in table(found[-1].nodes[variant]).most_common():
                report.console.print(f"    {flops:9.4g}  {kernel}")
    _summary(report, found)
    for problem in chosen if options.times else ():
        made = times(problem, options.backend, options.scale, options.rounds)
        report.section(f"{problem.id} {problem.name}, times at {options.scale:g} of lengths", made)
    if options.png:
        draw(found, options.png)
    return report.close()


def _summary(report: Report, found: Sequence[Measured]) -> None:
    """The geometric means, and how many programs are within the bar."""
    for variant in ("plain", *VARIANTS):
        ratios = [m.ratio(variant) for m in found]
        within = sum(r <= RATIO for r in ratios)
        middle = exp(mean(map(log, ratios)))
        report.console.print(
            f"{variant}: {middle:.3f} × the best known (geometric mean), "
            f"{within} of {len(found)} within {RATIO}"
        )


if __name__ == "__main__":
    raise SystemExit(main())
