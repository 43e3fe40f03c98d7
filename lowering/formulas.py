"""What formulas for flops are made of; they take numbers and polynomials alike."""

from __future__ import annotations

import functools
import math
import operator
from typing import Any

# About a microsecond of a slow core, which is what one more node costs in any backend.
LAUNCH = 200.0


def prod(factors: tuple[Any, ...]) -> Any:
    """The product of numbers, or of polynomials."""
    return functools.reduce(operator.mul, factors)


def log2(n: Any) -> Any:
    """A logarithm, or for unknown lengths the tangent at 24, which is nowhere below it."""
    return math.log2(max(n, 2.0)) if isinstance(n, (int, float)) else n * 0.0602 + 3.142


def transforms(n: Any, columns: Any) -> Any:
    """Real Fourier transforms of columns of n entries (Golub & Van Loan 2013, sec. 1.4)."""
    return n * log2(n) * columns * 2.5
