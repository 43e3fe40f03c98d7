"""The inverse of a matrix whose Cholesky factor is known, in 2n³/3 operations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from pytensor.tensor.linalg import solve_triangular
from scipy.linalg import lapack

from lowering.blas.kernel import Kernel
from lowering.blas.triangles import mirrored

_POTRI = {"f": lapack.spotri, "d": lapack.dpotri}


class Potri(Kernel):
    """(L Lᵀ)⁻¹ of a lower triangular L, (Uᵀ U)⁻¹ of an upper one; exactly symmetric.

    Only that triangle is read. Where it has a 0 on its diagonal, there is no inverse, but NaN.
    """

    __props__ = ("lower",)
    gufunc_signature = "(m,m)->(m,m)"

    def __init__(self, lower: bool = True) -> None:
        self.lower = lower

    def make_node(self, *inputs: Any) -> Apply[Any]:
        (factor,) = self.matrices(inputs)
        m = self.same(*factor.type.shape)
        return Apply(self, [factor], [pt.tensor(dtype=factor.type.dtype, shape=(m, m))])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        (factor,) = inputs
        if factor.shape[0] != factor.shape[1]:
            raise ValueError(f"Potri: a matrix of {factor.shape} is not square")
        if not factor.size:
            outputs[0][0] = np.zeros(factor.shape, factor.dtype)
            return
        # To LAPACK, which reads columns, what lies in rows is the other factor of the same matrix.
        rows = factor.flags.c_contiguous
        lower = self.lower != rows
        half, info = _POTRI[factor.dtype.char](factor.T if rows else factor, lower=lower)
        if info:
            half[:] = np.nan
        outputs[0][0] = mirrored(half).T if lower else mirrored(half.T)

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        return [shapes[0]]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """The triangle of -S⁻¹ (G + Gᵀ) L⁻ᵀ."""
        (factor,), (inverse,), (g,) = inputs, outputs, cotangents
        inner = pt.dot(g + g.T, inverse)
        if self.lower:
            return [-pt.tril(solve_triangular(factor, inner, lower=True).T)]
        return [-pt.triu(solve_triangular(factor, inner, trans=True, lower=False))]


def potri(factor: Any, lower: bool = True) -> Any:
    """The inverse of the matrix that `factor` is a Cholesky factor of."""
    return Potri(lower)(factor)
