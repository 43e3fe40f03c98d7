"""One number of each member of a batch, as a column or as matrices of one entry.

A scalar head on a batch makes a coefficient with a batch, which no variable of a graph reads as: in
a graph it is a vector, whose entries are the members'. Only one batch axis is read so.
"""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt

from matchers.algebra import eye, scale
from matchers.dims import ONE, Dim
from matchers.heads import Head
from matchers.terms import Term, intern, shape


def _members_normal(head: Head, args: tuple[Any, ...]) -> Any:
    """Coefficients that all members share stand outside."""
    x, n = args
    if isinstance(x, Term) and x.head is scale and not shape(x.args[0])[2]:
        return scale(x.args[0], head.make(x.args[1], n))
    return intern(head, args)


def _members_build(x: Any, n: Any) -> Any:
    x = pt.as_tensor(x)
    # What all members share, as the logarithm of the determinant of an identity.
    return pt.expand_dims(x, -1) if x.type.ndim else pt.alloc(x, n, 1)


# The coefficients of a batch of the given length.
members = Head(
    "members", _members_build, lambda x, n: (n, ONE, ()), _members_normal, template="each({0})"
)


def _cell_normal(head: Head, args: tuple[Any, ...]) -> Any:
    (x,) = args
    if isinstance(x, Term) and x.ground and not shape(x)[2]:
        return scale(x, eye(ONE))
    return intern(head, args)


# A coefficient as a matrix of one entry, of each member of a batch.
cell = Head(
    "cell",
    lambda x: pt.expand_dims(x, (-2, -1)),
    lambda x: (ONE, ONE, shape(x)[2]),
    _cell_normal,
    template="{0}",
)


def read_members(head: Any, t: Term) -> Term | None:
    """A scalar head of each member, where there is one batch axis."""
    batch: tuple[Dim, ...] = shape(t)[2]
    return members(head(t), batch[0]) if len(batch) == 1 else None


__all__ = ["cell", "members", "read_members"]
