"""A Kronecker product plus a multiple of the identity, by the eigenvectors of its factors."""

from matchers.conditions import symmetric, unbatched
from matchers.vocabulary import (
    eye,
    inverse,
    kron,
    logabsdet,
    scale,
    shifted_logabsdet,
    shifted_solve,
)
from relations.language import coefficients, matrices, relation

A, B, X = matrices("A B X")
(c,) = coefficients("c")

RASMUSSEN = "Saatçi 2011, Scalable inference for structured Gaussian process models, ch. 5"


@relation(tags="kronecker", cites=RASMUSSEN, stability="mixed", field="real", both_ways=False)
def solve_of_shifted_kron(A, B, X, c):
    """(A ⊗ B + c I)⁻¹ X for symmetric A and B, by their eigenvectors."""
    shifted = kron(A, B) + scale(c, eye(A.rows * B.rows))
    conditions = symmetric(A, B), unbatched(A, B, X)
    return inverse(shifted) @ X, shifted_solve(c, X, kron(A, B)), *conditions


@relation(tags="kronecker", cites=RASMUSSEN, stability="mixed", field="real", both_ways=False)
def solve_of_shifted_kron_from_the_left(A, B, X, c):
    """X (A ⊗ B + c I)⁻¹ for symmetric A and B, by their eigenvectors."""
    shifted = kron(A, B) + scale(c, eye(A.rows * B.rows))
    conditions = symmetric(A, B), unbatched(A, B, X)
    return X @ inverse(shifted), shifted_solve(c, X.T, kron(A, B)).T, *conditions


@relation(tags="kronecker", cites=RASMUSSEN, stability="mixed", field="real", both_ways=False)
def logabsdet_of_shifted_kron(A, B, c):
    """log|A ⊗ B + c I| for symmetric A and B, by their eigenvalues."""
    shifted = kron(A, B) + scale(c, eye(A.rows * B.rows))
    return logabsdet(shifted), shifted_logabsdet(c, kron(A, B)), symmetric(A, B)
