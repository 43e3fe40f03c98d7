"""Regions: the parts of a graph that are linear algebra, with all their outputs.

A region grows from anchors, Ops that one type test recognises, through the axes, elementwise and
sum nodes that link them. Leaving one use of a factorization outside would lose everything, so a
region is closed: everything linked belongs to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from pytensor.assumptions import KEY_REGISTRY, FactState
from pytensor.assumptions.specify import SpecifyAssumptions
from pytensor.compile.builders import OpFromGraph
from pytensor.graph.basic import Constant
from pytensor.scalar.basic import GT, Abs, Add, Mul, Neg, Sign, Sub, TrueDiv
from pytensor.tensor.basic import Alloc, AllocDiag, ExtractDiag, Eye, Join
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.einsum import Einsum
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.linalg.decomposition.eigen import Eigh, Eigvalsh
from pytensor.tensor.linalg.products import KroneckerProduct
from pytensor.tensor.math import All, Dot, Prod, Sum
from pytensor.tensor.shape import Shape, Shape_i
from pytensor.tensor.subtensor import AdvancedSubtensor, IncSubtensor, Subtensor

from matchers.evidence import Evidence
from matchers.groups import Groups
from matchers.readers import ANCHORS, FACTORIZED, PICKED, PRODUCTS, READERS, STRUCTURAL, core_op
from matchers.reading.blocks import fills, picked, takes
from matchers.reading.displaced import indexed
from matchers.reading.einsums import einsum_gradient
from matchers.reading.elementwise import SCALAR_READERS
from matchers.reading.permuted import permuting
from matchers.reading.structure import of_factor
from matchers.reading.summed import broadcasting
from matchers.structures import PATTERNS, SYMMETRIC
from matchers.view import peculiar

# Who asks for a shape only does not use a value, as in the mean of a product.
MEASURING = (Shape, Shape_i)
# How many elementwise nodes may stand between two structural ones; beyond, they are leaves.
LINKS = 8
_EIGENVALUES = frozenset({Eigh, Eigvalsh})
# What takes little of a product, so that the product need not be made, or is made in blocks.
_TAKING = frozenset({Sum, ExtractDiag, Join})
# What is taken is their first input, and where from the others.
_INDEXED = frozenset({Subtensor, AdvancedSubtensor})
_LINEAR = frozenset((Add, Mul, Neg, Sub, TrueDiv))
# How many products may stand below a sum over them.
MULTIPLIED = 32


@dataclass
class Region:
    """Nodes in topological order, and those of their outputs that the rest of the graph uses.

    Attributes
    ----------
    nodes : list of Apply
    roots : list of Variable
        What is used outside of the region, in topological order.
    evidence : Evidence, optional
        What the Ops of the whole graph say of assumptions.
    """

    nodes: list[Any]
    roots: list[Any] = field(default_factory=list)
    evidence: Evidence | None = None


def structural(node: Any) -> bool:
    """Whether the node's Op carries linear algebra."""
    op = node.op
    kind = type(op.core_op) if type(op) is Blockwise else type(op)
    return kind in STRUCTURAL and (kind not in _SOME or _SOME[kind](node))


def anchored(fgraph: Any) -> bool:
    """Whether anything in the graph can start a region; the fast exit of every compile."""
    products = others = 0
    anchors, blockwise = ANCHORS, Blockwise
    for node in fgraph.apply_nodes:
        op = node.op
        kind = type(op)
        if kind is blockwise:
            kind = type(op.core_op)
        if kind in anchors and (kind not in _SOME or _SOME[kind](node)):
            return True
        if kind in PRODUCTS:
            products += 1 + (kind is Einsum or scaling(node) or patterned(fgraph, node))
        elif kind in _TAKING:
            if kind is Sum and broadcasting(node):
                return True
            others += 1
    return products > 1 or bool(products and others)


def _gradient(node: Any) -> bool:
    """Whether it may be the gradient of a Kronecker product, of an einsum or of a diagonal."""
    if len(node.inputs) != 4:
        return einsum_gradient(node) or _diagonal_gradient(node)
    up = node.inputs[2].owner
    if up is None or up.inputs != node.inputs[:2]:
        return False
    return type(up.op) is KroneckerProduct or type(up.op) is Einsum


