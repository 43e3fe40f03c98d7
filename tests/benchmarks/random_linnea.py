"""Random matrix expressions as Linnea's authors draw them, for NumPy and as PyTensor graphs.

Products, sums, transposes and inverses of matrices and vectors, some of which have a property; all
lengths are multiples of 50 (Barthels, Psarras & Bientinesi 2021, Linnea: Automatic generation of
efficient linear algebra programs, ACM TOMS 47, on random expressions). No code was taken.

Every matrix is near an identity, cut off where it is not square, so that what is inverted is well
conditioned: products of such matrices are near one, and sums are near a multiple of one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor import linalg

import kantor
from tests.benchmarks.linnea_problems import Graph

LENGTHS = range(50, 2001, 50)
# What all lengths are divided by where values are compared: different ones stay different.
SMALLER = 25
# How PyTensor calls each property of a square matrix.
KEYS: dict[str, tuple[str, ...]] = {
    "diagonal": ("diagonal",),
    "lower": ("lower_triangular",),
    "upper": ("upper_triangular",),
    "symmetric": ("symmetric",),
    "SPD": ("symmetric", "positive_definite"),
    "orthogonal": ("orthogonal",),
    "permutation": ("permutation",),
}
# A sum with a permutation may be singular.
NEAR_IDENTITY = tuple(k for k in KEYS if k != "permutation")


@dataclass(frozen=True)
class Operand:
    """A matrix with a value; a vector has one row or one column."""

    name: str
    shape: tuple[int, int]
    property: str = ""


@dataclass(frozen=True)
class Node:
    """An operation, ``product``, ``sum``, ``transpose`` or ``inverse``, or an operand."""

    op: str
    shape: tuple[int, int]
    args: tuple[Node, ...] = ()
    operand: Operand | None = None

    def __str__(self) -> str:
        args = [f"({a})" if len(a.args) == 2 and self.op != "inverse" else f"{a}"
                for a in self.args]  # fmt: skip
        match self.op:
            case "product":
                return " @ ".join(args)
            case "sum":
                return " + ".join(args)
            case "transpose":
                return f"{args[0]}.T"
            case "inverse":
                return f"inv({args[0]})"
        return "" if self.operand is None else self.operand.name


@dataclass(frozen=True)
class Drawn:
    """An expression and its operands, in the order in which they were drawn.

    Attributes
    ----------
    seed : int
    tree : Node
    operands : tuple of Operand
    columns : bool
        Whether vectors are matrices with one row or column in the graph.
    """

    seed: int
    tree: Node
    operands: tuple[Operand, ...]
    columns: bool

    @property
    def title(self) -> str:
        """The expression, with shape and property of each operand."""
        told = (f"{o.name} {o.property} {o.shape[0]}×{o.shape[1]}" for o in self.operands)
        return f"{self.tree}; " + ", ".join(" ".join(t.split()) for t in told)


class _Drawing:
    """Draws one expression."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.operands: list[Operand] = []
        self.lengths: list[int] = []

    def length(self) -> int:
        """A new length, or one that occurs already."""
        if self.lengths and self.random.random() < 0.4:
            return self.random.choice(self.lengths)
        self.lengths.append(self.random.choice(LENGTHS))
        return self.lengths[-1]

    def shape(self) -> tuple[int, int]:
        n = self.length()
        kind = self.random.random()
        if kind < 0.45:
            return n, n
        if kind < 0.65:
            return (n, 1) if self.random.random() < 0.7 else (1, n)
        return n, self.length()

    def leaf(self, shape: tuple[int, int], regular: bool) -> Node:
        """An operand, one that occurs already with some luck."""
        allowed = ["", *(NEAR_IDENTITY if regular else KEYS)] if shape[0] == shape[1] != 1 else [""]
        same = [o for o in self.operands if o.shape == shape and o.property in allowed]
        if same and self.random.random() < 0.3:
            operand = self.random.choice(same)
        else:
            has = len(allowed) > 1 and self.random.random() < 0.75
            property_ = self.random.choice(allowed[1:]) if has else ""
            letter = "A" if 1 not in shape else "v"
            operand = Operand(f"{letter}{len(self.operands)}", shape, property_)
            self.operands.append(operand)
        return Node("operand", shape, operand=operand)

    def node(
        self, operations: int, shape: tuple[int, int], regular: bool = False, above: str = ""
    ) -> Node:
        """An expression of so many operations; where it is `regular` it has an inverse."""
        if not operations:
            return self.leaf(shape, regular)
        square = shape[0] == shape[1] != 1
        chances = {"product": 6, "sum": 2, "transpose": 2, "inverse": 4 * square}
        # Nobody transposes a transpose, or inverts an inverse.
        choices = [k for k, n in chances.items() if k != above for _ in range(n)]
        op = self.random.choice(choices)
        if op == "product":
            return self.product(operations - 1, shape, regular)
        if op == "sum":
            first = self.random.randint(0, operations - 1)
            parts = (
                self.node(first, shape, regular),
                self.node(operations - 1 - first, shape, regular),
            )
            return Node("sum", shape, parts)
        if op == "inverse":
            return Node("inverse", shape, (self.node(operations - 1, shape, True, op),))
        inner = self.node(operations - 1, shape[::-1], regular, op)
        return Node("transpose", shape, (inner,))

    def product(self, operations: int, shape: tuple[int, int], regular: bool) -> Node:
        """A product; a regular one is of square factors, or a matrix with its own transpose."""
        n, m = shape
        if regular and self.random.random() < 0.3 and operations:
            # Xᵀ X of a high X is definite.
            k = max(n, self.length())
            x = self.leaf((k, n), False)
            return Node("product", shape, (Node("transpose", (n, k), (x,)), x))
        k = n if regular or self.random.random() < 0.3 else self.random.choice(self.shape())
        first = self.random.randint(0, operations)
        parts = (
            self.node(first, (n, k), regular),
            self.node(operations - first, (k, m), regular),
        )
        return Node("product", shape, parts)


