"""Readers of products with permutations, of which PyTensor makes indices before anything is read.

X[:, p] is X P where p says in which row each column of P has its one: `argmax` finds it, of what is
declared to be a permutation. X[p] is Pᵀ X; where rows are added to A at p it is A + P X, where
columns are it is A + X Pᵀ, and A may be zeros.
"""

from __future__ import annotations

from typing import Any

from pytensor.tensor.math import Argmax
from pytensor.tensor.subtensor import AdvancedIncSubtensor, AdvancedSubtensor

from matchers import vocabulary as v
from matchers.reading.common import Reading
from matchers.terms import Term, shape

INDEXING = frozenset({AdvancedSubtensor, AdvancedIncSubtensor})
_ALL = slice(None)
_ROWS, _COLUMNS = ((0,), (0, _ALL)), ((_ALL, 0),)


def permuting(node: Any) -> bool:
    """Whether a node moves the rows or columns of a matrix as a matrix says; cheap."""
    kind = type(node.op)
    if kind not in INDEXING or node.outputs[0].type.ndim != 2:
        return False
    up = node.inputs[-1].owner
    if up is None or type(up.op) is not Argmax or up.op.axis != (0,):
        return False
    if up.inputs[0].type.ndim != 2 or tuple(node.op.idx_list) not in (*_ROWS, *_COLUMNS):
        return False
    return kind is AdvancedSubtensor or (len(node.inputs) == 3 and not node.op.set_instead_of_inc)


def permuted(view: Any, node: Any, out: int, core: int) -> Reading:
    """A product with what is known to be a permutation."""
    moved = node.inputs[type(node.op) is AdvancedIncSubtensor]
    matrix = node.inputs[-1].owner.inputs[0]
    if core != 2 or moved.type.ndim != 2 or moved.type.dtype != node.outputs[0].type.dtype:
        return None
    if matrix.type.dtype != moved.type.dtype:
        return None
    rows = tuple(node.op.idx_list) in _ROWS
    adding = type(node.op) is AdvancedIncSubtensor
    turned = rows != adding

    def make(x: Term, p: Term, *base: Term) -> Term | None:
        if not view.holds(p, "permutation"):
            return None
        view.dims.unify(*shape(p)[:2])
        p = p.T if turned else p
        product: Term = v.matmul(p, x) if rows else v.matmul(x, p)
        return v.add(*base, product) if base else product

    return [(moved, 2), (matrix, 2), *([(node.inputs[0], 2)] if adding else [])], make


__all__ = ["INDEXING", "permuted", "permuting"]
