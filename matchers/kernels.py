"""Which kernel each node of a region runs, and on what sizes: the cost before any rewrite."""

from __future__ import annotations

import functools
import operator
from typing import Any

from pytensor.scalar.basic import Abs, Log
from pytensor.tensor.basic import ExtractDiag
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.shape import Reshape, SpecifyShape

from lowering.blas.syrk import THIN
from matchers.dims import ONE, Dim, const, shorter, symbol
from matchers.readers import core_op
from matchers.reading.distances import differences
from matchers.reading.einsums import einsum_gradient, subscripts
from matchers.reading.permuted import permuting
from matchers.reading.summed import broadcasting, product, unmoved
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
    if kind is Elemwise and _logarithms(node):
        return "view", (), ONE
    if kind is Elemwise:
        return "elementwise", (size(view, out) * _operations(node),), ONE
    shapes = [matrix_shape(view, i) for i in node.inputs]
    reduced = kind.__name__ in ("Det", "SLogDet", "SignedLogDet")
    batch = batch_size(view, node.inputs[0] if reduced else out, getattr(op, "b_ndim", 2))
    match kind.__name__:
        case "Dot" | "BatchedDot":
            (m, k), (_, n) = shapes
            if m == k == n == batch == ONE:
                return "scalar", (), ONE
            return _product(view, node, (m, k, n), batch)
        case "Solve" | "CholeskySolve" | "SolveTriangular":
            return _solve_kernel(op, shapes, batch)
        case "Syrk":
            m, k = shapes[0]
            return "gram", (m, k, shorter(k, const(THIN))), batch
        case "Trmm":
            m, n = shapes[0][:: -1 if op.lower else 1]
            return "triangular", (m, n, shorter(m, n), shapes[1][1]), batch
        case "Gtmm":
            return "tridiagonal", (shapes[0][0], shapes[1][1]), batch
        case "Syr2k":
            (m, k), _ = shapes
            return "product", (m, k * 2, m), batch
        case "Potri":
            return "inverse_positive", (shapes[0][0],), batch
        case "MatrixInverse":
            return "inverse", (shapes[0][0],), batch
        case "Cholesky":
            return "cholesky", (shapes[0][0],), batch
        case "Det" | "SLogDet" | "SignedLogDet":
            return "determinant", (shapes[0][0],), batch
        case "Eigh" | "Eigvalsh":
            return kind.__name__.lower(), (shapes[0][0],), batch_size(view, node.inputs[0], 2)
        case "SVD":
            m, n = shapes[0]
            kernel = "svd" if op.compute_uv else "svdvals"
            return kernel, (m, n, shorter(m, n)), batch_size(view, node.inputs[0], 2)
        case "QR":
            m, n = shapes[0]
            return "qr", (m, n, shorter(m, n)), batch_size(view, node.inputs[0], 2)
        case "LU":
            m, n = shapes[0]
            return "lu", (m, n, shorter(m, n)), batch_size(view, node.inputs[0], 2)
        case "MatrixPinv":
            return "pinv", _with_rank(view, node.inputs[0]), batch_size(view, node.inputs[0], 2)
        case "Expm":
            return "expm", (shapes[0][0],), batch
        case "SolveSylvester":
            return "sylvester", (shapes[0][0], shapes[1][0]), batch
        case "AdvancedSubtensor" | "AdvancedIncSubtensor" if permuting(node):
            order = matrix_shape(view, node.inputs[-1].owner.inputs[0])[0]
            m, n = matrix_shape(view, out)
            return "permutation", (order, m if view.dims.equal(n, order) else n), ONE
        case "AdvancedSubtensor":
            # With lengths that are known PyTensor folds the index.
            kernel = "gather" if None in out.type.shape else "copy"
            return kernel, (size(view, out),), ONE
        case "AdvancedIncSubtensor":
            return "copy", (size(view, out),), ONE
        case "KroneckerProduct" | "BlockDiagonal" | "Join" | "AllocDiag" | "Eye":
            return "copy", (size(view, out),), ONE
        case "Einsum":
            return "products", _pairwise(node), ONE
        case "OpFromGraph" if einsum_gradient(node):
            # Each product again, and the two adjoints of each.
            return "products", _pairwise(node.inputs[-2].owner) * 3, ONE
        case "OpFromGraph" if len(node.inputs) == 3:  # the diagonal of a gradient
            return "view", (), ONE
        case "OpFromGraph":
            # Both adjoints of a Kronecker product, each a product and a sum over all blocks.
            return "elementwise", (size(view, node.inputs[-1]) * 4,), ONE
        case "Sum" if _logarithms(node.inputs[0].owner):
            return "view", (), ONE
        case "Sum" if _contracted(view, node):
            # What is summed is written first, and has more entries than its factors.
            return "elementwise", (size(view, node.inputs[0]) * 2,), ONE
        case "Sum":
            return "elementwise", (size(view, node.inputs[0]),), ONE
    return "unknown", (size(view, out),), ONE


