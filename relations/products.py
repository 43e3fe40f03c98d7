"""Products: what the view identifies by itself, stated and verified like every other identity."""

from matchers.conditions import same_batch, unbatched
from matchers.vocabulary import batch_sum, beside, matmul, scale, transpose
from relations.language import matrices, relation, scalars

A, B, C, X, Y = matrices("A B C X Y")
c, d = scalars("c d")

GOLUB = "Golub & Van Loan 2013, Matrix Computations, sec. 1.1"
BLOCKS = "Golub & Van Loan 2013, Matrix Computations, sec. 1.3"


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


@relation(tags=("products", "axiom"), cites=GOLUB)
def transpose_of_batch_sum(X):
    """(X₁ + X₂ + …)ᵀ = X₁ᵀ + X₂ᵀ + …."""
    return transpose(batch_sum(X)), batch_sum(X.T)


@relation(tags=("products", "axiom"), cites=GOLUB)
def batch_sum_of_scaled(X, c):
    """(c X₁) + (c X₂) + … = c (X₁ + X₂ + …)."""
    return batch_sum(scale(c, X)), scale(c, batch_sum(X))


@relation(tags=("products", "axiom"), cites=BLOCKS)
def beside_of_scaled(X, c):
    """[c X₁  c X₂ …] = c [X₁ X₂ …]."""
    return beside(scale(c, X)), scale(c, beside(X))


@relation(tags="products", cites=BLOCKS)
def batch_sum_of_product(X, Y):
    """X₁ Y₁ + X₂ Y₂ + … = [X₁ X₂ …] [Y₁ᵀ Y₂ᵀ …]ᵀ, one product for a batch of both."""
    return batch_sum(X @ Y), beside(X) @ beside(Y.T).T, same_batch(X, Y)


@relation(tags="products", cites=GOLUB)
def batch_sum_on_the_right(A, Y):
    """A Y₁ + A Y₂ + … = A (Y₁ + Y₂ + …) for one A."""
    return batch_sum(A @ Y), A @ batch_sum(Y), unbatched(A)


@relation(tags="products", cites=GOLUB)
def batch_sum_on_the_left(X, B):
    """X₁ B + X₂ B + … = (X₁ + X₂ + …) B for one B."""
    return batch_sum(X @ B), batch_sum(X) @ B, unbatched(B)
