"""LAAB: how far Kantor and plain PyTensor are from good references, where 1 is a poor one."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import pytensor

import kantor
from tests.benchmarks.laab import PASS, TESTS, Test, clipped, loss
from tests.benchmarks.tables import Report, Row
from tests.benchmarks.timing import Case, seconds, versions

MORE_THAN_CACHES = 300 * 2**20


def measure(test: Test, order: int, backend: str, rounds: int, static: bool) -> list[Row]:
    """The losses of Kantor and of plain PyTensor, from interleaved rounds."""
    inputs, graph = test.graph(order if static else None)
    values = test.values(order)
    modes: dict[str, Any] = {"kantor": kantor.mode(backend), "plain": backend}
    runs: dict[str, Callable[[], Any]] = {
        k: partial(pytensor.function(inputs, graph, mode=m, trust_input=True), *values)
        for k, m in modes.items()
    }
    runs["good"] = _good(test, inputs, values, backend)
    runs["poor"] = partial(test.poor, *values)
    found = times([Case(k, run, scrub) for k, run in runs.items()], rounds)
    good = clipped(found["good"], order)
    note = ", ".join(f"{k} {1e3 * median(found[k]):.3g} ms" for k in ("kantor", "good", "poor"))
    return [
        Row("Kantor", loss(found["kantor"], good, found["poor"]), "", PASS, note),
        Row("plain PyTensor", loss(found["plain"], good, found["poor"]), "", None,
            f"plain {1e3 * median(found['plain']):.3g} ms, "
            f"difference {difference(runs):.1e}"),
    ]  # fmt: skip


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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 if a test is not passed."""
    names = [t.name for t in TESTS]
    parser = argparse.ArgumentParser(prog="kantor bench laab", description=__doc__)
    parser.add_argument("--order", type=int, default=3000, help="of all matrices")
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME")
    parser.add_argument("--backend", default="NUMBA")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--static", action="store_true", help="shapes in the types")
    options = parser.parse_args(argv)
    report = Report()
    report.console.print(f"{versions()}; {options.backend}, float32, order {options.order}")
    report.console.print(f"passed at a loss of at most {PASS}; set one thread of BLAS")
    passed = {"kantor": 0, "plain": 0}
    chosen = [t for t in TESTS if t.name in (options.only or names)]
    for test in chosen:
        rows = measure(test, options.order, options.backend, options.rounds, options.static)
        report.section(f"{test.name}, {test.of}", rows)
        for name, row in zip(passed, rows, strict=True):
            passed[name] += row.value <= PASS
    for name, n in passed.items():
        report.console.print(f"{name}: {n} of {len(chosen)} passed")
    return report.close()


if __name__ == "__main__":
    raise SystemExit(main())
