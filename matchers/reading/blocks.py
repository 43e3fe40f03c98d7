"""Readers of one row, column or entry of a matrix, and of matrices joined to one."""

from __future__ import annotations

from typing import Any

from pytensor.graph.basic import Constant
from pytensor.tensor.basic import Eye, ScalarFromTensor

from matchers import vocabulary as v
from matchers.dims import Dim
from matchers.leaves import atom, number
from matchers.reading.common import Reading, same_dtype
from matchers.terms import Term, shape

_WHOLE = slice(None)


def picked(node: Any) -> tuple[Any, ...] | None:
    """The index of each axis of a matrix or vector, of which one at least is an integer.

    An axis that is taken whole has None; so are those of a batch.
    """
    entries = node.op.idx_list
    ndim = node.inputs[0].type.ndim
    if not ndim or any(isinstance(e, slice) and e != _WHOLE for e in entries):
        return None
    if ndim > 2:
        batch, entries, ndim = entries[: ndim - 2], entries[ndim - 2 :], 2
        if not all(isinstance(e, slice) for e in batch):
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
    x = node.inputs[0]
    if indices is None or core != node.outputs[0].type.ndim - max(x.type.ndim - 2, 0):
        return None

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

    return [(x, min(x.type.ndim, 2))], make


def filled(view: Any, node: Any, out: int, core: int) -> Reading:
    """Zeros of which all entries are set, as where a diagonal is differentiated."""
    whole, new = node.inputs[:2]
    if core != whole.type.ndim or not fills(node):
        return None
    return [(new, core), (whole, core)], lambda x, _: x


def fills(node: Any) -> bool:
    """Whether the node sets all entries of a matrix or vector."""
    whole, new = node.inputs[:2]
    op, ndim = node.op, whole.type.ndim
    if not op.set_instead_of_inc or ndim not in (1, 2) or new.type.ndim != ndim:
        return False
    if not same_dtype_of(node) or len(op.idx_list) > ndim:
        return False
    return all(
        [
            isinstance(e, slice) and e.step is None and _from_the_first(node, axis)
            for axis, e in enumerate(op.idx_list)
        ]
    )


def same_dtype_of(node: Any) -> bool:
    """Whether what is set has the dtype of the whole."""
    whole, new = node.inputs[:2]
    return bool(whole.type.dtype == new.type.dtype)


def _from_the_first(node: Any, axis: int) -> bool:
    """Whether a slice takes a whole axis: as long as what is set, which has the whole's length."""
    whole, new = node.inputs[:2]
    n = whole.type.shape[axis]
    return n is not None and n > 1 and new.type.shape[axis] == n


def _unit(n: Dim, i: Any) -> Term:
    index = number(int(i.data)) if isinstance(i, Constant) else atom(i, 0)
    return v.unit(n, index)  # type: ignore[no-any-return]


def taken(view: Any, node: Any, out: int, core: int) -> Reading:
    """Rows or columns of an identity by one vector of indices."""
    if core != 2 or not takes(node):
        return None
    x, p = node.inputs
    columns = len(node.op.idx_list) == 2

    def make(t: Term, p: Term) -> Term | None:
        whole = t.args[1] if t.head is v.scale else t
        if whole.head is not v.eye:
            return None
        return v.taken(t, p).T if columns else v.taken(t, p)  # type: ignore[no-any-return]

    return [(x, 2), (p, 1)], make


def takes(node: Any) -> bool:
    """Whether the node takes rows or columns of an identity by a vector of integers."""
    if tuple(node.op.idx_list) not in ((0,), (_WHOLE, 0)) or len(node.inputs) != 2:
        return False
    x, p = node.inputs
    integers = p.type.ndim == 1 and p.type.dtype[:3] in ("int", "uin")
    identity = isinstance(x, Constant) or (x.owner is not None and type(x.owner.op) is Eye)
    return integers and identity and x.type.ndim == 2


def join(view: Any, node: Any, out: int, core: int) -> Reading:
    """Matrices side by side or above each other, or vectors as one."""
    ndim = node.outputs[0].type.ndim
    if core != ndim or ndim not in (1, 2) or not same_dtype(node):
        return None
    head = v.hcat if ndim == 2 and node.op.axis % 2 == 1 else v.vcat
    return [(x, ndim) for x in node.inputs], head
