"""Optional coefficients in patterns, in both engines: answers written down by hand."""

from __future__ import annotations

import pickle

import pytensor.tensor as pt
import pytest

from matchers.coefficients import misplaced
from matchers.equalities import Dims
from matchers.index import Index
from matchers.leaves import atom, number
from matchers.match import Context, compile_pattern
from matchers.reference import answers
from matchers.terms import is_scalar, shape
from matchers.unification import instantiate
from matchers.variables import LogicVar, Run
from matchers.vocabulary import add, block_diag, inverse, kron, mul, reciprocal, scale, trace

a, b, e, f = (atom(pt.matrix(n)) for n in "abef")
x, y = (atom(pt.vector(n), 1) for n in "xy")
s, t = (atom(pt.scalar(n), 0) for n in "st")
A, X, Y = (LogicVar(n) for n in "AXY")
v = LogicVar("v", "vector")
c, d = (LogicVar(n, "scalar", optional=True) for n in "cd")
k = LogicVar("k", "scalar")
R = LogicVar("R", "rest")
one, two, minus = number(1), number(2), number(-1)

TWO_SUMMANDS = scale(c, A @ X) + scale(d, A @ Y)
SAME = scale(c, A @ X) + scale(c, A @ Y)


def compiled(pattern, term, context):
    return list(compile_pattern(pattern).match(term, context))


def reference(pattern, term, context):
    return answers(pattern, term, context, {})


@pytest.fixture(params=[compiled, reference])
def match(request):
    """All answers, as what the given variables are bound to."""

    def run(pattern, term, *variables, dims=None):
        found = request.param(pattern, term, Context(dims or Dims()))
        assert len({tuple(x.items()) for x in found}) == len(found)
        return {tuple(x[v] for v in variables) for x in found}

    return run


# --- sums with both, one or none of the coefficients ----------------------------------------------


@pytest.mark.parametrize(
    ("term", "c1", "c2"),
    [
        (a @ b + a @ e, one, one),
        (a @ b - a @ e, one, minus),
        (2 * (a @ b) + s * (a @ e), two, s),
        (a @ b + s * (a @ e), one, s),
        ((2 * s) * (a @ b) + (s * t) * (a @ e), 2 * s, s * t),
        (trace(f) * (a @ b) - a @ e / s, trace(f), -1 * reciprocal(s)),
    ],
    ids=str,
)
def test_a_sum_with_and_without_coefficients(match, term, c1, c2):
    expected = {(c1, a, b, c2, e), (c2, a, e, c1, b)}
    assert match(TWO_SUMMANDS, term, c, A, X, d, Y) == expected


def test_other_factors_are_no_match(match):
    for term in (a @ b + e @ b, a @ b + f, 2 * (a @ b), a @ b, a + b):
        assert match(TWO_SUMMANDS, term, c) == set()


def test_a_coefficient_in_two_places_is_one(match):
    swapped = {(a, b, e), (a, e, b)}
    for value in (one, two, s, minus, 2 * s):
        term = scale(value, a @ b) + scale(value, a @ e)
        assert match(SAME, term, A, X, Y) == swapped
        assert match(SAME, term, c) == {(value,)}
    for term in (
        2 * (a @ b) + 3 * (a @ e), a @ b + 2 * (a @ e), a @ b - a @ e, s * (a @ b) + t * (a @ e),
        2 * (a @ b) + (2 * s) * (a @ e), s * (a @ b) + a @ e,
    ):  # fmt: skip
        assert match(SAME, term, c) == set()


# --- one coefficient, and what it is in front of --------------------------------------------------


def test_all_that_a_term_is_scaled_by(match):
    pattern = scale(c, X)
    assert match(pattern, a, c, X) == {(one, a)}
    assert match(pattern, 2 * a, c, X) == {(two, a)}
    assert match(pattern, s * a, c, X) == {(s, a)}
    assert match(pattern, 2 * (s * a), c, X) == {(2 * s, a)}
    assert match(pattern, -a / s, c, X) == {(-1 * reciprocal(s), a)}
    assert match(pattern, a @ (s * b), c, X) == {(s, a @ b)}
    assert match(pattern, 0 * a, c, X) == {(number(0), a)}
    assert match(pattern, 3 * (a + b), c, X) == {(number(3), a + b)}
    for scalar in (s, two, trace(a), 2 * s):
        assert match(pattern, scalar, c, X) == set()


def test_a_coefficient_that_must_be_there(match):
    assert match(scale(k, X), a, k) == set()
    assert match(scale(k, X), 2 * (s * a), k, X) == {(two, s * a)}


def test_under_other_heads(match):
    assert match(inverse(scale(c, A)), inverse(a), c, A) == {(one, a)}
    assert match(inverse(scale(c, A)), inverse(2 * a), c, A) == {(two, a)}
    assert match(inverse(X + scale(c, A)), inverse(b + s * a), c, A, X) == {
        (s, a, b), (one, b, s * a)
    }  # fmt: skip
    assert match(scale(c, A).T + X.T, s * a.T + b.T, c, A, X) == {(s, a, b), (one, b, s * a)}
    assert match(inverse(scale(c, A.T)) @ A, inverse(2 * a.T) @ a, c, A) == {(two, a)}
    assert match(inverse(scale(c, A.T)) @ A, inverse(2 * a.T) @ b, c, A) == set()
    assert match(block_diag(scale(c, A), A), block_diag(a, a), c, A) == {(one, a)}


def test_a_vector(match):
    assert match(scale(c, v), 2 * x, c, v) == {(two, x)}
    assert match(scale(c, v), 2 * a, c, v) == set()
    assert match(A @ v + scale(c, v), a @ x - x, c, A, v) == {(minus, a, x)}


