"""Choosing among the forms that relations offer: a bounded best-first search over whole regions.

A state is all outputs of a region at once, so a relation that first makes things bigger counts only
by where it ends, and a factorization that one output still needs is still paid for.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from lowering.plans import Planner
from matchers.terms import Atom, Term, atom, rebuild, subterms

# States expanded in one region. Running out is reported, never silent.
BUDGET = 48

Roots = tuple[Term, ...]
Moves = Callable[[Term], Iterable[Any]]


@dataclass(frozen=True)
class Candidate:
    """A form of a region: its roots, what it costs at the sample sizes, and how it was reached."""

    roots: Roots
    cost: float
    path: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Found:
    """Candidates, cheapest first, and whether the search ran out of budget."""

    candidates: tuple[Candidate, ...]
    exhausted: bool


def search(roots: Roots, moves: Moves, planner: Planner, budget: int = BUDGET) -> Found:
    """The forms of a region that `moves` lead to, cheapest first.

    Parameters
    ----------
    roots : tuple of Term
    moves : callable
        The rewrites of one term, each with ``before`` and ``after``.
    planner : Planner
        Prices a form.
    budget : int
        How many forms are expanded.
    """
    start = Candidate(roots, planner.plan(roots).cost)
    seen = {roots: start}
    heap = [(start.cost, 0, start)]
    while heap and budget:
        _, _, current = heapq.heappop(heap)
        budget -= 1
        for move, new in neighbours(current.roots, moves):
            if new in seen:
                continue
            found = Candidate(new, planner.plan(new).cost, (*current.path, move))
            seen[new] = found
            heapq.heappush(heap, (found.cost, len(seen), found))
    ranked = sorted(seen.values(), key=lambda c: (c.cost, len(c.path)))
    return Found(tuple(ranked), bool(heap))


@dataclass(frozen=True)
class Opening:
    """The move that reads through a shared product or sum."""

    before: Term
    after: Term
    relation: Any = None


def neighbours(roots: Roots, moves: Moves) -> Iterator[tuple[Any, Roots]]:
    """All forms one move away."""
    for term in positions(roots):
        if isinstance(term, Atom):
            if term.definition is not None:
                opening = Opening(term, term.definition)
                yield opening, tuple(replace(r, term, term.definition) for r in roots)
            continue
        for move in moves(term):
            yield move, tuple(replace(r, term, move.after) for r in roots)


def positions(roots: Roots) -> list[Term]:
    """The terms in `roots` and in the definitions of their shared atoms."""
    found: dict[Term, None] = {}
    stack = list(roots)
    while stack:
        for t in subterms(*stack):
            found[t] = None
        stack = [
            t.definition
            for t in found
            if isinstance(t, Atom) and t.definition is not None and t.definition not in found
        ]
    return list(found)


def replace(root: Term, old: Term, new: Term) -> Term:
    """`root` with `old` replaced everywhere, in shared definitions too."""
    if root is old:
        return new
    done: dict[Term, Term] = {old: new}
    order = [t for t in _with_definitions(root) if t is not old]
    for t in order:
        if isinstance(t, Atom):
            d = t.definition
            changed = d is not None and done[d] is not d
            done[t] = atom(t.var, t.core, done[d]) if changed and d is not None else t
        elif not t.args:
            done[t] = t
        else:
            args = tuple(done[a] if isinstance(a, Term) else a for a in t.args)
            same = all(a is b for a, b in zip(args, t.args, strict=True))
            done[t] = t if same else t.head.make(*args)
    return done[root]


def _with_definitions(root: Term) -> list[Term]:
    """All terms under `root`, children and definitions first."""
    order: list[Term] = []
    seen: set[Term] = set()
    stack: list[tuple[Term, bool]] = [(root, False)]
    while stack:
        t, done = stack.pop()
        if done:
            order.append(t)
        elif t not in seen:
            seen.add(t)
            stack.append((t, True))
            if isinstance(t, Atom):
                if t.definition is not None:
                    stack.append((t.definition, False))
            else:
                stack.extend((a, False) for a in t.args if isinstance(a, Term))
    return order


__all__ = ["BUDGET", "Candidate", "Found", "Opening", "rebuild", "search"]
