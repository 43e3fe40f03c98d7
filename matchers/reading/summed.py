"""Sums of broadcast products, and einsums, as contractions over named indices.

``(A[:, :, None] * B[None, :, :]).sum(1)`` is the contraction ``ij,jk->ik``. The walk goes from the
sum through products, moved axes and what else is summed for no other use, and gives each factor its
indices; a factor of which an axis is broadcast has no index there. A value that is repeated, as
the gradient of a sum is, has none for the axes that it is repeated along: what only it has is a
product with ones, or a number.
"""

from __future__ import annotations

from typing import Any

from pytensor import scalar as ps
from pytensor.tensor.basic import Alloc
from pytensor.tensor.blas import BatchedDot
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.einsum import Einsum
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.math import Dot, Sum

from matchers import contractions
from matchers import vocabulary as v
from matchers.leaves import number
from matchers.reading.common import Reading, core_op, same_dtype
from matchers.reading.distances import differences, distances
from matchers.reading.single import coefficient
from matchers.reading.walks import ADDING, Walk, multiplies, squares
from matchers.terms import Term

# How many products within one another are looked through for one that repeats a factor.
DEEPEST = 4
# So many summands are summed one by one.
SUMMANDS = 8


def broadcasting(node: Any) -> bool:
    """Whether a sum is over a product that repeats a factor, an einsum or a batch of products.

    It is cheap, and asked of every sum.
    """
    above = unmoved(node.inputs[0].owner)
    if above is None:
        return False
    if type(above.op) is not Elemwise:
        return type(above.op) is Einsum or batched(node, above)
    if type(above.op.scalar_op) in ADDING:
        return _splits(above)
    if squares(above):
        if differences(node) is not None:
            return True
        above = above.inputs[0].owner
    return multiplies(above) and _repeats(above)


def unmoved(node: Any) -> Any:
    """The node above moved axes, signs and divisions."""
    while node is not None:
        kind = type(node.op)
        if kind is Elemwise:
            if type(node.op.scalar_op) not in (ps.Neg, ps.TrueDiv):
                return node
        elif kind is not DimShuffle:
            return node
        node = node.inputs[0].owner
    return None


def _repeats(node: Any, depth: int = DEEPEST) -> bool:
    """Whether a product repeats a factor, or one of its factors is a product that does."""
    whole = node.outputs[0].type.broadcastable
    for i in node.inputs:
        mine = i.type.broadcastable
        if mine != whole:
            if not all(mine):
                return True
        elif depth and multiplies(i.owner) and _repeats(i.owner, depth - 1):
            return True
    return False


def _splits(node: Any) -> bool:
    """Whether each summand is to be summed by itself.

    So it is where one is a product that would be made, and either it repeats a factor or another
    summand is repeated.
    """
    whole = node.outputs[0].type
    summands = [x for x, _ in _summands(node)]
    if whole.ndim > 2:
        return any([multiplies(x.owner) and _repeats(x.owner) for x in summands])
    mixed = any([x.type.broadcastable != whole.broadcastable for x in summands])
    return mixed and any([_matrices(x.owner) for x in summands])


def _matrices(node: Any) -> bool:
    return node is not None and type(core_op(node)) is Dot


def _summands(node: Any) -> list[tuple[Any, tuple[int, ...]]]:
    """The summands of sums within sums, and which operand leads to each; none of too many."""
    found: list[tuple[Any, tuple[int, ...]]] = []
    stack: list[tuple[Any, tuple[int, ...]]] = [(node.outputs[0], ())]
    while stack:
        x, choices = stack.pop()
        up = x.owner
        if up is None or type(up.op) is not Elemwise or type(up.op.scalar_op) not in ADDING:
            found.append((x, choices))
        elif len(found) + len(stack) + len(up.inputs) > SUMMANDS:
            return []
        else:
            stack += [(i, (*choices, k)) for k, i in enumerate(up.inputs)]
    return found


