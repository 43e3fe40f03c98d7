"""The index over left-hand sides: nothing that matches is missed, and what cannot is rejected."""

from __future__ import annotations

import pytensor.tensor as pt
import pytest

from matchers.index import Index
from matchers.leaves import atom, number
from matchers.match import Context, compile_pattern
from matchers.variables import LogicVar
from matchers.vocabulary import (
    add,
    block_diag,
    cholesky,
    diag,
    inverse,
    kron,
    logabsdet,
    matmul,
    mul,
    scale,
    trace,
    vec,
)

a, b, c = (atom(pt.matrix(n)) for n in "abc")
x = atom(pt.vector("x"), 1)
A, B, X = (LogicVar(n) for n in "ABX")
v = LogicVar("v", "vector")
k = LogicVar("k", "scalar")
S = LogicVar("S", "segment")
R = LogicVar("R", "rest")
SHAPES = {X: (A.cols, B.cols)}

PATTERNS = {
    "kron vec": kron(A, B) @ vec(X),
    "kron kron": kron(A, B) @ kron(X, A),
    "inverse of a product": inverse(A @ B),
    "inverse of a segment": inverse(S @ A),
    "inverse of kron": inverse(kron(A, B)),
    "cancel": inverse(A) @ A,
    "distribute": A @ B + A @ X,
    "gemm": k * (A @ B) + R,
    "double": A + A,
    "negation": scale(-1, A),
    "coefficient": k * A,
    "logdet": logabsdet(kron(A, B)),
    "Gram": A.T @ A,
    "squares": mul(A, A),
    "diagonal": diag(v) @ A @ diag(v),
    "anything": A,
    "leaf": a,
    "transposed": A.T,
}


def index(names=None, without=()):
    chosen = [n for n in names or PATTERNS if n not in without]
    return Index([(n, compile_pattern(PATTERNS[n], SHAPES)) for n in chosen])


SHARED = atom(pt.matrix("shared"), 2, kron(a, b))
PRODUCT = atom(pt.matrix("product"), 2, a @ b)
GENERAL = ("anything", "leaf", "transposed")
TERMS = [
    kron(a, b) @ x, SHARED @ x, inverse(a @ b), inverse(PRODUCT), inverse(a), inverse(SHARED),
    inverse(kron(a, b)), inverse(a) @ a, inverse(a) @ b, a @ b + a @ c, PRODUCT + a @ c,
    2 * (a @ b) + c, a + a, a + b, -a, 2 * a, logabsdet(kron(a, b)), logabsdet(a), a.T @ a,
    mul(a, a), diag(x) @ a @ diag(x), a, a.T, PRODUCT, SHARED, trace(a), block_diag(a, b),
    matmul(a, b, kron(a, b), c, kron(c, a)), number(2), cholesky(inverse(a)),
]  # fmt: skip


@pytest.mark.parametrize("term", TERMS, ids=str)
def test_no_match_is_missed(term):
    candidates = index().candidates(term)
    for name, pattern in PATTERNS.items():
        compiled = compile_pattern(pattern, SHAPES)
        found = next(compiled.match_within(term, Context()), None)
        # A flat pattern asks for a term with its head.
        inner = getattr(term, "definition", None) or term
        if compiled.root.flat not in (None, inner.head):
            found = None
        assert found is None or name in candidates


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (kron(a, b) @ x, ["kron vec", "kron kron", "Gram"]),
        (a @ b, ["Gram"]),
        (inverse(a), ["inverse of a segment"]),
        (inverse(a @ b), ["inverse of a product", "inverse of a segment"]),
        (inverse(PRODUCT), ["inverse of a product", "inverse of a segment"]),
        (logabsdet(a), []),
        (logabsdet(kron(a, b)), ["logdet"]),
        (trace(a), []),
        (-a, ["negation", "coefficient"]),
        (s := atom(pt.scalar("s"), 0) * a, ["coefficient"]),
    ],
    ids=str,
)
def test_what_cannot_match_is_rejected(term, expected):
    assert index(without=GENERAL).candidates(term) == tuple(expected)


def test_candidates_come_in_the_order_of_registration():
    for names in (list(PATTERNS), list(reversed(PATTERNS))):
        found = index(names).candidates(inverse(kron(a, b)))
        assert list(found) == [n for n in names if n in found]
        assert len(found) == len(set(found))
    assert len(index()) == len(PATTERNS)


def test_variables_match_anywhere():
    assert index(["anything", "inverse of a product"]).candidates(trace(a)) == ("anything",)


def test_an_empty_index_has_no_candidates():
    assert Index[str]([]).candidates(a @ b) == ()


def test_a_rejection_looks_at_no_pattern():
    """Whatever the number of patterns: the term's own heads are looked up, nothing is scanned."""

    class Counting(dict):
        lookups = 0

        def get(self, key, default=None):
            Counting.lookups += 1
            return super().get(key, default)

    costs = []
    for n in (10, 500):
        leaves = [atom(pt.matrix(f"q{i}")) for i in range(n)]
        patterns = [kron(A, q) @ cholesky(A) @ add(A, q) for q in leaves]
        crowded = Index([(i, compile_pattern(p)) for i, p in enumerate(patterns)])
        crowded._rooms = Counting(crowded._rooms)
        Counting.lookups = 0
        for term in (a @ b, a @ b @ x, inverse(a) @ b, a + b, trace(a)):
            assert crowded.candidates(term) == ()
        costs.append(Counting.lookups)
    assert costs[0] == costs[1] == 5
