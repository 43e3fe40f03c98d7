"""Sums and elementwise products, whose operands are multisets, in both engines."""

from __future__ import annotations

from collections import Counter
from math import comb

import pytensor.tensor as pt
import pytest

from matchers.leaves import atom, number
from matchers.match import Context, compile_pattern
from matchers.multisets import assignable, submultisets
from matchers.reference import answers
from matchers.variables import LogicVar, Run
from matchers.vocabulary import add, cholesky, inverse, mul, scale

a, b, c, d = (atom(pt.matrix(n)) for n in "abcd")
x, y = (atom(pt.vector(n), 1) for n in "xy")
s, t = (atom(pt.scalar(n), 0) for n in "st")
A, B, C = (LogicVar(n) for n in "ABC")
v = LogicVar("v", "vector")
k, k2 = LogicVar("k", "scalar"), LogicVar("k2", "scalar")
R = LogicVar("R", "rest")


def rest(*operands):
    return Run(operands)


CASES = {
    "two of two": (A + B, a + b, [{A: a, B: b}, {A: b, B: a}]),
    "two of three": (
        A + B,
        a + b + c,
        [
            {A: a, B: b + c}, {A: b, B: a + c}, {A: c, B: a + b},
            {A: b + c, B: a}, {A: a + c, B: b}, {A: a + b, B: c},
        ],
    ),
    "equal operands": (A + B, a + a + b, [
        {A: a, B: a + b}, {A: b, B: a + a}, {A: a + a, B: b}, {A: a + b, B: a},
    ]),
    "a double": (A + A, a + b + a + b, [{A: a + b}]),
    "no double": (A + A, a + b + a, []),
    "a double and a rest": (A + A + R, a + b + a, [{A: a, R: rest(b)}]),
    "two and three": (A + A + B, a + a + a, [{A: a, B: a}]),
    "everything": (A + R, a + b, [
        {A: a, R: rest(b)}, {A: b, R: rest(a)}, {A: a + b, R: rest()},
    ]),
    "symmetric": (A + A.T, a + b.T + a.T + b, [
        {A: a + b}, {A: a + b.T}, {A: a.T + b}, {A: a.T + b.T},
    ]),
    "not symmetric": (A + A.T + R, a + b.T + c, []),
    "a common factor": (A @ B + A @ C, a @ b + a @ c, [{A: a, B: b, C: c}, {A: a, B: c, C: b}]),
    "a common factor and others": (
        A @ B + A @ C + R,
        d + a @ b + c + a @ c @ d,
        [{A: a, B: b, C: c @ d, R: rest(d, c)}, {A: a, B: c @ d, C: b, R: rest(d, c)}],
    ),
    "no common factor": (A @ B + A @ C + R, a @ b + b @ c + c @ d, []),
    "gemm": (
        k * (A @ B) + k2 * C + R,
        2 * (a @ b) + s * c + d,
        [{k: number(2), A: a, B: b, k2: s, C: c, R: rest(d)}],
    ),
    "literals": (a + A, a + b, [{A: b}]),
    "a literal that is not there": (a + A, b + c, []),
    "a permutation": (a + b + c, c + a + b, [{}]),
    "too few": (A + B + C, a + b, []),
    "a single operand": (A + R, a, [{A: a, R: rest()}]),
    "columns": (v + A, x + y, [{v: x, A: y}, {v: y, A: x}]),
    "no columns": (v + A, a + b, []),
    "coefficients": (scale(k + k2, A), (s + t) * a, [{k: s, k2: t, A: a}, {k: t, k2: s, A: a}]),
    "elementwise": (mul(A, A), mul(a, b, b, a), [{A: mul(a, b)}]),
    "in a product": ((A + B) @ C, (a + b) @ c, [{A: a, B: b, C: c}, {A: b, B: a, C: c}]),
    "the same rest twice": (
        inverse(A @ A + R) @ (B + R), inverse(a @ a + b + c) @ (c + d + b),
        [{A: a, B: d, R: rest(b, c)}],
    ),
    "a shared sum": (A + B, atom(pt.matrix("shared"), 2, a + b), [{A: a, B: b}, {A: b, B: a}]),
    "a shared product": (
        A @ B + R, atom(pt.matrix("shared"), 2, a @ b) + c, [{A: a, B: b, R: rest(c)}],
    ),
    "bound by a product": (inverse(A) @ B + A, inverse(a + b) @ c + b + a, [{A: a + b, B: c}]),
}  # fmt: skip


def canonical(substitution):
    return {
        u: Counter(value) if isinstance(value, Run) else value for u, value in substitution.items()
    }


def compiled(pattern, term, context):
    return list(compile_pattern(pattern).match(term, context))


@pytest.mark.parametrize("engine", [compiled, answers], ids=["compiled", "reference"])
@pytest.mark.parametrize("name", CASES)
def test_sums(name, engine):
    pattern, term, expected = CASES[name]
    found = [canonical(answer) for answer in engine(pattern, term, Context())]
    assert len(found) == len(expected)
    assert all(canonical(answer) in found for answer in expected)