def batched(node: Any, above: Any) -> bool:
    """Whether a sum over a batch of products leaves less of it than rows, or columns, or neither.

    Sums over the rows, the columns or the whole batch are read otherwise.
    """
    if type(above.op) is not BatchedDot and (
        type(above.op) is not Blockwise or type(above.op.core_op) is not Dot
    ):
        return False
    whole, rest = above.outputs[0].type, node.outputs[0].type.ndim
    axes = node.op.axis
    if whole.ndim < 3 or (axes == tuple(range(whole.ndim - 2)) and node.inputs[0].owner is above):
        return False
    return bool(rest < sum([not one for one in whole.broadcastable[:-1]]))


def repeated(x: Any) -> bool:
    """Whether a variable is a value that is repeated, moved or not."""
    while x.owner is not None and type(x.owner.op) is DimShuffle:
        x = x.owner.inputs[0]
    node = x.owner
    if node is None:
        return False
    kind = type(node.op)
    return kind is Alloc or (kind is Elemwise and type(node.op.scalar_op) is ps.Second)


def product(view: Any, node: Any, core: int) -> Reading:
    """A sum of a broadcast product as a contraction; of several, a sum of contractions."""
    ndim = node.outputs[0].type.ndim
    if core != min(ndim, 2) or not same_dtype(node) or any(node.outputs[0].type.broadcastable):
        return None
    above = unmoved(node.inputs[0].owner) if type(node.op) is Sum else None
    if type(node.op) is Sum and differences(node) is not None:
        return distances(view, node, core)
    if above is None or type(above.op) is not Elemwise or type(above.op.scalar_op) not in ADDING:
        return _contraction(view, Walk(view, node))
    parts = [_contraction(view, Walk(view, node, c), alone=True) for _, c in _summands(above)]
    needs = [need for part in parts if part is not None for need in part[0]]
    if not parts or None in parts:
        return None

    def make(*terms: Term) -> Term | None:
        summands, start = [], 0
        for part in parts:
            assert part is not None
            stop = start + len(part[0])
            summands.append(part[1](*terms[start:stop]))
            start = stop
        return None if None in summands else v.add(*summands)

    return needs, make


def _contraction(view: Any, walk: Walk, alone: bool = False) -> Reading:
    """What a walk came to as a contraction; a summand may be one factor `alone`."""
    used = {i for _, part in walk.factors for i in part}
    over = {i for _, indices in walk.seen for i in indices if i is not None} - used
    filled = [i for i in walk.output if i in over]
    summed = sorted(over.difference(filled))
    lone = alone and not walk.output  # a number that is repeated
    if not walk.readable or not over <= walk.repeated.keys():
        return None
    if not (walk.factors or filled or lone):
        return None
    if not alone and len(walk.factors) + len(over) < 2:
        return None
    coefs = [coefficient(s, walk.dtype) for s in (*walk.scalars, *walk.divisors)]
    if any(c is None for c in coefs) or not all(map(_invertible, walk.divisors)):
        return None
    n, k = len(coefs), len(walk.scalars)
    needs = [c for c in coefs if c is not None]
    needs += [(x, min(len(part), 2)) for x, part in walk.factors]
    spec = f"{','.join([*(part for _, part in walk.factors), *filled])}->{walk.output}"

    def make(*terms: Term) -> Term | None:
        walk.learn()
        ones = [v.ones(walk.length(i)) for i in filled]
        operands = [*terms[n:], *ones]
        made = contractions.read(spec, operands) if operands else number(1)
        if made is None:
            return None
        for c in map(v.item, terms[:k]):
            made = v.scale(c, made)
        for c in map(v.item, terms[k:n]):
            made = v.scale(v.reciprocal(c), made)
        for i in summed:
            made = v.scale(v.size(view.dims.normal(walk.length(i))), made)
        return v.scale(-1, made) if walk.negative else made

    return needs, make


def _invertible(x: Any) -> bool:
    """Whether a divisor is no constant 0."""
    data = getattr(x, "data", None)
    return data is None or bool(data.all())


__all__ = ["broadcasting", "product", "repeated", "unmoved"]
