"""Dimensions as terms: monomials in the lengths of axes.

The length of ``v`` in ``kron(A, B) @ v`` is the product of two lengths, so a dimension is an
integer times powers of symbols, each the length of one axis of one variable. What is known to be
equal is in `matchers.equalities`.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import pytensor.tensor as pt
from pytensor.assumptions.specify import SpecifyAssumptions
from pytensor.tensor.shape import Shape_i

from matchers.leaves import Atom
from matchers.notation import Symbolic
from matchers.terms import Term
from matchers.variables import LogicVar


class Axis(NamedTuple):
    """The length of an axis: `owner` is a PyTensor variable, or a logic variable in a pattern.

    An `axis` of ``None`` means the value of `owner` itself, a 0-d integer.
    """

    owner: Any
    axis: int | None

    def __str__(self) -> str:
        if isinstance(self.owner, tuple):
            kind, parts = self.owner
            joined = (", " if kind == "min" else " + ").join(map(str, parts))
            return f"min({joined})" if kind == "min" else f"({joined})"
        name = getattr(self.owner, "name", None) or str(self.owner)
        return name if self.axis is None else f"{name}.{self.axis}"


class Dim(Symbolic):
    """A monomial: `coef` times the product of ``symbol ** power``. Immutable; equal by value."""

    __slots__ = ("_hash", "coef", "powers")

    def __init__(self, coef: int, powers: frozenset[tuple[Axis, int]] = frozenset()) -> None:
        self.coef = coef
        self.powers = powers if coef else frozenset()
        self._hash = hash((coef, self.powers))

    @property
    def known(self) -> bool:
        """Whether it is an integer."""
        return not self.powers

    @property
    def has_variable(self) -> bool:
        """Whether it mentions a logic variable."""
        return any(_mentions_variable(s.owner) for s, _ in self.powers)

    @property
    def variables(self) -> Iterator[LogicVar]:
        """The logic variables that it mentions."""
        for s, _ in self.powers:
            if isinstance(s.owner, tuple):
                for part in s.owner[1]:
                    yield from part.variables
            elif isinstance(s.owner, LogicVar):
                yield s.owner

    def __mul__(self, other: Dim | int) -> Dim:
        if isinstance(other, int):
            return Dim(self.coef * other, self.powers)
        if not other.powers:
            return Dim(self.coef * other.coef, self.powers)
        if not self.powers:
            return Dim(self.coef * other.coef, other.powers)
        powers = dict(self.powers)
        for s, p in other.powers:
            powers[s] = powers.get(s, 0) + p
        return Dim(self.coef * other.coef, frozenset(powers.items()))

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dim) and self.coef == other.coef and self.powers == other.powers

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        parts = sorted(f"{s}" if p == 1 else f"{s}^{p}" for s, p in self.powers)
        if self.coef != 1 or not parts:
            parts.insert(0, str(self.coef))
        return "·".join(parts)

    __repr__ = __str__


def _mentions_variable(owner: Any) -> bool:
    """Whether an owner is a logic variable, or a sum of lengths that mentions one."""
    if isinstance(owner, tuple):
        return any(part.has_variable for part in owner[1])
    return isinstance(owner, LogicVar)


ONE = Dim(1)


def const(n: int) -> Dim:
    """A known length."""
    return ONE if n == 1 else Dim(int(n))


def undeclared(var: Any) -> Any:
    """A variable below what only declares something of it."""
    while var.owner is not None and type(var.owner.op) is SpecifyAssumptions:
        (var,) = var.owner.inputs
    return var


def symbol(owner: Any, axis: int | None) -> Dim:
    """The length of `axis` of `owner`, which is an integer where the type knows it.

    What is declared of a variable leaves its lengths as they are.
    """
    owner = undeclared(owner)
    if axis is not None:
        n = owner.type.shape[axis]
        if n is not None:
            return const(n)
    return Dim(1, frozenset([(Axis(owner, axis), 1)]))


def summed(*parts: Dim) -> Dim:
    """The sum of lengths; what is no monomial is a symbol of its own."""
    counts: dict[frozenset[tuple[Axis, int]], int] = {}
    for part in parts:
        for d in summands(part):
            counts[d.powers] = counts.get(d.powers, 0) + d.coef
    found = [Dim(n, powers) for powers, n in counts.items() if n]
    if len(found) < 2:
        return found[0] if found else Dim(0)
    return Dim(1, frozenset([(Axis(("sum", tuple(found)), None), 1)]))


def summands(dim: Dim) -> tuple[Dim, ...]:
    """The lengths that a dimension is the sum of; itself, where it is no sum."""
    if len(dim.powers) == 1:
        ((s, p),) = dim.powers
        if p == 1 and isinstance(s.owner, tuple) and s.owner[0] == "sum":
            return tuple(d * dim.coef for d in s.owner[1])
    return (dim,)


def basic_axes(dims: Iterable[Dim]) -> Iterator[Axis]:
    """The axes that dimensions are made of, those of sums of lengths included."""
    for d in dims:
        for s, _ in d.powers:
            if isinstance(s.owner, tuple) and s.owner[0] == "sum":
                yield from basic_axes(s.owner[1])
            else:
                yield s


def composed(kind: str, parts: Iterable[Dim]) -> Dim:
    """The length that is the ``sum`` or the ``min`` of others."""
    listed = tuple(parts)
    if kind == "sum":
        return summed(*listed)
    if len(set(listed)) == 1:
        return listed[0]
    if all(p.known for p in listed):
        return const(min(p.coef for p in listed))
    return Dim(1, frozenset([(Axis((kind, listed), None), 1)]))


def of_variable(x: LogicVar) -> tuple[Dim, Dim, tuple[Dim, ...]]:
    """The shape of a logic variable."""
    rows = Dim(1, frozenset([(Axis(x, 0), 1)]))
    cols = Dim(1, frozenset([(Axis(x, 1), 1)]))
    if x.kind == "scalar":
        return (ONE, ONE, ())
    return (rows, ONE if x.kind == "vector" else cols, ())


def of_leaf(term: Term) -> tuple[Dim, Dim, tuple[Dim, ...]]:
    """The shape of an atom or a number."""
    if not isinstance(term, Atom):
        return (ONE, ONE, ())
    ndim = term.var.type.ndim
    batch = tuple(symbol(term.var, i) for i in range(ndim - term.core))
    while batch and batch[0] == ONE:
        batch = batch[1:]
    rows = symbol(term.var, ndim - term.core) if term.core else ONE
    cols = symbol(term.var, ndim - 1) if term.core == 2 else ONE
    return (rows, cols, batch)


def broadcast(batches: Iterable[tuple[Dim, ...]]) -> tuple[Dim, ...]:
    """The batch dimensions of an operation on operands with these, as NumPy broadcasts them."""
    out: list[Dim] = []
    for batch in filter(None, batches):
        mine = (ONE,) * (len(out) - len(batch)) + batch
        out = [ONE] * (len(mine) - len(out)) + out
        out = [b if a == ONE else a for a, b in zip(out, mine, strict=True)]
    return tuple(out)


def length(dim: Dim) -> Any:
    """The dimension as an integer, or as a 0-d PyTensor integer."""
    value: Any = dim.coef
    for s, p in sorted(dim.powers, key=str):
        n = axis_length(s, length)
        for _ in range(p):
            value = n if isinstance(value, int) and value == 1 else value * n
    return value


def shorter(rows: Dim, cols: Dim) -> Dim:
    """The length of a diagonal; of unknown lengths it is a symbol of its own."""
    return rows if rows == cols else composed("min", (rows, cols))


def axis_length(s: Axis, of: Callable[[Dim], Any]) -> Any:
    """The length of an axis; `of` gives that of the dimensions which a composite one is made of."""
    if isinstance(s.owner, tuple):
        kind, parts = s.owner
        lengths = [of(p) for p in parts]
        return functools.reduce(pt.minimum if kind == "min" else operator.add, lengths)
    return s.owner if s.axis is None else _SHAPE_I(s.axis)(s.owner)


# One node, where ``x.shape[i]`` makes three.
_SHAPE_I = functools.lru_cache(Shape_i)
