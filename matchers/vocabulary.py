"""The mathematical vocabulary: all heads of terms.

Most are defined beside, in files of one idea (products, sums, coefficients, transposes and inverses
in `matchers.algebra`); here are those of a structure and of a function of a matrix.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor import linalg

from matchers import dims
from matchers.algebra import (
    TRANSPOSED,
    Shape,
    add,
    as_matrix,
    eye,
    flat_normal,
    inverse,
    item,
    linear,
    matmul,
    mul,
    reciprocal,
    scale,
    size,
    transpose,
    zeros,
)
from matchers.batches import batch_sum, beside
from matchers.blocks import hcat, rows_of, unit, vcat
from matchers.circulants import (
    circulant,
    circulant_det,
    circulant_logabsdet,
    convolved,
    deconvolved,
    first,
    lead,
    levinson,
    mirrored,
    toeplitz,
    toeplitz_dot,
    transposed_toeplitz_dot,
)
from matchers.decompositions import (
    FACTORS,
    ascending,
    eigenvalues,
    eigenvectors,
    eigh,
    eigvalsh,
    expm,
    exponential,
    full_qr,
    full_svd,
    lu,
    qr,
    svd,
    svdvals,
)
from matchers.determinants import (
    det_powers,
    gram,
    log_diagonal,
    log_power,
    power,
    trace_normal,
)
from matchers.diagonals import (
    det_normal,
    diag_normal,
    diagonal_normal,
    log_magnitude,
    logabsdet_normal,
    prod,
    root,
)
from matchers.dims import ONE, broadcast, shorter
from matchers.distances import squared_distances
from matchers.equations import discrete_lyapunov, sylvester
from matchers.heads import Head
from matchers.kron_diagonals import kron_diagonal
from matchers.kronecker import kron, kron_adjoint_left, kron_adjoint_right
from matchers.members import cell, members
from matchers.noisy import noisy_logabsdet, noisy_solve
from matchers.pseudo import pinv, thin_q, thin_qr, thin_r
from matchers.reshaping import reshape, unvec, vec
from matchers.shifted import (
    shifted_adjoint_left,
    shifted_adjoint_right,
    shifted_det,
    shifted_inverse_trace,
    shifted_logabsdet,
    shifted_solve,
    shifted_sum_logabsdet,
    shifted_sum_solve,
)
from matchers.signs import det_sign, power_sign
from matchers.small import small_inverse
from matchers.spreading import spread
from matchers.taking import scattered, taken
from matchers.terms import Term, intern, shape
from matchers.traversal import rebuild, subterms


def _ones_normal(head: Head, args: tuple[Any, ...]) -> Any:
    (n,) = args
    return eye(ONE) if n == ONE else intern(head, args)


# A column of ones; a product with it sums along an axis, or repeats a row or a column.
ones = Head("ones", lambda n: pt.ones((n, 1)), lambda n: (n, ONE, ()), _ones_normal, template="1")


def is_ones(x: Any) -> bool:
    """Whether `x` is a column or a row of ones."""
    if isinstance(x, Term) and x.head is transpose:
        x = x.args[0]
    return isinstance(x, Term) and x.head is ones


def _blocks_shape(*xs: Any) -> Shape:
    rows, cols, batches = zip(*(shape(x) for x in xs), strict=True)
    return dims.summed(*rows), dims.summed(*cols), broadcast(batches)


block_diag = Head("block_diag", linalg.block_diag, _blocks_shape, flat_normal, flat=True)
TRANSPOSED[block_diag] = block_diag


def _diag_build(d: Any) -> Any:
    entries = pt.squeeze(d, -1) if d.type.broadcastable[-1] else d[..., 0]
    if d.type.ndim == 2:
        return pt.diag(entries)
    return pt.basic.alloc_diag(entries, axis1=-2, axis2=-1)


diag = Head(
    "diag",
    _diag_build,
    lambda d: (shape(d)[0], shape(d)[0], shape(d)[2]),
    diag_normal,
    template="diag({0})",
    symmetric=True,
)


diagonal = Head(
    "diagonal",
    lambda x: pt.diagonal(x, axis1=-2, axis2=-1)[..., None],
    lambda x: (shorter(*shape(x)[:2]), ONE, shape(x)[2]),
    diagonal_normal,
    template="diagonal({0})",
)


def _triangle_build(x: Any, lower: bool, unit: bool) -> Any:
    # A switch, not a product with a mask: what is not read may be infinite or NaN.
    off = int(unit)
    below = pt.tri(x.shape[-2], x.shape[-1], -off if lower else off - 1, dtype="bool")
    zero = np.zeros((), dtype=x.type.dtype)
    t = pt.switch(below, x, zero) if lower else pt.switch(below, zero, x)
    return t + pt.eye(x.shape[-1], dtype=x.type.dtype) if unit else t


# What an Op reads that looks at one triangle of its argument only.
triangle = Head(
    "triangle", _triangle_build, lambda x, lower, unit: shape(x), template="triangle({0})"
)


# --- functions of a matrix ------------------------------------------------------------------------


def _scalar_shape(x: Any) -> Shape:
    return ONE, ONE, shape(x)[2]


def _trace_build(x: Any) -> Any:
    return pt.trace(x) if x.type.ndim == 2 else pt.diagonal(x, axis1=-2, axis2=-1).sum(axis=-1)


trace = Head("trace", _trace_build, _scalar_shape, trace_normal, template="tr({0})")
det = Head("det", linalg.det, _scalar_shape, det_normal, template="det({0})")
logabsdet = Head(
    "logabsdet",
    lambda x: linalg.slogdet(x)[1],
    _scalar_shape,
    logabsdet_normal,
    template="log|{0}|",
)
total = Head("total", lambda x: x.sum(axis=(-2, -1)), _scalar_shape, linear(), template="Σ({0})")
cholesky = Head("cholesky", linalg.cholesky, shape, template="chol({0})")

__all__ = [
    "FACTORS", "add", "as_matrix", "ascending", "batch_sum", "beside", "block_diag", "cell",
    "cholesky", "circulant", "circulant_det", "circulant_logabsdet", "convolved", "deconvolved",
    "det", "det_powers", "det_sign", "diag", "diagonal", "discrete_lyapunov", "eigenvalues",
    "eigenvectors", "eigh", "eigvalsh", "expm", "exponential", "eye", "first", "full_qr",
    "full_svd", "gram", "hcat", "inverse", "is_ones", "item", "kron", "kron_adjoint_left",
    "kron_adjoint_right", "kron_diagonal", "lead", "levinson", "log_diagonal", "log_magnitude",
    "log_power", "logabsdet", "lu", "matmul", "members", "mirrored", "mul", "noisy_logabsdet",
    "noisy_solve", "ones", "pinv", "power", "power_sign", "prod", "qr", "rebuild", "reciprocal",
    "reshape", "root", "rows_of", "scale", "scattered", "shifted_adjoint_left",
    "shifted_adjoint_right", "shifted_det", "shifted_inverse_trace", "shifted_logabsdet",
    "shifted_solve", "shifted_sum_logabsdet", "shifted_sum_solve", "size", "small_inverse",
    "spread", "squared_distances", "subterms", "svd", "svdvals", "sylvester", "taken", "thin_q",
    "thin_qr", "thin_r", "toeplitz", "toeplitz_dot", "total", "trace", "transpose",
    "transposed_toeplitz_dot", "triangle", "unit", "unvec", "vcat", "vec", "zeros",
]  # fmt: skip
