"""One matrix for every member of a batch, as A⁻¹ A leaves it."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt

from matchers.algebra import Shape
from matchers.heads import Head
from matchers.terms import shape


def _spread_shape(x: Any, *batch: Any) -> Shape:
    rows, cols, _ = shape(x)
    return rows, cols, batch


# Right sides only: a matrix without a batch, and the lengths of the batch that it is repeated in.
spread = Head(
    "spread",
    lambda x, *batch: pt.alloc(x, *batch, x.shape[-2], x.shape[-1]),
    _spread_shape,
    template="{0}",
)
