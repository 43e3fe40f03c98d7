"""Readers of elementwise Ops: sums, elementwise products, coefficients, fills."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from pytensor import scalar as ps
from pytensor.graph.basic import Constant
from pytensor.scalar import basic as scalar_basic
from pytensor.tensor.basic import ExtractDiag, Eye
from pytensor.tensor.elemwise import DimShuffle
from pytensor.tensor.linalg.summary import Det
from pytensor.tensor.shape import Shape, Shape_i
from pytensor.tensor.subtensor import Subtensor

from matchers import vocabulary as v
from matchers.dims import ONE
from matchers.members import read_members
from matchers.reading.axes import same
from matchers.reading.common import Reader, Reading, core_op, same_dtype
from matchers.terms import Number, Term, shape


def elemwise(view: Any, node: Any, out: int, core: int) -> Reading:
    """What the scalar Op says."""
    reader = SCALAR_READERS.get(type(node.op.scalar_op))
    return None if reader is None else reader(view, node, out, core)


def _conforming(node: Any, core: int) -> bool:
    """Whether no input is broadcast along the matrix's axes, nor cast."""
    if core == 0:
        return same_dtype(node) and _inexact(node)
    pattern = node.outputs[0].type.broadcastable[-core:]
    return same_dtype(node) and all(i.type.broadcastable[-core:] == pattern for i in node.inputs)


def _inexact(node: Any) -> bool:
    """Whether the output is real or complex: coefficients that are integers would wrap around."""
    return np.dtype(node.outputs[0].type.dtype).kind in "fc"


def _add(view: Any, node: Any, out: int, core: int) -> Reading:
    if not _conforming(node, core):
        return _filled_identity(node, core, 1)
    return [(i, core) for i in node.inputs], v.add


def _filled_identity(node: Any, core: int, sign: int) -> Reading:
    """An identity and one value that is added to all of its entries, as in I - 1/n."""
    if core != 2 or node.outputs[0].type.ndim != 2 or len(node.inputs) != 2:
        return None
    whole = [i for i in node.inputs if not all(i.type.broadcastable)]
    single = [i for i in node.inputs if all(i.type.broadcastable)]
    if len(whole) != 1 or not _whole(whole[0], node, 2) or not _is_identity(whole[0]):
        return None
    c = coefficient(single[0], node.outputs[0].type.dtype)
    if c is None or whole[0].type.dtype != node.outputs[0].type.dtype:
        return None
    signs = [1, sign] if whole[0] is node.inputs[0] else [sign, 1]

    def make(eye: Term, c: Term) -> Term:
        m, n, _ = shape(eye)
        filled = v.scale(v.item(c), v.matmul(v.ones(m), v.ones(n).T))
        return v.add(v.scale(signs[0], eye), v.scale(signs[1], filled))  # type: ignore[no-any-return]

    return [(whole[0], 2), c], make


def _is_identity(x: Any) -> bool:
    return x.owner is not None and type(x.owner.op) is Eye


def _sub(view: Any, node: Any, out: int, core: int) -> Reading:
    if not _conforming(node, core):
        return _filled_identity(node, core, -1)
    return [(i, core) for i in node.inputs], lambda a, b: v.add(a, v.scale(-1, b))


def _neg(view: Any, node: Any, out: int, core: int) -> Reading:
    if core == 0 and not _inexact(node):
        return None
    return [(node.inputs[0], core)], lambda a: v.scale(-1, a)


def _sqr(view: Any, node: Any, out: int, core: int) -> Reading:
    if not same_dtype(node) or (core == 0 and not _inexact(node)):
        return None
    return [(node.inputs[0], core)], lambda a: v.mul(a, a)


def _pow(view: Any, node: Any, out: int, core: int) -> Reading:
    x = node.inputs[0]
    if core == 0 and not _inexact(node):
        return None
    power = exponent(node)
    if power not in (1, 2):
        return None
    if x.type.dtype != node.outputs[0].type.dtype or not _whole(x, node, core):
        return None
    return [(x, core)], same if power == 1 else lambda a: v.mul(a, a)


