"""Heads that leave the batch of a term behind: its sum, and its members side by side.

All other heads work on each member of a batch by itself. Whoever writes a relation with these
states what it takes of batches, since two operands may be batched in different ways: a matrix
without a batch stands beside every member of one that has it.
"""

from __future__ import annotations

import functools
import operator
from typing import Any

from matchers.algebra import Shape, scale
from matchers.dims import Dim
from matchers.heads import Head
from matchers.terms import Term, intern, shape


def _linear_in_batch(head: Head, args: tuple[Any, ...]) -> Any:
    """Coefficients that all members share stand outside; what has no batch is its own sum."""
    (x,) = args
    if not isinstance(x, Term):
        return intern(head, args)
    if x.head is scale and not x.scalar and not shape(x.args[0])[2]:
        return scale(x.args[0], head.make(x.args[1]))
    return x if x.ground and not shape(x)[2] else intern(head, args)


def _summed_shape(x: Any) -> Shape:
    rows, cols, _ = shape(x)
    return rows, cols, ()


def _beside_shape(x: Any) -> Shape:
    rows, cols, batch = shape(x)
    return rows, functools.reduce(Dim.__mul__, batch, cols), ()


def _batch_axes(x: Any) -> tuple[int, ...]:
    return tuple(range(x.type.ndim - 2))


def _beside_build(x: Any) -> Any:
    batch = _batch_axes(x)
    if not batch:
        return x
    lengths = [n if n is not None else x.shape[i] for i, n in enumerate(x.type.shape)]
    cols = functools.reduce(operator.mul, (*(lengths[i] for i in batch), lengths[-1]))
    # The rows first, then every column of every member.
    moved = x.transpose(len(batch), *batch, len(batch) + 1)
    return moved.reshape((lengths[-2], cols))


# The sum over all members of a batch.
batch_sum = Head(
    "batch_sum",
    lambda x: x.sum(axis=_batch_axes(x)) if x.type.ndim > 2 else x,
    _summed_shape,
    _linear_in_batch,
    template="Σᵦ({0})",
    entrywise=True,
)
# The members of a batch side by side, as one matrix.
beside = Head("beside", _beside_build, _beside_shape, _linear_in_batch, template="beside({0})")
# What has no batch, whatever stands in it.
LEAVING = (batch_sum, beside)
