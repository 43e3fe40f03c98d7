"""The diagonal of a Kronecker product whose factors need not be square, by index.

Row i of A ⊗ B is made of row i // p of A and row i % p of B, where B has p rows; columns alike.
"""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt

from matchers.algebra import linear
from matchers.dims import ONE, broadcast, shorter
from matchers.heads import Head
from matchers.terms import shape


def taken_entries(a: Any, b: Any) -> Any:
    """The diagonal of the Kronecker product of two matrices, as a column."""
    (p, q), (m, n) = _lengths(b), _lengths(a)
    i = pt.arange(pt.minimum(m * p, n * q))
    return (a[..., i // p, i // q] * b[..., i % p, i % q])[..., None]


def _lengths(x: Any) -> tuple[Any, Any]:
    return x.shape[-2], x.shape[-1]


def _shape(a: Any, b: Any) -> Any:
    (m, n, batch), (p, q, other) = shape(a), shape(b)
    return shorter(m * p, n * q), ONE, broadcast([batch, other])


kron_diagonal = Head("kron_diagonal", taken_entries, _shape, linear(0, 1))

__all__ = ["kron_diagonal", "taken_entries"]