def test_a_rest(match):
    pattern = add(TWO_SUMMANDS, R)
    term = 2 * (a @ b) + f + a @ e
    assert match(pattern, term, c, X, d, Y, R) == {
        (two, b, one, e, Run([f])), (one, e, two, b, Run([f]))
    }  # fmt: skip
    three = match(pattern, a @ b - a @ e + s * (a @ f), c, X, d, Y, R)
    assert len(three) == 6
    assert (one, b, minus, e, Run([s * (a @ f)])) in three


def test_ground_parts(match):
    assert match(scale(c, a @ b) + f, f - a @ b, c) == {(minus,)}
    assert match(scale(c, a @ b) + f, f + a @ e, c) == set()
    assert match(scale(c, a) + scale(d, a), 2 * a + a, c, d) == {(two, one), (one, two)}


def test_a_product_binds_runs_behind_a_coefficient(match):
    assert match(scale(c, A @ X) + Y, s * (a @ b @ e) + f, c, A, X, Y) == {
        (s, a, b @ e, f), (s, a @ b, e, f),
    }  # fmt: skip


def test_a_summand_is_one_summand(match):
    found = match(scale(c, X) + scale(d, Y), a + 2 * b, c, X, d, Y)
    assert found == {(one, a, two, b), (two, b, one, a)}
    assert match(scale(c, X) + scale(d, Y), a + b + e, c) == set()


def test_shared_terms_are_opened_where_they_are_scaled(match):
    product, scaled = a @ b, 2 * (a @ b)
    plain = atom(pt.matrix("p"), 2, product)
    shared = atom(pt.matrix("q"), 2, scaled)
    again = atom(pt.matrix("r"), 2, scale(s, atom(pt.matrix("w"), 2, scaled)))
    for p in (scale(c, X), scale(c, A @ X)):
        assert {x for (x,) in match(p, shared, c)} == {two}
        assert {x for (x,) in match(p, again, c)} == {2 * s}
        assert {x for (x,) in match(p, plain, c)} == {one}
    # What is not scaled stays shared.
    assert match(scale(c, X), plain, X) == {(plain,)}
    assert match(scale(c, X), again, X) == {(product,)}
    assert match(scale(c, A @ X), plain, A, X) == {(a, b)}


# --- the variable ---------------------------------------------------------------------------------


def test_a_coefficient_is_a_scalar_of_its_own():
    assert c.kind == "scalar" and c.optional and is_scalar(c) and shape(c) == shape(k)
    assert str(c) == "c"
    assert LogicVar("c", "scalar") is not c and not LogicVar("c", "scalar").optional
    assert LogicVar("c", "scalar", optional=True) is c
    assert pickle.loads(pickle.dumps(c)) is c
    assert c.renamed("c") is c and c.renamed("d") is d
    with pytest.raises(ValueError, match="a matrix cannot be optional, a scalar can"):
        LogicVar("A", optional=True)


def test_what_is_built():
    target = A @ (scale(c, X) + scale(mul(c, d), Y))
    values = {A: a, X: b, Y: e}
    assert instantiate(target, {**values, c: one, d: one}) is a @ (b + e)
    assert instantiate(target, {**values, c: two, d: s}) is a @ (2 * b + (2 * s) * e)


MISPLACED = {
    "alone": (c, "the coefficient c stands alone"),
    "in a reciprocal": (scale(reciprocal(c), X) + Y, "the coefficient c stands in c⁻¹"),
    "two of them": (scale(c, scale(d, X)) + Y, "the coefficient c stands in c·d"),
    "with a scalar": (scale(k, scale(c, X)) + Y, "the coefficient c stands in k·c"),
    "of a scalar": (scale(c, trace(X)), "the coefficient c stands in c·tr(X)"),
    "drawn out twice": (kron(scale(c, A), scale(d, X)) + Y, "the coefficient c stands in c·d"),
    "behind a number": (Y - scale(c, X), "-1 is in front of c·X, which takes what is in front"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISPLACED)
def test_where_a_coefficient_cannot_stand(name):
    pattern, why = MISPLACED[name]
    assert misplaced(pattern).startswith(why)
    with pytest.raises(ValueError) as refused:
        compile_pattern(pattern)
    assert str(refused.value) == misplaced(pattern)


def test_where_it_can():
    for pattern in (TWO_SUMMANDS, A, scale(k, X), scale(2, X), A @ scale(c, X) + Y, inverse(SAME)):
        assert misplaced(pattern) == ""


# --- the index ------------------------------------------------------------------------------------


def test_the_index_asks_for_what_is_scaled():
    patterns = {
        "sum": TWO_SUMMANDS,
        "kron": scale(c, kron(A, X)) + Y,
        "low rank": (X + scale(c, A @ Y)) @ v,
        "inverse": inverse(scale(c, A @ X)),
        "root": scale(c, A @ X),
    }
    index = Index([(name, compile_pattern(p)) for name, p in patterns.items()])

    def found(term):
        return {*index.candidates(term)} - {"root"}

    shared = atom(pt.matrix("shared"), 2, 2 * (a @ b))
    assert found(a @ b + a @ e) == found(2 * (a @ b) - f) == found(shared + f) == {"sum"}
    assert found(a + b) == found(inverse(a @ b) + e) == set()
    assert found(kron(a, b) + f) == found(f - kron(a, b)) == {"kron"}
    assert found((f + a @ b) @ x) == found((f - a @ b) @ x) == {"low rank"}
    assert found((f + a) @ x) == set()  # there is a product, but not in the sum
    assert found(inverse(a @ b)) == found(inverse(2 * (a @ b))) == {"inverse"}
    assert found(inverse(inverse(a) + b)) == set()
    assert "root" in index.candidates(2 * (a @ b)) and "root" in index.candidates(a @ b)
