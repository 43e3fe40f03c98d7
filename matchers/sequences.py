"""Associative matching: elements of a pattern against the ordered operands of a flat head.

Anchors, which take exactly one operand, are placed first, from left to right, each on an operand
that could match it; then the variables and segments between two anchors share what lies between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, override

from matchers.algebra import TRANSPOSED
from matchers.elements import Node, Ordinary, every, opened, operands
from matchers.heads import Head
from matchers.leaves import Atom
from matchers.marks import Free
from matchers.state import State
from matchers.terms import Term
from matchers.variables import LogicVar, Run
from matchers.vocabulary import inverse, matmul, transpose

# An anchor (a Node that is not Free) takes one operand, a Free one or more, a segment any number.
Element = Node | LogicVar


class Gap(NamedTuple):
    """The flexible elements between two anchors."""

    elements: tuple[Element, ...]
    least: int


class Sequence(Node):
    """A flat, ordered head.

    Parameters
    ----------
    head : Head
    elements : list of Node or LogicVar
        A `LogicVar` is a segment.
    """

    __slots__ = (
        "_after", "_anchors", "_blocks", "_gaps", "_last_open", "_meeting", "_mirrored", "elements",
        "flat",
        "least", "open", "parts", "single", "wanted",
    )  # fmt: skip

    def __init__(self, head: Head, elements: list[Element]) -> None:
        self.flat: Head = head
        self.elements = tuple(elements)
        self._anchors: list[Node] = []
        gaps: list[list[Element]] = [[]]
        for e in elements:
            if _flexible(e):
                gaps[-1].append(e)
            else:
                assert isinstance(e, Node)
                self._anchors.append(e)
                gaps.append([])
        # Anchors with nothing between them take operands that stand side by side.
        blocks: list[list[Node]] = []
        for anchor, gap in zip(self._anchors, gaps, strict=False):
            if gap or not blocks:
                blocks.append([])
            blocks[-1].append(anchor)
        self._gaps = [Gap(tuple(g), sum(isinstance(e, Free) for e in g)) for g in gaps]
        self.least = len(self._anchors) + sum(g.least for g in self._gaps)
        flexible = [e for e in elements if _flexible(e)]
        self.open = bool(flexible)
        # After the i-th anchor: how many operands at least, and whether there may be more.
        self._after = [
            len(self._anchors) - i - 1 + sum(g.least for g in self._gaps[i + 1 :])
            for i in range(len(self._anchors))
        ]
        # Each block, and how many operands stand before and after its first anchor at least.
        starts = [sum(map(len, blocks[:b])) for b in range(len(blocks))]
        self._blocks = [
            (block, self.least - self._after[i] - 1, self._after[i])
            for block, i in zip(blocks, starts, strict=True)
        ]
        self._meeting = [found for e, f in pairwise(elements) if (found := _meeting(e, f))]
        self._mirrored = any(
            [_mirrored(e, f) for i, e in enumerate(elements) for f in elements[i + 2 :]]
        )
        self._last_open = max((i for i, g in enumerate(self._gaps) if g.elements), default=-1)
        self.parts = tuple(self._anchors)
        self.wanted = head if self.least > 1 else None
        self.single = len(flexible) <= 1 and all(a.single for a in self._anchors)

    def _operands(self, t: Any) -> tuple[Any, ...] | None:
        if not isinstance(t, Term):
            return None
        ops = operands(t, self.flat)
        n = len(ops)
        return None if n < self.least or (n > self.least and not self.open) else ops

    @override
    def admits(self, t: Any) -> bool:
        ops = self._operands(t)
        if ops is None:
            return False
        for may_meet in self._meeting:
            if not any(map(may_meet, ops, ops[1:])):
                return False
        if self._mirrored and not _has_mirrors(ops):
            return False
        if not self.open:
            return all(e.admits(x) for e, x in zip(self._anchors, ops, strict=True))
        for block, before, after in self._blocks:
            n = len(block)
            if n == 1:
                (e,) = block
                if not any([e.admits(x) for x in ops[before : len(ops) - after]]):
                    return False
            elif not any(
                all(e.admits(x) for e, x in zip(block, ops[i : i + n], strict=True))
                for i in range(before, len(ops) - after)
            ):
                return False
        return True

    @override
    def test(self, t: Any, state: State) -> bool:
        """One flexible element at most: every place is determined."""
        ops = self._operands(t)
        if ops is None:
            return False
        state.tick()
        spare = len(ops) - len(self._anchors)
        start = 0
        for e in self.elements:
            stop = start + (spare if _flexible(e) else 1)
            if not self._take(e, ops, start, stop, state):
                return False
            start = stop
        return True

    def _take(self, e: Element, ops: tuple[Any, ...], start: int, stop: int, state: State) -> bool:
        if isinstance(e, LogicVar):
            return state.bind_run(e, Run(ops[start:stop]))
        return e.test(state.run(self.flat, ops, start, stop), state)

    @override
    def solve(self, t: Any, state: State) -> Iterator[None]:
        ops = self._operands(t)
        if ops is None:
            return
        state.tick()
        mark = state.mark()
        if self.single:
            if self.test(t, state):
                yield
        elif len(ops) == self.least:
            yield from self._pairwise(ops, state)
        else:
            yield from self._place(0, 0, ops, [], state)
        state.undo(mark)

    def _pairwise(self, ops: tuple[Any, ...], state: State) -> Iterator[None]:
        """No operand to spare: one for each element but the segments."""
        mark = state.mark()
        tasks: list[tuple[Node, Any]] = []
        late: list[tuple[Node, Any]] = []
        todo = iter(ops)
        for e in self.elements:
            if isinstance(e, LogicVar):
                if not state.bind_run(e, Run()):
                    state.undo(mark)
                    return
            elif isinstance(e, Free) and not e.known_ahead:
                late.append((e, next(todo)))
            else:
                tasks.append((e, next(todo)))
        for _ in every(tasks, state):
            yield from every(late, state)
        state.undo(mark)

    def _place(
        self, i: int, start: int, ops: tuple[Any, ...], gaps: list[tuple[int, int]], state: State
    ) -> Iterator[None]:
        """Put the i-th anchor and those after it on operands from `start` on."""
        if i == len(self._anchors):
            yield from self._fill(0, 0, [*gaps, (start, len(ops))], ops, state)
            return
        anchor, gap = self._anchors[i], self._gaps[i]
        last = len(ops) - 1 - self._after[i]
        first = start + gap.least
        if self._last_open <= i:
            first = max(first, last)  # Nothing after it can stretch.
        if not gap.elements:
            last = min(last, start)
        for at in range(first, last + 1):
            x = ops[at]
            if not anchor.admits(x):
                continue
            state.tick()
            for _ in anchor.solve(x, state):
                yield from self._place(i + 1, at + 1, ops, [*gaps, (start, at)], state)

    def _fill(
        self, g: int, j: int, gaps: list[tuple[int, int]], ops: tuple[Any, ...], state: State
    ) -> Iterator[None]:
        """Share the operands of each gap among its elements, from the j-th of the g-th gap on."""
        elements = self._gaps[g].elements
        start, stop = gaps[g]
        if j == len(elements):
            if start == stop:
                if g + 1 == len(gaps):
                    yield
                else:
                    yield from self._fill(g + 1, 0, gaps, ops, state)
            return
        mark = state.mark()
        for length in self._lengths(elements[j:], stop - start, state):
            state.tick()
            if self._take_known(elements[j], ops, start, start + length, state):
                rest = [*gaps[:g], (start + length, stop), *gaps[g + 1 :]]
                yield from self._fill(g, j + 1, rest, ops, state)
            state.undo(mark)

    def _take_known(
        self, e: Element, ops: tuple[Any, ...], start: int, stop: int, state: State
    ) -> bool:
        if isinstance(e, Free) and e.known_ahead and e.var in state.bindings:
            want = self._known(e, state)
            return want is not None and want == ops[start:stop]
        return self._take(e, ops, start, stop, state)

    def _known(self, e: Element, state: State) -> tuple[Any, ...] | None:
        """The operands that an element must be, where its variable is bound already."""
        if isinstance(e, LogicVar):
            return state.bindings.get(e)
        if not isinstance(e, Free) or not e.known_ahead:
            return None
        want = e.expected(state)
        if want is None:
            return None
        return want.args if want.head is self.flat else (want,)

    def _lengths(self, elements: tuple[Element, ...], room: int, state: State) -> Iterator[int]:
        """How many operands the first of these may take, if all of them share `room`."""
        first, *later = elements
        known = self._known(first, state)
        copies, need, stretch = 1, 0, False
        for e in later:
            want = self._known(e, state)
            if want is not None:
                need += len(want)
            elif known is None and _same_length(e, first):
                copies += 1
            else:
                need += isinstance(e, Free)
                stretch = True
        spare = room - need
        if spare < 0:
            return
        least = len(known) if known is not None else int(isinstance(first, Free))
        most = spare // copies if known is None else min(spare, least)
        if not stretch:
            if most * copies != spare:
                return
            least = max(least, most)
        yield from range(least, most + 1)


def _flexible(e: Element) -> bool:
    return isinstance(e, LogicVar) or (isinstance(e, Free) and e.var.kind != "scalar")


def _same_length(e: Element, first: Element) -> bool:
    """Whether the two take runs of the same length, their common variable being open."""
    if isinstance(e, Free) and isinstance(first, Free):
        return e.var is first.var and e.marks == first.marks and e.known_ahead
    return e is first


def _meeting(e: Element, f: Element) -> Callable[[Any, Any], bool] | None:
    """What two operands side by side must pass, where both elements hold the same variable."""
    if isinstance(e, Free) and isinstance(f, Free):
        return _may_mirror if _mirrored(e, f) else None
    if isinstance(f, Free):
        return _beside(e, f, last=False)
    if isinstance(e, Free):
        found = _beside(f, e, last=True)
        return found and (lambda x, y: found(y, x))
    return None


def _beside(around: Element, free: Free, last: bool) -> Callable[[Any, Any], bool] | None:
    """What A⁻¹ and its neighbour must pass in ``A⁻¹ A``, or in ``A A⁻¹`` (`last`)."""
    if not isinstance(around, Ordinary) or len(around.parts) != 1:
        return None
    (inner,) = around.parts
    if not (isinstance(inner, Free) and inner.var is free.var and inner.known_ahead):
        return None
    # What is transposed has its factors in the opposite order.
    turned = len(inner.marks) % 2 != len(free.marks) % 2
    return partial(_may_meet, around.wanted, -1 if last != turned else 0)


def _may_meet(head: Head, end: int, whole: Any, neighbour: Any) -> bool:
    """Whether the factor at one end of an argument may be the neighbour, transposed or not."""
    whole = opened(whole)
    if whole.head is not head:
        return False
    return _may_equal(operands(whole.args[0], matmul)[end], neighbour)


def _may_equal(a: Any, b: Any) -> bool:
    """Whether the two may be equal but for transposes: no only where leaves are seen to differ."""
    inner = a.args[0] if a.head is transpose else a
    other = b.args[0] if b.head is transpose else b
    if type(inner) is Atom or type(other) is Atom:
        shared = any([type(t) is Atom and t.definition is not None for t in (inner, other)])
        return shared or inner is other
    return inner.head is other.head or TRANSPOSED.get(inner.head) is other.head


def _mirrored(e: Element, f: Element) -> bool:
    """Whether the two stand for a variable and its transpose."""
    if not (isinstance(e, Free) and isinstance(f, Free)):
        return False
    return e.var is f.var and {e.marks, f.marks} == {(), (None,)}


def _has_mirrors(ops: tuple[Any, ...]) -> bool:
    """Whether two operands may be transposes of each other, with others between them."""
    pairs = ((a, b) for i, a in enumerate(ops) for b in ops[i + 2 :])
    return any(_may_mirror(a, b) for a, b in pairs)


def _may_mirror(a: Any, b: Any) -> bool:
    """Whether the two may be transposes of each other."""
    if not _may_equal(a, b):
        return False
    inner = a.args[0] if a.head is transpose else a
    other = b.args[0] if b.head is transpose else b
    if inner.head is not inverse or other.head is not inverse:
        return True
    return _may_mirror(inner.args[0], other.args[0])
