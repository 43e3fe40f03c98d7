"""Random conforming instances, drawn from the declared variables and conditions alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from zlib import crc32

import numpy as np

from kantor.checking.demands import demands, given_shapes, keys, own_demands, own_keys
from kantor.checking.entries import Array, Source
from kantor.checking.lengths import Known, Lengths
from kantor.checking.makers import MAKERS, linear, makers
from kantor.checking.sides import Sides
from kantor.checking.variants import PLAIN, Variant
from matchers.conditions import Condition
from matchers.dims import Axis
from matchers.variables import LogicVar

LONGEST = 5


class NoInstance(Exception):
    """Nothing that meets the conditions can be drawn; the message says why."""


@dataclass(frozen=True)
class Instance:
    """Values for the variables of a relation.

    Attributes
    ----------
    sides : Sides
    variant : Variant
    known : dict
        The length of each axis.
    structure : tuple of str
        The maker of each variable.
    seed : int
    batch : int
        The length of the batch axis.
    magnitude : float
        What the entries of variables without a structure of their own are multiplied by; a rational
        number and all that a multiple of has the same structure, where nothing is rounded.
    """

    sides: Sides
    variant: Variant
    known: Known
    structure: tuple[str, ...]
    seed: int
    batch: int = 2
    magnitude: float = 1.0

    def shape(self, x: LogicVar) -> tuple[int, int]:
        """Rows and columns of a variable."""
        if x.kind == "scalar":
            return 1, 1
        return self.known[Axis(x, 0)], 1 if x.kind == "vector" else self.known[Axis(x, 1)]

    @cached_property
    def values(self) -> list[Array]:
        """The value of each variable, in their order."""
        kind = np.dtype(self.variant.dtype).kind
        out = []
        for i, (x, name) in enumerate(zip(self.sides.variables, self.structure, strict=True)):
            source = Source(np.random.default_rng([self.seed, i]), kind)
            m, n = self.shape(x)
            batched = self.variant.batch(i) and x.kind != "scalar"
            drawn = [MAKERS[name].draw(source, m, n) for _ in range(self.batch if batched else 1)]
            if linear(MAKERS[name]) if kind == "O" else not MAKERS[name].has and kind != "i":
                drawn = [self.magnitude * d for d in drawn]
            value = np.array(drawn).reshape((len(drawn), m, n)) if batched else drawn[0]
            value = value[0, 0] if x.kind == "scalar" else value
            out.append(np.asarray(value).astype(self.variant.dtype))
        return out

    @property
    def empty(self) -> bool:
        """Whether some axis has length 0."""
        return 0 in self.known.values() or bool(self.variant.batched and not self.batch)

    def __str__(self) -> str:
        parts = []
        for x, name, value in zip(self.sides.variables, self.structure, self.values, strict=True):
            shape = " × ".join(map(str, value.shape)) or "a scalar"
            parts.append(f"{x}: {shape}" if name == "plain" else f"{x}: {shape} {_words(name)}")
        return f"{self.variant.name}; {', '.join(parts)}"


def _words(name: str) -> str:
    return name.replace("_", " ")


class Problem:
    """What instances of one reading of a relation are drawn from.

    Parameters
    ----------
    sides : Sides
    conditions : tuple of Condition, optional
        Instead of those of the relation, for near misses: the shapes of variables that the left
        side holds as ``vec`` only are then any that have the right number of entries.
    """

    def __init__(self, sides: Sides, conditions: tuple[Condition, ...] | None = None) -> None:
        self.sides = sides
        self.conditions = sides.relation.conditions if conditions is None else conditions
        own = set(own_keys(sides))
        self.required = {
            x: frozenset(keys(x, self.conditions)) | {key for y, key in own if y is x}
            for x in sides.variables
        }
        axes = [Axis(x, i) for x in sides.variables for i in range(_AXES.get(x.kind, 0))]
        demanded = [e for c in self.conditions for e in demands(c)]
        shapes = given_shapes(sides) if conditions is None else ()
        nonzero = [n for c in self.conditions for n in c.nonzero()]
        self.lengths = Lengths(axes, [*own_demands(sides), *shapes, *demanded], nonzero)

    def structures(self, x: LogicVar, shape: tuple[int, int]) -> tuple[str, ...]:
        """The makers of values for a variable of this shape."""
        square = x.kind == "matrix" and shape[0] == shape[1]
        found = tuple(m.name for m in makers(self.required[x], square=square))
        if not found:
            keys = " and ".join(sorted(self.required[x]))
            raise NoInstance(
                f"nothing draws a {x.kind} {x} that is {keys}; "
                "register a maker of such values with kantor.checking.maker"
            )
        return found

    def instance(
        self,
        choose: Callable[[Axis], int],
        pick: Callable[[tuple[str, ...]], str] = lambda names: names[0],
        **rest: Any,
    ) -> Instance | None:
        """An instance with these choices, or None where the lengths contradict each other."""
        known = self.lengths.solve(choose)
        if known is None:
            return None
        fields = {"variant": PLAIN, "seed": 0, **rest}
        blank = Instance(self.sides, known=known, structure=(), **fields)
        if any([not _rank_fits(self.required[x], *blank.shape(x)) for x in self.sides.variables]):
            return None
        structure = tuple(pick(self.structures(x, blank.shape(x))) for x in self.sides.variables)
        return replace(blank, structure=structure)

    def regular(self, instance: Instance) -> Instance:
        """The same shapes with values that nothing is wrong with."""

        def pick(names: tuple[str, ...]) -> str:
            return next((n for n in ("identity", "positive") if n in names), names[0])

        variables = self.sides.variables
        structure = tuple(pick(self.structures(x, instance.shape(x))) for x in variables)
        return replace(instance, structure=structure)

    def corners(self, variants: tuple[Variant, ...]) -> Iterator[Instance]:
        """The instances that are always tried: each variant at telling sizes, each structure."""
        seed = crc32(self.sides.relation.name.encode())
        for variant, lengths in itertools.product(variants, PATTERNS):
            yield from _some(self.instance(cycling(lengths), variant=variant, seed=seed))
        for name in list(MAKERS)[1:]:
            for lengths in ((3,), (2, 3, 4)):
                pick = preferring(name)
                made = self.instance(cycling(lengths), pick, seed=seed)
                if made is not None and name in made.structure:
                    yield made

    def smaller(self, instance: Instance) -> Iterator[Instance]:
        """The instances like `instance` with shorter axes, shortest first; itself at the end."""
        order = self.lengths.order
        found = {}
        for lengths in itertools.product(range(4), repeat=min(len(order), 6)):
            made = self.instance(
                cycling(lengths), variant=instance.variant, seed=instance.seed,
                batch=min(instance.batch, 1), magnitude=instance.magnitude,
            )  # fmt: skip
            if made is not None:
                found[tuple(made.known[a] for a in order)] = made
        total = sum(instance.known.values())
        # What has entries shows more than what has none.
        for key in sorted(found, key=lambda k: (0 in k, sum(k), k)):
            if sum(key) < total:
                yield found[key]
                square = [preferring(name) for name in instance.structure]
                made = found[key]
                structure = tuple(
                    pick(self.structures(x, made.shape(x)))
                    for pick, x in zip(square, self.sides.variables, strict=True)
                )
                if structure != made.structure:
                    yield replace(made, structure=structure)
        yield instance


def _rank_fits(required: frozenset[str], rows: int, cols: int) -> bool:
    """Whether a matrix of this shape can have independent columns, or rows."""
    return not (
        ("full_column_rank" in required and rows < cols)
        or ("full_row_rank" in required and cols < rows)
    )


_AXES = {"matrix": 2, "vector": 1}
# Lengths in the order in which they are chosen; what is not prime to anything comes last.
PATTERNS = (
    (2, 3, 4, 3, 2, 5),
    (3, 2, 2, 3, 4),
    (4, 4, 2, 2, 3),
    (3,),
    (1,),
    (0,),
    (1, 3),
    (0, 2),
    (2, 0),
)


def cycling(lengths: tuple[int, ...]) -> Callable[[Axis], int]:
    """A choice of lengths that goes round."""
    turn = itertools.cycle(lengths)
    return lambda axis: next(turn)


def preferring(name: str) -> Callable[[tuple[str, ...]], str]:
    """A choice of this structure wherever there is one."""
    return lambda names: name if name in names else names[0]


def _some(made: Instance | None) -> Iterator[Instance]:
    if made is not None:
        yield made