def _diagonal_gradient(node: Any) -> bool:
    """Whether an OpFromGraph may be the gradient of a diagonal matrix, which takes a diagonal."""
    if len(node.inputs) != 3:
        return False
    up = node.inputs[1].owner
    return up is not None and type(up.op) is AllocDiag and up.inputs[0] is node.inputs[0]


def _of_eigenvalues(node: Any) -> bool:
    """Whether a product of all entries is one of eigenvalues."""
    up = node.inputs[0].owner
    while up is not None and type(up.op) is DimShuffle:
        up = up.inputs[0].owner
    return up is not None and type(core_op(up)) in _EIGENVALUES


# Ops of which only some nodes are linear algebra.
_SOME: dict[Any, Callable[[Any], bool]] = {
    OpFromGraph: _gradient,
    AdvancedSubtensor: indexed,
    Prod: _of_eigenvalues,
}


def linking(fgraph: Any, node: Any) -> bool:
    """Whether the view reads through the node between structural ones."""
    op = node.op
    if type(op) is Elemwise:
        return type(op.scalar_op) in SCALAR_READERS
    if type(op) is Subtensor:
        return picking(fgraph, node)
    if type(op) is AdvancedSubtensor:
        return takes(node) or permuting(node)
    if type(op) is IncSubtensor:  # as the gradients of what takes one entry each, added up
        return fills(node)
    kind = type(core_op(node))
    return kind in READERS and (kind is Prod or kind not in _SOME)


def picking(fgraph: Any, node: Any) -> bool:
    """Whether the node takes one row, column or entry of what a structural node computes.

    Where the whole is used as well it is there anyway, and its columns are views.
    """
    if not all([type(c.op) is Subtensor for c, _ in fgraph.clients[node.inputs[0]]]):
        return False
    up = node.inputs[0].owner
    while up is not None and type(up.op) is DimShuffle:
        up = up.inputs[0].owner
    return up is not None and type(core_op(up)) in PICKED and picked(node) is not None


def regions(fgraph: Any) -> Iterator[Region]:
    """The regions of a graph, disjoint, in topological order."""
    if not anchored(fgraph):
        return
    order = _inputs_first(fgraph)
    groups = _grown(fgraph, order)
    _caps(fgraph, order, groups)
    _sharing(order, groups)
    sets: dict[Any, list[Any]] = {}
    inside = groups.parent
    evidence = Evidence(_kinds(order), fgraph)
    for node in order:
        if node in inside:
            sets.setdefault(groups.root(node), []).append(node)
    for nodes in sets.values():
        kinds = [type(core_op(n)) for n in nodes]
        worth = any([k in ANCHORS for k in kinds]) or _several(kinds) or contracting(nodes)
        if worth or any(
            [
                k in PRODUCTS and (scaling(n) or patterned(fgraph, n))
                for k, n in zip(kinds, nodes, strict=True)
            ]
        ):
            yield Region(nodes, used_outside(fgraph, nodes), evidence)


def _kinds(order: list[Any]) -> set[type]:
    """The types of Ops, and what stands for constant matrices of any kind, and of integers."""
    kinds: set[type] = set()
    for node in order:
        kinds.add(type(core_op(node)))
        for i in node.inputs:
            if i.owner is None and isinstance(i, Constant) and _matrix(i.type):
                kinds.add(Constant)
                if not i.type.dtype.startswith(("f", "c")):
                    kinds.add(np.integer)
    return kinds


def _matrix(kind: Any) -> bool:
    return len(getattr(kind, "shape", ())) > 1 and not any(kind.broadcastable[-2:])


def _inputs_first(fgraph: Any) -> list[Any]:
    """The nodes in topological order; `toposort`, which heeds more, takes three times as long."""
    order: list[Any] = []
    seen: set[Any] = {None}
    stack: list[Any] = [out.owner for out in reversed(fgraph.outputs)]
    while stack:
        node = stack.pop()
        if node is True:  # what is below comes after its inputs
            order.append(stack.pop())
        elif node not in seen:
            seen.add(node)
            above = [i.owner for i in node.inputs if i.owner not in seen]
            if above:
                stack += (node, True, *above)
            else:
                order.append(node)
    return order


