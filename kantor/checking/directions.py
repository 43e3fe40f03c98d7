"""The directions along which a matrix keeps its structure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from kantor.checking.entries import Array


def _skew(g: Array, x: Array) -> Array:
    """Of an orthogonal x: the directions xΩ with Ω skew."""
    y = np.swapaxes(x, -1, -2) @ g
    return y - np.swapaxes(y, -1, -2)


def _even(g: Array, x: Array) -> Array:
    return g + np.swapaxes(g, -1, -2)


def _none(g: Array, x: Array) -> Array:
    return 0 * g


def _along_diagonals(g: Array, x: Array) -> Array:
    """What stands on each diagonal, added up in the first row and the first column."""
    m, n = g.shape[-2:]
    out = np.zeros_like(g)
    for k in range(-m + 1, n):
        out[..., max(-k, 0), max(k, 0)] = np.trace(g, k, -2, -1)
    return out


def _around(g: Array, x: Array) -> Array:
    """What stands on each diagonal that goes round, added up in the first column."""
    i, j = np.indices(g.shape[-2:])
    out = np.zeros_like(g)
    for k in range(g.shape[-1]):
        out[..., k, 0] = (g * ((i - j) % g.shape[-1] == k)).sum(axis=(-2, -1))
    return out


# A gradient says what happens along directions that keep the structure, and only this is compared:
# a Cholesky's pullback puts all of it into one triangle, a dense expression spreads it over both.
ALONG: dict[str, Callable[[Array, Array], Array]] = {
    "symmetric": _even,
    "positive_definite": _even,
    "positive_semidefinite": _even,
    "hermitian": _even,
    "diagonal": lambda g, x: g * np.eye(g.shape[-1]),
    "lower_triangular": lambda g, x: np.tril(g),
    "upper_triangular": lambda g, x: np.triu(g),
    "tridiagonal": lambda g, x: np.triu(np.tril(g, 1), -1),
    "orthogonal": _skew,
    "toeplitz": _along_diagonals,
    "circulant": _around,
    "permutation": _none,
    "selection": _none,
    "unit_magnitude": _none,
    "unique_indices": _none,
    "index": _none,
}


def along(required: Iterable[str], gradient: Array, x: Array) -> Array:
    """What of a gradient counts at `x`, which meets the conditions `required`."""
    for key in sorted(required):
        gradient = ALONG.get(key, lambda g, _: g)(gradient, x)
    return gradient