def exponent(node: Any) -> float | None:
    """The number that a power has as its exponent; the gradient of a square has 2 - 1."""
    x = _broadcast(node.inputs[1])
    if x.owner is not None and type(getattr(x.owner.op, "scalar_op", None)) is ps.Sub:
        a, b = map(_number, x.owner.inputs)
        return None if a is None or b is None else a - b
    return _number(x)


def _number(x: Any) -> float | None:
    x = _broadcast(x)
    one = isinstance(x, Constant) and x.data.size == 1 and x.data.dtype.kind in "fiu"
    return float(x.data.item()) if one else None


def _true_div(view: Any, node: Any, out: int, core: int) -> Reading:
    x, y = node.inputs
    dtype = node.outputs[0].type.dtype
    if core and _is_one(x):
        own = y.type.dtype == dtype and _of_column(node, core) and _whole(y, node, core)
        return ([(y, core)], v.reciprocal) if own else None
    if core == 2 and not _is_coefficient(y, node) and x.type.dtype == y.type.dtype == dtype:
        # Rows or columns that are divided, as by the eigenvalues in (V / w) Vᵀ.
        sides = [_side(y, node), _side(x, node)]
        if sides[1] == "whole" and sides[0] in ("row", "column"):
            return _broadcast_product(0, [(y, core), (x, core)], sides, v.reciprocal)
        return None
    one = core == 0 and isinstance(x, Constant)
    if not (one or x.type.dtype == dtype) or not _is_coefficient(y, node):
        return None
    c = coefficient(y, dtype)
    if c is None or not _whole(x, node, core):
        return None
    if isinstance(c[0], Constant) and not np.all(c[0].data):
        return None
    return [(x, core), c], lambda t, c: v.scale(v.reciprocal(v.item(c)), t)


def _mul(view: Any, node: Any, out: int, core: int) -> Reading:
    dtype = node.outputs[0].type.dtype
    if core == 0 and node.outputs[0].type.ndim:
        return ([(i, 0) for i in node.inputs], v.mul) if same_dtype(node) else None
    if core == 0:
        found = [coefficient(i, dtype) for i in node.inputs]
        if None in found or np.dtype(dtype).kind not in "fc":
            return None
        return [c for c in found if c is not None], v.mul
    coefs = [i for i in node.inputs if _is_coefficient(i, node)]
    parts = [i for i in node.inputs if not _is_coefficient(i, node)]
    if not parts or any(p.type.dtype != dtype for p in parts):
        return None
    found = [coefficient(c, dtype) for c in coefs]
    if any(c is None for c in found):
        return None
    n = len(found)
    needs = [c for c in found if c is not None] + [(p, core) for p in parts]
    if all(_whole(p, node, core) for p in parts):
        return needs, lambda *ts: _scaled(ts[:n], v.mul(*ts[n:]) if len(ts) > n + 1 else ts[n])
    if core != 2:
        return None
    sides = [_side(p, node) for p in parts]
    return None if "z" in sides else _broadcast_product(n, needs, sides)


def _broadcast_product(
    n: int, needs: list[tuple[Any, int]], sides: list[str], side: Callable[[Any], Any] = same
) -> Reading:
    """Columns times rows are an outer product; those of a matrix scale its rows and columns."""
    if "whole" not in sides and {"column", "row"} - set(sides):
        return None

    def make(*ts: Term) -> Term:
        of: dict[str, list[Term]] = {"column": [], "row": [], "whole": []}
        for place, t in zip(sides, ts[n:], strict=True):
            of[place].append(t)
        column, row, whole = (v.mul(*own) if own else None for own in of.values())
        if whole is None:
            return _scaled(ts[:n], v.matmul(column, row))
        left = [] if column is None else [v.diag(side(column))]
        right = [] if row is None else [v.diag(side(row.T))]
        return _scaled(ts[:n], v.matmul(*left, whole, *right))

    return needs, make


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
        t = v.scale(v.item(c), t)
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


