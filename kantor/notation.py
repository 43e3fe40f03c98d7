"""How the terms, lengths and costs of an explanation read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from inspect import Parameter, signature
from typing import Any

from lowering.kernels import KERNELS
from lowering.polynomials import Poly
from matchers.dims import Axis, Dim
from matchers.equalities import Dims
from matchers.printing import DEPTH, Names, pretty, superscript


class Notation:
    """Texts about one region.

    Parameters
    ----------
    names : Names
        What variables are called, shared by all regions.
    dims : Dims
        What is known of lengths: equal ones are called the same.
    """

    def __init__(self, names: Names, dims: Dims) -> None:
        self.names = names
        self.dims = dims

    def term(self, term: Any) -> str:
        """A term, or whatever stands in one."""
        return pretty(term, DEPTH, self.names)

    def axis(self, axis: Axis) -> str:
        """A length, by the simplest of the variables that have it."""
        own = Dim(1, frozenset([(axis, 1)]))
        alike = [s for d in self.dims.members(own) for s, _ in d.powers]
        return self.names.axis(min([axis, *alike], key=_rank))

    def dim(self, dim: Dim) -> str:
        """A dimension: ``rows(A)·rows(B)``."""
        return self.poly(Poly.of(dim))

    def poly(self, poly: Poly) -> str:
        """A cost: ``2/3·rows(A)³ + 2·rows(A)²``."""
        return polynomial(poly.normal(self.dims.normal), self.axis, _by_variable)

    def axes(self, axes: Iterable[Axis]) -> str:
        """Several lengths, separated by commas."""
        return ", ".join(sorted({self.axis(s) for s in axes}, key=_by_variable))

    def cheaper(self, before: Poly, after: Poly) -> str:
        """The inequality under which `after` is cheaper, without what both sides share."""
        gain = (before - after).normal(self.dims.normal)
        shared, unit = _shared(gain), _unit(gain)
        terms = {_divided(m, shared): c / unit for m, c in gain.terms.items()}
        more = Poly({m: c for m, c in terms.items() if c > 0})
        less = Poly({m: -c for m, c in terms.items() if c < 0})
        return f"{self.poly(less)} < {self.poly(more)}"


def polynomial(
    poly: Poly, name: Callable[[Axis], str], key: Callable[[str], Any] = lambda text: text
) -> str:
    """A polynomial, highest degree first.

    Parameters
    ----------
    poly : Poly
    name : callable
        What a length is called.
    key : callable, optional
        By which the factors of a monomial are sorted.
    """
    merged: dict[str, float] = {}
    sortable: dict[str, tuple[int, list[Any]]] = {}
    for m, c in poly.terms.items():
        powers = sorted(((name(s), p) for s, p in m), key=lambda x: key(x[0]))
        text = "·".join(n + superscript(p) for n, p in powers)
        sortable[text] = (-sum(p for _, p in m), [(key(n), -p) for n, p in powers])
        merged[text] = merged.get(text, 0.0) + c
    out = ""
    for text, c in sorted(merged.items(), key=lambda item: sortable[item[0]]):
        size = quantity(abs(c))
        body = text if text and size == "1" else f"{size}·{text}" if text else size
        out += f" {'-' if c < 0 else '+'} {body}" if out else f"{'-' if c < 0 else ''}{body}"
    return out or "0"


def quantity(x: float) -> str:
    """A coefficient or a count: ``2/3``, ``54,361``, ``54.4 million``."""
    if x >= 1e6:
        power, word = (9, "billion") if x >= 1e9 else (6, "million")
        return f"{x / 10**power:,.3g} {word}" if x < 1e12 else f"{x:.3g}"
    if abs(x - round(x)) < 1e-9:
        return f"{round(x):,}"
    fraction = Fraction(x).limit_denominator(12)
    if abs(float(fraction) - x) < 1e-9:
        return f"{fraction.numerator}/{fraction.denominator}"
    return f"{x:,.0f}" if x >= 1000 else f"{x:.3g}"


def formula(kernel: str, sizes: Iterable[Dim], name: Callable[[Dim], str]) -> tuple[str, str]:
    """What a kernel is called with, and its flops in these parameters.

    Lengths that are known stand in the formula as numbers.
    """
    function = KERNELS[kernel].flops
    assert function is not None, f"{kernel} costs nothing"
    sizes = tuple(sizes)
    parameters = _parameters(function, len(sizes))
    called, values = [], []
    for parameter, dim in zip(parameters, sizes, strict=True):
        called.append(f"{parameter}={name(dim)}")
        symbol = Dim(1, frozenset([(Axis(parameter, None), 1)]))
        values.append(Poly.of(dim if dim.known else symbol))
    cost = function(*values)
    return ", ".join(called), polynomial(cost, lambda s: str(s.owner), parameters.index)


def _parameters(function: Callable[..., Any], how_many: int) -> list[str]:
    """The names of the parameters; of ``*ns`` as many as there are, numbered."""
    found: list[str] = []
    for name, parameter in signature(function).parameters.items():
        if parameter.kind is Parameter.VAR_POSITIONAL:
            found += [f"{name.removesuffix('s')}{i + 1}" for i in range(how_many - len(found))]
        else:
            found.append(name)
    return found


def maximal(dims: Iterable[Dim]) -> tuple[Dim, ...]:
    """Those that none of the others is at least as large as, whatever the lengths."""
    found = list(dict.fromkeys(dims))
    return tuple(d for d in found if not any(d != e and _divides(d, e) for e in found))


def _divides(d: Dim, e: Dim) -> bool:
    powers = dict(e.powers)
    return d.coef <= e.coef and all(powers.get(s, 0) >= p for s, p in d.powers)


def _rank(axis: Axis) -> tuple[bool, bool, bool, int, int, str]:
    """Inputs first, above all those with a name; lengths before other integers; rows first."""
    owner = axis.owner
    computed = getattr(owner, "owner", None) is not None
    name = getattr(owner, "name", None) or ""
    return computed, not name, axis.axis is None, axis.axis or 0, len(name), name


def _by_variable(text: str) -> tuple[str, bool, str]:
    """``rows(A)``, ``cols(A)``, ``rows(B)``: by what stands in brackets, then rows first."""
    return text.partition("(")[2], not text.startswith("rows"), text


def _shared(poly: Poly) -> dict[Axis, int]:
    """What every monomial has as a factor."""
    powers = [dict(m) for m in poly.terms]
    if not powers:
        return {}
    return {s: min(p.get(s, 0) for p in powers) for s in powers[0]}


def _unit(poly: Poly) -> float:
    """The least coefficient, if all are whole multiples of it."""
    least = min(map(abs, poly.terms.values()), default=1.0)
    whole = all(abs(c / least - round(c / least)) < 1e-9 for c in poly.terms.values())
    return least if whole else 1.0


def _divided(monomial: Iterable[tuple[Axis, int]], by: dict[Axis, int]) -> Any:
    left = ((s, p - by.get(s, 0)) for s, p in monomial)
    return frozenset((s, p) for s, p in left if p)


__all__ = ["Notation", "formula", "maximal", "polynomial", "quantity"]
