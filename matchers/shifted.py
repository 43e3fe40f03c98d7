"""Heads of a Kronecker product, or a Kronecker sum, plus a multiple of the identity.

With symmetric Aᵢ = Qᵢ Λᵢ Qᵢᵀ, A₁ ⊗ A₂ ⊗ … + c I has the eigenvectors Q₁ ⊗ Q₂ ⊗ … and the
eigenvalues λ₁ ⊗ λ₂ ⊗ … + c, so nothing of the order of the whole is ever factorized; those of
A ⊗ I + I ⊗ B + c I are λᵢ + μⱼ + c. Each head is an OpFromGraph with a pullback of its own:
differentiated through `eigh`, nearly equal eigenvalues would be divided by their difference, while
the gradient of the dense form has no such quotient.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytensor.tensor as pt
from pytensor.compile.builders import OpFromGraph
from pytensor.graph.replace import vectorize_graph
from pytensor.tensor import linalg
from pytensor.tensor.type import TensorType

from matchers.algebra import Shape, transpose
from matchers.dims import ONE, broadcast
from matchers.terms import Head, Term, intern, shape


def _plain(x: Any) -> Any:
    """A symmetric matrix is its transpose, and its eigenvectors are shared so."""
    return x.args[0] if isinstance(x, Term) and x.head is transpose else x


def _separate(first: int, flat: bool, head: Head, args: tuple[Any, ...]) -> Any:
    """The factors of a Kronecker product are arguments of their own, from the `first` on."""
    factors = [
        b
        for a in args[first:]
        for b in (a.args if flat and isinstance(a, Term) and a.head.name == "kron" else (a,))
    ]
    return intern(head, (*args[:first], *map(_plain, factors)))


def eigensystem(x: Any) -> Any:
    """Eigenvalues and eigenvectors, which the default driver leaves orthogonal to 1e-13 only."""
    return linalg.eigh(x, driver="evd")


def _product(lengths: Sequence[Any]) -> Any:
    return functools.reduce(operator.mul, lengths, 1)


def kron_applied(matrices: Sequence[Any], x: Any) -> Any:
    """(M₁ ⊗ M₂ ⊗ …) X, transposed: each factor in turn takes the first axis and leaves it last."""
    lengths = [*(m.shape[1] for m in matrices), x.shape[1]]
    for m in matrices:
        first, *lengths = lengths
        # Every length by itself: where one is 0, a reshape cannot infer another.
        x = (m @ x.reshape((first, _product(lengths)))).T
        lengths.append(m.shape[0])
    return x.reshape((lengths[0], _product(lengths[1:])))


def _products(values: Sequence[Any]) -> Any:
    return functools.reduce(lambda a, b: pt.outer(a, b).ravel(), values)


def _sums(values: Sequence[Any]) -> Any:
    return functools.reduce(lambda a, b: (a[:, None] + b[None, :]).ravel(), values)


class Kind(NamedTuple):
    """How eigenvalues of factors make one of the whole, and what a factor stands beside.

    Attributes
    ----------
    values : callable
        The eigenvalues of the whole.
    others : callable
        What the other factors multiply with where one is varied.
    beside : callable
        The same of eigenvalues.
    """

    values: Callable[[Sequence[Any]], Any]
    others: Callable[[Any], Any]
    beside: Callable[[Any], Any]


def _same(x: Any) -> Any:
    return x


def _identity(like: Any) -> Any:
    return pt.eye(like.shape[0], dtype=like.type.dtype)


PRODUCT = Kind(_products, _same, _same)
SUM = Kind(_sums, _identity, pt.ones_like)
# How the pullback of a solve solves.
_SOLVERS: dict[Kind, Recipe] = {}


def _solve_graph(kind: Kind, c: Any, x: Any, *factors: Any) -> Any:
    values, vectors = zip(*map(eigensystem, factors), strict=True)
    inner = kron_applied([q.T for q in vectors], x) / (kind.values(values) + c)
    return kron_applied(vectors, inner.T).T


def unfolded(x: Any, lengths: Sequence[Any], i: int) -> Any:
    """The entries of a column or columns, with those along one factor as rows."""
    whole = (*lengths, x.shape[1])
    others = [j for j in range(len(whole)) if j != i]
    return (
        x.reshape(whole)
        .transpose(i, *others)
        .reshape((whole[i], _product([whole[j] for j in others])))
    )


def _solve_adjoints(kind: Kind, w: Any, y: Any, *factors: Any) -> list[Any]:
    """What -W Yᵀ is for the shift and for each factor."""
    lengths = [f.shape[0] for f in factors]
    out = [-(w * y).sum()]
    for i in range(len(factors)):
        # All factors but the i-th applied to Y.
        others = [_identity(f) if j == i else kind.others(f) for j, f in enumerate(factors)]
        whole = y if kind is SUM else kron_applied(others, y).T
        out.append(-unfolded(w, lengths, i) @ unfolded(whole, lengths, i).T)
    return out


def _solve_pullback(kind: Kind, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
    """Of Y = S⁻¹ X it is W = S⁻¹ Ȳ for X, and what -W Yᵀ is for the factors and the shift."""
    c, _, *factors = inputs
    (y,), (g,) = outputs, cotangents
    w = applied(_SOLVERS[kind], c, g, *factors)
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


def _number_graph(kind: Kind, of: Function, c: Any, *factors: Any) -> Any:
    return of.value(kind.values([eigensystem(f)[0] for f in factors]) + c)


def _number_adjoints(kind: Kind, of: Function, c: Any, g: Any, *factors: Any) -> list[Any]:
    """Q₁ diag(M λ₂) Q₁ᵀ for the first factor, where M has the derivatives at all eigenvalues."""
    values, vectors = zip(*map(eigensystem, factors), strict=True)
    slopes = (g * of.derivative(kind.values(values) + c))[:, None]
    lengths = [f.shape[0] for f in factors]
    out = [slopes.sum()]
    for i, q in enumerate(vectors):
        one = pt.ones(1, dtype=q.type.dtype)
        others = _products([kind.beside(v) for j, v in enumerate(values) if j != i] or [one])
        along = unfolded(slopes, lengths, i) @ others
        out.append((q * along) @ q.T)
    return out


def _number_pullback(
    kind: Kind, of: Function, inputs: Any, outputs: Any, cotangents: Any
) -> list[Any]:
    c, *factors = inputs
    found = over_batch(partial(_number_adjoints, kind, of), 2, c, *cotangents, *factors)
    cores = (0, *(2 for _ in factors))
    return [like(made, x, core) for made, x, core in zip(found, inputs, cores, strict=True)]


# --- the adjoints of a Kronecker product at the inverse -------------------------------------------


def _spectra(a: Any, b: Any) -> tuple[Any, ...]:
    """Eigenvalues and eigenvectors of both factors."""
    return (*eigensystem(a), *eigensystem(b))


def _left_graph(c: Any, a: Any, b: Any) -> Any:
    u, p, w, _ = _spectra(a, b)
    return (p * ((w / (pt.outer(u, w) + c)).sum(axis=1))) @ p.T


def _left_adjoints(c: Any, g: Any, a: Any, b: Any) -> list[Any]:
    """By the divided differences of Σ μ / (λ μ + c), which are products of reciprocals."""
    u, p, w, q = _spectra(a, b)
    reciprocal = 1 / (pt.outer(u, w) + c)
    weighted, turned = reciprocal * w, p.T @ g @ p
    along = pt.diagonal(turned)[:, None]
    of_shift = -(along * weighted * reciprocal).sum()
    of_a = -p @ (turned * (weighted @ weighted.T)) @ p.T
    of_b = (q * (along * reciprocal * reciprocal).sum(axis=0)) @ q.T
    return [of_shift, of_a, c * of_b]


def _right_graph(c: Any, a: Any, b: Any) -> Any:
    return _left_graph(c, b, a)


def _right_adjoints(c: Any, g: Any, a: Any, b: Any) -> list[Any]:
    of_shift, of_b, of_a = _left_adjoints(c, g, b, a)
    return [of_shift, of_a, of_b]


def _adjoint_pullback(adjoints: Any, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
    c, a, b = inputs
    (g,) = cotangents
    found = over_batch(adjoints, 1, c, g, a, b)
    return [like(made, x, core) for made, x, core in zip(found, inputs, (0, 2, 2), strict=True)]


# --- batches --------------------------------------------------------------------------------------


def over_batch(function: Callable[..., Any], scalars: int, *args: Any) -> Any:
    """A function of some coefficients, and then matrices, of each member of a batch."""
    cores = [0 if i < scalars else 2 for i in range(len(args))]
    if all([a.type.ndim == core for a, core in zip(args, cores, strict=True)]):
        return function(*args)
    inner = [_member(a, core) for a, core in zip(args, cores, strict=True)]
    made = function(*inner)
    given = dict(zip(inner, args, strict=True))
    single = not isinstance(made, list)
    found = vectorize_graph([made] if single else made, given)
    return found[0] if single else list(found)


def _member(x: Any, core: int) -> Any:
    return TensorType(x.type.dtype, x.type.shape[-2:] if core else ())()


def like(made: Any, given: Any, core: int) -> Any:
    """A gradient summed over the batch axes that what it belongs to does not have."""
    extra = made.type.ndim - given.type.ndim
    made = made.sum(axis=tuple(range(extra))) if extra else made
    ones = [
        i
        for i, one in enumerate(given.type.broadcastable[: given.type.ndim - core])
        if one and not made.type.broadcastable[i]
    ]
    return made.sum(axis=ones, keepdims=True) if ones else made


# --- heads ----------------------------------------------------------------------------------------


class Shifted(OpFromGraph):
    """One operation, whose inner graph is nobody's to rewrite before it is inlined."""


