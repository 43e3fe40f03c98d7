"""How each PyTensor Op reads as a term: one small function per Op.

A reader gets the node, which output is asked for and the `core`, the number of last axes that are
the matrix's (2 matrix, 1 column, 0 scalar). It returns what it needs to know first, as
``(variable, core)`` pairs, and how to make the term of these; or None, and the output is a leaf.
What a newer PyTensor may move or rename is all in this file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytensor import scalar as ps
from pytensor.compile.builders import OpFromGraph
from pytensor.graph.basic import Constant
from pytensor.scalar import basic as scalar_basic
from pytensor.tensor.basic import Alloc, AllocDiag, ExtractDiag, Eye
from pytensor.tensor.blas import BatchedDot
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.einsum import Einsum
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.linalg.constructors import BlockDiagonal
from pytensor.tensor.linalg.decomposition.cholesky import Cholesky
from pytensor.tensor.linalg.inverse import MatrixInverse
from pytensor.tensor.linalg.products import Expm, KroneckerProduct
from pytensor.tensor.linalg.solvers.general import Solve
from pytensor.tensor.linalg.solvers.linear_control import SolveSylvester
from pytensor.tensor.linalg.solvers.psd import CholeskySolve
from pytensor.tensor.linalg.solvers.triangular import SolveTriangular
from pytensor.tensor.linalg.summary import Det, SLogDet
from pytensor.tensor.math import Dot, Sum
from pytensor.tensor.shape import Reshape, SpecifyShape

from matchers import contractions
from matchers import vocabulary as v
from matchers.dims import ONE
from matchers.terms import Term, number, shape

Reading = tuple[list[tuple[Any, int]], Callable[..., Term | None]] | None
Reader = Callable[[Any, Any, int, int], Reading]


def core_op(node: Any) -> Any:
    """The Op of a node, without its Blockwise."""
    op = node.op
    return op.core_op if type(op) is Blockwise else op


def same_dtype(node: Any, out: int = 0) -> bool:
    """Whether all inputs have the output's dtype; elsewhere rounding would move."""
    dtype = node.outputs[out].type.dtype
    return all(i.type.dtype == dtype for i in node.inputs)


# --- products and solves ---------------------------------------------------------------------------


def _dot(view: Any, node: Any, out: int, core: int) -> Reading:
    if core != 2 or not same_dtype(node):
        return None
    return [(i, 2) for i in node.inputs], v.matmul


def _inverse(view: Any, node: Any, out: int, core: int) -> Reading:
    if core != 2 or not same_dtype(node):
        return None
    return [(node.inputs[0], 2)], v.inverse


def _solve(view: Any, node: Any, out: int, core: int) -> Reading:
    op = core_op(node)
    if core != op.b_ndim or not same_dtype(node):
        return None
    promise = {"pos": "positive_definite", "sym": "symmetric", "her": "hermitian"}.get(op.assume_a)
    if op.assume_a != "gen" and promise is None:
        return None  # tridiagonal and banded solvers read a band only

    def make(a: Term, b: Term) -> Term:
        if promise is not None:
            view.promise(a, promise)
        return v.matmul(v.inverse(a), b)  # type: ignore[no-any-return]

    return [(node.inputs[0], 2), (node.inputs[1], op.b_ndim)], make


def _solve_triangular(view: Any, node: Any, out: int, core: int) -> Reading:
    op = core_op(node)
    if core != op.b_ndim or not same_dtype(node):
        return None
    key = "lower_triangular" if op.lower else "upper_triangular"

    def make(a: Term, b: Term) -> Term:
        if op.unit_diagonal or not view.holds(a, key):
            a = v.triangle(a, op.lower, op.unit_diagonal)
            view.promise(a, key)
        return v.matmul(v.inverse(a), b)  # type: ignore[no-any-return]

    return [(node.inputs[0], 2), (node.inputs[1], op.b_ndim)], make


def _cholesky_solve(view: Any, node: Any, out: int, core: int) -> Reading:
    op = core_op(node)
    if core != op.b_ndim or not same_dtype(node):
        return None
    key = "lower_triangular" if op.lower else "upper_triangular"

    def make(c: Term, b: Term) -> Term:
        if not view.holds(c, key):
            c = v.triangle(c, op.lower, False)
            view.promise(c, key)
        left = c if op.lower else c.T
        view.promise(left, "lower_triangular")
        view.promise(left.T, "upper_triangular")
        return v.matmul(v.inverse(left.T), v.inverse(left), b)  # type: ignore[no-any-return]

    return [(node.inputs[0], 2), (node.inputs[1], op.b_ndim)], make


