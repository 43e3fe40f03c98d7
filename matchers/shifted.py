"""Heads of a Kronecker product plus a multiple of the identity.

With symmetric Aᵢ = Qᵢ Λᵢ Qᵢᵀ, A₁ ⊗ A₂ ⊗ … + c I has the eigenvectors Q₁ ⊗ Q₂ ⊗ … and the
eigenvalues λ₁ ⊗ λ₂ ⊗ … + c, so nothing of the order of the whole is ever factorized. Each head is
an OpFromGraph with a pullback of its own: differentiated through `eigh`, nearly equal eigenvalues
would be divided by their difference, while the gradient of the dense form has no such quotient.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.compile.builders import OpFromGraph
from pytensor.tensor import linalg

from matchers.algebra import Shape
from matchers.dims import ONE
from matchers.terms import Head, Term, intern, shape


def _factors(head: Head, args: tuple[Any, ...]) -> Any:
    """The factors of a Kronecker product are arguments of their own."""
    flat = [
        b for a in args for b in (a.args if isinstance(a, Term) and a.head.name == "kron" else (a,))
    ]
    return intern(head, tuple(flat))


def _product(lengths: Sequence[Any]) -> Any:
    return functools.reduce(operator.mul, lengths, 1)


def _applied(matrices: Sequence[Any], x: Any) -> Any:
    """(M₁ ⊗ M₂ ⊗ …) X, transposed: each factor in turn takes the first axis and leaves it last."""
    lengths = [*(m.shape[1] for m in matrices), x.shape[1]]
    for m in matrices:
        first, *lengths = lengths
        # Every length by itself: where one is 0, a reshape cannot infer another.
        x = (m @ x.reshape((first, _product(lengths)))).T
        lengths.append(m.shape[0])
    return x.reshape((lengths[0], _product(lengths[1:])))


def _outer(vectors: Sequence[Any]) -> Any:
    return functools.reduce(lambda a, b: pt.outer(a, b).ravel(), vectors)


def _solve_graph(c: Any, x: Any, factors: Sequence[Any]) -> Any:
    values, vectors = zip(*map(linalg.eigh, factors), strict=True)
    inner = _applied([q.T for q in vectors], x) / (_outer(values) + c)
    return _applied(vectors, inner.T).T


def _unfolded(x: Any, lengths: Sequence[Any], i: int) -> Any:
    """The entries of a column or columns, with those along one factor as rows."""
    whole = (*lengths, x.shape[1])
    others = [j for j in range(len(whole)) if j != i]
    return (
        x.reshape(whole)
        .transpose(i, *others)
        .reshape((whole[i], _product([whole[j] for j in others])))
    )


def _solve_pullback(inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
    """Of Y = S⁻¹ X it is W = S⁻¹ Ȳ for X, and what -W Yᵀ is for the factors and the shift."""
    c, _, *factors = inputs
    (y,), (g,) = outputs, cotangents
    w = _solve_build(c, g, *factors)
    lengths = [f.shape[0] for f in factors]
    out = [-(w * y).sum(), w]
    for i in range(len(factors)):
        # All factors but the i-th applied to Y.
        others = [pt.eye(f.shape[0]) if j == i else f for j, f in enumerate(factors)]
        applied = _applied(others, y).T
        out.append(-_unfolded(w, lengths, i) @ _unfolded(applied, lengths, i).T)
    return out


def _logdet_graph(c: Any, factors: Sequence[Any]) -> Any:
    return pt.log(pt.abs(_outer([linalg.eigh(f)[0] for f in factors]) + c)).sum()


def _logdet_pullback(inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
    """Q₁ diag(M λ₂) Q₁ᵀ for the first factor, where M has the reciprocal eigenvalues of all."""
    c, *factors = inputs
    (g,) = cotangents
    values, vectors = zip(*map(linalg.eigh, factors), strict=True)
    reciprocal = g / (_outer(values) + c)[:, None]
    lengths = [f.shape[0] for f in factors]
    out = [reciprocal.sum()]
    for i, q in enumerate(vectors):
        others = _outer([v for j, v in enumerate(values) if j != i] or [pt.ones(1)])
        along = _unfolded(reciprocal, lengths, i) @ others
        out.append((q * along) @ q.T)
    return out


def _coefficient(c: Any, like: Any) -> Any:
    if isinstance(c, (int, float)):
        return pt.constant(np.asarray(c, dtype=like.type.dtype))
    return pt.cast(c, like.type.dtype)


def _solve_build(c: Any, x: Any, *factors: Any) -> Any:
    args = (_coefficient(c, x), x, *factors)
    return _op("shifted_solve", tuple(a.type for a in args))(*args)


def _logdet_build(c: Any, *factors: Any) -> Any:
    args = (_coefficient(c, factors[0]), *factors)
    return _op("shifted_logabsdet", tuple(a.type for a in args))(*args)


class Shifted(OpFromGraph):
    """One operation, whose inner graph is nobody's to rewrite before it is inlined."""


@functools.lru_cache(maxsize=64)
def _op(name: str, types: tuple[Any, ...]) -> Shifted:
    inner = [t() for t in types]
    c, *rest = inner
    if name == "shifted_solve":
        graph, pullback = _solve_graph(c, rest[0], rest[1:]), _solve_pullback
    else:
        graph, pullback = _logdet_graph(c, rest), _logdet_pullback
    return Shifted(inner, [graph], pullback=pullback, inline=True, name=name)


def _solve_shape(c: Any, x: Any, *factors: Any) -> Shape:
    rows, cols, batch = shape(x)
    return rows, cols, batch


# (K + c I)⁻¹ X, called with c, X and the Kronecker product K of symmetric matrices.
shifted_solve = Head("shifted_solve", _solve_build, _solve_shape, _factors)
# log|K + c I|, called with c and K.
shifted_logabsdet = Head(
    "shifted_logabsdet", _logdet_build, lambda c, *factors: (ONE, ONE, ()), _factors
)