class Recipe(NamedTuple):
    """What an operation computes, and what its pullback is; both of matrices without a batch.

    Attributes
    ----------
    name : str
    graph, pullback : callable
    scalars : int
        How many of its first arguments are coefficients.
    """

    name: str
    graph: Callable[..., Any]
    pullback: Callable[..., Any]
    scalars: int = 1


def applied(recipe: Recipe, c: Any, *args: Any) -> Any:
    """The operation of a recipe on a coefficient, a number or a variable, and matrices."""
    like = args[0]
    if isinstance(c, (int, float)):
        c = pt.constant(np.asarray(c, dtype=like.type.dtype))
    args = (pt.cast(c, like.type.dtype), *args)
    return _op(recipe, tuple(a.type for a in args))(*args)


@functools.lru_cache(maxsize=64)
def _op(recipe: Recipe, types: tuple[Any, ...]) -> Shifted:
    inner = [t() for t in types]
    made = over_batch(recipe.graph, recipe.scalars, *inner)
    return Shifted(inner, [made], pullback=recipe.pullback, inline=True, name=recipe.name)


def solve_shape(c: Any, x: Any, *others: Any) -> Shape:
    """The shape of a solve, whose right side comes second."""
    rows, cols, _ = shape(x)
    return rows, cols, broadcast([shape(a)[2] for a in (x, *others)])


