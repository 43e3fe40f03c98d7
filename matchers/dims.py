"""Dimensions as terms: monomials in the lengths of axes, under unification.

The length of ``v`` in ``kron(A, B) @ v`` is the product of two lengths, so a dimension is an
integer times powers of symbols, each the length of one axis of one variable. A `Dims` store holds
what is known to be equal: from static shapes, from every Op that would raise otherwise, from
declarations.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import pytensor.tensor as pt
from pytensor.tensor.shape import Shape_i

from matchers.terms import Atom, LogicVar, Symbolic, Term


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


def symbol(owner: Any, axis: int | None) -> Dim:
    """The length of `axis` of `owner`, which is an integer where the type knows it."""
    if axis is not None:
        n = owner.type.shape[axis]
        if n is not None:
            return const(n)
    return Dim(1, frozenset([(Axis(owner, axis), 1)]))


def summed(*parts: Dim) -> Dim:
    """The sum of lengths; what is no monomial is a symbol of its own."""
    counts: dict[frozenset[tuple[Axis, int]], int] = {}
    for part in parts:
        for d in _summands(part):
            counts[d.powers] = counts.get(d.powers, 0) + d.coef
    found = [Dim(n, powers) for powers, n in counts.items() if n]
    if len(found) < 2:
        return found[0] if found else Dim(0)
    return Dim(1, frozenset([(Axis(("sum", tuple(found)), None), 1)]))


def _summands(dim: Dim) -> tuple[Dim, ...]:
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


class Dims:
    """What is known of dimensions in one region: equalities between monomials.

    Sound and incomplete: an equation between two composite monomials that no cancellation
    resolves is remembered and consulted as it stands.
    """

    def __init__(self) -> None:
        self._bound: dict[Axis, Dim] = {}
        self._open: list[tuple[Dim, Dim]] = []
        self._known: dict[Dim, Dim] = {}
        self._later: list[Callable[[], None]] = []

    def later(self, learn: Callable[[], None]) -> None:
        """Call `learn` before the first question that needs what it teaches."""
        self._later.append(learn)

    def _catch_up(self) -> None:
        while self._later:
            pending, self._later = self._later, []
            for learn in pending:
                learn()

    def copy(self) -> Dims:
        """An independent store with the same facts."""
        self._catch_up()
        new = Dims()
        new._bound = dict(self._bound)
        new._open = list(self._open)
        return new

    def normal(self, dim: Dim) -> Dim:
        """The canonical form of a dimension under the equations."""
        if not dim.powers:
            return dim
        if self._later:
            self._catch_up()
        if not self._bound:
            return dim
        found = self._known.get(dim)
        if found is not None:
            return found
        out = dim
        # Bindings are acyclic, so this ends.
        while any([s in self._bound for s, _ in out.powers]):
            coef, powers = out.coef, dict[Axis, int]()
            for s, p in out.powers:
                part = self._bound.get(s)
                if part is None:
                    powers[s] = powers.get(s, 0) + p
                    continue
                coef *= part.coef**p
                for t, q in part.powers:
                    powers[t] = powers.get(t, 0) + p * q
            out = Dim(coef, frozenset(powers.items()))
        if any([type(s.owner) is tuple for s, _ in out.powers]):
            out = self._composed(out)
        self._known[dim] = out
        return out

    def _composed(self, dim: Dim) -> Dim:
        """A dimension with the parts of sums of lengths in normal form."""
        out = Dim(dim.coef)
        for s, p in dim.powers:
            part = Dim(1, frozenset([(s, 1)]))
            if type(s.owner) is tuple:
                kind, parts = s.owner
                inner = tuple(map(self.normal, parts))
                if inner != parts:
                    part = self.normal(composed(kind, inner))
            for _ in range(p):
                out = out * part
        return out

    def reduced(self, dim: Dim) -> Dim:
        """The normal form, with equations between composite monomials applied as well."""
        out = self.normal(dim)
        for a, b in self._open:
            out = _substituted(out, b, a)
        return out

    def equal(self, a: Dim, b: Dim) -> bool:
        """Whether the two are proved to be equal."""
        if a is b or a == b:
            return True
        m, n = self.normal(a), self.normal(b)
        if m == n:
            return True
        if _composite(m) and _composite(n) and _without_common(m, n) == (Dim(0), Dim(0)):
            return True  # one sum in two orders
        return bool(self._open) and self.reduced(a) == self.reduced(b)

    def unify(self, a: Dim, b: Dim) -> bool:
        """Learn that the two are equal; false if that contradicts what is known."""
        if a is b or a == b:
            return True
        a, b = self.normal(a), self.normal(b)
        if a == b:
            return True
        if a.coef != 1 and b.coef != 1:
            a, b = _cancel(a, b)
        if _composite(a) or _composite(b):
            m, n = _without_common(a, b)
            if (m, n) != (a, b):
                return self.unify(m, n)
        # A sum of lengths is bound last: its parts say more.
        for x, y in ((b, a), (a, b)) if _composite(a) else ((a, b), (b, a)):
            if x.coef == 1 and len(x.powers) == 1:
                ((s, p),) = x.powers
                if type(s.owner) is tuple and _composite(y):
                    continue  # what both sums are made of may be bound yet
                if p == 1 and not any(self._mentions(t, s) for t, _ in y.powers):
                    self._bind(s, y)
                    return True
        if a.known and b.known:
            return False
        # The second is replaced by the first, so what is known stands first.
        self._open.append((b, a) if b.known else (a, b))
        self._known.clear()
        return True

    def _mentions(self, t: Axis, s: Axis) -> bool:
        """Whether `t` is `s`, or a length that is made of it."""
        if t == s:
            return True
        return isinstance(t.owner, tuple) and any(
            self._mentions(u, s) for part in t.owner[1] for u, _ in self.normal(part).powers
        )

    def _bind(self, s: Axis, value: Dim) -> None:
        self._bound[s] = value
        self._known.clear()
        pending, self._open = self._open, []
        for x, y in pending:
            self.unify(x, y)

    def members(self, dim: Dim) -> list[Dim]:
        """Single symbols proved equal to `dim`, in the order in which they were met."""
        target = self.normal(dim)
        return [d for s in self._bound if self.normal(d := Dim(1, frozenset([(s, 1)]))) == target]


def _without_common(a: Dim, b: Dim) -> tuple[Dim, Dim]:
    """Both without the summands that they share: lengths that are added may be cancelled."""
    left, right = ({d.powers: d.coef for d in _summands(x)} for x in (a, b))
    common = {p: min(n, right[p]) for p, n in left.items() if p in right}
    if not common:
        return a, b

    def rest(counts: dict[frozenset[tuple[Axis, int]], int]) -> Dim:
        return summed(*(Dim(n - common.get(p, 0), p) for p, n in counts.items()))

    return rest(left), rest(right)


def _composite(dim: Dim) -> bool:
    """Whether a dimension is made of a sum of lengths, or the shorter of two."""
    return any([type(s.owner) is tuple for s, _ in dim.powers])


def _substituted(dim: Dim, old: Dim, new: Dim) -> Dim:
    """`dim` with the factor `old` replaced by `new`, once, where it divides."""
    powers = dict(dim.powers)
    for s, p in old.powers:
        powers[s] = powers.get(s, 0) - p
    if not old.coef or dim.coef % old.coef or any(p < 0 for p in powers.values()):
        return dim
    rest = frozenset((s, p) for s, p in powers.items() if p)
    return Dim(dim.coef // old.coef, rest) * new


def _cancel(a: Dim, b: Dim) -> tuple[Dim, Dim]:
    """Divide both by their common symbols and common integer factor.

    Lengths may be 0, where cancelling is unsound; a shared factor of 0 makes every such array
    empty, and an empty array's other axis never decides a value, but it does decide shapes.
    So symbols are not cancelled, only integer coefficients are.
    """
    from math import gcd

    g = gcd(a.coef, b.coef)
    if g > 1:
        return Dim(a.coef // g, a.powers), Dim(b.coef // g, b.powers)
    return a, b
