"""An index over all left-hand sides: which patterns a term could match at all.

A pattern is filed under the head of its root and the rarest head that one of its arguments must
have. A term looks up its own head, then the heads of its own arguments, so that what does not match
costs the same however many patterns there are.
"""

from __future__ import annotations

from collections.abc import Iterable

from matchers.elements import Literal, Node, opened
from matchers.match import Pattern
from matchers.terms import Atom, Head, Term

# Heads that most terms have somewhere, the most frequent last; any other head is rarer.
_COMMON = (
    "cholesky",
    "reshape",
    "add",
    "inverse",
    "scale",
    "matmul",
    "transpose",
    "number",
    "leaf",
)


class Index[K]:
    """Patterns by what a term must have to match them.

    Parameters
    ----------
    patterns : iterable of (key, Pattern)
        In the order in which they are to be tried.
    """

    __slots__ = ("_always", "_keys", "_rooms")

    def __init__(self, patterns: Iterable[tuple[K, Pattern]]) -> None:
        self._keys: list[K] = []
        self._always: list[int] = []
        # Root head -> head of an argument, or None -> places in the order of registration.
        self._rooms: dict[Head, dict[Head | None, list[int]]] = {}
        for place, (key, pattern) in enumerate(patterns):
            self._keys.append(key)
            root = pattern.root
            head = root.flat or root.wanted
            if head is None or isinstance(root, Literal):
                self._always.append(place)
            else:
                room = self._rooms.setdefault(head, {})
                room.setdefault(_rarest(root), []).append(place)
        for room in self._rooms.values():
            for child in room:
                room[child] = sorted(room[child])

    def __len__(self) -> int:
        return len(self._keys)

    def candidates(self, term: Term) -> tuple[K, ...]:
        """The keys of the patterns that may match `term`, in order of registration.

        A pattern whose root is a flat head is not found for a single operand of it.
        """
        if type(term) is Atom and term.definition is not None:
            term = opened(term)
        room = self._rooms.get(term.head)
        if room is None:
            return self._picked(self._always) if self._always else ()
        heads: set[Head | None] = {None}
        for a in term.args:
            if isinstance(a, Term):
                heads.add(a.head)
                if type(a) is Atom and a.definition is not None:
                    heads.add(opened(a).head)
        if heads.isdisjoint(room):
            return self._picked(self._always) if self._always else ()
        places = [p for h in heads if h in room for p in room[h]]
        return self._picked(sorted(places + self._always))

    def _picked(self, places: list[int]) -> tuple[K, ...]:
        return tuple([self._keys[p] for p in places])


def _rarest(root: Node) -> Head | None:
    """The least frequent head among those that arguments must have."""
    wanted = [p.wanted for p in root.parts if p.wanted is not None]
    return min(
        wanted, key=lambda h: _COMMON.index(h.name) if h.name in _COMMON else -1, default=None
    )