def _product(view: Any, node: Any, sizes: tuple[Dim, Dim, Dim], batch: Dim) -> Call:
    """What a product runs: with a permutation PyTensor moves rows or columns."""
    if view.possible("permutation"):
        m, k, n = sizes
        for x, width in zip(node.inputs, (n, m), strict=True):
            if view.known(view.term(x, 2), "permutation"):
                return "permutation", (k, width), batch
    return "product", sizes, batch


def _logarithms(node: Any) -> bool:
    """Whether a node takes logarithms of a diagonal, which count as little as in a determinant."""
    while node is not None and type(node.op) is Elemwise:
        if type(node.op.scalar_op) not in (Log, Abs):
            return False
        node = node.inputs[0].owner
        if node is not None and type(node.op) is ExtractDiag:
            return True
    return False


def _with_rank(view: Any, var: Any) -> tuple[Dim, Dim, Dim]:
    """Rows, columns, and the shorter of the two, which a full rank tells."""
    t = view.term(var, 2)
    m, n, _ = shape(t)
    if view.holds(t, "full_column_rank"):
        return m, n, n
    return m, n, m if view.holds(t, "full_row_rank") else shorter(m, n)


def _contracted(view: Any, node: Any) -> bool:
    """Whether a sum over an elementwise product reads as a contraction of its factors."""
    above = unmoved(node.inputs[0].owner)
    if above is None or type(above.op) is not Elemwise or differences(node) is not None:
        return False
    return broadcasting(node) and product(view, node, min(node.outputs[0].type.ndim, 2)) is not None


def _operations(node: Any) -> int:
    """How many operations an elementwise node does to each entry; coefficients count as one."""
    parts = sum(not all(i.type.broadcastable) for i in node.inputs)
    return max(1, parts - 1 + (0 < parts < len(node.inputs)))


def _pairwise(node: Any) -> tuple[Dim, ...]:
    """The multiplications of each step along the path of an einsum.

    What only one operand of a step has, and nothing later, is summed before.
    """
    spec = subscripts(node.op, node.inputs)
    if spec is None:
        return ()  # which nothing reads
    parts, output = spec
    lengths = {
        i: symbol(x, axis)
        for part, x in zip(parts, node.inputs, strict=True)
        for axis, i in enumerate(part)
    }

    def times(indices: str) -> Dim:
        return functools.reduce(operator.mul, (lengths[i] for i in indices), ONE)

    keep = set(output)
    out: list[Dim] = []
    for step in node.op.path:
        taken = [parts.pop(i) for i in sorted(step, reverse=True)]
        after = keep.union(*parts)
        shared = [i for p in taken for i in p if i in after or sum(i in q for q in taken) > 1]
        out += [times(p) for p in taken if not set(p) <= set(shared)]
        out.append(times("".join(sorted(set(shared)))))
        parts.append("".join(i for i in sorted(set(shared)) if i in after))
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
