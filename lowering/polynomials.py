"""Costs as polynomials in the dimensions, and proofs that hold for all sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from math import comb, prod
from typing import Any

from matchers.dims import Axis, Dim

Monomial = frozenset[tuple[Axis, int]]

# A cheaper form must be cheaper for all unknown dimensions from here on; what is lost below is
# microseconds, and no rewrite at all would be cheaper "for all sizes >= 1".
SMALLEST = 8


class Poly:
    """A polynomial with float coefficients in the lengths of axes."""

    __slots__ = ("terms",)

    def __init__(self, terms: Mapping[Monomial, float]) -> None:
        self.terms = {m: c for m, c in terms.items() if c}

    @staticmethod
    def of(dim: Dim) -> Poly:
        """A dimension as a polynomial."""
        return Poly({dim.powers: float(dim.coef)})

    @staticmethod
    def sum(polys: Iterable[Poly]) -> Poly:
        """The sum of polynomials, without the partial ones."""
        terms: dict[Monomial, float] = {}
        for poly in polys:
            for m, c in poly.terms.items():
                terms[m] = terms.get(m, 0.0) + c
        return Poly(terms)

    def __add__(self, other: Poly | float) -> Poly:
        terms = dict(self.terms)
        for m, c in _poly(other).terms.items():
            terms[m] = terms.get(m, 0.0) + c
        return Poly(terms)

    __radd__ = __add__

    def __neg__(self) -> Poly:
        return Poly({m: -c for m, c in self.terms.items()})

    def __sub__(self, other: Poly | float) -> Poly:
        return self + (-_poly(other))

    def __mul__(self, other: Poly | float) -> Poly:
        if not isinstance(other, Poly):
            return Poly({m: c * other for m, c in self.terms.items()})
        terms: dict[Monomial, float] = {}
        for (m, c), (n, d) in product(self.terms.items(), other.terms.items()):
            mn = _times(m, n)
            terms[mn] = terms.get(mn, 0.0) + c * d
        return Poly(terms)

    __rmul__ = __mul__

    @property
    def symbols(self) -> set[Axis]:
        """The unknown dimensions in it."""
        return {s for m in self.terms for s, _ in m}

    def at(self, sizes: Mapping[Axis, float]) -> Poly:
        """The polynomial with the given dimensions filled in."""
        terms: dict[Monomial, float] = {}
        for m, c in self.terms.items():
            known = {s: n for s, _ in m if (n := _length(s, sizes)) is not None}
            value = c * prod(known[s] ** p for s, p in m if s in known)
            rest = frozenset((s, p) for s, p in m if s not in known)
            terms[rest] = terms.get(rest, 0.0) + value
        return Poly(terms)

    def below(self) -> list[Poly]:
        """Polynomials that it is nowhere less than, without the shorter of two lengths.

        Where that is subtracted, it is no more than either of the two.
        """
        if not any([c < 0 and any([_shorter(s) for s, _ in m]) for m, c in self.terms.items()]):
            return []
        return [
            Poly.sum([_without(m, i) * c if c < 0 else Poly({m: c}) for m, c in self.terms.items()])
            for i in (0, -1)
        ]

    def normal(self, normal: Callable[[Dim], Dim]) -> Poly:
        """The polynomial with every monomial in the normal form of dimensions."""
        terms: dict[Monomial, float] = {}
        sums = []
        for m, c in self.terms.items():
            dim = normal(Dim(1, m))
            if any([type(s.owner) is tuple for s, _ in dim.powers]):
                sums.append(_expanded(dim) * c)
            else:
                terms[dim.powers] = terms.get(dim.powers, 0.0) + c * dim.coef
        return Poly(terms) if not sums else Poly.sum([Poly(terms), *sums])

    @property
    def constant(self) -> float | None:
        """Its value where it has no unknown, else None."""
        return self.terms.get(frozenset(), 0.0) if not self.symbols else None

    def positive(self, smallest: int = SMALLEST) -> bool:
        """Whether it is proved positive for all dimensions of at least `smallest`.

        Written in how far each dimension exceeds `smallest`, no coefficient is negative and the
        constant is positive: sufficient, not necessary.
        """
        if _covered(self.terms, smallest) and all(
            [_least(s, smallest) == smallest for s in self.symbols]
        ):
            return True
        shifted = _shift(self, smallest)
        return shifted.get(frozenset(), 0.0) > 0 and all(c >= -1e-6 for c in shifted.values())

    def format(self, name: Callable[[Axis], str] = str) -> str:
        """The polynomial as text, highest degree first."""
        if not self.terms:
            return "0"

        def key(item: tuple[Monomial, float]) -> tuple[int, str]:
            return -sum(p for _, p in item[0]), str(sorted(map(str, item[0])))

        parts = []
        for m, c in sorted(self.terms.items(), key=key):
            text = "·".join(sorted(name(s) if p == 1 else f"{name(s)}^{p}" for s, p in m))
            size = f"{abs(c):.3g}"
            body = text if text and size == "1" else f"{size}·{text}" if text else size
            parts.append(("- " if c < 0 else "+ ") + body)
        return " ".join(parts).removeprefix("+ ")

    def __str__(self) -> str:
        return self.format()


ZERO = Poly({})


def _shorter(s: Axis) -> bool:
    return type(s.owner) is tuple and s.owner[0] == "min"


def _least(s: Axis, smallest: int) -> int:
    """What a length is at least, where those that are unknown are at least `smallest`."""
    if not _shorter(s):
        return smallest
    return min([smallest, *(d.coef for d in s.owner[1] if d.known)])


def _without(m: Monomial, i: int) -> Poly:
    """A monomial with one of two lengths in place of the shorter."""
    out = Poly({frozenset(): 1.0})
    for s, p in m:
        part = Poly.of(s.owner[1][i]) if _shorter(s) else Poly({frozenset([(s, 1)]): 1.0})
        for _ in range(p):
            out = out * part
    return out


def _length(s: Axis, sizes: Mapping[Axis, float]) -> float | None:
    """The length of an axis, if that is known or made of what is."""
    found = sizes.get(s)
    if found is not None or type(s.owner) is not tuple:
        return found
    kind, parts = s.owner
    lengths = [Poly.of(d).at(sizes).constant for d in parts]
    known = [n for n in lengths if n is not None]
    if len(known) < len(lengths):
        return None
    return min(known) if kind == "min" else sum(known)


def _expanded(dim: Dim) -> Poly:
    """A dimension with the sums of lengths in it as sums."""
    out = Poly({frozenset(): float(dim.coef)})
    for s, p in dim.powers:
        known = type(s.owner) is tuple and s.owner[0] == "sum"
        part = Poly.sum(map(_expanded, s.owner[1])) if known else Poly({frozenset([(s, 1)]): 1.0})
        for _ in range(p):
            out = out * part
    return out


def _poly(x: Any) -> Poly:
    return x if isinstance(x, Poly) else Poly({frozenset(): float(x)})


def _times(m: Monomial, n: Monomial) -> Monomial:
    if not m or not n:
        return m or n
    powers = dict(m)
    for s, p in n:
        powers[s] = powers.get(s, 0) + p
    return frozenset(powers.items())


def _covered(terms: Mapping[Monomial, float], smallest: int) -> bool:
    """Whether each negative term is made up for by positive ones that are multiples of it.

    It proves less than a shift does, in time that is not exponential in the number of dimensions:
    of a product of ten matrices, a term may have eleven.
    """
    left = {m: c for m, c in terms.items() if c > 0}
    for m, c in terms.items():
        missing = -c
        if missing <= 0:
            continue
        for at_least in _at_least(m):
            over = [(sum(p for _, p in q), q) for q in left if _divides(at_least.powers, q)]
            degree = sum(p for _, p in at_least.powers)
            for more, q in sorted(over, key=lambda found: -found[0]):
                worth = float(smallest ** (more - degree)) / at_least.coef
                taken = min(left[q], missing / worth)
                left[q] -= taken
                missing -= taken * worth
                if missing <= 0:
                    break
            if missing <= 0:
                break
        else:
            return False
    return any(c > 0 for c in left.values())


def _at_least(m: Monomial) -> Iterator[Dim]:
    """A monomial, and with the shorter of some lengths replaced by each of them, which is no less.

    One factor is replaced at a time.
    """
    found = [Dim(1, m)]
    for dim in found:  # which grows
        yield dim
        for s, p in dim.powers:
            if type(s.owner) is tuple and s.owner[0] == "min" and len(found) <= MOST:
                rest = dim.powers - {(s, p)}
                less = Dim(dim.coef, rest | {(s, p - 1)} if p > 1 else rest)
                found += [less * n for n in s.owner[1]]


# In so many forms a term that mentions the shorter of some lengths is compared.
MOST = 16


def _divides(m: Monomial, n: Monomial) -> bool:
    if m <= n:
        return True
    powers = dict(n)
    return all(powers.get(s, 0) >= p for s, p in m)


def _shift(poly: Poly, by: int) -> dict[Monomial, float]:
    out: dict[Monomial, float] = {}
    for m, c in poly.terms.items():
        expanded: list[tuple[tuple[tuple[Axis, int], ...], float]] = [((), c)]
        for s, p in m:
            expanded = [
                ((*head, (s, k)) if k else head, d * comb(p, k) * _least(s, by) ** (p - k))
                for head, d in expanded
                for k in range(p + 1)
            ]
        for head, d in expanded:
            key = frozenset(head)
            out[key] = out.get(key, 0.0) + d
    return out
