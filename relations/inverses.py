"""Inverses; a solve is a product with an inverse, so these hold for solves as well."""

from matchers.conditions import orthogonal, square
from matchers.vocabulary import eye, inverse, reciprocal, scale, transpose
from relations.language import matrices, relation, scalars

A, B, Q = matrices("A B Q")
(c,) = scalars("c")

HORN = "Horn & Johnson 2013, Matrix Analysis, sec. 0.5"


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