# --- axes ----------------------------------------------------------------------------------------


def _dimshuffle(view: Any, node: Any, out: int, core: int) -> Reading:
    op, x = node.op, node.inputs[0]
    order, k = op.new_order, op.input_ndim
    if core == 0:
        if k == 0:
            return [(x, 0)], lambda t: t
        return ([(x, k)], v.item) if k <= 2 else None
    tail = order[-core:]
    batch = [i for i in order[:-core] if i != "x"]
    used = [i for i in tail if i != "x"]
    if not used or batch != list(range(len(batch))) or _moved_batch(order[:-core]):
        return None
    return _matrix_axes(x, k, core, tail, len(batch))


def _moved_batch(batch: tuple[Any, ...]) -> bool:
    """Whether a new axis stands to the right of a batch axis, which would reorder broadcasting."""
    first = next((i for i, a in enumerate(batch) if a != "x"), len(batch))
    return "x" in batch[first:]


def _matrix_axes(x: Any, k: int, core: int, tail: tuple[Any, ...], n_batch: int) -> Reading:
    last, before = k - 1, k - 2
    squeezed = [i for i in range(n_batch, k) if i not in tail]
    columns = {(before, last): False, (last, before): True}
    if core == 2 and tail in columns and n_batch + len(squeezed) == before:
        return [(x, 2)], v.transpose if columns[tail] else _same
    (axis,) = {a for a in tail if a != "x"} if len(set(tail) - {"x"}) == 1 else (None,)
    if axis is None or (core == 2 and tail == ("x", "x")):
        return None
    # What remains is a column or a row: is it x as a vector, or x without its axis of length 1?
    if axis == last and before not in squeezed:
        need, column = (x, 1), True
    elif axis == before and last in squeezed:
        need, column = (x, 2), True
    elif axis == last:
        need, column = (x, 2), False
    else:
        return None
    n_leading = k - 1 if need[1] == 1 else k - 2
    if n_batch + len([i for i in squeezed if i < n_leading]) != n_leading:
        return None
    wants_row = core == 2 and tail[0] == "x"
    return [need], _same if column != wants_row else v.transpose


def _same(t: Term) -> Term:
    return t


def _specified(view: Any, node: Any, out: int, core: int) -> Reading:
    """A shape that is specified is a fact about dimensions, and else nothing."""
    return [(node.inputs[0], core)], _same


def _reshape(view: Any, node: Any, out: int, core: int) -> Reading:
    x, lengths = node.inputs
    if x.type.ndim not in (1, 2) or node.outputs[0].type.ndim not in (1, 2):
        return None
    if core != node.outputs[0].type.ndim:
        return None

    def make(t: Term) -> Term | None:
        rows, cols, _ = shape(t)
        if core == 1:
            return v.vec(t)  # type: ignore[no-any-return]
        new = view.lengths(lengths)
        if new is None:
            return None
        m, n = new
        if m is None or n is None:
            known = n if m is None else m
            other = view.quotient(rows * cols, known)
            if other is None:
                return None
            m, n = (other, known) if m is None else (known, other)
        if not view.dims.unify(m * n, rows * cols):
            return None
        return v.unvec(t, m, n)  # type: ignore[no-any-return]

    return [(x, x.type.ndim)], make


# --- elementwise ----------------------------------------------------------------------------------


def _elemwise(view: Any, node: Any, out: int, core: int) -> Reading:
    reader = SCALAR_READERS.get(type(node.op.scalar_op))
    return None if reader is None else reader(view, node, out, core)


def _conforming(node: Any, core: int) -> bool:
    """Whether no input is broadcast along the matrix's axes, nor cast."""
    if core == 0:
        return all(i.type.ndim == 0 for i in node.inputs) and same_dtype(node)
    pattern = node.outputs[0].type.broadcastable[-core:]
    return same_dtype(node) and all(i.type.broadcastable[-core:] == pattern for i in node.inputs)


def _add(view: Any, node: Any, out: int, core: int) -> Reading:
    return ([(i, core) for i in node.inputs], v.add) if _conforming(node, core) else None


