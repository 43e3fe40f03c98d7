"""What is computed of a shifted Kronecker product or sum, and its pullback."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import pytensor.tensor as pt

from matchers.eigensystems import SUM, Kind, eigensystem, identity, kron_applied, products, unfolded
from matchers.recipes import Recipe, applied, like, over_batch

# How the pullback of a solve solves.
SOLVERS: dict[Kind, Recipe] = {}


def solve_graph(kind: Kind, c: Any, x: Any, *factors: Any) -> Any:
    """(S + c I)⁻¹ X for the whole S of some factors."""
    values, vectors = zip(*map(eigensystem, factors), strict=True)
    inner = kron_applied([q.T for q in vectors], x) / (kind.values(values) + c)
    return kron_applied(vectors, inner.T).T


def _solve_adjoints(kind: Kind, w: Any, y: Any, *factors: Any) -> list[Any]:
    """What -W Yᵀ is for the shift and for each factor."""
    lengths = [f.shape[0] for f in factors]
    out = [-(w * y).sum()]
    for i in range(len(factors)):
        # All factors but the i-th applied to Y.
        others = [identity(f) if j == i else kind.others(f) for j, f in enumerate(factors)]
        whole = y if kind is SUM else kron_applied(others, y).T
        out.append(-unfolded(w, lengths, i) @ unfolded(whole, lengths, i).T)
    return out


def solve_pullback(kind: Kind, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
    """Of Y = S⁻¹ X it is W = S⁻¹ Ȳ for X, and what -W Yᵀ is for the factors and the shift."""
    c, _, *factors = inputs
    (y,), (g,) = outputs, cotangents
    w = applied(SOLVERS[kind], c, g, *factors)
    of_shift, *of_factors = over_batch(partial(_solve_adjoints, kind), 0, w, y, *factors)
    found = zip((of_shift, w, *of_factors), inputs, (0, 2, *(2 for _ in factors)), strict=True)
    return [like(made, given, core) for made, given, core in found]


class Function(NamedTuple):
    """A number made of all eigenvalues, and its derivative with respect to each."""

    value: Callable[[Any], Any]
    derivative: Callable[[Any], Any]


LOGABS = Function(lambda x: pt.log(pt.abs(x)).sum(), pt.reciprocal)
INVERSE_TRACE = Function(lambda x: pt.reciprocal(x).sum(), lambda x: -pt.reciprocal(x * x))
DETERMINANT = Function(lambda x: x.prod(), lambda x: x.prod() / x)


def number_graph(kind: Kind, of: Function, c: Any, *factors: Any) -> Any:
    """A function of the eigenvalues of S + c I."""
    return of.value(kind.values([eigensystem(f)[0] for f in factors]) + c)


def _number_adjoints(kind: Kind, of: Function, c: Any, g: Any, *factors: Any) -> list[Any]:
    """Q₁ diag(M λ₂) Q₁ᵀ for the first factor, where M has the derivatives at all eigenvalues."""
    values, vectors = zip(*map(eigensystem, factors), strict=True)
    slopes = (g * of.derivative(kind.values(values) + c))[:, None]
    lengths = [f.shape[0] for f in factors]
    out = [slopes.sum()]
    for i, q in enumerate(vectors):
        one = pt.ones(1, dtype=q.type.dtype)
        others = products([kind.beside(v) for j, v in enumerate(values) if j != i] or [one])
        along = unfolded(slopes, lengths, i) @ others
        out.append((q * along) @ q.T)
    return out


def number_pullback(
    kind: Kind, of: Function, inputs: Any, outputs: Any, cotangents: Any
) -> list[Any]:
    """The adjoints of a function of the eigenvalues, summed over what is broadcast."""
    c, *factors = inputs
    found = over_batch(partial(_number_adjoints, kind, of), 2, c, *cotangents, *factors)
    cores = (0, *(2 for _ in factors))
    return [like(made, x, core) for made, x, core in zip(found, inputs, cores, strict=True)]


# --- the adjoints of a Kronecker product at the inverse -------------------------------------------


def _spectra(a: Any, b: Any) -> tuple[Any, ...]:
    """Eigenvalues and eigenvectors of both factors."""
    return (*eigensystem(a), *eigensystem(b))


def left_graph(c: Any, a: Any, b: Any) -> Any:
    """The adjoint to the first factor."""
    u, p, w, _ = _spectra(a, b)
    return (p * ((w / (pt.outer(u, w) + c)).sum(axis=1))) @ p.T


def left_adjoints(c: Any, g: Any, a: Any, b: Any) -> list[Any]:
    """By the divided differences of Σ μ / (λ μ + c), which are products of reciprocals."""
    u, p, w, q = _spectra(a, b)
    reciprocal = 1 / (pt.outer(u, w) + c)
    weighted, turned = reciprocal * w, p.T @ g @ p
    along = pt.diagonal(turned)[:, None]
    of_shift = -(along * weighted * reciprocal).sum()
    of_a = -p @ (turned * (weighted @ weighted.T)) @ p.T
    of_b = (q * (along * reciprocal * reciprocal).sum(axis=0)) @ q.T
    return [of_shift, of_a, c * of_b]


def right_graph(c: Any, a: Any, b: Any) -> Any:
    """The adjoint to the second factor."""
    return left_graph(c, b, a)


def right_adjoints(c: Any, g: Any, a: Any, b: Any) -> list[Any]:
    """The same for the second factor."""
    of_shift, of_b, of_a = left_adjoints(c, g, b, a)
    return [of_shift, of_a, of_b]


def adjoint_pullback(adjoints: Any, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
    """These adjoints, summed over what is broadcast."""
    c, a, b = inputs
    (g,) = cotangents
    found = over_batch(adjoints, 1, c, g, a, b)
    return [like(made, x, core) for made, x, core in zip(found, inputs, (0, 2, 2), strict=True)]
