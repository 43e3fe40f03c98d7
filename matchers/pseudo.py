"""The pseudoinverse, and the factors of a thin QR factorization that give it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType
from pytensor.tensor import linalg
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.linalg.decomposition.qr import QR

from matchers.algebra import TRANSPOSED, Shape
from matchers.heads import Head
from matchers.terms import shape


def _flipped(x: Any) -> Shape:
    rows, cols, batch = shape(x)
    return cols, rows, batch


def _square(x: Any) -> Shape:
    _, cols, batch = shape(x)
    return cols, cols, batch


class ThinQR(QR):
    """PyTensor's QR of a tall matrix, also where it is empty, and with a gradient.

    That of PyTensor 3.3.7 raises a TypeError where shapes are unknown. See Liao, Liu, Wang & Xiang
    2019, Differentiable Programming Tensor Networks.
    """

    __props__ = ()  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__(mode="economic")

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        """Of an empty matrix LAPACK makes nothing."""
        (x,) = inputs
        if x.size:
            super().perform(node, inputs, outputs)  # type: ignore[no-untyped-call]
        else:
            k = min(x.shape)
            outputs[0][0] = np.zeros((x.shape[0], k), x.dtype)
            outputs[1][0] = np.zeros((k, x.shape[1]), x.dtype)

    def inplace_on_inputs(self, allowed_inplace_inputs: list[int]) -> Any:
        """The input is kept."""
        return self

    def pullback(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        """(dQ + Q S) R⁻ᵀ, S the symmetric matrix with the lower triangle of R dRᵀ - dQᵀ Q."""
        q, r = outputs
        dq, dr = (
            x.zeros_like() if isinstance(g.type, DisconnectedType) else g
            for x, g in zip(outputs, output_grads, strict=True)
        )
        lower = pt.tril(r @ dr.T - dq.T @ q)
        both = lower + pt.tril(lower, -1).T
        return [linalg.solve_triangular(r, (dq + q @ both).T).T]


_QR = Blockwise(ThinQR())
pinv = Head("pinv", linalg.pinv, _flipped, template="{0}⁺")
TRANSPOSED[pinv] = pinv
# Of a matrix with at least as many rows as columns; the factors share the work. Right sides only.
thin_qr = Head("thin_qr", _QR, shape, template="{0}")
thin_q = Head("thin_q", lambda f: f[0], shape, template="thin_q({0})")
thin_r = Head("thin_r", lambda f: f[1], _square, template="thin_r({0})")
