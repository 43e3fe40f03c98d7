"""Reader of assignments to the whole diagonal of a square matrix, which are sums."""

from __future__ import annotations

from typing import Any

import numpy as np
from pytensor.graph.basic import Constant
from pytensor.tensor.basic import ARange

from matchers import vocabulary as v
from matchers.dims import Dim, const
from matchers.reading.blocks import same_dtype_of
from matchers.reading.common import Reading
from matchers.reading.permuted import permuted, permuting
from matchers.terms import Term, shape


def assigned(view: Any, node: Any, out: int, core: int) -> Reading:
    """A + diag(d) where d is added at A[i, i], and A + diag(d - diagonal(A)) where it is set.

    Rows or columns that are written to zeros may be those of a permuted matrix.
    """
    if permuting(node):
        return permuted(view, node, out, core)
    whole, new, *indices = node.inputs
    if core != 2 or whole.type.ndim != 2 or new.type.ndim > 1 or not same_dtype_of(node):
        return None
    if tuple(node.op.idx_list) != (0, 1) or len(indices) != 2:
        return None
    count = _counted(view, indices[0])
    if count is None or (indices[1] is not indices[0] and _counted(view, indices[1]) != count):
        return None

    def make(a: Term, d: Term) -> Term | None:
        rows, cols, _ = shape(a)
        lengths = (cols, count, *(shape(d)[:1] if new.type.ndim else ()))
        if not all([view.dims.equal(rows, n) for n in lengths]):
            return None
        added = v.diag(d) if new.type.ndim else v.scale(v.item(d), v.eye(rows))
        if node.op.set_instead_of_inc:
            return v.add(a, added, v.scale(-1, v.diag(v.diagonal(a))))  # type: ignore[no-any-return]
        return v.add(a, added)  # type: ignore[no-any-return]

    return [(whole, 2), (new, new.type.ndim)], make


def _counted(view: Any, index: Any) -> Dim | None:
    """How many there are of the indices 0, 1, 2, …; None where it is another index."""
    if isinstance(index, Constant):
        data = index.data
        return const(data.size) if np.array_equal(data, np.arange(data.size)) else None
    node = index.owner
    if node is None or type(node.op) is not ARange:
        return None
    start, stop, step = node.inputs
    first = isinstance(start, Constant) and int(start.data) == 0
    each = isinstance(step, Constant) and int(step.data) == 1
    found: Dim = view.length(stop)
    return found if first and each else None


__all__ = ["assigned"]
