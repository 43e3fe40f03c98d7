"""Readers of elementwise Ops: sums, powers, and the table of all by their scalar Op."""

from __future__ import annotations

from typing import Any

from pytensor import scalar as ps
from pytensor.scalar import basic as scalar_basic

from matchers import vocabulary as v
from matchers.reading.axes import same
from matchers.reading.common import Reader, Reading, same_dtype
from matchers.reading.filled import filled_identity, second
from matchers.reading.logarithms import absolute, logarithm, sign_of
from matchers.reading.scaling import mul, true_div
from matchers.reading.single import conforming, exponent, inexact, is_whole, of_column


def elemwise(view: Any, node: Any, out: int, core: int) -> Reading:
    """What the scalar Op says."""
    reader = SCALAR_READERS.get(type(node.op.scalar_op))
    return None if reader is None else reader(view, node, out, core)


def _add(view: Any, node: Any, out: int, core: int) -> Reading:
    if not conforming(node, core):
        return filled_identity(node, core, 1)
    return [(i, core) for i in node.inputs], v.add


def _sub(view: Any, node: Any, out: int, core: int) -> Reading:
    if not conforming(node, core):
        return filled_identity(node, core, -1)
    return [(i, core) for i in node.inputs], lambda a, b: v.add(a, v.scale(-1, b))


def _neg(view: Any, node: Any, out: int, core: int) -> Reading:
    if core == 0 and not inexact(node):
        return None
    return [(node.inputs[0], core)], lambda a: v.scale(-1, a)


def _sqr(view: Any, node: Any, out: int, core: int) -> Reading:
    if not same_dtype(node) or (core == 0 and not inexact(node)):
        return None
    return [(node.inputs[0], core)], lambda a: v.mul(a, a)


def _pow(view: Any, node: Any, out: int, core: int) -> Reading:
    x = node.inputs[0]
    if core == 0 and not inexact(node):
        return None
    power = exponent(node)
    if power not in (1, 2):
        return None
    if x.type.dtype != node.outputs[0].type.dtype or not is_whole(x, node, core):
        return None
    return [(x, core)], same if power == 1 else lambda a: v.mul(a, a)


def _reciprocal(view: Any, node: Any, out: int, core: int) -> Reading:
    own = same_dtype(node) and (core == 0 or of_column(node, core))
    return ([(node.inputs[0], core)], v.reciprocal) if own else None


def _real(view: Any, node: Any, out: int, core: int) -> Reading:
    """The real part, of what is real."""
    return ([(node.inputs[0], core)], same) if same_dtype(node) else None


def _identity(view: Any, node: Any, out: int, core: int) -> Reading:
    return [(node.inputs[0], core)], same


SCALAR_READERS: dict[type, Reader] = {
    ps.Add: _add,
    ps.Sub: _sub,
    ps.Neg: _neg,
    ps.Mul: mul,
    ps.TrueDiv: true_div,
    scalar_basic.Sqr: _sqr,
    scalar_basic.Pow: _pow,
    scalar_basic.Log: logarithm,
    scalar_basic.Abs: absolute,
    scalar_basic.Sign: sign_of,
    scalar_basic.Reciprocal: _reciprocal,
    ps.Second: second,
    scalar_basic.Identity: _identity,
    scalar_basic.Real: _real,
}
