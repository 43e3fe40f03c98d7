"""Readers of elementwise Ops: sums, elementwise products, coefficients, fills."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pytensor import scalar as ps
from pytensor.graph.basic import Constant
from pytensor.scalar import basic as scalar_basic
from pytensor.tensor.elemwise import DimShuffle
from pytensor.tensor.linalg.summary import Det

from matchers import vocabulary as v
from matchers.dims import ONE
from matchers.reading.axes import same
from matchers.reading.common import Reader, Reading, core_op, same_dtype
from matchers.terms import Number, Term


def elemwise(view: Any, node: Any, out: int, core: int) -> Reading:
    """What the scalar Op says."""
    reader = SCALAR_READERS.get(type(node.op.scalar_op))
    return None if reader is None else reader(view, node, out, core)


def _conforming(node: Any, core: int) -> bool:
    """Whether no input is broadcast along the matrix's axes, nor cast."""
    if core == 0:
        return same_dtype(node) and _inexact(node)
    pattern = node.outputs[0].type.broadcastable[-core:]
    return same_dtype(node) and all(i.type.broadcastable[-core:] == pattern for i in node.inputs)


def _inexact(node: Any) -> bool:
    """Whether the output is real or complex: coefficients that are integers would wrap around."""
    return np.dtype(node.outputs[0].type.dtype).kind in "fc"


def _add(view: Any, node: Any, out: int, core: int) -> Reading:
    return ([(i, core) for i in node.inputs], v.add) if _conforming(node, core) else None


def _sub(view: Any, node: Any, out: int, core: int) -> Reading:
    if not _conforming(node, core):
        return None
    return [(i, core) for i in node.inputs], lambda a, b: v.add(a, v.scale(-1, b))


def _neg(view: Any, node: Any, out: int, core: int) -> Reading:
    if core == 0 and not _inexact(node):
        return None
    return [(node.inputs[0], core)], lambda a: v.scale(-1, a)


def _sqr(view: Any, node: Any, out: int, core: int) -> Reading:
    if not same_dtype(node) or (core == 0 and not _inexact(node)):
        return None
    return [(node.inputs[0], core)], lambda a: v.mul(a, a)


def _pow(view: Any, node: Any, out: int, core: int) -> Reading:
    x, power = node.inputs
    if core == 0 and not _inexact(node):
        return None
    c = coefficient(power, x.type.dtype)
    if c is None or not isinstance(c[0], Constant) or float(c[0].data.item()) != 2:
        return None
    if x.type.dtype != node.outputs[0].type.dtype or not _whole(x, node, core):
        return None
    return [(x, core)], lambda a: v.mul(a, a)


def _true_div(view: Any, node: Any, out: int, core: int) -> Reading:
    x, y = node.inputs
    dtype = node.outputs[0].type.dtype
    if core and _is_one(x):
        own = y.type.dtype == dtype and _of_column(node, core) and _whole(y, node, core)
        return ([(y, core)], v.reciprocal) if own else None
    one = core == 0 and isinstance(x, Constant)
    if not (one or x.type.dtype == dtype) or not _is_coefficient(y, node):
        return None
    c = coefficient(y, dtype)
    if c is None or not _whole(x, node, core):
        return None
    if isinstance(c[0], Constant) and not np.all(c[0].data):
        return None
    return [(x, core), c], lambda t, c: v.scale(v.reciprocal(v.item(c)), t)


def _mul(view: Any, node: Any, out: int, core: int) -> Reading:
    dtype = node.outputs[0].type.dtype
    if core == 0:
        found = [coefficient(i, dtype) for i in node.inputs]
        if None in found or np.dtype(dtype).kind not in "fc":
            return None
        return [c for c in found if c is not None], v.mul
    coefs = [i for i in node.inputs if _is_coefficient(i, node)]
    parts = [i for i in node.inputs if not _is_coefficient(i, node)]
    if not parts or any(p.type.dtype != dtype for p in parts):
        return None
    found = [coefficient(c, dtype) for c in coefs]
    if any(c is None for c in found):
        return None
    n = len(found)
    needs = [c for c in found if c is not None] + [(p, core) for p in parts]
    if all(_whole(p, node, core) for p in parts):
        return needs, lambda *ts: _scaled(ts[:n], v.mul(*ts[n:]) if len(ts) > n + 1 else ts[n])
    if core != 2 or len(parts) != 2:
        return None
    sides = [_side(p, node) for p in parts]
    return _broadcast_product(n, needs, sides)


def _broadcast_product(n: int, needs: list[tuple[Any, int]], sides: list[str]) -> Reading:
    """A column times a row is an outer product; a column times a matrix scales its rows."""
    i, j = n, n + 1
    if sides[0] > sides[1]:
        i, j, sides = j, i, sides[::-1]
    makers = {
        ("column", "row"): lambda ts: v.matmul(ts[i], ts[j]),
        ("column", "whole"): lambda ts: v.matmul(v.diag(ts[i]), ts[j]),
        ("row", "whole"): lambda ts: v.matmul(ts[j], v.diag(ts[i].T)),
    }
    maker = makers.get((sides[0], sides[1]))
    if maker is None:
        return None
    return needs, lambda *ts: _scaled(ts[:n], maker(ts))


def _side(x: Any, node: Any) -> str:
    whole = node.outputs[0].type.broadcastable[-2:]
    mine = x.type.broadcastable[-2:]
    if mine == whole:
        return "whole"
    if mine == (whole[0], True):
        return "column"
    return "row" if mine == (True, whole[1]) else "z"


def _scaled(coefs: tuple[Term, ...], t: Term) -> Term:
    for c in coefs:
        t = v.scale(v.item(c), t)
    return t


