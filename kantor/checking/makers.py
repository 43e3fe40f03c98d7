"""How random matrices are drawn: one maker per structure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from kantor.checking.entries import EXACT, REACH, Array, Source
from kantor.checking.rational_matrices import rational_covariances, rational_orthogonal


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


_FIXED = ("orthogonal", "selection", "unit_magnitude", "permutation", "index")


def linear(made: Maker) -> bool:
    """Whether a positive multiple of what a maker draws has the same structure."""
    return made.has.isdisjoint(_FIXED)


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
    return abs(source.real(m, n)) + (1 if source.kind in EXACT else 0.1)


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


@maker("toeplitz", square=False)
def toeplitz(source: Source, m: int, n: int) -> Array:
    """Constant along each diagonal."""
    i, j = np.indices((m, n))
    return source.entries(m + n, 1)[i - j + n - 1, 0]


@maker("full_column_rank", "full_row_rank", square=False)
def full_rank(source: Source, m: int, n: int) -> Array:
    """As far from deficient as its diagonal is from the rest."""
    away = (m + n) * REACH.get(source.kind, 2)
    return source.entries(m, n) + away * source.eye(max(m, n))[:m, :n]


@maker("index", square=False)
def arrangement(source: Source, m: int, n: int) -> Array:
    """Of as many rows as there are, each once."""
    return np.argsort(source.rng.random((m, n)), axis=0) - m * source.rng.integers(0, 2, (m, n))


@maker("index", square=False)
def positions(source: Source, m: int, n: int) -> Array:
    """Of few rows, each more than once, and counted from either end."""
    return source.rng.integers(-2, 2, (m, n))


# --- square -----------------------------------------------------------------------------------


_DEFINITE = ("positive_definite", "positive_semidefinite", "nonsingular")


@maker("nonsingular", "full_column_rank", "full_row_rank")
def regular(source: Source, n: int, _: int) -> Array:
    """As far from singular as its diagonal is from the rest, with both signs."""
    away = (n + 1) * REACH.get(source.kind, 2)
    return source.entries(n, n) + away * signs(source, n, 1) * source.eye(n)


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
    if source.kind == "O":  # with a rational Cholesky factor
        factor = np.tril(x, -1) + np.diag(positive(source, n, 1)[:, 0])
        return factor @ factor.T
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
    d = positive(source, n, 1)[:, 0]
    return np.diag(d * d if source.kind == "O" else d)


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


@maker("circulant", "toeplitz", "nonsingular", "full_column_rank", "full_row_rank")
def circulant(source: Source, n: int, _: int) -> Array:
    """Constant along diagonals that go round."""
    i, j = np.indices((n, n))
    column = source.entries(n, 1)[:, 0]
    column[:1] = (n + 1) * REACH.get(source.kind, 2)
    return column[(i - j) % max(n, 1)]


@maker("toeplitz", "symmetric", *_DEFINITE, "hermitian")
def definite_toeplitz(source: Source, n: int, _: int) -> Array:
    """Constant along each diagonal, with positive eigenvalues."""
    i, j = np.indices((n, n))
    if source.kind == "O":
        return rational_covariances(source, n)[abs(i - j)]
    column = source.real(n, 1)[:, 0]
    column[:1] = 2 * abs(column).sum() + 1
    return column[abs(i - j)]


@maker("orthogonal", "nonsingular", "full_column_rank", "full_row_rank")
def orthogonal(source: Source, n: int, _: int) -> Array:
    """The inverse is the transpose, or its conjugate: to PyTensor complex ones are unitary."""
    if source.kind == "i":
        return permutation(source, n, n) * signs(source, n, 1)
    if source.kind == "O":
        return rational_orthogonal(source, n) * signs(source, n, 1)
    return np.linalg.qr(source.entries(n, n))[0] if n else np.zeros((0, 0))


@maker("orthogonal", "symmetric", "nonsingular", "full_column_rank", "full_row_rank")
def reflection(source: Source, n: int, _: int) -> Array:
    """Orthogonal and symmetric."""
    if source.kind == "i":
        return np.diag(signs(source, n, 1)[:, 0])
    v = source.real(n, 1)
    length = (v * v).sum() or 1
    return source.eye(n) - 2 * (v @ v.T) / (Fraction(length) if source.kind == "O" else length)


@maker("permutation", "orthogonal", "selection", "nonsingular", "full_column_rank", "full_row_rank")
def permutation(source: Source, n: int, _: int) -> Array:
    """Rows of an identity, each once."""
    return source.eye(n)[source.rng.permutation(n)]


@maker(
    *_DIAGONAL, *_DEFINITE, "hermitian", "orthogonal", "permutation", "selection", "toeplitz",
    "circulant",
)  # fmt: skip
def identity(source: Source, n: int, _: int) -> Array:
    """What all structures have in common."""
    return source.eye(n)
