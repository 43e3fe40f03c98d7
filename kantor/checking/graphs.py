"""All spellings of both sides of a relation, and their gradients, as compiled graphs."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytensor
import pytensor.tensor as pt

from kantor.checking.sides import Evaluator, Sides, build
from kantor.checking.variants import Variant


class Graphs:
    """All spellings of both sides over one set of inputs, compiled when they are asked for."""

    def __init__(self, sides: Sides, variant: Variant) -> None:
        self.inputs = [_input(x, variant, i) for i, x in enumerate(sides.variables)]
        self._leaves = dict(zip(sides.variables, self.inputs, strict=True))
        self._spellings = sides.spellings
        self.value = cache(self._value)
        self.gradient = cache(self._gradient)

    def output(self, name: str) -> Any:
        """The graph of one spelling."""
        return pt.as_tensor_variable(build(self._spellings[name], self._leaves))

    def _value(self, name: str) -> Evaluator:
        return Evaluator(self.inputs, [self.output(name)])

    def _gradient(self, name: str) -> Evaluator:
        """The gradients, with respect to all inputs, of a weighted sum of the entries."""
        out = self.output(name)
        weights = pt.tensor("weights", dtype=out.type.dtype, shape=(None,) * out.type.ndim)
        total = pt.mul(out, weights).sum()
        found: Any = pytensor.grad(total, self.inputs, disconnected_inputs="ignore")
        return Evaluator([*self.inputs, weights], found)


def _input(x: Any, variant: Variant, index: int) -> Any:
    if x.kind == "scalar":
        return pt.tensor(x.name, dtype=variant.dtype, shape=())
    lead = (None,) if variant.batch(index) else ()
    last = 1 if x.kind == "vector" else None
    return pt.tensor(x.name, dtype=variant.dtype, shape=(*lead, None, last))
