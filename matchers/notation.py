"""The operators in which terms and logic variables read as mathematics, and the heads by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matchers.heads import Head


class Symbolic:
    """What a head makes terms of, instead of building a graph: terms, variables, dimensions."""

    __slots__ = ()


class Notation(Symbolic):
    """The operators that let terms and logic variables read as mathematics."""

    __slots__ = ()

    def __matmul__(self, other: Any) -> Any:
        return head_named("matmul")(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return head_named("matmul")(other, self)

    def __add__(self, other: Any) -> Any:
        return head_named("add")(self, other)

    def __radd__(self, other: Any) -> Any:
        return head_named("add")(other, self)

    def __neg__(self) -> Any:
        return head_named("scale")(-1, self)

    def __sub__(self, other: Any) -> Any:
        return head_named("add")(self, head_named("scale")(-1, other))

    def __rsub__(self, other: Any) -> Any:
        return head_named("add")(other, head_named("scale")(-1, self))

    def __mul__(self, other: Any) -> Any:
        return _times(self, other)

    def __rmul__(self, other: Any) -> Any:
        return _times(other, self)

    def __truediv__(self, other: Any) -> Any:
        return _times(head_named("reciprocal")(other), self)

    def __rtruediv__(self, other: Any) -> Any:
        return _times(other, head_named("reciprocal")(self))

    @property
    def T(self) -> Any:
        """The transpose."""
        return head_named("transpose")(self)

    @property
    def rows(self) -> Any:
        """The number of rows, as a dimension."""
        return _shape(self)[0]

    @property
    def cols(self) -> Any:
        """The number of columns, as a dimension."""
        return _shape(self)[1]


# The vocabulary by name, filled by `matchers.vocabulary`; a table of syntax, not of facts.
HEADS: dict[str, Head] = {}


def head_named(name: str) -> Head:
    """The head that relations call so."""
    return HEADS[name]


def _times(left: Any, right: Any) -> Any:
    """Product with ``*``: by a scalar, or else elementwise."""
    from matchers.terms import is_scalar

    if is_scalar(left):
        return head_named("scale")(left, right)
    if is_scalar(right):
        return head_named("scale")(right, left)
    return head_named("mul")(left, right)


def _shape(x: Any) -> Any:
    from matchers.terms import shape

    return shape(x)
