"""Heads of a Kronecker product plus a product of positive diagonal matrices.

With D = diag(d) ⊗ diag(e), A ⊗ B + c D is D^(1/2) (A' ⊗ B' + c I) D^(1/2) where A' is A between
diag(d)^(-1/2). Their pullbacks are made of solves, as those of the shifted products are: nothing is
divided by a difference of eigenvalues, or taken from what is nearly equal.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytensor.tensor as pt

from matchers.eigensystems import eigensystem, kron_applied, unfolded
from matchers.heads import Head
from matchers.recipes import Recipe, applied, like, over_batch
from matchers.shifted import number_shape, solve_shape


def _outer(d: Any, e: Any) -> Any:
    """The Kronecker product of two columns."""
    return (d * e.T).reshape((d.shape[0] * e.shape[0],))[:, None]


def _whitened(a: Any, d: Any) -> Any:
    return a / pt.sqrt(d * d.T)


def _spectra(a: Any, b: Any, d: Any, e: Any) -> tuple[Any, ...]:
    """Eigenvalues and eigenvectors of both factors."""
    return (*eigensystem(_whitened(a, d)), *eigensystem(_whitened(b, e)))


def _solve_graph(c: Any, x: Any, a: Any, b: Any, d: Any, e: Any) -> Any:
    u, p, w, q = _spectra(a, b, d, e)
    weight = 1 / pt.sqrt(_outer(d, e))
    inner = kron_applied([p.T, q.T], weight * x) / (pt.outer(u, w).ravel() + c)
    return weight * kron_applied([p, q], inner.T).T


def _solve_adjoints(c: Any, w: Any, y: Any, a: Any, b: Any, d: Any, e: Any) -> list[Any]:
    """What -W Yᵀ is for the coefficient, the factors and the two diagonals."""
    lengths = [a.shape[0], b.shape[0]]
    first, second = (unfolded(w, lengths, i) for i in (0, 1))
    one, other = (pt.eye(x.shape[0], dtype=x.type.dtype) for x in (a, b))
    by_b, by_a = kron_applied([one, b], y).T, kron_applied([a, other], y).T
    weighted = _outer(d, e) * y
    by_e, by_d = _outer(pt.ones_like(d), e) * y, _outer(d, pt.ones_like(e)) * y
    return [
        -(w * weighted).sum(),
        -first @ unfolded(by_b, lengths, 0).T,
        -second @ unfolded(by_a, lengths, 1).T,
        -c * (first * unfolded(by_e, lengths, 0)).sum(axis=1, keepdims=True),
        -c * (second * unfolded(by_d, lengths, 1)).sum(axis=1, keepdims=True),
    ]


def _solve_pullback(inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
    c, _, *others = inputs
    (y,), (g,) = outputs, cotangents
    w = applied(SOLVE, c, g, *others)
    of_c, *rest = over_batch(_solve_adjoints, 1, c, w, y, *others)
    found = zip((of_c, w, *rest), inputs, strict=True)
    return [like(made, given, 2 if i else 0) for i, (made, given) in enumerate(found)]


def _logdet_graph(c: Any, a: Any, b: Any, d: Any, e: Any) -> Any:
    u, _, w, _ = _spectra(a, b, d, e)
    whole = pt.log(pt.abs(pt.outer(u, w).ravel() + c)).sum()
    return whole + b.shape[0] * pt.log(d).sum() + a.shape[0] * pt.log(e).sum()


def _logdet_adjoints(c: Any, g: Any, a: Any, b: Any, d: Any, e: Any) -> list[Any]:
    """The inverse as it acts along each argument: eigenvectors around reciprocal eigenvalues."""
    u, p, w, q = _spectra(a, b, d, e)
    reciprocal = g / (pt.outer(u, w) + c)
    p, q = p / pt.sqrt(d), q / pt.sqrt(e)
    return [
        reciprocal.sum(),
        (p * (reciprocal @ w)) @ p.T,
        (q * (reciprocal.T @ u)) @ q.T,
        c * (p * p * reciprocal.sum(axis=1)).sum(axis=1, keepdims=True),
        c * (q * q * reciprocal.sum(axis=0)).sum(axis=1, keepdims=True),
    ]


def _logdet_pullback(inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
    c, *others = inputs
    found = over_batch(_logdet_adjoints, 2, c, *cotangents, *others)
    both = zip(found, inputs, strict=True)
    return [like(made, given, 2 if i else 0) for i, (made, given) in enumerate(both)]


SOLVE = Recipe("noisy_solve", _solve_graph, _solve_pullback)
LOGDET = Recipe("noisy_logabsdet", _logdet_graph, _logdet_pullback)
# (A ⊗ B + c diag(d) ⊗ diag(e))⁻¹ X, called with c, X, A, B and the columns d and e.
noisy_solve = Head("noisy_solve", partial(applied, SOLVE), solve_shape)
# The logarithm of the absolute determinant, called without X.
noisy_logabsdet = Head("noisy_logabsdet", partial(applied, LOGDET), number_shape)
noisy_logabsdet.reduces = True
