"""Variables under marks that can be undone: transposes and reshapes of known shape."""

from __future__ import annotations

from typing import Any, override

from matchers.dims import Dim
from matchers.elements import Node
from matchers.state import State, resolve
from matchers.terms import Term, shape
from matchers.variables import LogicVar
from matchers.vocabulary import reshape


class Shaping:
    """One ``reshape`` around a variable: the lengths outside and inside of it."""

    __slots__ = ("inner", "outer")

    def __init__(self, outer: tuple[Dim, Dim], inner: tuple[Dim, Dim]) -> None:
        self.outer = outer
        self.inner = inner

    def undo(self, t: Term, state: State, final: bool) -> Term | bool:
        """What was reshaped; False if `t` has another shape, True if that is open."""
        sides = list(zip(self.outer, shape(t)[:2], strict=True))
        inner = [resolve(d, state.bindings) for d in self.inner]
        for pattern, actual in sides:
            dim = resolve(pattern, state.bindings)
            if dim is None and not final:
                return True
            if dim is not None and not state.context.dims.equal(dim, actual):
                return False
        if inner[0] is None or inner[1] is None:
            return not final
        return reshape(t, *inner)  # type: ignore[no-any-return]


class Free(Node):
    """A variable under marks that can be undone: ``V``, ``transpose(V)``, ``vec(V)``.

    It matches any term, and any run of operands of a flat head. A mark ``None`` is a transpose.
    """

    __slots__ = ("_scalar", "known_ahead", "marks", "var")

    def __init__(self, var: LogicVar, marks: tuple[Shaping | None, ...] = ()) -> None:
        self.var = var
        self.marks = marks
        # Whether the variable's value says what the element must be.
        self.known_ahead = all(m is None for m in marks)
        self._scalar = var.kind == "scalar"

    @override
    def admits(self, t: Any) -> bool:
        return isinstance(t, Term) and t.scalar == self._scalar

    @override
    def test(self, t: Any, state: State) -> bool:
        if self.marks:
            return self._undo(t, state, False)
        return isinstance(t, Term) and state.bind(self.var, t)

    def settle(self, value: Any, state: State) -> bool:
        """Bind to the run that was met before its shape was known."""
        return self._undo(value, state, True)

    def _undo(self, t: Any, state: State, final: bool) -> bool:
        if not isinstance(t, Term):
            return False
        inner: Term = t
        for mark in self.marks:
            if mark is None:
                inner = state.flipped(inner)
                continue
            undone = mark.undo(inner, state, final)
            if undone is True:
                state.defer(self, t)
                return True
            if not isinstance(undone, Term):
                return False
            inner = undone
        return state.bind(self.var, inner)

    def expected(self, state: State) -> Any:
        """What this element must be, its variable being bound; only where `known_ahead`."""
        value = state.bindings.get(self.var)
        if value is not None:
            for _ in self.marks:
                value = state.flipped(value)
        return value
