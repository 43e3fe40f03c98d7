"""Traces and diagonals of products, without the product."""

from matchers.blocks import NOTHING
from matchers.conditions import conforming
from matchers.dims import shorter
from matchers.vocabulary import (
    diag,
    diagonal,
    eye,
    log_diagonal,
    log_magnitude,
    mul,
    ones,
    rows_of,
    total,
    trace,
    transpose,
)
from relations.language import matrices, relation, vectors

A, B = matrices("A B")
(d,) = vectors("d")

HORN = "Horn & Johnson 2013, Matrix Analysis, sec. 0.2 and 5.2"


@relation(tags=("traces", "axiom"), cites=HORN)
def trace_of_transpose(A):
    """tr(Aᵀ) = tr(A)."""
    return trace(transpose(A)), trace(A)


@relation(tags="traces", cites=HORN, both_ways=False)
def trace_of_product(A, B):
    """tr(A B) = Σ(Aᵀ ⊙ B), entry by entry without the product, of as many rows as a square has."""
    n = shorter(A.rows, B.cols)
    a, b = rows_of(A, NOTHING, n), rows_of(B.T, NOTHING, n)
    return trace(A @ B), total(mul(a.T, b.T))


@relation(tags="traces", cites=HORN, both_ways=False)
def cyclic_trace(A, B):
    """tr(A B) = tr(B A) for a square product."""
    return trace(A @ B), trace(B @ A), conforming(B, A)


@relation(tags="traces", cites=HORN, both_ways=False)
def trace_of_sum(A, B):
    """tr(A + B) = tr(A) + tr(B)."""
    return trace(A + B), trace(A) + trace(B)


@relation(tags="traces", cites=HORN, both_ways=False)
def diagonal_of_product(A, B):
    """The diagonal of A B holds the row sums of A ⊙ Bᵀ, as many as it has entries."""
    n = shorter(A.rows, B.cols)
    a, b = rows_of(A, NOTHING, n), rows_of(B.T, NOTHING, n)
    return diagonal(A @ B), mul(a, b) @ ones(A.cols)


@relation(tags="traces", cites=HORN, both_ways=False)
def diagonal_of_sum(A, B):
    """The diagonal of A + B is the sum of their diagonals."""
    return diagonal(A + B), diagonal(A) + diagonal(B)


@relation(tags="traces", cites=HORN, both_ways=False)
def diagonal_of_scaled_columns(A, d):
    """The diagonal of A diag(d) is that of A, entry by entry times d."""
    n = shorter(A.rows, A.cols)
    return diagonal(A @ diag(d)), mul(diagonal(A), rows_of(d, NOTHING, n))


@relation(tags="traces", cites=HORN, both_ways=False)
def diagonal_of_scaled_rows(A, d):
    """The diagonal of diag(d) A is that of A, entry by entry times d."""
    n = shorter(A.rows, A.cols)
    return diagonal(diag(d) @ A), mul(diagonal(A), rows_of(d, NOTHING, n))


@relation(tags="traces", cites=HORN, both_ways=False)
def trace_of_scaled_columns(A, d):
    """tr(A diag(d)) = Σᵢ dᵢ Aᵢᵢ."""
    n = shorter(A.rows, A.cols)
    return trace(A @ diag(d)), total(mul(diagonal(A), rows_of(d, NOTHING, n)))


@relation(tags="traces", cites=HORN, both_ways=False)
def trace_of_scaled_rows(A, d):
    """tr(diag(d) A) = Σᵢ dᵢ Aᵢᵢ."""
    n = shorter(A.rows, A.cols)
    return trace(diag(d) @ A), total(mul(diagonal(A), rows_of(d, NOTHING, n)))


@relation(tags="traces", cites=HORN, both_ways=False)
def log_diagonal_of_product(A, B):
    """Σ log|(A B)ᵢᵢ| without the product, by the row sums of A ⊙ Bᵀ."""
    n = shorter(A.rows, B.cols)
    a, b = rows_of(A, NOTHING, n), rows_of(B.T, NOTHING, n)
    return log_diagonal(A @ B), total(log_magnitude(mul(a, b) @ ones(A.cols)))


@relation(tags="traces", cites=HORN, both_ways=False)
def total_with_identity(A):
    """Σ(A ⊙ I) = tr(A)."""
    return total(mul(A, eye(A.rows))), trace(A)
