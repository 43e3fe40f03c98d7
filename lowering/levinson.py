"""Systems with a positive definite Toeplitz matrix by Levinson's recursion, in n² operations.

The recursion is weakly stable for positive definite matrices (Cybenko 1980, The numerical stability
of the Levinson-Durbin algorithm for Toeplitz systems of equations), and for no others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from scipy.linalg import solve_toeplitz

from lowering.fourier import correlation


class LevinsonSolve(Op):
    """The solution of a system with the symmetric Toeplitz matrix of a column."""

    __props__ = ()
    gufunc_signature = "(n),(n,k)->(n,k)"

    def make_node(self, *inputs: Any) -> Apply[Any]:
        c, b = map(pt.as_tensor, inputs)
        return Apply(self, [c, b], [b.type()])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        c, b = inputs
        if not b.size:
            outputs[0][0] = b.copy()
            return
        if not c.shape[0] == b.shape[0]:
            raise ValueError(f"a matrix of order {c.shape[0]} and {b.shape[0]} rows do not conform")
        found = solve_toeplitz(c, b, check_finite=False)
        outputs[0][0] = np.asarray(found, dtype=b.dtype)

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        return [shapes[1]]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """W = T⁻¹ G for the right side, and what stands on each pair of diagonals of -W Xᵀ."""
        c, _ = inputs
        (x,), (g,) = outputs, cotangents
        w = levinson_solve(c, g)
        n, nothing = c.shape[0], pt.zeros_like(x)
        # Beside as many zeros nothing is counted round.
        along = -correlation(pt.concatenate([w, nothing]), pt.concatenate([x, nothing]))
        # The lags 0, 1, … are those of c below the diagonal, the last ones those above.
        above = pt.concatenate([pt.zeros((1,), dtype=c.type.dtype), along[:n:-1]])
        return [along[:n] + above, w]


levinson_solve: Any = LevinsonSolve()
