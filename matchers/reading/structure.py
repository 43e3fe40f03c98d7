"""Readers of structured matrices, functions of a matrix and reductions."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from pytensor.graph.basic import Constant
from pytensor.scalar.basic import GT
from pytensor.tensor.basic import AllocDiag, ExtractDiag
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.elemwise import DimShuffle
from pytensor.tensor.linalg.decomposition.cholesky import Cholesky
from pytensor.tensor.linalg.products import KroneckerProduct
from pytensor.tensor.shape import Reshape

from matchers import vocabulary as v
from matchers.leaves import number
from matchers.members import read_members
from matchers.reading import einsums, summed
from matchers.reading.common import Reader, Reading, core_op, same_dtype, whole_batch
from matchers.terms import Term, shape


def kron(view: Any, node: Any, out: int, core: int) -> Reading:
    """A Kronecker product of matrices."""
    # On 3-d inputs a core KroneckerProduct is np.kron, whose batch dimensions multiply.
    plain = type(node.op) is Blockwise or all(i.type.ndim == 2 for i in node.inputs)
    if core != 2 or not plain or not same_dtype(node):
        return None
    return [(i, 2) for i in node.inputs], v.kron


def pullback(view: Any, node: Any, out: int, core: int) -> Reading:
    """The gradient of what is an OpFromGraph itself, or of a diagonal matrix."""
    if einsums.einsum_gradient(node):
        return einsums.pullback(view, node, out, core)
    read = kron_pullback if len(node.inputs) == 4 else diagonal_pullback
    return read(view, node, out, core)


def diagonal_pullback(view: Any, node: Any, out: int, core: int) -> Reading:
    """The diagonal of a gradient: an OpFromGraph that is equal to what a diagonal would make."""
    if core != 1 or len(node.inputs) != 3 or node.inputs[1].owner is None:
        return None
    d, whole, g = node.inputs
    up = whole.owner
    if type(up.op) is not AllocDiag or up.inputs[0] is not d or not _main_diagonal(up, 2):
        return None
    reference = up.op.pullback(up.inputs, up.outputs, [g])
    if reference[0].owner is None or reference[0].owner.op != node.op:
        return None
    return [(g, 2)], v.diagonal


def kron_pullback(view: Any, node: Any, out: int, core: int) -> Reading:
    """The gradient of a Kronecker product, an OpFromGraph that is equal to what kron would make."""
    if core != 2 or len(node.inputs) != 4 or len(node.outputs) != 2 or not same_dtype(node):
        return None
    a, b, k, g = node.inputs
    up = k.owner
    if up is None or type(up.op) is not KroneckerProduct or up.inputs != [a, b]:
        return None
    reference = up.op.pullback(up.inputs, up.outputs, [g])
    if reference[0].owner is None or reference[0].owner.op != node.op:
        return None
    head = (v.kron_adjoint_left, v.kron_adjoint_right)[out]
    return [(g, 2), (a, 2), (b, 2)], head


def matrices(head: Any) -> Reader:
    """The reader of an Op on matrices that is a head as it stands."""

    def read(view: Any, node: Any, out: int, core: int) -> Reading:
        if core != 2 or not same_dtype(node):
            return None
        return [(i, 2) for i in node.inputs], head

    return read


def pinv(view: Any, node: Any, out: int, core: int) -> Reading:
    """A pseudoinverse; that of a Hermitian matrix reads one triangle."""
    if core != 2 or core_op(node).hermitian or not same_dtype(node):
        return None
    return [(node.inputs[0], 2)], v.pinv


def to_scalar(head: Any) -> Reader:
    """The reader of an Op that makes a coefficient of one matrix."""

    def read(view: Any, node: Any, out: int, core: int) -> Reading:
        if core > 1 or (core and node.inputs[0].type.ndim != 3) or not same_dtype(node):
            return None
        return [(node.inputs[0], 2)], partial(read_members, head) if core else head

    return read


def slogdet(view: Any, node: Any, out: int, core: int) -> Reading:
    """The sign of a determinant, and the logarithm of its absolute value."""
    head = v.logabsdet if out else v.det_sign
    return to_scalar(head)(view, node, out, core)


def cholesky(view: Any, node: Any, out: int, core: int) -> Reading:
    """A lower Cholesky factor."""
    if core != 2 or not core_op(node).lower or not same_dtype(node):
        return None

    def make(a: Term) -> Term:
        chol = v.cholesky(a)
        view.promise(chol, "lower_triangular")
        return chol  # type: ignore[no-any-return]

    return [(node.inputs[0], 2)], make


def extract_diag(view: Any, node: Any, out: int, core: int) -> Reading:
    """The main diagonal, as a column."""
    if core != 1 or not _main_diagonal(node, node.inputs[0].type.ndim):
        return None
    return [(node.inputs[0], 2)], v.diagonal


def alloc_diag(view: Any, node: Any, out: int, core: int) -> Reading:
    """A diagonal matrix."""
    if core != 2 or not _main_diagonal(node, node.outputs[0].type.ndim):
        return None
    return [(node.inputs[0], 1)], v.diag


def _main_diagonal(node: Any, ndim: int) -> bool:
    """Whether a node takes or makes the main diagonal of the last two axes."""
    op = core_op(node)
    n = 2 if type(node.op) is Blockwise else ndim
    return not op.offset and {op.axis1 % n, op.axis2 % n} == {n - 2, n - 1}


def total(view: Any, node: Any, out: int, core: int) -> Reading:
    """A sum over all entries, along an axis, which is a product with ones, or over a batch."""
    x, n = node.inputs[0], node.inputs[0].type.ndim
    axes = tuple(range(n)) if node.op.axis is None else node.op.axis
    if not same_dtype(node):
        return None
    contraction = summed.product(view, node, core) if summed.broadcasting(node) else None
    if contraction is not None:
        return contraction
    if core == 2 and n > 2 and tuple(axes) == tuple(range(n - 2)):
        return [(x, 2)], lambda t: v.batch_sum(t) if _of_products(x, t) else None
    if core == 1 and n == 2 and tuple(axes) == (1,) and x.type.shape[0] == 1:
        # One vector in a batch of one, which is how PyMC writes a quadratic form.
        return [(x, 1)], v.total
    if core == 1 and n == 3 and tuple(axes) == (1, 2):
        return [(x, 2)], partial(read_members, v.total)
    if core == 1 and n == 2 and tuple(axes) == (1,) and _of_batch(view, x):
        return [(x, 1)], partial(read_members, _entries_summed)
    if core == 0 and n > 1 and axes == (n - 1,):
        return [(x, 1)], _entries_summed
    if core == 0 and n > 2 and axes == (n - 2, n - 1):
        return [(x, 2)], v.total
    if core == 1 and n > 1 and axes in ((n - 1,), (n - 2,)):
        return [(x, 2)], _columns_summed if axes[0] == n - 1 else _rows_summed
    if core != 0 or len(axes) != n:
        return None
    x = _entries(view, x)
    n = x.type.ndim
    if n not in (1, 2):
        return None

    return [(x, n)], _entries_summed


def _of_products(x: Any, t: Term) -> bool:
    """Whether a batch is to be summed as such: it is whole, and its rows are not just scaled."""
    inner = t.args[1] if t.head is v.scale else t
    factors = inner.args if inner.head is v.matmul else ()
    scaled = len(factors) > 1 and sum([a.head is not v.diag for a in factors]) == 1
    return not scaled and whole_batch(x, t)


def _entries_summed(t: Term) -> Term:
    """The sum of all entries, which of a diagonal is a trace."""
    c, inner = t.args if t.head is v.scale else (1, t)
    if isinstance(inner, Term) and inner.head is v.diagonal:
        return v.scale(c, v.trace(inner.args[0]))  # type: ignore[no-any-return]
    if isinstance(inner, Term) and inner.head is v.log_magnitude:
        logs = inner.args[0]
        if logs.head is v.diagonal:
            return v.scale(c, v.log_diagonal(logs.args[0]))  # type: ignore[no-any-return]
    return v.total(t)  # type: ignore[no-any-return]


def _of_batch(view: Any, x: Any) -> bool:
    """Whether a matrix of the graph is a batch of vectors."""
    taken = x.owner is not None and type(core_op(x.owner)).__name__ == "ExtractDiag"
    return taken or view.natural_core(x) == 1


def _entries(view: Any, x: Any) -> Any:
    """What a reshaped variable has the entries of, in whatever order; all of them are summed."""
    inner, found = x, x
    while inner.owner is not None and (view.nodes is None or inner.owner in view.nodes):
        kind = type(inner.owner.op)
        if kind not in (Reshape, DimShuffle):
            break
        inner = inner.owner.inputs[0]
        if kind is Reshape and inner.type.ndim in (1, 2):
            found = inner
    return found


def definiteness(view: Any, node: Any, out: int, core: int) -> Reading:
    """Whether a Cholesky factor was found, as PyMC asks: of what is proved definite it is."""
    matrix = of_factor(node)
    if core or matrix is None:
        return None

    def make(a: Term) -> Term | None:
        return number(1) if view.holds(a, "positive_definite") else None

    return [(matrix, 2)], make


def of_factor(node: Any) -> Any:
    """The matrix whose Cholesky factor a node asks to have a positive diagonal, or None."""
    above = node.inputs[0].owner
    if above is None or type(getattr(above.op, "scalar_op", None)) is not GT:
        return None
    diagonal, zero = above.inputs[0].owner, above.inputs[1]
    while zero.owner is not None and type(zero.owner.op) is DimShuffle:
        zero = zero.owner.inputs[0]
    if not isinstance(zero, Constant) or np.any(zero.data) or diagonal is None:
        return None
    factor = diagonal.inputs[0].owner if type(diagonal.op) is ExtractDiag else None
    if factor is None or type(core_op(factor)) is not Cholesky:
        return None
    (matrix,) = factor.inputs
    return matrix if matrix.type.ndim == 2 else None


def prod(view: Any, node: Any, out: int, core: int) -> Reading:
    """A product of all entries."""
    x, n = node.inputs[0], node.inputs[0].type.ndim
    axes = range(n) if node.op.axis is None else node.op.axis
    if core != 0 or n not in (1, 2) or len(axes) != n or not same_dtype(node):
        return None
    return [(x, n)], v.prod


def _columns_summed(t: Term) -> Term:
    return v.matmul(t, v.ones(shape(t)[1]))  # type: ignore[no-any-return]


def _rows_summed(t: Term) -> Term:
    return _columns_summed(v.transpose(t))


def eye(view: Any, node: Any, out: int, core: int) -> Reading:
    """An identity matrix, where both lengths are proved equal."""
    n, m, k = node.inputs
    if core != 2 or not (isinstance(k, Constant) and int(k.data) == 0):
        return None

    def make() -> Term | None:
        rows, cols = view.length(n), view.length(m)
        return v.eye(rows) if view.dims.equal(rows, cols) else None

    return [], make
