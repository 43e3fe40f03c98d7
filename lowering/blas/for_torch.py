"""How PyTorch runs these Ops: as the products they are."""

from __future__ import annotations

import functools
from typing import Any

import torch
from pytensor.link.pytorch.dispatch import pytorch_funcify

from lowering.blas.gtmm import Gtmm
from lowering.blas.potri import Potri
from lowering.blas.syr2k import Syr2k
from lowering.blas.syrk import Syrk
from lowering.blas.trmm import Trmm


def tell() -> None:
    """Tell PyTensor."""
    pytorch_funcify.register(Syrk)(lambda op, **kwargs: _syrk)
    pytorch_funcify.register(Syr2k)(lambda op, **kwargs: _syr2k)
    pytorch_funcify.register(Trmm)(
        lambda op, **kwargs: functools.partial(_trmm, op.lower, op.unit_diagonal)
    )
    pytorch_funcify.register(Gtmm)(lambda op, **kwargs: _gtmm)
    pytorch_funcify.register(Potri)(lambda op, **kwargs: functools.partial(_potri, op.lower))


def _syrk(x: Any) -> Any:
    return x @ x.mT


def _syr2k(a: Any, b: Any) -> Any:
    half = a @ b.mT
    return half + half.mT


def _trmm(lower: bool, unit: bool, a: Any, b: Any) -> Any:
    part = torch.tril(a, -int(unit)) if lower else torch.triu(a, int(unit))
    if unit:
        part = part + torch.eye(*a.shape, dtype=a.dtype, device=a.device)
    return part @ b


def _gtmm(a: Any, b: Any) -> Any:
    return torch.tril(torch.triu(a, -1), 1) @ b


def _potri(lower: bool, factor: Any) -> Any:
    return torch.cholesky_inverse(factor, upper=not lower)
