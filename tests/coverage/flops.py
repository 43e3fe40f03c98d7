"""The flops of a graph, counted node by node while it runs, from the shapes that come in.

Leading terms as in Golub & Van Loan 2013, Matrix Computations; independent of the cost model in
``lowering``, which it judges. Entrywise work counts one flop per entry and operation, what only
moves entries counts none. An Op that is not in the tables is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log2, prod
from typing import Any

import numpy as np
from pytensor.graph.fg import FunctionGraph
from pytensor.scan.op import Scan
from pytensor.tensor.blockwise import Blockwise

Shapes = Sequence[tuple[int, ...]]


class UnknownOp(Exception):
    """Nobody has said what an Op costs."""


def _dot(ins: Shapes, outs: Shapes) -> float:
    return 2 * prod(outs[0]) * (ins[0][-1] if ins[0] else 1)


def _solving(factorization: float, per_column: float) -> Callable[[Shapes, Shapes], float]:
    """n³ for a factorization, n² for each column of the last operand."""

    def count(ins: Shapes, outs: Shapes) -> float:
        n, size = ins[0][-1], prod(outs[0])
        return factorization * n**3 + per_column * n * size

    return count


def _cubic(factor: float) -> Callable[[Shapes, Shapes], float]:
    def count(ins: Shapes, outs: Shapes) -> float:
        m, n = ins[0][-2:]
        return factor * m * n * min(m, n)

    return count


def _sylvester(ins: Shapes, outs: Shapes) -> float:
    m, n = ins[0][-1], ins[1][-1]
    return 25 * m**3 + 25 * n**3 + 5 * m * m * n + 5 * m * n * n


def trapezoid(op: Any, ins: Shapes, outs: Shapes) -> float:
    """Twice the entries that are read of a triangle or trapezoid, for each column."""
    q, long = min(ins[0]), ins[0][0 if op.lower else 1]
    return q * (2 * long - q) * ins[1][1]


def _entrywise(ins: Shapes, outs: Shapes) -> float:
    return max(1, len(ins) - 1) * prod(outs[0])


def _entries_in(ins: Shapes, outs: Shapes) -> float:
    return prod(ins[0])


def _entries_out(ins: Shapes, outs: Shapes) -> float:
    return prod(outs[0])


def _nothing(ins: Shapes, outs: Shapes) -> float:
    return 0.0


# What only moves or makes entries, and what is done to lengths.
_MOVING = """
    AdvancedIncSubtensor AdvancedSubtensor Alloc AllocDiag AllocEmpty ARange Assert BlockDiagonal
    CheckAndRaise CheckParameterValue DeepCopyOp DimShuffle ExtractDiag Eye IncSubtensor Join
    MakeVector MatrixTranspose PivotToPermutations Reshape ScalarFromTensor Second Shape Shape_i
    SpecifyAssumptions SpecifyShape Split Subtensor TensorFromScalar Tri Unbroadcast
    AdvancedSubtensor1 AdvancedIncSubtensor1 ArgSortOp SortOp Nonzero ViewOp CopyOp ScalarShape
