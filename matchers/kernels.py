"""Which kernel each node of a region runs, and on what sizes: the cost before any rewrite."""

from __future__ import annotations

import functools
import operator
from typing import Any

from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.shape import Reshape, SpecifyShape

from matchers.dims import ONE, Dim, shorter, symbol
from matchers.readers import core_op
from matchers.reading.summed import broadcasting, product
from matchers.terms import shape

Call = tuple[str, tuple[Dim, ...], Dim]
_VIEWS = (DimShuffle, Reshape, SpecifyShape)


def node_kernel(view: Any, node: Any) -> Call:
    """The kernel of a node, the dimensions that its cost depends on, and how often it runs."""
    op = core_op(node)
    kind = type(op)
    if kind in _VIEWS or kind.__name__ in ("ExtractDiag", "Alloc", "Subtensor"):
        return "view", (), ONE
    out = node.outputs[0]
    if kind is Elemwise and all(out.type.broadcastable):
        return "scalar", (), ONE
    if kind is Elemwise:
        return "elementwise", (size(view, out) * _operations(node),), ONE
    shapes = [matrix_shape(view, i) for i in node.inputs]
    reduced = kind.__name__ in ("Det", "SLogDet")
    batch = batch_size(view, node.inputs[0] if reduced else out, getattr(op, "b_ndim", 2))
    match kind.__name__:
        case "Dot" | "BatchedDot":
            (m, k), (_, n) = shapes
            return "product", (m, k, n), batch
        case "Solve" | "CholeskySolve" | "SolveTriangular":
            return _solve_kernel(op, shapes, batch)
        case "MatrixInverse":
            return "inverse", (shapes[0][0],), batch
        case "Cholesky":
            return "cholesky", (shapes[0][0],), batch
        case "Det" | "SLogDet":
            return "determinant", (shapes[0][0],), batch
        case "Eigh" | "Eigvalsh":
            return kind.__name__.lower(), (shapes[0][0],), batch_size(view, node.inputs[0], 2)
        case "SVD":
            m, n = shapes[0]
            return "svd", (m, n, shorter(m, n)), batch_size(view, node.inputs[0], 2)
        case "Expm":
            return "expm", (shapes[0][0],), batch
        case "SolveSylvester":
            return "sylvester", (shapes[0][0], shapes[1][0]), batch
        case "KroneckerProduct" | "BlockDiagonal" | "Join" | "AllocDiag" | "Eye":
            return "copy", (size(view, out),), ONE
        case "Einsum":
            return "products", _pairwise(view, node), ONE
        case "OpFromGraph":
            # Both adjoints of a Kronecker product, each a product and a sum over all blocks.
            return "elementwise", (size(view, node.inputs[-1]) * 4,), ONE
        case "Sum" if _contracted(view, node):
            # What is summed is written first, and has more entries than its factors.
            return "elementwise", (size(view, node.inputs[0]) * 2,), ONE
        case "Sum":
            return "elementwise", (size(view, node.inputs[0]),), ONE
    return "unknown", (size(view, out),), ONE


def _contracted(view: Any, node: Any) -> bool:
    """Whether a sum reads as a contraction of the factors of what it sums."""
    return broadcasting(node) and product(view, node, min(node.outputs[0].type.ndim, 2)) is not None


def _operations(node: Any) -> int:
    """How many operations an elementwise node does to each entry; coefficients count as one."""
    parts = sum(not all(i.type.broadcastable) for i in node.inputs)
    return max(1, parts - 1 + (0 < parts < len(node.inputs)))


def _pairwise(view: Any, node: Any) -> tuple[Dim, ...]:
    """The multiplications of each step along the path of an einsum."""
    parts = node.op.subscripts.replace(" ", "").split("->")[0].split(",")
    lengths = {
        i: symbol(x, axis)
        for part, x in zip(parts, node.inputs, strict=True)
        for axis, i in enumerate(part)
    }
    keep = set(node.op.subscripts.split("->")[-1])
    out = []
    for step in node.op.path:
        taken = [parts.pop(i) for i in sorted(step, reverse=True)]
        indices = set("".join(taken))
        out.append(functools.reduce(operator.mul, (lengths[i] for i in sorted(indices)), ONE))
        parts.append("".join(sorted(indices & (keep | set("".join(parts))))))
    return tuple(out)


def _solve_kernel(op: Any, shapes: list[tuple[Dim, Dim]], batch: Dim) -> Call:
    n = shapes[0][0]
    k = shapes[1][1] if op.b_ndim == 2 else ONE
    return solver(op), (n, k), batch


def solver(op: Any) -> str:
    """The kernel of an Op that solves."""
    if type(op).__name__ == "SolveTriangular":
        return "solve_triangular"
    if type(op).__name__ == "CholeskySolve":
        return "solve_again"
    return "solve_positive" if op.assume_a == "pos" else "solve"


def matrix_shape(view: Any, var: Any) -> tuple[Dim, Dim]:
    """Rows and columns of a variable; a vector is a column."""
    if var.type.ndim == 0:
        return ONE, ONE
    rows, cols, _ = shape(view.term(var))
    return rows, cols


def batch_size(view: Any, var: Any, core: int) -> Dim:
    """The product of the batch dimensions of a variable."""
    out = ONE
    for b in shape(view.term(var, min(var.type.ndim, core)))[2]:
        out = out * b
    return out


def size(view: Any, var: Any) -> Dim:
    """How many entries a variable has."""
    if var.type.ndim == 0:
        return ONE
    rows, cols, batch = shape(view.term(var))
    out: Dim = rows * cols
    for b in batch:
        out = out * b
    return out
