"""Measuring one expression twice: as PyTensor compiles it, and as it does with Kantor."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from pytensor import function
from pytensor.compile.mode import Mode, get_mode
from pytensor.link.vm import VMLinker

from kantor.demo_cases import Case
from kantor.modes import mode

# One linker for both. It compiles in a fraction of what Numba takes, so the demo can be short.
LINKER = "CVM"
COMPILES = 3
# What BLAS libraries read when they are loaded. With several threads, two BLAS libraries wait
# for each other's on a busy machine: 16 ms instead of 0.1.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
# Runs of one function end here, whatever their number.
SECONDS = 4.0
Working = Callable[[str], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Measured:
    """What one version of an expression takes.

    Attributes
    ----------
    result : ndarray
    compile, run : float
        Seconds; medians.
    largest : int
        Entries of the largest value that one node hands to another.
    peak : int
        Bytes that one call allocates at its peak, what LAPACK is given to overwrite included.
    nodes : list of str
        The Ops of the compiled graph.
    """

    result: np.ndarray
    compile: float
    run: float
    largest: int
    peak: int
    nodes: list[str]


@dataclass(frozen=True)
class Comparison:
    """The two versions of one expression."""

    plain: Measured
    kantor: Measured

    @property
    def difference(self) -> float:
        """The largest difference of the results, relative to the largest entry."""
        a, b = self.plain.result, self.kantor.result
        return float(np.abs(a - b).max() / np.abs(a).max())


def compare(case: Case, working: Working, runs: int = 9) -> Comparison:
    """Compile and run both versions of a case.

    Parameters
    ----------
    case : Case
    working : callable
        Takes what is being done and returns a context that shows it.
    runs : int
        How often each version is run, interleaved, beside the first time.
    """
    modes = [get_mode(LINKER), mode(LINKER)]
    with working("compiling both; the first time, a C compiler runs"):
        functions = [compiled(case, m) for m in modes]
    with working("compiling both again, for the time it takes"):
        compile_times = medians([lambda m=m: compiled(case, m) for m in modes], COMPILES)  # type: ignore[misc]
    with working("looking at what they allocate"):
        results = [f(*case.values) for f in functions]
        peaks = [peak_memory(f, case.values) for f in functions]
        largest = [largest_intermediate(case, m) for m in modes]
    with working("running both in turns"):
        run_times = medians([lambda f=f: f(*case.values) for f in functions], runs)  # type: ignore[misc]
    nodes = [[str(node.op) for node in f.maker.fgraph.toposort()] for f in functions]
    columns = (results, compile_times, run_times, largest, peaks, nodes)
    return Comparison(*(Measured(*each) for each in zip(*columns, strict=True)))


def compiled(case: Case, mode: Mode) -> Any:
    """The function that computes the output of a case."""
    return function(list(case.inputs), case.output, mode=mode, trust_input=True)


def medians(calls: Sequence[Callable[[], Any]], times: int) -> list[float]:
    """The median time of each call, all called in turns."""
    seconds: list[list[float]] = [[] for _ in calls]
    end = time.perf_counter() + SECONDS
    while len(seconds[0]) < times and (not seconds[0] or time.perf_counter() < end):
        for call, taken in zip(calls, seconds, strict=True):
            before = time.perf_counter()
            call()
            taken.append(time.perf_counter() - before)
    return [median(taken) for taken in seconds]


def peak_memory(call: Any, values: Sequence[np.ndarray]) -> int:
    """How many bytes more than before are allocated at the peak of one call."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        call(*values)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak - before


def largest_intermediate(case: Case, mode: Mode) -> int:
    """Entries of the largest value that one node hands to another.

    Views of the inputs take no memory and do not count; nor does the result.
    """
    largest, outputs = 0, set()

    def look(node: Any, thunk: Any, storage_map: Any, compute_map: Any) -> None:
        nonlocal largest
        for var in node.outputs:
            value = storage_map[var][0]
            if var not in outputs and isinstance(value, np.ndarray) and not viewed(value):
                largest = max(largest, value.size)

    def viewed(value: np.ndarray) -> bool:
        return any(np.may_share_memory(value, given) for given in case.values)

    watched = compiled(case, Mode(VMLinker(callback=look), mode.provided_optimizer))
    outputs.update(watched.maker.fgraph.outputs)
    watched(*case.values)
    return largest
