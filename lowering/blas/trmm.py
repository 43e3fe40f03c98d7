"""The product of a triangular matrix with another, at half the operations of any other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from scipy.linalg import blas

from lowering.blas.kernel import Kernel

_TRMM = {"f": blas.strmm, "d": blas.dtrmm}


class Trmm(Kernel):
    """L B; of L one triangle is read, without its diagonal where that is said to be of ones.

    What is not finite in B spreads as in the product with a matrix of zeros above: 0 ∞ is NaN.
    """

    __props__ = ("lower", "unit_diagonal")
    gufunc_signature = "(m,m),(m,k)->(m,k)"

    def __init__(self, lower: bool, unit_diagonal: bool = False) -> None:
        self.lower = lower
        self.unit_diagonal = unit_diagonal

    def make_node(self, *inputs: Any) -> Apply[Any]:
        a, b = self.matrices(inputs)
        m = self.same(*a.type.shape, b.type.shape[0])
        return Apply(self, [a, b], [pt.tensor(dtype=b.type.dtype, shape=(m, b.type.shape[1]))])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        a, b = inputs
        if not a.shape[0] == a.shape[1] == b.shape[0]:
            raise ValueError(f"Trmm: matrices of {a.shape} and of {b.shape} do not conform")
        if not b.size:
            outputs[0][0] = np.zeros(b.shape, b.dtype)
        elif np.isfinite(b).all():
            outputs[0][0] = self._product(a, b)
        else:
            outputs[0][0] = np.dot(self._whole(a), b)

    def _product(self, a: Any, b: Any) -> Any:
        """By columns, or as (Bᵀ Lᵀ)ᵀ where B lies in rows; rows of L are columns of Lᵀ."""
        rows, turned = a.flags.c_contiguous, b.flags.c_contiguous
        options = {"lower": self.lower != rows, "diag": self.unit_diagonal}
        a = a.T if rows else a
        trmm = _TRMM[b.dtype.char]
        if turned:
            return trmm(1.0, a, b.T, side=1, trans_a=not rows, **options).T
        return trmm(1.0, a, b, trans_a=rows, **options)

    def _whole(self, a: Any) -> Any:
        part = np.tril(a, -self.unit_diagonal) if self.lower else np.triu(a, self.unit_diagonal)
        return part + np.eye(len(a), dtype=a.dtype) if self.unit_diagonal else part

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        return [shapes[1]]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """The triangle of G Bᵀ, and Lᵀ G."""
        (a, b), (g,) = inputs, cotangents
        whole, off = pt.dot(g, b.T), int(self.unit_diagonal)
        triangle = pt.tril(whole, -off) if self.lower else pt.triu(whole, off)
        return [triangle, Trmm(not self.lower, self.unit_diagonal)(a.T, g)]


def trmm(a: Any, b: Any, lower: bool = True, unit_diagonal: bool = False) -> Any:
    """The product of a triangle of `a` with `b`."""
    return Trmm(lower, unit_diagonal)(a, b)
