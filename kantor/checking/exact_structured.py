"""What circulant and Toeplitz matrices mean, by the matrices, and rows that an index takes.

No transform and no recursion is here, so what is done by one is held to what it is to give.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from kantor.checking.exact_heads import determinant, logarithm_of_determinant
from kantor.checking.exact_numbers import Arithmetic, each, meaning, solved
from kantor.checking.sides import Undefined

# --- rows by index --------------------------------------------------------------------------------


def _index(p: Any, n: int) -> list[int]:
    """A column of indices into n rows; a negative one counts from the end."""
    if p.ndim > 2:
        raise Undefined("a batch of indices")
    found = [int(e) for e in p.ravel()]
    if any(not -n <= i < n for i in found):
        raise Undefined("an index out of range")
    return [i % n for i in found]


@meaning("taken")
def _taken(ring: Arithmetic, x: Any, p: Any) -> Any:
    return x[..., _index(p, x.shape[-2]), :]


@meaning("scattered")
def _scattered(ring: Arithmetic, x: Any, p: Any, n: int) -> Any:
    out = ring.zeros(*x.shape[:-2], n, x.shape[-1])
    for row, i in enumerate(_index(p, n)):
        out[..., i, :] = out[..., i, :] + x[..., row, :]
    return out


# --- columns --------------------------------------------------------------------------------------


@meaning("mirrored")
def _mirrored(ring: Arithmetic, c: Any) -> Any:
    return np.concatenate([c[..., :1, :], c[..., :0:-1, :]], axis=-2)


@meaning("first")
def _first(ring: Arithmetic, n: int) -> Any:
    out = ring.zeros(n, 1)
    out[:1] = ring.number(1)
    return out


@meaning("lead")
def _lead(ring: Arithmetic, x: Any) -> Any:
    return x[..., :1].sum(axis=-1, keepdims=True)


# --- matrices -------------------------------------------------------------------------------------


def _away(m: int, n: int) -> Any:
    return np.arange(m)[:, None] - np.arange(n)


@meaning("circulant")
def _circulant(ring: Arithmetic, c: Any) -> Any:
    n = c.shape[-2]
    return c[..., _away(n, n) % max(n, 1), 0]


@meaning("toeplitz")
def _toeplitz(ring: Arithmetic, c: Any, r: Any) -> Any:
    away = _away(c.shape[-2], r.shape[-2])
    below = c[..., np.maximum(away, 0), 0]
    return np.where(away >= 0, below, r[..., np.maximum(-away, 0), 0])


# --- what is done with them -----------------------------------------------------------------------


@meaning("convolved")
def _convolved(ring: Arithmetic, c: Any, x: Any) -> Any:
    return _circulant(ring, c) @ x


@meaning("deconvolved")
def _deconvolved(ring: Arithmetic, c: Any, x: Any) -> Any:
    return each(functools.partial(solved, ring), _circulant(ring, c), x)


@meaning("circulant_det")
def _circulant_det(ring: Arithmetic, c: Any) -> Any:
    return determinant(ring, _circulant(ring, c))


@meaning("circulant_logabsdet")
def _circulant_logabsdet(ring: Arithmetic, c: Any) -> Any:
    return logarithm_of_determinant(ring, _circulant(ring, c))


@meaning("toeplitz_dot")
def _toeplitz_dot(ring: Arithmetic, c: Any, r: Any, x: Any) -> Any:
    return _toeplitz(ring, c, r) @ x


@meaning("transposed_toeplitz_dot")
def _transposed_toeplitz_dot(ring: Arithmetic, c: Any, r: Any, x: Any) -> Any:
    return np.swapaxes(_toeplitz(ring, c, r), -1, -2) @ x


@meaning("levinson")
def _levinson(ring: Arithmetic, c: Any, x: Any) -> Any:
    return each(functools.partial(solved, ring), _toeplitz(ring, c, c), x)
