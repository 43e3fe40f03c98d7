"""What factorizations mean, and what is solved or inverted by them, in exact or long arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kantor.checking.exact_numbers import (
    DIGITS,
    LONG,
    Arithmetic,
    each,
    inverted,
    irrational,
    largest,
    meaning,
    solved,
)
from kantor.checking.sides import Undefined


def _single(x: Any) -> Any:
    if x.ndim > 2:
        raise Undefined("a batch is not factorized")
    return x


# --- by elimination and reflection ----------------------------------------------------------------


@meaning("cholesky")
def _cholesky(ring: Arithmetic, x: Any) -> Any:
    def one(a: Any) -> Any:
        n = len(a)
        out = ring.zeros(n, n)
        for i, j in np.ndindex(n, n):
            rest = a[i, j] - (out[i, :j] * out[j, :j]).sum()
            if i == j and rest <= 0:
                raise Undefined("not positive definite")
            if j <= i:
                out[i, j] = ring.sqrt(rest) if i == j else rest / out[j, j]
        return out

    return each(one, x)


@meaning("lu")
def _lu(ring: Arithmetic, x: Any) -> Any:
    """P, L and U with P L U = X, by the largest pivots."""
    rest = _single(x).copy()
    m, n = rest.shape
    rows, lower = list(range(m)), ring.zeros(m, min(m, n))
    for k in range(min(m, n)):
        pivot = max(range(k, m), key=lambda i: abs(rest[i, k]))
        for held in (rest, lower):
            held[[k, pivot]] = held[[pivot, k]]
        rows[k], rows[pivot] = rows[pivot], rows[k]
        lower[k, k] = ring.number(1)
        for i in range(k + 1, m):
            if rest[k, k] != 0:
                lower[i, k] = rest[i, k] / rest[k, k]
                rest[i, k:] = rest[i, k:] - lower[i, k] * rest[k, k:]
    return ring.eye(m)[:, rows], lower, np.triu(rest)[: min(m, n)]


def _reflected(ring: Arithmetic, x: Any) -> tuple[Any, Any]:
    """Q and R of all of X, by Householder's reflections, with LAPACK's signs."""
    m, n = _single(x).shape
    q, r = ring.eye(m), x.copy()
    for k in range(min(m, n)):
        v = r[k:, k].copy()
        if largest(v[1:]) == 0:
            continue
        length = ring.sqrt((v * v).sum())
        v[0] = v[0] + (length if v[0] >= 0 else -length)
        twice = v * 2 / (v * v).sum()
        r[k:] = r[k:] - np.outer(twice, v @ r[k:])
        q[:, k:] = q[:, k:] - np.outer(q[:, k:] @ v, twice)
    return q, np.triu(r)


@irrational("full_qr")
def _full_qr(ring: Arithmetic, x: Any) -> Any:
    if not x.size:
        raise Undefined("LAPACK has no factors of an empty matrix")
    return _reflected(ring, x)


@irrational("qr")
def _qr(ring: Arithmetic, x: Any) -> Any:
    q, r = _full_qr(ring, x)
    k = min(x.shape)
    return q[:, :k], r[:k]


@irrational("thin_qr")
def _thin_qr(ring: Arithmetic, x: Any) -> Any:
    q, r = _reflected(ring, x)
    return q[:, : x.shape[1]], r[: x.shape[1]]


def _echelon(ring: Arithmetic, x: Any) -> tuple[list[int], Any]:
    """The columns with pivots, and the rows of the reduced echelon form that are not 0."""
    rest = x.copy()
    pivots: list[int] = []
    least = ring.negligible and ring.negligible * largest(x)
    m, n = x.shape
    for j in range(n):
        k = len(pivots)
        pivot = max(range(k, m), key=lambda i: abs(rest[i, j]), default=None)
        if pivot is None or abs(rest[pivot, j]) <= least:
            continue
        rest[[k, pivot]] = rest[[pivot, k]]
        rest[k] = rest[k] / rest[k, j]
        for i in range(m):
            if i != k:
                rest[i] = rest[i] - rest[i, j] * rest[k]
        pivots.append(j)
    return pivots, rest[: len(pivots)]


@meaning("pinv")
def _pinv(ring: Arithmetic, x: Any) -> Any:
    """Gᵀ (G Gᵀ)⁻¹ (Fᵀ F)⁻¹ Fᵀ with X = F G of full rank (MacDuffee)."""

    def one(m: Any) -> Any:
        pivots, g = _echelon(ring, m)
        f = m[:, pivots]
        return g.T @ inverted(ring, g @ g.T) @ inverted(ring, f.T @ f) @ f.T

    return each(one, x)


@meaning("small_inverse")
def _small_inverse(ring: Arithmetic, x: Any) -> Any:
    """The adjugate over the determinant."""

    def one(m: Any) -> Any:
        (a, b), (c, d) = m
        if a * d == b * c:
            raise Undefined("singular")
        return ring.array([[d, -b], [-c, a]]) / (a * d - b * c)

    return each(one, x)


# --- matrix equations -----------------------------------------------------------------------------


def _solved(ring: Arithmetic, operator_: Callable[[Any], Any], right: Any) -> Any:
    """The matrix that a linear operator takes to `right`, found column by column."""
    shape, columns = right.shape, []
    for i in range(right.size):
        direction = ring.zeros(right.size)
        direction[i] = ring.number(1)
        columns.append(operator_(direction.reshape(shape)).reshape(-1))
    if not columns:
        return right
    return solved(ring, np.array(columns, dtype=object).T, right.reshape(-1, 1)).reshape(shape)


@meaning("sylvester")
def _sylvester(ring: Arithmetic, a: Any, b: Any, q: Any) -> Any:
    return each(lambda a, b, q: _solved(ring, lambda x: a @ x + x @ b, q), a, b, q)


@meaning("discrete_lyapunov")
def _discrete_lyapunov(ring: Arithmetic, a: Any, q: Any) -> Any:
    return each(lambda a, q: _solved(ring, lambda x: x - a @ x @ a.T, q), a, q)


# --- spectra --------------------------------------------------------------------------------------


def _spectral(name: str, x: Any, **options: Any) -> Any:
    """A function of mpmath's, at one matrix; its results as lists of rows."""
    import mpmath

    with mpmath.workdps(DIGITS + 10):
        made = getattr(mpmath, name)(mpmath.matrix([[str(e) for e in row] for row in x]), **options)
        several = made if isinstance(made, tuple) else (made,)
        found = [[[mpmath.nstr(e, DIGITS) for e in row] for row in m.tolist()] for m in several]
    out = [LONG.array(np.array(m, dtype=object)) for m in found]
    return out if isinstance(made, tuple) else out[0]


