"""What is known of lengths: equations between monomials, under unification."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable

from matchers.dims import Axis, Dim, composed, summands, summed


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
        out = self._applied(dim)
        for s, p in out.powers if self._open else ():
            # The shorter of lengths that are equal is either.
            parts = {self._applied(n) for n in s.owner[1]} if _is_shorter(s) else ()
            if len(parts) == 1:
                rest = Dim(out.coef, out.powers - {(s, p)})
                either = functools.reduce(operator.mul, [*parts] * p, rest)
                if _shorter_ones(either) < _shorter_ones(out):  # or it would not end
                    return self.reduced(either)
        return out

    def _applied(self, dim: Dim) -> Dim:
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
    left, right = ({d.powers: d.coef for d in summands(x)} for x in (a, b))
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


def _is_shorter(s: Axis) -> bool:
    """Whether it is the shorter of some lengths."""
    return type(s.owner) is tuple and s.owner[0] == "min"


def _shorter_ones(dim: Dim) -> int:
    return sum([p for s, p in dim.powers if _is_shorter(s)])
