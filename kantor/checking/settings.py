"""A relation over leaves of unknown lengths: its sides as terms, their rewrites, their costs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import pytensor.tensor as pt
from pytensor.graph.fg import FunctionGraph

from kantor.checking.instances import Instance
from kantor.checking.posed import structured
from kantor.checking.sides import Sides
from kantor.checking.variants import telling
from kantor.notation import Notation
from kantor.sizes import SAMPLES, Lengths, Sample
from lowering.planner import Planner
from lowering.polynomials import Poly
from lowering.search import neighbours
from matchers.conforming import equations, learn
from matchers.dims import Dim
from matchers.leaves import atom
from matchers.match import Context
from matchers.printing import Names
from matchers.terms import Term, shape
from matchers.traversal import subterms
from matchers.unification import instantiate
from matchers.variables import LogicVar
from matchers.view import View
from relations.relation import Direction
from relations.rules import Rewrite, Rules

_CORES = {"vector": 1, "scalar": 0}


class Setting:
    """One reading of a relation over leaves that have what its conditions ask for.

    Parameters
    ----------
    sides : Sides
    instance : Instance, optional
        Whose shapes are declared as static ones; by default all lengths are unknown, and what the
        left side and the conditions state of them is known.

    Attributes
    ----------
    lhs, rhs : Term
        The two sides over the leaves.
    """

    def __init__(self, sides: Sides, instance: Instance | None = None) -> None:
        self.sides = sides
        variant = telling(sides)
        self.leaves: dict[LogicVar, Any] = {}
        for i, x in enumerate(sides.variables):
            known = (None, None) if instance is None else instance.shape(x)
            lead = (None if instance is None else instance.batch,) if variant.batch(i) else ()
            dims = {"scalar": (), "vector": (*lead, known[0])}.get(x.kind, (*lead, *known))
            var = structured(x, pt.tensor(x.name, dtype="float64", shape=dims), sides.relation)
            self.leaves[x] = atom(var, _CORES.get(x.kind, 2))
        self.view = _view([a.var for a in self.leaves.values()])
        for x in self.leaves.values():
            self.view.term(x.var, x.core)
        self.lhs = instantiate(sides.lhs, self.leaves)
        learn(self.view.dims, self.lhs)
        for c in sides.relation.conditions:
            for a, b in c.equations(self.leaves):
                self.view.dims.unify(a, b)
        self._shape()
        self.rhs = instantiate(sides.rhs, self.leaves, self.view.dims)
        self.names = Names.among([a.var for a in self.leaves.values()])
        self.notation = Notation(self.names, self.view.dims)

    def _shape(self) -> None:
        """What stands on the left only as ``vec`` has the shape that the right side gives it."""
        for direction in self.sides.relation.directions:
            if not direction.backward:
                for t in subterms(instantiate(self.sides.rhs, self.leaves)):
                    for a, b in equations(t):
                        self.view.dims.unify(a, b)

    def side(self, direction: Direction) -> tuple[Term, Term]:
        """What a direction replaces, and by what."""
        return (self.rhs, self.lhs) if direction.backward else (self.lhs, self.rhs)

    def rewrites(self, term: Term, rules: Rules) -> Iterator[tuple[Rewrite, Term]]:
        """Each use of a relation anywhere in `term`, and what the whole becomes by it."""
        context = Context(self.view.dims)

        def moves(t: Term) -> list[Rewrite]:
            return list(rules.rewrites(t, self.view, context))

        for move, (new,) in neighbours((term,), moves):
            if isinstance(move, Rewrite):
                yield move, new

    @cached_property
    def _planner(self) -> Planner:
        def order() -> Iterator[Dim]:
            for a in self.leaves.values():
                rows, cols, batch = shape(a)
                yield from (rows, cols, *batch)

        size = Sample(Lengths(self.view.dims, None), SAMPLES[0], order)
        return Planner(size, self.view.known)

    def cost(self, term: Term) -> Poly:
        """The flops of a term by itself, for all sizes."""
        return self._planner.plan((term,)).polynomial(self.view.dims.normal)


def _view(variables: list[Any]) -> View:
    return View(FunctionGraph(outputs=variables, clone=False))


__all__ = ["Setting"]
