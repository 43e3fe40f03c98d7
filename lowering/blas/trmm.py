"""The product of a triangle or trapezoid with a matrix, without the operations with its zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from scipy.linalg import blas

from lowering.blas.kernel import Kernel

_TRMM = {"f": blas.strmm, "d": blas.dtrmm}


class Trmm(Kernel):
    """L B; of L what is not above its diagonal is read, or what is not below it.

    The diagonal itself is not read where it is said to be of ones. L need not be square: what is
    left beside or below its triangle is full, or all zeros. What is not finite in B spreads as in
    the product with a matrix that has these zeros: 0 ∞ is NaN.
    """

    __props__ = ("lower", "unit_diagonal")
    gufunc_signature = "(m,n),(n,k)->(m,k)"

    def __init__(self, lower: bool, unit_diagonal: bool = False) -> None:
        self.lower = lower
        self.unit_diagonal = unit_diagonal

    def make_node(self, *inputs: Any) -> Apply[Any]:
        a, b = self.matrices(inputs)
        self.same(a.type.shape[1], b.type.shape[0])
        shape = a.type.shape[0], b.type.shape[1]
        return Apply(self, [a, b], [pt.tensor(dtype=b.type.dtype, shape=shape)])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        a, b = inputs
        if a.shape[1] != b.shape[0]:
            raise ValueError(f"Trmm: matrices of {a.shape} and of {b.shape} do not conform")
        if not (a.size and b.size):
            outputs[0][0] = np.zeros((a.shape[0], b.shape[1]), b.dtype)
        elif np.isfinite(b).all():
            outputs[0][0] = self._product(a, b)
        else:
            outputs[0][0] = np.dot(self._whole(a), b)

    def _product(self, a: Any, b: Any) -> Any:
        """The triangle by itself, and by a general product what is full beside or below it."""
        m, n = a.shape
        if m == n:
            return self._of_triangle(a, b)
        q = min(m, n)
        top = self._of_triangle(np.ascontiguousarray(a[:q, :q]), b[:q])
        if m < n:
            return top if self.lower else np.add(top, np.dot(a[:, q:], b[q:]), out=top)
        out = np.empty((m, b.shape[1]), b.dtype)
        out[:q] = top
        if self.lower:
            np.dot(a[q:], b, out=out[q:])
        else:
            out[q:] = 0
        return out

    def _of_triangle(self, a: Any, b: Any) -> Any:
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
        return part + np.eye(*a.shape, dtype=a.dtype) if self.unit_diagonal else part

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        return [(shapes[0][0], shapes[1][1])]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """The triangle or trapezoid of G Bᵀ, and Lᵀ G."""
        (a, b), (g,) = inputs, cotangents
        whole, off = pt.dot(g, b.T), int(self.unit_diagonal)
        triangle = pt.tril(whole, -off) if self.lower else pt.triu(whole, off)
        return [triangle, Trmm(not self.lower, self.unit_diagonal)(a.T, g)]


def trmm(a: Any, b: Any, lower: bool = True, unit_diagonal: bool = False) -> Any:
    """The product of a triangle or trapezoid of `a` with `b`."""
    return Trmm(lower, unit_diagonal)(a, b)
