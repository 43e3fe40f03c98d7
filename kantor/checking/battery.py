"""The battery: everything that is verified of one relation, from its declaration alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from zlib import crc32

from kantor.checking.accuracy import Accuracy, inverted_alone
from kantor.checking.exact import Exact
from kantor.checking.exact_numbers import RATIONAL
from kantor.checking.instances import LONGEST, Instance, NoInstance, Problem
from kantor.checking.matching import (
    check_dimensions,
    check_implied,
    check_matches,
    check_near_miss,
    near_misses,
)
from kantor.checking.mismatch import Mismatch
from kantor.checking.numeric import Numeric
from kantor.checking.preserving import check_preserved
from kantor.checking.sides import Undefined, first_line, readings
from kantor.checking.variants import Variant, applicable
from kantor.checking.verdict import Verdict
from matchers.traversal import subterms
from matchers.vocabulary import expm
from relations.relation import Relation

EXAMPLES = 25
THOROUGH = 1000
TURNS = 8
# After so many failures the rest would say the same.
ENOUGH = 5


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
            if verdict.passed:
                _verify_exactly(verdict, Exact(numeric.problem), examples)
            if verdict.passed:
                _verify_accuracy(verdict, numeric, examples)
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
            count = 2 * (examples - verdict.verified) if turn else examples
            _draw(problem, variants, count, check, turn)
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

    # Seldom 0: of many axes one would nearly always be, and then there are no entries to compare.
    lengths = st.sampled_from(
        (*range(1, LONGEST + 1), 0, *range(1, LONGEST + 1), *range(2, LONGEST + 1))
    )

    # Of an exponential of hundreds no digit is left.
    rough = any(t.head is expm for t in subterms(*problem.sides.written))
    magnitudes = (1.0, 1e-3, 3.0 if rough else 30.0)

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
            magnitude=draw(st.sampled_from(magnitudes)),
        )
        return made if made is not None else reject()

    quiet = settings(
        max_examples=examples, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    seed(crc32(problem.sides.relation.name.encode()) + turn)(quiet(given(instances())(check)))()


def smallest(checker: Numeric | Exact, failure: Mismatch) -> Mismatch:
    """The failure at the fewest entries that is like this one."""
    assert failure.instance is not None
    for instance in checker.problem.smaller(failure.instance):
        try:
            checker.check(instance)
        except Undefined:
            continue
        except Mismatch as found:
            if found.kind == failure.kind:
                return found
    return failure


# --- without rounding, and how much is rounded ----------------------------------------------------


def _verify_exactly(verdict: Verdict, exact: Exact, examples: int) -> None:
    """In rational arithmetic; where that cannot be, in arithmetic with many digits."""
    if exact.lacking:
        verdict.rational = False
        verdict.notes.append(f"no exact check: {', '.join(exact.lacking)}")
    if exact.arithmetic is None:
        return
    failed: dict[str, Mismatch] = {}
    for instance in exact.instances(examples, lambda: verdict.exact >= examples):
        try:
            verdict.exact += exact.check(instance) > 0
        except Undefined:
            continue
        except Mismatch as failure:
            failed.setdefault(failure.kind, failure)
        except Exception as error:  # a maker of somebody's that knows no rational numbers
            verdict.notes.append(f"no exact check: {first_line(error)}")
            return
    verdict.failures += [smallest(exact, f) for f in list(failed.values())[:ENOUGH]]
    if exact.arithmetic is RATIONAL and not verdict.exact:
        verdict.notes.append("no exact check: no instance has a rational value")


def _verify_accuracy(verdict: Verdict, numeric: Numeric, examples: int) -> None:
    """At conditions up to 1e8; what a mixed relation inverts may have to be well conditioned."""
    accuracy, stability = Accuracy(numeric), verdict.relation.stability
    if accuracy.lacking:
        verdict.notes.append(f"no accuracy check: {', '.join(accuracy.lacking)}")
        return
    failure = _compared(accuracy, examples)
    if failure is not None and stability != "backward":
        lost = f"at a condition of 1e8 it is off by {accuracy.worst:.1g} times what is allowed"
        tame = inverted_alone(numeric.sides)
        if stability == "mixed":
            accuracy = Accuracy(numeric, tame)
            failure = _compared(accuracy, examples)
            verdict.tame = tuple(str(x) for x in numeric.sides.variables if x in tame)
            lost += f", and within it where {' and '.join(verdict.tame)} is well conditioned"
        verdict.notes.append(lost)
    verdict.accurate += accuracy.checked
    verdict.share = max(verdict.share, accuracy.worst)
    if failure is not None and stability != "loses":
        verdict.failures.append(failure)
    elif verdict.verified and accuracy.checked < accuracy.asked / 4:
        verdict.failures.append(Mismatch("its left side is seldom what its heads mean"))


def _compared(accuracy: Accuracy, examples: int) -> Mismatch | None:
    """The first failure, after all examples or some failures."""
    failed: list[Mismatch] = []
    for instance, values in accuracy.instances(examples):
        try:
            accuracy.check(instance, values)
        except Undefined:
            continue
        except Mismatch as failure:
            failed.append(failure)
            if len(failed) == ENOUGH:
                break
    return failed[0] if failed else None


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
