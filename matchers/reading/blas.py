"""Readers of Kantor's own kernels, so that what was built once is read as it was meant."""

from __future__ import annotations

from typing import Any

from matchers import vocabulary as v
from matchers.reading.common import Reading, core_op
from matchers.terms import Term


def syrk(view: Any, node: Any, out: int, core: int) -> Reading:
    """X Xᵀ."""
    if core != 2:
        return None
    return [(node.inputs[0], 2)], lambda x: v.matmul(x, v.transpose(x))


def trmm(view: Any, node: Any, out: int, core: int) -> Reading:
    """The product of one triangle of a matrix with another matrix."""
    if core != 2:
        return None
    op = core_op(node)

    def make(a: Term, b: Term) -> Term:
        key = "lower_triangular" if op.lower else "upper_triangular"
        whole = view.known(a, key) and not op.unit_diagonal
        return v.matmul(a if whole else v.triangle(a, op.lower, op.unit_diagonal), b)  # type: ignore[no-any-return]

    return [(i, 2) for i in node.inputs], make


def gtmm(view: Any, node: Any, out: int, core: int) -> Reading:
    """The product of a tridiagonal matrix with another, if it has no other entries."""
    if core != 2:
        return None

    def make(a: Term, b: Term) -> Term | None:
        return v.matmul(a, b) if view.known(a, "tridiagonal") else None

    return [(i, 2) for i in node.inputs], make


def syr2k(view: Any, node: Any, out: int, core: int) -> Reading:
    """A Bᵀ + B Aᵀ."""
    if core != 2:
        return None
    return [(i, 2) for i in node.inputs], lambda a, b: v.add(
        v.matmul(a, v.transpose(b)), v.matmul(b, v.transpose(a))
    )


def potri(view: Any, node: Any, out: int, core: int) -> Reading:
    """(L Lᵀ)⁻¹ by the factor."""
    op = core_op(node)
    if core != 2 or not op.lower:
        return None

    def make(factor: Term) -> Term:
        if factor.head is v.cholesky:
            view.promise(factor.args[0], "positive_definite")
            return v.inverse(factor.args[0])  # type: ignore[no-any-return]
        view.promise(factor, "lower_triangular")
        w = v.inverse(factor)
        return v.matmul(v.transpose(w), w)  # type: ignore[no-any-return]

    return [(node.inputs[0], 2)], make
