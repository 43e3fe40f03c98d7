"""Both sides of a relation in rational arithmetic, where they are equal or are not.

Nothing is rounded, so no tolerance hides a small coefficient, and a matrix is singular or is not: a
right side that lacks a value which the left side has is wrong. Two rational functions that differ
agree at few points of a large set (Schwartz 1980, Zippel 1979), so what is equal at all of these is
equal everywhere, over the complex numbers as well, but for a chance that no run will meet.

Where a head has no rational values, as a matrix exponential, both sides are evaluated to `DIGITS`
digits instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import InvalidOperation
from fractions import Fraction
from functools import cached_property
from typing import Any
from zlib import crc32

import numpy as np

import kantor.checking.exact_factors
import kantor.checking.exact_heads
import kantor.checking.exact_spectra
import kantor.checking.exact_structured  # noqa: F401 (to fill the table)
from kantor.checking.exact_numbers import (
    LONG,
    MEANING,
    RATIONAL,
    Arithmetic,
    Irrational,
    largest,
)
from kantor.checking.instances import Instance, NoInstance, Problem, cycling, preferring
from kantor.checking.makers import MAKERS
from kantor.checking.mismatch import Mismatch
from kantor.checking.numeric import ONE_WAY
from kantor.checking.sides import Sides, Undefined
from kantor.checking.variants import telling
from matchers.dims import Dim
from matchers.leaves import Number
from matchers.terms import Term
from matchers.traversal import subterms
from matchers.variables import LogicVar

# The lengths of axes; those of a Kronecker product are products of these.
LONGEST = 3
PATTERNS = ((2, 3, 2, 3, 1), (3, 2, 2, 3), (3,), (1,), (0,), (0, 2), (2, 0))
# What entries are multiplied by in long arithmetic, which an exponential of hundreds would exhaust.
SMALL = Fraction(1, 4096)
# In long arithmetic what is equal agrees to so many digits, relative to the largest entry.
AGREED = 40
# No instance of these has a value that a condition does not ask for.
FEWEST = 5


def lacking(sides: Sides, arithmetic: Arithmetic) -> list[str]:
    """The heads of both sides, in any spelling, that cannot be evaluated."""
    found = {t.head.name for side in sides.spellings.values() for t in subterms(side) if t.args}
    return sorted(found & arithmetic.lacking | found - MEANING.keys())


def value(side: Any, leaves: Mapping[LogicVar, Any], arithmetic: Arithmetic) -> Any:
    """A side at the arrays `leaves`, which hold numbers of the arithmetic.

    Raises
    ------
    Undefined
        Where it has no value, or `Irrational` where that may not be a rational one.
    """

    def leaf(x: Any) -> Any:
        if isinstance(x, LogicVar):
            return leaves[x]
        if isinstance(x, Dim):
            return length(x, leaves)
        return arithmetic.number(x) if type(x) in (int, float) else x

    if not isinstance(side, Term):
        return leaf(side)
    done: dict[Any, Any] = {}
    with arithmetic.context():
        for t in subterms(side):
            if isinstance(t, Number):
                done[t] = arithmetic.number(t.value)
            else:
                args = (done[a] if isinstance(a, Term) else leaf(a) for a in t.args)
                done[t] = _meant(t, arithmetic, *args)
        _check_finite(done[side], arithmetic)
    return done[side]


def _meant(t: Term, arithmetic: Arithmetic, *args: Any) -> Any:
    try:
        return MEANING[t.head.name](arithmetic, *args)
    except InvalidOperation:
        raise Undefined("a difference of infinite logarithms") from None


def _check_finite(x: Any, arithmetic: Arithmetic) -> None:
    if not all([arithmetic.finite(e) for e in np.asarray(x, dtype=object).ravel()]):
        raise Undefined("the logarithm of 0")


def length(dim: Dim, leaves: Mapping[LogicVar, Any]) -> int:
    """A dimension, by the shapes of `leaves`."""
    out = dim.coef
    for s, power in dim.powers:
        if isinstance(s.owner, tuple):
            kind, parts = s.owner
            out *= (min if kind == "min" else sum)(length(d, leaves) for d in parts) ** power
        else:
            out *= leaves[s.owner].shape[(s.axis or 0) - 2] ** power
    return out


# How much oftener than asked for instances are drawn.
TURNS = 8


class Exact:
    """Verifies one reading of a relation without rounding.

    Attributes
    ----------
    problem : Problem
    arithmetic : Arithmetic or None
        In which numbers, None where a head has no meaning in any.
    lacking : list of str
        The heads without rational values.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.sides = problem.sides
        self.lacking = lacking(problem.sides, RATIONAL)
        self.arithmetic: Arithmetic | None = RATIONAL
        if self.lacking:
            self.arithmetic = None if lacking(problem.sides, LONG) else LONG

    @cached_property
    def both_ways(self) -> bool:
        """Whether the right side may be replaced as well, and the left must exist if it does."""
        relation = self.sides.relation
        return relation.axiom or any(d.backward for d in relation.directions)

    def leaves(self, instance: Instance) -> dict[LogicVar, Any]:
        """The values of the variables, in numbers of the arithmetic."""
        assert self.arithmetic is not None
        found = {}
        with self.arithmetic.context():
            for x, v in zip(self.sides.variables, instance.values, strict=True):
                found[x] = self.arithmetic.array(v) if v.ndim else self.arithmetic.number(v.item())
        return found

    def check(self, instance: Instance) -> int:
        """Compare all spellings at one instance; how many entries they have.

        Raises
        ------
        Undefined
            Where the left side has no value.
        Mismatch
            Where something differs.
        """
        assert self.arithmetic is not None
        leaves = self.leaves(instance)
        spellings = dict(self.sides.spellings)
        first = spellings.pop("left side")
        try:
            left = value(first, leaves, self.arithmetic)
        except Irrational:
            raise
        except Undefined as error:
            self._check_undefined(instance, leaves, error)
            raise
        for name, side in spellings.items():
            self._compare(instance, left, name, side, leaves)
        return int(np.size(left))

    def _compare(
        self, instance: Instance, left: Any, name: str, side: Any, leaves: Mapping[LogicVar, Any]
    ) -> None:
        assert self.arithmetic is not None
        try:
            right = value(side, leaves, self.arithmetic)
        except Irrational:
            raise
        except Undefined as error:
            if instance.empty:  # says nothing of what stands beside it
                raise Undefined("a singular factor beside an empty one") from None
            what = f"the {name} has no value where the left has one, exactly: {error}"
            raise Mismatch(what, instance, _shown(left)) from error
        if np.shape(left) != np.shape(right):
            what = f"the {name} has shape {np.shape(right)}, the left {np.shape(left)}"
            raise Mismatch(what, instance, _shown(left), _shown(right))
        if not _equal(left, right, self.arithmetic):
            what = f"the {name} differs from the left, {self.arithmetic.name}"
            raise Mismatch(what, instance, _shown(left), _shown(right))

    def _check_undefined(
        self, instance: Instance, leaves: Mapping[LogicVar, Any], why: Undefined
    ) -> None:
        """Where the relation is used backward, the left side must exist if the right one does."""
        if not self.both_ways or instance.empty:
            return
        assert self.arithmetic is not None
        try:
            right = value(self.sides.written[1], leaves, self.arithmetic)
        except Undefined:
            return
        what = f"only the right side has a value, exactly: {why}; {ONE_WAY}"
        raise Mismatch(what, instance, None, _shown(right))

    def instances(
        self, examples: int, enough: Callable[[], bool] = lambda: True
    ) -> Iterator[Instance]:
        """Telling lengths, each structure, and then random ones, until there are enough.

        The left side of some relations seldom has a value.
        """
        variant = telling(self.sides)._replace(name="exact", dtype="object")
        seed = crc32(self.sides.relation.name.encode())
        fixed = {"variant": variant, "magnitude": 1 if self.arithmetic is RATIONAL else SMALL}
        for lengths in PATTERNS:
            yield from _made(self.problem, cycling(lengths), seed=seed, **fixed)
        for name in list(MAKERS)[1:]:
            for choose in (cycling((2,)), cycling((2, 3, 2))):
                for made in _made(self.problem, choose, preferring(name), seed=seed, **fixed):
                    if name in made.structure:
                        yield made
        rng = np.random.default_rng(seed)
        for turn in range(TURNS * examples):
            if turn >= examples and enough():
                return
            yield from _made(
                self.problem,
                lambda axis: int(rng.integers(0, LONGEST + 1)),
                lambda names: names[int(rng.integers(0, 2)) * int(rng.integers(0, len(names)))],
                seed=seed + turn,
                **fixed,
            )


def _made(problem: Problem, *choices: Any, **rest: Any) -> Iterator[Instance]:
    try:
        made = problem.instance(*choices, **rest)
    except NoInstance:
        return
    if made is not None:
        yield made


def _equal(left: Any, right: Any, arithmetic: Arithmetic) -> bool:
    if arithmetic is RATIONAL:
        return bool(np.all(np.equal(left, right)))
    with arithmetic.context():
        return bool(
            largest(np.subtract(right, left)) <= (largest(left) + 1) / arithmetic.number(10**AGREED)
        )


def _shown(x: Any) -> Any:
    """Numbers for the report, which rounds them."""
    if not np.size(x):
        return np.asarray(x, dtype=float)
    try:
        return np.vectorize(float, otypes=[float])(x)
    except (TypeError, OverflowError):
        return np.asarray(x)