def scaling(node: Any) -> bool:
    """Whether a product takes less than it seems to: X Xᵀ, or a factor that need not be formed.

    Such a factor is scaled, filled, or of rank one.
    """
    if mirrored(node):
        return True
    for i in node.inputs:
        up = i.owner
        if isinstance(i, Constant) and i.data.ndim == 2 and peculiar(i.data):
            return True
        if up is None or True in i.type.broadcastable[-2:]:
            continue
        while up is not None and type(up.op) is DimShuffle:
            up = up.inputs[0].owner
        if up is not None and (
            type(up.op) is Alloc
            or (type(up.op) is AdvancedSubtensor and takes(up))
            or permuting(up)
            or (type(up.op) is Elemwise and _partial(up))
        ):
            return True
    return False


def mirrored(node: Any) -> bool:
    """Whether a product is one of a matrix and its transpose."""
    if not _of_matrices(node):
        return False
    a, b = node.inputs
    return _transposes(a, b) or _transposes(b, a)


def _of_matrices(node: Any) -> bool:
    """Whether a node multiplies two matrices, none of them a batch."""
    return type(core_op(node)) is Dot and node.outputs[0].type.ndim == 2


def _transposes(a: Any, b: Any) -> bool:
    """Whether `a` is the transpose of `b`, which is neither a column nor a row."""
    up = a.owner
    if up is None or type(up.op) is not DimShuffle or True in a.type.broadcastable:
        return False
    return up.op.is_matrix_transpose and up.inputs[0] is b


def patterned(fgraph: Any, node: Any) -> bool:
    """Whether somebody has said of a factor of a product which of its entries are zero.

    Or that a matrix is symmetric, which is multiplied with itself.
    """
    if not _of_matrices(node):
        return False
    feature = getattr(fgraph, "assumption_feature", None)
    told = {} if feature is None else feature.cache
    a, b = node.inputs
    return any([_said(i, told, PATTERNS) for i in (a, b)]) or (a is b and _said(a, told, SYMMETRIC))


def _said(var: Any, told: Any, names: frozenset[str], depth: int = 1) -> bool:
    while True:
        up = var.owner
        if up is None:  # what is inferred of other variables nobody has said
            return bool(told) and any([told.get((var, k)) is FactState.TRUE for k in _keys(names)])
        if type(up.op) is SpecifyAssumptions:
            if any([key.name in names for key, s in up.op.assumptions if s is FactState.TRUE]):
                return True
        elif type(up.op) is Elemwise and type(up.op.scalar_op) in (Add, Sub):
            # A sum of matrices with zeros at the same places.
            return bool(depth) and all([_said(i, told, names, depth - 1) for i in up.inputs])
        elif type(up.op) is not DimShuffle:
            return False
        (var,) = up.inputs


@lru_cache
def _keys(names: frozenset[str]) -> tuple[Any, ...]:
    return tuple(k for name, k in sorted(KEY_REGISTRY.items()) if name in names)


def _partial(node: Any) -> bool:
    """Whether an elementwise node scales a matrix, or adds an identity or a low rank to it."""
    kind = type(node.op.scalar_op)
    if kind in (Add, Sub):
        return any([i.owner is not None and _low(i.owner) for i in node.inputs])
    return kind is Neg or (kind in (Mul, TrueDiv) and any(map(_one_deep, node.inputs)))


def _low(node: Any, depth: int = 3) -> bool:
    """Whether a node makes an identity or a matrix of rank one, or scales one."""
    if type(node.op) in (Alloc, Eye):
        return True
    kind = type(getattr(node.op, "scalar_op", None))
    if not depth or kind not in (Mul, TrueDiv, Neg):
        return False
    if all(map(_one_deep, node.inputs)) and not _one_deep(node.outputs[0]):
        return True
    return any([i.owner is not None and _low(i.owner, depth - 1) for i in node.inputs])


