"""Matrices of rational numbers whose factors are rational as well."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from kantor.checking.entries import Array, Source
from kantor.checking.exact_numbers import RATIONAL, inverted


def rational_covariances(source: Source, n: int) -> Array:
    """Those of a sequence whose partial correlations are sines of Pythagorean angles.

    The Cholesky factor has their cosines, and so is rational (Durbin 1960).
    """
    found, left = [Fraction(9)], Fraction(9)
    weights: list[Fraction] = []
    for t in source.rng.integers(-3, 4, max(n - 1, 0)).tolist():
        sine = Fraction(8 * t, t * t + 16)
        found.append(sine * left + sum(w * c for w, c in zip(weights, found[:0:-1], strict=True)))
        back = weights[::-1]
        weights = [*(w - sine * b for w, b in zip(weights, back, strict=True)), sine]
        left *= 1 - sine * sine
    return np.array(found[:n], dtype=object)


def rational_orthogonal(source: Source, n: int) -> Array:
    """(I - K) (I + K)⁻¹ for a skew K (Cayley 1846)."""
    below = np.tril(source.real(n, n) // 20, -1)
    skew = below - below.T
    inner = inverted(RATIONAL, RATIONAL.array(source.eye(n) + skew))
    return (source.eye(n) - skew) @ inner
