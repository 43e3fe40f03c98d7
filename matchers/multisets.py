"""Associative-commutative matching: elements of a pattern against a multiset of operands.

Never a permutation: elements that take one operand are assigned first, those with the fewest
candidates leading, once a bipartite matching shows that there is an operand for each; then
variables that are bound already, repeated variables, single ones; what is left goes to the rest.
Equal operands count as one operand with a multiplicity, so that no answer comes twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from typing import Any, NamedTuple, override

from matchers.elements import Node, operands
from matchers.heads import Head
from matchers.marks import Free
from matchers.state import State
from matchers.terms import Term
from matchers.variables import LogicVar, Run

Pool = dict[Any, int]


class Share(NamedTuple):
    """A variable of a multiset, with how often it stands there."""

    element: Free
    copies: int


class Multiset(Node):
    """A flat, commutative head.

    Parameters
    ----------
    head : Head
    elements : list of Node
    rest : LogicVar, optional
        Is bound to what is left; without it nothing may be left.
    """

    __slots__ = ("flat", "least", "open", "parts", "rest", "shares", "wanted")

    single = False

    def __init__(self, head: Head, elements: list[Node], rest: LogicVar | None = None) -> None:
        self.flat: Head = head
        self.rest = rest
        self.parts = tuple(e for e in elements if not isinstance(e, Free))
        grouped = Counter((e.var, e.marks) for e in elements if isinstance(e, Free))
        first = {(e.var, e.marks): e for e in elements if isinstance(e, Free)}
        shares = [Share(first[key], n) for key, n in grouped.items()]
        # What can be told from bound variables first, then what is repeated.
        self.shares = sorted(shares, key=lambda s: (not s.element.known_ahead, -s.copies))
        self.least = len(elements)
        self.open = rest is not None or bool(shares)
        self.wanted = head if self.least > 1 else None

    def _operands(self, t: Any) -> tuple[Any, ...] | None:
        if not isinstance(t, Term):
            return None
        ops = operands(t, self.flat)
        n = len(ops)
        return None if n < self.least or (n > self.least and not self.open) else ops

    @override
    def admits(self, t: Any) -> bool:
        return self._operands(t) is not None

    @override
    def solve(self, t: Any, state: State) -> Iterator[None]:
        ops = self._operands(t)
        if ops is None:
            return
        state.tick()
        pool: Pool = {}
        for x in ops:
            pool[x] = pool.get(x, 0) + 1
        candidates = [[x for x in pool if e.admits(x)] for e in self.parts]
        picky = [
            [x for x, n in pool.items() if n >= s.copies and _part(s.element, x, state)]
            for s in self.shares
            if _picky(s.element)
        ]
        if not assignable(candidates + picky, pool):
            return
        order = sorted(range(len(self.parts)), key=lambda i: len(candidates[i]))
        yield from self._assign([(self.parts[i], candidates[i]) for i in order], 0, pool, state)

    def _assign(
        self, todo: list[tuple[Node, list[Any]]], i: int, pool: Pool, state: State
    ) -> Iterator[None]:
        """Give one operand to each element from the i-th on."""
        if i == len(todo):
            yield from self._share(self.shares, pool, state)
            return
        node, candidates = todo[i]
        for x in candidates:
            if not pool[x]:
                continue
            state.tick()
            pool[x] -= 1
            if node.single:
                mark = state.mark()
                if node.test(x, state):
                    yield from self._assign(todo, i + 1, pool, state)
                state.undo(mark)
            else:
                for _ in node.solve(x, state):
                    yield from self._assign(todo, i + 1, pool, state)
            pool[x] += 1

    def _share(self, shares: list[Share], pool: Pool, state: State) -> Iterator[None]:
        """Give one operand or more to each variable, what is left to the rest."""
        if not shares:
            yield from self._finish(pool, state)
            return
        at, want = self._next(shares, state)
        share = shares[at]
        others = shares[:at] + shares[at + 1 :]
        if want is not None:
            taken = operands_of(want, self.flat)
            state.tick()
            if all(_part(share.element, x, state) for x in taken) and _remove(
                pool, taken, share.copies
            ):
                yield from self._share(others, pool, state)
                _restore(pool, taken, share.copies)
            return
        for taken in self._parts(share, others, pool, state):
            state.tick()
            _remove(pool, taken, share.copies)
            term = taken[0] if len(taken) == 1 else self.flat.make(*taken)
            mark = state.mark()
            if share.element.test(term, state):
                yield from self._share(others, pool, state)
            state.undo(mark)
            _restore(pool, taken, share.copies)

    def _next(self, shares: list[Share], state: State) -> tuple[int, Any]:
        """The first variable that is bound, with what it must be, or else the first."""
        for i, s in enumerate(shares):
            if s.element.known_ahead and s.element.var in state.bindings:
                return i, s.element.expected(state)
        return 0, None

    def _parts(
        self, share: Share, others: list[Share], pool: Pool, state: State
    ) -> Iterator[tuple[Any, ...]]:
        """The multisets that an open variable may take, singletons first."""
        element, copies = share
        # Its transposes take as many operands as it does, namely the transposed ones.
        flips = [s.copies for s in others if _flip(s.element, element)]
        left = sum(pool.values())
        apart = [s.copies for s in others if not _flip(s.element, element)]
        most, over = divmod(left - sum(apart), copies + sum(flips))
        least = 1
        if not apart and self.rest is None:
            # All that is left is its own.
            if over or (not flips and any(n % copies for n in pool.values())):
                return
            least = most
        available = [
            (x, n // copies)
            for x, n in pool.items()
            if n >= copies
            and _part(element, x, state)
            and (not flips or pool.get(state.flipped(x), 0) >= flips[0])
        ]
        sizes = range(least, most + 1)
        splits = state.context.splits
        if splits is not None and self._halved(apart, flips, copies) and left > splits:
            sizes = range(1, most + 1, max(1, most - 1))
        for size in sizes:
            yield from submultisets(available, size)

    def _halved(self, apart: list[int], flips: list[int], copies: int) -> bool:
        """Whether one other variable takes all that is left."""
        return self.rest is None and not flips and apart == [1] and copies == 1

    def _finish(self, pool: Pool, state: State) -> Iterator[None]:
        left = Run(x for x, n in pool.items() for _ in range(n))
        if self.rest is None:
            if not left:
                yield
            return
        bound = state.bindings.get(self.rest)
        if bound is not None:
            if len(bound) == len(left) and Counter(bound) == Counter(left):
                yield
            return
        mark = state.mark()
        state.bind_run(self.rest, left)
        yield
        state.undo(mark)


def _flip(e: Free, other: Free) -> bool:
    """Whether one is the transpose of the other."""
    return e.var is other.var and e.known_ahead and other.known_ahead


def _picky(e: Free) -> bool:
    return not e.marks and e.var.kind != "matrix"


def _part(e: Free, x: Any, state: State) -> bool:
    """Whether an operand may be among those that a variable takes: all columns, or all scalars."""
    if not _picky(e):
        return True
    return bool(x.scalar) if e.var.kind == "scalar" else state.column(x)


def operands_of(t: Any, head: Head) -> tuple[Any, ...]:
    """The operands of a bound term, which is not opened."""
    return t.args if t.head is head else (t,)


def _remove(pool: Pool, taken: tuple[Any, ...], copies: int) -> bool:
    """Take `copies` of each operand out of the pool; leaves it as it was if they are not there."""
    for i, x in enumerate(taken):
        if pool.get(x, 0) < copies:
            _restore(pool, taken[:i], copies)
            return False
        pool[x] -= copies
    return True


def _restore(pool: Pool, taken: tuple[Any, ...], copies: int) -> None:
    for x in taken:
        pool[x] += copies


def submultisets(available: list[tuple[Any, int]], size: int) -> Iterator[tuple[Any, ...]]:
    """All multisets of `size` things, of each at most as many as there are, none twice."""
    if all(n == 1 for _, n in available):
        yield from combinations([x for x, _ in available], size)
        return
    yield from _submultisets(available, 0, size)


def _submultisets(available: list[tuple[Any, int]], i: int, size: int) -> Iterator[tuple[Any, ...]]:
    if size == 0:
        yield ()
        return
    if i == len(available):
        return
    x, n = available[i]
    for k in range(min(n, size), -1, -1):
        for more in _submultisets(available, i + 1, size - k):
            yield (x,) * k + more


def assignable(candidates: list[list[Any]], pool: Pool) -> bool:
    """Whether each element can have a candidate of its own: a bipartite matching, by augmenting."""
    owners: dict[Any, list[int]] = {x: [] for x in pool}

    def place(i: int, tried: set[Any]) -> bool:
        for x in candidates[i]:
            if len(owners[x]) < pool[x]:
                owners[x].append(i)
                return True
        for x in candidates[i]:
            if x in tried:
                continue
            tried.add(x)
            for k, j in enumerate(owners[x]):
                if place(j, tried):
                    owners[x][k] = i
                    return True
        return False

    return all(place(i, set()) for i in range(len(candidates)))
