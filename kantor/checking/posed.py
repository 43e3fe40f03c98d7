"""The left side of a relation as a user's graph, with declarations, read back through the view."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pytensor.tensor as pt
from pytensor.assumptions import KEY_REGISTRY, assume

from kantor.api import graph_of
from kantor.checking.instances import Instance, NoInstance
from kantor.checking.sides import Evaluator, Sides, build
from kantor.checking.variants import PLAIN, Variant
from lowering.search import openable, positions, substituted
from matchers.conditions import SHAPE_CONDITIONS
from matchers.dims import ONE
from matchers.leaves import Atom
from matchers.match import Context
from matchers.properties import declare
from matchers.terms import Term, shape
from matchers.traversal import evaluate, subterms
from matchers.variables import LogicVar
from matchers.view import View
from relations.relation import Relation
from relations.rules import Rewrite, rules


@dataclass(frozen=True)
class Posed:
    """A side of a relation over inputs with the structure that its conditions ask for.

    Attributes
    ----------
    output : Variable
        The graph, as a user would have written it: vectors are vectors.
    inputs : tuple of Variable
        One per variable of the relation.
    """

    sides: Sides
    output: Any
    inputs: tuple[Any, ...]

    def values(self, instance: Instance) -> list[Any]:
        """The values of an instance, as the inputs take them."""
        return [
            v[..., 0] if x.kind == "vector" else v
            for x, v in zip(self.sides.variables, instance.values, strict=True)
        ]


def pose(
    sides: Sides,
    side: Any = None,
    *,
    instance: Instance | None = None,
    undeclared: Collection[LogicVar] = (),
    unshaped: Collection[LogicVar] = (),
    variant: Variant = PLAIN,
) -> Posed:
    """Build a side over fresh inputs.

    Parameters
    ----------
    sides : Sides
    side : Term, optional
        By default the left side as its author wrote it.
    instance : Instance, optional
        Whose shapes are declared as static ones; by default all lengths are unknown.
    undeclared : collection of LogicVar
        Variables whose structure is not declared.
    unshaped : collection of LogicVar
        Variables whose lengths are unknown whatever the instance.
    variant : Variant
    """
    side = sides.written[0] if side is None else side
    inputs, leaves = [], {}
    for i, x in enumerate(sides.variables):
        known = (None, None) if instance is None or x in unshaped else instance.shape(x)
        lead = ((None if instance is None else instance.batch),) if variant.batch(i) else ()
        dims = {"scalar": (), "vector": (*lead, known[0])}.get(x.kind, (*lead, *known))
        var = pt.tensor(x.name, dtype=variant.dtype, shape=dims)
        inputs.append(var)
        leaf = var if x in undeclared else structured(x, var, sides.relation)
        leaves[x] = pt.expand_dims(leaf, -1) if x.kind == "vector" else leaf
    out = pt.as_tensor_variable(build(side, leaves))
    if isinstance(side, Term) and not side.scalar and shape(side)[1] == ONE:
        out = out.squeeze(-1) if out.type.broadcastable[-1] else out
    return Posed(sides, out, tuple(inputs))


def structured(x: LogicVar, var: Any, relation: Relation) -> Any:
    """A variable with the structure declared that the conditions of a relation ask for."""
    declare()
    keys = [c.name for c in relation.conditions if x in c.variables]
    declared = {k: True for k in keys if k not in SHAPE_CONDITIONS}
    unknown = sorted(declared.keys() - KEY_REGISTRY.keys())
    if unknown:
        raise NoInstance(f"{unknown[0]}({x}) cannot be declared: PyTensor knows no such assumption")
    return assume(var, **declared)


@dataclass(frozen=True)
class Read:
    """A graph as a term, and what one relation makes of it.

    Attributes
    ----------
    root : Term
    rewrites : list of Rewrite
        At any position.
    inputs : list of Variable
    opened : Term, optional
        The root with the shared products and sums read through that a search reads through.
    """

    root: Term
    rewrites: list[Rewrite]
    inputs: list[Any]
    opened: Term | None = None

    @property
    def matched(self) -> bool:
        """Whether the whole graph matched, as it is or read through."""
        return any(r.before in (self.root, self.opened) for r in self.rewrites)

    def evaluator(self, limit: int = 12) -> Evaluator:
        """The values before and after each of the first rewrites, in turn."""
        both = [t for r in self.rewrites[:limit] for t in (r.before, r.after)]
        return Evaluator(self.inputs, [pt.as_tensor_variable(evaluate(t)) for t in both])


def read(posed: Posed) -> Read:
    """Read a graph through the view, and match the relation everywhere in it."""
    fgraph, _ = graph_of([posed.output])
    view = View(fgraph)
    root = view.definition(fgraph.outputs[0])
    matcher, context = rules((posed.sides.relation,)), Context(view.dims)
    opened = read_through(root)
    terms = dict.fromkeys([*everywhere(root), *everywhere(opened)])
    found = [r for t in terms for r in matcher.rewrites(t, view, context)]
    return Read(root, found, list(posed.inputs), opened)


def read_through(root: Term) -> Term:
    """A term with all shared products and sums opened that would merge with what is around them."""
    while True:
        order = positions((root,))
        shared = next(iter(openable(order)), None)
        if not isinstance(shared, Atom) or shared.definition is None:
            return root
        root = substituted(order, order.index(shared), shared.definition)[root]


def everywhere(root: Term) -> list[Term]:
    """All terms under `root`, those included that shared atoms stand for."""
    found: dict[Term, None] = {}
    pending = [root]
    while pending:
        for t in subterms(*pending):
            found[t] = None
        opened = [t.definition for t in found if isinstance(t, Atom) and t.definition is not None]
        pending = [t for t in opened if t not in found]
    return list(found)
