"""What the matcher makes of a side as a term, and the view of its graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.replace import clone_replace

from kantor.api import graph_of
from kantor.checking.instances import Instance, Problem
from kantor.checking.lengths import value
from kantor.checking.posed import Read, everywhere, pose, structured
from kantor.checking.sides import Sides
from kantor.checking.variants import telling
from matchers.batches import LEAVING
from matchers.conforming import equations
from matchers.decompositions import FACTORIZATIONS, FACTORS
from matchers.dims import Dim
from matchers.leaves import Number, atom
from matchers.match import Context
from matchers.terms import Term, is_scalar, shape
from matchers.traversal import subterms
from matchers.variables import LogicVar
from matchers.view import View
from matchers.vocabulary import matmul
from relations.relation import Direction
from relations.rules import instantiate, rules

_CORES = {"vector": 1, "scalar": 0}


def read_term(
    problem: Problem, direction: Direction, instance: Instance, *, compound: bool = False
) -> tuple[Read, list[Any]]:
    """Match a direction against its own source, with leaves in place of the variables.

    Parameters
    ----------
    problem : Problem
    direction : Direction
    instance : Instance
        The shapes, which are static, and the values.
    compound : bool
        Whether a product of two leaves stands for each matrix of which no structure is asked.

    Returns
    -------
    Read
    values : list of array
        Of the leaves.
    """
    inputs: list[Any] = []
    values: list[Any] = []
    leaves: dict[LogicVar, Any] = {}
    for x, array in zip(problem.sides.variables, instance.values, strict=True):
        split = compound and x.kind == "matrix" and not problem.required[x]
        column = x.kind == "vector"
        parts = _factors(array) if split else [array[..., 0] if column else array]
        news = [pt.tensor(x.name, dtype="float64", shape=p.shape) for p in parts]
        core = _CORES.get(x.kind, 2)
        atoms = [atom(structured(x, v, problem.sides.relation), core) for v in news]
        leaves[x] = matmul(*atoms) if split else atoms[0]
        inputs += news
        values += parts
    term = instantiate(problem.sides.rhs if direction.backward else problem.sides.lhs, leaves)
    return _matched(direction, term, inputs), values


def _factors(array: Any) -> list[Any]:
    """Two factors of the shape's product, not of its value."""
    *batch, m, n = array.shape
    k = max(m, n) + 1
    rng = np.random.default_rng(k)
    return [rng.standard_normal((*batch, m, k)), rng.standard_normal((*batch, k, n))]


def _matched(direction: Direction, term: Term, inputs: list[Any]) -> Read:
    atoms = [t for t in subterms(term) if hasattr(t, "var")]
    view = View(FunctionGraph(outputs=[a.var for a in atoms], clone=False))
    for a in atoms:
        view.term(a.var, a.core)
    for left, right in (e for t in subterms(term) for e in equations(t)):
        view.dims.unify(left, right)
    matcher, context = rules((direction.relation,)), Context(view.dims)
    found = [r for t in everywhere(term) for r in matcher.rewrites(t, view, context)]
    return Read(term, found, inputs)


def unreadable(sides: Sides, side: Any, instance: Instance) -> list[str]:
    """The heads of a side that the view does not read from the graphs that they build."""
    found = []
    for t in subterms(side):
        if t.head in (*FACTORIZATIONS, *FACTORS):
            continue  # outputs of one node, whose graph is no variable by itself
        if t.args and not _readable(t, instance) and t.head.name not in found:
            found.append(t.head.name)
    return found


def _readable(term: Term, instance: Instance) -> bool:
    """Whether the graph of `term` over leaves in place of its arguments reads as its head."""
    args: list[Any] = []
    for a in term.args:
        if isinstance(a, Dim):
            args.append(value(a, instance.known))
        elif not isinstance(a, (Term, LogicVar)) or isinstance(a, Number):
            args.append(getattr(a, "value", a))
        else:
            rows, cols, _ = shape(a)
            sides = (value(rows, instance.known), value(cols, instance.known))
            lead = (instance.batch,) if term.head in LEAVING else ()
            dims = () if is_scalar(a) else (*lead, *sides)
            args.append(pt.tensor(dtype="float64", shape=dims))
    view = View(graph_of([pt.as_tensor_variable(term.head.build(*args))])[0])
    read_back = view.definition(view.fgraph.outputs[0])
    return any(t.head is term.head for t in subterms(read_back))


def same_term(sides: Sides, instance: Instance | None = None) -> bool:
    """Whether both sides of an axiom read as one term."""
    left, right = (
        pose(sides, side, instance=instance, variant=telling(sides)) for side in sides.written
    )
    swap: Mapping[Any, Any] = dict(zip(right.inputs, left.inputs, strict=True))
    fgraph, _ = graph_of([left.output, clone_replace(right.output, swap)])
    view = View(fgraph)
    first, second = (view.definition(o) for o in fgraph.outputs)
    return first is second
