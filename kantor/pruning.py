"""A region without the nodes that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytensor.tensor.basic import ExtractDiag
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.math import Dot

from matchers.leaves import Atom
from matchers.readers import core_op
from matchers.regions import Region
from matchers.terms import Term
from matchers.view import View


def viewed(fgraph: Any, region: Region) -> tuple[View, Region]:
    """The view of a region, without the nodes that nothing reads.

    A node that is a leaf keeps its inputs alive, so these are outputs of what remains.
    """
    view = View(fgraph, region.nodes, region.evidence)
    inside = set(region.nodes)
    roots = set(region.roots)
    todo = list(region.roots)
    seen: set[Term] = set()
    for x in todo:  # which grows
        for leaf in _leaves(view.definition(x), seen):
            if leaf.owner not in inside:
                continue
            if _unreadable(view, leaf):
                inside.remove(leaf.owner)
                fresh = [i for i in leaf.owner.inputs if i.owner in inside and i not in roots]
                if type(core_op(leaf.owner)) is ExtractDiag:
                    fresh = [i for x in fresh for i in _taken_apart(fgraph, x, inside)]
            else:
                fresh = [leaf] if leaf not in roots else []
            roots.update(fresh)
            todo += fresh
    if len(inside) == len(region.nodes) and len(roots) == len(region.roots):
        return view, region
    nodes = [n for n in region.nodes if n in inside]
    outputs = [o for n in nodes for o in n.outputs if o in roots]
    return view, Region(nodes, outputs, region.evidence)


def _leaves(root: Term, seen: set[Term]) -> Iterator[Any]:
    """The variables that terms under `root` which are not in `seen` yet are read from."""
    stack = [root]
    while stack:
        t = stack.pop()
        if t not in seen:
            seen.add(t)
            if isinstance(t, Atom):
                if t.definition is None:
                    yield t.var
                else:
                    stack.append(t.definition)
            else:
                stack += [a for a in t.args if isinstance(a, Term)]


def _unreadable(view: View, var: Any) -> bool:
    t = view.term(var, view.core(var))
    return isinstance(t, Atom) and t.definition is None


def _taken_apart(fgraph: Any, var: Any, inside: set[Any]) -> list[Any]:
    """What PyTensor takes another diagonal of, in place of one of a product or a sum.

    Nothing makes the whole then, so the nodes up to there leave the region.
    """
    node = var.owner
    parts = type(core_op(node)) in (Dot, DimShuffle, Elemwise)
    if not parts or var.type.ndim != 2 or len(fgraph.clients.get(var, ())) != 1:
        return [var]
    inside.remove(node)
    above = [i for i in node.inputs if i.owner in inside]
    if type(core_op(node)) is Dot:
        return above
    return [i for x in above for i in _taken_apart(fgraph, x, inside)]
