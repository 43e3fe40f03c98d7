"""Readers of factorizations, output by output: eigh, SVD."""

from __future__ import annotations

from typing import Any

from matchers import decompositions as d
from matchers.reading.common import Reading, core_op, same_dtype
from matchers.terms import Head, Term


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


_COLUMNS = (d.eigenvalue_factor, d.s_factor)


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
    """U, the singular values and Vᵀ, without what is multiplied by zeros."""
    op = core_op(node)
    if op.full_matrices or not op.compute_uv:
        return None
    return _factor(node, out, core, d.svd, (d.u_factor, d.s_factor, d.vt_factor))
