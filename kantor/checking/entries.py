"""What random matrices are made of: one maker per structure, and the directions that keep it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass
class Source:
    """Random entries of one dtype.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : {"f", "c", "i"}
        Real, complex or small integers; the arrays are of NumPy's widest dtype of that kind.
    """

    rng: np.random.Generator
    kind: str = "f"

    def entries(self, m: int, n: int) -> Array:
        """An m × n array without any structure."""
        if self.kind == "c":
            return self.real(m, n) + 1j * self.real(m, n)
        return self.real(m, n)

    def real(self, m: int, n: int) -> Array:
        """An m × n array without an imaginary part."""
        if self.kind == "i":
            return self.rng.integers(-3, 4, (m, n))
        return self.rng.standard_normal((m, n))

    def eye(self, n: int) -> Array:
        """The identity."""
        return np.eye(n, dtype="int64" if self.kind == "i" else "float64")


class Maker(NamedTuple):
    """How matrices with some properties are drawn.

    Attributes
    ----------
    name : str
    has : frozenset of str
        The conditions that what it draws meets.
    draw : callable
        Takes a `Source`, rows and columns.
    square : bool
        Whether it draws square matrices only.
    """

    name: str
    has: frozenset[str]
    draw: Callable[[Source, int, int], Array]
    square: bool


MAKERS: dict[str, Maker] = {}


def maker(*has: str, square: bool = True) -> Callable[[Callable[..., Array]], Callable[..., Array]]:
    """Register a function that draws matrices which meet the conditions `has`.

    The function takes a `Source`, the number of rows and the number of columns. Whoever registers
    an assumption key of their own registers a maker for it, or no relation that asks for the key
    can be verified.
    """

    def register(function: Callable[..., Array]) -> Callable[..., Array]:
        MAKERS[function.__name__] = Maker(function.__name__, frozenset(has), function, square)
        return function

    return register


def makers(required: Iterable[str], *, square: bool) -> tuple[Maker, ...]:
    """The makers of matrices that meet all of `required`, the plainest first."""
    wanted = frozenset(required)
    return tuple(m for m in MAKERS.values() if wanted <= m.has and (square or not m.square))


# --- any shape --------------------------------------------------------------------------------


@maker(square=False)
def plain(source: Source, m: int, n: int) -> Array:
    """No structure."""
    return source.entries(m, n)


@maker(square=False)
def rank_deficient(source: Source, m: int, n: int) -> Array:
    """One dimension less than full rank."""
    r = max(min(m, n) - 1, 0)
    return source.entries(m, r) @ source.entries(r, n)


@maker("nonnegative", square=False)
def zeros(source: Source, m: int, n: int) -> Array:
    """Nothing but zeros."""
    return 0 * source.real(m, n)


@maker("positive", "nonnegative", "nonzero", square=False)
def positive(source: Source, m: int, n: int) -> Array:
    """Every entry is positive."""
    return abs(source.real(m, n)) + (1 if source.kind == "i" else 0.1)


@maker("nonzero", square=False)
def nonzero(source: Source, m: int, n: int) -> Array:
    """No entry is 0, and both signs occur."""
    return positive(source, m, n) * signs(source, m, n)


@maker("nonnegative", square=False)
def nonnegative(source: Source, m: int, n: int) -> Array:
    """Entries are positive or 0."""
    return np.maximum(source.real(m, n), 0)


@maker("unit_magnitude", "nonzero", square=False)
def signs(source: Source, m: int, n: int) -> Array:
    """Entries are 1 or -1."""
    return 2 * source.rng.integers(0, 2, (m, n)) - 1


@maker("selection", square=False)
def selection(source: Source, m: int, n: int) -> Array:
    """Rows of an identity."""
    return source.eye(n)[source.rng.integers(0, n, m)] if n else np.zeros((m, 0))


@maker("lower_triangular", square=False)
def lower_triangular(source: Source, m: int, n: int) -> Array:
    """Zero above its diagonal, which has both signs."""
    return np.tril(source.entries(m, n))


@maker("upper_triangular", square=False)
def upper_triangular(source: Source, m: int, n: int) -> Array:
    """Zero below its diagonal, which has both signs."""
    return np.triu(source.entries(m, n))


@maker("tridiagonal", square=False)
def tridiagonal(source: Source, m: int, n: int) -> Array:
    """Zero outside of three diagonals."""
    return np.triu(np.tril(source.entries(m, n), 1), -1)


# --- square -----------------------------------------------------------------------------------


_DEFINITE = ("positive_definite", "positive_semidefinite", "nonsingular")


@maker("nonsingular")
def regular(source: Source, n: int, _: int) -> Array:
    """As far from singular as its diagonal is from the rest, with both signs."""
    return source.entries(n, n) + 2 * (n + 1) * signs(source, n, 1) * source.eye(n)


@maker()
def singular(source: Source, n: int, _: int) -> Array:
    """A zero column."""
    x = source.entries(n, n)
    x[:, -1:] = 0
    return x


@maker("symmetric")
def symmetric(source: Source, n: int, _: int) -> Array:
    """Equal to its transpose."""
    x = source.entries(n, n)
    return x + x.T


@maker("symmetric", *_DEFINITE, "hermitian")
def positive_definite(source: Source, n: int, _: int) -> Array:
    """Symmetric with positive eigenvalues; complex ones stay real, since they are symmetric."""
    x = source.real(n, n)
    return x @ x.T + source.eye(n)


@maker("symmetric", "hermitian")
def negative_definite(source: Source, n: int, _: int) -> Array:
    """Symmetric with negative eigenvalues."""
    return -positive_definite(source, n, n)


@maker("symmetric", "hermitian", "positive_semidefinite")
def semidefinite(source: Source, n: int, _: int) -> Array:
    """A Gram matrix that is rank deficient."""
    x = source.real(n, max(n - 1, 0))
    return x @ x.T


_DIAGONAL = ("diagonal", "symmetric", "lower_triangular", "upper_triangular", "tridiagonal")


@maker(*_DIAGONAL)
def diagonal(source: Source, n: int, _: int) -> Array:
    """Zero off its diagonal, which has both signs."""
    return np.diag(source.entries(n, 1)[:, 0])


@maker(*_DIAGONAL, *_DEFINITE, "hermitian")
def positive_diagonal(source: Source, n: int, _: int) -> Array:
    """Zero off its diagonal, which is positive."""
    return np.diag(positive(source, n, 1)[:, 0])


@maker(*_DIAGONAL, "hermitian")
def singular_diagonal(source: Source, n: int, _: int) -> Array:
    """Zero off its diagonal, which begins with 0."""
    d = source.real(n, 1)[:, 0]
    d[:1] = 0
    return np.diag(d)


@maker("tridiagonal", "symmetric")
def symmetric_tridiagonal(source: Source, n: int, _: int) -> Array:
    """Symmetric, and zero outside of three diagonals."""
    return np.triu(np.tril(symmetric(source, n, n), 1), -1)


@maker("orthogonal", "nonsingular")
def orthogonal(source: Source, n: int, _: int) -> Array:
    """The inverse is the transpose, or its conjugate: to PyTensor complex ones are unitary."""
    if source.kind == "i":
        return permutation(source, n, n) * signs(source, n, 1)
    return np.linalg.qr(source.entries(n, n))[0] if n else np.zeros((0, 0))


@maker("orthogonal", "symmetric", "nonsingular")
def reflection(source: Source, n: int, _: int) -> Array:
    """Orthogonal and symmetric."""
    if source.kind == "i":
        return np.diag(signs(source, n, 1)[:, 0])
    v = source.real(n, 1)
    return source.eye(n) - 2 * (v @ v.T) / max(float((v * v).sum()), 1e-30)


@maker("permutation", "orthogonal", "selection", "nonsingular")
def permutation(source: Source, n: int, _: int) -> Array:
    """Rows of an identity, each once."""
    return source.eye(n)[source.rng.permutation(n)]


@maker(*_DIAGONAL, *_DEFINITE, "hermitian", "orthogonal", "permutation", "selection")
def identity(source: Source, n: int, _: int) -> Array:
    """What all structures have in common."""
    return source.eye(n)


# --- directions that keep a structure ---------------------------------------------------------


def _skew(g: Array, x: Array) -> Array:
    """Of an orthogonal x: the directions xΩ with Ω skew."""
    y = np.swapaxes(x, -1, -2) @ g
    return y - np.swapaxes(y, -1, -2)


def _even(g: Array, x: Array) -> Array:
    return g + np.swapaxes(g, -1, -2)


def _none(g: Array, x: Array) -> Array:
    return 0 * g


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
    "permutation": _none,
    "selection": _none,
    "unit_magnitude": _none,
    "unique_indices": _none,
}


def along(required: Iterable[str], gradient: Array, x: Array) -> Array:
    """What of a gradient counts at `x`, which meets the conditions `required`."""
    for key in sorted(required):
        gradient = ALONG.get(key, lambda g, _: g)(gradient, x)
    return gradient