def _sub(view: Any, node: Any, out: int, core: int) -> Reading:
    if not _conforming(node, core):
        return None
    return [(i, core) for i in node.inputs], lambda a, b: v.add(a, v.scale(-1, b))


def _neg(view: Any, node: Any, out: int, core: int) -> Reading:
    return [(node.inputs[0], core)], lambda a: v.scale(-1, a)


def _sqr(view: Any, node: Any, out: int, core: int) -> Reading:
    return ([(node.inputs[0], core)], lambda a: v.mul(a, a)) if same_dtype(node) else None


def _pow(view: Any, node: Any, out: int, core: int) -> Reading:
    x, power = node.inputs
    c = coefficient(power)
    if c is None or not isinstance(c[0], Constant) or float(c[0].data.item()) != 2:
        return None
    if x.type.dtype != node.outputs[0].type.dtype or not _whole(x, node, core):
        return None
    return [(x, core)], lambda a: v.mul(a, a)


def _true_div(view: Any, node: Any, out: int, core: int) -> Reading:
    x, y = node.inputs
    if x.type.dtype != node.outputs[0].type.dtype or not _is_coefficient(y, node):
        return None
    c = coefficient(y)
    if c is None or not _whole(x, node, core):
        return None
    return [(x, core), c], lambda t, c: v.scale(v.reciprocal(c), t)


def _mul(view: Any, node: Any, out: int, core: int) -> Reading:
    if core == 0:
        return [(i, 0) for i in node.inputs], v.mul
    dtype = node.outputs[0].type.dtype
    coefs = [i for i in node.inputs if _is_coefficient(i, node)]
    parts = [i for i in node.inputs if not _is_coefficient(i, node)]
    if not parts or any(p.type.dtype != dtype for p in parts):
        return None
    found = [coefficient(c) for c in coefs]
    if any(c is None for c in found):
        return None
    n = len(found)
    needs = [c for c in found if c is not None] + [(p, core) for p in parts]
    if all(_whole(p, node, core) for p in parts):
        return needs, lambda *ts: _scaled(ts[:n], v.mul(*ts[n:]) if len(ts) > n + 1 else ts[n])
    if core != 2 or len(parts) != 2:
        return None
    sides = [_side(p, node) for p in parts]
    return _broadcast_product(n, needs, sides)


def _broadcast_product(n: int, needs: list[tuple[Any, int]], sides: list[str]) -> Reading:
    """A column times a row is an outer product; a column times a matrix scales its rows."""
    i, j = n, n + 1
    if sides[0] > sides[1]:
        i, j, sides = j, i, sides[::-1]
    makers = {
        ("column", "row"): lambda ts: v.matmul(ts[i], ts[j]),
        ("column", "whole"): lambda ts: v.matmul(v.diag(ts[i]), ts[j]),
        ("row", "whole"): lambda ts: v.matmul(ts[j], v.diag(ts[i].T)),
    }
    maker = makers.get((sides[0], sides[1]))
    if maker is None:
        return None
    return needs, lambda *ts: _scaled(ts[:n], maker(ts))


def _side(x: Any, node: Any) -> str:
    whole = node.outputs[0].type.broadcastable[-2:]
    mine = x.type.broadcastable[-2:]
    if mine == whole:
        return "whole"
    if mine == (whole[0], True):
        return "column"
    return "row" if mine == (True, whole[1]) else "z"


def _scaled(coefs: tuple[Term, ...], t: Term) -> Term:
    for c in coefs:
        t = v.scale(c, t)
    return t


def _whole(x: Any, node: Any, core: int) -> bool:
    return bool(
        core == 0 or x.type.broadcastable[-core:] == node.outputs[0].type.broadcastable[-core:]
    )


def _is_coefficient(x: Any, node: Any) -> bool:
    """Whether `x` is one value that is broadcast, and the output is more than one value."""
    return all(x.type.broadcastable) and (x.type.ndim == 0 or not _all_ones(node.outputs[0]))


def _all_ones(x: Any) -> bool:
    return all(x.type.broadcastable)


def coefficient(x: Any) -> tuple[Any, int] | None:
    """The 0-d variable behind a broadcast one, or None."""
    while x.type.ndim:
        if isinstance(x, Constant):
            return x, 0
        if x.owner is None or type(x.owner.op) is not DimShuffle:
            return None
        x = x.owner.inputs[0]
    return x, 0


