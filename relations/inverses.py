"""Inverses; a solve is a product with an inverse, so these hold for solves as well."""

from matchers.conditions import (
    full_column_rank,
    full_row_rank,
    nonsingular,
    orthogonal,
    positive_definite,
    square,
    two_by_two,
)
from matchers.vocabulary import (
    cholesky,
    eye,
    inverse,
    pinv,
    reciprocal,
    scale,
    small_inverse,
    thin_q,
    thin_qr,
    thin_r,
    transpose,
)
from relations.language import matrices, relation, scalars

A, B, P, Q = matrices("A B P Q")
(c,) = scalars("c")

HORN = "Horn & Johnson 2013, Matrix Analysis, sec. 0.5"
GOLUB = "Golub & Van Loan 2013, Matrix Computations, sec. 4.2"
HIGHAM = "Higham 2002, Accuracy and Stability of Numerical Algorithms, sec. 1.10.1"
PENROSE = "Golub & Van Loan 2013, Matrix Computations, sec. 5.5.2"


@relation(tags=("inverses", "axiom"), cites=HORN)
def inverse_of_transpose(A):
    """(Aᵀ)⁻¹ = (A⁻¹)ᵀ."""
    return inverse(A.T), transpose(inverse(A))


@relation(tags="inverses", cites=HORN, stability="mixed")
def inverse_of_product(A, B):
    """(A B)⁻¹ = B⁻¹ A⁻¹ for square A and B."""
    return inverse(A @ B), inverse(B) @ inverse(A), square(A), square(B)


@relation(tags="inverses", cites=HORN)
def inverse_of_inverse(A):
    """(A⁻¹)⁻¹ = A."""
    return inverse(inverse(A)), A


@relation(tags="inverses", cites=HORN)
def inverse_of_scaled(A, c):
    """(c A)⁻¹ = c⁻¹ A⁻¹."""
    return inverse(scale(c, A)), scale(reciprocal(c), inverse(A))


@relation(tags="inverses", cites=HORN)
def cancel_left(A):
    """A⁻¹ A = I."""
    return inverse(A) @ A, eye(A.rows)


@relation(tags="inverses", cites=HORN)
def cancel_right(A):
    """A A⁻¹ = I."""
    return A @ inverse(A), eye(A.rows)


@relation(tags="inverses", cites=HORN, field="real")
def inverse_of_orthogonal(Q):
    """Q⁻¹ = Qᵀ for orthogonal Q; PyTensor calls a complex Q orthogonal where Q⁻¹ = Qᴴ."""
    return inverse(Q), Q.T, orthogonal(Q)


@relation(tags=("inverses", "recomposing"), cites=GOLUB, field="real", both_ways=False)
def cholesky_recomposed(P):
    """L Lᵀ = P with L = chol(P), for positive definite P; the factor reads one triangle."""
    return cholesky(P) @ cholesky(P).T, P, positive_definite(P)


@relation(
    tags=("inverses", "recomposing"), cites=GOLUB, field="real", stability="mixed", both_ways=False
)
def inverse_recomposed(P):
    """L⁻ᵀ L⁻¹ = P⁻¹ with L = chol(P), for positive definite P."""
    return inverse(cholesky(P)).T @ inverse(cholesky(P)), inverse(P), positive_definite(P)


@relation(tags="inverses", cites=HIGHAM, field="real", stability="mixed", both_ways=False)
def inverse_of_order_two(A):
    """A⁻¹ is the adjugate of A over its determinant, for A of order two.

    As accurate as elimination, though the residual need not be small.
    """
    return inverse(A), small_inverse(A), two_by_two(A)


# --- pseudoinverses -------------------------------------------------------------------------------


@relation(tags=("inverses", "axiom"), cites=PENROSE)
def pseudoinverse_of_transpose(A):
    """(Aᵀ)⁺ = (A⁺)ᵀ."""
    return pinv(A.T), transpose(pinv(A))


@relation(tags="inverses", cites=PENROSE, stability="mixed", both_ways=False)
def pseudoinverse_of_nonsingular(A):
    """A⁺ = A⁻¹ for nonsingular A."""
    return pinv(A), inverse(A), nonsingular(A)


@relation(tags="inverses", cites=PENROSE, field="real", both_ways=False)
def pseudoinverse_of_full_column_rank(A):
    """A⁺ = R⁻¹ Qᵀ with A = Q R, for A with independent columns."""
    return pinv(A), inverse(thin_r(thin_qr(A))) @ thin_q(thin_qr(A)).T, full_column_rank(A)


@relation(tags="inverses", cites=PENROSE, field="real", both_ways=False)
def pseudoinverse_of_full_row_rank(A):
    """A⁺ = Q R⁻ᵀ with Aᵀ = Q R, for A with independent rows."""
    return pinv(A), thin_q(thin_qr(A.T)) @ inverse(thin_r(thin_qr(A.T))).T, full_row_rank(A)
