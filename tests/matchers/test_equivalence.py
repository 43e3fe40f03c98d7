"""The compiled matcher and plain miniKanren give the same set of answers."""

from __future__ import annotations

from collections import Counter
from math import comb, perm
from random import Random

import pytensor.tensor as pt
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from matchers.dims import ONE, Dim, Dims, const
from matchers.match import Context, compile_pattern, variables_of
from matchers.reference import answers
from matchers.terms import Head, LogicVar, Run, Term, atom, number, shape, subterms
from matchers.vocabulary import (
    add,
    block_diag,
    eye,
    inverse,
    kron,
    matmul,
    mul,
    reshape,
    scale,
    trace,
    transpose,
    triangle,
    vec,
)  # fmt: skip

# --- terms ---------------------------------------------------------------------------------------

SQUARE = [atom(pt.tensor(n, shape=(2, 2))) for n in "abc"]
OPEN = [atom(pt.matrix(n)) for n in "de"]  # Their lengths are 2 too, which only `DIMS` knows.
UNKNOWN = atom(pt.matrix("f"))
COLUMNS = [atom(pt.tensor(n, shape=(k,)), 1) for n, k in (("x", 2), ("y", 2), ("z", 4))]
s, t = (atom(pt.scalar(n), 0) for n in "st")
COEFFICIENTS = [s, t, number(2.0), number(-1.0)]


def _shared(definition: Term) -> Term:
    rows, cols, _ = shape(definition)
    return atom(pt.tensor("shared", shape=(rows.coef, cols.coef)), 2, definition)


A0, B0, C0 = SQUARE
SHARED = [_shared(A0 @ B0), _shared(A0 + B0), _shared(kron(A0, B0)), _shared(inverse(A0))]
LEAVES = [*SQUARE, *SQUARE, *COLUMNS, *OPEN, *SHARED, UNKNOWN]
DIMS = Dims()
for leaf in OPEN:
    for side in shape(leaf)[:2]:
        DIMS.unify(side, const(2))


def alike(parts: list[Term]) -> list[Term]:
    """Those that have the shape of the first, so that their sum has one."""
    shapes = [tuple(DIMS.normal(d) for d in shape(t)[:2]) for t in parts]
    return [t for t, s in zip(parts, shapes, strict=True) if s == shapes[0]]


def a_term(random: Random, depth: int) -> Term:
    """A small term; operands repeat often, since that is where multisets go wrong."""
    if depth == 0 or random.random() < 0.25:
        return random.choice(LEAVES)

    def some(low: int, high: int) -> list[Term]:
        return [a_term(random, depth - 1) for _ in range(random.randint(low, high))]

    kind = random.randrange(12)
    if kind <= 2:
        return matmul(*some(2, 4))
    if kind <= 5:
        parts = alike([*some(1, 3), *random.sample(LEAVES, 3)])
        return add(*parts, *(random.choice(parts) for _ in range(random.randint(0, 2))))
    (one,) = some(1, 1)
    return {
        6: lambda: mul(*alike([one, *some(1, 3)])),
        7: lambda: kron(one, *some(1, 2)),
        8: lambda: inverse(one),
        9: lambda: transpose(one),
        10: lambda: scale(random.choice([*COEFFICIENTS, trace(one), add(s, t, s)]), one),
        11: lambda: random.choice(
            [vec(one), eye(const(2)), triangle(one, True, False), block_diag(one, *some(1, 1))]
        ),
    }[kind]()


# --- patterns ------------------------------------------------------------------------------------

A, B, C = (LogicVar(n) for n in "ABC")
V, W = LogicVar("V", "vector"), LogicVar("W", "vector")
K = LogicVar("k", "scalar")
S, S2 = LogicVar("S", "segment"), LogicVar("S2", "segment")
R = LogicVar("R", "rest")
X = LogicVar("X")
SHAPES: dict[LogicVar, tuple[Dim, Dim]] = {X: (A.rows, B.cols)}


def a_variable(random: Random, t: Term) -> object:
    if t.scalar:
        return K
    kind = random.randrange(10)
    if kind == 0:
        return reshape(X, X.rows * X.cols, ONE)
    if kind == 1:
        return transpose(reshape(X, shape(t)[1], shape(t)[0]))
    if kind <= 3:
        return transpose(random.choice([A, B]))
    if kind == 4:
        return transpose(V)
    column = kind <= 7 and shape(t)[1] == ONE
    return random.choice([V, W]) if column else random.choice([A, B, C])


def a_pattern(random: Random, t: Term, wild: float) -> object:
    """`t` with variables in some places, sometimes no longer matching."""
    if random.random() < 0.04:
        return random.choice([*LEAVES, A, K, A @ B, inverse(A), A + B])
    if random.random() < wild:
        return a_variable(random, t)
    definition = getattr(t, "definition", None)
    if definition is not None and random.random() < 0.6:
        return a_pattern(random, definition, wild)
    if not t.args or random.random() < 0.1:
        return t
    wild = min(1.0, wild * 1.7)
    if t.head is eye:
        return random.choice([eye(A.rows), eye(X.cols), t])
    if t.head.flat:
        return _flat_pattern(random, t, wild)
    args = [a_pattern(random, a, wild) if isinstance(a, Term) else a for a in t.args]
    # A shared sum opened to one with a rest has no transpose that can be written.
    return (
        t if t.head is transpose and {R, S, S2} & {*variables_of(args[0])} else t.head.make(*args)
    )


