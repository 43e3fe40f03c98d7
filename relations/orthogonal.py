"""Orthogonal matrices: Qᵀ is the inverse of Q, and Q keeps lengths and angles."""

from matchers.conditions import orthogonal
from matchers.vocabulary import eye, inverse, mul, total
from relations.language import matrices, relation

A, Q, X, Y = matrices("A Q X Y")

GOLUB = "Golub & Van Loan 2013, Matrix Computations, sec. 2.1"


@relation(tags="orthogonal", cites=GOLUB, field="real")
def orthogonal_cancels(Q):
    """Qᵀ Q = I for orthogonal Q; as Qᵀ is orthogonal as well, Q Qᵀ = I."""
    return Q.T @ Q, eye(Q.cols), orthogonal(Q)


@relation(tags="orthogonal", cites=GOLUB, field="real", both_ways=False)
def inverse_of_rotated(Q, A):
    """(Q A)⁻¹ = A⁻¹ Qᵀ for orthogonal Q."""
    return inverse(Q @ A), inverse(A) @ Q.T, orthogonal(Q)


@relation(tags="orthogonal", cites=GOLUB, field="real", both_ways=False)
def inverse_of_rotated_right(A, Q):
    """(A Q)⁻¹ = Qᵀ A⁻¹ for orthogonal Q."""
    return inverse(A @ Q), Q.T @ inverse(A), orthogonal(Q)


@relation(tags="orthogonal", cites=GOLUB, field="real", both_ways=False)
def inner_product_of_rotated(Q, X, Y):
    """The sum of all entries of Q X ⊙ Q Y is that of X ⊙ Y; with X = Y, Q keeps the norm."""
    return total(mul(Q @ X, Q @ Y)), total(mul(X, Y)), orthogonal(Q)


@relation(tags="orthogonal", cites=GOLUB, field="real", both_ways=False)
def inner_product_of_rotated_rows(Q, X, Y):
    """The sum of all entries of X Q ⊙ Y Q is that of X ⊙ Y."""
    return total(mul(X @ Q, Y @ Q)), total(mul(X, Y)), orthogonal(Q)
