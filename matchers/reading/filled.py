"""Readers of what is one value, a row or a column, repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytensor.tensor.basic import Eye

from matchers import vocabulary as v
from matchers.dims import ONE
from matchers.leaves import Number
from matchers.reading.axes import same
from matchers.reading.common import Reading
from matchers.reading.single import coefficient, is_whole
from matchers.terms import Term, shape


def filled_identity(node: Any, core: int, sign: int) -> Reading:
    """An identity and one value that is added to all of its entries, as in I - 1/n."""
    if core != 2 or node.outputs[0].type.ndim != 2 or len(node.inputs) != 2:
        return None
    whole = [i for i in node.inputs if not all(i.type.broadcastable)]
    single = [i for i in node.inputs if all(i.type.broadcastable)]
    if len(whole) != 1 or not is_whole(whole[0], node, 2) or not _is_identity(whole[0]):
        return None
    c = coefficient(single[0], node.outputs[0].type.dtype)
    if c is None or whole[0].type.dtype != node.outputs[0].type.dtype:
        return None
    signs = [1, sign] if whole[0] is node.inputs[0] else [sign, 1]

    def make(eye: Term, c: Term) -> Term:
        m, n, _ = shape(eye)
        filled = v.scale(v.item(c), v.matmul(v.ones(m), v.ones(n).T))
        return v.add(v.scale(signs[0], eye), v.scale(signs[1], filled))  # type: ignore[no-any-return]

    return [(whole[0], 2), c], make


def _is_identity(x: Any) -> bool:
    return x.owner is not None and type(x.owner.op) is Eye


def second(view: Any, node: Any, out: int, core: int) -> Reading:
    """A value broadcast to the shape of another, which says nothing but that shape."""
    like, value = node.inputs
    if value.type.dtype != node.outputs[0].type.dtype or node.outputs[0].type.ndim != core:
        return None
    if core and is_whole(value, node, core):
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
