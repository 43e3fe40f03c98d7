"""Whether the diagonal of a matrix is proved positive: then it is a Cholesky factor as it stands.

What models make of factors is seen through: a packed triangle whose diagonal is an exponential,
rows scaled by positive numbers, another Cholesky factor.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pytensor.graph.basic import Constant

from matchers.assumptions import Facts
from matchers.readers import core_op

DEEPEST = 12


def positive_diagonal(fgraph: Any, x: Any, depth: int = DEEPEST) -> bool:
    """Whether every entry on the diagonal of `x` is proved positive, or is NaN.

    Parameters
    ----------
    fgraph : FunctionGraph
    x : Variable
        A matrix, or a batch of them.
    depth : int, optional
        How many Ops are seen through.
    """
    if isinstance(x, Constant):
        return bool(np.all(np.diagonal(x.data, axis1=-2, axis2=-1) > 0))
    if x.owner is None or not depth:
        return False
    rule = _RULES.get(type(core_op(x.owner)).__name__)
    return rule is not None and rule(fgraph, x.owner, depth - 1)


def _always(fgraph: Any, node: Any, depth: int) -> bool:
    return True


def _first(fgraph: Any, node: Any, depth: int) -> bool:
    return positive_diagonal(fgraph, node.inputs[0], depth)


def _all(fgraph: Any, node: Any, depth: int) -> bool:
    return all(positive_diagonal(fgraph, x, depth) for x in node.inputs)


def _moved(fgraph: Any, node: Any, depth: int) -> bool:
    """A transpose, or dimensions added in front."""
    op = node.op
    kept = op.is_left_expand_dims or op.is_left_expanded_matrix_transpose
    return kept and _first(fgraph, node, depth)


def _elementwise(fgraph: Any, node: Any, depth: int) -> bool:
    kind = type(node.op.scalar_op).__name__
    if kind == "Cast":
        return np.dtype(node.outputs[0].type.dtype).kind == "f" and _first(fgraph, node, depth)
    if kind == "Mul":
        return all(
            _positive(fgraph, x)
            or (not any(x.type.broadcastable[-2:]) and positive_diagonal(fgraph, x, depth))
            for x in node.inputs
        )
    return _positive(fgraph, node.outputs[0])


def _positive(fgraph: Any, x: Any) -> bool:
    return Facts(fgraph).proved(x, "positive")


def _diagonal_matrix(fgraph: Any, node: Any, depth: int) -> bool:
    return node.op.offset == 0 and _positive(fgraph, node.inputs[0])


def _written(fgraph: Any, node: Any, depth: int) -> bool:
    """Entries written at constant places, among them the whole diagonal."""
    x, new = node.inputs[:2]
    n = x.type.shape[-1]
    places = _places(node)
    if n is None or x.ndim != 2 or places is None or len(places) != 2:
        return False
    rows, cols = places
    at = np.flatnonzero(rows == cols)
    return sorted(rows[at].tolist()) == list(range(n)) and _positive_at(fgraph, new, at)


def _positive_at(fgraph: Any, vector: Any, at: Any) -> bool:
    """Whether the entries of a vector at the places `at` are proved positive."""
    if _positive(fgraph, vector):
        return True
    node = vector.owner
    if node is None or type(node.op).__name__ != "AdvancedIncSubtensor":
        return False
    places = _places(node)
    if vector.ndim != 1 or places is None or len(places) != 1 or (at < 0).any():
        return False
    return bool(np.isin(at, places[0]).all()) and _positive(fgraph, node.inputs[1])


def _places(node: Any) -> list[Any] | None:
    """Constant vectors of indices that an Op sets, one for each axis; None where it does else."""
    if not node.op.set_instead_of_inc or any(not isinstance(i, int) for i in node.op.idx_list):
        return None
    indices = node.inputs[2:]
    if len(indices) != node.inputs[0].ndim or not all(isinstance(i, Constant) for i in indices):
        return None
    data = [np.asarray(i.data) for i in indices]
    fine = all(d.ndim == 1 and d.dtype.kind in "iu" and (d >= 0).all() for d in data)
    return data if fine else None


_RULES = {
    "Cholesky": _always,
    "BlockDiagonal": _all,
    "KroneckerProduct": _all,
    "DimShuffle": _moved,
    "Elemwise": _elementwise,
    "AllocDiag": _diagonal_matrix,
    "AdvancedIncSubtensor": _written,
}
