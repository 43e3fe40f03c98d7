"""How Numba and JAX run Kantor's Ops; PyTensor knows its own only."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from lowering import fourier
from lowering.levinson import LevinsonSolve

OPS = (
    fourier.CirculantDot,
    fourier.CirculantSolve,
    fourier.Correlation,
    fourier.ToeplitzDot,
    fourier.CirculantDet,
    LevinsonSolve,
)


@functools.cache
def register() -> None:
    """Tell PyTensor, once, and only of backends that are installed: importing JAX takes long."""
    if find_spec("numba") is not None:
        _register_numba()
    if find_spec("jax") is not None:
        _register_jax()


def _register_numba() -> None:
    """Numba has no Fourier transform and leaves it to Python, which is not worth a warning here."""
    from pytensor.link.numba.dispatch.basic import generate_fallback_impl, numba_funcify

    def quiet(op: Any, node: Any = None, **kwargs: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return generate_fallback_impl(op, node, **kwargs)

    for kind in OPS:
        numba_funcify.register(kind)(quiet)


def _register_jax() -> None:
    from pytensor.link.jax.dispatch import jax_funcify

    jax_funcify.register(fourier.CirculantDot)(_always(_dot))
    jax_funcify.register(fourier.CirculantSolve)(_always(_solve))
    jax_funcify.register(fourier.Correlation)(_always(_correlation))
    jax_funcify.register(fourier.ToeplitzDot)(
        lambda op, **kwargs: functools.partial(_toeplitz_dot, op.transposed)
    )
    jax_funcify.register(LevinsonSolve)(_always(_toeplitz_solve))
    jax_funcify.register(fourier.CirculantDet)(lambda op, **kwargs: _logabsdet if op.log else _det)


def _always(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda op, **kwargs: function


def _dot(c: Any, x: Any) -> Any:
    import jax.numpy as jnp

    n = x.shape[0]
    if not n:
        return x
    spectrum = jnp.fft.rfft(c)[:, None] * jnp.fft.rfft(x, axis=0)
    return jnp.fft.irfft(spectrum, n, axis=0).astype(x.dtype)


def _toeplitz_dot(transposed: bool, c: Any, r: Any, x: Any) -> Any:
    import jax.numpy as jnp

    m, n = (r.shape[0], c.shape[0]) if transposed else (c.shape[0], r.shape[0])
    if not (m and n):
        return jnp.zeros((m, x.shape[1]), x.dtype)
    around = jnp.concatenate([r[:1], r[:0:-1], c])
    column = jnp.fft.rfft(around)[:, None]
    spectrum = (column.conj() if transposed else column) * jnp.fft.rfft(x, m + n, axis=0)
    return jnp.fft.irfft(spectrum, m + n, axis=0)[n:].astype(x.dtype)


def _solve(c: Any, b: Any) -> Any:
    import jax.numpy as jnp

    n = b.shape[0]
    if not n:
        return b
    spectrum = jnp.fft.rfft(b, axis=0) / jnp.fft.rfft(c)[:, None]
    return jnp.fft.irfft(spectrum, n, axis=0).astype(b.dtype)


def _correlation(g: Any, x: Any) -> Any:
    import jax.numpy as jnp

    n = x.shape[0]
    if not n:
        return jnp.zeros(0, x.dtype)
    spectrum = (jnp.fft.rfft(g, axis=0) * jnp.fft.rfft(x, axis=0).conj()).sum(axis=1)
    return jnp.fft.irfft(spectrum, n).astype(x.dtype)


def _toeplitz_solve(c: Any, b: Any) -> Any:
    """The matrix and its Cholesky factor: a recursion of n steps would be compiled as a loop."""
    import jax.numpy as jnp
    from jax.scipy.linalg import cho_factor, cho_solve

    i = jnp.arange(c.shape[0])
    return cho_solve(cho_factor(c[abs(i[:, None] - i[None, :])]), b)


def _eigenvalues(c: Any) -> Any:
    import jax.numpy as jnp

    return jnp.fft.fft(c)


def _det(c: Any) -> Any:
    return _eigenvalues(c).prod().real.astype(c.dtype)


def _logabsdet(c: Any) -> Any:
    import jax.numpy as jnp

    return jnp.log(abs(_eigenvalues(c))).sum().astype(c.dtype)
