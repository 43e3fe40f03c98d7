"""Bracketing a product: the matrix chain problem with solves, diagonals and given values.

Dynamic programming over all bracketings, as in Godbole 1973, where an inverse is never formed if a
solve with what stands beside it is cheaper.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from lowering.blas.syrk import THIN
from lowering.costs import cost
from lowering.formulas import LAUNCH

# Longer chains are bracketed from one end, whichever is cheaper: the programming is cubic.
LONGEST = 24
# Factors that are multiplied as they are; columns and rows of the identity are, but for views.
UNAPPLIED = frozenset({"plain", "column", "row"})
# Factors that are there, but of which a product takes less than one of others.
TRIANGLES = frozenset({"triangular", "lower_trapezoid", "upper_trapezoid"})
FORMED = TRIANGLES | {"tridiagonal"}
# An inverse that is made of a Cholesky factor where it has to be formed, and solves by it.
DEFINITE = "solve_definite"
# Factors that are applied and never formed; of two neighbours the one of the higher rank is.
_RANKS = {
    "solve_triangular": 0, "diagonal": 1, "permutation": 1, "solve_positive": 2, "solve": 3,
    DEFINITE: 4,
}  # fmt: skip
Tree = int | tuple["Tree", "Tree"]
# The cheapest way to multiply some neighbours: what it costs, and how many stand on the left.
Split = tuple[float, int]


def never(*places: int) -> bool:
    """What is said of no factors at all."""
    return False


def bracket(
    kinds: Sequence[str],
    dims: Sequence[float],
    batch: float = 1.0,
    mirrored: Callable[[int, int, int], bool] = never,
    there: Callable[[int, int], bool] = never,
    known: dict[Any, Split] | None = None,
    factors: Sequence[Any] = (),
) -> tuple[float, Tree]:
    """The cheapest bracketing of a chain.

    Parameters
    ----------
    kinds : sequence of str
        Of each factor ``plain``, ``triangular``, ``lower_trapezoid``, ``upper_trapezoid``,
        ``tridiagonal``, ``diagonal``, ``permutation``, ``ones``, ``column`` (of the identity),
        ``row``, or the kernel that solves with it, which makes it an inverse.
    dims : sequence of float
        Rows of the first factor, then the columns of each.
    batch : float
        How many such products there are.
    mirrored : callable, optional
        Whether the product of factors k+1…j is the transpose of that of i…k, where these are as
        many; asked with i, k, j.
    there : callable, optional
        Whether the product of factors i…j is computed anyway.
    known : dict, optional
        What was found for some neighbours in other chains, by the batch and the factors.
    factors : sequence, optional
        What the chain is made of, where there is something known.

    Returns
    -------
    cost : float
    tree : nested pairs of factor numbers
    """
    n = len(kinds)
    if n > LONGEST:
        ends = [_from_end(kinds, dims, batch, right) for right in (False, True)]
        return min(ends, key=lambda end: end[0])
    found: dict[Any, Split] = {} if known is None else known
    costs = {(i, i): leaf_cost(k, dims[i + (k == "row")], batch) for i, k in enumerate(kinds)}
    splits: dict[tuple[int, int], int] = {}
    for width in range(1, n):
        for i in range(n - width):
            j = i + width
            key = (batch, *factors[i : j + 1]) if factors else (i, j)
            best = found.get(key)
            if best is None:
                best = found[key] = _split(kinds, dims, batch, mirrored, costs, i, j)
            splits[i, j] = i + best[1] - 1
            costs[i, j] = 0.0 if there is not never and there(i, j) else best[0]
    return costs[0, n - 1], _tree(splits, 0, n - 1)


def _split(
    kinds: Sequence[str],
    dims: Sequence[float],
    batch: float,
    mirrored: Callable[[int, int, int], bool],
    costs: dict[tuple[int, int], float],
    i: int,
    j: int,
) -> Split:
    """The cheapest last step of multiplying factors i…j."""
    least, place = inf, i
    for k in range(i, j):
        first, last = kinds[i] if i == k else "plain", kinds[j] if k + 1 == j else "plain"
        if k - i == j - k - 1 and mirrored(i, k, j) and of_two_halves(kinds, dims, i, k, j):
            total = _gram(dims, batch, i, k) + costs[i, k]
        elif first == "plain" and last == "plain":
            flops = batch * (2 * dims[i] * dims[k + 1] * dims[j + 1])
            total = flops + LAUNCH + (costs[i, k] + costs[k + 1, j])
        else:
            total = step_cost(kinds, dims, batch, i, k, j) + _parts(costs, kinds, i, k, j)
        if total < least:
            least, place = total, k
    return least, place - i + 1


def _tree(splits: dict[tuple[int, int], int], i: int, j: int) -> Tree:
    if i == j:
        return i
    k = splits[i, j]
    return _tree(splits, i, k), _tree(splits, k + 1, j)


def _gram(dims: Sequence[float], batch: float, i: int, k: int) -> float:
    inner = dims[k + 1]
    return float(cost("gram", (dims[i], inner, min(inner, THIN)), batch))


def of_two_halves(kinds: Sequence[str], dims: Sequence[float], i: int, k: int, j: int) -> bool:
    """Whether one kernel multiplies what factors i…k make with its transpose, which is k+1…j.

    Of a column or a row, and of what is applied and not made, there is no such kernel.
    """
    return dims[i] != 1 and dims[k + 1] != 1 and not applied(kinds, i, k, j)


def _parts(
    costs: dict[tuple[int, int], float], kinds: Sequence[str], i: int, k: int, j: int
) -> float:
    """The cost of both parts; an inverse or a diagonal that is applied is never formed."""
    side = applied(kinds, i, k, j)
    left = 0.0 if side == "left" else costs[i, k]
    return left if side == "right" else left + costs[k + 1, j]


def applied(kinds: Sequence[str], i: int, k: int, j: int) -> str:
    """Which of the products of factors i…k and k+1…j is applied to the other without being formed.

    A column of the identity takes a column of what stands before it, a row a row of what follows.
    Ones are last: a sum over what a solve or a diagonal leaves is cheaper than one over it.
    """
    first, last = kinds[i] if i == k else "plain", kinds[j] if k + 1 == j else "plain"
    rank, other = _RANKS.get(first), _RANKS.get(last)
    if rank is not None:
        return "left" if other is None or rank <= other else "right"
    if other is not None:
        return "right"
    if last == "column" or (first != "row" and last == "ones"):
        return "right"
    if first in ("row", "ones") or first in FORMED:
        return "left"
    return "right" if last in FORMED else ""


def leaf_cost(kind: str, n: float, batch: float = 1.0) -> float:
    """What it costs to form a factor by itself."""
    if kind in ("plain", "permutation") or kind in FORMED:
        return 0.0
    if kind == "ones" or kind in UNAPPLIED:
        return float(cost("copy", (n,), batch))
    if kind == "diagonal":
        return float(cost("copy", (n * n,), batch))
    if kind == "solve_triangular":
        return float(cost(kind, (n, n), batch) + cost("copy", (n * n,)))
    if kind == DEFINITE:
        return float(cost("cholesky", (n,), batch) + cost("inverse_positive", (n,), batch))
    return float(cost("inverse", (n,), batch))


def step_cost(
    kinds: Sequence[str], dims: Sequence[float], batch: float, i: int, k: int, j: int
) -> float:
    """The cost of multiplying factors i…k with k+1…j, both computed."""
    m, inner, n = dims[i], dims[k + 1], dims[j + 1]
    side = applied(kinds, i, k, j)
    if not side:
        return float(cost("product", (m, inner, n), batch))
    kind, width = (kinds[i], n) if side == "left" else (kinds[j], m)
    if kind in TRIANGLES:
        if width == 1:
            return float(cost("product", (m, inner, n), batch))
        shape = (m, inner) if side == "left" else (inner, n)
        sizes = of_triangle(kind, *shape, min(shape))
        return float(cost("triangular", (*sizes, width), batch))
    if kind == "tridiagonal":
        return float(cost(kind, (m if side == "left" else n, width), batch))
    return _applied(kind, inner, width, m * inner * n, batch)


def of_triangle[Length](
    kind: str, rows: Length, cols: Length, q: Length
) -> tuple[Length, Length, Length]:
    """The sizes that the zeros of a triangle or trapezoid with a diagonal of length q depend on.

    The first is the length of the axis along which nothing is full beyond the triangle.
    """
    if kind == "triangular":
        return rows, rows, rows
    return (rows, cols, q) if kind == "upper_trapezoid" else (cols, rows, q)


def _applied(kind: str, n: float, k: float, terms: float, batch: float) -> float:
    if kind in UNAPPLIED:
        return 0.0
    if kind == "diagonal":
        return float(cost("elementwise", (n * k,), batch))
    if kind == "ones":  # one of the three lengths is 1
        return float(cost("sum", (terms,), batch))
    return float(cost("solve_positive" if kind == DEFINITE else kind, (n, k), batch))


def _from_end(
    kinds: Sequence[str], dims: Sequence[float], batch: float, right: bool
) -> tuple[float, Tree]:
    n = len(kinds)
    start = n - 1 if right else 0
    total, tree = leaf_cost(kinds[start], dims[start], batch), start
    out: Tree = tree
    for step in range(1, n):
        if right:
            i = n - 1 - step
            total += step_cost(kinds, dims, batch, i, i, n - 1)
            out = (i, out)
        else:
            total += step_cost(kinds, dims, batch, 0, step - 1, step)
            out = (out, step)
    return total, out
