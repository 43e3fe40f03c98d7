"""What makes a relation stand, and what is said of one that cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matchers.coefficients import misplaced, optional
from matchers.conditions import Condition
from matchers.runs import differing
from matchers.terms import Term
from matchers.variables import LogicVar
from matchers.vocabulary import matmul
from relations.shapes import solve_shapes
from relations.sides import matches_anything, variables_of

if TYPE_CHECKING:
    from relations.relation import Relation

STABILITIES = ("backward", "mixed", "loses")
FIELDS = ("any", "real")


class RelationError(ValueError):
    """A relation that cannot stand; the message names it and says what is wrong."""


def _coefficient_fault(side: Any) -> str:
    """What is wrong with the optional coefficients of a side that is matched, or nothing."""
    if optional(side):
        return f"{side.args[0]} is in front of all, where it is drawn out by itself; leave it out"
    return misplaced(side)


def _throughout_fault(r: Relation) -> str:
    """Why a relation says nothing of a run of factors by itself, or nothing.

    Where the factors around it are free to be identities, the runs between them are equal.
    """
    if not r.last:
        return "throughout=True is for what is last=True"
    if not all(isinstance(s, Term) and s.head is matmul for s in (r.lhs, r.rhs)):
        return "throughout=True is for products on both sides"
    run, other = differing(r.lhs.args, r.rhs.args)
    around = [t for t in r.lhs.args if t not in run]
    bound = {x for c in r.conditions for x in c.variables}.union(*map(variables_of, (*run, *other)))
    free = all(matches_anything(t) and bound.isdisjoint(variables_of(t)) for t in around)
    if len(around) + len(run) != len(r.lhs.args) or not (around and free):
        return "throughout=True needs the same free variables around what it replaces"
    return ""


def validate(r: Relation) -> None:
    """Refuse a relation that cannot stand."""

    def refuse(why: str) -> None:
        raise RelationError(f"relation {r.name!r}: {why}")

    for side, which in ((r.lhs, "left"), (r.rhs, "right")):
        if not isinstance(side, (Term, LogicVar)):
            refuse(f"the {which} side is {side!r}, which is not a term over logic variables")
    if not isinstance(r.lhs, Term):
        refuse("the left side is a bare variable, which would match everything")
    for side, which in ((r.lhs, "left"), (r.rhs, "right"))[: 1 + r.both_ways]:
        if fault := _coefficient_fault(side):
            refuse(
                f"in the {which} side {fault}" + "; or give both_ways=False" * (which == "right")
            )
    if r.throughout and (fault := _throughout_fault(r)):
        refuse(fault)
    if not r.doc:
        refuse("no docstring; it states the identity, its conditions and its source")
    if r.stability not in STABILITIES:
        refuse(f"stability is {r.stability!r}; one of {', '.join(STABILITIES)}")
    if r.field not in FIELDS:
        refuse(f"field is {r.field!r}; one of {', '.join(FIELDS)}")
    left = set(variables_of(r.lhs))
    unbound = [str(x) for x in variables_of(r.rhs) if x not in left]
    if unbound:
        refuse(f"{unbound[0]} on the right side is unbound: it does not occur on the left")
    for c in r.conditions:
        if not isinstance(c, Condition):
            refuse(f"{c!r} is not a condition; write for example square(A)")
        if not c.variables or not all(isinstance(x, LogicVar) for x in c.variables):
            refuse(f"the condition {c.name} names no variable of the relation")
        strange = [str(x) for x in c.variables if x not in left]
        if strange:
            refuse(f"the condition {c} names {strange[0]}, which is no variable of the relation")
    _, missing, contradiction = solve_shapes(r, r.lhs, r.rhs)
    if contradiction is not None:
        refuse(contradiction)
    if missing:
        a, b = missing[0]
        refuse(
            f"the right side needs {a} = {b}, which the left side does not imply; "
            "state it as a condition, for example square(A), or correct the right side"
        )
