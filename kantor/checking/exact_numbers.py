"""Exact and long arithmetic, elimination in it, and the table of what heads mean.

Values are arrays of Python numbers with the matrix in the last two axes, and reductions are numbers
themselves.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from kantor.checking.sides import Undefined

DIGITS = 60


class Irrational(Undefined):
    """There may be a value, but no rational one."""


@dataclass(frozen=True)
class Log:
    """The logarithm of a positive rational number, which is kept in its place."""

    of: Fraction

    def __add__(self, other: Any) -> Log:
        return Log(self.of * other.of) if isinstance(other, Log) else self._plus(other)

    __radd__ = __add__

    def _plus(self, other: Any) -> Log:
        if other != 0:
            raise Irrational("a number is added to a logarithm")
        return self

    def __mul__(self, times: Any) -> Log:
        power = Fraction(times)
        of = self.of
        if power.denominator == 2:
            of, power = _rational_root(of), 2 * power
        if power.denominator != 1:
            raise Irrational("a part of a logarithm")
        return Log(of ** int(power))

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return self.of == (other.of if isinstance(other, Log) else 1 if other == 0 else None)

    def __hash__(self) -> int:
        return hash(self.of)


def _rational(x: Any) -> Fraction:
    """A number as it was meant: 0.1 is one tenth."""
    if isinstance(x, (float, np.floating)):
        near = Fraction(float(x)).limit_denominator(1000)
        return near if float(near) == float(x) else Fraction(float(x))
    return x if isinstance(x, Fraction) else Fraction(int(x))


def _rational_root(x: Fraction) -> Fraction:
    root = Fraction(math.isqrt(x.numerator), math.isqrt(x.denominator))
    if root * root != x:
        raise Irrational("an irrational root")
    return root


def _rational_log(x: Fraction) -> Log:
    if x == 0:
        raise Undefined("the logarithm of 0")
    return Log(x)


def _long(x: Any) -> Decimal:
    if isinstance(x, Fraction):
        return Decimal(x.numerator) / Decimal(x.denominator)
    return Decimal(x.item() if isinstance(x, np.generic) else x)


@dataclass(frozen=True)
class Arithmetic:
    """The numbers in which sides are evaluated.

    Attributes
    ----------
    name : str
    number : callable
        A number of another kind as one of these.
    sqrt, log : callable
        Of a positive number; in long arithmetic the logarithm of 0 is -∞, whose exponential is 0.
    lacking : set of str
        The heads that cannot be evaluated.
    context : callable
        Makes the context in which to calculate.
    negligible : number
        What is so much smaller than the largest entry is 0 but for rounding.
    finite : callable
        Whether a number is one.
    """

    name: str
    number: Callable[[Any], Any]
    sqrt: Callable[[Any], Any]
    log: Callable[[Any], Any]
    lacking: AbstractSet[str] = frozenset()
    context: Callable[[], AbstractContextManager[Any]] = nullcontext
    negligible: Any = 0
    finite: Callable[[Any], bool] = lambda x: True

    def array(self, x: Any) -> Any:
        """An array with numbers of this kind."""
        x = np.asarray(x)
        flat = [self.number(e) for e in x.ravel().tolist()]
        out = np.empty(len(flat), dtype=object)
        out[:] = flat
        return out.reshape(x.shape)

    def zeros(self, *shape: int) -> Any:
        """An array of zeros."""
        return np.full(shape, self.number(0), dtype=object)

    def eye(self, n: int) -> Any:
        """The identity."""
        return self.array(np.eye(n, dtype=int))


# Of these no value is rational but for few matrices.
IRRATIONAL: set[str] = set()
RATIONAL = Arithmetic("exactly", _rational, _rational_root, _rational_log, IRRATIONAL)
LONG = Arithmetic(
    f"to {DIGITS} digits", _long, lambda x: x.sqrt(), lambda x: x.ln(),
    context=lambda: decimal.localcontext(prec=DIGITS), negligible=Decimal(10) ** -45,
    finite=lambda x: Decimal(x).is_finite(),
)  # fmt: skip

Meaning = Callable[..., Any]
MEANING: dict[str, Meaning] = {}


def meaning(*names: str) -> Callable[[Meaning], Meaning]:
    """Register what the heads of these names mean: a function of an `Arithmetic` and arguments."""

    def register(function: Meaning) -> Meaning:
        MEANING.update(dict.fromkeys(names, function))
        return function

    return register


def irrational(*names: str) -> Callable[[Meaning], Meaning]:
    """Register the meaning of heads that is there in long arithmetic only."""
    IRRATIONAL.update(names)
    return meaning(*names)


def each(function: Callable[..., Any], *xs: Any) -> Any:
    """A function of matrices, at each member of a batch."""
    batch = np.broadcast_shapes(*(x.shape[:-2] for x in xs))
    if not batch:
        return function(*xs)
    if 0 in batch:
        raise Undefined("nothing is known of an empty batch")
    spread = [np.broadcast_to(x, (*batch, *x.shape[-2:])) for x in xs]
    made = [function(*(x[i] for x in spread)) for i in np.ndindex(*batch)]
    shape = np.shape(made[0])
    out = np.empty((len(made), *shape), dtype=object)
    for i, m in enumerate(made):
        out[i] = m
    return out.reshape((*batch, *shape))


def largest(x: Any) -> Any:
    """The largest magnitude in an array, or of a number."""
    return max((abs(e) for e in np.asarray(x, dtype=object).ravel().tolist()), default=0)


def eliminated(ring: Arithmetic, a: Any, b: Any) -> tuple[Any, Any]:
    """The determinant of `a`, and the solution of A X = B where that is not 0."""
    a, b, det = a.copy(), b.copy(), ring.number(1)
    n = len(a)
    if a.shape != (n, n):
        raise Undefined("not square")
    least = ring.negligible and ring.negligible * largest(a)
    for k in range(n):
        pivot = max(range(k, n), key=lambda i: abs(a[i, k]))
        if abs(a[pivot, k]) <= least:
            return ring.number(0), None
        if pivot != k:
            a[[k, pivot]], b[[k, pivot]] = a[[pivot, k]], b[[pivot, k]]
            det = -det
        det = det * a[k, k]
        b[k] = b[k] / a[k, k]
        a[k, k:] = a[k, k:] / a[k, k]
        for i in range(n):
            if i != k and a[i, k] != 0:
                b[i] = b[i] - a[i, k] * b[k]
                a[i, k:] = a[i, k:] - a[i, k] * a[k, k:]
    return det, b


def solved(ring: Arithmetic, a: Any, b: Any) -> Any:
    """The solution of A X = B."""
    _, x = eliminated(ring, a, b)
    if x is None:
        raise Undefined("singular")
    return x


def inverted(ring: Arithmetic, a: Any) -> Any:
    """The inverse of one matrix."""
    return solved(ring, a, ring.eye(len(a)))
