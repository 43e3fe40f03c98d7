"""Products: what the view identifies by itself, stated and verified like every other identity."""

from matchers.vocabulary import matmul, scale, transpose
from relations.language import matrices, relation, scalars

A, B, C = matrices("A B C")
c, d = scalars("c d")

GOLUB = "Golub & Van Loan 2013, Matrix Computations, sec. 1.1"


@relation(tags=("products", "axiom"), cites=GOLUB)
def associativity(A, B, C):
    """(A B) C = A (B C): a product is flat, and is bracketed where it costs least."""
    return matmul(A @ B, C), matmul(A, B @ C)


@relation(tags=("products", "axiom"), cites=GOLUB)
def transpose_of_product(A, B):
    """(A B)ᵀ = Bᵀ Aᵀ."""
    return transpose(A @ B), B.T @ A.T


@relation(tags=("products", "axiom"), cites=GOLUB)
def transpose_of_sum(A, B):
    """(A + B)ᵀ = Aᵀ + Bᵀ."""
    return transpose(A + B), A.T + B.T


@relation(tags=("products", "axiom"), cites=GOLUB)
def transpose_of_transpose(A, B):
    """Aᵀᵀ = A, within a product."""
    return transpose(transpose(A)) @ B, A @ B


@relation(tags=("products", "axiom"), cites=GOLUB)
def scalars_commute(A, B, c):
    """A (c B) = c (A B): one coefficient stands in front of a product."""
    return A @ scale(c, B), scale(c, A @ B)
