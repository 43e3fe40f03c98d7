"""Readers of structured matrices, functions of a matrix and reductions."""

from __future__ import annotations

from typing import Any

from pytensor.graph.basic import Constant
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.linalg.products import KroneckerProduct

from matchers import contractions
from matchers import vocabulary as v
from matchers.reading import summed
from matchers.reading.common import Reader, Reading, core_op, same_dtype, whole_batch
from matchers.terms import Term, shape


def kron(view: Any, node: Any, out: int, core: int) -> Reading:
    """A Kronecker product of matrices."""
    # On 3-d inputs a core KroneckerProduct is np.kron, whose batch dimensions multiply.
    plain = type(node.op) is Blockwise or all(i.type.ndim == 2 for i in node.inputs)
    if core != 2 or not plain or not same_dtype(node):
        return None
    return [(i, 2) for i in node.inputs], v.kron


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


def einsum(view: Any, node: Any, out: int, core: int) -> Reading:
    """A contraction."""
    spec = node.op.subscripts.replace(" ", "")
    if "->" not in spec or "." in spec or not same_dtype(node):
        return None
    inputs, output = spec.split("->")
    cores = [len(p) for p in inputs.split(",")]
    if min(len(output), 2) != core or any(
        i.type.ndim != c for i, c in zip(node.inputs, cores, strict=True)
    ):
        return None
    ones: dict[str, set[bool]] = {}
    for part, x in zip(inputs.split(","), node.inputs, strict=True):
        for i, one in zip(part, x.type.broadcastable, strict=True):
            ones.setdefault(i, set()).add(one)
    if any(len(found) == 2 for found in ones.values()):
        return None  # an index of length 1 is broadcast
    needs = [(x, min(c, 2)) for x, c in zip(node.inputs, cores, strict=True)]
    return needs, lambda *ts: contractions.read(spec, ts)


def matrices(head: Any) -> Reader:
    """The reader of an Op on matrices that is a head as it stands."""

    def read(view: Any, node: Any, out: int, core: int) -> Reading:
        if core != 2 or not same_dtype(node):
            return None
        return [(i, 2) for i in node.inputs], head

    return read


def to_scalar(head: Any) -> Reader:
    """The reader of an Op that makes a coefficient of one matrix."""

    def read(view: Any, node: Any, out: int, core: int) -> Reading:
        if core != 0 or not same_dtype(node) or node.inputs[0].type.ndim != 2:
            return None
        return [(node.inputs[0], 2)], head

    return read


def slogdet(view: Any, node: Any, out: int, core: int) -> Reading:
    """The logarithm of an absolute determinant, the second output."""
    return None if out == 0 else to_scalar(v.logabsdet)(view, node, out, core)


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
        return [(x, 2)], lambda t: v.batch_sum(t) if whole_batch(x, t) else None
    if core == 1 and n == 2 and tuple(axes) == (1,) and x.type.shape[0] == 1:
        # One vector in a batch of one, which is how PyMC writes a quadratic form.
        return [(x, 1)], v.total
    if core == 1 and n > 1 and axes in ((n - 1,), (n - 2,)):
        return [(x, 2)], _columns_summed if axes[0] == n - 1 else _rows_summed
    if core != 0 or n not in (1, 2) or len(axes) != n:
        return None

    def make(t: Term) -> Term:
        c, inner = t.args if t.head is v.scale else (1, t)
        if isinstance(inner, Term) and inner.head is v.diagonal:
            return v.scale(c, v.trace(inner.args[0]))  # type: ignore[no-any-return]
        return v.total(t)  # type: ignore[no-any-return]

    return [(x, n)], make


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