def number_shape(c: Any, *others: Any) -> Shape:
    """The shape of one number of each member of a batch."""
    return ONE, ONE, broadcast([shape(a)[2] for a in others])


def _solver(name: str, kind: Kind) -> Head:
    recipe = Recipe(name, partial(_solve_graph, kind), partial(_solve_pullback, kind))
    _SOLVERS[kind] = recipe
    return Head(name, partial(applied, recipe), solve_shape, partial(_separate, 2, kind is PRODUCT))


def _number(name: str, kind: Kind, of: Function) -> Head:
    graph, pullback = partial(_number_graph, kind, of), partial(_number_pullback, kind, of)
    normal = partial(_separate, 1, kind is PRODUCT)
    made = Head(name, partial(applied, Recipe(name, graph, pullback)), number_shape, normal)
    made.reduces = True
    return made


def _adjoint(name: str, graph: Any, adjoints: Any, place: int) -> Head:
    recipe = Recipe(name, graph, partial(_adjoint_pullback, adjoints))
    return Head(name, partial(applied, recipe), lambda c, *factors: _of(factors, place))


def _of(factors: Sequence[Any], place: int) -> Shape:
    rows, cols, _ = shape(factors[place])
    return rows, cols, broadcast([shape(f)[2] for f in factors])


# (K + c I)⁻¹ X, called with c, X and the Kronecker product K of symmetric matrices.
shifted_solve = _solver("shifted_solve", PRODUCT)
# Of K + c I, called with c and K, log|·|, |·| and the trace of the inverse.
shifted_logabsdet = _number("shifted_logabsdet", PRODUCT, LOGABS)
shifted_det = _number("shifted_det", PRODUCT, DETERMINANT)
shifted_inverse_trace = _number("shifted_inverse_trace", PRODUCT, INVERSE_TRACE)
# The same of Kronecker sums A ⊗ I + I ⊗ B, called with A and B instead of K.
shifted_sum_solve = _solver("shifted_sum_solve", SUM)
shifted_sum_logabsdet = _number("shifted_sum_logabsdet", SUM, LOGABS)
# The adjoints of A ⊗ B at (A ⊗ B + c I)⁻¹, called with c, A and B.
shifted_adjoint_left = _adjoint("shifted_adjoint_left", _left_graph, _left_adjoints, 0)
shifted_adjoint_right = _adjoint("shifted_adjoint_right", _right_graph, _right_adjoints, 1)
