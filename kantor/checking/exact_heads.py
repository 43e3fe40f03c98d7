"""What each head means, in exact or in long arithmetic: algebra, structure, determinants.

Nothing here is PyTensor's, so what a relation states is held to the mathematics of its heads, not
to what is built of them. Heads of their own kinds are in `exact_factors`, `exact_spectra` and
`exact_structured`.
"""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np

from kantor.checking.exact_numbers import Arithmetic, each, eliminated, inverted, meaning
from kantor.checking.sides import Undefined

# --- algebra --------------------------------------------------------------------------------------


@meaning("matmul")
def _matmul(ring: Arithmetic, *xs: Any) -> Any:
    return functools.reduce(operator.matmul, xs)


@meaning("add")
def _add(ring: Arithmetic, *xs: Any) -> Any:
    return functools.reduce(operator.add, xs)


@meaning("mul", "scale")
def _mul(ring: Arithmetic, *xs: Any) -> Any:
    return functools.reduce(operator.mul, xs)


@meaning("transpose")
def _transpose(ring: Arithmetic, x: Any) -> Any:
    return np.swapaxes(x, -1, -2) if np.ndim(x) > 1 else x


@meaning("inverse")
def _inverse(ring: Arithmetic, x: Any) -> Any:
    return each(functools.partial(inverted, ring), x)


@meaning("reciprocal")
def reciprocal(ring: Arithmetic, c: Any) -> Any:
    """One over each entry."""
    if np.any(np.equal(c, 0)):
        raise Undefined("a division by 0")
    return ring.number(1) / c


@meaning("size")
def _size(ring: Arithmetic, n: int) -> Any:
    return ring.number(n)


@meaning("item")
def _item(ring: Arithmetic, x: Any) -> Any:
    return x[..., 0, 0] if np.ndim(x) > 1 else x


@meaning("eye")
def _eye(ring: Arithmetic, n: int) -> Any:
    return ring.eye(n)


@meaning("zeros")
def _zeros(ring: Arithmetic, m: int, n: int) -> Any:
    return ring.zeros(m, n)


@meaning("ones")
def _ones(ring: Arithmetic, n: int) -> Any:
    return ring.zeros(n, 1) + 1


@meaning("unit")
def _unit(ring: Arithmetic, n: int, i: Any) -> Any:
    return ring.eye(n)[:, [int(i)]]


@meaning("gram")
def _gram(ring: Arithmetic, w: Any) -> Any:
    return _transpose(ring, w) @ w


@meaning("batch_sum")
def _batch_sum(ring: Arithmetic, x: Any) -> Any:
    return x.sum(axis=tuple(range(x.ndim - 2)))


@meaning("beside")
def _beside(ring: Arithmetic, x: Any) -> Any:
    return np.concatenate([x[i] for i in np.ndindex(*x.shape[:-2])], axis=1)


# --- structure ------------------------------------------------------------------------------------


def _kron_of_two(x: Any, y: Any) -> Any:
    product = x[..., :, None, :, None] * y[..., None, :, None, :]
    (m, n), (p, q) = x.shape[-2:], y.shape[-2:]
    return product.reshape((*product.shape[:-4], m * p, n * q))


@meaning("kron")
def kronecker(ring: Arithmetic, *xs: Any) -> Any:
    """The Kronecker product of all."""
    return functools.reduce(_kron_of_two, xs)


@meaning("kron_adjoint_left")
def _kron_adjoint_left(ring: Arithmetic, g: Any, a: Any, b: Any) -> Any:
    def one(g: Any, a: Any, b: Any) -> Any:
        (m, n), (p, q) = a.shape, b.shape
        out = ring.zeros(m, n)
        for i, j in np.ndindex(m, n):
            out[i, j] = (g[i * p : (i + 1) * p, j * q : (j + 1) * q] * b).sum()
        return out

    return each(one, g, a, b)


@meaning("kron_adjoint_right")
def _kron_adjoint_right(ring: Arithmetic, g: Any, a: Any, b: Any) -> Any:
    def one(g: Any, a: Any, b: Any) -> Any:
        (m, n), (p, q) = a.shape, b.shape
        out = ring.zeros(p, q)
        for i, j in np.ndindex(m, n):
            out = out + a[i, j] * g[i * p : (i + 1) * p, j * q : (j + 1) * q]
        return out

    return each(one, g, a, b)


@meaning("reshape")
def _reshape(ring: Arithmetic, x: Any, rows: int, cols: int) -> Any:
    return x.reshape((*x.shape[:-2], rows, cols))


def _joined(axis: int, xs: tuple[Any, ...]) -> Any:
    batch = np.broadcast_shapes(*(x.shape[:-2] for x in xs))
    return np.concatenate([np.broadcast_to(x, (*batch, *x.shape[-2:])) for x in xs], axis=axis)


@meaning("squared_distances")
def _squared_distances(ring: Arithmetic, x: Any, y: Any) -> Any:
    away = x[..., :, None, :] - y[..., None, :, :]
    return (away * away).sum(axis=-1)


@meaning("kron_diagonal")
def _kron_diagonal(ring: Arithmetic, a: Any, b: Any) -> Any:
    return _diagonal(ring, kronecker(ring, a, b))


