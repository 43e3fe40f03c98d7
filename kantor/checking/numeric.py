"""Both sides of a relation, and their gradients, evaluated at instances and compared."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from kantor.checking.compare import Measured, measured, size
from kantor.checking.entries import along
from kantor.checking.instances import Instance, Problem
from kantor.checking.sides import Evaluator, Sides, Undefined, Unsupported, build, first_line
from kantor.checking.variants import Variant
from matchers.algebra import add
from matchers.terms import Term

_GRADIENTS = ("float64",)
ONE_WAY = "if that is meant, say both_ways=False"


@dataclass
class Mismatch(Exception):
    """What is wrong at one instance, or in one graph.

    Attributes
    ----------
    what : str
        One line.
    instance : Instance or None
    left, right : array or None
        The two values.
    """

    what: str
    instance: Instance | None = None
    left: Any = None
    right: Any = None

    @property
    def about_gradients(self) -> bool:
        """Whether the values agree."""
        return "gradient" in self.what

    @property
    def missing(self) -> bool:
        """Whether the right side, or its gradient, has no value."""
        return "has no value" in self.what

    @property
    def kind(self) -> str:
        """What is wrong, without the numbers."""
        return re.sub(r"\d[\d.e+-]*", "…", self.what)

    def __str__(self) -> str:
        return self.what if self.instance is None else f"{self.what} ({self.instance})"


class Graphs:
    """All spellings of both sides over one set of inputs, compiled when they are asked for."""

    def __init__(self, sides: Sides, variant: Variant) -> None:
        self.inputs = [_input(x, variant, i) for i, x in enumerate(sides.variables)]
        self._leaves = dict(zip(sides.variables, self.inputs, strict=True))
        self._spellings = sides.spellings
        self.value = cache(self._value)
        self.summands = cache(self._summands)
        self.gradient = cache(self._gradient)

    def output(self, name: str) -> Any:
        """The graph of one spelling."""
        return pt.as_tensor_variable(build(self._spellings[name], self._leaves))

    def _value(self, name: str) -> Evaluator:
        return Evaluator(self.inputs, [self.output(name)])

    def _summands(self, name: str) -> Evaluator:
        """The parts that one spelling adds up, or none."""
        side = self._spellings[name]
        parts = side.args if isinstance(side, Term) and side.head is add else ()
        built = [pt.as_tensor_variable(build(t, self._leaves)) for t in parts]
        return Evaluator(self.inputs, built)

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


class Numeric:
    """Verifies one reading of a relation, instance by instance.

    Attributes
    ----------
    worst : float
        The largest error met in double precision, relative to size and conditioning.
    gradients : int
        At how many instances gradients were compared.
    inapplicable : dict
        Variants in which the left side cannot be built, and why.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.sides = problem.sides
        self.worst = 0.0
        self.gradients = 0
        self.inapplicable: dict[str, str] = {}
        self._graphs: dict[Variant, Graphs] = {}

    def graphs(self, variant: Variant) -> Graphs:
        """The graphs for a kind of inputs."""
        if variant not in self._graphs:
            self._graphs[variant] = Graphs(self.sides, variant)
        return self._graphs[variant]

    @cached_property
    def both_ways(self) -> bool:
        """Whether the right side may be replaced as well, and the left must exist if it does."""
        relation = self.sides.relation
        return relation.axiom or any(d.backward for d in relation.directions)

    def check(self, instance: Instance) -> int:
        """Compare everything at one instance; how many entries the two sides have.

        Of a singular factor beside an empty one nothing is asked: the left side has a value there,
        (A ⊗ B)⁻¹ for A without entries and any B, that says nothing of the factors. Nor of one
        beside zeros: where rounding hides that A is singular, A⁻¹ 0 is 0 in spite of it.

        Raises
        ------
        Undefined
            Where the left side has no value, so that nothing is asked of the right one.
        Mismatch
            Where something differs.
        """
        try:
            return self._check(instance)
        except Mismatch as failure:
            idle = instance.empty or _singular_beside_zeros(instance)
            if not (idle and failure.missing):
                raise
            self._check(self.problem.regular(instance))
            raise Undefined("a singular factor beside an empty one") from None

    def _check(self, instance: Instance) -> int:
        variant = instance.variant
        narrow = self.graphs(variant)
        try:
            left = narrow.value("left side")
        except Exception as error:
            self.inapplicable.setdefault(variant.name, first_line(error))
            raise Undefined("cannot be built") from error
        try:
            here = self.left(instance)
            (value,) = left(instance.values)
        except Undefined as error:
            self._check_undefined(instance, error)
            raise
        for name in list(self.sides.spellings)[1:]:
            self._compare(instance, here, value, name)
        if variant.dtype in _GRADIENTS:
            self._check_gradients(instance, value)
        return int(value.size)

    def left(self, instance: Instance, *, settled: bool = True) -> Measured:
        """The value of the left side in double precision, or `Undefined`."""
        wide = self.graphs(_wide(instance.variant))
        return measured(wide.value("left side"), instance.values, settled=settled)

    def _check_undefined(self, instance: Instance, why: Undefined) -> None:
        """Where the relation is used backward, the left side must exist if the right one does."""
        if not self.both_ways or isinstance(why, Unsupported) or str(why) == "ill-conditioned":
            return
        try:
            here = measured(
                self.graphs(_wide(instance.variant)).value("right side"), instance.values
            )
        except Undefined:
            return
        what = f"only the right side has a value: {why}"
        what = f"an axiom, but {what}" if self.sides.relation.axiom else f"{what}; {ONE_WAY}"
        raise Mismatch(what, instance, None, here.values[0])

    def _compare(self, instance: Instance, here: Measured, left: Any, name: str) -> None:
        try:
            (right,) = self.graphs(instance.variant).value(name)(instance.values)
        except Unsupported:
            raise
        except Undefined as error:
            what = f"the {name} has no value where the left has one: {error}"
            raise Mismatch(what, instance, left) from error
        except Exception as error:
            what = f"the {name} cannot be built: {first_line(error)}"
            raise Mismatch(what, instance, left) from error
        if right.shape == left.shape[1:] and instance.variant.batched:
            right = np.broadcast_to(right, left.shape)  # a side that mentions no batch has none
        if left.shape != right.shape:
            what = f"the {name} has shape {right.shape}, the left {left.shape}"
            raise Mismatch(what, instance, left, right)
        if right.dtype.kind == "c" and left.dtype.kind != "c":
            what = f"the {name} is {right.dtype}, the left {left.dtype}"
            raise Mismatch(what, instance, left, right)
        away = size(right - left)
        if instance.variant.dtype == "float64":
            self.worst = max(self.worst, here.relative(0, away))
        tolerance = here.tolerance(0, instance.variant.dtype, self._conditioning(instance, name))
        if not away <= tolerance:
            what = f"the {name} differs from the left by {away:.2g}, allowed is {tolerance:.1g}"
            raise Mismatch(what, instance, left, right)

    def _conditioning(self, instance: Instance, name: str) -> Measured | None:
        """That of the other side, for relations that may lose accuracy."""
        if self.sides.relation.stability == "backward":
            return None
        graphs = self.graphs(_wide(instance.variant))
        try:
            other = measured(graphs.value(name), instance.values, settled=False)
            parts = measured(graphs.summands(name), instance.values, settled=False)
        except Undefined:
            return None
        # A difference is no more accurate than what is subtracted.
        inside = max(map(size, parts.values), default=0.0)
        return replace(other, sensitivity=[s + inside for s in other.sensitivity])

    # --- gradients --------------------------------------------------------------------------------

    def _check_gradients(self, instance: Instance, value: Any) -> None:
        graphs = self.graphs(instance.variant)
        try:
            left = graphs.gradient("left side")
        except Exception:
            return  # the left side has no gradient, so none is lost
        weights = np.random.default_rng(instance.seed).standard_normal(value.shape)
        inputs = [*instance.values, weights]
        try:
            here = measured(left, inputs)
        except Undefined:
            return
        try:
            other = graphs.gradient("right side")(inputs)
        except Unsupported:
            return
        except Undefined as error:
            what = f"the gradient of the right side has no value where the left's has: {error}"
            raise Mismatch(what, instance) from error
        except Exception as error:
            what = f"the right side has no gradient: {first_line(error)}"
            raise Mismatch(what, instance) from error
        self._compare_gradients(instance, here, other)
        self.gradients += 1

    def _compare_gradients(self, instance: Instance, here: Measured, other: Sequence[Any]) -> None:
        required = self.problem.required
        for i, (x, value) in enumerate(zip(self.sides.variables, instance.values, strict=True)):
            left, right = (along(required[x], g, value) for g in (here.values[i], other[i]))
            allowed = here.tolerance(i, "float64") * (1 + size(value)) * 10
            error = size(right - left) if left.shape == right.shape else np.inf
            if not error <= allowed:
                what = f"the gradients with respect to {x} differ by {error:.2g}"
                raise Mismatch(what, instance, left, right)


def _singular_beside_zeros(instance: Instance) -> bool:
    """Whether something is all zeros and something else is singular."""
    drawn = set(instance.structure)
    return "zeros" in drawn and not drawn.isdisjoint(_SINGULAR)


_SINGULAR = {"singular", "rank_deficient", "semidefinite", "singular_diagonal"}


def _wide(variant: Variant) -> Variant:
    complex_ = variant.dtype.startswith("complex")
    return variant._replace(name="wide", dtype="complex128" if complex_ else "float64")
