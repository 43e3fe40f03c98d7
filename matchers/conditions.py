"""Conditions of a relation: declared, proved from the graph or from declarations, never coded."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

from matchers.dims import Dims
from matchers.terms import LogicVar, shape

# Assumption keys of PyTensor that a condition may name; others come from `assumed`.
STRUCTURES = (
    "symmetric", "positive_definite", "diagonal", "lower_triangular", "upper_triangular",
    "orthogonal", "permutation", "tridiagonal",
)  # fmt: skip


class Knowledge(Protocol):
    """What conditions are decided by."""

    dims: Dims

    def holds(self, term: Any, key: str) -> bool:
        """Whether the assumption `key` is proved of `term`."""
        ...


class Condition(NamedTuple):
    """A condition on the variables of a relation.

    Attributes
    ----------
    name : str
        ``square``, ``same_shape``, ``conforming``, or the name of an assumption.
    variables : tuple
        The logic variables that it constrains.
    implied : bool
        Whether it holds wherever the left side has a value, so that it needs no proof.
    """

    name: str
    variables: tuple[LogicVar, ...]
    implied: bool = False

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.variables))})"

    def holds(self, bindings: Mapping[LogicVar, Any], known: Knowledge) -> bool:
        """Whether it is proved for what the variables are bound to, or implied, and then learnt."""
        terms = [bindings[x] for x in self.variables]
        if self.implied:
            return all(known.dims.unify(*shape(t)[:2]) for t in terms)
        if self.name == "square":
            return all(known.dims.equal(*shape(t)[:2]) for t in terms)
        if self.name == "conforming":
            return all(known.dims.equal(shape(a)[1], shape(b)[0]) for a, b in pairwise(terms))
        if self.name == "same_shape":
            first = shape(terms[0])
            return all(
                known.dims.equal(a, b)
                for t in terms[1:]
                for a, b in zip(first[:2], shape(t)[:2], strict=True)
            )
        return all(known.holds(t, self.name) for t in terms)

    def declaration(self, bindings: Mapping[LogicVar, Any]) -> str:
        """The declaration that would make it hold."""
        names = [str(bindings.get(x, x)) for x in self.variables]
        if self.name == "square":
            return f"give {names[0]} a static square shape, e.g. pt.matrix(shape=(n, n))"
        if self.name == "conforming":
            return f"give {' and '.join(names)} static shapes that conform"
        if self.name == "same_shape":
            return f"give {' and '.join(names)} equal static shapes"
        return f"declare pytensor.assumptions.assume({names[0]}, {self.name}=True)"


def square(*matrices: LogicVar) -> Condition:
    """Each of `matrices` has as many rows as columns."""
    return Condition("square", matrices)


def conforming(*matrices: LogicVar) -> Condition:
    """Each of `matrices` has as many columns as the next has rows."""
    return Condition("conforming", matrices)


def implied(condition: Condition) -> Condition:
    """`condition`, which holds wherever the left side of the relation has a value.

    Only ``square`` can be implied so far: the inverse of a Kronecker product with a factor that is
    not square does not exist.
    """
    if condition.name != "square":
        raise ValueError(f"{condition} cannot be implied; only square can")
    return condition._replace(implied=True)


def same_shape(*matrices: LogicVar) -> Condition:
    """All of `matrices` have one shape."""
    return Condition("same_shape", matrices)


def assumed(key: str, *matrices: LogicVar) -> Condition:
    """Each of `matrices` has the structure `key` of ``pytensor.assumptions``."""
    return Condition(key, matrices)


def symmetric(*matrices: LogicVar) -> Condition:
    """Each of `matrices` equals its transpose."""
    return assumed("symmetric", *matrices)


def positive_definite(*matrices: LogicVar) -> Condition:
    """Each of `matrices` is symmetric positive definite."""
    return assumed("positive_definite", *matrices)


def orthogonal(*matrices: LogicVar) -> Condition:
    """The transpose of each of `matrices` is its inverse."""
    return assumed("orthogonal", *matrices)


def diagonal_matrix(*matrices: LogicVar) -> Condition:
    """Each of `matrices` is zero off its diagonal."""
    return assumed("diagonal", *matrices)


def lower_triangular(*matrices: LogicVar) -> Condition:
    """Each of `matrices` is zero above its diagonal."""
    return assumed("lower_triangular", *matrices)
