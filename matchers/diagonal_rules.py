"""Which matrices are constant along each of their diagonals."""

from __future__ import annotations

from typing import Any

from pytensor.assumptions import FactState
from pytensor.graph.basic import Constant
from pytensor.scalar import basic as ps
from pytensor.tensor.basic import ARange
from pytensor.tensor.elemwise import DimShuffle

from matchers.entry_rules import bound, true_if


def entrywise(
    key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any
) -> list[FactState]:
    """Each operand has constant diagonals, or is one value for all entries; i - j has them."""
    if key.name == "toeplitz" and _difference(node):
        return [FactState.TRUE]
    kept = all(all(x.type.broadcastable[-2:]) or feature.check(x, key) for x in node.inputs)
    return [true_if(kept and node.outputs[0].type.ndim > 1)] * len(node.outputs)


def _difference(node: Any) -> bool:
    """Whether a node is a difference of, or compares, the numbers of its rows and its columns."""
    kinds = (ps.Sub, ps.GE, ps.GT, ps.LE, ps.LT, ps.EQ, ps.NEQ)
    if len(node.inputs) != 2 or type(node.op.scalar_op) not in kinds:
        return False
    orders = {_numbers(x) for x in node.inputs}
    return orders == {(0, "x"), ("x", 0)}


def _numbers(x: Any) -> tuple[Any, ...] | None:
    """How 0, 1, 2, … lie along the axes of a matrix."""
    if x.owner is None or type(x.owner.op) is not DimShuffle:
        return None
    up = x.owner.inputs[0].owner
    if up is None or type(up.op) is not ARange or not bound(up.inputs[2], lambda k: k == 1):
        return None
    return tuple(x.owner.op.new_order)


def gathered(
    key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any
) -> list[FactState]:
    """Entries of a vector by an index with constant diagonals."""
    x, *index = node.inputs
    plain = len(index) == len(op.idx_list) == x.type.ndim == 1
    return [true_if(plain and bool(feature.check(index[0], key)))]


def square_identity(
    key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any
) -> list[FactState]:
    """An identity, where it is known to be square and to have its ones on the main diagonal."""
    n, m, k = node.inputs
    same = n is m or (isinstance(m, Constant) and bound(n, lambda x: x == m.data))
    return [true_if(same and bound(k, lambda x: x == 0))]
