"""What a pattern is compiled to: nodes that bind variables when they are held against a term."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, override

from matchers.dims import Dim
from matchers.heads import Head
from matchers.leaves import Atom
from matchers.state import State, resolve
from matchers.terms import Term
from matchers.vocabulary import kron, transpose


class Node:
    """A compiled pattern.

    Attributes
    ----------
    single : bool
        It has at most one answer, whatever the term: use `test`, which needs no generator.
    flat : Head or None
        The head, where it is flat: a term with another head is then a single operand of it.
    wanted : Head or None
        The head without which no term matches, shared atoms being opened.
    parts : tuple of Node
        What arguments or operands must match, where each takes one.
    """

    __slots__ = ()

    single: bool = True
    flat: Head | None = None
    wanted: Head | None = None
    parts: tuple[Node, ...] = ()

    def admits(self, t: Any) -> bool:
        """A cheap necessary condition, that looks at no binding."""
        return True

    def test(self, t: Any, state: State) -> bool:
        """Bind and say whether `t` matches, where `single`; after False the caller undoes."""
        raise NotImplementedError

    def solve(self, t: Any, state: State) -> Iterator[None]:
        """Bind, once per answer; what was bound is undone before the next answer."""
        mark = state.mark()
        if self.test(t, state):
            yield
        state.undo(mark)


def every(tasks: list[tuple[Node, Any]], state: State) -> Iterator[None]:
    """All ways in which all nodes match their terms."""
    mark = state.mark()
    branching = []
    for node, t in tasks:
        if not node.single:
            branching.append((node, t))
        elif not node.test(t, state):
            state.undo(mark)
            return
    if not branching:
        yield
    elif len(branching) == 1:
        yield from branching[0][0].solve(branching[0][1], state)
    else:
        yield from _product(branching, 0, state)
    state.undo(mark)


def _product(tasks: list[tuple[Node, Any]], i: int, state: State) -> Iterator[None]:
    if i == len(tasks):
        yield
        return
    node, t = tasks[i]
    for _ in node.solve(t, state):
        yield from _product(tasks, i + 1, state)


def opened(t: Any) -> Any:
    """`t`, or what it stands for where it is a shared atom, or the transpose of one."""
    while True:
        if type(t) is Atom:
            if t.definition is None:
                return t
            t = t.definition
        elif flips_shared(t):
            t = transpose(t.args[0].definition)
        else:
            return t


def flips_shared(t: Any) -> bool:
    """Whether `t` is the transpose of a shared atom."""
    if type(t) is not Term or t.head is not transpose:
        return False
    inner = t.args[0]
    return type(inner) is Atom and inner.definition is not None


def operands(t: Any, head: Head) -> tuple[Any, ...]:
    """The operands of `t` under a flat head; a term with another head is a single one."""
    if t.head is head:
        return t.args  # type: ignore[no-any-return]
    inner = opened(t)
    if inner.head is head:
        return inner.args  # type: ignore[no-any-return]
    if head is kron and inner.head is transpose and inner.args[0].head is kron:
        # Its transpose is one of transposes, which normal form leaves outside.
        return tuple(map(transpose, inner.args[0].args))
    return (t,)


class Literal(Node):
    """A ground leaf: matches itself."""

    __slots__ = ("term", "wanted")

    def __init__(self, term: Term) -> None:
        self.term = term
        self.wanted = term.head

    @override
    def admits(self, t: Any) -> bool:
        return t is self.term

    @override
    def test(self, t: Any, state: State) -> bool:
        return t is self.term


class Constant(Node):
    """An argument that is no term: a flag."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    @override
    def admits(self, t: Any) -> bool:
        return type(t) is type(self.value) and bool(t == self.value)

    @override
    def test(self, t: Any, state: State) -> bool:
        return self.admits(t)


class Length(Node):
    """An argument that is a dimension; put off until the variables it mentions are bound."""

    __slots__ = ("dim",)

    def __init__(self, dim: Dim) -> None:
        self.dim = dim

    @override
    def admits(self, t: Any) -> bool:
        return isinstance(t, Dim)

    @override
    def test(self, t: Any, state: State) -> bool:
        if not isinstance(t, Dim):
            return False
        dim = resolve(self.dim, state.bindings)
        if dim is None:
            state.defer(self, t)
            return True
        return state.context.dims.equal(dim, t)

    def settle(self, value: Any, state: State) -> bool:
        """A dimension that stays open asks for nothing."""
        dim = resolve(self.dim, state.bindings)
        return dim is None or state.context.dims.equal(dim, value)


class Ordinary(Node):
    """A head that is not flat: arguments pairwise."""

    __slots__ = ("parts", "single", "wanted")

    def __init__(self, head: Head, args: list[Node]) -> None:
        self.wanted: Head = head
        self.parts = tuple(args)
        self.single = all(a.single for a in args)

    @override
    def admits(self, t: Any) -> bool:
        args = self._args(t)
        if args is None:
            return False
        return all([a.admits(x) for a, x in zip(self.parts, args, strict=True)])

    def _args(self, t: Any) -> tuple[Any, ...] | None:
        if isinstance(t, Term) and t.head is not self.wanted:
            t = opened(t)
        if not isinstance(t, Term) or t.head is not self.wanted or len(t.args) != len(self.parts):
            return None
        return t.args

    @override
    def test(self, t: Any, state: State) -> bool:
        args = self._args(t)
        if args is None:
            return False
        return all(a.test(x, state) for a, x in zip(self.parts, args, strict=True))

    @override
    def solve(self, t: Any, state: State) -> Iterator[None]:
        args = self._args(t)
        if args is not None:
            yield from every(list(zip(self.parts, args, strict=True)), state)


class Ground(Node):
    """A compound pattern without variables: matches itself, or a spelling with shared atoms."""

    __slots__ = ("flat", "inner", "parts", "single", "term", "wanted")

    def __init__(self, term: Term, inner: Node) -> None:
        self.term = term
        self.inner = inner
        self.single = inner.single
        self.flat = inner.flat
        self.wanted = inner.wanted
        self.parts = inner.parts

    @override
    def admits(self, t: Any) -> bool:
        return t is self.term or self.inner.admits(t)

    @override
    def test(self, t: Any, state: State) -> bool:
        return t is self.term or self.inner.test(t, state)

    @override
    def solve(self, t: Any, state: State) -> Iterator[None]:
        if t is self.term:
            yield
        else:
            yield from self.inner.solve(t, state)
