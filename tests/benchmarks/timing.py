"""CPU time of things that are measured side by side.

Wall time on a shared machine says little. Here a round measures every case once, in an order that
turns from round to round, with the garbage collector off; a case's time is the median of its
rounds.
"""

from __future__ import annotations

import gc
import math
import os
import platform
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from statistics import median
from typing import Any, NamedTuple

# What one reading of a case takes at least, so that the clock's own grain does not show.
GRAIN = 2e-4
# What decides how many threads BLAS uses, and which kernels OpenBLAS takes.
SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE", "XLA_FLAGS")
SECOND = 1.0


class Case(NamedTuple):
    """Something to be timed.

    Attributes
    ----------
    name : str
    run : callable
        Takes what `prepare` made.
    prepare : callable, optional
        Makes what `run` uses up, outside of the measured time.
    """

    name: str
    run: Callable[..., Any]
    prepare: Callable[[], tuple[Any, ...]] | None = None


def medians(cases: Sequence[Case], rounds: int = 11) -> dict[str, float]:
    """Seconds of CPU time of each case, the median of interleaved rounds."""
    return {name: median(times) for name, times in interleaved(cases, rounds).items()}


def interleaved(cases: Sequence[Case], rounds: int = 11) -> dict[str, list[float]]:
    """Seconds of CPU time of each case in each of some interleaved rounds."""
    found: dict[str, list[float]] = {case.name: [] for case in cases}
    repeats = {case.name: _repeats(case) for case in cases}
    for i in range(rounds):
        start = i % len(cases)
        for case in (*cases[start:], *cases[:start]):
            found[case.name].append(seconds(case, repeats[case.name]))
    return found


def seconds(case: Case, repeat: int = 1) -> float:
    """CPU time of one run, as the mean of `repeat` runs in a row."""
    made = [case.prepare() if case.prepare is not None else () for _ in range(repeat)]
    enabled = gc.isenabled()
    gc.disable()
    try:
        start = time.process_time()
        for arguments in made:
            case.run(*arguments)
        return (time.process_time() - start) / repeat
    finally:
        if enabled:
            gc.enable()


def _repeats(case: Case) -> int:
    """How often a case is run for one reading; its first run, which fills caches, is not read."""
    once = seconds(case)
    if once > SECOND:
        return 1
    once = max(seconds(case), 1e-7)
    return max(1, math.ceil(GRAIN / once)) if once < GRAIN else 1


def exponent(sizes: Sequence[int], times: Sequence[float]) -> float:
    """The power of the size with which times grow: the slope of a line through their logarithms."""
    xs, ys = [math.log(n) for n in sizes], [math.log(max(t, 1e-9)) for t in times]
    mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
    over = sum((x - mx) * (y - my) for x, y in zip(xs, ys, strict=True))
    return over / sum((x - mx) ** 2 for x in xs)


def versions() -> str:
    """What was measured, on what, with which settings."""
    names = (
        "kantor", "pytensor", "pymc", "miniKanren", "logical-unification", "etuples", "numpy",
        "scipy", "numba", "jax",
    )  # fmt: skip
    found = [f"{name} {version}" for name in names if (version := _version(name))]
    set_to = [f"{name}={os.environ[name]}" for name in SETTINGS if name in os.environ]
    what = f"Python {platform.python_version()}, {', '.join(found)}; {platform.machine()}"
    return f"{what}, {', '.join(set_to) or 'threads of BLAS not set'}"


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