def _flat_pattern(random: Random, t: Term, wild: float) -> object:
    operands = list(t.args)
    if t.head.commutative:
        random.shuffle(operands)
    if random.random() < 0.25:
        return _loose_pattern(random, t, operands)
    parts: list[object] = []
    many = S
    while operands:
        size = 1 if random.random() < 0.5 else random.randint(1, len(operands))
        run, operands = operands[:size], operands[size:]
        if size == 1 and random.random() < 0.85:
            parts.append(a_pattern(random, run[0], wild))
        elif random.random() < 0.5 and many is not None:
            parts.append(R if t.head.commutative else many)
            many = None if t.head.commutative else random.choice([S, S2])
        else:
            parts.append(a_variable(random, t.head.make(*run)))
    if all(p in (R, S, S2) for p in parts):
        parts.append(A)
    if random.random() < 0.15 and not (t.head.commutative and R in parts):
        parts.insert(random.randint(0, len(parts)), R if t.head.commutative else S2)
    return _flat(t.head, parts)


def _flat(head: Head, parts: list[object]) -> object:
    """With one rest at most; a shared sum, opened, may have brought its own."""
    made = head.make(*parts)
    if not isinstance(made, Term) or made.args.count(R) < 2:
        return made
    return made.head.make(*(a for a in made.args if a is not R), R)


def _loose_pattern(random: Random, t: Term, operands: list[Term]) -> object:
    """Mostly variables, so that there are several answers."""
    parts = [a_variable(random, random.choice(operands)) for _ in range(random.randint(1, 3))]
    if random.random() < 0.5:
        parts.append(a_pattern(random, random.choice(operands), 0.2))
    if t.head.commutative:
        return _flat(t.head, [*parts, *([R] if random.random() < 0.5 else [])])
    for segment in (S, S2):
        if random.random() < 0.4:
            parts.insert(random.randint(0, len(parts)), segment)
    return t.head.make(*parts)


# --- comparison ----------------------------------------------------------------------------------


def canonical(substitution: dict) -> frozenset:
    """An answer with its rests as multisets."""
    return frozenset(
        (v, frozenset(Counter(x).items()) if v.kind == "rest" else (type(x) is Run, x))
        for v, x in substitution.items()
    )


def compiled(pattern, term, context):
    return list(compile_pattern(pattern, SHAPES).match(term, context))


def plain(pattern, term, context):
    return answers(pattern, term, context, SHAPES)


def compare(pattern, term, context, engine=compiled) -> int:
    """Fail unless `engine` gives each answer of the reference once; returns how many there are."""
    found = engine(pattern, term, context)
    assume(not context.exhausted)
    ours = [canonical(s) for s in found]
    theirs = {canonical(s) for s in plain(pattern, term, context)}
    assert len(ours) == len(set(ours)), f"duplicates: {pattern} against {term}"
    assert set(ours) == theirs, f"{pattern} against {term}"
    return len(ours)


def a_case(random: Random, depth: int = 2):
    """A pattern, a term and a context; not so large that the reference takes seconds."""
    term = a_term(random, depth)
    source = term if random.random() < 0.8 else a_term(random, depth)
    pattern = a_pattern(random, source, random.choice([0.05, 0.2, 0.4, 0.7]))
    if isinstance(pattern, LogicVar) and pattern.kind in ("segment", "rest"):
        pattern = A
    assume(_work(pattern, term) < 2000)
    return pattern, term, Context(DIMS, budget=3000)


def _work(pattern, term) -> int:
    """A bound on the ways in which the reference distributes operands over elements."""
    flat = [x for x in {*subterms(pattern), pattern} if isinstance(x, Term) and x.head.flat]
    work = 1
    for p in flat:
        most = max((len(x.args) for x in subterms(term) if x.head is p.head), default=1)
        free = sum(isinstance(a, LogicVar) or a.head in (transpose, reshape) for a in p.args)
        ones = min(len(p.args) - free, most)
        if p.head.commutative:
            work *= (free + 1) ** (most - ones) * perm(most, ones)
        else:
            work *= comb(most + free, free)
    return work


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
        assume(_work(around, term) < 2000)
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


def test_many_cases_match():
    """The comparison is not one of empty sets: enough of the cases have answers."""
    counts = []

    @examples(300, phases=[Phase.generate])
    @given(RANDOM)
    def comparison(random):
        counts.append(len(compiled(*a_case(random))))

    comparison()
    assert sum(n > 0 for n in counts) > 0.4 * len(counts)
    assert sum(n > 1 for n in counts) > 0.03 * len(counts)