def coefficient(x: Any, dtype: str) -> tuple[Any, int] | None:
    """The variable behind a broadcast value and its core, or None.

    It is 0-d, or a vector or matrix of one entry, to be read as an `item`.

    Arithmetic on coefficients is done in their own dtype, so it must be that of what they scale.
    """
    if x.type.dtype != dtype and not _constant(x) and not _counts(x):
        return None
    while x.type.ndim and not isinstance(x, Constant):
        if x.owner is None or type(x.owner.op) is not DimShuffle:
            return (x, x.type.ndim) if x.type.ndim < 3 else None
        x = x.owner.inputs[0]
    return x, 0


def _constant(x: Any) -> bool:
    """Whether a constant is broadcast, whatever its dtype."""
    return isinstance(_broadcast(x), Constant)


def _counts(x: Any) -> bool:
    """Whether an integer is the length of something, of which no product wraps around."""
    inner = _broadcast(x)
    if inner.type.ndim or inner.type.dtype != "int64" or inner.owner is None:
        return False
    op, (first, *_) = inner.owner.op, inner.owner.inputs
    if type(op) is Subtensor:
        return first.owner is not None and type(first.owner.op) is Shape
    return type(op) is Shape_i


def _broadcast(x: Any) -> Any:
    """What is broadcast, or moved to other axes."""
    while x.owner is not None and type(x.owner.op) is DimShuffle:
        x = x.owner.inputs[0]
    return x


def _is_one(x: Any) -> bool:
    """Whether it is the number 1, broadcast or not."""
    one = all(x.type.broadcastable) and _constant(x)
    return one and _broadcast(x).data.item() == 1


def _log(view: Any, node: Any, out: int, core: int) -> Reading:
    """log(abs(x)); of a determinant, which is how a log-determinant is spelled at first."""
    inner = node.inputs[0].owner
    if inner is not None and type(core_op(inner)) is Det:
        matrix = _of_det(node)
        if core or matrix is None:
            return None
        return [(matrix, 2)], lambda a: v.logabsdet(a) if _definite(view, a) else None
    if inner is not None and core == 1 and type(inner.op) is ExtractDiag:
        return [(node.inputs[0], 1)], _log_of_cholesky
    if inner is None or type(getattr(inner.op, "scalar_op", None)) is not scalar_basic.Abs:
        return None
    x = inner.inputs[0]
    up = _broadcast(x).owner if _all_ones(x) else x.owner if core < 2 else None
    if up is not None and type(core_op(up)) is Det:
        (matrix,) = up.inputs
        if not same_dtype(up) or (matrix.type.ndim != 2 + (core == 1) and core):
            return None
        return [(matrix, 2)], partial(read_members, v.logabsdet) if core == 1 else v.logabsdet
    dtype = node.outputs[0].type.dtype
    return ([(x, core)], v.log_magnitude) if x.type.dtype == dtype else None


def _of_det(node: Any) -> Any:
    """The matrix of a determinant that a node is applied to, broadcast or not, or None."""
    det = _broadcast(node.inputs[0]).owner
    if det is None or type(core_op(det)) is not Det or not _all_ones(node.inputs[0]):
        return None
    return det.inputs[0] if same_dtype(det) and det.inputs[0].type.ndim == 2 else None


def _definite(view: Any, matrix: Term) -> bool:
    """Whether a matrix has a positive determinant, as far as is proved."""
    return bool(view.holds(matrix, "positive_definite"))


