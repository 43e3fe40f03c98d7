"""Readers of factorizations, output by output: eigh, SVD, QR, LU."""

from __future__ import annotations

from typing import Any

from matchers import decompositions as d
from matchers.heads import Head
from matchers.reading.common import Reading, core_op, same_dtype
from matchers.terms import Term


def _factor(node: Any, out: int, core: int, of: Head, factors: tuple[Head, ...]) -> Reading:
    """The `out`-th factor of a matrix; the factors that are columns are vectors of the graph."""
    factor = factors[out]
    if len(node.inputs) != 1 or core != (1 if factor in _COLUMNS else 2):
        return None
    if not same_dtype(node, out):
        return None

    def make(t: Term) -> Term | None:
        return factor(of(t))  # type: ignore[no-any-return]

    return [(node.inputs[0], 2)], make


_COLUMNS = (d.eigenvalue_factor, d.s_factor, d.s_alone)


def eigh(view: Any, node: Any, out: int, core: int) -> Reading:
    """Eigenvalues and eigenvectors of the matrix of which the lower triangle is read."""
    op = core_op(node)
    if not op.lower or op.driver != "evr":
        return None
    return _factor(node, out, core, d.eigh, (d.eigenvalue_factor, d.eigenvector_factor))


def eigvalsh(view: Any, node: Any, out: int, core: int) -> Reading:
    """Eigenvalues alone."""
    if not core_op(node).lower:
        return None
    return _factor(node, out, core, d.eigvalsh, (d.eigenvalue_factor,))


def svd(view: Any, node: Any, out: int, core: int) -> Reading:
    """U, the singular values and Vᵀ; whole, or without what is multiplied by zeros."""
    op = core_op(node)
    if not op.compute_uv:
        return _factor(node, out, core, d.svdvals, (d.s_alone,))
    if op.full_matrices:
        whole = (d.full_u_factor, d.s_factor, d.full_vt_factor)
        return _factor(node, out, core, d.full_svd, whole)
    return _factor(node, out, core, d.svd, (d.u_factor, d.s_factor, d.vt_factor))


def qr(view: Any, node: Any, out: int, core: int) -> Reading:
    """Q and R; whole, or without what is multiplied by zeros."""
    op = core_op(node)
    if op.pivoting:
        return None
    if op.mode == "full":
        return _factor(node, out, core, d.full_qr, (d.full_q_factor, d.full_r_factor))
    if op.mode == "economic":
        return _factor(node, out, core, d.qr, (d.q_factor, d.r_factor))
    return None


def lu(view: Any, node: Any, out: int, core: int) -> Reading:
    """P, L and U."""
    op = core_op(node)
    if op.p_indices or op.permute_l:
        return None
    return _factor(node, out, core, d.lu, (d.p_factor, d.l_factor, d.upper_factor))
