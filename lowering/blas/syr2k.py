"""The sum of a product of two matrices and its transpose, for which one triangle is computed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from scipy.linalg import blas

from lowering.blas.kernel import Kernel
from lowering.blas.triangles import mirrored

_SYR2K = {"f": blas.ssyr2k, "d": blas.dsyr2k}


class Syr2k(Kernel):
    """A Bᵀ + B Aᵀ, exactly symmetric."""

    __props__ = ()
    gufunc_signature = "(m,k),(m,k)->(m,m)"

    def make_node(self, *inputs: Any) -> Apply[Any]:
        a, b = self.matrices(inputs)
        m, _ = (self.same(*n) for n in zip(a.type.shape, b.type.shape, strict=True))
        return Apply(self, [a, b], [pt.tensor(dtype=a.type.dtype, shape=(m, m))])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        a, b = inputs
        if a.shape != b.shape:
            raise ValueError(f"Syr2k: matrices of {a.shape} and of {b.shape} do not conform")
        m, k = a.shape
        if not (m and k):
            outputs[0][0] = np.zeros((m, m), a.dtype)
            return
        # One flag says for both whether they lie in rows; the other is copied where they differ.
        rows = a.flags.c_contiguous
        a, b = (a.T, b.T) if rows else (a, b)
        c = np.empty((m, m), a.dtype, order="F")
        multiply = _SYR2K[a.dtype.char]
        outputs[0][0] = mirrored(multiply(1.0, a, b, 0.0, c, rows, lower=1, overwrite_c=1)).T

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        m = shapes[0][0]
        return [(m, m)]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """(G + Gᵀ) B and (G + Gᵀ) A."""
        (a, b), (g,) = inputs, cotangents
        both = g + g.T
        return [pt.dot(both, b), pt.dot(both, a)]


syr2k: Any = Syr2k()
