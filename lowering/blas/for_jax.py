"""How JAX runs these Ops: as the products they are, since XLA has no kernels for them."""

from __future__ import annotations

import functools
from typing import Any

import jax.numpy as jnp
from jax.scipy.linalg import cho_solve
from pytensor.link.jax.dispatch import jax_funcify

from lowering.blas.gtmm import Gtmm
from lowering.blas.potri import Potri
from lowering.blas.syr2k import Syr2k
from lowering.blas.syrk import Syrk
from lowering.blas.trmm import Trmm


def tell() -> None:
    """Tell PyTensor."""
    jax_funcify.register(Syrk)(lambda op, **kwargs: _syrk)
    jax_funcify.register(Syr2k)(lambda op, **kwargs: _syr2k)
    jax_funcify.register(Trmm)(
        lambda op, **kwargs: functools.partial(_trmm, op.lower, op.unit_diagonal)
    )
    jax_funcify.register(Gtmm)(lambda op, **kwargs: _gtmm)
    jax_funcify.register(Potri)(lambda op, **kwargs: functools.partial(_potri, op.lower))


def _syrk(x: Any) -> Any:
    return x @ x.T


def _syr2k(a: Any, b: Any) -> Any:
    half = a @ b.T
    return half + half.T


def _trmm(lower: bool, unit: bool, a: Any, b: Any) -> Any:
    part = jnp.tril(a, -unit) if lower else jnp.triu(a, unit)
    if unit:
        part = part + jnp.eye(a.shape[0], a.shape[1], dtype=a.dtype)
    return part @ b


def _gtmm(a: Any, b: Any) -> Any:
    out = jnp.zeros((a.shape[0], b.shape[1]), b.dtype)
    for offset in (0, 1, -1):
        entries = jnp.diagonal(a, offset)
        n, up, down = len(entries), max(offset, 0), max(-offset, 0)
        out = out.at[down : n + down].add(entries[:, None] * b[up : n + up])
    return out


def _potri(lower: bool, factor: Any) -> Any:
    return cho_solve((factor, lower), jnp.eye(factor.shape[0], dtype=factor.dtype))