def _log(view: Any, node: Any, out: int, core: int) -> Reading:
    """log(abs(det(A))), which is how a log-determinant is spelled before specialisation."""
    inner = node.inputs[0].owner
    if core or inner is None or type(getattr(inner.op, "scalar_op", None)) is not scalar_basic.Abs:
        return None
    det = inner.inputs[0].owner
    if det is None or type(core_op(det)) is not Det or not same_dtype(det):
        return None
    return [(det.inputs[0], 2)], v.logabsdet


def _second(view: Any, node: Any, out: int, core: int) -> Reading:
    """A value broadcast to the shape of another, which says nothing but that shape."""
    like, value = node.inputs
    if value.type.dtype != node.outputs[0].type.dtype:
        return None
    if core and _whole(value, node, core):
        return [(value, core)], _same
    repeated = [
        axis
        for axis in range(-core, 0)
        if value.type.ndim < -axis or value.type.broadcastable[axis]
        if not node.outputs[0].type.broadcastable[axis]
    ]
    if not core or like.type.ndim < core or any(like.type.broadcastable[a] for a in repeated):
        return None
    return _filled(value, core, node, lambda: view.shape_of(like, core))


def _alloc(view: Any, node: Any, out: int, core: int) -> Reading:
    value, *lengths = node.inputs
    if core not in (1, 2) or len(lengths) != core:
        return None

    def shape_of() -> tuple[Any, Any]:
        found = [view.length(n) for n in lengths]
        return (found[0], found[1]) if core == 2 else (found[0], ONE)

    return _filled(value, core, node, shape_of)


def _filled(value: Any, core: int, node: Any, shape_of: Callable[[], tuple[Any, Any]]) -> Reading:
    """One value, a row or a column, repeated."""
    if all(value.type.broadcastable):
        c = coefficient(value)
        if c is None:
            return None

        def make(c: Term) -> Term:
            m, n = shape_of()
            whole = v.ones(m) if n == ONE else v.matmul(v.ones(m), v.ones(n).T)
            return v.scale(c, whole)  # type: ignore[no-any-return]

        return [c], make
    if core != 2 or value.type.ndim != 2:
        return None
    if value.type.broadcastable == (True, False):
        return [(value, 2)], lambda t: v.matmul(v.ones(shape_of()[0]), t)
    if value.type.broadcastable == (False, True):
        return [(value, 2)], lambda t: v.matmul(t, v.ones(shape_of()[1]).T)
    return None


def _reciprocal(view: Any, node: Any, out: int, core: int) -> Reading:
    return ([(node.inputs[0], 0)], v.reciprocal) if core == 0 and same_dtype(node) else None


SCALAR_READERS: dict[type, Reader] = {
    ps.Add: _add,
    ps.Sub: _sub,
    ps.Neg: _neg,
    ps.Mul: _mul,
    ps.TrueDiv: _true_div,
    scalar_basic.Sqr: _sqr,
    scalar_basic.Pow: _pow,
    scalar_basic.Log: _log,
    scalar_basic.Reciprocal: _reciprocal,
    ps.Second: _second,
}


# --- structure, functions of a matrix, reductions -------------------------------------------------


def _kron(view: Any, node: Any, out: int, core: int) -> Reading:
    # On 3-d inputs a core KroneckerProduct is np.kron, whose batch dimensions multiply.
    plain = type(node.op) is Blockwise or all(i.type.ndim == 2 for i in node.inputs)
    if core != 2 or not plain or not same_dtype(node):
        return None
    return [(i, 2) for i in node.inputs], v.kron


def _kron_pullback(view: Any, node: Any, out: int, core: int) -> Reading:
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


def _einsum(view: Any, node: Any, out: int, core: int) -> Reading:
    spec = node.op.subscripts.replace(" ", "")
    if "->" not in spec or "." in spec or not same_dtype(node):
        return None
    inputs, output = spec.split("->")
    cores = [len(p) for p in inputs.split(",")]
    if len(output) != core or any(
        i.type.ndim != c for i, c in zip(node.inputs, cores, strict=True)
    ):
        return None
    needs = list(zip(node.inputs, cores, strict=True))
    return needs, lambda *ts: contractions.read(spec, ts)


def _matrices(head: Any) -> Reader:
    def read(view: Any, node: Any, out: int, core: int) -> Reading:
        if core != 2 or not same_dtype(node):
            return None
        return [(i, 2) for i in node.inputs], head

    return read


