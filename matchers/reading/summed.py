"""Sums of broadcast products, and einsums, as contractions over named indices.

``(A[:, :, None] * B[None, :, :]).sum(1)`` is the contraction ``ij,jk->ik``. The walk goes from the
sum through products, moved axes and what else is summed for no other use, and gives each factor its
indices; a factor of which an axis is broadcast has no index there.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count
from string import ascii_letters
from typing import Any

from pytensor import scalar as ps
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.math import Dot, Sum

from matchers import contractions
from matchers import vocabulary as v
from matchers.dims import symbol
from matchers.reading.common import Reading, same_dtype
from matchers.reading.elementwise import coefficient
from matchers.terms import Term

# How many nodes are walked through.
MOST = 48
Indices = tuple[str | None, ...]


def broadcasting(node: Any) -> bool:
    """Whether a sum is over a product that repeats a factor; cheap, asked of every sum."""
    above = node.inputs[0].owner
    if above is None or type(above.op) is not Elemwise or type(above.op.scalar_op) is not ps.Mul:
        return False
    whole = above.outputs[0].type.broadcastable
    return any(
        i.type.broadcastable != whole and not all(i.type.broadcastable) for i in above.inputs
    )


class _Walk:
    """The factors of a sum of products.

    Attributes
    ----------
    factors : list of (Variable, str)
        What is multiplied, and the index of each of its axes.
    scalars : list of Variable
    seen : list of (Variable, indices)
        What was walked through, whose lengths are those of the indices.
    """

    def __init__(self, view: Any, node: Any) -> None:
        self.factors: list[tuple[Any, str]] = []
        self.scalars: list[Any] = []
        self.seen: list[tuple[Any, Indices]] = []
        self._view = view
        self._fresh: Iterator[str] = chain(ascii_letters, map(chr, count(0x100)))
        self.dtype = node.outputs[0].type.dtype
        self.output = self._labels(node.outputs[0].type.ndim)
        self.readable = self._walk(node, tuple(self.output))

    def _labels(self, n: int) -> str:
        return "".join(next(self._fresh) for _ in range(n))

    def _walk(self, root: Any, output: Indices) -> bool:
        stack = [(root, output)]
        while stack:
            node, indices = stack.pop()
            if not same_dtype(node) and type(node.op) is not Elemwise:
                return False
            self.seen.append((node.outputs[0], indices))
            for x, own in self._inputs(node, indices):
                if x.type.ndim == 0 or all(x.type.broadcastable):
                    self.scalars.append(x)
                elif x.type.dtype != self.dtype:
                    return False
                elif self._through(x):
                    stack.append((x.owner, own))
                elif not self._factor(x, own):
                    return False
                if len(self.seen) > MOST:
                    return False
        return True

    def _inputs(self, node: Any, indices: Indices) -> Iterator[tuple[Any, Indices]]:
        kind = type(node.op)
        if kind is Sum:
            (x,) = node.inputs
            axes = range(x.type.ndim) if node.op.axis is None else node.op.axis
            kept = iter(indices)
            yield (
                x,
                tuple(next(self._fresh) if i in axes else next(kept) for i in range(x.type.ndim)),
            )
        elif kind is DimShuffle:
            own: list[str | None] = [None] * node.op.input_ndim
            for axis, index in zip(node.op.new_order, indices, strict=True):
                if axis != "x":
                    own[axis] = index
            yield node.inputs[0], tuple(own)
        elif kind is Dot:
            k = next(self._fresh)
            (m, n) = indices
            yield from zip(node.inputs, ((m, k), (k, n)), strict=True)
        else:
            for x in node.inputs:
                ones = x.type.broadcastable
                yield x, tuple(None if one else i for i, one in zip(indices, ones, strict=True))

    def _through(self, x: Any) -> bool:
        node = x.owner
        if node is None or (self._view.nodes is not None and node not in self._view.nodes):
            return False
        op = node.op
        kind = type(op)
        if kind is DimShuffle:
            return True  # which costs nothing, however often it is done
        if kind is Elemwise:
            return type(op.scalar_op) is ps.Mul  # summing it costs more than its factors do
        if self._view.shared(x):
            return False
        return kind is Sum or (kind is Dot and all(i.type.ndim == 2 for i in node.inputs))

    def _factor(self, x: Any, own: Indices) -> bool:
        if None in own or any(x.type.broadcastable) or len(set(own)) != len(own):
            return False
        if self._view.natural_core(x) != min(x.type.ndim, 2):
            return False  # a batch of vectors, which reads as more than an array
        self.factors.append((x, "".join(i for i in own if i is not None)))
        return True


def product(view: Any, node: Any, core: int) -> Reading:
    """A sum of a broadcast product as a contraction."""
    ndim = node.outputs[0].type.ndim
    if core != min(ndim, 2) or not same_dtype(node) or any(node.outputs[0].type.broadcastable):
        return None
    walk = _Walk(view, node)
    used = {i for _, part in walk.factors for i in part}
    if not walk.readable or len(walk.factors) < 2 or not set(walk.output) <= used:
        return None
    found = [coefficient(s, walk.dtype) for s in walk.scalars]
    if any(c is None for c in found):
        return None
    n = len(found)
    needs = [c for c in found if c is not None]
    needs += [(x, min(len(part), 2)) for x, part in walk.factors]
    spec = f"{','.join(part for _, part in walk.factors)}->{walk.output}"

    def make(*terms: Term) -> Term | None:
        _learn(view, walk)
        made = contractions.read(spec, terms[n:])
        for c in terms[:n] if made is not None else ():
            made = v.scale(v.item(c), made)
        return made

    return needs, make


def _learn(view: Any, walk: _Walk) -> None:
    """What was walked through has the lengths of its indices."""
    lengths: dict[str, Any] = {}
    for x, part in walk.factors:
        for axis, i in enumerate(part):
            own = symbol(x, axis)
            view.dims.unify(lengths.setdefault(i, own), own)
    for x, indices in walk.seen:
        for axis, index in enumerate(indices):
            if index in lengths and not x.type.broadcastable[axis]:
                view.dims.unify(lengths[index], symbol(x, axis))


__all__ = ["broadcasting", "product"]
