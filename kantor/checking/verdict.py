"""What the battery says of a relation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from kantor.checking.mismatch import Mismatch
from relations.relation import Relation


@dataclass
class Verdict:
    """What was found of one relation.

    Attributes
    ----------
    relation : Relation
    instances, verified, empty, undefined : int
        How many were drawn; at how many both sides agree, having entries or none; at how many the
        left side has no value.
    variants : Counter
        How many were verified in each variant.
    gradients : int
        At how many the gradients were compared as well.
    near_misses : int
        Graphs that were left alone as they must be.
    graphs, rewritten : int
        Graphs given to `kantor.rewrite`, and how many it changed.
    exact : int
        At how many instances without rounding both sides are equal.
    rational : bool
        Whether those are in rational numbers, and not to so many digits.
    accurate : int
        At how many instances the errors of both sides were compared.
    share : float
        The largest error of the right side in proportion to what is allowed.
    tame : tuple of str
        The variables that must be well conditioned for that; none where nothing must.
    worst : float
        The largest error in double precision, relative to size and conditioning.
    failures : list of Mismatch
    notes : list of str
        What is worth knowing and no fault.
    """

    relation: Relation
    instances: int = 0
    verified: int = 0
    empty: int = 0
    undefined: int = 0
    variants: Counter[str] = field(default_factory=Counter)
    gradients: int = 0
    near_misses: int = 0
    graphs: int = 0
    rewritten: int = 0
    exact: int = 0
    rational: bool = True
    accurate: int = 0
    share: float = 0.0
    tame: tuple[str, ...] = ()
    worst: float = 0.0
    failures: list[Mismatch] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.failures

    def __str__(self) -> str:
        if self.passed:
            return f"{self.relation.name}: verified at {self.verified} instances"
        return "\n".join(f"{self.relation.name}: {f}" for f in self.failures)
