"""Readers of one row, column or entry of a matrix, and of matrices joined to one."""

from __future__ import annotations

from typing import Any

from pytensor.graph.basic import Constant
from pytensor.tensor.basic import ScalarFromTensor

from matchers import vocabulary as v
from matchers.dims import Dim
from matchers.reading.common import Reading, same_dtype
from matchers.terms import Term, atom, number, shape

_WHOLE = slice(None)


def picked(node: Any) -> tuple[Any, ...] | None:
    """The index of each axis of a matrix or vector, of which one at least is an integer.

    An axis that is taken whole has None.
    """
    entries = node.op.idx_list
    ndim = node.inputs[0].type.ndim
    if not 0 < ndim <= 2 or any(isinstance(e, slice) and e != _WHOLE for e in entries):
        return None
    found = [None if isinstance(e, slice) else _index(node.inputs[e + 1]) for e in entries]
    whole = [isinstance(e, slice) for e in entries]
    if all(whole) or any(x is None and not w for x, w in zip(found, whole, strict=True)):
        return None
    return (*found, *[None] * (ndim - len(found)))


def _index(x: Any) -> Any:
    """A constant or a 0-d integer variable; None where an index is neither."""
    if isinstance(x, Constant):
        return x
    return x.owner.inputs[0] if x.owner and isinstance(x.owner.op, ScalarFromTensor) else None


def subtensor(view: Any, node: Any, out: int, core: int) -> Reading:
    """One column X eⱼ, one row eᵢᵀ X as a column, or one entry."""
    indices = picked(node)
    if indices is None or core != node.outputs[0].type.ndim:
        return None
    x = node.inputs[0]

    def make(t: Term) -> Term | None:
        for axis, i in enumerate(indices):
            if i is None:
                continue
            n = view.dims.normal(shape(t)[axis])
            if isinstance(i, Constant) and n.known and not -n.coef <= int(i.data) < n.coef:
                return None  # it raises, and goes on to do so
        lengths = zip(indices, shape(t)[:2], strict=False)
        found = [None if i is None else _unit(n, i) for i, n in lengths]
        if len(found) == 1:
            return v.item(v.matmul(found[0].T, t))  # type: ignore[no-any-return, union-attr]
        row, column = found
        if row is None:
            return v.matmul(t, column)  # type: ignore[no-any-return]
        if column is None:
            return v.matmul(v.transpose(t), row)  # type: ignore[no-any-return]
        return v.item(v.matmul(row.T, t, column))  # type: ignore[no-any-return]

    return [(x, x.type.ndim)], make


def _unit(n: Dim, i: Any) -> Term:
    index = number(int(i.data)) if isinstance(i, Constant) else atom(i, 0)
    return v.unit(n, index)  # type: ignore[no-any-return]


def join(view: Any, node: Any, out: int, core: int) -> Reading:
    """Matrices side by side or above each other, or vectors as one."""
    ndim = node.outputs[0].type.ndim
    if core != ndim or ndim not in (1, 2) or not same_dtype(node):
        return None
    head = v.hcat if ndim == 2 and node.op.axis % 2 == 1 else v.vcat
    return [(x, ndim) for x in node.inputs], head