@meaning("hcat")
def _hcat(ring: Arithmetic, *xs: Any) -> Any:
    return _joined(-1, xs)


@meaning("vcat")
def _vcat(ring: Arithmetic, *xs: Any) -> Any:
    return _joined(-2, xs)


@meaning("block_diag")
def _block_diag(ring: Arithmetic, *xs: Any) -> Any:
    def two(x: Any, y: Any) -> Any:
        (m, n), (p, q) = x.shape[-2:], y.shape[-2:]
        upper = _joined(-1, (x, ring.zeros(m, q)))
        return _joined(-2, (upper, _joined(-1, (ring.zeros(p, n), y))))

    return functools.reduce(two, xs)


@meaning("rows_of")
def _rows_of(ring: Arithmetic, x: Any, start: int, count: int) -> Any:
    return x[..., start : start + count, :]


@meaning("cell")
def _cell(ring: Arithmetic, x: Any) -> Any:
    return np.asarray(x, dtype=object)[..., None, None]


@meaning("members")
def _members(ring: Arithmetic, x: Any, n: int) -> Any:
    return np.broadcast_to(np.asarray(x, dtype=object), (n,))[:, None]


@meaning("spread")
def _spread(ring: Arithmetic, x: Any, *batch: int) -> Any:
    return np.broadcast_to(x, (*batch, *x.shape[-2:]))


@meaning("diag")
def _diag(ring: Arithmetic, d: Any) -> Any:
    return d * ring.eye(d.shape[-2])


@meaning("diagonal")
def _diagonal(ring: Arithmetic, x: Any) -> Any:
    return np.diagonal(x, axis1=-2, axis2=-1)[..., None]


@meaning("triangle")
def _triangle(ring: Arithmetic, x: Any, lower: bool, unit: bool) -> Any:
    off = int(unit)
    part = np.tril(x, -off) if lower else np.triu(x, off)
    return part + ring.eye(x.shape[-1]) if unit else part


# --- numbers made of matrices ---------------------------------------------------------------------


@meaning("trace")
def _trace(ring: Arithmetic, x: Any) -> Any:
    return np.trace(x, axis1=-2, axis2=-1)


@meaning("total")
def _total(ring: Arithmetic, x: Any) -> Any:
    return x.sum(axis=(-2, -1))


@meaning("prod")
def _prod(ring: Arithmetic, x: Any) -> Any:
    return each(lambda m: functools.reduce(operator.mul, m.ravel().tolist(), ring.number(1)), x)


@meaning("det")
def determinant(ring: Arithmetic, x: Any) -> Any:
    """The determinant of each matrix."""
    return each(lambda m: eliminated(ring, m, m[:, :0])[0], x)


def _sign(ring: Arithmetic, c: Any) -> Any:
    if np.ndim(c):
        return np.vectorize(lambda e: _sign(ring, e), otypes=[object])(c)
    return ring.number(int(c > 0) - int(c < 0))


@meaning("det_sign")
def _det_sign(ring: Arithmetic, x: Any) -> Any:
    return _sign(ring, determinant(ring, x))


@meaning("power_sign")
def _power_sign(ring: Arithmetic, c: Any, n: int) -> Any:
    return _power(ring, _sign(ring, c), n)


@meaning("det_powers")
def _det_powers(ring: Arithmetic, a: Any, p: int, b: Any, q: int) -> Any:
    return _power(ring, determinant(ring, a), p) * _power(ring, determinant(ring, b), q)


@meaning("ascending")
def _ascending(ring: Arithmetic, x: Any) -> Any:
    return np.sort(x, axis=-2)


@meaning("root")
def _root(ring: Arithmetic, x: Any) -> Any:
    if np.any(np.less(x, 0)):
        raise Undefined("a root of what is negative")
    return np.vectorize(ring.sqrt, otypes=[object])(x) if x.size else x


def _log(ring: Arithmetic, c: Any) -> Any:
    return ring.log(abs(c))


@meaning("logabsdet")
def logarithm_of_determinant(ring: Arithmetic, x: Any) -> Any:
    """The logarithm of the magnitude of each determinant."""
    return each(lambda m: _log(ring, determinant(ring, m)), x)


@meaning("log_magnitude")
def log_magnitude(ring: Arithmetic, x: Any) -> Any:
    """The logarithm of the magnitude of each entry."""
    if np.ndim(x) < 2:
        return _log(ring, x)
    out = np.empty(x.shape, dtype=object)
    for i in np.ndindex(*x.shape):
        out[i] = _log(ring, x[i])
    return out


@meaning("log_diagonal")
def _log_diagonal(ring: Arithmetic, x: Any) -> Any:
    return log_magnitude(ring, _diagonal(ring, x)).sum(axis=(-2, -1))


@meaning("power")
def _power(ring: Arithmetic, c: Any, n: int) -> Any:
    return c**n if n else ring.number(1)


@meaning("log_power")
def _log_power(ring: Arithmetic, c: Any, n: int) -> Any:
    return n * _log(ring, ring.number(c)) if n else ring.number(0)
