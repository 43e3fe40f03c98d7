"""Determinants and their logarithms.

The determinant of a large matrix soon over- or underflows, where its logarithm does not. What makes
several determinants of one is therefore off by default for determinants, and on for logarithms:
det(A) det(B) may be inf · 0 where det(A B) is 1.

log|P| of a positive definite P is taken from its Cholesky factor, which costs half as much and is
shared with whatever else factorizes P. PyTensor's Cholesky reads and differentiates one triangle:
the gradient of the new form would be lower triangular, right along symmetric directions, and so for
whatever P depends on, but laid out otherwise than P⁻¹, and dearer. So the relation is left out
before a graph is differentiated, in `kantor.rewrite` and in PyMC's rewriting before the gradient,
and used when a graph is compiled.
"""

from matchers.conditions import assumed, lower_triangular, positive_definite, square
from matchers.vocabulary import (
    cholesky,
    det,
    inverse,
    log_diagonal,
    log_power,
    logabsdet,
    power,
    reciprocal,
    scale,
    transpose,
)
from relations.language import matrices, relation, scalars

A, B, L, P, U = matrices("A B L P U")
(c,) = scalars("c")

HORN = "Horn & Johnson 2013, Matrix Analysis, sec. 0.3"
GOLUB = "Golub & Van Loan 2013, Matrix Computations, sec. 4.2"


@relation(tags=("determinants", "axiom"), cites=HORN)
def det_of_transpose(A):
    """det(Aᵀ) = det(A)."""
    return det(transpose(A)), det(A)


@relation(tags=("determinants", "axiom"), cites=HORN)
def logabsdet_of_transpose(A):
    """log|Aᵀ| = log|A|."""
    return logabsdet(transpose(A)), logabsdet(A)


@relation(tags="fast_unstable", cites=HORN, stability="loses", both_ways=False)
def det_of_product(A, B):
    """det(A B) = det(A) det(B) for square A and B; may overflow where det(A B) does not."""
    return det(A @ B), det(A) * det(B), square(A), square(B)


@relation(tags="fast_unstable", cites=HORN, stability="loses", both_ways=False)
def det_of_scaled(A, c):
    """det(c A) = cⁿ det(A) for A of order n; may overflow where det(c A) does not."""
    return det(scale(c, A)), power(c, A.rows) * det(A)


@relation(tags="determinants", cites=HORN, stability="mixed", both_ways=False)
def det_of_inverse(A):
    """det(A⁻¹) = 1 / det(A)."""
    return det(inverse(A)), reciprocal(det(A))


@relation(tags="determinants", cites=HORN, stability="mixed", both_ways=False)
def logabsdet_of_product(A, B):
    """log|A B| = log|A| + log|B| for square A and B."""
    return logabsdet(A @ B), logabsdet(A) + logabsdet(B), square(A), square(B)


@relation(tags="determinants", cites=HORN, both_ways=False)
def logabsdet_of_scaled(A, c):
    """log|c A| = n log|c| + log|A| for A of order n."""
    return logabsdet(scale(c, A)), log_power(c, A.rows) + logabsdet(A)


@relation(tags="determinants", cites=HORN, stability="mixed", both_ways=False)
def logabsdet_of_inverse(A):
    """log|A⁻¹| = -log|A|."""
    return logabsdet(inverse(A)), -logabsdet(A)


@relation(tags="determinants", cites=HORN, both_ways=False)
def logabsdet_of_lower_triangular(L):
    """log|L| = Σ log|Lᵢᵢ| for lower triangular L."""
    return logabsdet(L), log_diagonal(L), lower_triangular(L)


@relation(tags="determinants", cites=HORN, both_ways=False)
def logabsdet_of_upper_triangular(U):
    """log|U| = Σ log|Uᵢᵢ| for upper triangular U."""
    return logabsdet(U), log_diagonal(U), assumed("upper_triangular", U)


@relation(tags=("determinants", "after_gradients"), cites=GOLUB, both_ways=False)
def logabsdet_of_positive_definite(P):
    """log|P| = 2 Σ log Lᵢᵢ with L = chol(P), for positive definite P.

    The gradient of the right side with respect to P stands in the lower triangle; along symmetric
    directions it is that of the left.
    """
    return logabsdet(P), 2 * log_diagonal(cholesky(P)), positive_definite(P)
