"""How accurate the right side is where matrices are ill-conditioned, beside the left.

Both sides are evaluated in double precision as they stand, and the left side in `LONG` arithmetic,
which is taken for the truth. Conditions up to `WORST` are drawn with the structure that a relation
asks for. An error is the largest of an entry, and what is allowed is

    error(right) ≤ 10 error(left) + n u |truth|

with the unit roundoff u and n the sum of all lengths, since a sum of n products is rounded n times.
The left side is now and then right by luck. Where the first look fails, the errors are therefore
the root mean squares over inputs that were moved by some units in the last place, and that of the
left is taken to be as large at least as what a unit roundoff of the inputs makes of the truth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from kantor.checking.compare import EPS, moved
from kantor.checking.conditioned import CONDITIONED, spread
from kantor.checking.entries import Array, Source
from kantor.checking.exact import lacking, value
from kantor.checking.exact_numbers import LONG, largest
from kantor.checking.instances import Instance
from kantor.checking.makers import MAKERS, linear, makers
from kantor.checking.mismatch import Mismatch
from kantor.checking.numeric import Numeric
from kantor.checking.sides import Sides, Undefined
from kantor.checking.variants import telling
from matchers.properties import OF_ENTRIES
from matchers.traversal import subterms
from matchers.variables import LogicVar

WORST = 1e8
CONDITIONS = (1.0, 1e4, WORST, WORST)
ALLOWED = 10.0
ROUNDOFF = float(np.finfo("float64").eps) / 2
LONGEST = 4
# Lengths that are drawn may contradict each other; how often others are tried.
TURNS = 20
# How many inputs near an instance say what its error is, luck aside.
NEAR = 15
STEP = 8 * EPS
# What is well-conditioned, and the largest of what there is.
TAME = 2.0
# A left side without half of its digits is worse conditioned than `WORST`, as a Kronecker product
# is whose factors both are as bad as that.
NOISE = 1e-6


class Accuracy:
    """Compares the errors of both sides of one reading of a relation.

    Attributes
    ----------
    lacking : list of str
        The heads of the left side without which there is no truth.
    asked, checked : int
        How many instances were drawn, and at how many the errors were compared.
    worst : float
        The largest error of the right side in proportion to what is allowed.
    """

    def __init__(self, numeric: Numeric, tame: frozenset[LogicVar] = frozenset()) -> None:
        self.numeric = numeric
        self.problem = numeric.problem
        self.sides = numeric.sides
        self.variant = telling(self.sides)
        self.lacking = lacking(self.sides, LONG)
        # What is relative of a determinant is absolute of its logarithm.
        heads = {t.head.name for t in subterms(self.sides.written[0])}
        self.absolute = float("logabsdet" in heads)
        self.worst = 0.0
        self.asked = self.checked = 0
        self.tame = tame

    def instances(self, examples: int) -> Iterator[tuple[Instance, list[Array]]]:
        """Lengths, structures and values, of all conditions in turn."""
        name = self.sides.relation.name
        rng = np.random.default_rng(crc32(name.encode()))
        for turn in range(TURNS * examples):
            if self.asked == examples:
                return
            made = self.problem.instance(
                lambda axis: int(rng.integers(1, LONGEST + 1)),
                lambda names: names[0],
                variant=self.variant,
                seed=turn,
            )
            if made is not None:
                self.asked += 1
                yield made, self._values(made, CONDITIONS[turn % len(CONDITIONS)], rng)

    def _values(
        self, instance: Instance, condition: float, rng: np.random.Generator
    ) -> list[Array]:
        return [
            self._drawn(i, x, v.shape, condition, rng)
            for i, (x, v) in enumerate(zip(self.sides.variables, instance.values, strict=True))
        ]

    def _drawn(
        self, index: int, x: LogicVar, shape: tuple[int, ...], condition: float,
        rng: np.random.Generator,
    ) -> Array:  # fmt: skip
        required = self.problem.required[x]
        tame = x in self.tame
        if tame:
            condition = min(condition, TAME)
        m, n = shape[-2:] if x.kind != "scalar" else (1, 1)
        square = x.kind == "matrix" and m == n
        named = [made.name for made in makers(required, square=square)]
        # One in four is as any matrix, so that what is large meets what is small.
        wild = tame or rng.integers(0, 4)
        conditioned = [CONDITIONED[k] for k in named if k in CONDITIONED and wild]

        def one() -> Array:
            if x.kind != "matrix":
                made = MAKERS[named[0]].draw(Source(rng), m, n).astype("float64")
                graded = x.kind == "vector" and required <= set(OF_ENTRIES)
                return (
                    made * rng.permutation(spread(rng, m, condition))[:, None] if graded else made
                )
            if conditioned:
                made = conditioned[0](rng, m, n, condition)
            else:
                made = MAKERS[named[0]].draw(Source(rng), m, n).astype("float64")
                if not linear(MAKERS[named[0]]):
                    return made
                made = made / max(np.linalg.norm(made, 2), 1)
            return made if tame else made * 10.0 ** rng.integers(-2, 0 if self.tame else 1)

        if len(shape) > 2:
            return np.array([one() for _ in range(int(np.prod(shape[:-2])))]).reshape(shape)
        return one().reshape(shape)

    def check(self, instance: Instance, values: list[Array]) -> None:
        """Hold the error of the right side against that of the left.

        Raises
        ------
        Undefined
            Where the left side has no value, or is ill-conditioned as a whole.
        Mismatch
            Where the right side is less accurate than it may be.
        """
        first = self._errors(values)
        share = first.share()
        if share > 1:
            share = self._near(first, values)
        self.checked += 1
        self.worst = max(self.worst, share)
        if share > 1:
            what = (
                f"the error of the right side is {first.right:.1e}, of the left {first.left:.1e}, "
                f"where the truth is {first.scale:.1e}: {share:.1f} times what is allowed"
            )
            raise Mismatch(what, instance)

    def _near(self, first: Errors, values: list[Array]) -> float:
        """The share of errors that are the root mean squares of those of inputs near by."""
        rng = np.random.default_rng(0)
        found, change = [first], 0.0
        for _ in range(NEAR):
            try:
                errors = self._errors([moved(x, STEP, rng) for x in values])
            except Undefined:
                continue
            with LONG.context():
                away = float(largest(np.subtract(errors.truth, first.truth)))
            found.append(errors)
            change = max(change, away * ROUNDOFF / STEP)
        if change > NOISE * first.scale:
            raise Undefined("ill-conditioned as a whole")
        left, right, floor = (
            float(np.sqrt(np.mean(np.square([e[k] for e in found])))) for k in range(3)
        )
        return Errors(left, right, floor, first.truth).share(change)

    def _errors(self, values: Sequence[Array]) -> Errors:
        graphs = self.numeric.graphs(self.variant)
        (left,) = graphs.value("left side")(values)
        with LONG.context():
            leaves = {
                x: LONG.array(v) if v.ndim else LONG.number(v.item())
                for x, v in zip(self.sides.variables, values, strict=True)
            }
            truth = value(self.sides.written[0], leaves, LONG)
            scale = float(largest(truth))
            wrong = _away(left, truth)
            if wrong > NOISE * scale:
                raise Undefined("ill-conditioned as a whole")
            try:
                away = _away(graphs.value("right side")(values)[0], truth)
            except Undefined:
                away = float("inf")
        n = sum(sum(v.shape) for v in values)
        return Errors(wrong, away, n * ROUNDOFF * (scale + self.absolute), truth)


_FACTORIZED = ("inverse", "det", "logabsdet", "cholesky")


def inverted_alone(sides: Sides) -> frozenset[LogicVar]:
    """The variables that the right side factorizes by themselves; where there is none, all."""
    alone = {
        t.args[0]
        for t in subterms(sides.rhs)
        if t.head.name in _FACTORIZED and isinstance(t.args[0], LogicVar)
    }
    return frozenset(alone or sides.variables)


class Errors(NamedTuple):
    """The errors of both sides at one instance, what the right one may be off anyway, the truth."""

    left: float
    right: float
    floor: float
    truth: Any

    @property
    def scale(self) -> float:
        """How large the truth is."""
        return float(largest(self.truth))

    def share(self, change: float = 0.0) -> float:
        """The error of the right side in proportion to what is allowed.

        Parameters
        ----------
        change : float
            How far the truth moves where inputs move by a unit roundoff.
        """
        allowed = ALLOWED * (self.left + change) + self.floor
        return self.right / allowed if self.right else 0.0


def _away(x: Any, truth: Any) -> float:
    return float(largest(np.subtract(LONG.array(x), truth))) if np.size(x) else 0.0
