"""Readers of elementwise products and quotients: coefficients, scaled rows and columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pytensor.graph.basic import Constant

from matchers import vocabulary as v
from matchers.reading.axes import same
from matchers.reading.common import Reading, same_dtype
from matchers.reading.single import (
    coefficient,
    is_coefficient,
    is_one,
    is_whole,
    of_column,
    scaled,
)
from matchers.terms import Term


def true_div(view: Any, node: Any, out: int, core: int) -> Reading:
    """A quotient by one value, by rows or columns; 1 over the entries of a diagonal."""
    x, y = node.inputs
    dtype = node.outputs[0].type.dtype
    if core and is_one(x):
        own = y.type.dtype == dtype and of_column(node, core) and is_whole(y, node, core)
        return ([(y, core)], v.reciprocal) if own else None
    if core == 2 and not is_coefficient(y, node) and x.type.dtype == y.type.dtype == dtype:
        # Rows or columns that are divided, as by the eigenvalues in (V / w) Vᵀ.
        sides = [_side(y, node), _side(x, node)]
        if sides[1] == "whole" and sides[0] in ("row", "column"):
            return _broadcast_product(0, [(y, core), (x, core)], sides, v.reciprocal)
        return None
    one = core == 0 and isinstance(x, Constant)
    if not (one or x.type.dtype == dtype) or not is_coefficient(y, node):
        return None
    c = coefficient(y, dtype)
    if c is None or not is_whole(x, node, core):
        return None
    if isinstance(c[0], Constant) and not np.all(c[0].data):
        return None
    return [(x, core), c], lambda t, c: v.scale(v.reciprocal(v.item(c)), t)


def mul(view: Any, node: Any, out: int, core: int) -> Reading:
    """A product with coefficients, of like matrices, or with rows and columns."""
    dtype = node.outputs[0].type.dtype
    if core == 0 and node.outputs[0].type.ndim:
        return ([(i, 0) for i in node.inputs], v.mul) if same_dtype(node) else None
    if core == 0:
        found = [coefficient(i, dtype) for i in node.inputs]
        if None in found or np.dtype(dtype).kind not in "fc":
            return None
        return [c for c in found if c is not None], v.mul
    coefs = [i for i in node.inputs if is_coefficient(i, node)]
    parts = [i for i in node.inputs if not is_coefficient(i, node)]
    if not parts or any(p.type.dtype != dtype for p in parts):
        return None
    found = [coefficient(c, dtype) for c in coefs]
    if any(c is None for c in found):
        return None
    n = len(found)
    needs = [c for c in found if c is not None] + [(p, core) for p in parts]
    if all(is_whole(p, node, core) for p in parts):
        return needs, lambda *ts: scaled(ts[:n], v.mul(*ts[n:]) if len(ts) > n + 1 else ts[n])
    if core != 2:
        return None
    sides = [_side(p, node) for p in parts]
    return None if "z" in sides else _broadcast_product(n, needs, sides)


def _broadcast_product(
    n: int, needs: list[tuple[Any, int]], sides: list[str], side: Callable[[Any], Any] = same
) -> Reading:
    """Columns times rows are an outer product; those of a matrix scale its rows and columns."""
    if "whole" not in sides and {"column", "row"} - set(sides):
        return None

    def make(*ts: Term) -> Term:
        of: dict[str, list[Term]] = {"column": [], "row": [], "whole": []}
        for place, t in zip(sides, ts[n:], strict=True):
            of[place].append(t)
        column, row, whole = (v.mul(*own) if own else None for own in of.values())
        if whole is None:
            return scaled(ts[:n], v.matmul(column, row))
        left = [] if column is None else [v.diag(side(column))]
        right = [] if row is None else [v.diag(side(row.T))]
        return scaled(ts[:n], v.matmul(*left, whole, *right))

    return needs, make


def _side(x: Any, node: Any) -> str:
    whole = node.outputs[0].type.broadcastable[-2:]
    mine = x.type.broadcastable[-2:]
    if mine == whole:
        return "whole"
    if mine == (whole[0], True):
        return "column"
    return "row" if mine == (True, whole[1]) else "z"
