"""Reader of pairwise squared distances: a sum over squared differences of rows, each with each."""

from __future__ import annotations

from typing import Any

from pytensor import scalar as ps
from pytensor.tensor.elemwise import DimShuffle, Elemwise

from matchers.dims import symbol
from matchers.distances import squared_distances
from matchers.reading.common import Reading, same_dtype
from matchers.reading.walks import squares
from matchers.terms import Term, shape

_ROWS, _COLUMNS = (0, "x", 1), ("x", 0, 1)


def differences(node: Any) -> tuple[Any, Any] | None:
    """The matrices whose rows are subtracted, each from each, where a sum is over the squares."""
    above = node.inputs[0].owner
    if node.op.axis != (2,) or above is None or type(above.op) is not Elemwise:
        return None
    if not squares(above):
        return None
    inner = above.inputs[0].owner
    if inner is None or type(inner.op) is not Elemwise or type(inner.op.scalar_op) is not ps.Sub:
        return None
    found: dict[tuple[Any, ...], Any] = {}
    for x in inner.inputs:
        if x.owner is None or type(x.owner.op) is not DimShuffle or x.owner.inputs[0].ndim != 2:
            return None
        found[tuple(x.owner.op.new_order)] = x.owner.inputs[0]
    if found.keys() != {_ROWS, _COLUMNS}:
        return None
    x, y = found[_ROWS], found[_COLUMNS]
    # One column may be repeated beside several.
    return (x, y) if x.type.broadcastable[1] == y.type.broadcastable[1] else None


def distances(view: Any, node: Any, core: int) -> Reading:
    """The distances of the rows of two matrices."""
    pair = differences(node)
    if pair is None or core != 2 or not same_dtype(node):
        return None

    def make(x: Term, y: Term) -> Term:
        squared = node.inputs[0]
        away = squared.owner.inputs[0]
        # What is between has the same lengths, one of 1 where a matrix is repeated.
        for inner in (squared, away, *away.owner.inputs):
            for axis, n in enumerate((shape(x)[0], shape(y)[0], shape(x)[1])):
                if not inner.type.broadcastable[axis]:
                    view.dims.unify(symbol(inner, axis), n)
        made: Term = squared_distances(x, y)
        return made

    return [(x, 2) for x in pair], make


__all__ = ["differences", "distances"]
