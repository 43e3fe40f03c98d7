"""What exponentials and shifted Kronecker products mean, in long arithmetic only.

What is said to work by eigenvectors of factors does so here too: it has a value only where the
factors are what a relation asks of them, and that it is the inverse is what the check is to find.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from kantor.checking.exact_factors import eigensystem
from kantor.checking.exact_heads import kronecker, log_magnitude, reciprocal
from kantor.checking.exact_numbers import DIGITS, Arithmetic, each, irrational, largest
from kantor.checking.sides import Undefined

# --- exponentials ---------------------------------------------------------------------------------


@irrational("expm")
def _expm(ring: Arithmetic, x: Any) -> Any:
    """By Taylor's series for 2⁻ˢ X, squared s times."""

    def one(m: Any) -> Any:
        squarings = max(0, int(2 * largest(m) * len(m)).bit_length() + 4)
        m = m / 2**squarings
        out = term = ring.eye(len(m))
        k = 0
        while largest(term) > ring.number(10) ** -(DIGITS + 5):
            k += 1
            term = term @ m / k
            out = out + term
        for _ in range(squarings):
            out = out @ out
        return out

    return each(one, x)


@irrational("exponential")
def _exponential(ring: Arithmetic, x: Any) -> Any:
    if np.ndim(x) < 2:
        return ring.number(x).exp()
    return each(lambda m: np.vectorize(lambda e: e.exp(), otypes=[object])(m) if m.size else m, x)


# --- products and sums of symmetric factors, and a shift ------------------------------------------


def _sums(ring: Arithmetic, *values: Any) -> Any:
    return functools.reduce(lambda a, b: (a[:, None] + b).reshape(-1, 1), values)


def _eigenvalues(ring: Arithmetic, of: Any, c: Any, factors: tuple[Any, ...]) -> Any:
    return of(ring, *(eigensystem(ring, f)[0] for f in factors)) + c


def _regular(ring: Arithmetic, values: Any) -> Any:
    """The eigenvalues of a matrix that has an inverse."""
    if any(abs(e) <= ring.negligible * largest(values) for e in values.ravel()):
        raise Undefined("singular")
    return values


def _solve(ring: Arithmetic, of: Any, c: Any, x: Any, factors: tuple[Any, ...]) -> Any:
    values = _regular(ring, _eigenvalues(ring, of, c, factors))
    vectors = kronecker(ring, *(eigensystem(ring, f)[1] for f in factors))
    return vectors @ (reciprocal(ring, values) * (vectors.T @ x))


@irrational("shifted_solve")
def _shifted_solve(ring: Arithmetic, c: Any, x: Any, *factors: Any) -> Any:
    return _solve(ring, kronecker, c, x, factors)


@irrational("shifted_sum_solve")
def _shifted_sum_solve(ring: Arithmetic, c: Any, x: Any, *factors: Any) -> Any:
    return _solve(ring, _sums, c, x, factors)


@irrational("shifted_logabsdet")
def _shifted_logabsdet(ring: Arithmetic, c: Any, *factors: Any) -> Any:
    return log_magnitude(ring, _regular(ring, _eigenvalues(ring, kronecker, c, factors))).sum()


@irrational("shifted_sum_logabsdet")
def _shifted_sum_logabsdet(ring: Arithmetic, c: Any, *factors: Any) -> Any:
    return log_magnitude(ring, _regular(ring, _eigenvalues(ring, _sums, c, factors))).sum()


@irrational("shifted_det")
def _shifted_det(ring: Arithmetic, c: Any, *factors: Any) -> Any:
    return np.prod(_eigenvalues(ring, kronecker, c, factors), initial=ring.number(1))


@irrational("shifted_inverse_trace")
def _shifted_inverse_trace(ring: Arithmetic, c: Any, *factors: Any) -> Any:
    return reciprocal(ring, _regular(ring, _eigenvalues(ring, kronecker, c, factors))).sum()


@irrational("shifted_adjoint_left")
def _shifted_adjoint_left(ring: Arithmetic, c: Any, a: Any, b: Any) -> Any:
    (u, p), (w, _) = eigensystem(ring, a), eigensystem(ring, b)
    shifted = _regular(ring, u @ w.T + c)
    return (p * (w.T * reciprocal(ring, shifted)).sum(axis=1)) @ p.T


@irrational("shifted_adjoint_right")
def _shifted_adjoint_right(ring: Arithmetic, c: Any, a: Any, b: Any) -> Any:
    return _shifted_adjoint_left(ring, c, b, a)


# --- the same between positive diagonal matrices --------------------------------------------------


def _whitened(ring: Arithmetic, a: Any, d: Any) -> tuple[Any, Any]:
    """A between diag(d)^(-1/2), and the diagonal of that, as a column."""
    if d.ndim > 2 or any(e <= 0 for e in d.ravel()):
        raise Undefined("no positive diagonal")
    weight = np.array([1 / ring.sqrt(e) for e in d.ravel()], dtype=object).reshape(-1, 1)
    return weight * a * weight.T, weight


@irrational("noisy_solve")
def _noisy_solve(ring: Arithmetic, c: Any, x: Any, a: Any, b: Any, d: Any, e: Any) -> Any:
    (first, s), (second, t) = _whitened(ring, a, d), _whitened(ring, b, e)
    weight = kronecker(ring, s, t)
    return weight * _solve(ring, kronecker, c, weight * x, (first, second))


@irrational("noisy_logabsdet")
def _noisy_logabsdet(ring: Arithmetic, c: Any, a: Any, b: Any, d: Any, e: Any) -> Any:
    (first, s), (second, t) = _whitened(ring, a, d), _whitened(ring, b, e)
    whole = _shifted_logabsdet(ring, c, first, second)
    return whole - 2 * log_magnitude(ring, kronecker(ring, s, t)).sum()
