"""What each kernel costs in flops, as a formula in its dimensions.

The formulas take numbers (to search) and polynomials (to prove) alike. Leading terms as in Golub &
Van Loan 2013, Matrix Computations; a batch multiplies. Elementwise work counts one flop per entry
and a copy half of one; each launch of a kernel counts `LAUNCH`, so that no rewrite is worth it that
only reorders small change.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterable
from typing import Any


def prod(factors: tuple[Any, ...]) -> Any:
    """The product of numbers, or of polynomials."""
    return functools.reduce(operator.mul, factors)


# About a microsecond of a slow core, which is what one more node costs in any backend.
LAUNCH = 200.0


def log2(n: Any) -> Any:
    """A logarithm, or for unknown lengths the tangent at 24, which is nowhere below it."""
    return math.log2(max(n, 2.0)) if isinstance(n, (int, float)) else n * 0.0602 + 3.142


def transforms(n: Any, columns: Any) -> Any:
    """Real Fourier transforms of columns of n entries (sec. 1.4)."""
    return n * log2(n) * columns * 2.5


COSTS: dict[str, Callable[..., Any]] = {
    "product": lambda m, k, n: 2 * m * k * n,
    # The steps of an einsum, each a launch.
    "products": lambda *sizes: 2 * sum(sizes) + LAUNCH * (len(sizes) - 1),
    "solve": lambda n, k: n * n * n * (2 / 3) + 2 * n * n * k,
    "solve_positive": lambda n, k: n * n * n * (1 / 3) + 2 * n * n * k,
    "solve_triangular": lambda n, k: n * n * k,
    "solve_again": lambda n, k: 2 * n * n * k,
    "inverse": lambda n: 2 * n * n * n,
    # Of order two: more operations than LAPACK needs, in less time than it takes to call it.
    "small_inverse": lambda n: 5 * n,
    "cholesky": lambda n: n * n * n * (1 / 3),
    "determinant": lambda n: n * n * n * (2 / 3),
    "determinants": lambda m, n: (m * m * m + n * n * n) * (2 / 3),
    "expm": lambda n: 30 * n * n * n,
    # With vectors by the symmetric QR algorithm (sec. 8.3.3), and without.
    "eigh": lambda n: 9 * n * n * n,
    "eigvalsh": lambda n: n * n * n * (4 / 3),
    # Of an m × n matrix with k = min(m, n), with all vectors (sec. 8.6).
    "svd": lambda m, n, k: 14 * m * n * k + 8 * k * k * k,
    # Without vectors (sec. 8.6.3).
    "svdvals": lambda m, n, k: 4 * m * n * k,
    # By reflections, with Q (sec. 5.2.9), and with a permutation (sec. 3.4).
    "qr": lambda m, n, k: 4 * m * n * k,
    "lu": lambda m, n, k: m * n * k * (2 / 3),
    # Of the singular values the large ones, and a product of the factors.
    "pinv": lambda m, n, k: 16 * m * n * k + 8 * k * k * k,
    # Householder, with the thin Q (sec. 5.2).
    "thin_qr": lambda m, n: 4 * m * n * n - n * n * n * (4 / 3),
    # Two real Schur forms (25 n³ each, sec. 7.5.6), the transforms and the triangular solve.
    "sylvester": lambda m, n: 25 * m * m * m + 25 * n * n * n + 5 * m * m * n + 5 * m * n * n,
    # Twice, with the products that say what is left.
    "lyapunov": lambda n: 144 * n * n * n + 4 * LAUNCH,
    # Values and vectors of each factor (9 n³, sec. 8.3), and all factors applied twice.
    "shifted_solve": lambda columns, *ns: (
        sum(9 * n * n * n for n in ns) + prod(ns) * columns * (4 * sum(ns) + 1)
    ),
    "shifted_logabsdet": lambda *ns: sum(9 * n * n * n for n in ns) + 2 * prod(ns),
    # One column is transformed, and the others there and back.
    "convolution": lambda n, k: transforms(n, k * 2 + 1) + n * k * 3,
    "sort": lambda n: n * log2(n),
    "spectrum": lambda n: transforms(n, 1) + n * 2,
    # Of a general matrix, for each column by itself (sec. 4.7).
    "levinson": lambda n, k: n * n * k * 8,
    # The index is computed, in two passes or more, for nothing else.
    "gather": lambda size: size * 4 + 2 * LAUNCH,
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
