"""How MLX runs these Ops: as the products they are. It has doubles and LAPACK on the CPU only."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
from pytensor.link.mlx.dispatch.basic import mlx_funcify

from lowering.blas.gtmm import Gtmm
from lowering.blas.potri import Potri
from lowering.blas.syr2k import Syr2k
from lowering.blas.syrk import Syrk
from lowering.blas.trmm import Trmm


def tell() -> None:
    """Tell PyTensor."""
    mlx_funcify.register(Syrk)(lambda op, **kwargs: _batched(_syrk))
    mlx_funcify.register(Syr2k)(lambda op, **kwargs: _batched(_syr2k))
    mlx_funcify.register(Trmm)(lambda op, **kwargs: _batched(_trmm, op.lower, op.unit_diagonal))
    mlx_funcify.register(Gtmm)(lambda op, **kwargs: _batched(_gtmm))
    mlx_funcify.register(Potri)(lambda op, **kwargs: _batched(_potri, op.lower))


def _batched(function: Any, *props: Any) -> Any:
    """A function that takes whole batches, as MLX's own do, and is told its properties."""

    def run(*args: Any) -> Any:
        # A double is the CPU's alone.
        stream = mx.cpu if args[0].dtype == mx.float64 else mx.default_device()
        return function(*props, *args, stream=stream)

    run.natively_batched = True  # type: ignore[attr-defined]
    return run


def _syrk(x: Any, stream: Any) -> Any:
    return mx.matmul(x, mx.swapaxes(x, -1, -2, stream=stream), stream=stream)


def _syr2k(a: Any, b: Any, stream: Any) -> Any:
    half = mx.matmul(a, mx.swapaxes(b, -1, -2, stream=stream), stream=stream)
    return mx.add(half, mx.swapaxes(half, -1, -2, stream=stream), stream=stream)


def _trmm(lower: bool, unit: bool, a: Any, b: Any, stream: Any) -> Any:
    part = mx.tril if lower else mx.triu
    whole = part(a, stream=stream)
    if unit:
        diagonal = mx.eye(a.shape[-2], a.shape[-1], dtype=mx.bool_, stream=stream)
        whole = mx.where(diagonal, mx.array(1, dtype=a.dtype), whole, stream=stream)
    return mx.matmul(whole, b, stream=stream)


def _gtmm(a: Any, b: Any, stream: Any) -> Any:
    band = mx.tril(mx.triu(a, -1, stream=stream), 1, stream=stream)
    return mx.matmul(band, b, stream=stream)


def _potri(lower: bool, factor: Any, stream: Any) -> Any:
    if not factor.size:
        return factor
    part = mx.tril if lower else mx.triu
    whole = part(factor, stream=mx.cpu)
    return mx.linalg.cholesky_inv(whole, upper=not lower, stream=mx.cpu)
