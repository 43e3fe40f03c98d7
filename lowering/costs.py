"""What each kernel costs in flops, as a formula in its dimensions.

The formulas take numbers (to search) and polynomials (to prove) alike. Leading terms as in Golub &
Van Loan 2013, Matrix Computations; a batch multiplies. Elementwise work counts one flop per entry
and a copy half of one; each launch of a kernel counts `LAUNCH`, so that no rewrite is worth it that
only reorders small change.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable
from typing import Any


def prod(factors: tuple[Any, ...]) -> Any:
    """The product of numbers, or of polynomials."""
    return functools.reduce(operator.mul, factors)


# About a microsecond of a slow core, which is what one more node costs in any backend.
LAUNCH = 200.0

COSTS: dict[str, Callable[..., Any]] = {
    "product": lambda m, k, n: 2 * m * k * n,
    "products": lambda *sizes: 2 * sum(sizes),
    "solve": lambda n, k: n * n * n * (2 / 3) + 2 * n * n * k,
    "solve_positive": lambda n, k: n * n * n * (1 / 3) + 2 * n * n * k,
    "solve_triangular": lambda n, k: n * n * k,
    "solve_again": lambda n, k: 2 * n * n * k,
    "inverse": lambda n: 2 * n * n * n,
    "cholesky": lambda n: n * n * n * (1 / 3),
    "determinant": lambda n: n * n * n * (2 / 3),
    "expm": lambda n: 30 * n * n * n,
    # With vectors by the symmetric QR algorithm (sec. 8.3.3), and without.
    "eigh": lambda n: 9 * n * n * n,
    "eigvalsh": lambda n: n * n * n * (4 / 3),
    # Of an m × n matrix with k = min(m, n), with all vectors (sec. 8.6).
    "svd": lambda m, n, k: 14 * m * n * k + 8 * k * k * k,
    # Two real Schur forms (25 n³ each, sec. 7.5.6), the transforms and the triangular solve.
    "sylvester": lambda m, n: 25 * m * m * m + 25 * n * n * n + 5 * m * m * n + 5 * m * n * n,
    "lyapunov": lambda n: 70 * n * n * n,
    # Values and vectors of each factor (9 n³, sec. 8.3), and all factors applied twice.
    "shifted_solve": lambda columns, *ns: (
        sum(9 * n * n * n for n in ns) + prod(ns) * columns * (4 * sum(ns) + 1)
    ),
    "shifted_logabsdet": lambda *ns: sum(9 * n * n * n for n in ns) + 2 * prod(ns),
    "elementwise": lambda size: 1 * size,
    "sum": lambda size: 1 * size,
    "copy": lambda size: 0.5 * size,
    "repeat": lambda size: 0.5 * size,
    "unknown": lambda size: 1 * size,
}
# Views, and arithmetic on single numbers, which a plan and a graph spell in too many ways to count.
FREE = frozenset({"view", "leaf", "scalar"})


def cost(kernel: str, sizes: tuple[Any, ...], batch: Any = 1.0) -> Any:
    """The cost of one node that runs `kernel` once for each member of a batch."""
    return 0.0 if kernel in FREE else batch * COSTS[kernel](*sizes) + LAUNCH


def number_of_launches(calls: Iterable[tuple[str, Any, Any]]) -> int:
    """How many of these kernel calls are launched at all."""
    return sum(kernel not in FREE for kernel, _, _ in calls)
