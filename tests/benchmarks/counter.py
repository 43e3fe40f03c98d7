"""The flops of a finished graph at given lengths, without running it.

Shapes come from the shape inference of PyTensor's Ops, so that graphs of any size are counted. The
costs are those of BLAS and LAPACK (Golub & Van Loan 2013, Matrix Computations; Barthels, Psarras &
Bientinesi 2021, for Linnea): entrywise work and moving entries count nothing. A product costs what
the Op computes, whatever is known of its operands. An Op that nobody priced is an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from pytensor.compile.ops import DeepCopyOp
from pytensor.graph.basic import Constant
from pytensor.graph.fg import FunctionGraph
from pytensor.scalar.basic import ScalarOp
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.elemwise import CAReduce, Elemwise
from pytensor.tensor.rewriting.shape import ShapeFeature
from pytensor.tensor.shape import Shape, Shape_i

from tests.coverage.flops import BY_OP, COUNTS, MOVING, Shapes, UnknownOp

FREE = MOVING | {"Elemwise", "Composite", "Sum", "Max", "Min", "All", "Any", "KroneckerProduct"}

# Ops that do not infer shapes, and whose result is as long as what they are given.
LIKE_FIRST = frozenset({"PivotToPermutations"})


class Counted(NamedTuple):
    """What one node takes."""

    kernel: str
    shapes: Shapes
    flops: float


def _gemm(op: Any, ins: Shapes, outs: Shapes) -> float:
    return 2 * prod(outs[0]) * ins[2][-1]


def _ger(op: Any, ins: Shapes, outs: Shapes) -> float:
    return 2 * prod(outs[0])


# The part of n³ that a factorization takes, by what is assumed; a column then takes 2 n².
_FACTORIZATIONS = {"gen": 2 / 3, "sym": 1 / 3, "her": 1 / 3, "pos": 1 / 3}
_SUBSTITUTIONS = ("lower triangular", "upper triangular")


def _solve(op: Any, ins: Shapes, outs: Shapes) -> float:
    n, size = ins[0][-1], prod(outs[0])
    if op.assume_a in _FACTORIZATIONS:
        return _FACTORIZATIONS[op.assume_a] * n**3 + 2 * n * size
    if op.assume_a in _SUBSTITUTIONS:
        return n * size
    if op.assume_a == "diagonal":
        return size
    if op.assume_a == "tridiagonal":
        return 8 * size
    raise UnknownOp(f"nothing says what a Solve costs that assumes {op.assume_a!r}")


def _triangular_solve(op: Any, ins: Shapes, outs: Shapes) -> float:
    return ins[0][-1] * prod(outs[0])


def _qr(op: Any, ins: Shapes, outs: Shapes) -> float:
    """R alone, and as much again for Q."""
    n, m = max(ins[0]), min(ins[0])
    return (1 if getattr(op, "mode", "full") in ("r", "raw") else 2) * 2 * m**2 * (n - m / 3)


def _eigvalsh(op: Any, ins: Shapes, outs: Shapes) -> float:
    return 10 / 3 * ins[0][-1] ** 3


# The kernels of BLAS, by the names that Ops for them have.
KERNELS: dict[str, Callable[[Any, Shapes, Shapes], float]] = {
    "Gemm": _gemm,
    "Gemv": lambda op, ins, outs: 2 * prod(ins[2]),
    "CGemv": lambda op, ins, outs: 2 * prod(ins[2]),
    "Ger": _ger,
    "CGer": _ger,
    "Solve": _solve,
    "SolveTriangular": _triangular_solve,
    "QR": _qr,
    "Eigvalsh": _eigvalsh,
    **BY_OP,
    # Kantor's own: syrk n²k, syr2k 2n²k, potri from the factor 2n³/3.
    "Syrk": lambda op, ins, outs: prod(ins[0]) * ins[0][0],
    "Syr2k": lambda op, ins, outs: 2 * prod(ins[0]) * ins[0][0],
    "Potri": lambda op, ins, outs: ins[0][0] ** 3 * 2 / 3,
}


def count(fgraph: FunctionGraph, sizes: Sequence[tuple[int, ...]]) -> tuple[float, list[Counted]]:
    """The flops of a graph whose inputs have given shapes, and the nodes that take some.

    Parameters
    ----------
    fgraph : FunctionGraph
        Of a compiled function; it is left as it is.
    sizes : sequence of tuple of int
        The shape of each input.

    Raises
    ------
    UnknownOp
        Where nothing says what an Op costs, or a shape cannot be told without its value.
    """
    copy = FunctionGraph(fgraph.inputs, fgraph.outputs, clone=True)
    shapes = _Known(copy, dict(zip(copy.inputs, sizes, strict=True)))
    found = [_node(node, shapes) for node in copy.toposort()]
    return sum(c.flops for c in found), [c for c in found if c.flops]


def _node(node: Any, known: _Known) -> Counted:
    op = node.op
    name = type(op.core_op if isinstance(op, Blockwise) else op).__name__
    if isinstance(op, Elemwise | CAReduce | ScalarOp | DeepCopyOp) or name in FREE:
        return Counted(name, (), 0.0)
    ins = [known.shape(x) for x in node.inputs]
    outs = [known.shape(x) for x in node.outputs]
    times = 1
    if isinstance(op, Blockwise):
        n = op.batch_ndim(node)
        times = prod(outs[0][:n])
        ins, outs = [s[n:] for s in ins], [s[n:] for s in outs]
        op = op.core_op
    if name in KERNELS:
        flops = KERNELS[name](op, ins, outs)
    elif name in COUNTS:
        flops = COUNTS[name](ins, outs)
    elif hasattr(op, "fgraph") and not hasattr(op, "info"):  # an OpFromGraph, but no Scan
        flops = count(op.fgraph.unfreeze(), ins)[0]
    else:
        raise UnknownOp(f"nothing says what {name} costs; add it to {__name__}")
    return Counted(name, tuple(ins), times * flops)


def _untold(x: Any, lengths: Any) -> bool:
    """Whether a shape is given as no more than the shape of the variable itself."""
    return any(
        n.owner is not None and isinstance(n.owner.op, Shape_i) and n.owner.inputs[0] is x
        for n in lengths or ()
    )


class _Known:
    """The shapes in a graph, and the values of what depends on shapes alone."""

    def __init__(self, fgraph: FunctionGraph, sizes: Mapping[Any, tuple[int, ...]]) -> None:
        feature = ShapeFeature()
        fgraph.attach_feature(feature)
        self._symbolic = feature.shape_tuple
        self._shapes = dict(sizes)
        self._values: dict[Any, Any] = {}
        self._asked: set[Any] = set()

    def shape(self, x: Any) -> tuple[int, ...]:
        """The shape of a variable of the graph, or of one that its shapes are made of."""
        if x not in self._shapes:
            if isinstance(x, Constant):
                found = np.shape(x.data)
            elif not getattr(x.type, "ndim", 0):
                found = ()
            elif _untold(x, lengths := self._symbolic(x)):
                found = self._by_rule(x)
            else:
                found = tuple(int(self._value(n)) for n in lengths)
            self._shapes[x] = found
        return self._shapes[x]

    def _by_rule(self, x: Any) -> tuple[int, ...]:
        """The shape of a result whose Op does not infer it."""
        op = x.owner.op
        name = type(op.core_op if isinstance(op, Blockwise) else op).__name__
        if name not in LIKE_FIRST:
            raise UnknownOp(f"{name} does not infer shapes")
        return self.shape(x.owner.inputs[0])

    def _value(self, x: Any) -> Any:
        if isinstance(x, Constant):
            return x.data
        if x in self._values:
            return self._values[x]
        if x.owner is None or x in self._asked:
            raise UnknownOp(f"a length depends on the value of {x}")
        self._asked.add(x)
        op, inputs = x.owner.op, x.owner.inputs
        if isinstance(op, Shape_i):
            values = [self.shape(inputs[0])[op.i]]
        elif isinstance(op, Shape):
            values = [np.array(self.shape(inputs[0]), dtype="int64")]
        elif isinstance(op, ScalarOp):
            values = [op.impl(*map(self._value, inputs))]
        else:
            storage: list[list[Any]] = [[None] for _ in x.owner.outputs]
            op.perform(x.owner, [np.asarray(self._value(i)) for i in inputs], storage)
            values = [s[0] for s in storage]
        self._values.update(zip(x.owner.outputs, values, strict=True))
        return self._values[x]


def table(counted: Sequence[Counted]) -> Counter[str]:
    """Flops by kernel and shapes."""
    found: Counter[str] = Counter()
    for c in counted:
        shapes = " · ".join("×".join(map(str, s)) for s in c.shapes if s)
        found[f"{c.kernel} {shapes}"] += c.flops  # type: ignore[assignment]
    return found