def _whole(x: Any, node: Any, core: int) -> bool:
    return bool(
        core == 0 or x.type.broadcastable[-core:] == node.outputs[0].type.broadcastable[-core:]
    )


def _is_coefficient(x: Any, node: Any) -> bool:
    """Whether `x` is one value that is broadcast, and the output is more than one value."""
    return all(x.type.broadcastable) and (x.type.ndim == 0 or not _all_ones(node.outputs[0]))


def _all_ones(x: Any) -> bool:
    return all(x.type.broadcastable)


def coefficient(x: Any, dtype: str) -> tuple[Any, int] | None:
    """The variable behind a broadcast value and its core, or None.

    It is 0-d, or a vector or matrix of one entry, to be read as an `item`.

    Arithmetic on coefficients is done in their own dtype, so it must be that of what they scale.
    """
    if x.type.dtype != dtype and not _constant(x):
        return None
    while x.type.ndim and not isinstance(x, Constant):
        if x.owner is None or type(x.owner.op) is not DimShuffle:
            return (x, x.type.ndim) if x.type.ndim < 3 else None
        x = x.owner.inputs[0]
    return x, 0


def _constant(x: Any) -> bool:
    """Whether a constant is broadcast, whatever its dtype."""
    return isinstance(_broadcast(x), Constant)


def _broadcast(x: Any) -> Any:
    """What is broadcast, or moved to other axes."""
    while x.owner is not None and type(x.owner.op) is DimShuffle:
        x = x.owner.inputs[0]
    return x


def _is_one(x: Any) -> bool:
    """Whether it is the number 1, broadcast or not."""
    one = all(x.type.broadcastable) and _constant(x)
    return one and _broadcast(x).data.item() == 1


def _log(view: Any, node: Any, out: int, core: int) -> Reading:
    """log(abs(x)); of a determinant, which is how a log-determinant is spelled at first."""
    inner = node.inputs[0].owner
    if inner is None or type(getattr(inner.op, "scalar_op", None)) is not scalar_basic.Abs:
        return None
    x = inner.inputs[0]
    if x.owner is not None and type(core_op(x.owner)) is Det:
        known = not core and same_dtype(x.owner)
        return ([(x.owner.inputs[0], 2)], v.logabsdet) if known else None
    dtype = node.outputs[0].type.dtype
    return ([(x, core)], v.log_magnitude) if x.type.dtype == dtype else None


def _second(view: Any, node: Any, out: int, core: int) -> Reading:
    """A value broadcast to the shape of another, which says nothing but that shape."""
    like, value = node.inputs
    if value.type.dtype != node.outputs[0].type.dtype or node.outputs[0].type.ndim != core:
        return None
    if core and _whole(value, node, core):
        return [(value, core)], same
    repeated = [
        axis
        for axis in range(-core, 0)
        if value.type.ndim < -axis or value.type.broadcastable[axis]
        if not node.outputs[0].type.broadcastable[axis]
    ]
    if not core or like.type.ndim < core or any(like.type.broadcastable[a] for a in repeated):
        return None
    return _filled(value, core, node, lambda: view.shape_of(like, core))


def alloc(view: Any, node: Any, out: int, core: int) -> Reading:
    """One value, a row or a column, repeated to given lengths."""
    value, *lengths = node.inputs
    if core not in (1, 2) or len(lengths) != core:
        return None

    def shape_of() -> tuple[Any, Any]:
        found = [view.length(n) for n in lengths]
        return (found[0], found[1]) if core == 2 else (found[0], ONE)

    return _filled(value, core, node, shape_of)


def _filled(value: Any, core: int, node: Any, shape_of: Callable[[], tuple[Any, Any]]) -> Reading:
    """One value, a row or a column, repeated."""
    if all(value.type.broadcastable):
        c = coefficient(value, node.outputs[0].type.dtype)
        if c is None:
            return None

        def make(c: Term) -> Term:
            m, n = shape_of()
            if core == 2 and isinstance(c, Number) and not c.value:
                return v.zeros(m, n)  # type: ignore[no-any-return]
            whole = v.ones(m) if n == ONE else v.matmul(v.ones(m), v.ones(n).T)
            return v.scale(v.item(c), whole)  # type: ignore[no-any-return]

        return [c], make
    if core != 2 or value.type.ndim != 2:
        return None
    if value.type.broadcastable == (True, False):
        return [(value, 2)], lambda t: v.matmul(v.ones(shape_of()[0]), t)
    if value.type.broadcastable == (False, True):
        return [(value, 2)], lambda t: v.matmul(t, v.ones(shape_of()[1]).T)
    return None


def _reciprocal(view: Any, node: Any, out: int, core: int) -> Reading:
    own = same_dtype(node) and (core == 0 or _of_column(node, core))
    return ([(node.inputs[0], core)], v.reciprocal) if own else None


def _of_column(node: Any, core: int) -> bool:
    """Whether the output is a vector or a column, as the entries of a diagonal are."""
    out = node.outputs[0].type
    column = core == 2 and out.broadcastable[-1]
    return not all(out.broadcastable) and (out.ndim == 1 or bool(column))


def _identity(view: Any, node: Any, out: int, core: int) -> Reading:
    return [(node.inputs[0], core)], same


SCALAR_READERS: dict[type, Reader] = {
    ps.Add: _add,
    ps.Sub: _sub,
    ps.Neg: _neg,
    ps.Mul: _mul,
    ps.TrueDiv: _true_div,
    scalar_basic.Sqr: _sqr,
    scalar_basic.Pow: _pow,
    scalar_basic.Log: _log,
    scalar_basic.Reciprocal: _reciprocal,
    ps.Second: _second,
    scalar_basic.Identity: _identity,
}
