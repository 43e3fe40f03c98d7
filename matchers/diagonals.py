"""Determinants of identities and diagonal matrices, which are entrywise, in normal form.

As their inverses are (`matchers.algebra`): what relations leave of a matrix of low rank plus a
diagonal is never left to a factorization.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt

from matchers.algebra import eye, linear, scale, transpose
from matchers.dims import ONE
from matchers.heads import Head
from matchers.leaves import Number, number
from matchers.notation import HEADS
from matchers.terms import Term, intern, shape


def _total_shape(x: Any) -> Any:
    return ONE, ONE, shape(x)[2]


def _log_magnitude_normal(head: Head, args: tuple[Any, ...]) -> Any:
    (x,) = args
    if isinstance(x, Number) and x.value:
        return number(float(np.log(abs(x.value))))
    return intern(head, args)


# Of each entry the logarithm of its magnitude.
log_magnitude = Head(
    "log_magnitude",
    lambda x: pt.log(pt.abs(x)),
    shape,
    _log_magnitude_normal,
    template="log|{0}|",
    entrywise=True,
)
log_magnitude.scalars = True
# The product of all entries.
prod = Head("prod", lambda x: x.prod(axis=(-2, -1)), _total_shape, template="Π({0})")
prod.reduces = True


def _untransposed(x: Any) -> Any:
    return x.args[0] if isinstance(x, Term) and x.head is transpose else x


def det_normal(head: Head, args: tuple[Any, ...]) -> Any:
    """A determinant: 1 of the identity, a product of a diagonal, the same for a transpose."""
    x = _untransposed(*args)
    if isinstance(x, Term) and x.head is eye:
        return number(1)
    if isinstance(x, Term) and x.head.name == "diag":
        return prod(x.args[0])
    return intern(head, (x,))


def logabsdet_normal(head: Head, args: tuple[Any, ...]) -> Any:
    """A log-determinant: 0 of the identity, a sum over a diagonal, the same for a transpose."""
    x = _untransposed(*args)
    if isinstance(x, Term) and x.head is eye:
        return number(0)
    if isinstance(x, Term) and x.head.name == "diag":
        return HEADS["total"](log_magnitude(x.args[0]))
    return intern(head, (x,))


def diag_normal(head: Head, args: tuple[Any, ...]) -> Any:
    """Linear, and of ones the identity."""
    made = linear()(head, args)
    inner = made.args[1] if isinstance(made, Term) and made.head is scale else made
    if inner.head is head and isinstance(x := inner.args[0], Term) and x.head.name == "ones":
        unit = eye(x.args[0])
        return unit if inner is made else scale(made.args[0], unit)
    return made


def diagonal_normal(head: Head, args: tuple[Any, ...]) -> Any:
    """Linear; of a diagonal matrix what it is made of, and of the identity ones."""
    made = linear()(head, args)
    inner = made.args[1] if isinstance(made, Term) and made.head is scale else made
    if inner.head is not head or not isinstance(x := inner.args[0], Term):
        return made
    if x.head.name == "diag":
        found = x.args[0]
    elif x.head is eye:
        found = HEADS["ones"](x.args[0])
    else:
        return made
    return found if inner is made else scale(made.args[0], found)


def _root_normal(head: Head, args: tuple[Any, ...]) -> Any:
    (x,) = args
    return x if isinstance(x, Term) and x.head.name == "ones" else intern(head, args)


# Of each entry the square root, of what is positive.
root = Head("root", pt.sqrt, shape, _root_normal, template="√{0}")
