"""A relation as a miniKanren goal between graphs, terms and logic variables.

The side that is known is matched first, whichever it is, so that every goal ends: ``in_lv`` known
runs the relation forward, ``out_lv`` known runs it backward, both known checks, neither known gives
the two sides as they are written, with variables of their own.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import lru_cache
from itertools import count
from typing import Any

from kanren.core import fail
from unification import reify, unify
from unification.variable import isvar

from matchers.dims import Axis, Dim
from matchers.goals import Goal
from matchers.match import Pattern, compile_pattern
from matchers.state import Context
from matchers.termo import Alone, Reading, check_matcher, meeto, read
from matchers.terms import LogicVar, Term, rebuild, shape
from matchers.typed import Typed
from relations import reference_rules
from relations.language import Direction, Relation
from relations.rules import rewritten


def relationo(relation: Relation, in_lv: Any, out_lv: Any, *, matcher: str = "compiled") -> Goal:
    """The goal that `in_lv` is an instance of the left side and `out_lv` the same of the right.

    Each is a PyTensor variable, an etuple, a term or a logic variable. A match may be a part of a
    product or of a sum. What an unknown side is bound to is an etuple with the type of the side that
    is known; it is never equal to that side. A backward answer needs a relation whose right side
    determines the left one (`Relation.directions`).

    Conditions are proved from the side that is known. With neither known they are proved as far as
    their variables are known, and left open otherwise: run the goal again when they are.

    Parameters
    ----------
    relation : Relation
    in_lv, out_lv : Variable, etuple, Term or logic variable
    matcher : {"compiled", "kanren"}
        The compiled matcher, or the reference, which is plain miniKanren and slow.
    """
    check_matcher(matcher)

    def goal(S: Any) -> Iterator[Any]:
        source, target = reify((in_lv, out_lv), S)
        for one, other, directions in (
            (source, target, _forward(relation)),
            (target, source, _backward(relation)),
        ):
            reading = read(one)
            if reading is not None:
                yield from _answers(directions, reading, other, matcher)(S)
                return
        yield from _symbolic(relation, source, target)(S)

    return goal


def _forward(relation: Relation) -> tuple[Direction, ...]:
    if relation.axiom:
        return (Direction(relation, relation.lhs, relation.rhs, {}),)
    return tuple(d for d in relation.directions if not d.backward)


def _backward(relation: Relation) -> tuple[Direction, ...]:
    return _forward(relation) if relation.axiom else tuple(
        d for d in relation.directions if d.backward
    )


# --- one side is known --------------------------------------------------------------------------


def _answers(
    directions: tuple[Direction, ...], reading: Reading, other: Any, matcher: str
) -> Goal:
    """The goal that `other` is what was read, rewritten by one of `directions`."""
    checking = read(other) is not None

    def goal(S: Any) -> Iterator[Any]:
        seen: set[Term] = set() if checking else {reading.term}
        context = Context(reading.view.dims)
        for direction in directions:
            for new in _uses(direction, reading, context, matcher):
                answer = reading._replace(term=new)
                if new in seen or not _same_batch(reading, answer):
                    continue
                seen.add(new)
                if checking or not answer.same(reading):
                    found = meeto(answer, other, matcher)(S)
                    if checking and (S_found := next(found, None)) is not None:
                        yield S_found
                        return
                    yield from found
        if context.exhausted:
            name = directions[0].relation.name
            warnings.warn(
                f"{name}: the bound on work was reached, answers may be missing",
                RuntimeWarning,
                stacklevel=2,
            )

    return goal


def _uses(
    direction: Direction, reading: Reading, context: Context, matcher: str
) -> Iterator[Term]:
    term, view = reading.term, reading.view
    if matcher == "kanren":
        yield from reference_rules.uses(direction, term, view, context)
        return
    for window in _compiled(direction).match_within(term, context):
        new = rewritten(direction, term, window, view)
        if new is not None:
            yield new


@lru_cache(maxsize=1024)
def _compiled(direction: Direction) -> Pattern:
    return compile_pattern(direction.source, direction.shapes)


def _same_batch(a: Reading, b: Reading) -> bool:
    """Whether no batch axis is lost: the identity that a batch of products is has none."""
    return shape(a.term)[2] == shape(b.term)[2]
