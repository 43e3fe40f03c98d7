"""How each PyTensor Op reads as a term: one small function per Op.

A reader (in `matchers.reading`) gets the node, which output is asked for and the `core`, the number
of last axes that are the matrix's (2 matrix, 1 column, 0 scalar). It returns what it needs to know
first, as ``(variable, core)`` pairs, and how to make the term of these; or None, and the output is
a leaf.
What a newer PyTensor may move or rename is all in this file and in that package.
"""

from __future__ import annotations

from pytensor.assumptions.specify import SpecifyAssumptions
from pytensor.compile.builders import OpFromGraph
from pytensor.tensor.basic import Alloc, AllocDiag, ExtractDiag, Eye, Join
from pytensor.tensor.blas import BatchedDot
from pytensor.tensor.einsum import Einsum
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.linalg.constructors import BlockDiagonal
from pytensor.tensor.linalg.decomposition.cholesky import Cholesky
from pytensor.tensor.linalg.decomposition.eigen import Eigh, Eigvalsh
from pytensor.tensor.linalg.decomposition.lu import LU
from pytensor.tensor.linalg.decomposition.qr import QR
from pytensor.tensor.linalg.decomposition.svd import SVD
from pytensor.tensor.linalg.inverse import MatrixInverse, MatrixPinv
from pytensor.tensor.linalg.products import Expm, KroneckerProduct
from pytensor.tensor.linalg.solvers.general import Solve
from pytensor.tensor.linalg.solvers.linear_control import SolveSylvester
from pytensor.tensor.linalg.solvers.psd import CholeskySolve
from pytensor.tensor.linalg.solvers.triangular import SolveTriangular
from pytensor.tensor.linalg.summary import Det, SLogDet
from pytensor.tensor.math import All, Dot, Prod, Sum
from pytensor.tensor.shape import Reshape, SpecifyShape
from pytensor.tensor.subtensor import (
    AdvancedIncSubtensor,
    AdvancedSubtensor,
    IncSubtensor,
    Subtensor,
)

# A graph that was rewritten once may have them; all else of `lowering` is unknown here.
from lowering.blas import Gtmm, Potri, Syr2k, Syrk, Trmm
from matchers import vocabulary as v
from matchers.reading import (
    axes,
    blas,
    blocks,
    decompositions,
    displaced,
    einsums,
    elementwise,
    filled,
    products,
    set_diagonals,
    structure,
)
from matchers.reading.common import Reader, core_op
from matchers.signs import SignedLogDet

READERS: dict[type, Reader] = {
    Dot: products.dot,
    BatchedDot: products.dot,
    MatrixInverse: products.inverse,
    MatrixPinv: structure.pinv,
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
    QR: decompositions.qr,
    LU: decompositions.lu,
    Det: structure.to_scalar(v.det),
    SLogDet: structure.slogdet,
    SignedLogDet: structure.slogdet,
    ExtractDiag: structure.extract_diag,
    AllocDiag: structure.alloc_diag,
    Sum: structure.total,
    Prod: structure.prod,
    All: structure.definiteness,
    Einsum: einsums.einsum,
    Eye: structure.eye,
    Alloc: filled.alloc,
    OpFromGraph: structure.pullback,
    Subtensor: blocks.subtensor,
    Join: blocks.join,
    IncSubtensor: blocks.filled,
    AdvancedSubtensor: displaced.indexing,
    AdvancedIncSubtensor: set_diagonals.assigned,
    SpecifyAssumptions: displaced.declared,
    Syrk: blas.syrk,
    Trmm: blas.trmm,
    Gtmm: blas.gtmm,
    Syr2k: blas.syr2k,
    Potri: blas.potri,
}

# Ops that carry linear algebra: a region grows from these.
STRUCTURAL: frozenset[type] = frozenset(READERS) - {
    DimShuffle,
    Reshape,
    SpecifyShape,
    SpecifyAssumptions,
    Elemwise,
    Eye,
    Alloc,
    All,
    Subtensor,
    Join,
    IncSubtensor,
    AdvancedIncSubtensor,
}
# Of these, one alone can be worth rewriting; of products it takes two.
PRODUCTS: frozenset[type] = frozenset({Dot, BatchedDot, Einsum, Syrk, Trmm, Gtmm, Syr2k})
SOLVERS: frozenset[type] = frozenset({Solve, SolveTriangular, CholeskySolve})
# What is read as a product.
MULTIPLYING: frozenset[type] = SOLVERS | {Dot, BatchedDot, Syrk, Trmm, Gtmm}
# Of what these make, one row or column may be cheaper than the whole.
PICKED: frozenset[type] = MULTIPLYING | {MatrixInverse, KroneckerProduct, BlockDiagonal}
# What is dear, so that one of a matrix in two forms may serve for both.
FACTORIZED: frozenset[type] = SOLVERS | {
    MatrixInverse, Cholesky, Det, SLogDet, SignedLogDet, Expm,
}  # fmt: skip
ANCHORS: frozenset[type] = STRUCTURAL - PRODUCTS - {ExtractDiag, AllocDiag, Sum, Prod}

__all__ = [
    "ANCHORS",
    "FACTORIZED",
    "MULTIPLYING",
    "PICKED",
    "PRODUCTS",
    "READERS",
    "SOLVERS",
    "STRUCTURAL",
    "core_op",
]
