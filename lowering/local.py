"""The forms of a large region, found term by term beside all that the other terms need.

A search over whole regions makes each form one move away from each that it expands, and prices all
of it: with the length of a region grow its moves, the forms that one move leads to, and the price
of each. Here a term is searched by itself, where all that is needed without it is there anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from lowering.formulas import LAUNCH
from lowering.planner import Planner
from lowering.positions import positions
from lowering.search import Candidate, Found, Moves, Roots, openable, replaced_at, search
from lowering.uses import Uses
from matchers.leaves import Atom
from matchers.terms import Term
from matchers.vocabulary import diag, inverse, ones, transpose, unit

# How many terms a region has that is not searched as a whole.
LARGE = 150
# What one term must save: the whole graph goes round once more for it.
WORTH = 2 * LAUNCH
# How far below a term it is looked at what it is made of, and would not be needed without it.
DEPTH = 4
# How many forms of one term are expanded in a row without a cheaper one being found.
PATIENCE = 4
# Factors that are applied to others are not there by themselves.
_APPLIED = frozenset({inverse, diag, ones, unit, transpose})

Beside = Callable[[Container[Term]], Planner]
Pays = Callable[[Planner, Term, Term], bool]


def improved(roots: Roots, moves: Moves, beside: Beside, pays: Pays, budget: int) -> Found:
    """The region, and the region with each term in the cheapest form that pays, inputs first.

    Parameters
    ----------
    roots : tuple of Term
    moves : callable
        The rewrites of one term.
    beside : callable
        Makes a planner for which some terms are there already.
    pays : callable
        Whether a term is proved to cost more than a form of it, by such a planner.
    budget : int
        How many forms of one term are expanded.
    """
    walk = _Walk(roots, moves, beside, pays, budget)
    while walk.step():
        pass
    planner = beside(frozenset())
    found = [Candidate(roots, planner.price(roots))]
    if walk.path:
        found.insert(0, Candidate(walk.roots, planner.price(walk.roots), tuple(walk.path)))
    return Found(tuple(sorted(found, key=lambda c: c.cost)), walk.unexpanded, walk.spent)


class _Walk:
    """The terms of a region, each tried once; what a better form changes is tried anew."""

    def __init__(self, roots: Roots, moves: Moves, beside: Beside, pays: Pays, budget: int) -> None:
        self.roots = roots
        self.path: list[Any] = []
        self.unexpanded = 0
        self.spent = False
        self._moves = moves
        self._beside = beside
        self._pays = pays
        self._budget = budget
        self._tried: set[Term] = set()

    def step(self) -> bool:
        """Put the next term that has a better form into it; whether there was one."""
        order = positions(self.roots)
        uses = Uses(order, self.roots)
        for i, term in enumerate(order):
            if term not in self._tried:
                self._tried.add(term)
                better = self._better(term, uses)
                if better is not None:
                    self.path += better.path
                    self.roots = replaced_at(self.roots, order, i, better.roots[0])
                    return True
        return False

    def _better(self, term: Term, uses: Uses) -> Candidate | None:
        """The cheapest form of a term, if it saves enough and is proved to."""
        if isinstance(term, Atom) or not (self._moves(term) or openable([term])):
            return None
        others = uses.without(term, DEPTH)
        planner = self._beside(_There(others))
        price = planner.price((term,))
        if price <= WORTH:  # which is all that it can save
            return None

        def moves(t: Term) -> Any:
            return () if t in others else self._moves(t)

        found = search((term,), moves, planner, self._budget, PATIENCE, known=others)
        self.unexpanded += found.unexpanded
        self.spent |= found.spent
        best = found.candidates[0]
        saves = best.path and best.cost + WORTH < price
        return best if saves and self._pays(planner, term, best.roots[0]) else None


class _There:
    """The terms whose values are there anyway."""

    def __init__(self, others: Container[Term]) -> None:
        self._others = others

    def __contains__(self, term: object) -> bool:
        return isinstance(term, Term) and term.head not in _APPLIED and term in self._others


__all__ = ["LARGE", "improved"]
