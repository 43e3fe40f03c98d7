"""The product of a matrix with its own transpose, at half the operations of any other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from scipy.linalg import blas

from lowering.blas.kernel import Kernel
from lowering.blas.triangles import mirrored

# With fewer columns half the product takes longer to be copied than the other half to be computed.
THIN = 30
_SYRK = {"f": blas.ssyrk, "d": blas.dsyrk}


class Syrk(Kernel):
    """X Xᵀ; Xᵀ X is that of X.T, which is not copied.

    It is exactly symmetric, but where X has few columns: then it is the general product.
    """

    __props__ = ()
    gufunc_signature = "(m,k)->(m,m)"

    def make_node(self, *inputs: Any) -> Apply[Any]:
        (x,) = self.matrices(inputs)
        m = x.type.shape[0]
        return Apply(self, [x], [pt.tensor(dtype=x.type.dtype, shape=(m, m))])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        (x,) = inputs
        outputs[0][0] = _gram(x)

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        m = shapes[0][0]
        return [(m, m)]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """(G + Gᵀ) X."""
        (x,), (g,) = inputs, cotangents
        return [pt.dot(g + g.T, x)]


def _gram(x: Any) -> Any:
    m, k = x.shape
    if not (m and k):
        return np.zeros((m, m), x.dtype)
    if k < THIN:
        return np.dot(x, x.T)
    # BLAS reads columns: what lies in rows is the transpose to it.
    rows = x.flags.c_contiguous
    c = np.empty((m, m), x.dtype, order="F")
    multiply = _SYRK[x.dtype.char]
    return mirrored(multiply(1.0, x.T if rows else x, 0.0, c, rows, lower=1, overwrite_c=1)).T


syrk: Any = Syrk()
