"""Congruences: a symmetric matrix between another and its transpose, as it is in every covariance.

Of a definite matrix the Cholesky factor makes the product one of a matrix with its own transpose,
which takes half the operations and is symmetric to the last digit.
"""

from matchers.conditions import (
    diagonal_matrix,
    positive_definite,
    positive_semidefinite,
    symmetric,
)
from matchers.vocabulary import cholesky, diag, diagonal, eye, inverse, root, scale
from relations.language import coefficients, matrices, relation

A, B, D, K, N, P, U, V, X = matrices("A B D K N P U V X")
b, c = coefficients("b c")

TAGS = ("congruences", "after_gradients")
GOLUB = "Golub & Van Loan 2013, Matrix Computations, sec. 4.2"
NOCEDAL = "Nocedal & Wright 2006, Numerical Optimization, sec. 6.1"
BJORCK = "Björck 1996, Numerical Methods for Least Squares Problems, sec. 4.4"
HORN = "Horn & Johnson 2013, Matrix Analysis, sec. 4.5"


@relation(tags=TAGS, cites=GOLUB, field="real", both_ways=False, last=True, throughout=True)
def congruence_by_factor(P, X):
    """X P Xᵀ = (X L) (X L)ᵀ with L = chol(P), for positive definite P."""
    L = cholesky(P)
    return X @ P @ X.T, X @ L @ L.T @ X.T, positive_definite(P)


@relation(tags=TAGS, cites=GOLUB, field="real", both_ways=False, last=True, throughout=True)
def congruence_of_inverse_by_factor(P, X):
    """Xᵀ P⁻¹ X = (L⁻¹ X)ᵀ (L⁻¹ X) with L = chol(P), for positive definite P."""
    W = inverse(cholesky(P))
    return X.T @ inverse(P) @ X, X.T @ W.T @ W @ X, positive_definite(P)


@relation(tags=TAGS, cites=BJORCK, field="real", both_ways=False, last=True)
def congruence_by_roots(D, X):
    """X D Xᵀ = (X √D) (X √D)ᵀ for a diagonal matrix D without negative entries."""
    R = diag(root(diagonal(D)))
    return X @ D @ X.T, X @ R @ R @ X.T, diagonal_matrix(D), positive_semidefinite(D)


@relation(tags="congruences", cites=HORN, stability="mixed", both_ways=False)
def inverse_of_congruence_plus(A, B, K, N):
    """(B⁻¹ K A⁻¹ + N)⁻¹ = A (K + B N A)⁻¹ B."""
    return inverse(inverse(B) @ K @ inverse(A) + N), A @ inverse(K + B @ N @ A) @ B


@relation(tags="congruences", cites=NOCEDAL, stability="mixed", both_ways=False)
def congruence_with_an_update(U, V, X, c):
    """F X Fᵀ = X + U H + (U H)ᵀ, F = I + c U V, H = c V X + c²/2 V X Vᵀ Uᵀ, symmetric X."""
    updated = eye(U.rows) + scale(c, U @ V)
    half = scale(c, V @ X) + 0.5 * scale(c * c, V @ X @ V.T @ U.T)
    return updated @ X @ updated.T, X + U @ half + half.T @ U.T, symmetric(X)


@relation(tags="congruences", cites=HORN, both_ways=False)
def halves_of_a_symmetric_sum(A, K, X, b, c):
    """X B + (X B)ᵀ = b X A + b Aᵀ Xᵀ + c X K Xᵀ, B = b A + c/2 K Xᵀ, for symmetric K."""
    half = scale(b, A) + 0.5 * scale(c, K @ X.T)
    whole = scale(b, X @ A) + scale(b, A.T @ X.T) + scale(c, X @ K @ X.T)
    return whole, X @ half + half.T @ X.T, symmetric(K)