def _one_deep(var: Any) -> bool:
    """Whether a value is repeated along an axis where it stands in a matrix."""
    return var.type.ndim < 2 or True in var.type.broadcastable[-2:]


def contracting(nodes: list[Any]) -> bool:
    """Whether there is an einsum or its gradient, or a sum over a product that repeats a factor."""
    return any([_einsum(n) or repeating(n) for n in nodes])


def _einsum(node: Any) -> bool:
    kind = type(node.op)
    return kind is Einsum or (kind is OpFromGraph and einsum_gradient(node))


def repeating(node: Any) -> bool:
    """Whether a node sums a product that repeats a factor."""
    return type(node.op) is Sum and broadcasting(node)


def _several(kinds: list[type]) -> bool:
    """Whether there are two products, or a product and a sum, a diagonal or blocks of it."""
    products = sum([k in PRODUCTS for k in kinds])
    return products > 1 or (products == 1 and not _TAKING.isdisjoint(kinds))


def _grown(fgraph: Any, order: list[Any]) -> Groups:
    """Structural nodes joined with what lies upstream through linking nodes, in one pass."""
    groups = Groups()
    # For each variable that a node of a group reads: these nodes, and how many links are left.
    reached: dict[Any, list[tuple[Any, int]]] = {}
    for node in reversed(order):
        clients: list[tuple[Any, int]] = []
        for out in node.outputs:
            clients += reached.get(out, ())
        if structural(node):
            left = LINKS if type(node.op) is not Sum or not broadcasting(node) else MULTIPLIED
        elif clients and linking(fgraph, node):
            clients = [c for c in clients if c[1]]
            if not clients:
                continue
            left = max([n for _, n in clients]) - (type(node.op) is Elemwise)
        else:
            continue
        groups.root(node)
        for client, _ in clients:
            groups.join(client, node)
        for i in node.inputs[:1] if type(node.op) in _INDEXED else node.inputs:
            if i.owner is not None:
                reached.setdefault(i, []).append((node, left))
    return groups


def _caps(fgraph: Any, order: list[Any], groups: Groups) -> None:
    """Take in what stands on top: a squeeze, the logarithm of an absolute determinant, a sum."""
    inside = groups.parent
    # Summands in the making, such as 2·(A B), (A B)ᵀ and A B + C, and the nodes from the region up
    # to them.
    summands: dict[Any, list[Any]] = {}
    for node in order:
        if node not in inside:
            kind = type(node.op)
            if kind is DimShuffle and node.op.is_matrix_transpose:
                up = node.inputs[0].owner
                if up in inside or up in summands:  # as in A B + (A B)ᵀ
                    summands[node] = [*summands.get(up, (up,)), node]
                continue
            if kind not in (Elemwise, Join):
                continue
            below = [i.owner for i in node.inputs if i.owner in inside or i.owner in summands]
            if not below or not linking(fgraph, node):
                continue
            chain = [n for up in below for n in summands.get(up, (up,))]
            # What only scales, or adds what is elsewhere, must lead to a common factor.
            direct = len(chain) == len(below)
            if len(below) < 2 or not (direct or _common_input(_products(node))):
                if len(chain) <= LINKS and _makes_summand(fgraph, node):
                    summands[node] = [*chain, node]
                continue
            for up in chain:
                groups.join(node, up)
        for out in node.outputs:
            clients = [c for c, _ in fgraph.clients.get(out, ())]
            for up in clients:
                if _is_cap(fgraph, node, up, len(clients)):
                    groups.join(node, up)


def _sharing(order: list[Any], groups: Groups) -> None:
    """Join what factorizes one matrix in two forms, as A and Aᵀ, c A or A + B.

    Of one and the same form PyTensor makes one node, or one factorization.
    """
    forms: dict[Any, dict[Any, Any]] = {}
    for node in order:
        if type(core_op(node)) in FACTORIZED:
            operand = node.inputs[0]
            for matrix in _matrices(operand):
                forms.setdefault(matrix, {}).setdefault(operand, node)
    for of_matrix in forms.values():
        first, *others = of_matrix.values()
        for node in others:
            groups.join(first, node)