def _abs(view: Any, node: Any, out: int, core: int) -> Reading:
    """An absolute determinant, as it stands in the gradient of its logarithm: sgn|A| det(A)."""
    matrix = _of_det(node)
    if matrix is None or core == 1 or matrix.type.dtype.startswith("complex"):
        return None

    def make(a: Term) -> Term:
        det: Term = v.det(a)
        return det if _definite(view, a) else v.mul(v.det_sign(a), det)

    return [(matrix, 2)], make


def _sign(view: Any, node: Any, out: int, core: int) -> Reading:
    """The sign of a determinant, which may have been given axes."""
    matrix = _of_det(node)
    return None if matrix is None or core == 1 else ([(matrix, 2)], v.det_sign)


def _log_of_cholesky(t: Term) -> Term | None:
    """The logarithm of the diagonal of a Cholesky factor, which is positive."""
    factor = t.head is v.diagonal and t.args[0].head is v.cholesky
    return v.log_magnitude(t) if factor else None


def _second(view: Any, node: Any, out: int, core: int) -> Reading:
    """A value broadcast to the shape of another, which says nothing but that shape."""
    like, value = node.inputs
    if value.type.dtype != node.outputs[0].type.dtype or node.outputs[0].type.ndim != core:
        return None
    if core and _whole(value, node, core):
        return [(value, core)], same
    repeated = [
        axis
        for axis in range(-core, 0)
        if value.type.ndim < -axis or value.type.broadcastable[axis]
        if not node.outputs[0].type.broadcastable[axis]
    ]
    if not core or like.type.ndim < core or any(like.type.broadcastable[a] for a in repeated):
        return None
    return _filled(value, core, node, lambda: view.shape_of(like, core))


def alloc(view: Any, node: Any, out: int, core: int) -> Reading:
    """One value, a row or a column, repeated to given lengths."""
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
        c = coefficient(value, node.outputs[0].type.dtype)
        if c is None:
            return None

        def make(c: Term) -> Term:
            m, n = shape_of()
            if core == 2 and isinstance(c, Number) and not c.value:
                return v.zeros(m, n)  # type: ignore[no-any-return]
            whole = v.ones(m) if n == ONE else v.matmul(v.ones(m), v.ones(n).T)
            return v.scale(v.item(c), whole)  # type: ignore[no-any-return]

        return [c], make
    if core != 2 or value.type.ndim != 2:
        return None
    if value.type.broadcastable == (True, False):
        return [(value, 2)], lambda t: v.matmul(v.ones(shape_of()[0]), t)
    if value.type.broadcastable == (False, True):
        return [(value, 2)], lambda t: v.matmul(t, v.ones(shape_of()[1]).T)
    return None


def _reciprocal(view: Any, node: Any, out: int, core: int) -> Reading:
    own = same_dtype(node) and (core == 0 or _of_column(node, core))
    return ([(node.inputs[0], core)], v.reciprocal) if own else None


def _of_column(node: Any, core: int) -> bool:
    """Whether the output is a vector or a column, as the entries of a diagonal are."""
    out = node.outputs[0].type
    column = core == 2 and out.broadcastable[-1]
    return not all(out.broadcastable) and (out.ndim == 1 or bool(column))


def _real(view: Any, node: Any, out: int, core: int) -> Reading:
    """The real part, of what is real."""
    return ([(node.inputs[0], core)], same) if same_dtype(node) else None


def _identity(view: Any, node: Any, out: int, core: int) -> Reading:
    return [(node.inputs[0], core)], same


SCALAR_READERS: dict[type, Reader] = {
    ps.Add: _add,
    ps.Sub: _sub,
    ps.Neg: _neg,
    ps.Mul: _mul,
    ps.TrueDiv: _true_div,
    scalar_basic.Sqr: _sqr,
    scalar_basic.Pow: _pow,
    scalar_basic.Log: _log,
    scalar_basic.Abs: _abs,
    scalar_basic.Sign: _sign,
    scalar_basic.Reciprocal: _reciprocal,
    ps.Second: _second,
    scalar_basic.Identity: _identity,
    scalar_basic.Real: _real,
}
