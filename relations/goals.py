"""A relation as a miniKanren goal between graphs, terms and logic variables.

The side that is known is matched first, whichever it is, so that every goal ends: `in_lv` known
runs the relation forward, `out_lv` known runs it backward, both known checks, and neither known
gives the two sides as they are written, with variables of their own.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import lru_cache
from itertools import count
from typing import Any

from unification import reify, unify
from unification.variable import isvar

from matchers.conforming import learn
from matchers.dims import Axis, Dim
from matchers.goals import Goal
from matchers.match import Pattern, compile_pattern
from matchers.state import Context
from matchers.termo import Alone, Reading, check_matcher, meeto, read
from matchers.terms import Term
from matchers.traversal import rebuild
from matchers.typed import Typed
from matchers.variables import LogicVar
from relations import reference_rules
from relations.places import places, put
from relations.relation import Direction, Relation
from relations.rules import outside_field, rewritten

_fresh = count(1)


def relationo(relation: Relation, in_lv: Any, out_lv: Any, *, matcher: str = "compiled") -> Goal:
    """The goal that `in_lv` is an instance of the left side and `out_lv` the same of the right.

    One part of the known side is rewritten (see `relations.places`), the rest stays. What an
    unknown side is bound to has the type of the known side and is never equal to it: a known graph
    is answered by an etuple that evaluates to a graph, a known term by a term. Backward there are
    answers only where the right side says all that the left side needs (`Relation.directions`).

    Conditions are proved from the side that is known. With neither known they are proved where
    their variables are known, and left open elsewhere: run the goal again when they are.

    Parameters
    ----------
    relation : Relation
    in_lv, out_lv : Variable, etuple, Term or logic variable
    matcher : {"compiled", "kanren"}
        The compiled matcher, or the reference in plain miniKanren, which is slow.
    """
    check_matcher(matcher)

    def goal(S: Any) -> Iterator[Any]:
        source, target = reify((in_lv, out_lv), S)
        if (known := read(source)) is not None:
            yield from _answers(_forward(relation), known, target, matcher, S)
        elif (known := read(target)) is not None:
            yield from _answers(_backward(relation), known, source, matcher, S)
        else:
            yield from _sides(relation, source, target, S)

    return goal


def _forward(relation: Relation) -> tuple[Direction, ...]:
    if relation.axiom:
        return (_as_written(relation),)
    return tuple(d for d in relation.directions if not d.backward)


def _backward(relation: Relation) -> tuple[Direction, ...]:
    if relation.axiom:
        return _forward(relation)
    return tuple(d for d in relation.directions if d.backward)


@lru_cache(maxsize=256)
def _as_written(relation: Relation) -> Direction:
    """The one direction of an axiom, which rewrites nothing but may be checked."""
    return Direction(relation, relation.lhs, relation.rhs, {})


# --- one side is known --------------------------------------------------------------------------


def _answers(
    directions: tuple[Direction, ...], known: Reading, other: Any, matcher: str, S: Any
) -> Iterator[Any]:
    """States in which `other` is what is known, rewritten by one of `directions`."""
    wanted = read(other)
    for answer in _rewritten(directions, known, matcher):
        if wanted is None:
            if not answer.same(known):
                yield from meeto(answer, other, matcher)(S)
        elif answer.same(wanted):
            yield S
            return


def _rewritten(
    directions: tuple[Direction, ...], known: Reading, matcher: str
) -> Iterator[Reading]:
    """What is known, rewritten in every way, each once."""
    context = Context(known.view.dims)
    seen: set[Term] = set()
    for direction in directions:
        for place in places(known.term, known.view.variables):
            for new in _uses(direction, place, known, context, matcher):
                term = put(known.term, place, new)
                if term not in seen:
                    seen.add(term)
                    yield known._replace(term=term)
        if context.exhausted:
            name = direction.relation.name
            message = f"{name}: the bound on work is reached, so that answers may be missing"
            warnings.warn(message, RuntimeWarning, stacklevel=2)
            return


def _uses(
    direction: Direction, place: Term, known: Reading, context: Context, matcher: str
) -> Iterator[Term]:
    if matcher == "kanren":
        yield from reference_rules.uses(direction, place, known.view, context)
        return
    for window in _compiled(direction).match_within(place, context):
        new = rewritten(direction, place, window, known.view)
        if new is not None:
            yield new


@lru_cache(maxsize=256)
def _compiled(direction: Direction) -> Pattern:
    return compile_pattern(direction.source, direction.shapes)


# --- neither side is known ----------------------------------------------------------------------


def _sides(relation: Relation, source: Any, target: Any, S: Any) -> Iterator[Any]:
    """The state in which the two are the sides of the relation, its variables renamed apart."""
    found = [x.term if isinstance(x, Typed) else x for x in (source, target)]
    if not all(isvar(x) or isinstance(x, Term) for x in found):
        return
    mark = next(_fresh)
    own = {x: x.renamed(f"{x.name}#{mark}") for x in relation.variables}
    sides = [rebuild(side, lambda x: _renamed(x, own)) for side in (relation.lhs, relation.rhs)]
    state = unify(tuple(found), tuple(sides), S)
    if state is not False and _open_or_proved(relation, own, state):
        yield state


def _open_or_proved(relation: Relation, own: dict[LogicVar, LogicVar], S: Any) -> bool:
    values = {x: reify(y, S) for x, y in own.items()}
    if outside_field(relation, values) is not None:
        return False
    view = Alone()
    learn(view.dims, *values.values())
    return all(
        c.holds(values, view)
        for c in relation.conditions
        if all(isinstance(values[x], Term) and values[x].ground for x in c.variables)
    )


def _renamed(x: Any, own: dict[LogicVar, LogicVar]) -> Any:
    """A variable, or a dimension of variables, under their own names."""
    if isinstance(x, LogicVar):
        return own[x]
    if not isinstance(x, Dim):
        return x
    out = Dim(x.coef)
    for s, power in x.powers:
        owner = s.owner
        if isinstance(owner, LogicVar):
            owner = own[owner]
        elif isinstance(owner, tuple):  # a sum of lengths
            owner = (owner[0], tuple(_renamed(d, own) for d in owner[1]))
        part = Dim(1, frozenset([(Axis(owner, s.axis), 1)]))
        for _ in range(power):
            out = out * part
    return out
