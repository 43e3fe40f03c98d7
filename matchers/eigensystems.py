"""Eigenvalues of Kronecker products and sums, from those of the factors."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytensor.tensor as pt
from pytensor.tensor import linalg


def eigensystem(x: Any) -> Any:
    """Eigenvalues and eigenvectors, which the default driver leaves orthogonal to 1e-13 only."""
    return linalg.eigh(x, driver="evd")


def product(lengths: Sequence[Any]) -> Any:
    """The product of some lengths."""
    return functools.reduce(operator.mul, lengths, 1)


def kron_applied(matrices: Sequence[Any], x: Any) -> Any:
    """(M₁ ⊗ M₂ ⊗ …) X, transposed: each factor in turn takes the first axis and leaves it last."""
    lengths = [*(m.shape[1] for m in matrices), x.shape[1]]
    for m in matrices:
        first, *lengths = lengths
        # Every length by itself: where one is 0, a reshape cannot infer another.
        x = (m @ x.reshape((first, product(lengths)))).T
        lengths.append(m.shape[0])
    return x.reshape((lengths[0], product(lengths[1:])))


def products(values: Sequence[Any]) -> Any:
    """The eigenvalues of a Kronecker product."""
    return functools.reduce(lambda a, b: pt.outer(a, b).ravel(), values)


def _sums(values: Sequence[Any]) -> Any:
    """The eigenvalues of a Kronecker sum."""
    return functools.reduce(lambda a, b: (a[:, None] + b[None, :]).ravel(), values)


class Kind(NamedTuple):
    """How eigenvalues of factors make one of the whole, and what a factor stands beside.

    Attributes
    ----------
    values : callable
        The eigenvalues of the whole.
    others : callable
        What the other factors multiply with where one is varied.
    beside : callable
        The same of eigenvalues.
    """

    values: Callable[[Sequence[Any]], Any]
    others: Callable[[Any], Any]
    beside: Callable[[Any], Any]


def _same(x: Any) -> Any:
    return x


def identity(like: Any) -> Any:
    """The identity of the order of a matrix."""
    return pt.eye(like.shape[0], dtype=like.type.dtype)


PRODUCT = Kind(products, _same, _same)
SUM = Kind(_sums, identity, pt.ones_like)


def unfolded(x: Any, lengths: Sequence[Any], i: int) -> Any:
    """The entries of a column or columns, with those along one factor as rows."""
    whole = (*lengths, x.shape[1])
    others = [j for j in range(len(whole)) if j != i]
    return (
        x.reshape(whole)
        .transpose(i, *others)
        .reshape((whole[i], product([whole[j] for j in others])))
    )
