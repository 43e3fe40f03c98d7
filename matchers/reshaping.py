"""The same entries in another shape, row after row."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.shape import Reshape

from matchers.algebra import scale, transpose
from matchers.dims import ONE
from matchers.heads import Head
from matchers.terms import Term, intern, shape


def _reshape_normal(head: Head, args: tuple[Any, ...]) -> Any:
    x, rows, cols = args
    while isinstance(x, Term) and x.head is reshape:
        x = x.args[0]
    if isinstance(x, Term) and x.head is transpose and ONE in shape(x)[:2]:
        x = x.args[0]
    if isinstance(x, Term) and x.head is scale and not x.scalar:
        return scale(x.args[0], reshape(x.args[1], rows, cols))
    return x if shape(x)[:2] == (rows, cols) else intern(head, (x, rows, cols))


def _reshape_build(x: Any, rows: Any, cols: Any) -> Any:
    batch = tuple(x.shape[i] for i in range(x.type.ndim - 2))
    return reshaped(x, *batch, rows, cols)


def reshaped(x: Any, *lengths: Any) -> Any:
    """``x.reshape(lengths)``, made of its nodes."""
    if all([isinstance(n, int) for n in lengths]):
        return _RESHAPE(len(lengths))(x, np.array(lengths, dtype="int64"))
    # A list, which becomes one node: of a vector the Op would take each length out again.
    return _RESHAPE(len(lengths))(x, [pt.cast(n, "int64") for n in lengths])


_RESHAPE = functools.lru_cache(Reshape)

reshape = Head(
    "reshape",
    _reshape_build,
    lambda x, rows, cols: (rows, cols, shape(x)[2]),
    _reshape_normal,
)


def vec(x: Any) -> Any:
    """The entries of a matrix as a column, row after row."""
    rows, cols, _ = shape(x)
    return reshape(x, rows * cols, ONE)


def unvec(x: Any, rows: Any, cols: Any) -> Any:
    """A column as a matrix of the given shape, row after row; the inverse of `vec`."""
    return reshape(x, rows, cols)