"""
MOVING = frozenset(_MOVING.split())


def _transforms(n: int, columns: int) -> float:
    """Real Fourier transforms (Golub & Van Loan 2013, sec. 1.4)."""
    return 2.5 * n * log2(max(n, 2)) * columns


def _convolution(ins: Shapes, outs: Shapes) -> float:
    """One column is transformed, all others there and back, and multiplied by it."""
    n, k = ins[0][0], ins[-1][1]
    if len(ins) == 3:  # a column and a row, around which a circulant matrix goes
        n += ins[1][0]
    return _transforms(n, 2 * k + 1) + 3 * n * k


def _correlation(ins: Shapes, outs: Shapes) -> float:
    n, k = ins[0]
    return _transforms(n, 2 * k + 1) + 4 * n * k


COUNTS: dict[str, Callable[[Shapes, Shapes], float]] = {
    **dict.fromkeys(MOVING, _nothing),
    **dict.fromkeys(("Dot", "BatchedDot", "Dot22", "Dot22Scalar"), _dot),
    **dict.fromkeys(("Elemwise", "Composite"), _entrywise),
    **dict.fromkeys(("Sum", "Prod", "Max", "Min", "All", "Any", "CAReduce", "CumOp"), _entries_in),
    **dict.fromkeys(("ProdWithoutZeros", "Argmax", "MaxAndArgmax", "Softmax"), _entries_in),
    "KroneckerProduct": _entries_out,
    **dict.fromkeys(("CirculantDot", "CirculantSolve", "ToeplitzDot"), _convolution),
    "Correlation": _correlation,
    "CirculantDet": lambda ins, outs: _transforms(ins[0][0], 1) + 2 * ins[0][0],
    "LevinsonSolve": lambda ins, outs: 8 * ins[0][0] * prod(outs[0]),
    "Solve": _solving(2 / 3, 2),
    "SolveTriangular": _solving(0, 1),
    "CholeskySolve": _solving(0, 2),
    "LUSolve": _solving(0, 2),
    "MatrixInverse": _cubic(2),
    # One triangle, which is copied to the other.
    "Syrk": lambda ins, outs: prod(ins[0]) * ins[0][0],
    "Gtmm": lambda ins, outs: 6 * prod(outs[0]),
    "Syr2k": lambda ins, outs: 2 * prod(ins[0]) * ins[0][0],
    "Potri": _cubic(2 / 3),
    "LUFactor": _cubic(2 / 3),
    "LU": _cubic(2 / 3),
    "LUFactorTridiagonal": lambda ins, outs: 8 * ins[1][-1],
    "SolveLUFactorTridiagonal": lambda ins, outs: 8 * prod(outs[0]),
    "Cholesky": _cubic(1 / 3),
    "Det": _cubic(2 / 3),
    "SLogDet": _cubic(2 / 3),
    "SignedLogDet": _cubic(2 / 3),
    **dict.fromkeys(("QR", "ThinQR"), _cubic(4 / 3)),
    "SVD": _cubic(22),
    "MatrixPinv": _cubic(24),
    "Eigh": _cubic(9),
    "Eigvalsh": _cubic(4 / 3),
    "Eig": _cubic(25),
    "Schur": _cubic(25),
    "Expm": _cubic(30),
    "SolveSylvester": _sylvester,
    "TRSYL": lambda ins, outs: sum(ins[0][-1] * prod(s) for s in ins[1:]),
    "SolveDiscreteLyapunov": _cubic(70),
    "SolveBilinearDiscreteLyapunov": _cubic(70),
    "SolveContinuousLyapunov": _cubic(60),
}

# What an Op costs that does more or less by its properties.
BY_OP: dict[str, Callable[[Any, Shapes, Shapes], float]] = {"Trmm": trapezoid}


def run(fgraph: FunctionGraph, values: Sequence[Any]) -> tuple[list[Any], float]:
    """Run a graph with the Python implementations of its Ops.

    Returns
    -------
    outputs : list of array
    flops : float

    Raises
    ------
    UnknownOp
        Where a node has an Op that is in no table.
    """
    storage: dict[Any, list[Any]] = {x: [v] for x, v in zip(fgraph.inputs, values, strict=True)}
    flops = 0.0
    for node in fgraph.toposort():
        for x in node.inputs:
            if x not in storage:
                storage[x] = [getattr(x, "data", None)]
        for out in node.outputs:
            storage[out] = [None]
        computed = {x: [True] for x in node.inputs} | {x: [False] for x in node.outputs}
        node.op.make_thunk(node, storage, computed, no_recycling=[], impl="py")()
        flops += _count(node, [storage[x][0] for x in node.inputs], storage)
    outputs = [storage[o][0] if o in storage else o.data for o in fgraph.outputs]
    return [np.asarray(x) for x in outputs], flops


def _count(node: Any, inputs: list[Any], storage: dict[Any, list[Any]]) -> float:
    op = node.op
    ins = [np.shape(x) for x in inputs]
    outs = [np.shape(storage[o][0]) for o in node.outputs]
    times = 1
    if isinstance(op, Blockwise):
        n = op.batch_ndim(node)
        times = prod(outs[0][:n])
        ins, outs = [s[n:] for s in ins], [s[n:] for s in outs]
        op = op.core_op
    name = type(op).__name__
    if name in BY_OP:
        return times * BY_OP[name](op, ins, outs)
    if name in COUNTS:
        return times * COUNTS[name](ins, outs)
    if isinstance(op, Scan):
        return _of_scan(op, inputs)
    if hasattr(op, "fgraph"):  # an OpFromGraph, which a KroneckerProduct is as well
        return times * run(op.fgraph, inputs)[1]
    raise UnknownOp(f"nothing says what {name} costs; add it to COUNTS in tests/coverage/flops.py")


def _of_scan(op: Scan, inputs: list[Any]) -> float:
    """All steps of a loop that carries nothing from one to the next."""
    info = op.info
    if info.n_mit_mot or info.n_mit_sot or info.n_sit_sot or info.n_untraced_sit_sot:
        raise UnknownOp("the flops of a Scan with a state are not counted")
    slices = [x[0] for x in op.outer_seqs(inputs)]
    steps = int(inputs[0])
    return steps * run(op.fgraph, [*slices, *op.outer_non_seqs(inputs)])[1]
