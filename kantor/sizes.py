"""Lengths as numbers: those that are known, and samples of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pytensor.compile.sharedvalue import SharedVariable
from pytensor.tensor.shape import Shape_i

from matchers.dims import Axis, Dim
from matchers.equalities import Dims

Order = Callable[[], Iterable[Dim]]

# Sample sizes at which forms are searched; only the winner is proved for all sizes. One sample has
# all lengths nearly equal, the others have them grow and shrink in the order of appearance.
SAMPLES = ((128.0, 1.01), (16.0, 1.7), (900.0, 0.6))


class Lengths:
    """The lengths that shared variables have now, or that were declared; each asked once.

    Parameters
    ----------
    dims : Dims
    sizes : mapping, optional
        Declared shapes of variables.
    fgraph : FunctionGraph, optional
        Its feature says what the lengths of what nobody reads are, in terms of others.
    """

    def __init__(self, dims: Dims, sizes: Mapping[Any, Any] | None, fgraph: Any = None) -> None:
        self.dims = dims
        self._shapes = getattr(fgraph, "shape_feature", None)
        self._given = {k: tuple(s) for k, s in (sizes or {}).items()}
        self._named = {k.name: s for k, s in self._given.items() if getattr(k, "name", None)}
        self._found: dict[Axis, float | None] = {}

    def known(self, s: Axis) -> float | None:
        """The length of an axis, by any axis that is proved to be as long."""
        if isinstance(s.owner, tuple):
            return self._composed(*s.owner)
        if s not in self._found:
            one = Dim(1, frozenset([(s, 1)]))
            axes = [axis for d in (one, *self.dims.members(one)) for axis, _ in d.powers]
            lengths = (n for n in map(self._present, axes) if n is not None)
            self._found[s] = next(map(float, lengths), None)
        return self._found[s]

    def _composed(self, kind: str, parts: tuple[Dim, ...]) -> float | None:
        """The shorter or the sum of lengths, where all of them are known."""
        found = [self._product(p) for p in map(self.dims.normal, parts)]
        if None in found:
            return None
        return (min if kind == "min" else sum)(n for n in found if n is not None)

    def _product(self, dim: Dim) -> float | None:
        out = float(dim.coef)
        for s, p in dim.powers:
            n = self.known(s)
            if n is None:
                return None
            out *= n**p
        return out

    def _present(self, axis: Axis) -> int | None:
        var = axis.owner
        if axis.axis is None:
            return None
        shape = self._given.get(var) or self._named.get(getattr(var, "name", None))
        if shape is not None and len(shape) == var.type.ndim:
            return int(shape[axis.axis])
        if isinstance(var, SharedVariable):
            value = var.get_value(borrow=True, return_internal_type=True)
            return int(value.shape[axis.axis])
        return self._inferred(var, axis.axis)

    def _inferred(self, var: Any, axis: int) -> int | None:
        """The length of an axis that is that of another variable."""
        if self._shapes is None or not self._given or getattr(var, "owner", None) is None:
            return None
        node = self._shapes.get_shape(var, axis).owner
        if node is None or type(node.op) is not Shape_i or node.inputs[0] is var:
            return None
        return self._present(Axis(node.inputs[0], node.op.i))


class Sample:
    """Dimensions as numbers: the known ones as they are, the others by a sample.

    Parameters
    ----------
    lengths : Lengths
    sample : tuple of float
        The first length, and by what factor each is longer than the last.
    order : callable
        The dimensions in the order in which they appear, asked for where one is not known; an order
        by name could not tell variables without one apart in every process.
    """

    def __init__(self, lengths: Lengths, sample: tuple[float, float], order: Order) -> None:
        self._lengths = lengths
        self._base, self._growth = sample
        self._order = order
        self._chosen: dict[Axis, float] = {}
        self._memo: dict[Dim, float] = {}

    def __call__(self, dim: Dim) -> float:
        """The dimension as a number."""
        found = self._memo.get(dim)
        if found is None:
            normal = self._lengths.dims.normal(dim)
            found = float(normal.coef)
            for s, power in _in_order(normal.powers):
                found *= self._length(s) ** power
            self._memo[dim] = found
        return found

    def _length(self, s: Axis) -> float:
        if isinstance(s.owner, tuple) and self._lengths.known(s) is None:
            kind, parts = s.owner
            return (min if kind == "min" else sum)(map(self, parts))
        if not self._chosen:
            normal = self._lengths.dims.normal
            for d in self._order():
                for t, _ in d.powers if normal(d) == d else ():
                    if not isinstance(t.owner, tuple):
                        self._choose(t)
        return self._choose(s)

    def _choose(self, s: Axis) -> float:
        found = self._chosen.get(s)
        if found is None:
            known = self._lengths.known(s)
            sampled = max(8.0, self._base * self._growth ** len(self._chosen))
            found = self._chosen[s] = sampled if known is None else known
        return found


def _in_order(powers: frozenset[tuple[Axis, int]]) -> Iterable[tuple[Axis, int]]:
    return sorted(powers, key=str) if len(powers) > 1 else powers
