"""Products and quotients with circulant matrices, by the fast Fourier transform.

A circulant matrix is C = F⁻¹ diag(F c) F with the discrete Fourier transform F, so that a product
takes n log n operations and C is never made. The pullbacks are made of the same Ops.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from scipy import fft


class _Circular(Op):
    """An Op on columns that are periodic; its core is in one dimension less than a batch."""

    __props__ = ()

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        return [shapes[1]]


def mirrored(c: Any) -> Any:
    """The first column of the transpose."""
    return pt.concatenate([c[:1], c[:0:-1]])


class CirculantDot(_Circular):
    """The product of the circulant matrix of a column with some columns."""

    gufunc_signature = "(n),(n,k)->(n,k)"

    def make_node(self, *inputs: Any) -> Apply[Any]:
        c, x = map(pt.as_tensor, inputs)
        return Apply(self, [c, x], [x.type()])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        c, x = inputs
        n = _same_length(c, x)
        if not n:
            outputs[0][0] = x.copy()
            return
        spectrum = fft.rfft(c)[:, None] * fft.rfft(x, axis=0)
        outputs[0][0] = fft.irfft(spectrum, n, axis=0).astype(x.dtype, copy=False)

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        c, x = inputs
        (g,) = cotangents
        return [correlation(g, x), circulant_dot(mirrored(c), g)]


class CirculantSolve(_Circular):
    """The solution of a system with the circulant matrix of a column."""

    gufunc_signature = "(n),(n,k)->(n,k)"

    def make_node(self, *inputs: Any) -> Apply[Any]:
        c, b = map(pt.as_tensor, inputs)
        return Apply(self, [c, b], [b.type()])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        c, b = inputs
        n = _same_length(c, b)
        if not n:
            outputs[0][0] = b.copy()
            return
        with np.errstate(divide="ignore", invalid="ignore"):
            spectrum = fft.rfft(b, axis=0) / fft.rfft(c)[:, None]
        outputs[0][0] = fft.irfft(spectrum, n, axis=0).astype(b.dtype, copy=False)

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        c, _ = inputs
        (x,), (g,) = outputs, cotangents
        w = circulant_solve(mirrored(c), g)
        return [-correlation(w, x), w]


class Correlation(_Circular):
    """Of columns G and X the sums of Gᵢ₊ₖ Xᵢ over i and all columns, counted round."""

    gufunc_signature = "(n,k),(n,k)->(n)"

    def make_node(self, *inputs: Any) -> Apply[Any]:
        g, x = map(pt.as_tensor, inputs)
        return Apply(self, [g, x], [pt.tensor(dtype=x.type.dtype, shape=x.type.shape[:1])])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        g, x = inputs
        n = _same_length(g, x)
        if not n:
            outputs[0][0] = np.zeros(0, x.dtype)
            return
        spectrum = (fft.rfft(g, axis=0) * fft.rfft(x, axis=0).conj()).sum(axis=1)
        outputs[0][0] = fft.irfft(spectrum, n).astype(x.dtype, copy=False)

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        return [(shapes[0][0],)]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        g, x = inputs
        (u,) = cotangents
        return [circulant_dot(u, x), circulant_dot(mirrored(u), g)]


def _same_length(a: Any, b: Any) -> int:
    if a.shape[0] != b.shape[0]:
        raise ValueError(f"columns of {a.shape[0]} and of {b.shape[0]} entries do not conform")
    return int(a.shape[0])


class ToeplitzDot(Op):
    """The product of the Toeplitz matrix of a column and a row, or its transpose, with columns.

    The matrix is a block of the circulant matrix of the row mirrored and the column below it.
    """

    __props__ = ("transposed",)

    def __init__(self, transposed: bool) -> None:
        self.transposed = transposed
        self.gufunc_signature = "(m),(n),(m,k)->(n,k)" if transposed else "(m),(n),(n,k)->(m,k)"

    def make_node(self, *inputs: Any) -> Apply[Any]:
        c, r, x = map(pt.as_tensor, inputs)
        rows = (r if self.transposed else c).type.shape[0]
        out = pt.tensor(dtype=x.type.dtype, shape=(rows, x.type.shape[1]))
        return Apply(self, [c, r, x], [out])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        c, r, x = inputs
        m, n = (r, c) if self.transposed else (c, r)
        _same_length(n, x)
        around = np.concatenate([r[:1], r[:0:-1], c]) if r.size else c
        if not (c.size and r.size):
            outputs[0][0] = np.zeros((m.size, x.shape[1]), x.dtype)
            return
        column = fft.rfft(around)[:, None]
        # Mirrored, a real column has the conjugate transform.
        spectrum = (column.conj() if self.transposed else column) * fft.rfft(x, around.size, axis=0)
        whole = fft.irfft(spectrum, around.size, axis=0)[n.size :]
        outputs[0][0] = np.ascontiguousarray(whole, dtype=x.dtype)

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        return [(shapes[1 if self.transposed else 0][0], shapes[2][1])]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """Along each diagonal, the sum of G Xᵀ; below as many zeros nothing is counted round."""
        c, r, x = inputs
        (g,) = cotangents
        left, right = (x, g) if self.transposed else (g, x)
        along = correlation(
            pt.concatenate([pt.zeros_like(right), left]),
            pt.concatenate([right, pt.zeros_like(left)]),
        )
        n = r.shape[0]
        above = pt.concatenate([pt.zeros_like(r[:1]), along[1:n][::-1]])
        other: Any = ToeplitzDot(not self.transposed)
        return [along[n:], above, other(c, r, g)]


class CirculantDet(Op):
    """The determinant of the circulant matrix of a column, or the logarithm of its magnitude."""

    __props__ = ("log",)
    gufunc_signature = "(n)->()"

    def __init__(self, log: bool) -> None:
        self.log = log

    def make_node(self, *inputs: Any) -> Apply[Any]:
        (c,) = map(pt.as_tensor, inputs)
        return Apply(self, [c], [pt.tensor(dtype=c.type.dtype, shape=())])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        (c,) = inputs
        eigenvalues = fft.rfft(c) if c.size else np.ones(1)
        # All but the first, and the last of an even number, stand for two that are conjugate.
        times = np.full(eigenvalues.size, 2)
        times[0] = 1
        if c.size and not c.size % 2:
            times[-1] = 1
        size = abs(eigenvalues)
        if self.log:
            with np.errstate(divide="ignore"):
                found = (times * np.log(size)).sum()
        else:
            single = times == 1
            found = eigenvalues.real[single].prod() * (size[~single] ** 2).prod()
        outputs[0][0] = np.asarray(found, dtype=c.dtype)

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        return [()]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """The first column of C⁻ᵀ, as often as there are rows."""
        (c,), (g,) = inputs, cotangents
        one = pt.eye(c.shape[0], 1, dtype=c.type.dtype)
        inverse = circulant_solve(mirrored(c), one)[:, 0]
        times = g if self.log else g * outputs[0]
        return [times * c.shape[0].astype(c.type.dtype) * inverse]


circulant_dot: Any = CirculantDot()
circulant_solve: Any = CirculantSolve()
correlation: Any = Correlation()
circulant_det: Any = CirculantDet(log=False)
circulant_logabsdet: Any = CirculantDet(log=True)
toeplitz_dot: Any = ToeplitzDot(transposed=False)
transposed_toeplitz_dot: Any = ToeplitzDot(transposed=True)
