"""Plain miniKanren goals on sequences that are known when it is their turn.

kanren's own ``rembero`` is unsound for picking one element and its ``eq_assoccomm`` is unusable on
six operands, so these are written from ``eq``, ``lall`` and ``conde`` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any, cast

from kanren.core import conde, eq, fail, lall, succeed
from unification import reify

Goal = Callable[[Any], Iterator[Any]]


def all_of(*goals: Goal) -> Goal:
    """Every one of `goals`."""
    return cast(Goal, lall(*goals)) if goals else succeed


def one_of(clauses: list[list[Goal]]) -> Goal:
    """All goals of one of the clauses; of no clause at all nothing holds."""
    return cast(Goal, conde(*clauses)) if clauses else fail


def project(goal: Callable[..., Goal], *args: Any) -> Goal:
    """`goal` of what `args` are bound to when it is its turn."""
    return lambda S: goal(*reify(args, S))(S)


def selecto(x: Any, xs: Any, rest: Any) -> Goal:
    """`x` is one of `xs`, and `rest` are the others."""

    def goal(items: tuple[Any, ...]) -> Goal:
        return one_of(
            [[eq(x, items[i]), eq(rest, items[:i] + items[i + 1 :])] for i in range(len(items))]
        )

    return project(goal, xs)


def subseto(some: Any, xs: Any, rest: Any) -> Goal:
    """`some` are one or more of `xs`, and `rest` are the others."""

    def goal(items: tuple[Any, ...]) -> Goal:
        places = range(len(items))
        return one_of(
            [
                [
                    eq(some, tuple(items[i] for i in chosen)),
                    eq(rest, tuple(items[i] for i in places if i not in chosen)),
                ]
                for size in places
                for chosen in combinations(places, size + 1)
            ]
        )

    return project(goal, xs)


def appendo(front: Any, back: Any, xs: Any) -> Goal:
    """`front` and then `back` are `xs`."""

    def goal(items: tuple[Any, ...]) -> Goal:
        return one_of([[eq(front, items[:i]), eq(back, items[i:])] for i in range(len(items) + 1)])

    return project(goal, xs)
