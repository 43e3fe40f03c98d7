"""Conditions: proved, learnt where they are implied, or named with what would unlock them."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
import pytest

from matchers import conditions as k
from matchers.conforming import learn
from matchers.equalities import Dims
from matchers.leaves import atom
from matchers.variables import LogicVar

A, B, C = (atom(pt.matrix(name)) for name in "ABC")
S = atom(pt.matrix("S", shape=(3, 3)))
X, Y, Z = (LogicVar(name) for name in "XYZ")
BOUND = {X: A, Y: B, Z: C}


class Known:
    """Knowledge that is given."""

    def __init__(self, *facts: tuple[Any, str]) -> None:
        self.dims = Dims()
        self.facts = set(facts)

    def holds(self, term: Any, key: str) -> bool:
        return (term, key) in self.facts


def test_square() -> None:
    known = Known()
    assert k.square(X).holds({X: S}, known)
    assert not k.square(X).holds(BOUND, known)
    assert not k.square(X, Y).holds({X: S, Y: A}, known)
    known.dims.unify(A.rows, A.cols)
    assert k.square(X, Y).holds({X: S, Y: A}, known)


def test_conforming() -> None:
    known = Known()
    assert not k.conforming(X, Y, Z).holds(BOUND, known)
    learn(known.dims, A @ B)
    assert k.conforming(X, Y).holds(BOUND, known)
    assert not k.conforming(X, Y, Z).holds(BOUND, known)
    learn(known.dims, B @ C)
    assert k.conforming(X, Y, Z).holds(BOUND, known)


def test_same_shape() -> None:
    known = Known()
    assert not k.same_shape(X, Y).holds(BOUND, known)
    learn(known.dims, A + B)
    assert k.same_shape(X, Y).holds(BOUND, known)
    assert not k.same_shape(X, Y, Z).holds(BOUND, known)
    assert not k.same_shape(X, Y).holds({X: A, Y: A.T}, known)


def test_same_batch() -> None:
    T, U, W = atom(pt.tensor3("T")), atom(pt.tensor3("U")), atom(pt.tensor4("W"))
    known = Known()
    assert k.same_batch(X, Y).holds({X: A, Y: B}, known)
    assert not k.same_batch(X, Y).holds({X: T, Y: U}, known)
    learn(known.dims, T @ U)
    assert k.same_batch(X, Y).holds({X: T, Y: U @ A}, known)
    for other in (A, W, T @ W):
        assert not k.same_batch(X, Y).holds({X: T, Y: other}, known)
    assert "the same batch axes" in k.same_batch(X, Y).declaration({X: T, Y: A})


def test_unbatched() -> None:
    T = atom(pt.tensor3("T"))
    known = Known()
    assert k.unbatched(X, Y).holds({X: A, Y: atom(pt.tensor("T", shape=(1, 3, 3)))}, known)
    assert not k.unbatched(X, Y).holds({X: A, Y: T}, known)
    assert not k.unbatched(X).holds({X: A @ T}, known)
    assert "no batch axes" in k.unbatched(X).declaration({X: T})


def test_lengths_that_are_known_of_all_or_of_none() -> None:
    known = Known()
    assert k.evenly_known(X, Y).holds({X: A, Y: B}, known)
    assert k.evenly_known(X, Y).holds({X: S, Y: S}, known)
    assert not k.evenly_known(X, Y).holds({X: S, Y: B}, known)
    assert not k.evenly_known(X, Y).holds({X: A, Y: S}, known)
    assert list(k.evenly_known(X, Y).equations()) == []
    assert "static shapes" in k.evenly_known(X, Y).declaration(BOUND)


def test_what_is_implied_is_learnt() -> None:
    known = Known()
    condition = k.implied(k.square(X, Y))
    assert condition.holds(BOUND, known)
    assert known.dims.equal(A.rows, A.cols) and known.dims.equal(B.rows, B.cols)
    tall = atom(pt.matrix(shape=(3, 2)))
    assert not condition.holds({X: tall, Y: S}, known)
    with pytest.raises(ValueError, match=r"symmetric\(X\) cannot be implied; only square and"):
        k.implied(k.symmetric(X))


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (k.symmetric, "symmetric"), (k.positive_definite, "positive_definite"),
        (k.orthogonal, "orthogonal"), (k.diagonal_matrix, "diagonal"),
        (k.lower_triangular, "lower_triangular"),
    ],
)  # fmt: skip
def test_structures_are_asked_for(make: Any, key: str) -> None:
    condition = make(X, Y)
    assert str(condition) == f"{key}(X, Y)" and key in k.STRUCTURES
    assert not condition.holds(BOUND, Known((A, key)))
    assert condition.holds(BOUND, Known((A, key), (B, key)))
    assert k.assumed(key, X, Y) == condition


DECLARATIONS = [
    (k.square(X), "give A a static square shape, e.g. pt.matrix(shape=(n, n))"),
    (k.conforming(X, Y), "give A and B static shapes that conform"),
    (k.same_shape(X, Y), "give A and B equal static shapes"),
    (k.symmetric(X), "declare pytensor.assumptions.assume(A, symmetric=True)"),
]


@pytest.mark.parametrize(("condition", "text"), DECLARATIONS, ids=[str(c) for c, _ in DECLARATIONS])
def test_declarations(condition: k.Condition, text: str) -> None:
    assert condition.declaration(BOUND) == text


def test_an_unbound_variable_goes_by_its_own_name() -> None:
    assert "give X a static" in k.square(X).declaration({})
