"""Circulant and Toeplitz matrices that are written as a column indexed by i - j.

|i - j| is the symmetric Toeplitz matrix of the column, (i - j) mod n its circulant matrix, so is
i - j by itself, since a negative index counts from the end. Where lengths are known PyTensor folds
the index to a matrix of numbers, which are compared.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from pytensor import scalar as ps
from pytensor.assumptions import FactState
from pytensor.graph.basic import Constant
from pytensor.scalar.basic import Cast
from pytensor.tensor.basic import ARange
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.shape import Shape

from matchers import vocabulary as v
from matchers.blocks import NOTHING
from matchers.dims import Dim, const, symbol
from matchers.reading.blocks import taken, takes
from matchers.reading.common import Reading
from matchers.reading.permuted import permuted, permuting
from matchers.terms import Term

# How many nodes of an index are looked through.
MOST = 12
_BITS = v.circulant.bit | v.toeplitz.bit


def indexed(node: Any) -> bool:
    """Whether a node takes entries of a vector by one matrix of indices; cheap."""
    return (
        len(node.inputs) == 2
        and node.inputs[0].type.ndim == 1
        and node.inputs[1].type.ndim == 2
        and len(node.op.idx_list) == 1
        and node.inputs[0].type.dtype in ("float64", "float32")
    )


def indexing(view: Any, node: Any, out: int, core: int) -> Reading:
    """A column by a matrix of indices, or rows or columns of a matrix by a vector of them."""
    read = permuted if permuting(node) else taken if takes(node) else gathered
    return read(view, node, out, core)


def gathered(view: Any, node: Any, out: int, core: int) -> Reading:
    """A circulant or a symmetric Toeplitz matrix of a column."""
    if core != 2 or not indexed(node):
        return None
    c, index = node.inputs
    n = view.dims.normal(symbol(c, 0))
    found = _of_numbers(index, n) if isinstance(index, Constant) else _of_graph(view, index, n)
    if found is None:
        return None
    kind, length = found

    def make(t: Term) -> Term:
        column: Any = v.rows_of(t, NOTHING, length)
        if kind == "even":
            return v.toeplitz(column, column)  # type: ignore[no-any-return]
        circulant: Term = v.circulant(column)
        return circulant if kind == "round" else circulant.T

    return [(c, 1)], make


def declared(view: Any, node: Any, out: int, core: int) -> Reading:
    """What is declared of a circulant or Toeplitz matrix; of all else the marker stays a leaf."""
    if core != 2:
        return None

    def make(t: Term) -> Term | None:
        if not t.heads & _BITS or t.head is v.scale:
            return None
        for key, state in node.op.assumptions:
            if state is FactState.TRUE:
                view.promise(t, key.name)
        return t

    return [(node.inputs[0], 2)], make


# --- indices that are numbers ---------------------------------------------------------------------


def _of_numbers(index: Any, n: Dim) -> tuple[str, Dim] | None:
    """What a matrix of indices into a vector of n entries is; looked at once."""
    m = index.data.shape[0]
    if index.data.shape != (m, m) or m < 2:
        return None
    found = getattr(index.tag, "kantor_displaced", None)
    if found is None:
        found = index.tag.kantor_displaced = _compared(index.data) or ("", False)
    kind, negative = found
    # A negative index counts from an end that has to be known.
    if not kind or (negative and (not n.known or n.coef != m)):
        return None
    return kind, const(m)


def _compared(data: Any) -> tuple[str, bool] | None:
    """What a matrix of numbers is, and whether some are negative."""
    i = np.arange(data.shape[0])
    away, n = i[:, None] - i[None, :], i.size
    if np.array_equal(data, abs(away)):
        return "even", False
    if data.min() < -n or data.max() >= n:
        return None
    for kind, sign in (("round", 1), ("back", -1)):
        if np.array_equal(data % n, sign * away % n):
            return kind, bool(data.min() < 0)
    return None


# --- indices that are graphs ----------------------------------------------------------------------


class _Affine(NamedTuple):
    """A multiple of i plus one of j plus one of n, for n rows and columns."""

    i: int = 0
    j: int = 0
    n: int = 0


def _of_graph(view: Any, index: Any, n: Dim) -> tuple[str, Dim] | None:
    """What an index that is computed is: |i - j|, or i - j counted round a vector of n entries."""
    while _scalar(index) is Cast:
        index = index.owner.inputs[0]
    op = _scalar(index)
    walk = _Walk(view, n)
    inner = index.owner.inputs[0] if op in (ps.Abs, ps.Mod) else index
    if op is ps.Mod:
        modulus = index.owner.inputs[1]
        if not all(modulus.type.broadcastable):
            return None
        walk.n = walk.length(modulus)
    found = walk.read(inner)
    if found is None or walk.rows is None or walk.cols is None or found.i * found.j != -1:
        return None
    if not view.dims.equal(walk.rows, walk.cols):
        return None
    if op is ps.Abs:
        return ("even", walk.rows) if not found.n else None
    if not view.dims.equal(walk.rows, walk.n) or (op is not ps.Mod and found.n):
        return None
    return "round" if found.i > 0 else "back", walk.rows


def _scalar(x: Any) -> type | None:
    """The scalar Op of the node of a variable."""
    node = x.owner
    return type(node.op.scalar_op) if node is not None and type(node.op) is Elemwise else None


class _Walk:
    """Reads an index as a linear function of its row and its column.

    Attributes
    ----------
    rows, cols : Dim or None
        The lengths of the ranges that i and j run through.
    """

    def __init__(self, view: Any, n: Dim) -> None:
        self.view = view
        self.n = n
        self.rows: Dim | None = None
        self.cols: Dim | None = None
        self._left = MOST

    def read(self, x: Any) -> _Affine | None:
        """The function that `x` is, or None."""
        self._left -= 1
        if self._left < 0:
            return None
        if self.whole(x):
            return _Affine(n=1)
        node = x.owner
        if node is None:
            return None
        if type(node.op) is DimShuffle:
            return self._range(node)
        op = _scalar(x)
        if op is Cast:
            return self.read(node.inputs[0])
        if op not in (ps.Sub, ps.Add, ps.Neg):
            return None
        parts = [self.read(i) for i in node.inputs]
        total = _Affine()
        for k, part in enumerate(parts):
            if part is None:
                return None
            sign = -1 if op is ps.Neg or (op is ps.Sub and k) else 1
            total = _Affine(*(a + sign * b for a, b in zip(total, part, strict=True)))
        return total

    def _range(self, node: Any) -> _Affine | None:
        """The numbers 0, 1, … as a column or a row."""
        order, up = tuple(node.op.new_order), node.inputs[0].owner
        if up is None or type(up.op) is not ARange or order not in ((0, "x"), ("x", 0)):
            return None
        start, stop, step = up.inputs
        if _number(start) != 0 or _number(step) != 1:
            return None
        n = self.view.dims.normal(self.length(stop))
        known = self.rows if order[0] == 0 else self.cols
        if known is not None and not self.view.dims.equal(known, n):
            return None
        if order[0] == 0:
            self.rows = n
            return _Affine(i=1)
        self.cols = n
        return _Affine(j=1)

    def length(self, x: Any) -> Dim:
        """A length, as PyTensor spells it before and after canonicalize."""
        while x.owner is not None and type(x.owner.op) is DimShuffle:
            x = x.owner.inputs[0]
        if x.owner is not None and type(x.owner.op) is Shape:
            return symbol(x.owner.inputs[0], 0)  # of a vector, all of its shape
        if isinstance(x, Constant) and x.type.ndim:
            return const(int(np.asarray(x.data).flat[0]))
        return self.view.length(x)  # type: ignore[no-any-return]

    def whole(self, x: Any) -> bool:
        """Whether `x` is how many entries the vector has."""
        if not all(x.type.broadcastable) or _scalar(x) in (ps.Sub, ps.Add, ps.Neg):
            return False
        return bool(self.view.dims.equal(self.length(x), self.n))


def _number(x: Any) -> int | None:
    return int(x.data) if isinstance(x, Constant) else None
