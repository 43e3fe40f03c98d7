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
from matchers.terms import Atom, Term, atom
from matchers.vocabulary import matmul, scale

# Forms expanded in one region, and how many of them in a row without a cheaper one being found.
BUDGET = 64
# A shared product is not opened into a longer one: opening a tower doubles at every level.
LONGEST_OPENED = 12
# Of many that could be opened, those nearest to the outputs are tried: a tower has one per level.
MOST_OPENED = 6
PATIENCE = 10

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
    """Candidates, cheapest first, and how many of them were not expanded."""

    candidates: tuple[Candidate, ...]
    unexpanded: int


@dataclass(frozen=True)
class Opening:
    """The move that reads through a shared product or sum."""

    before: Term
    after: Term
    relation: Any = None


def search(
    roots: Roots, moves: Moves, planner: Planner, budget: int = BUDGET, patience: int = PATIENCE
) -> Found:
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
    patience : int
        How many are expanded in a row without a cheaper form being found.
    """
    start = Candidate(roots, planner.price(roots))
    seen = {roots: start}
    heap = [(start.cost, 0, start)]
    best, idle = start.cost, 0
    while heap and budget and idle < patience:
        _, _, current = heapq.heappop(heap)
        budget -= 1
        idle += 1
        for move, new in neighbours(current.roots, moves):
            if new in seen:
                continue
            found = Candidate(new, planner.price(new), (*current.path, move))
            seen[new] = found
            heapq.heappush(heap, (found.cost, len(seen), found))
            if found.cost < best:
                best, idle = found.cost, 0
    ranked = sorted(seen.values(), key=lambda c: (c.cost, len(c.path)))
    return Found(tuple(ranked), len(heap))


def settled(roots: Roots, moves: Moves, products: int, direct: Callable[[Term], bool]) -> bool:
    """Whether there is no choice at all: nothing to bracket, to share, to open or to rewrite.

    Parameters
    ----------
    roots : tuple of Term
    moves : callable
    products : int
        How many products and solves the graph has; fewer terms would share one.
    direct : callable
        Whether a product with this factor is computed as the graph has it.
    """
    order = positions(roots)
    multiplied = [t for t in order if t.head is matmul]
    if len(multiplied) < products or any([len(t.args) > 2 for t in multiplied]):
        return False
    if any([t.head is scale and not _is_leaf(t.args[1]) for t in order]) or _openable(order):
        return False  # a coefficient may have been drawn out of a product
    if not all([direct(a) for t in multiplied for a in t.args]):
        return False
    return not any([moves(t) for t in order if not isinstance(t, Atom)])


def _is_leaf(t: Term) -> bool:
    return not t.args and getattr(t, "definition", None) is None


def neighbours(roots: Roots, moves: Moves) -> Iterator[tuple[Any, Roots]]:
    """All forms one move away."""
    order = positions(roots)
    opened = _openable(order)
    for i, term in enumerate(order):
        if isinstance(term, Atom):
            if term in opened and term.definition is not None:
                opening = Opening(term, term.definition)
                yield opening, _replaced(roots, order, i, term.definition)
            continue
        for move in moves(term):
            yield move, _replaced(roots, order, i, move.after)


def _openable(order: list[Term]) -> set[Term]:
    """The shared atoms that would merge with what stands around them, were they opened."""
    found: dict[Term, None] = {}
    for t in order:
        if not t.head.flat:
            continue
        for a in t.args:
            inner = a.args[0] if isinstance(a, Term) and a.head.name == "transpose" else a
            if isinstance(inner, Atom) and inner.definition is not None:
                shared = inner.definition
                if shared.head.name == "scale":
                    shared = shared.args[1]
                if shared.head is t.head and len(shared.args) + len(t.args) <= LONGEST_OPENED:
                    found[inner] = None
    return set(list(found)[-MOST_OPENED:])


def positions(roots: Roots) -> list[Term]:
    """The terms in `roots` and in the definitions of their shared atoms, children first."""
    order: list[Term] = []
    seen: set[Term] = set()
    stack: list[tuple[Term, bool]] = [(r, False) for r in reversed(roots)]
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
                stack.extend((a, False) for a in reversed(t.args) if isinstance(a, Term))
    return order


def _replaced(roots: Roots, order: list[Term], i: int, new: Term) -> Roots:
    """`roots` with the term at place `i` replaced everywhere, in shared definitions too."""
    changed: dict[Any, Term] = {order[i]: new}
    for t in order[i + 1 :]:
        if isinstance(t, Atom):
            if t.definition in changed:
                changed[t] = atom(t.var, t.core, changed[t.definition])
        elif not changed.keys().isdisjoint(t.args):
            changed[t] = t.head.make(*[changed.get(a, a) for a in t.args])
    return tuple([changed.get(r, r) for r in roots])


__all__ = ["BUDGET", "PATIENCE", "Candidate", "Found", "Opening", "positions", "search", "settled"]
