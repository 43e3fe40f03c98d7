"""Solutions of matrix equations."""

from __future__ import annotations

from typing import Any

from pytensor.tensor import linalg

from matchers.algebra import Shape
from matchers.dims import broadcast
from matchers.heads import Head
from matchers.terms import shape


def _solved_shape(*xs: Any) -> Shape:
    rows, cols, _ = shape(xs[-1])
    return rows, cols, broadcast([shape(x)[2] for x in xs])


sylvester = Head(
    "sylvester",
    linalg.solve_sylvester,
    _solved_shape,
    template="sylvester({0}, {1}, {2})",
)


def _refined_lyapunov(a: Any, q: Any) -> Any:
    """X - A X Aᵀ = Q, solved for what is left of Q as well.

    The bilinear transform of A loses digits by itself, where A has eigenvalues near -1.
    """
    x = linalg.solve_discrete_lyapunov(a, q)
    return x + linalg.solve_discrete_lyapunov(a, q - x + a @ x @ a.mT)


discrete_lyapunov = Head(
    "discrete_lyapunov",
    _refined_lyapunov,
    _solved_shape,
    template="lyapunov({0}, {1})",
)
