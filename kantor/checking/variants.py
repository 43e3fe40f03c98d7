"""The variants in which a relation is verified: kinds of numbers, and what is batched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kantor.checking.sides import Sides
from matchers.batches import LEAVING
from matchers.conditions import BATCH_CONDITIONS, Condition
from matchers.terms import Term
from matchers.traversal import subterms
from matchers.variables import LogicVar


class Variant(NamedTuple):
    """What kind of numbers, and which variables have a leading batch axis."""

    name: str
    dtype: str = "float64"
    batched: str = ""
    positions: frozenset[int] = frozenset()

    def batch(self, index: int) -> bool:
        """Whether the variable in this position has a batch axis."""
        if self.batched == "some":
            return index in self.positions
        return self.batched == "all" or self.batched == ("others" if index else "first")


PLAIN = Variant("float64")
COMPLEX = Variant("complex", "complex128")
INTEGER = Variant("integer", "int64")
VARIANTS = (
    PLAIN,
    Variant("float32", "float32"),
    COMPLEX,
    INTEGER,
    Variant("batched", batched="all"),
    Variant("batched in part", batched="first"),
)
# Where a relation says something of batches, which of two has one makes a difference.
IN_OTHER_PART = Variant("batched in the other part", batched="others")


def applicable(sides: Sides) -> tuple[Variant, ...]:
    """The variants in which a relation can be stated.

    Numbers made of matrices have no batch; what holds over the reals only says nothing of complex
    ones, and what takes fractions nothing of integers; a condition on batches leaves those that
    meet it.
    """
    relation = sides.relation
    real, about = relation.field == "real", about_batches(sides)
    terms = [t for side in (*sides.written, sides.lhs, sides.rhs) for t in subterms(side)]
    one = not about and any(t.scalar and _mentions_matrix(t) for t in terms)
    return tuple(
        v
        for v in ((*VARIANTS, _permitted(sides)) if about else VARIANTS)
        if not ((v.batched and one) or (v is COMPLEX and real))
        if not (v is INTEGER and relation.fractional)
        if all(meets(v, sides, c) for c in sides.relation.conditions)
    )


def _permitted(sides: Sides) -> Variant:
    """Batched wherever no condition is against it."""
    conditions = [c for c in sides.relation.conditions if c.name == "unbatched"]
    single = {x for c in conditions for x in c.variables}
    positions = frozenset(i for i, x in enumerate(sides.variables) if x not in single)
    if not single:
        return IN_OTHER_PART
    return Variant("batched where it may be", batched="some", positions=positions)


def about_batches(sides: Sides) -> bool:
    """Whether a relation takes a batch together, so that it says little of a single matrix."""
    return any(t.head in LEAVING for side in sides.written for t in subterms(side))


def meets(variant: Variant, sides: Sides, c: Condition) -> bool:
    """Whether a variant is batched as a condition asks, if it asks for that."""
    if c.name not in BATCH_CONDITIONS:
        return True
    batched = [variant.batch(sides.variables.index(x)) for x in c.variables]
    return not any(batched) if c.name == "unbatched" else len(set(batched)) == 1


def unmet(sides: Sides, c: Condition) -> Iterator[Variant]:
    """The variants that are not batched as a condition asks."""
    return (v for v in (*VARIANTS, IN_OTHER_PART) if not meets(v, sides, c))


def telling(sides: Sides) -> Variant:
    """The variant in which graphs are posed: a batched one where it takes a batch to match."""
    batched = (v for v in applicable(sides) if v.batched)
    return next(batched, PLAIN) if about_batches(sides) else PLAIN


def _mentions_matrix(term: Term) -> bool:
    return any(
        isinstance(a, LogicVar) and a.kind != "scalar" for t in subterms(term) for a in t.args
    )
