"""What must not grow: shared towers, long chains, thousands of rewrites, two threads at once."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytensor.tensor as pt
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.graph.traversal import toposort
from pytensor.tensor import linalg

from kantor.engine import Engine
from tests.benchmarks.models import Graph

LEVELS = (10, 20, 30)
LENGTHS = (1250, 2500, 5000)
FACTORS = (100, 200, 400)


def tower(levels: int, times: Callable[[Any, Any], Any] = pt.mul) -> Graph:
    """Squares of squares below an inverse: 2 to the power of `levels` factors, one node a level."""
    x = pt.matrix("x", shape=(5, 5))
    z = x
    for _ in range(levels):
        z = times(z, z)
    return [x], [linalg.inv(z)]


def product_tower(levels: int) -> Graph:
    """The same, of matrix products."""
    return tower(levels, pt.dot)


def sum_chain(length: int) -> Graph:
    """A chain of sums and products below a Cholesky factorization, no two nodes alike."""
    x, y = pt.matrix("x", shape=(5, 5)), pt.matrix("y", shape=(5, 5))
    z = x
    for i in range(length // 2):
        z = (z + y) * float(i + 2)
    return [x, y], [linalg.cholesky(z)]


def product_chain(length: int) -> Graph:
    """A product of many matrices, bracketed from the left, to be applied to a vector."""
    x, v = pt.matrix("x", shape=(5, 5)), pt.vector("v", shape=(5,))
    z = x
    for _ in range(length - 2):
        z = pt.dot(z, x)
    return [x, v], [pt.dot(z, v)]


def small_regions() -> Graph:
    """Two regions that are rewritten."""
    a, b, x = pt.matrix("a"), pt.matrix("b"), pt.matrix("x")
    y, w = pt.vector("y"), pt.vector("w")
    outputs = [a.T @ linalg.inv(a @ b) @ x @ y, linalg.inv(linalg.kron(a, b)) @ w]
    fgraph = FunctionGraph([a, b, x, y, w], outputs, clone=False)
    rewrite_graph(fgraph, include=("canonicalize",))
    return list(fgraph.inputs), list(fgraph.outputs)


def kept(engine: Engine, graph: Graph, times: int) -> tuple[float, float]:
    """Objects of the garbage collector, and allocated blocks, that each rewrite leaves behind."""

    def rewrite(n: int) -> tuple[int, int]:
        for _ in range(n):
            engine.rewrite(FunctionGraph(*graph, clone=True))
        gc.collect()
        return len(gc.get_objects()), sys.getallocatedblocks()

    rewrite(20)  # fills every cache
    objects, blocks = rewrite(20)
    more_objects, more_blocks = rewrite(times)
    return (more_objects - objects) / times, (more_blocks - blocks) / times


def rewritten(engine: Engine, graph: Graph) -> str:
    """The form of a graph after rewriting: each node, and which nodes it takes."""
    fgraph = FunctionGraph(*graph, clone=True)
    engine.rewrite(fgraph)
    names = {v: f"in{i}" for i, v in enumerate(fgraph.inputs)}
    lines = []
    for node in toposort(fgraph.outputs):
        arguments = [names.get(i) or str(getattr(i, "data", i)) for i in node.inputs]
        names.update({out: f"n{len(lines)}.{k}" for k, out in enumerate(node.outputs)})
        lines.append(f"{node.op}({', '.join(arguments)})")
    return "\n".join(lines)


def threads_agree(make_engine: Callable[[], Engine], graph: Graph, times: int = 20) -> bool:
    """Whether two threads with one engine, at the same time, find what one finds alone."""
    engine = make_engine()
    alone = rewritten(make_engine(), graph)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: rewritten(engine, graph), range(times)))
    return all(form == alone for form in found)
