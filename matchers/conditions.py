"""Conditions of a relation: declared, proved from the graph or from declarations, never coded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from matchers.dims import ONE, Dim, const
from matchers.equalities import Dims
from matchers.properties import OF_DIAGONALS, OF_ENTRIES, OF_MATRICES, OF_RANK
from matchers.terms import shape
from matchers.variables import LogicVar

# Assumption keys of PyTensor that a condition may name; others come from `assumed`.
STRUCTURES = (
    "symmetric", "positive_definite", "diagonal", "lower_triangular", "upper_triangular",
    "orthogonal", "permutation", "tridiagonal",
)  # fmt: skip
# Conditions on batches: which operands have one.
BATCH_CONDITIONS = ("same_batch", "unbatched")
# Conditions on axes; all others name a structure.
SHAPE_CONDITIONS = (
    "square", "two_by_two", "same_shape", "same_rows", "same_cols", "conforming", "nonempty",
    "wide", "evenly_known", *BATCH_CONDITIONS,
)  # fmt: skip
# Structures of square matrices only. To PyTensor a triangular matrix, and a selection of rows, need
# not be square, and what is said of entries is said of vectors as well.
SQUARE_STRUCTURES = (
    "symmetric", "positive_definite", "diagonal", "orthogonal", "permutation",
    "circulant", *OF_MATRICES,
)  # fmt: skip

_AS_WRITTEN: Mapping[LogicVar, Any] = MappingProxyType({})


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
        ``square``, ``same_shape``, ``same_rows``, ``same_cols``, ``conforming``, ``nonempty``,
        ``wide``, ``evenly_known``, ``same_batch``, ``unbatched``, or the name of an assumption.
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

    def equations(
        self, bindings: Mapping[LogicVar, Any] = _AS_WRITTEN
    ) -> Iterator[tuple[Dim, Dim]]:
        """The equations between lengths that it states, of what the variables are bound to.

        A variable that is not bound stands for itself.
        """
        shapes = [shape(bindings.get(x, x))[:2] for x in self.variables]
        if self.name == "conforming":
            yield from ((a[1], b[0]) for a, b in pairwise(shapes))
        elif self.name == "same_rows":
            yield from ((a[0], b[0]) for a, b in pairwise(shapes))
        elif self.name == "same_cols":
            yield from ((a[1], b[1]) for a, b in pairwise(shapes))
        elif self.name == "same_shape":
            for a, b in pairwise(shapes):
                yield from zip(a, b, strict=True)
        elif self.name == "square":
            yield from shapes
        elif self.name == "two_by_two":
            yield from ((n, const(2)) for s in shapes for n in s)
        elif self.name in SQUARE_STRUCTURES:
            yield from (
                s for s, x in zip(shapes, self.variables, strict=True) if x.kind == "matrix"
            )

    def nonzero(self, bindings: Mapping[LogicVar, Any] = _AS_WRITTEN) -> Iterator[Dim]:
        """The lengths of which it states that they are not 0, like `equations`."""
        if self.name == "nonempty":
            for x in self.variables:
                yield from shape(bindings.get(x, x))[:2]

    def holds(self, bindings: Mapping[LogicVar, Any], known: Knowledge) -> bool:
        """Whether it is proved for what the variables are bound to, or implied, and then learnt."""
        dims = known.dims
        if self.implied:
            return all(dims.unify(a, b) for a, b in self.equations(bindings))
        if self.name in BATCH_CONDITIONS:
            return self._of_batches([shape(bindings.get(x, x))[2] for x in self.variables], dims)
        if self.name == "wide":
            return all(dims.normal(shape(bindings.get(x, x))[1]) != ONE for x in self.variables)
        if self.name == "evenly_known":
            shapes = [shape(bindings.get(x, x))[:2] for x in self.variables]
            static = [all(dims.normal(n).known for n in pair) for pair in shapes]
            return all(static) or not any(static)
        if self.name in SHAPE_CONDITIONS:
            return all(dims.equal(a, b) for a, b in self.equations(bindings)) and all(
                n.known and n.coef > 0 for n in map(dims.normal, self.nonzero(bindings))
            )
        # What has the structure of a square matrix is one, and that is learnt.
        return all(known.holds(bindings[x], self.name) for x in self.variables) and all(
            dims.unify(a, b) for a, b in self.equations(bindings)
        )

    def _of_batches(self, batches: list[tuple[Dim, ...]], dims: Dims) -> bool:
        if self.name == "unbatched":
            return not any(batches)
        return all(len(a) == len(b) and all(map(dims.equal, a, b)) for a, b in pairwise(batches))

    def declaration(self, bindings: Mapping[LogicVar, Any]) -> str:
        """The declaration that would make it hold."""
        names = [str(bindings.get(x, x)) for x in self.variables]
        if self.name == "square":
            return f"give {names[0]} a static square shape, e.g. pt.matrix(shape=(n, n))"
        if self.name == "two_by_two":
            return f"give {names[0]} the static shape (2, 2)"
        if self.name == "conforming":
            return f"give {' and '.join(names)} static shapes that conform"
        if self.name == "same_shape":
            return f"give {' and '.join(names)} equal static shapes"
        if self.name in ("same_rows", "same_cols"):
            kind = "rows" if self.name == "same_rows" else "columns"
            return f"give {' and '.join(names)} static shapes with equally many {kind}"
        if self.name == "same_batch":
            return f"give {' and '.join(names)} the same batch axes"
        if self.name == "unbatched":
            return f"give {' and '.join(names)} no batch axes"
        if self.name == "wide":
            return f"{' and '.join(names)} would need more than one column"
        if self.name == "evenly_known":
            return f"give {' and '.join(names)} static shapes"
        if self.name == "nonempty":
            what = "static shapes" if names[1:] else "a static shape"
            return f"give {' and '.join(names)} {what}"
        own = self.name in (*OF_ENTRIES, *OF_MATRICES, *OF_DIAGONALS, *OF_RANK)
        where = "kantor" if own else "pytensor.assumptions"
        return f"declare {where}.assume({names[0]}, {self.name}=True)"


def square(*matrices: LogicVar) -> Condition:
    """Each of `matrices` has as many rows as columns."""
    return Condition("square", matrices)


def two_by_two(*matrices: LogicVar) -> Condition:
    """Each of `matrices` has two rows and two columns."""
    return Condition("two_by_two", matrices)


def conforming(*matrices: LogicVar) -> Condition:
    """Each of `matrices` has as many columns as the next has rows."""
    return Condition("conforming", matrices)


def implied(condition: Condition) -> Condition:
    """`condition`, which holds wherever the left side of the relation has a value.

    Only ``square`` and ``nonempty`` can be implied: the inverse of a Kronecker product with a
    factor that is not square does not exist, nor does the QR factorization of an empty matrix.
    """
    if condition.name not in ("square", "nonempty"):
        raise ValueError(f"{condition} cannot be implied; only square and nonempty can")
    return condition._replace(implied=True)


def same_shape(*matrices: LogicVar) -> Condition:
    """All of `matrices` have one shape."""
    return Condition("same_shape", matrices)


def same_rows(*matrices: LogicVar) -> Condition:
    """All of `matrices` have equally many rows."""
    return Condition("same_rows", matrices)


def same_cols(*matrices: LogicVar) -> Condition:
    """All of `matrices` have equally many columns."""
    return Condition("same_cols", matrices)


def nonempty(*matrices: LogicVar) -> Condition:
    """Each of `matrices` has a row and a column at least, which static shapes prove."""
    return Condition("nonempty", matrices)


def wide(*matrices: LogicVar) -> Condition:
    """None of `matrices` is known to be a column, where the relation would gain nothing."""
    return Condition("wide", matrices)


def evenly_known(*matrices: LogicVar) -> Condition:
    """Either the lengths of all of `matrices` are known, or those of none.

    It is no condition of an identity: a matrix of unknown shape beside one of a known shape is left
    as it is, which PyTensor's tests ask for.
    """
    return Condition("evenly_known", matrices)


def same_batch(*matrices: LogicVar) -> Condition:
    """All of `matrices` have the same batch axes, so that none is broadcast over another's."""
    return Condition("same_batch", matrices)


