"""Without rounding: rational arithmetic finds what a tolerance hides, and excuses nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from kantor.checking import Mismatch, Problem, readings, verify
from kantor.checking.entries import Source
from kantor.checking.exact import Exact, value
from kantor.checking.exact_numbers import LONG, MEANING, RATIONAL, Irrational, Log
from kantor.checking.instances import Instance, cycling
from kantor.checking.makers import MAKERS
from kantor.checking.numeric import Numeric
from kantor.checking.sides import Sides, Undefined
from kantor.checking.variants import telling
from matchers.conditions import orthogonal, positive_definite, square, symmetric
from matchers.heads import Head
from matchers.notation import HEADS
from matchers.terms import shape
from matchers.traversal import subterms
from matchers.vocabulary import (
    cholesky,
    det,
    discrete_lyapunov,
    expm,
    inverse,
    kron,
    kron_adjoint_left,
    kron_adjoint_right,
    logabsdet,
    reshape,
    scale,
    shifted_solve,
    sylvester,
    trace,
    transpose,
    vec,
)
from relations.language import matrices, scalars
from relations.library import library
from relations.relation import Relation
from tests.kantor.checking.planted import holds, made

A, B, C, D, X = matrices("A B C D X")
(c,) = scalars("c")


def exactly(r: Relation) -> Exact:
    return Exact(Problem(next(readings(r))))


def fault(r: Relation) -> str:
    """What is wrong of a relation, exactly."""
    exact = exactly(r)
    for instance in exact.instances(20):
        try:
            exact.check(instance)
        except Undefined:
            continue
        except Mismatch as failure:
            return str(failure)
    return ""


RIGHT: dict[str, Callable[[], tuple[Any, ...]]] = {
    "a product": lambda: (inverse(A @ B), inverse(B) @ inverse(A), square(A, B)),
    "a logarithm": lambda: (logabsdet(A @ B), logabsdet(A) + logabsdet(B), square(A, B)),
    "a Kronecker product": lambda: (kron(A, B) @ vec(X), vec(A @ X @ B.T)),
    "a Cholesky factor": lambda: (
        cholesky(kron(A, B)), kron(cholesky(A), cholesky(B)), positive_definite(A, B),
    ),
    "an orthogonal matrix": lambda: (inverse(A @ B), B.T @ inverse(A), orthogonal(B)),
}  # fmt: skip
WRONG: dict[str, Callable[[], tuple[Any, ...]]] = {
    "a coefficient": lambda: (A @ (B + C), scale(1 + 1e-14, A @ B) + A @ C),
    "a sign": lambda: (inverse(A @ B), -(inverse(B) @ inverse(A)), square(A, B)),
    "an order": lambda: (inverse(A @ B), inverse(A) @ inverse(B), square(A, B)),
    "a transpose": lambda: (kron(A, B) @ vec(X), vec(A @ X @ B), square(A, B)),
    "another transpose": lambda: (A @ B, A.T @ B, square(A, B)),
    "a condition": lambda: (A @ A.T, A.T @ A, square(A)),
    "a logarithm": lambda: (logabsdet(A @ B), logabsdet(A) + 2 * logabsdet(B), square(A, B)),
    "a power": lambda: (det(scale(c, A)), c * det(A)),
    "a trace": lambda: (trace(A @ B), trace(A) * trace(B), square(A, B)),
    "a factor": lambda: (cholesky(A) @ cholesky(A), A, positive_definite(A)),
    "an orthogonal matrix": lambda: (inverse(A @ B), B @ inverse(A), orthogonal(B)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_equal(name: str) -> None:
    exact = exactly(made(RIGHT[name]))
    assert exact.arithmetic is RATIONAL
    equal = 0
    for instance in exact.instances(25):
        try:
            equal += exact.check(instance) > 0
        except Undefined:
            continue
    assert equal >= 25


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_differs(name: str) -> None:
    assert "differs from the left, exactly" in fault(made(WRONG[name], both_ways=False))


def test_a_coefficient_below_every_tolerance_is_found() -> None:
    verdict = verify(made(WRONG["a coefficient"]), 5)
    (failure,) = verdict.failures
    assert failure.what == "the right side differs from the left, exactly"
    assert failure.instance is not None and set(failure.instance.known.values()) == {1}


def test_a_right_side_without_a_value_is_found() -> None:
    why = fault(made(lambda: (A @ A, inverse(A) @ A @ A @ A)))
    assert why.startswith("the right side has no value where the left has one, exactly: singular")
    # Beside zeros as well, where the numerical check excuses what rounding may hide.
    hidden = made(lambda: (inverse(A) @ inverse(inverse(B)), inverse(A) @ B), both_ways=False)
    assert fault(hidden) == ""
    beside = made(lambda: (A @ B, inverse(A) @ A @ A @ B, square(A)), both_ways=False)
    assert "no value" in fault(beside)


def test_a_left_side_without_a_value_is_found() -> None:
    def body() -> tuple[Any, ...]:
        return inverse(inverse(A)) @ A, A @ A

    assert "only the right side has a value, exactly: singular" in fault(made(body))
    assert fault(made(body, both_ways=False)) == ""


@pytest.mark.parametrize("name", MAKERS)
def test_structures_are_exact(name: str) -> None:
    for n in (1, 2, 3, 4):
        drawn = MAKERS[name].draw(Source(np.random.default_rng(n), "O"), n, n)
        x = RATIONAL.array(drawn)
        assert all(type(e) is Fraction for e in x.ravel())
        for key in MAKERS[name].has:
            assert _TRAITS[key](x), key


def _equal(x: Any, y: Any) -> bool:
    return bool(np.all(x == y))


def _rational_factor(x: Any) -> bool:
    factor = MEANING["cholesky"](RATIONAL, x)
    return _equal(factor @ factor.T, x)


_TRAITS: dict[str, Callable[[Any], bool]] = {
    "symmetric": lambda x: _equal(x, x.T),
    "hermitian": lambda x: _equal(x, x.T),
    "positive_definite": _rational_factor,
    "positive_semidefinite": lambda x: min(np.linalg.eigvalsh(x.astype(float))) > -1e-6,
    "nonsingular": lambda x: MEANING["det"](RATIONAL, x) != 0,
    "orthogonal": lambda x: _equal(x @ x.T, np.eye(len(x), dtype=int)),
    "diagonal": lambda x: _equal(x, np.diag(np.diag(x))),
    "lower_triangular": lambda x: _equal(x, np.tril(x)),
    "upper_triangular": lambda x: _equal(x, np.triu(x)),
    "tridiagonal": lambda x: _equal(x, np.triu(np.tril(x, 1), -1)),
    "permutation": lambda x: _equal(x.sum(0), 1) and set(x.ravel()) <= {0, 1},
    "selection": lambda x: _equal(x.sum(1), 1) and set(x.ravel()) <= {0, 1},
    "toeplitz": lambda x: all(
        len(set(np.diagonal(x, k))) <= 1 for k in range(1 - x.shape[0], x.shape[1])
    ),
    "circulant": lambda x: _equal(x, np.roll(x, (1, 1), (0, 1))),
    "index": lambda x: all(e.denominator == 1 for e in x.ravel()),
    "full_column_rank": lambda x: MEANING["det"](RATIONAL, x.T @ x) != 0,
    "full_row_rank": lambda x: MEANING["det"](RATIONAL, x @ x.T) != 0,
    "unit_magnitude": lambda x: _equal(abs(x), 1),
    "positive": lambda x: bool(np.all(x > 0)),
    "nonnegative": lambda x: bool(np.all(x >= 0)),
    "nonzero": lambda x: bool(np.all(x != 0)),
}


def test_logarithms_are_kept_as_what_they_are_of() -> None:
    assert Log(Fraction(4)) == 2 * Log(Fraction(2))
    assert Log(Fraction(2)) + Log(Fraction(1, 2)) == 0
    assert Log(Fraction(6)) != Log(Fraction(5))
    assert Log(Fraction(4, 9)) * Fraction(1, 2) == Log(Fraction(2, 3))
    with pytest.raises(Irrational):
        Log(Fraction(2)) * Fraction(1, 2)
    with pytest.raises(Irrational):
        Log(Fraction(2)) + 1


def test_numbers_are_what_they_were_meant_to_be() -> None:
    assert RATIONAL.number(0.1) == Fraction(1, 10)
    assert RATIONAL.number(1 / 3) == Fraction(1, 3)
    assert RATIONAL.number(1 + 2**-40) == 1 + Fraction(1, 2**40)


def test_what_has_no_rational_values_is_named_and_agrees_to_many_digits() -> None:
    verdict = holds(made(lambda: (expm(transpose(A)), transpose(expm(A)))))
    assert verdict.exact and not verdict.rational
    assert "no exact check: expm" in verdict.notes
    almost = made(lambda: (expm(A) @ B, scale(1 + 1e-15, expm(A)) @ B))
    assert "the right side differs from the left, to 60 digits" in fault(almost)


@pytest.fixture
def nameless() -> Iterator[Head]:
    """A head that nothing says the meaning of."""
    yield Head("nameless", lambda x: x, lambda x: shape(x))
    del HEADS["nameless"]


def test_a_head_without_a_meaning_is_named(nameless: Head) -> None:
    verdict = holds(made(lambda: (A @ B, nameless(A) @ B), both_ways=False))
    assert verdict.exact == 0
    assert "no exact check: nameless" in verdict.notes
    assert "no accuracy check: nameless" in verdict.notes


def test_heads_mean_what_is_built_of_them() -> None:
    """On the right sides too, whose truth the check of accuracy takes from the left."""
    seen, there = set(), set()
    for r in library():
        for sides in readings(r):
            exact = Exact(Problem(sides))
            if exact.arithmetic is None:
                continue
            there |= {t.head.name for side in sides.spellings.values() for t in subterms(side)}
            drawn = [
                exact.problem.instance(cycling(lengths), variant=telling(sides), seed=seed)
                for lengths, seed in (((2, 3, 2, 3), 3), ((3, 2), 4), ((2,), 5), ((3,), 6))
            ]
            assert any(drawn)
            graphs = Numeric(exact.problem).graphs(telling(sides))
            for instance in filter(None, drawn):
                seen |= _compared(r, sides, graphs, instance)
    assert seen == there
    assert len(seen) > 90


def _compared(r: Relation, sides: Sides, graphs: Any, instance: Instance) -> set[str]:
    """The heads of the sides that have a value at an instance, which is what they mean."""
    leaves = {
        x: LONG.array(v) if v.ndim else LONG.number(v.item())
        for x, v in zip(sides.variables, instance.values, strict=True)
    }
    seen: set[str] = set()
    for name, side in sides.spellings.items():
        try:
            built = graphs.value(name)(instance.values)[0]
            meant = value(side, leaves, LONG)
        except Undefined:
            continue
        assert np.allclose(built, np.asarray(meant, dtype=float), rtol=1e-7), (r, name)
        seen |= {t.head.name for t in subterms(side)}
    return seen


def test_equations_between_matrices_are_solved_by_themselves() -> None:
    rng = np.random.default_rng(1)
    a, b, q = (RATIONAL.array(rng.integers(1, 9, s)) for s in ((2, 2), (3, 3), (2, 3)))
    x = MEANING["sylvester"](RATIONAL, a, b, q)
    assert _equal(a @ x + x @ b, q)
    y = MEANING["discrete_lyapunov"](RATIONAL, a, a)
    assert _equal(y - a @ y @ a.T, a)
    assert {sylvester, discrete_lyapunov} <= set(HEADS.values())


def test_adjoints_are_adjoint() -> None:
    rng = np.random.default_rng(2)
    a, b, g = (RATIONAL.array(rng.integers(-5, 6, s)) for s in ((2, 3), (3, 2), (6, 6)))
    whole = (g * MEANING["kron"](RATIONAL, a, b)).sum()
    assert whole == (MEANING["kron_adjoint_left"](RATIONAL, g, a, b) * a).sum()
    assert whole == (MEANING["kron_adjoint_right"](RATIONAL, g, a, b) * b).sum()
    assert {kron_adjoint_left, kron_adjoint_right, reshape, shifted_solve} <= set(HEADS.values())


def test_symmetry_is_what_makes_it_so() -> None:
    """The same relation with and without its condition."""
    assert fault(made(lambda: (A @ A.T, A.T @ A, symmetric(A)))) == ""
    assert fault(made(lambda: (A @ A.T, A.T @ A, square(A)))) != ""
