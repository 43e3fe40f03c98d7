"""The product of a tridiagonal matrix with another, at three operations where there are n."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply

from lowering.blas.kernel import Kernel


class Gtmm(Kernel):
    """T B; of T, which need not be square, the diagonal and those beside it are read.

    What is not finite in B spreads as in the product with a matrix of zeros: 0 ∞ is NaN.
    """

    __props__ = ()
    gufunc_signature = "(m,n),(n,k)->(m,k)"

    def make_node(self, *inputs: Any) -> Apply[Any]:
        a, b = self.matrices(inputs)
        self.same(a.type.shape[1], b.type.shape[0])
        shape = a.type.shape[0], b.type.shape[1]
        return Apply(self, [a, b], [pt.tensor(dtype=b.type.dtype, shape=shape)])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        a, b = inputs
        if a.shape[1] != b.shape[0]:
            raise ValueError(f"Gtmm: matrices of {a.shape} and of {b.shape} do not conform")
        if not np.isfinite(b).all():
            outputs[0][0] = np.dot(np.tril(np.triu(a, -1), 1), b)
            return
        out = outputs[0][0] = np.zeros((a.shape[0], b.shape[1]), b.dtype)
        if not a.size:
            return
        for offset in (0, 1, -1):
            entries = a.diagonal(offset)
            n, up, down = len(entries), max(offset, 0), max(-offset, 0)
            out[down : n + down] += entries[:, None] * b[up : n + up]

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        return [(shapes[0][0], shapes[1][1])]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """The three diagonals of G Bᵀ, and Tᵀ G."""
        (a, b), (g,) = inputs, cotangents
        return [pt.tril(pt.triu(pt.dot(g, b.T), -1), 1), Gtmm()(a.T, g)]


gtmm: Any = Gtmm()
