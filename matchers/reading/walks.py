"""The walk from a sum to the factors of what it sums, which gives each its indices.

It goes through products, moved axes, signs, numbers, repeated values and what else is summed for no
other use. Where a sum of products is summed, one walk goes to the factors of one summand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, count
from string import ascii_letters
from typing import Any

from pytensor import scalar as ps
from pytensor.scalar.basic import Pow, Sqr
from pytensor.tensor.basic import Alloc
from pytensor.tensor.blas import BatchedDot
from pytensor.tensor.einsum import Einsum
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.linalg.inverse import MatrixInverse
from pytensor.tensor.math import Dot, Sum

from matchers.dims import Dim, symbol
from matchers.reading.common import core_op, same_dtype
from matchers.reading.einsums import subscripts
from matchers.reading.single import exponent

# How many nodes are walked through.
MOST = 48
Indices = tuple[str | None, ...]
_THROUGH = frozenset({ps.Mul, ps.Second, ps.Neg})
ADDING = frozenset({ps.Add, ps.Sub})


def squares(node: Any, powers: tuple[int, ...] = (2,)) -> bool:
    """Whether an elementwise node squares, which is a power until it is canonical."""
    kind = type(node.op.scalar_op)
    return kind is Sqr or (kind is Pow and exponent(node) in powers)


def multiplies(node: Any) -> bool:
    """Whether a node is an elementwise product."""
    return node is not None and type(node.op) is Elemwise and type(node.op.scalar_op) is ps.Mul


class Walk:
    """The factors of a sum of products.

    Parameters
    ----------
    view : View
    node : Apply
    choices : sequence of int
        Which summand is followed, where there are several.

    Attributes
    ----------
    factors : list of (Variable, str)
        What is multiplied, and the index of each of its axes.
    scalars, divisors : list of Variable
    seen : list of (Variable, indices)
        What was walked through, whose lengths are those of the indices.
    repeated : dict of str to Variable
        What tells the length of an index along which a value was repeated.
    """

    def __init__(self, view: Any, node: Any, choices: Sequence[int] = ()) -> None:
        self.factors: list[tuple[Any, str]] = []
        self.scalars: list[Any] = []
        self.divisors: list[Any] = []
        self.negative = False
        self.seen: list[tuple[Any, Indices]] = []
        self.repeated: dict[str, tuple[Any, int | None]] = {}
        self._view = view
        self._choices = list(choices)
        self._fresh: Iterator[str] = chain(ascii_letters, map(chr, count(0x100)))
        self.dtype = node.outputs[0].type.dtype
        self.output = self._labels(node.outputs[0].type.ndim)
        self.readable = self._walk(node, tuple(self.output)) and not self._choices

    def _labels(self, n: int) -> str:
        return "".join(next(self._fresh) for _ in range(n))

    def _walk(self, root: Any, output: Indices) -> bool:
        stack = [(root, output)]
        while stack:
            node, indices = stack.pop()
            if type(node.op) not in (Elemwise, Alloc) and not same_dtype(node):
                return False
            self.seen.append((node.outputs[0], indices))
            squared = type(node.op) is Elemwise and squares(node)
            for x, own in self._inputs(node, indices):
                if x.type.ndim == 0 or all(x.type.broadcastable):
                    self.scalars.append(x)
                elif x.type.dtype != self.dtype:
                    return False
                elif self._through(x, squared):
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
        elif kind is Alloc:
            x, *lengths = node.inputs
            for i, n in zip(indices, lengths, strict=True):
                if i is not None:
                    self.repeated.setdefault(i, (n, None))
            yield self._broadcast(x, indices[len(indices) - x.type.ndim :])
        elif kind is Elemwise:
            for x in self._operands(node, indices):
                yield self._broadcast(x, indices)
        elif kind is Einsum:
            spec = subscripts(node.op, node.inputs)
            assert spec is not None
            named: dict[str, str | None] = dict(zip(spec[1], indices, strict=True))
            for part, x in zip(spec[0], node.inputs, strict=True):
                for i in part:
                    if i not in named:
                        named[i] = next(self._fresh)
                yield self._broadcast(x, tuple(named[i] for i in part))
        else:
            k = next(self._fresh)
            (*batch, m, n) = indices
            x, y = node.inputs
            yield self._broadcast(x, (*batch, m, k))
            yield self._broadcast(y, (*batch, k, n))

    def _broadcast(self, x: Any, indices: Indices) -> tuple[Any, Indices]:
        """An operand, without indices where it has one entry only."""
        own = zip(indices, x.type.broadcastable, strict=True)
        return x, tuple(None if one else i for i, one in own)

    def _operands(self, node: Any, indices: Indices) -> list[Any]:
        """What an elementwise node multiplies."""
        kind = type(node.op.scalar_op)
        if kind is ps.Second:
            like, value = node.inputs
            for axis, i in enumerate(indices):
                if i is not None and not like.type.broadcastable[axis]:
                    self.repeated.setdefault(i, (like, axis))
            return [value]
        if kind in ADDING:
            chosen = self._choices.pop(0)
            x = node.inputs[chosen]
            self.negative ^= kind is ps.Sub and chosen == 1
            for axis, i in enumerate(indices):
                if i is not None and x.type.broadcastable[axis]:
                    self.repeated.setdefault(i, (node.outputs[0], axis))
            return [x]
        if kind is ps.TrueDiv:
            self.divisors.append(node.inputs[1])
            return [node.inputs[0]]
        if kind is ps.Neg:
            self.negative = not self.negative
        if kind is Pow:
            return [node.inputs[0]] * (2 if squares(node) else 1)
        return [node.inputs[0]] * 2 if kind is Sqr else node.inputs

    def _through(self, x: Any, squared: bool) -> bool:
        node = x.owner
        if node is None or (self._view.nodes is not None and node not in self._view.nodes):
            return False
        kind = type(node.op)
        if kind in (DimShuffle, Alloc):
            return True  # which costs nothing, however often it is done
        if kind is Elemwise:  # summing it costs more than its factors do
            scalar = type(node.op.scalar_op)
            if scalar is ps.TrueDiv:
                return _divided(node)
            if scalar in ADDING:
                return bool(self._choices) and not self._view.shared(x)
            return scalar in _THROUGH or squares(node, (1, 2))
        if squared or self._view.shared(x):
            return False
        if kind is Einsum:
            return subscripts(node.op, node.inputs) is not None
        if kind is Sum:
            return True
        product = kind is BatchedDot or type(core_op(node)) is Dot
        same = product and all([i.type.ndim == x.type.ndim for i in node.inputs])
        return same and not any(map(_inverted, node.inputs))

    def _factor(self, x: Any, own: Indices) -> bool:
        if None in own or any(x.type.broadcastable) or len(set(own)) != len(own):
            return False
        if self._view.natural_core(x) != min(x.type.ndim, 2):
            return False  # a batch of vectors, which reads as more than an array
        self.factors.append((x, "".join(i for i in own if i is not None)))
        return True

    def length(self, index: str) -> Dim:
        """The length of an index that no factor has."""
        x, axis = self.repeated[index]
        found: Dim = self._view.length(x) if axis is None else symbol(x, axis)
        return found

    def learn(self) -> None:
        """What was walked through has the lengths of its indices."""
        view = self._view
        lengths: dict[str, Any] = {}
        for x, part in self.factors:
            for axis, i in enumerate(part):
                own = symbol(x, axis)
                view.dims.unify(lengths.setdefault(i, own), own)
        for i, (like, known) in self.repeated.items():
            view.dims.unify(lengths.setdefault(i, self.length(i)), self.length(i))
            if known is not None:
                _trace(view, like)
        for x, indices in self.seen:
            for axis, index in enumerate(indices):
                if index in lengths and not x.type.broadcastable[axis]:
                    view.dims.unify(lengths[index], symbol(x, axis))


def _inverted(x: Any) -> bool:
    """Whether a factor is an inverse, which is to be applied to the others and not to be made."""
    while x.owner is not None and type(x.owner.op) is DimShuffle:
        x = x.owner.inputs[0]
    return x.owner is not None and type(core_op(x.owner)) is MatrixInverse


def _divided(node: Any) -> bool:
    """Whether a quotient is by a number, and not of one."""
    x, y = node.inputs
    return all(y.type.broadcastable) and x.type.broadcastable == node.outputs[0].type.broadcastable


def _trace(view: Any, root: Any) -> None:
    """Learn the lengths of an elementwise graph, of which a value takes the shape and no more."""
    stack, seen = [root], {root}
    while stack and len(seen) <= MOST:
        x = stack.pop()
        node = x.owner
        if node is None or type(node.op) not in (Elemwise, DimShuffle):
            continue
        moved = type(node.op) is DimShuffle
        for i in node.inputs:
            order = node.op.new_order if moved else range(x.type.ndim)
            for axis, own in enumerate(order):
                if own != "x" and not i.type.broadcastable[own]:
                    view.dims.unify(symbol(x, axis), symbol(i, own))
            if i not in seen:
                seen.add(i)
                stack.append(i)


__all__ = ["ADDING", "MOST", "Walk", "multiplies", "squares"]
