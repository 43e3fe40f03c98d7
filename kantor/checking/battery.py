"""The battery: everything that is verified of one relation, from its declaration alone."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from kantor.checking.instances import LONGEST, Instance, NoInstance, Problem
from kantor.checking.matching import (
    check_dimensions,
    check_implied,
    check_matches,
    check_near_miss,
    near_misses,
)
from kantor.checking.numeric import Mismatch, Numeric
from kantor.checking.preserving import check_preserved
from kantor.checking.sides import Undefined, first_line, readings
from kantor.checking.variants import Variant, applicable
from relations.language import Relation

EXAMPLES = 25
THOROUGH = 1000
TURNS = 3
# After so many failures the rest would say the same.
ENOUGH = 5


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


def verify(relation: Relation, examples: int = EXAMPLES, cases: Iterable[Instance] = ()) -> Verdict:
    """Verify one relation.

    Parameters
    ----------
    relation : Relation
    examples : int
        How many random instances are drawn, besides those that are always tried.
    cases : iterable of Instance
        More instances; an author may add to what is drawn, never narrow it.

    Returns
    -------
    Verdict
    """
    verdict = Verdict(relation)
    start = time.perf_counter()
    try:
        for sides in readings(relation):
            numeric = Numeric(Problem(sides))
            _verify_values(verdict, numeric, examples, [c for c in cases if c.sides is sides])
            _verify_graphs(verdict, numeric, applicable(sides))
        if not verdict.verified and verdict.passed:
            raise NoInstance(_nothing(verdict))
    except NoInstance as error:
        verdict.failures.append(Mismatch(f"no instance could be drawn: {error}"))
    verdict.seconds = time.perf_counter() - start
    return verdict


def _nothing(verdict: Verdict) -> str:
    """Why there is no instance."""
    if not verdict.instances:
        return "the lengths contradict each other"
    return f"at none of {verdict.instances} with entries the left side has a value"


# --- values -----------------------------------------------------------------------------------


def _verify_values(
    verdict: Verdict, numeric: Numeric, examples: int, cases: list[Instance]
) -> None:
    problem = numeric.problem
    variants = applicable(problem.sides)
    failed: list[Mismatch] = []

    def check(instance: Instance) -> None:
        verdict.instances += 1
        try:
            entries = numeric.check(instance)
        except Undefined:
            verdict.undefined += 1
        except Mismatch as failure:
            failed.append(failure)
        else:
            verdict.verified += entries > 0
            verdict.empty += entries == 0
            verdict.variants[instance.variant.name] += entries > 0

    for instance in [*problem.corners(variants), *cases]:
        check(instance)
    for turn in range(TURNS):  # where the left side seldom has a value, more than once
        if not failed and (not turn or verdict.verified < examples):
            _draw(problem, variants, examples, check, turn)
    # A wrong value has a wrong gradient as well, which need not be told.
    failed = [f for f in failed if not f.about_gradients] or failed
    kinds = {f.kind: f for f in reversed(failed)}
    for failure in list(kinds.values())[: -ENOUGH - 1 : -1]:
        verdict.failures.append(smallest(numeric, failure))
    verdict.worst = max(verdict.worst, numeric.worst)
    verdict.gradients += numeric.gradients
    verdict.notes += [f"{k}: {v}" for k, v in numeric.inapplicable.items()]


def _draw(
    problem: Problem,
    variants: tuple[Variant, ...],
    examples: int,
    check: Callable[[Instance], None],
    turn: int,
) -> None:
    """Have Hypothesis draw lengths, structures, variants and magnitudes."""
    from hypothesis import HealthCheck, Phase, given, reject, seed, settings
    from hypothesis import strategies as st

    lengths = st.integers(0, LONGEST)

    @st.composite
    def instances(draw: Any) -> Instance:
        variant = draw(st.sampled_from(variants))
        # An empty batch of one factor would excuse the left side from what the other factors are.
        least = 0 if variant.batched == "all" else 1
        made = problem.instance(
            lambda axis: draw(lengths),
            lambda names: draw(st.sampled_from(names)),
            variant=variant,
            seed=draw(st.integers(0, 2**32 - 1)),
            batch=draw(st.integers(least, 3)),
            magnitude=draw(st.sampled_from((1.0, 1e-3, 30.0))),
        )
        return made if made is not None else reject()

    quiet = settings(
        max_examples=examples, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    seed(crc32(problem.sides.relation.name.encode()) + turn)(quiet(given(instances())(check)))()


def smallest(numeric: Numeric, failure: Mismatch) -> Mismatch:
    """The failure at the fewest entries that is like this one."""
    assert failure.instance is not None
    for instance in numeric.problem.smaller(failure.instance):
        try:
            numeric.check(instance)
        except Undefined:
            continue
        except Mismatch as found:
            if found.kind == failure.kind:
                return found
    return failure


# --- graphs -----------------------------------------------------------------------------------


def _verify_graphs(verdict: Verdict, numeric: Numeric, variants: tuple[Variant, ...]) -> None:
    problem = numeric.problem

    def matches() -> None:
        check_matches(problem, verdict.notes)

    def implied() -> None:
        verdict.near_misses += check_implied(numeric)

    def dimensions() -> None:
        verdict.near_misses += check_dimensions(numeric)

    def preserved() -> None:
        graphs, changed = check_preserved(problem, variants)
        verdict.graphs += graphs
        verdict.rewritten += changed

    checks = [implied, dimensions, *_misses(verdict, problem)]
    if verdict.passed:  # where the sides differ, so does what one is rewritten to
        checks += [matches, preserved]
    for check in checks:
        try:
            check()
        except Mismatch as failure:
            verdict.failures.append(failure)
        except (NoInstance, Undefined):
            raise
        except Exception as error:
            verdict.failures.append(Mismatch(f"{check.__name__}: {first_line(error)}"))


def _misses(verdict: Verdict, problem: Problem) -> Iterator[Callable[[], None]]:
    broken = set()
    for miss in near_misses(problem):
        broken.add(miss.condition)

        def near_miss(miss: Any = miss) -> None:
            check_near_miss(miss)
            verdict.near_misses += 1

        yield near_miss
    for c in problem.sides.relation.conditions:
        if not c.implied and c not in broken:
            verdict.notes.append(f"{c} follows from the left side")