def unbatched(*matrices: LogicVar) -> Condition:
    """None of `matrices` has a batch axis."""
    return Condition("unbatched", matrices)


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


def positive(*variables: LogicVar) -> Condition:
    """Every entry of each of `variables`, matrices, columns or coefficients, is positive."""
    return assumed("positive", *variables)


def nonnegative(*variables: LogicVar) -> Condition:
    """No entry of any of `variables` is negative."""
    return assumed("nonnegative", *variables)


def nonzero(*variables: LogicVar) -> Condition:
    """No entry of any of `variables` is 0."""
    return assumed("nonzero", *variables)


def positive_semidefinite(*matrices: LogicVar) -> Condition:
    """Each of `matrices` is symmetric without a negative eigenvalue."""
    return assumed("positive_semidefinite", *matrices)


def nonsingular(*matrices: LogicVar) -> Condition:
    """Each of `matrices` is square and has an inverse, which need not be computed."""
    return assumed("nonsingular", *matrices)


def full_column_rank(*matrices: LogicVar) -> Condition:
    """The columns of each of `matrices` are linearly independent."""
    return assumed("full_column_rank", *matrices)


def full_row_rank(*matrices: LogicVar) -> Condition:
    """The rows of each of `matrices` are linearly independent."""
    return assumed("full_row_rank", *matrices)