def _matrices(var: Any, depth: int = LINKS) -> set[Any]:
    """What a matrix is made of by transposes, scalings and sums, itself included."""
    found, node = {var}, var.owner
    if node is None or not depth:
        return found
    linear = type(node.op) is Elemwise and type(node.op.scalar_op) in _LINEAR
    if linear or (type(node.op) is DimShuffle and node.op.is_matrix_transpose):
        for i in node.inputs:
            if i.type.ndim > 1 and not all(i.type.broadcastable[-2:]):
                found |= _matrices(i, depth - 1)
    return found


def _makes_summand(fgraph: Any, node: Any) -> bool:
    """Whether the node scales a product or adds to one, for one other node."""
    (out,) = node.outputs
    if type(getattr(node.op, "scalar_op", None)) not in _LINEAR or not out.type.ndim:
        return False
    return len(fgraph.clients.get(out, ())) == 1 and bool(_products(node))


def _products(node: Any, depth: int = LINKS) -> list[Any]:
    """The products, or solves and the like, that are scaled and added up to a node."""
    if structural(node):
        return [node]
    linear = type(node.op) is Elemwise and type(node.op.scalar_op) in _LINEAR
    if not depth or not (linear or type(node.op) is DimShuffle):
        return []
    above = (i.owner for i in node.inputs)
    return [p for up in above if up is not None for p in _products(up, depth - 1)]


def _common_input(products: list[Any]) -> bool:
    """Whether two of the products have an input in common, transposed or not."""
    factors = [{_untransposed(i) for i in n.inputs} for n in products]
    return len(set().union(*factors)) < sum(map(len, factors))


def _untransposed(var: Any) -> Any:
    node = var.owner
    return node.inputs[0] if node is not None and type(node.op) is DimShuffle else var


def _is_cap(fgraph: Any, node: Any, up: Any, n_clients: int) -> bool:
    if type(up.op) is Subtensor:
        return picking(fgraph, up)
    if type(up.op) is DimShuffle:
        if not up.op.input_ndim:
            return _of_sign(node) or all(_of_sign(c) for c, _ in fgraph.clients[up.outputs[0]])
        if up.op.is_matrix_transpose:
            (out,) = up.outputs
            return n_clients == 1 and any(picking(fgraph, c) for c in _nodes_on(fgraph, out))
        return n_clients == 1 and len(up.op.new_order) < up.op.input_ndim
    if type(up.op) is All:
        return type(getattr(node.op, "scalar_op", None)) is GT
    if type(up.op) is not Elemwise:
        return False
    if type(node.op) is ExtractDiag:
        return type(up.op.scalar_op) is GT and _asked(fgraph, up)
    kind = type(up.op.scalar_op).__name__
    below = type(getattr(node.op, "scalar_op", None)).__name__
    if kind in ("Abs", "Sign"):  # the gradient of a logarithm has it expanded, before or after
        expanded = type(node.op) is DimShuffle and not node.op.input_ndim
        return expanded or type(core_op(node)).__name__ == "Det"
    return kind == "Log" and (below == "Abs" or type(core_op(node)).__name__ == "Det")


def _of_sign(node: Any) -> bool:
    return type(getattr(node.op, "scalar_op", None)) in (Abs, Sign)


def _asked(fgraph: Any, node: Any) -> bool:
    """Whether nothing but the definiteness of a matrix is asked of a comparison."""
    clients = fgraph.clients[node.outputs[0]]
    return all([type(c.op) is All and of_factor(c) is not None for c, _ in clients])


def _nodes_on(fgraph: Any, var: Any) -> list[Any]:
    """The nodes of which `var` is the first input and which take a part of it."""
    return [c for c, i in fgraph.clients[var] if i == 0 and type(c.op) is Subtensor]


def used_outside(fgraph: Any, nodes: list[Any]) -> list[Any]:
    """The outputs of `nodes` that something other than `nodes` uses."""
    inside = set(nodes)
    return [
        out
        for node in nodes
        for out in node.outputs
        if any(
            client not in inside and type(client.op) not in MEASURING
            for client, _ in fgraph.clients.get(out, ())
        )
    ]