def _symmetric_from_below(x: Any) -> Any:
    return np.tril(x) + np.tril(x, -1).T


@irrational("eigh")
def eigensystem(ring: Arithmetic, x: Any) -> Any:
    """Eigenvalues, ascending, and eigenvectors of the matrix with this lower triangle."""

    def one(m: Any) -> Any:
        values, vectors = _spectral("eigsy", _symmetric_from_below(m)) if m.size else (m[:, :0], m)
        return values.reshape(-1, 1), vectors

    return one(_single(x))


@irrational("eigvalsh")
def _eigvalsh(ring: Arithmetic, x: Any) -> Any:
    return eigensystem(ring, x)[:1]


def _singular(ring: Arithmetic, x: Any, full: bool) -> Any:
    m, n = _single(x).shape
    if not x.size:
        k, p = (m, n) if full else (0, 0)
        return ring.eye(m)[:, :k], ring.zeros(0, 1), ring.eye(n)[:p]
    u, s, vt = _spectral("svd_r", x, full_matrices=full)
    return u, s.reshape(-1, 1), vt


@irrational("svd")
def _svd(ring: Arithmetic, x: Any) -> Any:
    return _singular(ring, x, full=False)


@irrational("full_svd")
def _full_svd(ring: Arithmetic, x: Any) -> Any:
    return _singular(ring, x, full=True)


@irrational("svdvals")
def _svdvals(ring: Arithmetic, x: Any) -> Any:
    return _svd(ring, x)[1:2]


# --- factors, by their places ---------------------------------------------------------------------


@irrational(
    "eigenvalues", "svd_u", "full_svd_u", "singular_values", "qr_q", "full_qr_q", "thin_q",
)  # fmt: skip
@meaning("lu_p")
def _first(ring: Arithmetic, factors: Any) -> Any:
    return factors[0]


@irrational("eigenvectors", "svd_s", "qr_r", "full_qr_r", "thin_r")
@meaning("lu_l")
def _second(ring: Arithmetic, factors: Any) -> Any:
    return factors[1]


@irrational("svd_vt", "full_svd_vt")
@meaning("lu_u")
def _third(ring: Arithmetic, factors: Any) -> Any:
    return factors[2]
