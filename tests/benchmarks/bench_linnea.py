"""Linnea's application problems: the flops of what Kantor compiles beside the best known."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from math import exp, log
from pathlib import Path
from statistics import mean, median

import numpy as np

from tests.benchmarks import linnea_problems as linnea
from tests.benchmarks.charts import bars, number, page
from tests.benchmarks.counter import table
from tests.benchmarks.linnea_measures import VARIANTS, Measured, measure, times
from tests.benchmarks.tables import Report, Row
from tests.benchmarks.timing import versions

RATIO, ERROR = 1.02, 1e-9
# Seconds of search: for the median problem, and for the worst.
MEDIAN, WORST = 0.05, 0.3
# Times over those of plain PyTensor and of what is written by hand, as geometric means.
OF_PLAIN, OF_HAND = 0.4, 1.0
# Flops of plain PyTensor up to which a problem is timed at its full lengths.
MOST = 6e10
HEAD = (
    "", "problem", "plain PyTensor, flops", "Kantor, flops", "of the best known",
    "plain, ms", "Kantor, ms", "by hand, ms", "JAX, ms", "timed at this part of the lengths",
    "relative error",
)  # fmt: skip

TIMED = ("plain", "static", "by hand", "JAX")

Times = dict[str, list[float]]


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
        *[Row(f"search, {VARIANTS[k]}", s, "ms") for k, s in found.planning.items()],
    ]


def timed(taken: Times) -> list[Row]:
    """Medians, and whether Kantor's lower quartile is below the upper one of plain PyTensor."""
    slowest = float(np.percentile(taken["plain"], 75))
    told = [
        Row(VARIANTS.get(k, k), median(ts), "ms", None,
            f"{median(ts) / median(taken['by hand']):.3g} × by hand")
        for k, ts in taken.items()
    ]  # fmt: skip
    return [
        *told,
        *[
            Row(f"lower quartile over plain's upper, {VARIANTS[k]}",
                float(np.percentile(taken[k], 25)) / slowest, "×", 1.0)
            for k in VARIANTS
        ],
    ]  # fmt: skip


def searches(found: Sequence[Measured]) -> list[Row]:
    """How long Kantor's rewriter takes in a compile, over all problems."""
    told = []
    for variant, name in VARIANTS.items():
        taken = [m.planning[variant] for m in found]
        told.append(Row(f"median, {name}", median(taken), "ms", 1e3 * MEDIAN))
        told.append(Row(f"worst, {name}", max(taken), "ms", 1e3 * WORST))
    return told


def compared(taken: Sequence[Times]) -> list[Row]:
    """Geometric means over all problems of what Kantor's programs take."""
    told = []
    for variant, name in VARIANTS.items():
        for other, bar in (("plain", OF_PLAIN), ("by hand", OF_HAND), ("JAX", None)):
            if all(other in t for t in taken):
                ratios = [median(t[variant]) / median(t[other]) for t in taken]
                told.append(Row(f"{name}, over {other}", _geometric(ratios), "×", bar))
    return told


def _geometric(ratios: Sequence[float]) -> float:
    return exp(mean(map(log, ratios)))


def _summary(report: Report, found: Sequence[Measured]) -> None:
    """The geometric means, and how many programs are within the bar."""
    for variant in ("plain", *VARIANTS):
        ratios = [m.ratio(variant) for m in found]
        within = sum(r <= RATIO for r in ratios)
        report.console.print(
            f"{variant}: {_geometric(ratios):.3f} × the best known (geometric mean), "
            f"{within} of {len(found)} within {RATIO}"
        )
    report.console.print()


def scale_of(found: Measured) -> float:
    """At what part of its lengths plain PyTensor runs a problem in a few seconds."""
    return min(1.0, (MOST / found.flops["plain"]) ** (1 / 3))


def document(
    folder: Path,
    found: Sequence[Measured],
    taken: Sequence[Times],
    scales: Sequence[float],
    text: str,
) -> None:
    """Write docs/linnea.md and its chart: flops and times, of Kantor with shapes in the types."""
    names = {"plain": "plain PyTensor", "static": "Kantor", "JAX": "JAX"}
    panels = {
        "flops over the best known": {
            names[k]: [m.ratio(k) for m in found] for k in ("plain", "static")
        },
        "time over that by hand": {
            name: [median(t[k]) / median(t["by hand"]) for t in taken]
            for k, name in names.items()
            if all(k in t for t in taken)
        },
    }
    bars(folder / "linnea.png", [str(m.problem.id) for m in found], panels)
    lines = [
        [
            str(m.problem.id), m.problem.name,
            f"{m.flops['plain']:.3g}", f"{m.flops['static']:.3g}", f"{m.ratio('static'):.3f}",
            *[number(1e3 * median(t[k])) if k in t else "" for k in TIMED],
            f"{s:.2g}", f"{m.error:.0e}",
        ]
        for m, t, s in zip(found, taken, scales, strict=True)
    ]  # fmt: skip
    page(folder / "linnea.md", "Linnea's application problems", text, HEAD, lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 if a bar is missed."""
    known = linnea.problems()
    parser = argparse.ArgumentParser(prog="kantor bench linnea", description=__doc__)
    parser.add_argument("--only", type=int, nargs="+", choices=known, metavar="ID")
    parser.add_argument("--backend", default="NUMBA", choices=("NUMBA", "CVM"))
    parser.add_argument("--columns", action="store_true", help="vectors as n × 1 matrices")
    parser.add_argument("--nodes", action="store_true", help="list the flops of each program")
    parser.add_argument("--times", action="store_true", help="measure times as well")
    parser.add_argument("--scale", type=float, help="of all lengths, for times")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument(
        "--docs", type=Path, metavar="FOLDER", help="write linnea.md and .png there"
    )
    options = parser.parse_args(argv)
    report = Report()
    setting = f"{versions()}; {options.backend}"
    report.console.print(setting)
    report.console.print(
        f"bars: at most {RATIO} × the best known flops, relative error at most {ERROR:g}"
    )
    chosen = [known[i] for i in options.only or known]
    found, taken = [], []
    for problem in chosen:
        found.append(measure(problem, options.backend, options.columns))
        report.section(f"{problem.id} {problem.name}", rows(found[-1]))
        for variant in VARIANTS if options.nodes else ():
            report.console.print(f"  {variant}")
            for kernel, flops in table(found[-1].nodes[variant]).most_common():
                report.console.print(f"    {flops:9.4g}  {kernel}")
    _summary(report, found)
    report.section("search, of all problems", searches(found))
    scales = [options.scale or scale_of(m) for m in found]
    for m, scale in zip(found, scales, strict=True) if options.times or options.docs else ():
        taken.append(times(m.problem, options.backend, scale, options.rounds))
        at = f"times at {scale:.2g} of the lengths"
        report.section(f"{m.problem.id} {m.problem.name}, {at}", timed(taken[-1]))
    if taken:
        report.section("times, geometric means", compared(taken))
    if options.docs:
        text = f"Made by `python -m kantor bench linnea --docs docs`: {setting}."
        document(options.docs, found, taken, scales, text)
    return report.close()


if __name__ == "__main__":
    raise SystemExit(main())
