"""Heads of blocks: matrices side by side or above each other, some rows, a column of the identity.

X[:, j] is X eⱼ and X[i] is eᵢᵀ X. A product of anything computed with eⱼ is a view; where eⱼ is the
right side of a solve it is built, by an assignment to the entry j of zeros, so that an index out of
range raises as it does in X[:, j], and a negative one counts from the end.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytensor.tensor as pt

from matchers.algebra import TRANSPOSED, Shape, flat_normal
from matchers.dims import ONE, Dim, broadcast, summed
from matchers.equalities import Dims
from matchers.heads import Head
from matchers.terms import Term, intern, shape


def position(i: Any) -> Any:
    """An index: numbers in terms are floats."""
    return int(i) if isinstance(i, (int, float, np.number)) else i


def unit_column(n: Any, i: Any, dtype: str | None = None) -> Any:
    """The i-th column of the identity of order n; raises where there is none."""
    zeros = pt.zeros((n, 1), dtype=dtype)
    return pt.set_subtensor(zeros[position(i)], np.ones(1, dtype=zeros.type.dtype))


def column_of(x: Any, i: Any) -> Any:
    """Column i of a matrix, as a matrix of one column."""
    return pt.expand_dims(x[..., position(i)], -1)


def row_of(x: Any, i: Any) -> Any:
    """Row i of a matrix, as a matrix of one row."""
    return pt.expand_dims(x[..., position(i), :], -2)


# A column of the identity, by its length and its index.
unit = Head("unit", unit_column, lambda n, i: (n, ONE, ()), template="e({1})")


# --- side by side and above each other ----------------------------------------------------------


def joined(axis: int, *xs: Any) -> Any:
    """Matrices joined along their rows (-2) or columns (-1), batches broadcast."""
    if all([x.type.ndim == 2 for x in xs]):
        return pt.join(axis + 2, *xs) if len(xs) > 1 else xs[0]

    def one(x: Any, y: Any) -> Any:
        signature = "(a,b),(c,b)->(d,b)" if axis == -2 else "(a,b),(a,c)->(a,d)"
        return pt.vectorize(lambda a, b: pt.join(axis + 2, a, b), signature)(x, y)

    return functools.reduce(one, xs)


def _shapes(*xs: Any) -> tuple[list[Dim], list[Dim], tuple[Dim, ...]]:
    rows, cols, batches = zip(*(shape(x) for x in xs), strict=True)
    return list(rows), list(cols), broadcast(batches)


def _above_shape(*xs: Any) -> Shape:
    rows, cols, batch = _shapes(*xs)
    return summed(*rows), cols[0], batch


def _beside_shape(*xs: Any) -> Shape:
    rows, cols, batch = _shapes(*xs)
    return rows[0], summed(*cols), batch


# Matrices side by side, and above each other.
hcat = Head("hcat", functools.partial(joined, -1), _beside_shape, flat_normal, flat=True)
vcat = Head("vcat", functools.partial(joined, -2), _above_shape, flat_normal, flat=True)
TRANSPOSED.update({hcat: vcat, vcat: hcat})


def _rows_normal(head: Head, args: tuple[Any, ...]) -> Any:
    x, start, count = args
    if not isinstance(x, Term):
        return intern(head, args)
    if x.head is rows_of:
        inner, first, _ = x.args
        x, start = inner, summed(first, start)
    whole = start == NOTHING and shape(x)[0] == count
    return x if whole else intern(head, (x, start, count))


NOTHING = Dim(0)
# As many rows as the last argument says, from the second on.
rows_of = Head(
    "rows_of",
    lambda x, start, count: x[..., start : start + count, :],
    lambda x, start, count: (count, *shape(x)[1:]),
    _rows_normal,
    template="rows({0}, {1}, {2})",
)


def whole_blocks(t: Term, dims: Dims) -> Term:
    """Rows as the matrix, or the matrices above each other, of which no row is left out."""
    x, start, count = t.args
    if start == NOTHING and dims.equal(shape(x)[0], count):
        return x  # type: ignore[no-any-return]
    if x.head is not vcat:
        return t
    blocks, stop = list(x.args), summed(start, count)
    ends = [NOTHING]
    for b in blocks:
        ends.append(summed(ends[-1], shape(b)[0]))
    first = next((i for i, n in enumerate(ends) if dims.equal(n, start)), None)
    last = next((i for i, n in enumerate(ends) if dims.equal(n, stop)), None)
    if first is None or last is None or first >= last:
        return t
    made: Term = vcat(*blocks[first:last])
    return made if shape(made)[2] == shape(t)[2] else t
