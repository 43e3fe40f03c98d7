"""Sums of all entries, and along an axis: a sum of a product is a product with ones."""

from matchers.conditions import wide
from matchers.vocabulary import diag, item, mul, ones, total
from relations.language import matrices, relation, vectors

A, B, C, D = matrices("A B C D")
(x,) = vectors("x")

GOLUB = "Golub & Van Loan 2013, Matrix Computations, sec. 1.1"
SPORES = "Wang et al. 2020, SPORES, VLDB"


@relation(tags="sums", cites=SPORES, both_ways=False)
def sum_of_product(A, B):
    """Σ(A B) = (1ᵀ A) (B 1): the column sums of A times the row sums of B."""
    return total(A @ B), item(ones(A.rows).T @ A @ B @ ones(B.cols))


@relation(tags="sums", cites=SPORES, both_ways=False)
def sum_by_ones(A):
    """1ᵀ A 1 = Σ(A)."""
    return item(ones(A.rows).T @ A @ ones(A.cols)), total(A)


@relation(tags="sums", cites=SPORES, both_ways=False)
def sum_of_product_and_more(A, B, C):
    """Σ(A B + C) = Σ(A B) + Σ(C)."""
    return total(A @ B + C), total(A @ B) + total(C)


@relation(tags="sums", cites=GOLUB, both_ways=False)
def sum_of_products_entrywise(A, B, C, D):
    """Σ((A B) ⊙ (C D)) = Σ((Aᵀ C) ⊙ (B Dᵀ)), so that Σ((A B)²) = Σ((Aᵀ A) ⊙ (B Bᵀ))."""
    return total(mul(A @ B, C @ D)), total(mul(A.T @ C, B @ D.T)), wide(B)


@relation(tags="sums", cites=GOLUB, both_ways=False)
def row_sums_of_diagonal(x):
    """diag(x) 1 = x."""
    return diag(x) @ ones(x.rows), x
