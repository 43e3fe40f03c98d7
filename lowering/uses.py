"""How often the terms of a form are used, and what is needed without one of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from matchers.leaves import Atom
from matchers.terms import Term


class Uses:
    """The uses of each term of a form.

    Parameters
    ----------
    order : list of Term
        All terms, children first.
    roots : tuple of Term
        Those that are asked for.
    """

    def __init__(self, order: list[Term], roots: tuple[Term, ...]) -> None:
        self.count: Counter[Any] = Counter(set(roots))
        self._terms = set(order)
        for t in order:
            self.count.update(self._below(t))

    def _below(self, t: Term) -> set[Any]:
        if isinstance(t, Atom):
            return {t.definition} if t.definition is not None else set()
        return {a for a in t.args if a in self._terms}  # some are lengths and flags

    def without(self, left_out: Term, depth: int | None = None) -> Others:
        """What is needed even without one term.

        Parameters
        ----------
        left_out : Term
        depth : int, optional
            How far below it to look; what stands deeper counts as needed.
        """
        gone: set[Any] = {left_out}
        left: dict[Any, int] = {}
        level = [left_out]
        while level and depth != 0:
            depth = None if depth is None else depth - 1
            below: list[Any] = []
            for t in level:
                for a in self._below(t):
                    left[a] = left.get(a, self.count[a]) - 1
                    if not left[a]:
                        gone.add(a)
                        below.append(a)
            level = below
        return Others(self._terms, gone)


class Others:
    """Some terms but for those that are gone."""

    __slots__ = ("_gone", "_terms")

    def __init__(self, terms: set[Term], gone: set[Any]) -> None:
        self._terms = terms
        self._gone = gone

    def __contains__(self, term: object) -> bool:
        return term in self._terms and term not in self._gone


__all__ = ["Others", "Uses"]
