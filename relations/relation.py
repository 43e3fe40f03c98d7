"""A relation as data: two sides, conditions, tags, stability and source.

It can be indexed, printed, verified and compiled; called with ``(in_lv, out_lv)`` it is a
miniKanren goal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as attribute
from functools import cached_property
from typing import Any

from matchers.conditions import Condition
from matchers.leaves import Number
from matchers.match import Pattern, compile_pattern
from matchers.traversal import subterms
from matchers.variables import LogicVar
from relations.shapes import Shapes, solve_shapes
from relations.sides import matches_anything, variables_of
from relations.validity import validate


@dataclass(frozen=True, eq=False)
class Direction:
    """One way of using a relation: `source` is matched, `target` replaces it."""

    relation: Relation
    source: Any
    target: Any
    shapes: Shapes

    @cached_property
    def pattern(self) -> Pattern:
        """The source, compiled once for all engines."""
        return compile_pattern(self.source, self.shapes)

    @property
    def backward(self) -> bool:
        """Whether the right side is the one that is matched."""
        return self.source is self.relation.rhs

    def __str__(self) -> str:
        return f"{self.relation.name}: {self.source} → {self.target}"


@dataclass(frozen=True, eq=False)
class Relation:
    """What equals what, and when.

    Attributes
    ----------
    name : str
    lhs, rhs : Term
        The two sides.
    conditions : tuple of Condition
    tags : tuple of str
        All begin with ``kantor:``.
    stability : {"backward", "mixed", "loses"}
        What the right side does to accuracy. Its error is at most ten times that of the left, and
        rounding, at conditions up to 1e8: ``backward`` always; ``mixed`` always, or at least where
        what the right side inverts by itself is well conditioned and the largest, or everything
        where it inverts nothing by itself. What ``loses`` is off by default.
    cites : str
        The source.
    doc : str
        The identity in words, first line first.
    body : callable or None
        What its author wrote, to be run again: returns ``lhs, rhs, *conditions``.
    field : {"any", "real"}
        Over which numbers it holds; what holds over the reals only is not used on complex matrices.
    both_ways : bool
        Whether the right side may be replaced by the left as well; not so where the right has a
        value and the left has none.
    last : bool
        Whether it is tried on the cheapest forms alone, where each use of it must pay by itself.
    throughout : bool
        Whether it is then tried in all products of a form at once as well, of which it says in one
        what takes the place of a run of factors.
    """

    name: str
    lhs: Any
    rhs: Any
    conditions: tuple[Condition, ...] = ()
    tags: tuple[str, ...] = ()
    stability: str = "backward"
    cites: str = ""
    doc: str = ""
    module: str = attribute(default="", repr=False)
    body: Callable[[], tuple[Any, ...]] | None = attribute(default=None, repr=False)
    field: str = "any"
    both_ways: bool = True
    last: bool = False
    throughout: bool = False

    def __post_init__(self) -> None:
        validate(self)

    @property
    def identity(self) -> str:
        """The first line of the docstring."""
        return self.doc.strip().split("\n")[0]

    @cached_property
    def variables(self) -> tuple[LogicVar, ...]:
        """All logic variables, in the order in which they are met."""
        return tuple(dict.fromkeys([*variables_of(self.lhs), *variables_of(self.rhs)]))

    @cached_property
    def directions(self) -> tuple[Direction, ...]:
        """The ways in which it can rewrite; an axiom, whose sides are one term, has none."""
        out = []
        ways = ((self.lhs, self.rhs), (self.rhs, self.lhs))
        for source, target in ways if self.both_ways else ways[:1]:
            if source is target or matches_anything(source):
                continue
            if set(variables_of(target)) - set(variables_of(source)):
                continue
            shapes, missing, _ = solve_shapes(self, source, target)
            if not missing:
                out.append(Direction(self, source, target, shapes))
        return tuple(out)

    @property
    def axiom(self) -> bool:
        """Whether both sides have one normal form: the view itself knows this identity."""
        return self.lhs is self.rhs

    @property
    def restriction(self) -> str:
        """Over which numbers it holds, as a sentence; empty where it holds over all."""
        real = "holds for real matrices only" if self.field == "real" else ""
        whole = "does not hold for integers" if self.fractional else ""
        return " and ".join(filter(None, (real, whole)))

    @cached_property
    def fractional(self) -> bool:
        """Whether a side takes a fraction of something, as no integer has it."""
        numbers = [t.value for t in subterms(self.lhs, self.rhs) if isinstance(t, Number)]
        return not all([isinstance(x, complex) or float(x).is_integer() for x in numbers])

    def __call__(self, in_lv: Any, out_lv: Any) -> Any:
        """The miniKanren goal that `in_lv` and `out_lv` are the two sides of this relation."""
        from relations.goals import relationo

        return relationo(self, in_lv, out_lv)

    def __str__(self) -> str:
        where = f"  where {', '.join(map(str, self.conditions))}" if self.conditions else ""
        only = f"; {self.restriction}" if self.restriction else ""
        return f"{self.lhs} = {self.rhs}{where}{only}"

    def __repr__(self) -> str:
        return f"<relation {self.name}: {self}>"
