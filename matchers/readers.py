"""How each PyTensor Op reads as a term: one small function per Op.

A reader (in `matchers.reading`) gets the node, which output is asked for and the `core`, the number
of last axes that are the matrix's (2 matrix, 1 column, 0 scalar). It returns what it needs to know
first, as ``(variable, core)`` pairs, and how to make the term of these; or None, and the output is
a leaf.
What a newer PyTensor may move or rename is all in this file and in that package.
"""

from __future__ import annotations

from pytensor.compile.builders import OpFromGraph
from pytensor.tensor.basic import Alloc, AllocDiag, ExtractDiag, Eye, Join
from pytensor.tensor.blas import BatchedDot
from pytensor.tensor.einsum import Einsum
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.linalg.constructors import BlockDiagonal
from pytensor.tensor.linalg.decomposition.cholesky import Cholesky
from pytensor.tensor.linalg.decomposition.eigen import Eigh, Eigvalsh
from pytensor.tensor.linalg.decomposition.svd import SVD
from pytensor.tensor.linalg.inverse import MatrixInverse
from pytensor.tensor.linalg.products import Expm, KroneckerProduct
from pytensor.tensor.linalg.solvers.general import Solve
from pytensor.tensor.linalg.solvers.linear_control import SolveSylvester
from pytensor.tensor.linalg.solvers.psd import CholeskySolve
from pytensor.tensor.linalg.solvers.triangular import SolveTriangular
from pytensor.tensor.linalg.summary import Det, SLogDet
from pytensor.tensor.math import Dot, Prod, Sum
from pytensor.tensor.shape import Reshape, SpecifyShape
from pytensor.tensor.subtensor import Subtensor

from matchers import vocabulary as v
from matchers.reading import axes, blocks, decompositions, elementwise, products, structure
from matchers.reading.common import Reader, core_op

READERS: dict[type, Reader] = {
    Dot: products.dot,
    BatchedDot: products.dot,
    MatrixInverse: products.inverse,
    Solve: products.solve,
    SolveTriangular: products.solve_triangular,
    CholeskySolve: products.cholesky_solve,
    DimShuffle: axes.dimshuffle,
    Reshape: axes.reshape,
    SpecifyShape: axes.specified,
    Elemwise: elementwise.elemwise,
    KroneckerProduct: structure.kron,
    BlockDiagonal: structure.matrices(v.block_diag),
    Expm: structure.matrices(v.expm),
    SolveSylvester: structure.matrices(v.sylvester),
    Cholesky: structure.cholesky,
    Eigh: decompositions.eigh,
    Eigvalsh: decompositions.eigvalsh,
    SVD: decompositions.svd,
    Det: structure.to_scalar(v.det),
    SLogDet: structure.slogdet,
    ExtractDiag: structure.extract_diag,
    AllocDiag: structure.alloc_diag,
    Sum: structure.total,
    Prod: structure.prod,
    Einsum: structure.einsum,
    Eye: structure.eye,
    Alloc: elementwise.alloc,
    OpFromGraph: structure.kron_pullback,
    Subtensor: blocks.subtensor,
    Join: blocks.join,
}

# Ops that carry linear algebra: a region grows from these.
STRUCTURAL: frozenset[type] = frozenset(READERS) - {
    DimShuffle,
    Reshape,
    SpecifyShape,
    Elemwise,
    Eye,
    Alloc,
    Prod,
    Subtensor,
    Join,
}
# Of these, one alone can be worth rewriting; of products it takes two.
PRODUCTS: frozenset[type] = frozenset({Dot, BatchedDot, Einsum})
SOLVERS: frozenset[type] = frozenset({Solve, SolveTriangular, CholeskySolve})
# What is read as a product.
MULTIPLYING: frozenset[type] = SOLVERS | {Dot, BatchedDot}
# Of what these make, one row or column may be cheaper than the whole.
PICKED: frozenset[type] = MULTIPLYING | {MatrixInverse, KroneckerProduct, BlockDiagonal}
ANCHORS: frozenset[type] = STRUCTURAL - PRODUCTS - {ExtractDiag, AllocDiag, Sum}

__all__ = [
    "ANCHORS",
    "MULTIPLYING",
    "PICKED",
    "PRODUCTS",
    "READERS",
    "SOLVERS",
    "STRUCTURAL",
    "core_op",
]
