"""Readers of what only moves axes: transposes, columns, rows, reshapes."""

from __future__ import annotations

from typing import Any

from pytensor.tensor.elemwise import DimShuffle

from matchers import vocabulary as v
from matchers.reading.common import Reading, whole_batch
from matchers.terms import Term, shape


def dimshuffle(view: Any, node: Any, out: int, core: int) -> Reading:
    """Transposes, columns, rows and squeezes, which only mark how a value is read."""
    op, x = node.op, node.inputs[0]
    order, k = op.new_order, op.input_ndim
    if core == 0:
        if k == 0:
            return [(x, 0)], lambda t: t
        return ([(x, k)], v.item) if k <= 2 else None
    tail = order[-core:]
    batch = [i for i in order[:-core] if i != "x"]
    used = [i for i in tail if i != "x"]
    if not used or batch != list(range(len(batch))) or _moved_batch(order[:-core]):
        return None
    return _matrix_axes(x, k, core, tail, len(batch))


def _moved_batch(batch: tuple[Any, ...]) -> bool:
    """Whether a new axis stands to the right of a batch axis, which would reorder broadcasting."""
    first = next((i for i, a in enumerate(batch) if a != "x"), len(batch))
    return "x" in batch[first:]


def _matrix_axes(x: Any, k: int, core: int, tail: tuple[Any, ...], n_batch: int) -> Reading:
    last, before = k - 1, k - 2
    squeezed = [i for i in range(n_batch, k) if i not in tail]
    columns = {(before, last): False, (last, before): True}
    if core == 2 and tail in columns and n_batch + len(squeezed) == before:
        return [(x, 2)], v.transpose if columns[tail] else same
    (axis,) = {a for a in tail if a != "x"} if len(set(tail) - {"x"}) == 1 else (None,)
    if axis is None or (core == 2 and tail == ("x", "x")):
        return None
    # What remains is a column or a row: is it x as a vector, or x without its axis of length 1?
    if axis == last and before not in squeezed:
        need, column = (x, 1), True
    elif axis == before and last in squeezed:
        need, column = (x, 2), True
    elif axis == last:
        need, column = (x, 2), False
    else:
        return None
    n_leading = k - 1 if need[1] == 1 else k - 2
    if n_batch + len([i for i in squeezed if i < n_leading]) != n_leading:
        return None
    wants_row = core == 2 and tail[0] == "x"
    return [need], same if column != wants_row else v.transpose


def same(t: Term) -> Term:
    """The term itself."""
    return t


def specified(view: Any, node: Any, out: int, core: int) -> Reading:
    """A shape that is specified is a fact about dimensions, and else nothing."""
    return [(node.inputs[0], core)], same


def reshape(view: Any, node: Any, out: int, core: int) -> Reading:
    """Row-major reshapes between vectors and matrices, and of a batch to one matrix."""
    x, lengths = node.inputs
    if core == 2 == node.outputs[0].type.ndim and x.type.ndim > 2:
        return _beside(view, x, lengths)
    if core == 2 and x.type.ndim == 3 == node.outputs[0].type.ndim:
        return _of_members(view, x, lengths)
    if x.type.ndim not in (1, 2) or node.outputs[0].type.ndim not in (1, 2):
        return None
    if core != node.outputs[0].type.ndim:
        return None

    def make(t: Term) -> Term | None:
        if core == 1:
            return v.vec(t)  # type: ignore[no-any-return]
        new = view.lengths(lengths)
        return None if new is None else _reshaped(view, t, *new)

    return [(x, x.type.ndim)], make


def _reshaped(view: Any, t: Term, m: Any, n: Any) -> Term | None:
    rows, cols, _ = shape(t)
    if m is None or n is None:
        known = n if m is None else m
        other = view.quotient(rows * cols, known)
        if other is None:
            return None
        m, n = (other, known) if m is None else (known, other)
    if not view.dims.unify(m * n, rows * cols):
        return None
    return v.unvec(t, m, n)  # type: ignore[no-any-return]


def _of_members(view: Any, x: Any, lengths: Any) -> Reading:
    """Each member of a batch reshaped."""

    def make(t: Term) -> Term | None:
        new, batch = view.lengths(lengths), shape(t)[2]
        if new is None or len(batch) != 1 or new[0] is None:
            return None
        return _reshaped(view, t, *new[1:]) if view.dims.equal(new[0], batch[0]) else None

    return [(x, 2)], make


def _beside(view: Any, x: Any, lengths: Any) -> Reading:
    """The members of a batch side by side: their rows stand before the batch, then columns."""
    n = x.type.ndim
    if x.owner is None or type(x.owner.op) is not DimShuffle:
        return None
    batch, orders = tuple(range(n - 2)), {n - 2: n - 1, n - 1: n - 2}
    inner, (rows, *others) = x.owner.inputs[0], x.owner.op.new_order
    if inner.type.ndim != n or tuple(others) != (*batch, orders.get(rows)):
        return None

    def make(t: Term) -> Term | None:
        whole: Term = v.beside(t if rows == n - 2 else v.transpose(t))
        new = view.lengths(lengths)
        if new is None or not whole_batch(inner, t):
            return None
        both = zip(new, shape(whole)[:2], strict=True)
        return whole if all(d is None or view.dims.equal(d, side) for d, side in both) else None

    return [(inner, 2)], make