def test_a_rest_keeps_the_order_of_the_term():
    term = a + b + c + d
    for answer in compiled(A + R, term, Context()):
        assert sorted(answer[R], key=term.args.index) == list(answer[R])


def test_singletons_come_first():
    sizes = [len(answer[R]) for answer in compiled(A + R, a + b + c, Context())]
    assert sizes == [2, 2, 2, 1, 1, 1, 0]


# --- work ----------------------------------------------------------------------------------------

N = 12
MANY = [atom(pt.matrix(f"m{i}")) for i in range(N)]
MORE = [atom(pt.matrix(f"n{i}")) for i in range(N)]
VARIABLES = [LogicVar(f"V{i}") for i in range(N)]
COLUMNS = [LogicVar(f"v{i}", "vector") for i in range(N)]
PRODUCTS = [p @ q for p, q in zip(MANY, MORE, strict=True)]

HITS = {
    "a variable for each": (add(*VARIABLES), add(*MANY), 40),
    "a structure for each": (
        add(*map(inverse, VARIABLES)), add(*map(inverse, MANY)), 20,
    ),
    "a common factor": (A @ B + A @ C + R, add(*PRODUCTS[1:], MANY[-1] @ MORE[0]), 500),
    "one variable": (add(*[A] * N), add(*[a] * N), 5),
    "gemm": (k * (A @ B) + k2 * C + R, add(2 * PRODUCTS[0], 3 * a, *MANY[2:]), 10),
    "a permutation": (add(*MANY), add(*reversed(MANY)), 1),
    "a transposed pair": (A + A.T + R, add(*MANY, MANY[-1].T), 20),
}  # fmt: skip
MISSES = {
    "one structure missing": (
        add(*map(inverse, VARIABLES)), add(*map(inverse, MANY[1:]), cholesky(a)), 2,
    ),
    "no columns": (add(*COLUMNS), add(*MANY), 2),
    "no common factor": (A @ B + A @ C + R, add(*PRODUCTS), 500),
    "one variable": (add(*[A] * N), add(*MANY), 5),
    "another operand": (add(*MANY), add(*MANY[1:], a), 2),
    "no transposed pair": (A + A.T + R, add(*MANY), 5),
}  # fmt: skip


@pytest.mark.parametrize("name", HITS)
def test_a_hit_takes_few_steps(name):
    pattern, term, steps = HITS[name]
    context = Context(budget=10_000)
    assert next(compile_pattern(pattern).match(term, context), None) is not None
    assert 10_000 - context.budget <= steps


@pytest.mark.parametrize("name", MISSES)
def test_a_miss_takes_few_steps(name):
    pattern, term, steps = MISSES[name]
    context = Context(budget=10_000)
    assert next(compile_pattern(pattern).match(term, context), None) is None
    assert not context.exhausted
    assert 10_000 - context.budget <= steps


# --- the parts -----------------------------------------------------------------------------------


def test_submultisets_come_once_each():
    found = list(submultisets([("a", 3), ("b", 2), ("c", 1)], 3))
    assert len(found) == len(set(found)) == 6
    assert found[0] == ("a", "a", "a")
    assert len(list(submultisets([(i, 1) for i in range(6)], 3))) == comb(6, 3)
    assert list(submultisets([("a", 1)], 2)) == []


@pytest.mark.parametrize(
    ("candidates", "pool", "possible"),
    [
        ([["a"], ["a", "b"]], {"a": 1, "b": 1}, True),
        ([["a", "b"], ["a"]], {"a": 1, "b": 1}, True),
        ([["a"], ["a"]], {"a": 1, "b": 1}, False),
        ([["a"], ["a"]], {"a": 2}, True),
        ([["a", "b"], ["b", "c"], ["a"], ["b"]], {"a": 1, "b": 1, "c": 1}, False),
        ([["a", "b"], ["b", "c"], ["c", "a"]], {"a": 1, "b": 1, "c": 1}, True),
        ([["a", "b"], ["a", "b"], ["a", "b"]], {"a": 1, "b": 1}, False),
        ([[]], {"a": 1}, False),
        ([], {}, True),
    ],
)
def test_a_bipartite_matching_decides_whether_all_find_a_place(candidates, pool, possible):
    assert assignable(candidates, pool) is possible


def test_a_long_sum_is_split_one_operand_at_a_time_where_that_is_asked_for():
    pattern = compile_pattern(A + B)

    def splits(term, most=None):
        context = Context(splits=most)
        found = [(m[A], m[B]) for m in pattern.match(term, context)]
        assert not context.exhausted
        return found

    four = a + b + c + d
    assert len(splits(four)) == len(splits(four, 4)) == 14
    short = splits(four, 3)
    assert len(short) == 8 and {p for p, _ in short} | {q for _, q in short} >= {a, b, c, d}
    assert set(short) <= set(splits(four))
    long = add(*(atom(pt.matrix()) for _ in range(30)))
    assert len(splits(long, 3)) == 60


def test_what_is_left_over_is_not_split_one_operand_at_a_time():
    found = compile_pattern(A + R).match(a + b + c + d, Context(splits=3))
    assert len(list(found)) == 15
