"""Rows of a matrix by a vector of indices: those of an identity are a permutation, or a selection.

An index out of range raises as it does in X[p], and a negative one counts from the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.type import integer_dtypes

from matchers.algebra import Shape, linear
from matchers.heads import Head
from matchers.terms import shape


def _taken_shape(x: Any, p: Any) -> Shape:
    return shape(p)[0], shape(x)[1], shape(x)[2]


def _index(p: Any) -> Any:
    """A column of indices as a vector; what is no integer is cut off, as an instance is drawn."""
    p = p[..., 0]
    return p if p.type.dtype in integer_dtypes else pt.cast(pt.real(p), "int64")


def _scatter(x: Any, p: Any, n: Any) -> Any:
    batch = tuple(x.shape[i] for i in range(x.type.ndim - 2))
    zeros = pt.zeros((*batch, n, x.shape[-1]), dtype=x.type.dtype)
    return pt.inc_subtensor(zeros[..., _index(p), :], x)


taken = Head(
    "taken", lambda x, p: x[..., _index(p), :], _taken_shape, linear(0), template="{0}[{1}]"
)
# Its adjoint: each row is added to that of its index. Right sides only.
scattered = Head(
    "scattered",
    _scatter,
    lambda x, p, n: (n, *shape(x)[1:]),
    linear(0),
    template="scattered({0}, {1})",
)


def selects(data: Any) -> Any:
    """The column of the 1 in each row of a constant, where there is nothing else, or None."""
    row = data[0] if data.shape[0] > 1 else data[:0]
    if not row.size or np.count_nonzero(row) != 1 or row.max() != 1:
        return None
    ones = (data == 1).sum(axis=1)
    only = bool((ones == 1).all()) and np.count_nonzero(data) == data.shape[0]
    return data.argmax(axis=1) if only else None
