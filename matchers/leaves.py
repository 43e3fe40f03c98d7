"""The leaves of terms: variables of a graph, and numbers."""

from __future__ import annotations

from typing import Any, cast

from matchers.heads import Head
from matchers.terms import TABLE, Term, registered, unregistered


class Atom(Term):
    """A leaf: a PyTensor variable read as a matrix.

    Attributes
    ----------
    var : Variable
        The leaf variable.
    core : int
        How many of its last axes are the matrix's: 2, 1 (a column without its axis of 1) or 0.
    definition : Term or None
        What a shared product or sum stands for; a relation may open it.
    symmetric : bool
        Whether it is declared to be its own transpose.
    """

    __slots__ = ("core", "definition", "symmetric", "var")

    def __reduce__(self) -> tuple[Any, ...]:
        return (atom, (self.var, self.core, self.definition, self.symmetric))


class Number(Term):
    """A known coefficient; `value` is a Python number."""

    __slots__ = ("value",)

    def __reduce__(self) -> tuple[Any, ...]:
        return (number, (self.value,))


def atom(var: Any, core: int = 2, definition: Term | None = None, symmetric: bool = False) -> Atom:
    """The atom of a PyTensor variable.

    A shared product or sum is an atom with a definition: it is another term than the same variable
    met as a leaf, since a relation may open the one and not the other.
    """
    key = ("atom", var, core, definition, symmetric)
    ref = TABLE.get(key)
    found = None if ref is None else ref()
    if found is None:
        made = unregistered(Atom, LEAF, ())
        made.var, made.core, made.definition, made.scalar = var, core, definition, core == 0
        made.symmetric = symmetric
        if definition is not None:
            made.heads |= definition.heads
        found = registered(key, made)
    return cast(Atom, found)


def number(value: Any) -> Number:
    """The coefficient with this value; NaN equals NaN, 0.0 and -0.0 differ."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, complex) and value.imag == 0:
        value = value.real
    # Numbers become constants of their product's dtype, so 1 and 1.0 are one coefficient.
    value = value if isinstance(value, complex) else float(value)
    key = ("number", repr(value))
    ref = TABLE.get(key)
    found = None if ref is None else ref()
    if found is None:
        made = unregistered(Number, NUMBER, ())
        made.value, made.scalar = value, True
        found = registered(key, made)
    return cast(Number, found)


def _leaf_shape(*_: Any) -> Any:
    raise TypeError("leaves know their own shape")


LEAF = Head("leaf", lambda: None, _leaf_shape)
NUMBER = Head("number", lambda: None, _leaf_shape)
