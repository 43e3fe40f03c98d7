"""`rewrite`: graphs in, equal and cheaper graphs out, without compiling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytensor.assumptions import assume as pytensor_assume
from pytensor.graph.basic import AtomicVariable, Variable, clone_get_equiv
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.replace import graph_replace
from pytensor.graph.traversal import graph_inputs, toposort

from kantor.engine import Engine
from kantor.inner import rewrite_inner
from lowering.search import BUDGET
from matchers.properties import declare
from relations.library import select

# A form that a relation reached may offer another region; each round costs less than the last.
ROUNDS = 4


def assume(x: Any, **properties: bool | None) -> Any:
    """A view of `x` of which properties are declared, as ``pytensor.assumptions.assume`` does it.

    Parameters
    ----------
    x : tensor-like
    **properties : bool, optional
        By name: those of PyTensor, such as ``symmetric`` and ``positive_definite``, and those of
        Kantor. ``positive``, ``nonnegative`` and ``nonzero`` are said of every entry,
        ``positive_semidefinite``, ``nonsingular``, ``full_column_rank``, ``full_row_rank``,
        ``toeplitz`` and ``circulant`` of a matrix.

    Returns
    -------
    TensorVariable

    Raises
    ------
    ValueError
        Where no property has such a name.

    Examples
    --------
    >>> d = kantor.assume(pt.vector("d"), positive=True)
    """
    declare()
    return pytensor_assume(x, **properties)


def rewrite(
    outputs: Variable | Sequence[Variable],
    *,
    relations: Any = None,
    sizes: Mapping[Variable, Sequence[int]] | None = None,
    matcher: str = "compiled",
    budget: int = BUDGET,
) -> Any:
    """Rewrite graphs to equal and cheaper ones.

    Safe to call before ``pytensor.grad``, and on graphs that contain gradients; the inputs of the
    graph are kept, so the result can stand wherever `outputs` could.

    Parameters
    ----------
    outputs : Variable or sequence of Variable
    relations : str, Relation, callable or iterable of these, optional
        Names, tags, relations, or plain miniKanren relations; by default the library, but for what
        is off and what is tagged `after_gradients`, which modes use.
    sizes : mapping from Variable to tuple of int, optional
        Typical shapes, for choices that no proof decides. They decide cost, never validity.
    matcher : {"compiled", "kanren"}
        The compiled matcher, or the reference in plain miniKanren goals: slow, for comparison.
    budget : int, optional
        How many forms of a region are followed; the best that was found by then is taken.

    Returns
    -------
    Variable or list of Variable
        The same structure as `outputs`, of the same types.

    Raises
    ------
    TypeError
        Where `outputs` holds something that is not a PyTensor variable.
    ValueError
        Where `relations` names what does not exist.
    """
    single = isinstance(outputs, Variable)
    listed = _variables([outputs] if single else outputs)
    chosen, goals = select(relations)
    fgraph, originals = graph_of(listed)
    engine = Engine(chosen, sizes, goals, matcher, budget)
    rounds = 0
    while rounds < ROUNDS and (engine.rewrite(fgraph) or rewrite_inner(fgraph, engine.rewrite)):
        rounds += 1
    new = listed if not rounds else _with_originals(list(fgraph.outputs), originals)
    return new[0] if single else new


def graph_of(outputs: Sequence[Variable]) -> tuple[FunctionGraph, dict[Variable, Variable]]:
    """A graph of copies of the nodes of `outputs` over their own inputs, and copy → original."""
    inputs = [i for i in graph_inputs(outputs) if not isinstance(i, AtomicVariable)]
    copies: dict[Any, Any] = clone_get_equiv(inputs, outputs, copy_inputs=False, copy_orphans=False)
    originals = {c: o for o, c in copies.items() if isinstance(o, Variable)}
    return FunctionGraph(inputs, [copies[o] for o in outputs], clone=False), originals


def _with_originals(outputs: list[Variable], originals: dict[Variable, Variable]) -> list[Variable]:
    """`outputs` with what was not rewritten put back as it was, node for node."""
    same: set[Variable] = set()
    for node in toposort(outputs):
        if all(i in same or i.owner is None for i in node.inputs):
            kept = [o for o in node.outputs if o in originals]
            if len(kept) == len(node.outputs) and _inputs_kept(node, originals):
                same.update(node.outputs)
    if not same:
        return outputs
    found: list[Variable] = graph_replace(outputs, {c: originals[c] for c in same}, strict=False)
    return found


def _inputs_kept(node: Any, originals: dict[Variable, Variable]) -> bool:
    old = originals[node.outputs[0]].owner
    return all(originals.get(i, i) is j for i, j in zip(node.inputs, old.inputs, strict=True))


def _variables(outputs: Any) -> list[Variable]:
    listed = list(outputs)
    for x in listed:
        if not isinstance(x, Variable):
            raise TypeError(f"kantor takes PyTensor variables, not {x!r}")
    return listed
