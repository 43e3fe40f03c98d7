"""Heads of functions and factorizations of a matrix: exponentials of entries, eigh, SVD.

A factorization is one term, and each factor a term of it: factors of one matrix share the work, as
the outputs of one node do. ``eigenvectors(A)`` is how a relation calls such a factor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytensor.tensor as pt
from pytensor.tensor import linalg

from matchers.algebra import Shape, transpose
from matchers.dims import ONE, Dim, shorter
from matchers.heads import Head
from matchers.terms import Term, intern, shape
from matchers.traversal import subterms

# --- functions ------------------------------------------------------------------------------------


def _marks(x: Any) -> int:
    """How many leaves are transposed."""
    return sum([t.head is transpose for t in subterms(x)])


def _expm_normal(head: Head, args: tuple[Any, ...]) -> Any:
    """The exponential of the one of X and Xᵀ in which fewer leaves are transposed."""
    (x,) = args
    if isinstance(x, Term) and transpose.bit & x.heads and _marks(x) > _marks(transpose(x)):
        return transpose(intern(head, (transpose(x),)))
    return intern(head, (x,))


expm = Head("expm", linalg.expm, shape, _expm_normal, template="exp({0})")
# Of each entry; right sides only.
exponential = Head("exponential", pt.exp, shape, template="e^({0})")
exponential.scalars = True

# --- factorizations -------------------------------------------------------------------------------


def _factorization(name: str, build: Callable[[Any], Any]) -> Head:
    return Head(name, build, shape, template="{0}")


def _factor(name: str, place: int, of: Callable[[Dim, Dim], tuple[Dim, Dim]]) -> Head:
    """The head of one factor: its place among the outputs, and its shape by that of the matrix."""

    def of_shape(f: Any) -> Shape:
        rows, cols, batch = shape(f)
        return *of(rows, cols), batch

    def build(f: Any) -> Any:
        return f[place][..., None] if column else f[place]

    column = of(*[Dim(2), Dim(3)])[1] is ONE
    return Head(name, build, of_shape, template=name + "({0})")


eigh = _factorization("eigh", linalg.eigh)
eigvalsh = _factorization("eigvalsh", lambda x: (linalg.eigvalsh(x),))
svd = _factorization("svd", lambda x: linalg.svd(x, full_matrices=False))
full_svd = _factorization("full_svd", linalg.svd)
svdvals = _factorization("svdvals", lambda x: (linalg.svd(x, compute_uv=False),))
qr = _factorization("qr", lambda x: linalg.qr(x, mode="economic"))
full_qr = _factorization("full_qr", linalg.qr)
lu = _factorization("lu", linalg.lu)

eigenvalue_factor = _factor("eigenvalues", 0, lambda m, n: (m, ONE))
eigenvector_factor = _factor("eigenvectors", 1, lambda m, n: (m, n))
u_factor = _factor("svd_u", 0, lambda m, n: (m, shorter(m, n)))
s_factor = _factor("svd_s", 1, lambda m, n: (shorter(m, n), ONE))
vt_factor = _factor("svd_vt", 2, lambda m, n: (shorter(m, n), n))

full_u_factor = _factor("full_svd_u", 0, lambda m, n: (m, m))
full_vt_factor = _factor("full_svd_vt", 2, lambda m, n: (n, n))
# The first output where there is no other.
s_alone = _factor("singular_values", 0, lambda m, n: (shorter(m, n), ONE))
q_factor = _factor("qr_q", 0, lambda m, n: (m, shorter(m, n)))
r_factor = _factor("qr_r", 1, lambda m, n: (shorter(m, n), n))
full_q_factor = _factor("full_qr_q", 0, lambda m, n: (m, m))
full_r_factor = _factor("full_qr_r", 1, lambda m, n: (m, n))
p_factor = _factor("lu_p", 0, lambda m, n: (m, m))
l_factor = _factor("lu_l", 1, lambda m, n: (m, shorter(m, n)))
upper_factor = _factor("lu_u", 2, lambda m, n: (shorter(m, n), n))

FACTORIZATIONS = (eigh, eigvalsh, svd, full_svd, svdvals, qr, full_qr, lu)
FACTORS = (
    eigenvalue_factor, eigenvector_factor, u_factor, s_factor, vt_factor, full_u_factor,
    full_vt_factor, s_alone, q_factor, r_factor, full_q_factor, full_r_factor, p_factor, l_factor,
    upper_factor,
)  # fmt: skip

# The entries of a column in ascending order; right sides only.
ascending = Head("ascending", lambda x: pt.sort(x, axis=-2), shape, template="sorted({0})")


def eigenvalues(x: Any) -> Any:
    """The eigenvalues of a symmetric matrix, ascending, as a column."""
    return eigenvalue_factor(eigh(x))


def eigenvectors(x: Any) -> Any:
    """The eigenvectors of a symmetric matrix, one in each column."""
    return eigenvector_factor(eigh(x))
