"""Squared distances of the rows of one matrix to those of another, entry by entry."""

from __future__ import annotations

from typing import Any

from matchers.algebra import Shape
from matchers.dims import broadcast
from matchers.heads import Head
from matchers.terms import shape


def _build(x: Any, y: Any) -> Any:
    return ((x[..., :, None, :] - y[..., None, :, :]) ** 2).sum(axis=-1)


def _shape(x: Any, y: Any) -> Shape:
    (m, _, batch), (n, _, other) = shape(x), shape(y)
    return m, n, broadcast([batch, other])


squared_distances = Head("squared_distances", _build, _shape)

__all__ = ["squared_distances"]
