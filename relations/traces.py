"""Traces and diagonals of products, without the product."""

from matchers.conditions import conforming
from matchers.vocabulary import diagonal, eye, mul, ones, total, trace, transpose
from relations.language import matrices, relation

A, B = matrices("A B")

HORN = "Horn & Johnson 2013, Matrix Analysis, sec. 0.2 and 5.2"


@relation(tags=("traces", "axiom"), cites=HORN)
def trace_of_transpose(A):
    """tr(Aᵀ) = tr(A)."""
    return trace(transpose(A)), trace(A)


@relation(tags="traces", cites=HORN, both_ways=False)
def trace_of_product(A, B):
    """tr(A B) = Σ(Aᵀ ⊙ B) for a square product, entry by entry without the product."""
    return trace(A @ B), total(mul(A.T, B)), conforming(B, A)


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
    """The diagonal of a square A B holds the row sums of A ⊙ Bᵀ."""
    return diagonal(A @ B), mul(A, B.T) @ ones(A.cols), conforming(B, A)


@relation(tags="traces", cites=HORN, both_ways=False)
def total_with_identity(A):
    """Σ(A ⊙ I) = tr(A)."""
    return total(mul(A, eye(A.rows))), trace(A)
