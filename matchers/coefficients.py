"""Optional coefficients: ``c·X`` in a pattern, where a term without a coefficient has c = 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, override

from matchers.elements import Node, opened
from matchers.leaves import number
from matchers.state import State
from matchers.terms import Term, is_scalar
from matchers.traversal import subterms
from matchers.variables import LogicVar
from matchers.vocabulary import scale

_ONE = number(1)


class Coefficient(Node):
    """An optional coefficient in front of a pattern.

    It takes all that a term is scaled by, a number and what stands behind it as one; what is
    scaled is no scaled term itself. So there is one way to take a term apart.
    """

    __slots__ = ("inner", "parts", "single", "var")

    def __init__(self, var: LogicVar, inner: Node) -> None:
        self.var = var
        self.inner = inner
        # Its own head may be missing; that of what is scaled may not.
        self.parts = (inner,)
        self.single = inner.single

    @override
    def admits(self, t: Any) -> bool:
        return self.inner.admits(behind(t))

    @override
    def test(self, t: Any, state: State) -> bool:
        c, x = parted(t)
        return state.bind(self.var, c) and self.inner.test(x, state)

    @override
    def solve(self, t: Any, state: State) -> Iterator[None]:
        c, x = parted(t)
        mark = state.mark()
        if state.bind(self.var, c):
            yield from self.inner.solve(x, state)
        state.undo(mark)


def parted(t: Any) -> tuple[Any, Any]:
    """What a term is scaled by, 1 if by nothing, and what is scaled; shared atoms are opened."""
    c: Any = _ONE
    while isinstance(inner := opened(t), Term) and inner.head is scale:
        c, t = scale(c, inner.args[0]), inner.args[1]
    return c, t


def behind(t: Any) -> Any:
    """What is scaled: the second of `parted`."""
    while isinstance(inner := opened(t), Term) and inner.head is scale:
        t = inner.args[1]
    return t


def optional(t: Any) -> bool:
    """Whether `t` is ``c·X`` with an optional coefficient."""
    return isinstance(t, Term) and t.head is scale and _is_optional(t.args[0])


def misplaced(p: Any) -> str:
    """What is wrong with where an optional coefficient stands in a pattern; empty if nothing is."""
    if _is_optional(p):
        return f"the coefficient {p} stands alone; it is what a term is scaled by, scale({p}, X)"
    for t in subterms(p):
        for i, a in enumerate(t.args):
            if _is_optional(a) and (t.head is not scale or i or is_scalar(t.args[1])):
                return (
                    f"the coefficient {a} stands in {t}; it is what a matrix is scaled by, "
                    f"once and by nothing else: scale({a}, X)"
                )
        if t.head is scale and optional(t.args[1]):
            return f"{t.args[0]} is in front of {t.args[1]}, which takes what is in front with it"
    return ""


def _is_optional(x: Any) -> bool:
    return isinstance(x, LogicVar) and x.optional


__all__ = ["Coefficient", "behind", "misplaced", "optional", "parted"]