def _to_scalar(head: Any) -> Reader:
    def read(view: Any, node: Any, out: int, core: int) -> Reading:
        if core != 0 or not same_dtype(node) or node.inputs[0].type.ndim != 2:
            return None
        return [(node.inputs[0], 2)], head

    return read


def _slogdet(view: Any, node: Any, out: int, core: int) -> Reading:
    return None if out == 0 else _to_scalar(v.logabsdet)(view, node, out, core)


def _cholesky(view: Any, node: Any, out: int, core: int) -> Reading:
    if core != 2 or not core_op(node).lower or not same_dtype(node):
        return None

    def make(a: Term) -> Term:
        chol = v.cholesky(a)
        view.promise(chol, "lower_triangular")
        return chol  # type: ignore[no-any-return]

    return [(node.inputs[0], 2)], make


def _extract_diag(view: Any, node: Any, out: int, core: int) -> Reading:
    if core != 1 or not _main_diagonal(node, node.inputs[0].type.ndim):
        return None
    return [(node.inputs[0], 2)], v.diagonal


def _alloc_diag(view: Any, node: Any, out: int, core: int) -> Reading:
    if core != 2 or not _main_diagonal(node, node.outputs[0].type.ndim):
        return None
    return [(node.inputs[0], 1)], v.diag


def _main_diagonal(node: Any, ndim: int) -> bool:
    """Whether a node takes or makes the main diagonal of the last two axes."""
    op = core_op(node)
    n = 2 if type(node.op) is Blockwise else ndim
    return not op.offset and {op.axis1 % n, op.axis2 % n} == {n - 2, n - 1}


def _sum(view: Any, node: Any, out: int, core: int) -> Reading:
    x, n = node.inputs[0], node.inputs[0].type.ndim
    axes = tuple(range(n)) if node.op.axis is None else node.op.axis
    if not same_dtype(node):
        return None
    if core == 1 and n == 2 and tuple(axes) == (1,) and x.type.shape[0] == 1:
        # One vector in a batch of one, which is how PyMC writes a quadratic form.
        return [(x, 1)], v.total
    if core != 0 or n not in (1, 2) or len(axes) != n:
        return None

    def make(t: Term) -> Term:
        if t.head is v.diagonal:
            return v.trace(t.args[0])  # type: ignore[no-any-return]
        return v.total(t)  # type: ignore[no-any-return]

    return [(x, n)], make


def _eye(view: Any, node: Any, out: int, core: int) -> Reading:
    n, m, k = node.inputs
    if core != 2 or not (isinstance(k, Constant) and int(k.data) == 0):
        return None

    def make() -> Term | None:
        rows, cols = view.length(n), view.length(m)
        return v.eye(rows) if view.dims.equal(rows, cols) else None

    return [], make


READERS: dict[type, Reader] = {
    Dot: _dot,
    BatchedDot: _dot,
    MatrixInverse: _inverse,
    Solve: _solve,
    SolveTriangular: _solve_triangular,
    CholeskySolve: _cholesky_solve,
    DimShuffle: _dimshuffle,
    Reshape: _reshape,
    SpecifyShape: _specified,
    Elemwise: _elemwise,
    KroneckerProduct: _kron,
    BlockDiagonal: _matrices(v.block_diag),
    Expm: _matrices(v.expm),
    SolveSylvester: _matrices(v.sylvester),
    Cholesky: _cholesky,
    Det: _to_scalar(v.det),
    SLogDet: _slogdet,
    ExtractDiag: _extract_diag,
    AllocDiag: _alloc_diag,
    Sum: _sum,
    Einsum: _einsum,
    Eye: _eye,
    Alloc: _alloc,
    OpFromGraph: _kron_pullback,
}

# Ops that carry linear algebra: a region grows from these.
STRUCTURAL: frozenset[type] = frozenset(READERS) - {DimShuffle, Reshape, SpecifyShape, Elemwise, Eye, Alloc}
# Of these, one alone can be worth rewriting; of products it takes two.
PRODUCTS: frozenset[type] = frozenset({Dot, BatchedDot, Einsum})
ANCHORS: frozenset[type] = STRUCTURAL - PRODUCTS - {ExtractDiag, AllocDiag, Sum}

__all__ = [
    "ANCHORS",
    "ONE",
    "PRODUCTS",
    "READERS",
    "STRUCTURAL",
    "coefficient",
    "core_op",
    "number",
]