def draw(seed: int, operations: int = 4) -> Drawn:
    """The expression of a seed.

    Parameters
    ----------
    seed : int
    operations : int
        Products, sums, transposes and inverses; a matrix with its own transpose may be drawn in
        the place of more.
    """
    drawing = _Drawing(seed * 101 + operations)
    tree = drawing.node(operations, drawing.shape())
    return Drawn(seed, tree, tuple(drawing.operands), drawing.random.random() < 0.5)


# --- as a graph -----------------------------------------------------------------------------------


def graph(drawn: Drawn, *, static: bool, scale: int = 1) -> Graph:
    """An expression as a user writes it, with what is known of its operands declared.

    Parameters
    ----------
    drawn : Drawn
    static : bool
        Whether the shapes are in the types.
    scale : int
        What all lengths are divided by.
    """
    inputs: dict[str, Any] = {}
    sizes: dict[Any, tuple[int, ...]] = {}
    told: dict[str, Any] = {}
    for o in drawn.operands:
        shape = written(drawn, smaller(o.shape, scale))
        unknown = tuple(1 if n == 1 else None for n in shape)
        x = pt.tensor(o.name, shape=shape if static else unknown, dtype="float64")
        inputs[o.name], sizes[x] = x, shape
        said = dict.fromkeys(KEYS.get(o.property, ()), True)
        told[o.name] = kantor.assume(x, **said) if said else x
    return Graph(list(inputs.values()), [_built(drawn, drawn.tree, told)], sizes)


def smaller(shape: tuple[int, int], scale: int) -> tuple[int, int]:
    """A shape where all lengths are divided by `scale`."""
    n, m = (length if length == 1 else length // scale for length in shape)
    return n, m


def written(drawn: Drawn, shape: tuple[int, int]) -> tuple[int, ...]:
    """The shape of what stands for a matrix in the graph."""
    return shape if drawn.columns else tuple(n for n in shape if n != 1)


def _built(drawn: Drawn, node: Node, told: Mapping[str, Any]) -> Any:
    if node.operand is not None:
        return told[node.operand.name]
    parts = [_built(drawn, a, told) for a in node.args]
    match node.op:
        case "sum":
            return parts[0] + parts[1]
        case "transpose":
            return parts[0].T
        case "inverse":
            return linalg.inv(parts[0])
    left, right = parts
    if drawn.columns or node.args[0].shape[1] != 1:
        return left @ right
    return pt.outer(left, right) if left.type.ndim == right.type.ndim == 1 else left * right


# --- values ---------------------------------------------------------------------------------------


def values(drawn: Drawn, scale: int = SMALLER) -> dict[str, Any]:
    """Operands that have the properties they are said to have."""
    rng = np.random.default_rng([drawn.seed, len(drawn.operands)])
    return {o.name: _value(rng, smaller(o.shape, scale), o.property) for o in drawn.operands}


def _value(rng: Any, shape: tuple[int, int], property_: str) -> Any:
    n, m = shape
    if 1 in shape:
        return rng.uniform(0.5, 1.5, size=shape)
    noise = rng.normal(size=shape) / (10 * np.sqrt(max(shape)))
    x = np.eye(n, m) + noise
    return _WITH[property_](x) if property_ else x


def _rotation(x: Any) -> Any:
    """The Cayley transform of a small skew matrix."""
    skew, eye = x - x.T, np.eye(len(x))
    return np.linalg.solve(eye - skew, eye + skew)


_WITH: dict[str, Callable[[Any], Any]] = {
    "diagonal": lambda x: np.diag(np.diag(x) + 0.5),
    "lower": np.tril,
    "upper": np.triu,
    "symmetric": lambda x: (x + x.T) / 2,
    "SPD": lambda x: x @ x.T,
    "orthogonal": _rotation,
    # As far from the identity as can be.
    "permutation": lambda x: np.eye(len(x))[np.argsort(x[:, 0])],
}


def literal(node: Node, given: Mapping[str, Any]) -> Any:
    """The value of an expression as it stands, in NumPy."""
    if node.operand is not None:
        return given[node.operand.name]
    parts = [literal(a, given) for a in node.args]
    match node.op:
        case "sum":
            return parts[0] + parts[1]
        case "transpose":
            return parts[0].T
        case "inverse":
            return np.linalg.inv(parts[0])
    return parts[0] @ parts[1]
