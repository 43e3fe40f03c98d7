"""What is measured of one of Linnea's problems: flops, errors, times of search and of running."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
import pytensor
from pytensor.compile.mode import Mode, get_mode

import kantor
from kantor.rewriter import KantorRewriter
from tests.benchmarks import linnea_problems as linnea
from tests.benchmarks.counter import Counted, count
from tests.benchmarks.linnea_by_hand import BY_HAND
from tests.benchmarks.linnea_problems import Graph, Problem
from tests.benchmarks.timing import Case, interleaved

# At this part of the lengths the values are compared; the program is that of the full lengths.
SMALL = 0.04
VARIANTS = {"static": "shapes in the types", "dynamic": "shapes unknown, sizes="}
# How often a problem is compiled; the time of the search is the least.
COMPILES = 3


@dataclass(frozen=True)
class Measured:
    """The flops of one problem by variant, and what its values are away from NumPy's.

    Attributes
    ----------
    problem : Problem
    flops : dict
        By ``plain``, ``static`` and ``dynamic``.
    nodes : dict
        The kernels that were counted.
    error : float
    planning : dict
        Seconds of CPU time that Kantor's rewriter takes in a compile, by variant.
    """

    problem: Problem
    flops: dict[str, float]
    nodes: dict[str, list[Counted]]
    error: float
    planning: dict[str, float] = field(default_factory=dict)

    def ratio(self, variant: str) -> float:
        """Flops over the best known."""
        return self.flops[variant] / self.problem.best


def compiled(graph: Graph, mode: Any) -> Any:
    """A function of all inputs, used or not."""
    return pytensor.function(
        graph.inputs, graph.outputs, mode=mode, on_unused_input="ignore", trust_input=True
    )


@contextmanager
def rewriting() -> Iterator[list[float]]:
    """Seconds of CPU time of each run of Kantor's rewriter meanwhile."""
    found: list[float] = []
    apply = KantorRewriter.apply

    def timed(self: KantorRewriter, fgraph: Any) -> Any:
        start = time.process_time()
        try:
            return apply(self, fgraph)
        finally:
            found.append(time.process_time() - start)

    with patch.object(KantorRewriter, "apply", timed):
        yield found


def graphs(problem: Problem, columns: bool, scale: float = 1.0) -> dict[str, Graph]:
    """A problem as plain PyTensor is told of it, and as Kantor is."""
    write = partial(linnea.graph, problem, columns=columns, scale=scale)
    return {
        "plain": write(static=True, plain=True),
        "static": write(static=True),
        "dynamic": write(static=False),
    }


def mode_of(variant: str, graph: Graph, base: Mode) -> Any:
    """What a variant is compiled with."""
    if variant == "plain":
        return base
    return kantor.mode(base, sizes=graph.sizes if variant == "dynamic" else None)


def measure(problem: Problem, backend: str, columns: bool = False) -> Measured:
    """Count the flops of all variants at full lengths, and compare values at small ones."""
    # The same graph as the backend's, made of Ops that Python runs: nothing is compiled further.
    base = get_mode(backend).clone(linker="py")
    written = graphs(problem, columns)
    functions, counts, planning = {}, {}, {}
    for variant, graph in written.items():
        mode = mode_of(variant, graph, base)
        for _ in range(COMPILES if variant in VARIANTS else 1):
            with rewriting() as taken:
                functions[variant] = f = compiled(graph, mode)
            planning[variant] = min(sum(taken), planning.get(variant, np.inf))
        counts[variant] = count(f.maker.fgraph, [graph.sizes[x] for x in graph.inputs])
    given = linnea.values(problem, SMALL)
    small = linnea.graph(problem, static=True, columns=columns, scale=SMALL)
    run = [functions["dynamic"], compiled(small, kantor.mode(base))]
    expected = linnea.literal(problem, given, SMALL)
    return Measured(
        problem,
        {k: n for k, (n, _) in counts.items()},
        {k: nodes for k, (_, nodes) in counts.items()},
        max(_away(f(*arguments(problem, given, columns)), expected) for f in run),
        {k: planning[k] for k in VARIANTS},
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


def times(problem: Problem, backend: str, scale: float, rounds: int) -> dict[str, list[float]]:
    """Seconds of CPU time: plain PyTensor, Kantor's programs, what is written by hand, JAX."""
    given = linnea.values(problem, scale)
    values = arguments(problem, given)
    base = get_mode(backend)
    runs: dict[str, Callable[[], Any]] = {
        k: partial(compiled(g, mode_of(k, g, base)), *values)
        for k, g in graphs(problem, False, scale).items()
    }
    runs["by hand"] = partial(BY_HAND[problem.id], given)
    if importlib.util.find_spec("jax") is not None:
        runs["JAX"] = _jax(problem, given, scale)
    return interleaved([Case(k, run) for k, run in runs.items()], rounds)


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
