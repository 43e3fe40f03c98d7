"""Heads of a Kronecker product, or a Kronecker sum, plus a multiple of the identity.

With symmetric Aᵢ = Qᵢ Λᵢ Qᵢᵀ, A₁ ⊗ A₂ ⊗ … + c I has the eigenvectors Q₁ ⊗ Q₂ ⊗ … and the
eigenvalues λ₁ ⊗ λ₂ ⊗ … + c, so nothing of the order of the whole is ever factorized; those of
A ⊗ I + I ⊗ B + c I are λᵢ + μⱼ + c. Each head is an OpFromGraph with a pullback of its own:
differentiated through `eigh`, nearly equal eigenvalues would be divided by their difference, while
the gradient of the dense form has no such quotient.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from matchers.algebra import Shape, transpose
from matchers.dims import ONE, broadcast
from matchers.eigensystems import PRODUCT, SUM, Kind
from matchers.heads import Head
from matchers.recipes import Recipe, applied
from matchers.shifted_graphs import (
    DETERMINANT,
    INVERSE_TRACE,
    LOGABS,
    SOLVERS,
    Function,
    adjoint_pullback,
    left_adjoints,
    left_graph,
    number_graph,
    number_pullback,
    right_adjoints,
    right_graph,
    solve_graph,
    solve_pullback,
)
from matchers.terms import Term, intern, shape


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


def solve_shape(c: Any, x: Any, *others: Any) -> Shape:
    """The shape of a solve, whose right side comes second."""
    rows, cols, _ = shape(x)
    return rows, cols, broadcast([shape(a)[2] for a in (x, *others)])


def number_shape(c: Any, *others: Any) -> Shape:
    """The shape of one number of each member of a batch."""
    return ONE, ONE, broadcast([shape(a)[2] for a in others])


def _solver(name: str, kind: Kind) -> Head:
    recipe = Recipe(name, partial(solve_graph, kind), partial(solve_pullback, kind))
    SOLVERS[kind] = recipe
    return Head(name, partial(applied, recipe), solve_shape, partial(_separate, 2, kind is PRODUCT))


def _number(name: str, kind: Kind, of: Function) -> Head:
    graph, pullback = partial(number_graph, kind, of), partial(number_pullback, kind, of)
    normal = partial(_separate, 1, kind is PRODUCT)
    made = Head(name, partial(applied, Recipe(name, graph, pullback)), number_shape, normal)
    made.reduces = True
    return made


def _adjoint(name: str, graph: Any, adjoints: Any, place: int) -> Head:
    recipe = Recipe(name, graph, partial(adjoint_pullback, adjoints))
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
shifted_adjoint_left = _adjoint("shifted_adjoint_left", left_graph, left_adjoints, 0)
shifted_adjoint_right = _adjoint("shifted_adjoint_right", right_graph, right_adjoints, 1)
