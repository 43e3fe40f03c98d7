"""How accurate a right side is: what is unstable is found, what is as good as the left is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kantor.checking import Mismatch, Problem, readings, verify
from kantor.checking.accuracy import TAME, WORST, Accuracy, inverted_alone
from kantor.checking.conditioned import CONDITIONED
from kantor.checking.exact_numbers import LONG, MEANING
from kantor.checking.numeric import Numeric
from kantor.checking.sides import Undefined
from matchers.conditions import (
    lower_triangular,
    nonsingular,
    positive_definite,
    square,
    symmetric,
)
from matchers.vocabulary import cholesky, det, eye, inverse, kron, logabsdet, transpose
from relations.language import matrices
from relations.library import library, select
from relations.relation import Relation
from tests.kantor.checking.planted import holds, made

A, B, C, U, V, X = matrices("A B C U V X")


def accuracy(r: Relation, *, tame: bool = False) -> Accuracy:
    sides = next(readings(r))
    return Accuracy(Numeric(Problem(sides)), inverted_alone(sides) if tame else frozenset())


def share(accuracy: Accuracy, examples: int = 40) -> float:
    """The largest error in proportion to what is allowed."""
    for instance, values in accuracy.instances(examples):
        try:
            accuracy.check(instance, values)
        except (Undefined, Mismatch):
            continue
    assert accuracy.checked > examples / 2
    return accuracy.worst


# Each of these is right: equal in exact arithmetic, and within every tolerance where matrices are
# well conditioned.
UNSTABLE: dict[str, Callable[[], tuple[Any, ...]]] = {
    "normal equations": lambda: (
        inverse(A) @ X, inverse(A.T @ A) @ A.T @ X, nonsingular(A), square(A),
    ),
    "a difference of large ones": lambda: (
        (A + B) @ X, (A + 2**9 * B) @ X - (2**9 - 1) * (B @ X),
    ),
    "a determinant by its square": lambda: (
        logabsdet(A), -logabsdet(inverse(A @ A)) - logabsdet(A), nonsingular(A),
    ),
    "an inverse of an inverse": lambda: (A @ X, inverse(inverse(A)) @ X, nonsingular(A)),
}  # fmt: skip
STABLE: dict[str, Callable[[], tuple[Any, ...]]] = {
    "a product": lambda: (inverse(A @ B) @ X, inverse(B) @ inverse(A) @ X, square(A, B)),
    "a factor": lambda: (inverse(A), inverse(cholesky(A)).T @ inverse(cholesky(A)),
                         positive_definite(A)),
    "a triangle": lambda: (inverse(A @ B), inverse(B) @ inverse(A), lower_triangular(A),
                           square(A, B)),
    "symmetry": lambda: (inverse(A).T @ X, inverse(A) @ X, symmetric(A)),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSTABLE)
def test_what_is_unstable_is_found(name: str) -> None:
    r = made(UNSTABLE[name], both_ways=False)
    verdict = verify(r, 25)
    assert not verdict.passed
    assert all("the error of the right side is" in f.what for f in verdict.failures)
    assert verdict.exact and verdict.share > 1
    # What is said to lose accuracy may lose it, and the loss is told.
    lost = verify(made(UNSTABLE[name], both_ways=False, stability="loses"), 25)
    assert lost.passed and lost.share > 1
    assert any("times what is allowed" in note for note in lost.notes)


@pytest.mark.parametrize("name", STABLE)
def test_what_is_as_good_is_not(name: str) -> None:
    verdict = holds(made(STABLE[name], both_ways=False), 25)
    assert verdict.accurate >= 15
    assert 0 < verdict.share < 1


def test_a_mixed_relation_may_ask_for_a_condition() -> None:
    """Woodbury: fine where A is well conditioned, and off by all digits where it is not."""

    def body() -> tuple[Any, ...]:
        small = inverse(eye(V.rows) + V @ inverse(A) @ U)
        update = inverse(A) @ U @ small @ V @ inverse(A)
        return inverse(A + U @ V), inverse(A) - update, nonsingular(A)

    assert not verify(made(body, both_ways=False), 25).passed
    mixed = holds(made(body, both_ways=False, stability="mixed"), 25)
    assert mixed.tame == ("A",) and mixed.share < 1
    (note,) = (n for n in mixed.notes if "condition" in n)
    assert "within it where A is well conditioned" in note

    def wrong() -> tuple[Any, ...]:
        """Unstable wherever A is regular, by what is added and taken away again."""
        lhs, rhs, condition = body()
        big = U @ V @ U @ V
        return lhs @ X, (rhs + 1e6 * big) @ X - 1e6 * (big @ X), condition

    assert not verify(made(wrong, both_ways=False, stability="mixed"), 25).passed


@pytest.mark.parametrize("name", CONDITIONED)
@pytest.mark.parametrize("condition", [1.0, 1e4, WORST])
def test_what_is_drawn_has_its_condition_and_structure(name: str, condition: float) -> None:
    rng = np.random.default_rng(0)
    for n in (1, 2, 4):
        x = CONDITIONED[name](rng, n, n, condition)
        values = np.linalg.svd(x, compute_uv=False)
        assert values[0] == pytest.approx(1)
        assert values[0] / values[-1] == pytest.approx(condition if n > 1 else 1, rel=1e-3)
        assert name not in ("symmetric", "positive_definite") or np.array_equal(x, x.T)
        assert name != "positive_definite" or np.linalg.cholesky(x).size
        assert name != "lower_triangular" or np.array_equal(x, np.tril(x))
        assert name != "upper_triangular" or np.array_equal(x, np.triu(x))
        assert name != "circulant" or np.array_equal(x, np.roll(x, (1, 1), (0, 1)))
        assert name != "definite_toeplitz" or np.array_equal(x[1:, 1:], x[:-1, :-1])
        assert name != "definite_toeplitz" or np.linalg.cholesky(x).size
        assert "diagonal" not in name or np.array_equal(x, np.diag(np.diag(x)))
        assert name != "positive_diagonal" or np.all(np.diag(x) > 0)


def test_conditions_are_those_of_what_is_asked_for() -> None:
    (woodbury,), _ = select("woodbury")
    worst, tamed = accuracy(woodbury), accuracy(woodbury, tame=True)
    assert {str(x) for x in tamed.tame} == {"A"}
    index = [str(x) for x in worst.sides.variables].index("A")

    def largest(of: Accuracy) -> float:
        return max(float(np.linalg.cond(v[index])) for _, v in of.instances(40))

    assert largest(worst) == pytest.approx(WORST, rel=0.1)
    assert largest(tamed) <= TAME * 1.01


def test_a_left_side_that_is_not_what_its_heads_mean_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    swapped = made(lambda: (transpose(kron(A, B)), kron(A.T, B.T)))
    holds(swapped)
    right = MEANING["kron"]
    monkeypatch.setitem(MEANING, "kron", lambda ring, x, y: right(ring, y, x))
    assert "its left side is seldom what its heads mean" in str(verify(swapped, 25))


def test_the_truth_has_many_digits() -> None:
    hilbert = np.array([[1 / (i + j + 1) for j in range(6)] for i in range(6)])
    with LONG.context():
        x = LONG.array(hilbert)
        away = np.abs(x @ MEANING["inverse"](LONG, x) - LONG.eye(6))
    assert max(away.ravel()) < 1e-40


def test_the_vectors_of_shifted_products_are_orthogonal() -> None:
    """With LAPACK's default driver the error was up to 14 times what is allowed."""
    (solve,), _ = select("solve_of_shifted_kron")
    assert share(accuracy(solve)) < 1


def test_every_relation_of_the_library_is_compared() -> None:
    assert not any(accuracy(r).lacking for r in library())


def test_determinants_of_the_smallest_are_compared_in_proportion() -> None:
    """No absolute slack: a determinant of 1e-20 may not be off by 1e-30."""
    off = made(lambda: (det(A), det(A + A - A), nonsingular(A)))
    assert verify(off, 25).share > 0
