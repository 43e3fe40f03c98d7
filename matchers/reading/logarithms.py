"""Readers of logarithms, absolute values and signs, which spell log-determinants."""

from __future__ import annotations

from functools import partial
from typing import Any

from pytensor.scalar import basic as scalar_basic
from pytensor.tensor.basic import ExtractDiag
from pytensor.tensor.linalg.decomposition.eigen import Eigh, Eigvalsh
from pytensor.tensor.linalg.summary import Det

from matchers import vocabulary as v
from matchers.members import read_members
from matchers.reading.common import Reading, core_op, same_dtype
from matchers.reading.single import all_ones, unbroadcast
from matchers.terms import Term


def logarithm(view: Any, node: Any, out: int, core: int) -> Reading:
    """log(abs(x)); of a determinant, which is how a log-determinant is spelled at first."""
    inner = node.inputs[0].owner
    if inner is not None and type(core_op(inner)) is Det:
        matrix = _of_det(node)
        if core or matrix is None:
            return None
        return [(matrix, 2)], lambda a: v.logabsdet(a) if _definite(view, a) else None
    if inner is not None and core == 1 and type(inner.op) is ExtractDiag:
        return [(node.inputs[0], 1)], _log_of_cholesky
    if inner is not None and core == 1 and type(core_op(inner)) in (Eigh, Eigvalsh):
        return [(node.inputs[0], 1)], partial(_log_of_eigenvalues, view)
    if inner is None or type(getattr(inner.op, "scalar_op", None)) is not scalar_basic.Abs:
        return None
    x = inner.inputs[0]
    up = unbroadcast(x).owner if all_ones(x) else x.owner if core < 2 else None
    if up is not None and type(core_op(up)) is Det:
        (matrix,) = up.inputs
        if not same_dtype(up) or (matrix.type.ndim != 2 + (core == 1) and core):
            return None
        return [(matrix, 2)], partial(read_members, v.logabsdet) if core == 1 else v.logabsdet
    dtype = node.outputs[0].type.dtype
    return ([(x, core)], v.log_magnitude) if x.type.dtype == dtype else None


def _of_det(node: Any) -> Any:
    """The matrix of a determinant that a node is applied to, broadcast or not, or None."""
    det = unbroadcast(node.inputs[0]).owner
    if det is None or type(core_op(det)) is not Det or not all_ones(node.inputs[0]):
        return None
    return det.inputs[0] if same_dtype(det) and det.inputs[0].type.ndim == 2 else None


def _definite(view: Any, matrix: Term) -> bool:
    """Whether a matrix has a positive determinant, as far as is proved."""
    return bool(view.holds(matrix, "positive_definite"))


def absolute(view: Any, node: Any, out: int, core: int) -> Reading:
    """An absolute determinant, as it stands in the gradient of its logarithm: sgn|A| det(A)."""
    matrix = _of_det(node)
    if matrix is None or core == 1 or matrix.type.dtype.startswith("complex"):
        return None

    def make(a: Term) -> Term:
        det: Term = v.det(a)
        return det if _definite(view, a) else v.mul(v.det_sign(a), det)

    return [(matrix, 2)], make


def sign_of(view: Any, node: Any, out: int, core: int) -> Reading:
    """The sign of a determinant, which may have been given axes."""
    matrix = _of_det(node)
    return None if matrix is None or core == 1 else ([(matrix, 2)], v.det_sign)


def _log_of_cholesky(t: Term) -> Term | None:
    """The logarithm of the diagonal of a Cholesky factor, which is positive."""
    factor = t.head is v.diagonal and t.args[0].head is v.cholesky
    return v.log_magnitude(t) if factor else None


def _log_of_eigenvalues(view: Any, t: Term) -> Term | None:
    """The logarithms of the eigenvalues of a definite matrix, which are positive."""
    values = t.head in v.FACTORS and t.args[0].head in (v.eigh, v.eigvalsh)
    return v.log_magnitude(t) if values and _definite(view, t.args[0].args[0]) else None
