"""Choosing among the forms that relations offer: a bounded best-first search over whole regions.

A state is all outputs of a region at once, so a relation that first makes things bigger counts only
by where it ends, and a factorization that one output still needs is still paid for.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from lowering.planner import Planner
from lowering.positions import positions
from lowering.throughout import throughout
from matchers.leaves import Atom, atom
from matchers.terms import Term

# Forms expanded in one region, and how many of them in a row without a cheaper one being found.
BUDGET = 64
# A shared product is not opened into a longer one: opening a tower doubles at every level.
LONGEST_OPENED = 12
# Of many that could be opened, those nearest to the outputs are tried: a tower has one per level.
MOST_OPENED = 6
PATIENCE = 9
# How many of the cheapest forms are looked at for the shortest, where they cost the same.
TIES = 4
# How many of the cheapest forms are looked through for what their products could share, and by how
# much they may be dearer than the cheapest: what is shared seldom saves a third. In how many of
# these, from the cheapest, the last moves are tried.
SHARING = 12
NEAR = 1.6
LASTLY = 3
# How many of the forms that a last move leads to are looked through for what they share.
LIKELY = 3

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
    """What a search found.

    Attributes
    ----------
    candidates : tuple of Candidate
        Cheapest first.
    unexpanded : int
        How many of them were not expanded.
    spent : bool
        Whether that is for want of budget.
    """

    candidates: tuple[Candidate, ...]
    unexpanded: int
    spent: bool


@dataclass(frozen=True)
class Opening:
    """The move that reads through a shared product or sum."""

    before: Term
    after: Term
    relation: Any = None


def search(
    roots: Roots,
    moves: Moves,
    planner: Planner,
    budget: int = BUDGET,
    patience: int = PATIENCE,
    last: Moves | None = None,
    known: Container[Term] = (),
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
    last : callable, optional
        Rewrites that are tried in the cheapest forms alone, for what they lead to is not looked at;
        without, what the products of these forms could share is not looked for either.
    known : container of Term, optional
        Terms that stay as they are; what they are made of is not looked at.
    """
    start = Candidate(roots, planner.price(roots))
    seen = {roots: start}
    heap = [(start.cost, 0, start)]
    best, idle = start.cost, 0
    while heap and budget and idle < patience:
        _, _, current = heapq.heappop(heap)
        budget -= 1
        idle += 1
        for move, new in neighbours(current.roots, moves, known):
            if new in seen:
                continue
            found = Candidate(new, planner.price(new), (*current.path, move))
            seen[new] = found
            heapq.heappush(heap, (found.cost, len(seen), found))
            if found.cost < best:
                best, idle = found.cost, 0
    ranked = _ranked(seen.values())
    if last is not None:
        ranked[:SHARING] = _all_finished(ranked[:SHARING], last, planner)
    equal = [c for c in ranked[:TIES] if c.cost == ranked[0].cost and c.path]
    if ranked[0].path and len(equal) > 1:  # what is priced alike may still be said in fewer terms
        shortest = min(equal, key=lambda c: (len(positions(c.roots, known)), len(c.path)))
        ranked.remove(shortest)
        ranked.insert(0, shortest)
    return Found(tuple(ranked), len(heap), bool(heap) and not budget)


def _ranked(found: Iterable[Candidate]) -> list[Candidate]:
    """Candidates, cheapest first, and of those that cost the same the shortest way first."""
    return sorted(found, key=lambda c: (c.cost, len(c.path)))


def _all_finished(forms: list[Candidate], last: Moves, planner: Planner) -> list[Candidate]:
    """Forms priced with what their products share; the best of them with the last moves too."""
    exact, least = [], inf
    for c in forms:
        near = c.cost <= NEAR * least
        exact.append(replace(c, cost=planner.exact_price(c.roots)) if near else c)
        least = min(least, exact[-1].cost)
    exact = _ranked(exact)
    done = []
    for c in exact[:LASTLY]:
        ends = [_finished(c, last, planner)]
        if any([len(moves) > 1 for moves, _ in _last_forms(c.roots, last, everywhere=True)]):
            ends.append(_finished(c, last, planner, everywhere=True))
        done.append(_ranked(ends)[0])
    return _ranked([*done, *exact[LASTLY:]])


def _finished(
    found: Candidate, last: Moves, planner: Planner, everywhere: bool = False
) -> Candidate:
    """A form with the last moves that pay, in one place or, if `everywhere`, in all products."""
    best = found
    while True:
        forms = list(_last_forms(best.roots, last, everywhere))
        if len(forms) > LIKELY:
            forms = sorted(forms, key=lambda f: planner.price(f[1]))[:LIKELY]
        priced = [(planner.exact_price(new), moves, new) for moves, new in forms]
        cost, moves, new = min(priced, key=lambda p: p[0], default=(best.cost, (), best.roots))
        if not cost < best.cost:
            return best
        best = Candidate(new, cost, (*best.path, *moves))


def _last_forms(
    roots: Roots, last: Moves, everywhere: bool
) -> Iterator[tuple[tuple[Any, ...], Roots]]:
    """All forms one last move away."""
    order = positions(roots)
    for i, term in enumerate(order):
        for move in () if isinstance(term, Atom) else last(term):
            once = replaced_at(roots, order, i, move.after)
            yield (move,), once
            if everywhere and getattr(move.relation, "throughout", False):
                moves, changed = throughout(order, move)
                new = tuple([changed.get(r, r) for r in roots])
                if new != once:
                    yield moves, new


def neighbours(
    roots: Roots, moves: Moves, known: Container[Term] = ()
) -> Iterator[tuple[Any, Roots]]:
    """All forms one move away."""
    order = positions(roots, known)
    opened = openable(order)
    for i, term in enumerate(order):
        if isinstance(term, Atom):
            if term in opened and term.definition is not None:
                opening = Opening(term, term.definition)
                yield opening, replaced_at(roots, order, i, term.definition)
            continue
        for move in moves(term):
            yield move, replaced_at(roots, order, i, move.after)


def followed(roots: Roots, moves: Moves) -> Roots:
    """The form that moves of which each makes less of a term lead to."""
    while True:
        order = positions(roots)
        offered = ((i, m.after) for i, t in enumerate(order) if t.args for m in moves(t))
        shorter = (new for new in offered if _parts(new[1]) < _parts(order[new[0]]))
        found = next(shorter, None)
        if found is None:
            return roots
        roots = replaced_at(roots, order, *found)


def _parts(term: Term) -> int:
    return len(positions((term,)))


def openable(order: list[Term]) -> set[Term]:
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


def replaced_at(roots: Roots, order: list[Term], i: int, new: Term) -> Roots:
    """`roots` with the term at place `i` replaced everywhere, in shared definitions too."""
    changed = substituted(order, i, new)
    return tuple([changed.get(r, r) for r in roots])


def substituted(order: list[Term], i: int, new: Term) -> dict[Any, Term]:
    """What the term at place `i` and all that hold it become, were it replaced everywhere."""
    changed: dict[Any, Term] = {order[i]: new}
    for t in order[i + 1 :]:
        if isinstance(t, Atom):
            if t.definition in changed:
                changed[t] = atom(t.var, t.core, changed[t.definition], t.symmetric)
        elif not changed.keys().isdisjoint(t.args):
            changed[t] = t.head.make(*[changed.get(a, a) for a in t.args])
    return changed


__all__ = ["BUDGET", "PATIENCE", "Candidate", "Found", "Opening", "followed", "search"]
