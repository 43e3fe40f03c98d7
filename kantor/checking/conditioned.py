"""Random matrices of a given condition, one maker per structure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kantor.checking.entries import Array


def spread(rng: np.random.Generator, n: int, condition: float) -> Array:
    """Singular values from 1 down to 1/condition: evenly, or all but one of them 1."""
    if n < 2:
        return np.ones(n)
    even = np.logspace(0, -np.log10(condition), n)
    return even if rng.integers(0, 2) else np.where(np.arange(n) < n - 1, 1, even[-1])


def _rotation(rng: np.random.Generator, n: int) -> Array:
    return np.linalg.qr(rng.standard_normal((n, n)))[0] if n else np.zeros((0, 0))


def _plain(rng: np.random.Generator, m: int, n: int, condition: float) -> Array:
    middle = np.zeros((m, n))
    np.fill_diagonal(middle, spread(rng, min(m, n), condition))
    return _rotation(rng, m) @ middle @ _rotation(rng, n)


def _signs(rng: np.random.Generator, n: int) -> Array:
    return rng.choice([-1.0, 1.0], n)


def _symmetric(rng: np.random.Generator, n: int, _: int, condition: float) -> Array:
    q, d = _rotation(rng, n), spread(rng, n, condition) * _signs(rng, n)
    x = (q * d) @ q.T
    return (x + x.T) / 2


def _definite(rng: np.random.Generator, n: int, _: int, condition: float) -> Array:
    q = _rotation(rng, n)
    x = (q * spread(rng, n, condition)) @ q.T
    return (x + x.T) / 2


def _upper(rng: np.random.Generator, m: int, n: int, condition: float) -> Array:
    return np.linalg.qr(_plain(rng, m, n, condition), mode="complete")[1]


def _lower(rng: np.random.Generator, m: int, n: int, condition: float) -> Array:
    return _upper(rng, n, m, condition).T


def _diagonal(rng: np.random.Generator, n: int, _: int, condition: float) -> Array:
    return np.diag(rng.permutation(spread(rng, n, condition)) * _signs(rng, n))


def _positive_diagonal(rng: np.random.Generator, n: int, _: int, condition: float) -> Array:
    return np.diag(rng.permutation(spread(rng, n, condition)))


def _circulant(rng: np.random.Generator, n: int, _: int, condition: float) -> Array:
    """By its eigenvalues, of which two and two are conjugate."""
    i, j = np.indices((n, n))
    half = rng.permutation(spread(rng, n // 2 + 1, condition))
    phases = np.fft.rfft(rng.standard_normal(n))
    column = np.fft.irfft(half * phases / abs(phases), n)
    return column[(i - j) % n]


def _definite_toeplitz(rng: np.random.Generator, n: int, _: int, condition: float) -> Array:
    """A symmetric one, shifted and scaled."""
    i, j = np.indices((n, n))
    x = rng.standard_normal(n)[abs(i - j)]
    values = np.linalg.eigvalsh(x)
    if n < 2:
        return np.eye(n)
    shifted = (x - values[0] * np.eye(n)) / (values[-1] - values[0])
    return (1 - 1 / condition) * shifted + np.eye(n) / condition


Conditioned = Callable[[np.random.Generator, int, int, float], Array]
# By the maker that draws the same structure at random, the plainest first; for what is not here,
# as an orthogonal matrix, its maker is asked.
CONDITIONED: dict[str, Conditioned] = {
    "plain": _plain,
    "lower_triangular": _lower,
    "upper_triangular": _upper,
    "full_rank": _plain,
    "regular": _plain,
    "symmetric": _symmetric,
    "positive_definite": _definite,
    "diagonal": _diagonal,
    "positive_diagonal": _positive_diagonal,
    "circulant": _circulant,
    "definite_toeplitz": _definite_toeplitz,
}
