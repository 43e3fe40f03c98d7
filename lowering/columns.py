"""Kernels for heads that say a matrix by its column: what `Builder` makes of them instead of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pytensor.graph.op import Op
from pytensor.tensor.blockwise import Blockwise

from lowering import fourier
from lowering.backends import register
from lowering.levinson import levinson_solve
from matchers import vocabulary as v
from matchers.heads import Head


def _applied(op: Op, columns: int = 1) -> Callable[..., Any]:
    """`op` on so many columns, which it takes as vectors, and whatever else there is."""

    def build(*terms: Any) -> Any:
        register()
        args = [x[..., 0] if i < columns else x for i, x in enumerate(terms)]
        batched = any(x.type.ndim > 1 + (i >= columns) for i, x in enumerate(args))
        return (_blockwise(op) if batched else op)(*args)

    return build


@lru_cache
def _blockwise(op: Op) -> Blockwise:
    return Blockwise(op)


KERNELS: dict[Head, Callable[..., Any]] = {
    v.convolved: _applied(fourier.circulant_dot),
    v.deconvolved: _applied(fourier.circulant_solve),
    v.toeplitz_dot: _applied(fourier.toeplitz_dot, 2),
    v.transposed_toeplitz_dot: _applied(fourier.transposed_toeplitz_dot, 2),
    v.levinson: _applied(levinson_solve),
    v.circulant_det: _applied(fourier.circulant_det),
    v.circulant_logabsdet: _applied(fourier.circulant_logabsdet),
}
