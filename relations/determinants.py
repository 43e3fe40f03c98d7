"""Determinants and their logarithms.

The determinant of a large matrix soon over- or underflows, where its logarithm does not: det(A)
det(B) may be inf · 0 where det(A B) is 1, and what multiplies determinants is off by default. By
the signs and the sum of the logarithms a determinant of several factors has a value wherever it
fits. That costs digits of one that is huge or tiny, at most three of sixteen.

log|P| of a positive definite P is taken from its Cholesky factor, which costs half as much and is
shared with whatever else factorizes P. PyTensor's Cholesky reads and differentiates one triangle:
the gradient of the new form would be lower triangular, right along symmetric directions, and so for
whatever P depends on, but laid out otherwise than P⁻¹, and dearer. So the relation is left out
before a graph is differentiated, in `kantor.rewrite` and in PyMC's rewriting before the gradient,
and used when a graph is compiled.
"""

from matchers.conditions import (
    assumed,
    lower_triangular,
    orthogonal,
    positive_definite,
    square,
)
from matchers.leaves import number
from matchers.vocabulary import (
    cholesky,
    det,
    det_sign,
    exponential,
    inverse,
    kron,
    log_diagonal,
    log_power,
    logabsdet,
    power,
    power_sign,
    reciprocal,
    scale,
    transpose,
)
from relations.language import coefficients, matrices, relation, scalars

A, B, L, P, Q, S, U = matrices("A B L P Q S U")
(c,) = scalars("c")
(e,) = coefficients("e")

HORN = "Horn & Johnson 2013, Matrix Analysis, sec. 0.3"
HORN_TOPICS = "Horn & Johnson 1991, Topics in Matrix Analysis, sec. 4.2"
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


@relation(tags="determinants", cites=HORN, field="real", both_ways=False)
def sign_of_product(A, B):
    """sgn|A B| = sgn|A| sgn|B| for square A and B."""
    return det_sign(A @ B), det_sign(A) * det_sign(B), square(A), square(B)


@relation(tags="determinants", cites=HORN_TOPICS, field="real", both_ways=False)
def sign_of_kron(A, B):
    """sgn|A ⊗ B| = sgn|A|ᵖ sgn|B|ᵐ for A of order m and B of order p."""
    powers = power_sign(det_sign(A), B.rows) * power_sign(det_sign(B), A.rows)
    return det_sign(kron(A, B)), powers, square(A), square(B)


@relation(tags="determinants", cites=HORN, field="real", stability="mixed", both_ways=False)
def det_of_scaled_by_logarithms(A, c):
    """det(c A) = sgn(c)ⁿ sgn|A| exp(n log|c| + log|A|) for A of order n."""
    logs = exponential(log_power(c, A.rows) + logabsdet(A))
    return det(scale(c, A)), power_sign(c, A.rows) * det_sign(A) * logs


@relation(tags="determinants", cites=HORN, field="real", stability="mixed", both_ways=False)
def det_by_logarithm(A):
    """det(A) = sgn|A| exp(log|A|), where log|A| is there anyway, or A is a product."""
    return det(A), det_sign(A) * exponential(logabsdet(A))


@relation(tags="determinants", cites=HORN, both_ways=False)
def sign_of_definite(P):
    """sgn|P| = 1 for positive definite P."""
    return det_sign(P), number(1), positive_definite(P)


# PyTensor's gradient of log|A| is sgn|A|² A⁻ᵀ times what there is besides.


@relation(tags="determinants", cites=HORN, field="real", both_ways=False)
def squared_sign(A):
    """sgn|A|² A⁻¹ = A⁻¹."""
    return scale(det_sign(A) * det_sign(A), inverse(A)), inverse(A)


@relation(tags="determinants", cites=HORN, field="real", both_ways=False)
def squared_sign_of_transpose(A):
    """sgn|A|² A⁻ᵀ = A⁻ᵀ."""
    return scale(det_sign(A) * det_sign(A), inverse(A).T), inverse(A).T


@relation(tags="determinants", cites=HORN, field="real", both_ways=False)
def squared_sign_scaled(A, c):
    """A multiple of it: c sgn|A|² A⁻¹ = c A⁻¹."""
    return scale(c * det_sign(A) * det_sign(A), inverse(A)), scale(c, inverse(A))


@relation(tags="determinants", cites=HORN, field="real", both_ways=False)
def squared_sign_scaled_of_transpose(A, c):
    """A multiple of it: c sgn|A|² A⁻ᵀ = c A⁻ᵀ."""
    return scale(c * det_sign(A) * det_sign(A), inverse(A).T), scale(c, inverse(A).T)


@relation(tags="determinants", cites=HORN, stability="mixed", both_ways=False)
def det_of_similar(A, S, e):
    """det(e S A S⁻¹) = det(e A)."""
    return det(scale(e, S @ A @ inverse(S))), det(scale(e, A))


@relation(tags="determinants", cites=HORN, stability="mixed", both_ways=False)
def det_of_similar_from_the_left(A, S, e):
    """det(e S⁻¹ A S) = det(e A)."""
    return det(scale(e, inverse(S) @ A @ S)), det(scale(e, A))


@relation(tags="determinants", cites=HORN, stability="mixed", both_ways=False)
def logabsdet_of_similar(A, S):
    """log|S A S⁻¹| = log|A|."""
    return logabsdet(S @ A @ inverse(S)), logabsdet(A)


@relation(tags="determinants", cites=HORN, stability="mixed", both_ways=False)
def logabsdet_of_similar_from_the_left(A, S):
    """log|S⁻¹ A S| = log|A|."""
    return logabsdet(inverse(S) @ A @ S), logabsdet(A)


@relation(tags="determinants", cites=HORN, field="real", both_ways=False)
def det_of_rotated(A, Q, e):
    """det(e Q A Qᵀ) = det(e A) for orthogonal Q; Qᵀ is orthogonal as well."""
    return det(scale(e, Q @ A @ Q.T)), det(scale(e, A)), orthogonal(Q)


@relation(tags="determinants", cites=HORN, field="real", both_ways=False)
def logabsdet_of_rotated(A, Q):
    """log|Q A| = log|A| for orthogonal Q."""
    return logabsdet(Q @ A), logabsdet(A), orthogonal(Q)


@relation(tags="determinants", cites=HORN, field="real", both_ways=False)
def logabsdet_of_rotated_right(A, Q):
    """log|A Q| = log|A| for orthogonal Q."""
    return logabsdet(A @ Q), logabsdet(A), orthogonal(Q)


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
