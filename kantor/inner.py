"""Inner graphs: the bodies of Scan and OpFromGraph.

PyTensor rewrites them with the whole mode of the outer graph when it compiles, and PyMC with its
phases before it differentiates, so Kantor is there in both. What does neither, `kantor.rewrite`,
rewrites them with this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pytensor.compile.builders import OpFromGraph
from pytensor.compile.rewriting import rewrite_inner_graph
from pytensor.scan.op import Scan

from matchers.regions import anchored


def rewrite_inner(fgraph: Any, rewrite: Callable[[Any], Sequence[Any]]) -> list[Any]:
    """Rewrite the inner graphs of the Scan and OpFromGraph nodes of a graph, in place.

    An Op that stands for one operation (KroneckerProduct, Einsum and other subclasses of
    OpFromGraph) is left as it is, and so is an inner graph without linear algebra.

    Parameters
    ----------
    fgraph : FunctionGraph
    rewrite : callable
        Rewrites a graph in place and returns the steps that it took, as `Engine.rewrite` does.

    Returns
    -------
    list
        The steps taken in inner graphs, at any depth.
    """
    steps: list[Any] = []

    def inside(linker: Any, op: Any, node: Any, inner: Any, *, mode: Any) -> None:
        steps.extend(rewrite(inner))
        steps.extend(rewrite_inner(inner, rewrite))

    rewrite_inner_graph(fgraph, _worth_entering, inside)
    return steps


def _worth_entering(op: Any) -> bool:
    """Whether it has a body that somebody wrote, with linear algebra at some depth."""
    if type(op) is not OpFromGraph and not isinstance(op, Scan):
        return False
    return anchored(op.fgraph) or any(_worth_entering(n.op) for n in op.fgraph.apply_nodes)
