"""Whitening read back: what a Gaussian log-density by Cholesky makes of P⁻¹ and of log|P|.

By itself the Cholesky form is the better one, and it is left as it is. Where P is of low rank plus
a diagonal, a Kronecker product or anything else with a cheap inverse, the factor hides that: these
relations lead to where the others apply. They are the way back of `quadratic_forms` and of
`logabsdet_of_positive_definite`.
"""

from matchers.conditions import positive_definite
from matchers.vocabulary import cholesky, inverse, log_diagonal, logabsdet, mul, total
from relations.language import matrices, relation

P, X = matrices("P X")

RASMUSSEN = "Rasmussen & Williams 2006, Gaussian Processes for Machine Learning, alg. 2.1"


@relation(tags="quadratic_forms", cites=RASMUSSEN, field="real", stability="mixed", both_ways=False)
def total_of_whitened(P, X):
    """Σ(W ⊙ W) = Σ(X ⊙ P⁻¹ X) with W = L⁻¹ X, L = chol(P), for positive definite P."""
    W = inverse(cholesky(P)) @ X
    return total(mul(W, W)), total(mul(X, inverse(P) @ X)), positive_definite(P)


@relation(tags="determinants", cites=RASMUSSEN, field="real", stability="mixed", both_ways=False)
def log_diagonal_of_cholesky(P):
    """Σ log|Lᵢᵢ| = log|P| / 2 with L = chol(P), for positive definite P."""
    return log_diagonal(cholesky(P)), 0.5 * logabsdet(P), positive_definite(P)
