"""What is one value: coefficients, exponents, and whether an input is broadcast."""

from __future__ import annotations

from typing import Any

import numpy as np
from pytensor import scalar as ps
from pytensor.graph.basic import Constant
from pytensor.tensor.elemwise import DimShuffle
from pytensor.tensor.shape import Shape, Shape_i
from pytensor.tensor.subtensor import Subtensor

from matchers import vocabulary as v
from matchers.reading.common import same_dtype
from matchers.terms import Term


def conforming(node: Any, core: int) -> bool:
    """Whether no input is broadcast along the matrix's axes, nor cast."""
    if core == 0:
        return same_dtype(node) and inexact(node)
    pattern = node.outputs[0].type.broadcastable[-core:]
    return same_dtype(node) and all(i.type.broadcastable[-core:] == pattern for i in node.inputs)


def inexact(node: Any) -> bool:
    """Whether the output is real or complex: coefficients that are integers would wrap around."""
    return np.dtype(node.outputs[0].type.dtype).kind in "fc"


def exponent(node: Any) -> float | None:
    """The number that a power has as its exponent; the gradient of a square has 2 - 1."""
    x = unbroadcast(node.inputs[1])
    if x.owner is not None and type(getattr(x.owner.op, "scalar_op", None)) is ps.Sub:
        a, b = map(_number, x.owner.inputs)
        return None if a is None or b is None else a - b
    return _number(x)


def _number(x: Any) -> float | None:
    x = unbroadcast(x)
    one = isinstance(x, Constant) and x.data.size == 1 and x.data.dtype.kind in "fiu"
    return float(x.data.item()) if one else None


def scaled(coefs: tuple[Term, ...], t: Term) -> Term:
    """A term with coefficients in front."""
    for c in coefs:
        t = v.scale(v.item(c), t)
    return t


def is_whole(x: Any, node: Any, core: int) -> bool:
    """Whether an input is not broadcast along the axes of the matrix."""
    return bool(
        core == 0 or x.type.broadcastable[-core:] == node.outputs[0].type.broadcastable[-core:]
    )


def is_coefficient(x: Any, node: Any) -> bool:
    """Whether `x` is one value that is broadcast, and the output is more than one value."""
    return all(x.type.broadcastable) and (x.type.ndim == 0 or not all_ones(node.outputs[0]))


def all_ones(x: Any) -> bool:
    """Whether `x` has one entry."""
    return all(x.type.broadcastable)


def coefficient(x: Any, dtype: str) -> tuple[Any, int] | None:
    """The variable behind a broadcast value and its core, or None.

    It is 0-d, or a vector or matrix of one entry, to be read as an `item`.

    Arithmetic on coefficients is done in their own dtype, so it must be that of what they scale.
    """
    if x.type.dtype != dtype and not constant(x) and not _counts(x):
        return None
    while x.type.ndim and not isinstance(x, Constant):
        if x.owner is None or type(x.owner.op) is not DimShuffle:
            return (x, x.type.ndim) if x.type.ndim < 3 else None
        x = x.owner.inputs[0]
    return x, 0


def constant(x: Any) -> bool:
    """Whether a constant is broadcast, whatever its dtype."""
    return isinstance(unbroadcast(x), Constant)


def _counts(x: Any) -> bool:
    """Whether an integer is the length of something, of which no product wraps around."""
    inner = unbroadcast(x)
    if inner.type.ndim or inner.type.dtype != "int64" or inner.owner is None:
        return False
    op, (first, *_) = inner.owner.op, inner.owner.inputs
    if type(op) is Subtensor:
        return first.owner is not None and type(first.owner.op) is Shape
    return type(op) is Shape_i


def unbroadcast(x: Any) -> Any:
    """What is broadcast, or moved to other axes."""
    while x.owner is not None and type(x.owner.op) is DimShuffle:
        x = x.owner.inputs[0]
    return x


def is_one(x: Any) -> bool:
    """Whether it is the number 1, broadcast or not."""
    one = all(x.type.broadcastable) and constant(x)
    return one and unbroadcast(x).data.item() == 1


def of_column(node: Any, core: int) -> bool:
    """Whether the output is a vector or a column, as the entries of a diagonal are."""
    out = node.outputs[0].type
    column = core == 2 and out.broadcastable[-1]
    return not all(out.broadcastable) and (out.ndim == 1 or bool(column))
