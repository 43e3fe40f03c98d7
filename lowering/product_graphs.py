"""The graphs of products: of each kernel that `lowering.products` chooses, what is built of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from pytensor.tensor import linalg
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.elemwise import DimShuffle
from pytensor.tensor.linalg.solvers.general import Solve

from lowering.blas import Gtmm, Syrk, Trmm
from lowering.blas.kernel import Kernel
from lowering.steps import Step
from matchers import vocabulary as v
from matchers.blocks import column_of, row_of
from matchers.terms import Term, shape

if TYPE_CHECKING:
    from lowering.build import Builder


def product_graph(builder: Builder, term: Term, step: Step, values: list[Any]) -> Any:
    """The value of a product, of the values of what its step needs."""
    return _GRAPHS[step.kernel](builder, term, step, *values)


# --- ones, columns of the identity, diagonals -----------------------------------------------------


def _sum(builder: Builder, term: Term, step: Step, x: Any) -> Any:
    axis = -2 if step.side == "left" else -1
    return pt.expand_dims(_summed(x, axis), axis)


def _repeated(builder: Builder, term: Term, step: Step, x: Any) -> Any:
    x = transposed(_column(transposed(x))) if step.side == "left" else _column(x)
    batch = tuple(x.shape[i] for i in range(x.type.ndim - 2))
    return pt.alloc(x, *batch, *map(builder.length, shape(term)[:2]))


def _view(builder: Builder, term: Term, step: Step, a: Any, *index: Any) -> Any:
    """A row or a column, or the product of which this is the transpose."""
    if not step.side:
        return transposed(a)
    return row_of(a, *index) if step.side == "left" else column_of(a, *index)


def _scaled(builder: Builder, term: Term, step: Step, a: Any, b: Any) -> Any:
    d = _column(a) if step.side == "left" else transposed(_column(a))
    return b / d if step.matrix is not None else d * b if step.side == "left" else b * d


# --- two matrices as they are ---------------------------------------------------------------------


def _multiplied(builder: Builder, term: Term, step: Step, a: Any, b: Any) -> Any:
    return pt.dot(a, b) if a.type.ndim == b.type.ndim == 2 else pt.matmul(a, b)


def _gram(builder: Builder, term: Term, step: Step, x: Any) -> Any:
    return blas(Syrk(), x)


def _triangular(builder: Builder, term: Term, step: Step, a: Any, b: Any) -> Any:
    lower = builder.promised(step.needs[0], "lower_triangular")
    if step.side == "left":
        return blas(Trmm(lower), a, b)
    return transposed(blas(Trmm(not lower), transposed(a), transposed(b)))


def _tridiagonal(builder: Builder, term: Term, step: Step, a: Any, b: Any) -> Any:
    if step.side == "left":
        return blas(Gtmm(), a, b)
    return transposed(blas(Gtmm(), transposed(a), transposed(b)))


def blas(op: Kernel, *matrices: Any) -> Any:
    """A kernel of Kantor's, for each member of a batch."""
    batched = any([x.type.ndim != 2 for x in matrices])
    return (Blockwise(op) if batched else op)(*matrices)


def _number(builder: Builder, term: Term, step: Step, a: Any, b: Any) -> Any:
    of = _multiplied if step.matrix is None else _solved
    return of(builder, term, step, a, b)


# --- solves ---------------------------------------------------------------------------------------


def _solved(builder: Builder, term: Term, step: Step, a: Any, b: Any) -> Any:
    if step.side == "left":
        return _from_left(builder, step, a, b)
    return transposed(_from_left(builder, step, transposed(a), transposed(b), flipped=True))


def _from_left(builder: Builder, step: Step, a: Any, b: Any, flipped: bool = False) -> Any:
    assert step.matrix is not None
    if step.kernel != "solve_triangular" and all(a.type.broadcastable[-2:]):
        return b / a  # of one entry, as rank one leaves it
    if step.kernel == "solve_triangular":
        lower, unit = builder.promised(step.matrix, "lower_triangular"), False
        if step.matrix.head is v.triangle:
            _, lower, unit = step.matrix.args
        return linalg.solve_triangular(a, b, lower=lower != flipped, unit_diagonal=unit, b_ndim=2)
    lower = builder.promised(step.matrix, "stored_lower") != flipped
    return _blockwise(_solving(_assumed(builder, step), lower), a, b)


def _with_factor(builder: Builder, term: Term, step: Step, factor: Any, b: Any) -> Any:
    """A solve by the Cholesky factor of a symmetric matrix."""
    if step.side == "left":
        return linalg.cho_solve((factor, True), b, b_ndim=2)
    return transposed(linalg.cho_solve((factor, True), transposed(b), b_ndim=2))


def _assumed(builder: Builder, step: Step) -> str:
    """What the solver may take for granted, and so which entries it reads."""
    if step.kernel == "solve_positive":
        return "pos"
    for key, name in (("symmetric", "sym"), ("hermitian", "her")):
        if step.matrix is not None and builder.promised(step.matrix, key):
            return name
    return "gen"


@lru_cache
def _solving(assume_a: str, lower: bool) -> Blockwise:
    """What ``linalg.solve`` applies."""
    return Blockwise(Solve(assume_a=assume_a, lower=lower, b_ndim=2))


def _blockwise(op: Blockwise, *matrices: Any) -> Any:
    """``op(*matrices)``; without batch axes the node has the type of its core, and costs half."""
    if any([x.type.ndim != 2 for x in matrices]):
        return op(*matrices)
    core = op.core_op.make_node(*matrices)
    return Apply(op, list(matrices), [core.outputs[0].type()]).outputs[0]


_GRAPHS: dict[str, Callable[..., Any]] = {
    "sum": _sum,
    "repeat": _repeated,
    "view": _view,
    "elementwise": _scaled,
    "scalar": _number,
    "product": _multiplied,
    "permutation": _multiplied,
    "gram": _gram,
    "triangular": _triangular,
    "tridiagonal": _tridiagonal,
    "solve": _solved,
    "solve_positive": _solved,
    "solve_triangular": _solved,
    "solve_again": _with_factor,
}


# --- axes -----------------------------------------------------------------------------------------


def transposed(x: Any) -> Any:
    """The transpose over the last two axes; of a transpose, what was transposed."""
    node = x.owner
    if node is not None and type(node.op) is DimShuffle and node.op.is_matrix_transpose:
        return node.inputs[0]
    return _MATRIX_TRANSPOSE(x) if x.type.ndim == 2 else x.mT


_MATRIX_TRANSPOSE = DimShuffle(input_ndim=2, new_order=(1, 0))


def _column(x: Any) -> Any:
    """`x` with a last axis that the type knows to be of length 1."""
    return x if x.type.broadcastable[-1] else pt.expand_dims(x[..., 0], -1)


def _summed(x: Any, axis: int) -> Any:
    """The sum over one of the last two axes; of a transpose, that over the other of what it is."""
    inner = transposed(x)
    if inner.owner is not x.owner and x.owner is not None and x.owner.inputs[0] is inner:
        return inner.sum(axis=-3 - axis)
    return x.sum(axis=axis)
