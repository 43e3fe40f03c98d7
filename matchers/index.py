"""An index over all left-hand sides: which patterns a term could match at all.

A pattern is filed under the head of its root and the rarest head that it must have anywhere below;
a term knows all heads in it as bits of one number. What does not match costs the same however many
patterns there are.
"""

from __future__ import annotations

from collections.abc import Iterable

from matchers.coefficients import Coefficient, behind
from matchers.elements import Literal, Node, flips_shared, opened
from matchers.heads import Head
from matchers.leaves import Atom
from matchers.match import Pattern
from matchers.terms import Term
from matchers.vocabulary import scale, transpose

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


# How many combinations of heads are remembered.
_REMEMBERED = 4096


class Index[K]:
    """Patterns by what a term must have to match them.

    Parameters
    ----------
    patterns : iterable of (key, Pattern)
        In the order in which they are to be tried.
    """

    __slots__ = ("_always", "_everywhere", "_found", "_keys", "_rooms")

    def __init__(self, patterns: Iterable[tuple[K, Pattern]]) -> None:
        self._keys: list[K] = []
        self._always: list[int] = []
        # Root head -> bit of the rarest head -> bits of all heads, bits of the heads that arguments
        # must have, place in order of registration.
        self._rooms: dict[Head, dict[int, list[tuple[int, int, int]]]] = {}
        for place, (key, pattern) in enumerate(patterns):
            self._keys.append(key)
            root = pattern.root
            head = root.flat or root.wanted
            if head is None or isinstance(root, Literal):
                self._always.append(place)
            else:
                needed = _needed(root)
                direct = {h for p in root.parts if (h := _own(p)) is not None}
                rooms = self._rooms.setdefault(head, {})
                rooms.setdefault(_rarest(needed), []).append((_bits(needed), _bits(direct), place))
        self._everywhere = tuple([self._keys[p] for p in self._always])
        # What terms with these heads may match; a dictionary, bounded, since the heads of a term
        # say all.
        self._found: dict[tuple[Head, int, int], tuple[K, ...]] = {}

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
            return self._everywhere
        about = (term.head, *_argument_heads(term))
        found = self._found.get(about)
        if found is None:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            found = self._found[about] = self._looked_up(room, *about[1:])
        return found

    def _looked_up(
        self, room: dict[int, list[tuple[int, int, int]]], direct: int, below: int
    ) -> tuple[K, ...]:
        """The keys of the patterns in a room, by the heads of arguments and below."""
        lacking, missing = ~below, ~direct
        places = [
            place
            for rarest, entries in room.items()
            if not rarest & lacking
            for needed, own, place in entries
            if not (needed & lacking or own & missing)
        ]
        return tuple([self._keys[p] for p in sorted(places + self._always)])


def _argument_heads(term: Term) -> tuple[int, int]:
    """The bits of the heads of arguments, shared ones opened and what is scaled besides.

    And the bits of all heads in them; those of the term have its own as well.
    """
    bits = below = 0
    for a in term.args:
        if isinstance(a, Term):
            bits |= a.head.bit
            below |= a.heads
            shared = (type(a) is Atom and a.definition is not None) or flips_shared(a)
            if shared:
                bits |= opened(a).head.bit
            elif a.head is transpose:
                bits |= opened(a).head.bit | a.args[0].head.bit
            if shared or a.head is scale:
                bits |= opened(behind(a)).head.bit
    return bits, below


def _own(node: Node) -> Head | None:
    """The head that an argument must have, scaled or not where the coefficient is optional."""
    return node.inner.wanted if type(node) is Coefficient else node.wanted


def _bits(heads: set[Head]) -> int:
    bits = 0
    for h in heads:
        bits |= h.bit
    return bits


def _needed(root: Node) -> set[Head]:
    """The heads without which nothing matches, at any depth."""
    found: set[Head] = set()
    stack = list(root.parts)
    while stack:
        node = stack.pop()
        if node.wanted is not None:
            found.add(node.wanted)
        stack += node.parts
    return found


def _rarest(needed: set[Head]) -> int:
    """The bit of the least frequent of these heads, 0 if there is none."""
    if not needed:
        return 0
    return min(
        needed, key=lambda h: (_COMMON.index(h.name) if h.name in _COMMON else -1, h.bit)
    ).bit
