"""Readers of products, inverses and solves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytensor.assumptions import KEY_REGISTRY
from pytensor.graph.basic import Constant

from matchers import vocabulary as v
from matchers.leaves import Atom
from matchers.reading import summed
from matchers.reading.common import Reading, core_op, same_dtype
from matchers.terms import Term

TRIANGLES = ("lower_triangular", "upper_triangular")


def dot(view: Any, node: Any, out: int, core: int) -> Reading:
    """A product of matrices; of a batch and what is one value for each of its matrices, no more."""
    if core != 2 or not same_dtype(node):
        return None
    if node.outputs[0].type.ndim > 2 and any(map(summed.repeated, node.inputs)):
        contraction = summed.product(view, node, core)
        if contraction is not None:
            return contraction
    return [(i, 2) for i in node.inputs], v.matmul


def inverse(view: Any, node: Any, out: int, core: int) -> Reading:
    """An inverse."""
    if core != 2 or not same_dtype(node):
        return None

    def make(a: Term) -> Term:
        _triangular(view, a)  # where the inverse has to be formed, it is by substitution
        return v.inverse(a)  # type: ignore[no-any-return]

    return [(node.inputs[0], 2)], make


def _triangular(view: Any, a: Term, keys: Iterable[str] = TRIANGLES) -> None:
    """Ask whether a matrix is triangular, and its factors if it is, so that a plan knows."""
    if _unstructured(view, a):
        return
    for key in keys:
        if not view.promised(a, key) and view.holds(a, key):
            for t in (a, *(a.args if a.head is v.matmul else ())):
                if view.holds(t, key):
                    view.promise(t, key)


def _unstructured(view: Any, a: Term) -> bool:
    """Whether a matrix, or a factor of it, is an input of which nothing was declared."""
    return any([_plain_input(view, t) for t in (a.args if a.head is v.matmul else (a,))])


def _plain_input(view: Any, t: Term) -> bool:
    inner = t.args[0] if t.head is v.transpose else t
    if not isinstance(inner, Atom) or inner.var.owner is not None:
        return False
    known = getattr(getattr(view.fgraph, "assumption_feature", None), "cache", {})
    asked = any([(inner.var, KEY_REGISTRY[key]) in known for key in (*TRIANGLES, "diagonal")])
    return not asked and not isinstance(inner.var, Constant)


def solve(view: Any, node: Any, out: int, core: int) -> Reading:
    """A product with an inverse; the structure that the solver assumes is a promise."""
    op = core_op(node)
    if core != op.b_ndim or not same_dtype(node):
        return None
    promise = {"pos": "positive_definite", "sym": "symmetric", "her": "hermitian"}.get(op.assume_a)
    if op.assume_a != "gen" and promise is None:
        return None  # tridiagonal and banded solvers read a band only

    def make(a: Term, b: Term) -> Term:
        if a.head is v.matmul:
            _triangular(view, a)
        if promise is not None:
            # The solver reads one triangle: what takes its place has to read the same.
            view.promise(a, promise)
            view.promise(a, "stored_lower" if op.lower else "stored_upper")
        return v.matmul(v.inverse(a), b)  # type: ignore[no-any-return]

    return [(node.inputs[0], 2), (node.inputs[1], op.b_ndim)], make


def solve_triangular(view: Any, node: Any, out: int, core: int) -> Reading:
    """A product with the inverse of the triangle that the solver reads."""
    op = core_op(node)
    if core != op.b_ndim or not same_dtype(node):
        return None
    key = "lower_triangular" if op.lower else "upper_triangular"

    def make(a: Term, b: Term) -> Term:
        _triangular(view, a, (key,))
        if op.unit_diagonal or not view.promised(a, key):
            a = v.triangle(a, op.lower, op.unit_diagonal)
            view.promise(a, key)
        return v.matmul(v.inverse(a), b)  # type: ignore[no-any-return]

    return [(node.inputs[0], 2), (node.inputs[1], op.b_ndim)], make


def cholesky_solve(view: Any, node: Any, out: int, core: int) -> Reading:
    """A product with the inverses of a Cholesky factor and its transpose."""
    op = core_op(node)
    if core != op.b_ndim or not same_dtype(node) or "complex" in node.outputs[0].type.dtype:
        return None  # a complex factor stands beside its conjugate transpose
    key = "lower_triangular" if op.lower else "upper_triangular"

    def make(c: Term, b: Term) -> Term:
        if not view.promised(c, key):
            c = v.triangle(c, op.lower, False)
            view.promise(c, key)
        left = c if op.lower else c.T
        view.promise(left, "lower_triangular")
        view.promise(left.T, "upper_triangular")
        return v.matmul(v.inverse(left.T), v.inverse(left), b)  # type: ignore[no-any-return]

    return [(node.inputs[0], 2), (node.inputs[1], op.b_ndim)], make
