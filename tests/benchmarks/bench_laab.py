"""LAAB: how far Kantor and plain PyTensor are from good references, where 1 is a poor one."""

from __future__ import annotations

import argparse
import importlib.util
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from math import nan
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytensor

import kantor
from tests.benchmarks.charts import bars, number, page
from tests.benchmarks.laab import PASS, TESTS, Test, clipped, loss
from tests.benchmarks.tables import Report, Row
from tests.benchmarks.timing import Case, seconds, versions

MORE_THAN_CACHES = 300 * 2**20
KINDS = {"plain": "plain PyTensor", "kantor": "Kantor", "JAX": "JAX", "poor": "poor reference"}
HEAD = ("test", "of", *[f"{k}, ms" for k in KINDS.values()], "good reference, ms", "Kantor's loss")

Times = dict[str, list[float]]


def measure(test: Test, order: int, backend: str, rounds: int, static: bool) -> tuple[Times, float]:
    """Seconds in interleaved rounds, by what was run, and what Kantor's values are away."""
    inputs, graph = test.graph(order if static else None)
    values = test.values(order)
    modes: dict[str, Any] = {"kantor": kantor.mode(backend), "plain": backend}
    runs: dict[str, Callable[[], Any]] = {
        k: partial(pytensor.function(inputs, graph, mode=m, trust_input=True), *values)
        for k, m in modes.items()
    }
    away = difference(runs)
    runs["good"] = _good(test, inputs, values, backend)
    runs["poor"] = partial(test.poor, *values)
    if importlib.util.find_spec("jax") is not None and not test.loops:
        runs["JAX"] = _jax(test, values)
    return times([Case(k, run, scrub) for k, run in runs.items()], rounds), away


def rows(found: Times, away: float, order: int) -> list[Row]:
    """The losses of Kantor, of plain PyTensor and of JAX."""
    good = clipped(found["good"], order)
    note = ", ".join(f"{k} {1e3 * median(found[k]):.3g} ms" for k in ("kantor", "good", "poor"))
    plain = f"plain {1e3 * median(found['plain']):.3g} ms, difference {away:.1e}"
    told = [
        Row("Kantor", loss(found["kantor"], good, found["poor"]), "", PASS, note),
        Row("plain PyTensor", loss(found["plain"], good, found["poor"]), "", None, plain),
    ]
    if "JAX" in found:
        took = f"JAX {1e3 * median(found['JAX']):.3g} ms"
        told.append(Row("JAX", loss(found["JAX"], good, found["poor"]), "", None, took))
    return told


def _jax(test: Test, values: list[Any]) -> Callable[[], Any]:
    """The expression as it stands, compiled by JAX."""
    import jax

    f = jax.jit(test.written)
    operands = [jax.numpy.asarray(x) for x in values]
    return lambda: jax.block_until_ready(f(*operands))


def _good(test: Test, inputs: list[Any], values: list[Any], backend: str) -> Callable[[], Any]:
    if test.of_kernel:
        return partial(test.good, *(test.made(*values) if test.made else values))
    f = pytensor.function(inputs, test.good(*inputs), mode=backend, trust_input=True)
    return partial(f, *values)


def scrub() -> tuple[()]:
    """Leave nothing of the last case in any cache."""
    np.ones(MORE_THAN_CACHES, "uint8").sum()
    return ()


def times(cases: Sequence[Case], rounds: int) -> dict[str, list[float]]:
    """Seconds of CPU time of each case in each round; one round before that is not read."""
    found: dict[str, list[float]] = {case.name: [] for case in cases}
    for i in range(rounds + 1):
        start = i % len(cases)
        for case in (*cases[start:], *cases[:start]):
            taken = seconds(case)
            if i:
                found[case.name].append(taken)
    return found


def difference(runs: dict[str, Callable[[], Any]]) -> float:
    """What Kantor's values are away from those of plain PyTensor, relative to the largest."""
    x, y = (np.asarray(runs[k](), dtype="float64") for k in ("kantor", "plain"))
    return float(np.abs(x - y).max() / np.abs(y).max())


def document(folder: Path, taken: list[tuple[Test, Times]], order: int, setting: str) -> None:
    """Write docs/laab.md and its chart: times over those of the good references."""
    good = {test.name: median(clipped(t["good"], order)) for test, t in taken}
    series = {
        name: [median(t[k]) / good[test.name] if k in t else nan for test, t in taken]
        for k, name in KINDS.items()
    }
    panels = {"time over the good reference": series}
    bars(folder / "laab.png", [test.name for test, _ in taken], panels)
    lines = [
        [
            test.name, test.of,
            *[number(1e3 * median(t[k])) if k in t else "" for k in (*KINDS, "good")],
            f"{loss(t['kantor'], clipped(t['good'], order), t['poor']):.2f}",
        ]
        for test, t in taken
    ]  # fmt: skip
    text = f"Made by `python -m kantor bench laab --static --docs docs`: {setting}."
    page(folder / "laab.md", "LAAB's tests of linear algebra awareness", text, HEAD, lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 if a test is not passed."""
    names = [t.name for t in TESTS]
    parser = argparse.ArgumentParser(prog="kantor bench laab", description=__doc__)
    parser.add_argument("--order", type=int, default=3000, help="of all matrices")
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME")
    parser.add_argument("--backend", default="NUMBA")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--static", action="store_true", help="shapes in the types")
    parser.add_argument("--docs", type=Path, metavar="FOLDER", help="write a page and a chart")
    options = parser.parse_args(argv)
    report = Report()
    setting = f"{versions()}; {options.backend}, float32, order {options.order}"
    report.console.print(setting)
    report.console.print(f"passed at a loss of at most {PASS}; set one thread of BLAS")
    passed: Counter[str] = Counter()
    chosen = [t for t in TESTS if t.name in (options.only or names)]
    taken: list[tuple[Test, Times]] = []
    for test in chosen:
        found, away = measure(test, options.order, options.backend, options.rounds, options.static)
        taken.append((test, found))
        told = rows(found, away, options.order)
        report.section(f"{test.name}, {test.of}", told)
        passed.update(row.name for row in told if row.value <= PASS)
    for kind in ("kantor", "plain", "JAX"):
        run = sum(kind in found for _, found in taken)
        report.console.print(f"{KINDS[kind]}: {passed[KINDS[kind]]} of {run} passed")
    if options.docs:
        document(options.docs, taken, options.order, setting)
    return report.close()


if __name__ == "__main__":
    raise SystemExit(main())
