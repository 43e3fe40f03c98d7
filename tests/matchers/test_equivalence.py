"""The compiled matcher and plain miniKanren give the same set of answers."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from matchers.dims import ONE, const
from matchers.leaves import number
from matchers.match import Context, compile_pattern
from matchers.reference import answers
from matchers.terms import Term
from matchers.variables import LogicVar, Run
from matchers.vocabulary import add, kron, matmul, scale, vec
from tests.matchers.random_cases import (
    A0,
    B0,
    C0,
    COEFFICIENTS,
    COLUMNS,
    DIMS,
    S2,
    SHAPES,
    A,
    B,
    C,
    R,
    S,
    X,
    a_case,
    a_case_with_coefficients,
    bound_on_work,
)


def canonical(substitution: dict) -> frozenset:
    """An answer with its rests as multisets."""
    return frozenset(
        (v, frozenset(Counter(x).items()) if v.kind == "rest" else (type(x) is Run, x))
        for v, x in substitution.items()
    )


def compiled(pattern, term, context):
    return list(compile_pattern(pattern, SHAPES).match(term, context))


def compare(pattern, term, context, engine=compiled, shapes=SHAPES) -> int:
    """Fail unless `engine` gives each answer of the reference once; returns how many there are."""
    found = engine(pattern, term, context)
    assume(not context.exhausted)
    ours = [canonical(s) for s in found]
    theirs = {canonical(s) for s in answers(pattern, term, context, shapes)}
    assert len(ours) == len(set(ours)), f"duplicates: {pattern} against {term}"
    assert set(ours) == theirs, f"{pattern} against {term}"
    return len(ours)


# A seed, and not a stream of Hypothesis's own draws: those are mostly small and make dull terms.
RANDOM = st.integers(0, 2**32).map(Random)


def examples(n: int, **options) -> settings:
    """The same `n` cases every time."""
    return settings(
        max_examples=n,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        **options,
    )


@examples(1800)
@given(RANDOM)
def test_whole_terms(random):
    compare(*a_case(random))


@examples(600)
@given(RANDOM)
def test_deeper_terms(random):
    compare(*a_case(random, 3))


@examples(1000)
@given(RANDOM)
def test_optional_coefficients(random):
    compare(*a_case_with_coefficients(random))


@examples(300)
@given(RANDOM)
def test_optional_coefficients_in_deeper_terms(random):
    compare(*a_case_with_coefficients(random, 3))


@examples(300)
@given(RANDOM, st.lists(st.sampled_from([A0, B0, A0.T, B0.T, C0])))
def test_sums_of_leaves(random, leaves):
    """Flat sums with many equal operands, against repeated and transposed variables."""
    term = add(A0, *leaves[:5])
    elements = [random.choice([A, A, B, A.T, B.T, C, B0]) for _ in range(random.randint(1, 3))]
    compare(add(*elements, *([R] if random.random() < 0.5 else [])), term, Context())


@examples(300)
@given(RANDOM, st.lists(st.sampled_from([A0, B0, A0.T, B0.T])))
def test_products_of_leaves(random, leaves):
    """Flat products, against repeated and transposed variables and segments."""
    term = matmul(A0, *leaves[:5])
    elements = [random.choice([A, A, B, A.T, S, S2, B0]) for _ in range(random.randint(1, 4))]
    compare(matmul(A, *elements), term, Context())


@examples(200)
@given(RANDOM)
def test_reshapes_of_runs(random):
    """Columns of length 4 as matrices, once two Kronecker factors say of which shape."""
    factors = [random.choice([A0, B0, C0]) for _ in range(2)]
    columns = random.choices([COLUMNS[2], kron(*factors), vec(A0), vec(B0 @ C0)], k=3)
    right = matmul(*columns)
    pattern = random.choice([kron(A, B) @ vec(X), kron(A, B) @ vec(X.T), S @ kron(A, B) @ vec(X)])
    shapes = random.choice([{X: (A.cols, B.cols)}, {X: (const(2), A.rows)}, {X: (A.rows, ONE)}])

    def reshaping(pattern, term, context):
        return list(compile_pattern(pattern, shapes).match(term, context))

    compare(pattern, kron(*factors) @ right, Context(DIMS), reshaping, shapes)


# --- windows -------------------------------------------------------------------------------------

BEFORE, AFTER = LogicVar("before", "segment"), LogicVar("after", "segment")
OTHERS = LogicVar("others", "rest")


@examples(300)
@given(RANDOM)
def test_windows_are_explicit_segments(random):
    pattern, term, context = a_case(random)
    assume(isinstance(pattern, Term) and pattern.head.flat)
    ends = pattern.args[0], pattern.args[-1]
    assume(not any(getattr(e, "kind", None) == "segment" for e in ends) and R not in pattern.args)
    if pattern.head.commutative:
        around = pattern.head.make(*pattern.args, OTHERS)
        assume(bound_on_work(around, term) < 2000)
    else:
        around = pattern.head.make(BEFORE, *pattern.args, AFTER)

    def engine(_, term, context):
        found = compile_pattern(pattern, SHAPES).match_within(term, context)
        if pattern.head.commutative:
            return [{**s, OTHERS: after} for s, _, after in found]
        return [{**s, BEFORE: before, AFTER: after} for s, before, after in found]

    compare(around, term, context, engine)


# --- planted faults ------------------------------------------------------------------------------


def drops(pattern, term, context):
    return compiled(pattern, term, context)[1:]


def repeats(pattern, term, context):
    found = compiled(pattern, term, context)
    return found + found[:1]


def ill_typed(pattern, term, context):
    """Binds a column where a coefficient stands, and a coefficient elsewhere."""
    found = compiled(pattern, term, context)
    wrong = {v: COLUMNS[0] if v.kind == "scalar" else COEFFICIENTS[0] for s in found for v in s}
    return [{v: wrong[v] if type(x) is not Run else x for v, x in s.items()} for s in found]


@pytest.mark.parametrize("fault", [drops, repeats, ill_typed])
def test_a_planted_fault_is_found(fault):
    @examples(200, phases=[Phase.generate])
    @given(RANDOM)
    def comparison(random):
        compare(*a_case(random), engine=fault)

    with pytest.raises(AssertionError):
        comparison()


def explicit(pattern, term, context):
    """Takes an optional coefficient for one that must be there."""
    return [s for s in compiled(pattern, term, context) if number(1) not in s.values()]


def one_at_a_time(pattern, term, context):
    """Binds only the number in front where there is a symbol behind it."""
    found = compiled(pattern, term, context)
    return [{v: x.args[0] if type(x) is Term and x.head is scale and x.scalar else x
             for v, x in s.items()} for s in found]  # fmt: skip


@pytest.mark.parametrize("fault", [drops, explicit, one_at_a_time])
def test_a_planted_fault_in_coefficients_is_found(fault):
    @examples(300, phases=[Phase.generate])
    @given(RANDOM)
    def comparison(random):
        compare(*a_case_with_coefficients(random), engine=fault)

    with pytest.raises(AssertionError):
        comparison()


@pytest.mark.parametrize("make", [a_case, a_case_with_coefficients])
def test_many_cases_match(make):
    """The comparison is not one of empty sets: enough of the cases have answers."""
    counts = []

    @examples(300, phases=[Phase.generate])
    @given(RANDOM)
    def comparison(random):
        counts.append(len(compiled(*make(random))))

    comparison()
    assert sum(n > 0 for n in counts) > 0.4 * len(counts)
    assert sum(n > 1 for n in counts) > 0.03 * len(counts)
