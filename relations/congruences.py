"""Congruences: a symmetric matrix between another and its transpose, as it is in every covariance.

Of a definite matrix the Cholesky factor makes the product one of a matrix with its own transpose,
which takes half the operations and is symmetric to the last digit.
"""

from matchers.conditions import positive_definite
from matchers.vocabulary import cholesky, inverse
from relations.language import matrices, relation

A, B, K, N, P, X = matrices("A B K N P X")

GOLUB = "Golub & Van Loan 2013, Matrix Computations, sec. 4.2"
BARTELS = "Horn & Johnson 2013, Matrix Analysis, sec. 4.5"


@relation(tags="congruences", cites=GOLUB, field="real", both_ways=False, last=True)
def congruence_by_factor(P, X):
    """X P Xᵀ = (X L) (X L)ᵀ with L = chol(P), for positive definite P."""
    L = cholesky(P)
    return X @ P @ X.T, X @ L @ L.T @ X.T, positive_definite(P)


@relation(tags="congruences", cites=GOLUB, field="real", both_ways=False, last=True)
def congruence_of_inverse_by_factor(P, X):
    """Xᵀ P⁻¹ X = (L⁻¹ X)ᵀ (L⁻¹ X) with L = chol(P), for positive definite P."""
    W = inverse(cholesky(P))
    return X.T @ inverse(P) @ X, X.T @ W.T @ W @ X, positive_definite(P)


@relation(tags="congruences", cites=BARTELS, stability="mixed", both_ways=False)
def inverse_of_congruence_plus(A, B, K, N):
    """(B⁻¹ K A⁻¹ + N)⁻¹ = A (K + B N A)⁻¹ B."""
    return inverse(inverse(B) @ K @ inverse(A) + N), A @ inverse(K + B @ N @ A) @ B
