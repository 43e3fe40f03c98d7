"""The cheapest bracketing of a product of matrices with properties, inverses and transposes.

The dynamic programming of generalized matrix chains (Barthels, Copik & Bientinesi 2018, The
generalized matrix chain algorithm, CGO), written anew and with nothing of Kantor's in it: what is
known of a product of neighbours is inferred, kernels cost what `counter.py` says they cost.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.benchmarks.random_linnea import Node


class Part(NamedTuple):
    """A factor, or a product of neighbours.

    Attributes
    ----------
    rows, cols : int
    kind : str
        ``diagonal``, ``lower``, ``upper``, ``permutation`` or nothing.
    name : str
        Of a factor; its transpose is another.
    solver : str
        Of the inverse of a matrix, which is applied and not formed: of what kind the matrix is.
    symmetric : bool
    """

    rows: int
    cols: int
    kind: str = ""
    name: str = ""
    solver: str = ""
    symmetric: bool = False


_TURNED = {"lower": "upper", "upper": "lower"}
# n³ times this for a factorization, n² times that for each column.
_SOLVERS = {"SPD": (1 / 3, 2), "symmetric": (1 / 3, 2), "": (2 / 3, 2), "triangular": (0, 1)}


def best_chain(tree: Node) -> float | None:
    """The flops of the best bracketing of an expression, if it is a product of its operands."""
    parts = _factors(tree, False, False)
    if parts is None:
        return None
    best: dict[tuple[int, int], dict[str, float]] = {}
    n = len(parts)
    for i, part in enumerate(parts):
        # Where the ones of a permutation are is looked for.
        best[i, i] = {part.kind: part.rows**2 if part.kind == "permutation" else 0.0}
    for width in range(1, n):
        for i in range(n - width):
            best[i, i + width] = _joined(parts, best, i, i + width)
    return min(c for c in best[0, n - 1].values()) + (_formed(parts[0]) if n == 1 else 0)


def _factors(node: Node, turned: bool, inverted: bool) -> list[Part] | None:
    """The factors of a product, with transposes and inverses on the operands."""
    if node.operand is not None:
        return [_factor(node, turned, inverted)]
    if node.op == "sum":
        return None
    if node.op == "product":
        if inverted and node.args[0].shape[0] != node.args[0].shape[1]:
            return None
        parts = [_factors(a, turned, inverted) for a in node.args]
        if parts[0] is None or parts[1] is None:
            return None
        return [*parts[1], *parts[0]] if turned != inverted else [*parts[0], *parts[1]]
    (inner,) = node.args
    if node.op == "transpose":
        return _factors(inner, not turned, inverted)
    return _factors(inner, turned, not inverted)


def _factor(node: Node, turned: bool, inverted: bool) -> Part:
    assert node.operand is not None
    (n, m), has = node.shape, node.operand.property
    kind = has if has in ("diagonal", "lower", "upper", "permutation") else ""
    if turned:
        n, m, kind = m, n, _TURNED.get(kind, kind)
    symmetric = has in ("symmetric", "SPD", "diagonal")
    name = node.operand.name + "ᵀ" * (turned and not symmetric)
    if not inverted or has in ("orthogonal", "permutation"):
        if inverted:
            name = node.operand.name + "ᵀ" * (not turned)
        return Part(n, m, kind, name, "", symmetric)
    solver = "triangular" if kind in _TURNED else has if has in ("SPD", "symmetric") else "LU"
    return Part(n, m, kind, name + "⁻¹", "" if kind == "diagonal" else solver, symmetric)


def _joined(
    parts: list[Part], best: dict[tuple[int, int], dict[str, float]], i: int, j: int
) -> dict[str, float]:
    """The cheapest way to each kind that the product of factors i…j may be known to have."""
    found: dict[str, float] = {}
    for k in range(i, j):
        for left, before in best[i, k].items():
            for right, after in best[k + 1, j].items():
                kind = _kind(left, right)
                cost = before + after + _cost(parts, (i, k, j), left, right)
                found[kind] = min(cost, found.get(kind, cost))
    return found


def _kind(left: str, right: str) -> str:
    """What is known of a product."""
    if left == right:
        return left
    if "diagonal" in (left, right):
        other = left if right == "diagonal" else right
        return other if other in _TURNED else ""
    return ""


def _cost(parts: list[Part], at: tuple[int, int, int], left: str, right: str) -> float:
    i, k, j = at
    m, inner, n = parts[i].rows, parts[k].cols, parts[j].cols
    solves = [
        (parts[i] if i == k else None, n),
        (parts[j] if k + 1 == j else None, m),
    ]  # fmt: skip
    ways = [_solve(p, width) for p, width in solves if p is not None and p.solver]
    if len(ways) == 2:
        # One of the two is formed, as the other's right side.
        return min(ways[0] + _formed(parts[j]), ways[1] + _formed(parts[i]))
    if ways:
        return ways[0]
    # What is scaled, moved or of rank one is entrywise.
    if inner == 1 or not {"diagonal", "permutation"}.isdisjoint((left, right)):
        return 0.0
    if left in _TURNED and n != 1:
        return float(inner * inner * n)
    if right in _TURNED and m != 1:
        return float(inner * inner * m)
    if _mirrored(parts, i, k, j) and m != 1:
        return float(m * m * inner)
    return 2.0 * m * inner * n


def _mirrored(parts: list[Part], i: int, k: int, j: int) -> bool:
    def turned(p: Part) -> str:
        if p.symmetric:
            return p.name
        return p.name.removesuffix("ᵀ") if p.name.endswith("ᵀ") else p.name + "ᵀ"

    if any(p.solver for p in parts[i : j + 1]):
        return False
    return [p.name for p in parts[i : k + 1]] == [turned(p) for p in parts[j:k:-1]]


def _solve(part: Part, width: int) -> float:
    once, each = _SOLVERS.get(part.solver, _SOLVERS[""])
    return once * part.rows**3 + each * part.rows**2 * width


def _formed(part: Part) -> float:
    """An inverse that stands by itself."""
    if not part.solver:
        return 0.0
    n = float(part.rows) ** 3
    return {"triangular": 1.0, "SPD": 1.0}.get(part.solver, 2.0) * n
