"""Both sides of a relation, and their gradients, evaluated at instances and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from kantor.checking.compare import EPS, Measured, measured, reached, size
from kantor.checking.directions import along
from kantor.checking.graphs import Graphs
from kantor.checking.instances import Instance, Problem
from kantor.checking.mismatch import Mismatch
from kantor.checking.sides import Evaluator, Undefined, Unsupported, first_line
from kantor.checking.variants import Variant
from matchers.traversal import subterms
from matchers.vocabulary import expm
from relations.library import VALUES_ONLY

_GRADIENTS = ("float64",)
# How many units in the last place are no difference.
CLOSE = 8
# So many gradients are compared at first, and then one in so many.
OFTEN, SELDOM = 200, 4
ROUGH = 10
# How often inputs are moved where gradients seem to differ.
OFTEN_MOVED = 40
ONE_WAY = "if that is meant, say both_ways=False"


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
        self._turn = 0

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
        beside zeros, where rounding hides that A is singular and A⁻¹ 0 is 0 in spite of it: with
        other entries in place of the zeros the left side has no value then. Without rounding
        (`kantor.checking.exact`) there is no such excuse.

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
            if not failure.missing or not (instance.empty or self._hidden_by_zeros(instance)):
                raise
            self._check(self.problem.regular(instance))
            raise Undefined("a singular factor beside an empty one") from None

    def _hidden_by_zeros(self, instance: Instance) -> bool:
        """Whether the left side has no value with other entries where one variable is zeros."""
        kind = np.dtype(instance.variant.dtype)
        eps = float(np.finfo(kind).eps) if kind.kind in "fc" else EPS
        tried = [instance]
        for i, x in enumerate(instance.values):
            if x.size and not np.any(x):
                other = (*instance.structure[:i], "plain", *instance.structure[i + 1 :])
                tried.append(replace(instance, structure=other))
        for other_instance in tried:
            try:
                at = self.left(other_instance)
            except Undefined:
                return True
            if eps * at.sensitivity[0] > 0.01 * size(at.values[0]):
                return True  # in the precision of its dtype
        return False

    def _check(self, instance: Instance) -> int:
        variant = instance.variant
        narrow = self.graphs(variant)
        try:
            left = narrow.value("left side")
        except Exception as error:
            self.inapplicable.setdefault(variant.name, first_line(error))
            raise Undefined("cannot be built") from error
        try:
            (value,) = left(instance.values)
            if not self._agree(instance, value):
                here = self.left(instance)
                for name in self._others:
                    self._compare(instance, here, value, name)
        except Undefined as error:
            self._check_undefined(instance, error)
            raise
        self._turn += 1
        if variant.dtype in _GRADIENTS and (self._turn <= OFTEN or self._turn % SELDOM == 0):
            self._check_gradients(instance, value)
        return int(value.size)

    @cached_property
    def _rough(self) -> bool:
        """Whether there is a matrix exponential: SciPy's is off by 1e-12 at a norm of 10."""
        return any(t.head is expm for side in self.sides.written for t in subterms(side))

    @property
    def _others(self) -> list[str]:
        """All spellings but that of the left side as it is written."""
        return list(self.sides.spellings)[1:]

    def _agree(self, instance: Instance, left: Any) -> bool:
        """Whether all spellings agree to the last digits, whatever the conditioning."""
        graphs, worst = self.graphs(instance.variant), 0.0
        for name in self._others:
            try:
                (right,) = graphs.value(name)(instance.values)
            except Exception:
                return False
            if not _close(left, right):
                return False
            worst = max(worst, size(right - left) / (size(left) or 1))
        if instance.variant.dtype == "float64":
            self.worst = max(self.worst, worst)
        return True

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
        elif here.values[0].shape == right.shape:  # in low precision the left may be off itself
            away = min(away, size(right - here.values[0]))
        kind, noise = instance.variant.dtype, self._noise(instance, name)
        tolerance = here.tolerance(0, kind, noise)
        if away > tolerance and noise is not None:
            left_side = self.graphs(_wide(instance.variant)).value("left side")
            (reach,) = self._reach(left_side, instance.values, 1)
            tolerance = here.tolerance(0, kind, noise, reach)
        tolerance *= ROUGH if self._rough else 1
        if not away <= tolerance:
            what = f"the {name} differs from the left by {away:.2g}, allowed is {tolerance:.1g}"
            raise Mismatch(what, instance, left, right)

    def _noise(self, instance: Instance, name: str) -> Measured | None:
        """That of the other side, for relations that may lose accuracy."""
        wide = self.graphs(_wide(instance.variant))
        return self._noise_of(wide.value(name), instance.values)

    def _reach(self, evaluate: Evaluator, inputs: Sequence[Any], results: int) -> list[float]:
        """How far results move where zeros move of which no condition asks anything."""
        free = [not self.problem.required[x] for x in self.sides.variables]
        try:
            return reached(evaluate, inputs, [*free, *[False] * (len(inputs) - len(free))])
        except Undefined:
            return [0.0] * results

    def _noise_of(self, evaluate: Evaluator, inputs: Sequence[Any]) -> Measured | None:
        if self.sides.relation.stability == "backward":
            return None
        try:
            return measured(evaluate, inputs, settled=False)
        except Undefined:
            return None

    # --- gradients --------------------------------------------------------------------------------

    def _check_gradients(self, instance: Instance, value: Any) -> None:
        if VALUES_ONLY in self.sides.relation.tags:
            return
        graphs = self.graphs(instance.variant)
        try:
            left = graphs.gradient("left side")
        except Exception:
            return  # the left side has no gradient, so none is lost
        weights = np.random.default_rng(instance.seed).standard_normal(value.shape)
        inputs = [*instance.values, weights]
        try:
            if self._gradients_agree(instance, left(inputs), inputs):
                self.gradients += 1
                return
            here = measured(left, inputs)
        except Undefined:
            return
        try:
            right = graphs.gradient("right side")
            other, noise = right(inputs), self._noise_of(right, inputs)
        except Unsupported:
            return
        except Undefined as error:
            if str(error).startswith("LinAlgError") and self._is_noise(instance):
                return  # of a determinant that is 0, by an inverse that rounding may let exist
            what = f"the gradient of the right side has no value where the left's has: {error}"
            raise Mismatch(what, instance) from error
        except Exception as error:
            what = f"the right side has no gradient: {first_line(error)}"
            raise Mismatch(what, instance) from error
        try:
            self._compare_gradients(instance, here, other, noise)
        except Mismatch:
            # Which of two equal eigenvalues is the first is seen where inputs move often enough.
            try:
                here = measured(left, inputs, times=OFTEN_MOVED)
            except Undefined:
                return
            reach = self._reach(left, inputs, len(other)) if noise is not None else ()
            self._compare_gradients(instance, here, other, noise, reach)
        self.gradients += 1

    def _gradients_agree(self, instance: Instance, left: list[Any], inputs: list[Any]) -> bool:
        """Whether the gradients are alike but for the last digits."""
        try:
            right = self.graphs(instance.variant).gradient("right side")(inputs)
        except Exception:
            return False
        required = self.problem.required
        return all(
            _close(along(required[x], a, v), along(required[x], b, v))
            for x, a, b, v in zip(self.sides.variables, left, right, instance.values, strict=True)
        )

    def _is_noise(self, instance: Instance) -> bool:
        """Whether the left side is 0 up to rounding."""
        at = self.left(instance, settled=False)
        return size(at.values[0]) <= 100 * at.noise[0]

    def _compare_gradients(
        self, instance: Instance, here: Measured, other: Sequence[Any], noise: Measured | None,
        reach: Sequence[float] = (),
    ) -> None:  # fmt: skip
        required = self.problem.required
        for i, (x, value) in enumerate(zip(self.sides.variables, instance.values, strict=True)):
            left, right = (along(required[x], g, value) for g in (here.values[i], other[i]))
            far = reach[i] if reach else 0.0
            allowed = here.tolerance(i, "float64", noise, far) * (1 + size(value)) * 10
            error = size(right - left) if left.shape == right.shape else np.inf
            if not error <= allowed:
                what = f"the gradients with respect to {x} differ by {error:.2g}"
                raise Mismatch(what, instance, left, right)


def _close(left: Any, right: Any) -> bool:
    """Whether two arrays are alike but for the last digits."""
    if left.shape != right.shape or (right.dtype.kind == "c" and left.dtype.kind != "c"):
        return False
    eps = np.finfo(left.dtype).eps if left.dtype.kind in "fc" else EPS
    return bool(size(right - left) <= CLOSE * eps * size(left))


def _wide(variant: Variant) -> Variant:
    complex_ = variant.dtype.startswith("complex")
    return variant._replace(name="wide", dtype="complex128" if complex_ else "float64")
