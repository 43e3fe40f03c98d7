"""Products against patterns with variables for runs, and segments, in both engines."""

from __future__ import annotations

import pytensor.tensor as pt
import pytest

from matchers.leaves import atom
from matchers.match import Context, compile_pattern
from matchers.reference import answers
from matchers.variables import LogicVar, Run
from matchers.vocabulary import block_diag, inverse, kron, matmul

a, b, c, d = (atom(pt.matrix(n)) for n in "abcd")
x = atom(pt.vector("x"), 1)
A, B, C, X, Y = (LogicVar(n) for n in "ABCXY")
v = LogicVar("v", "vector")
S, S2 = LogicVar("S", "segment"), LogicVar("S2", "segment")


def run(*operands):
    return Run(operands)


CASES = {
    # SymPy's example: a compound, non-commutative match.
    "X Y⁻¹": (X @ inverse(Y), a.T @ b @ b @ inverse(c), [{X: a.T @ b @ b, Y: c}]),
    "every split": (A @ B, a @ b @ c, [{A: a, B: b @ c}, {A: a @ b, B: c}]),
    "one for each": (A @ B @ C, a @ b @ c, [{A: a, B: b, C: c}]),
    "too few": (A @ B @ C, a @ b, []),
    "too many": (a @ inverse(B), a @ b @ inverse(c), []),
    "squares": (A @ A, a @ b @ a @ b, [{A: a @ b}]),
    "no square": (A @ A, a @ b @ b @ a, []),
    "odd length": (A @ A, a @ a @ a, []),
    "thrice": (A @ A @ A, matmul(*[a, b] * 3), [{A: a @ b}]),
    "with another between": (A @ B @ A, a @ b @ c @ a, [{A: a, B: b @ c}]),
    "palindrome": (A @ A.T, a @ b @ b.T @ a.T, [{A: a @ b}]),
    "Gram": (A.T @ A, b.T @ a.T @ a @ b, [{A: a @ b}]),
    "no Gram": (A.T @ A, a.T @ b, []),
    "conjugation": (A @ B @ A.T, a @ b @ c @ b.T @ a.T, [{A: a, B: b @ c @ b.T}, {A: a @ b, B: c}]),
    "bound by an anchor": (A @ inverse(A), a @ b @ inverse(a @ b), [{A: a @ b}]),
    "anchor first": (inverse(A) @ A, inverse(a) @ b, []),
    "two anchors": (
        inverse(A) @ B @ inverse(C),
        inverse(a) @ b @ inverse(c) @ inverse(d),
        [{A: a, B: b @ inverse(c), C: d}],
    ),
    "empty segment": (S @ a, a, [{S: run()}]),
    "segments around": (
        S @ inverse(A) @ S2,
        a @ inverse(b) @ c @ inverse(d),
        [
            {S: run(a), A: b, S2: run(c, inverse(d))},
            {S: run(a, inverse(b), c), A: d, S2: run()},
        ],
    ),
    "equal segments": (S @ c @ S, a @ b @ c @ a @ b, [{S: run(a, b)}]),
    "unequal segments": (S @ c @ S, a @ b @ c @ b @ a, []),
    "segment, then variable": (
        S @ A, a @ b @ c, [{S: run(), A: a @ b @ c}, {S: run(a), A: b @ c}, {S: run(a, b), A: c}],
    ),
    "columns end a product": (A @ v, a @ b @ x, [{A: a, v: b @ x}, {A: a @ b, v: x}]),
    "a column is no matrix's run": (v @ A, a @ b, []),
    "a single operand": (X @ S, inverse(a), [{X: inverse(a), S: run()}]),
    "Kronecker factors": (
        kron(A, B), kron(a, b, c), [{A: a, B: kron(b, c)}, {A: kron(a, b), B: c}],
    ),
    "a nested product": (inverse(A @ B), inverse(a @ b), [{A: a, B: b}]),
    "a nested product, kept": (inverse(A) @ A, inverse(a @ b) @ a @ b, [{A: a @ b}]),
    "blocks": (block_diag(S, A, S2), block_diag(a), None),
    "mixed products": (
        kron(A, B) @ kron(C, X), kron(a, b) @ kron(c, d), [{A: a, B: b, C: c, X: d}],
    ),
    "push-through": (
        A.T @ inverse(B @ A.T), a.T @ inverse(b @ a.T), [{A: a, B: b}],
    ),
}  # fmt: skip


def compiled(pattern, term, context):
    return list(compile_pattern(pattern).match(term, context))


@pytest.mark.parametrize("engine", [compiled, answers], ids=["compiled", "reference"])
@pytest.mark.parametrize("name", CASES)
def test_products(name, engine):
    pattern, term, expected = CASES[name]
    found = engine(pattern, term, Context())
    if expected is None:
        expected = [{S: run(), A: a, S2: run()}]
    assert len(found) == len(expected)
    assert all(answer in found for answer in expected)


def test_shortest_runs_come_first():
    found = [s[A] for s in compiled(A @ B, a @ b @ c @ d, Context())]
    assert found == [a, a @ b, a @ b @ c]


MANY = [atom(pt.matrix(f"m{i}")) for i in range(12)]


@pytest.mark.parametrize(
    ("pattern", "term", "steps"),
    [
        (inverse(A) @ A, matmul(*MANY), 2),
        (A @ A, matmul(*MANY), 15),
        (A @ A @ A, matmul(*MANY[:11]), 3),
        (A @ inverse(A), matmul(*MANY, inverse(MANY[0])), 5),
        (A @ inverse(B) @ C, matmul(*MANY, inverse(a), *MANY), 6),
    ],
)
def test_a_decision_takes_few_steps(pattern, term, steps):
    context = Context(budget=10_000)
    next(compile_pattern(pattern).match(term, context), None)
    assert 10_000 - context.budget <= steps
