"""Quadratic forms in P⁻¹ as squares: xᵀ P⁻¹ x = |L⁻¹ x|² with L = chol(P).

One triangular solve takes the place of two, the result is symmetric and not negative by
construction, and the factor is that of log|P|. Of scalars in front nothing need be said: they stand
outside of products.

They are used when a graph is compiled, and left out before it is differentiated, where the gradient
would be laid out in the lower triangle and go back through the factor; that of the dense forms is
neither, and was twice as fast for a Gaussian log-density.
"""

from matchers.conditions import positive_definite
from matchers.vocabulary import cholesky, gram, inverse, mul, ones, total
from relations.language import matrices, relation

P, X = matrices("P X")

TAGS = ("quadratic_forms", "after_gradients")
RASMUSSEN = "Rasmussen & Williams 2006, Gaussian Processes for Machine Learning, alg. 2.1"


@relation(tags=TAGS, cites=RASMUSSEN, field="real", stability="mixed", both_ways=False)
def whitened_gram(P, X):
    """Xᵀ P⁻¹ X = Wᵀ W with W = L⁻¹ X, L = chol(P), for positive definite P."""
    W = inverse(cholesky(P)) @ X
    return X.T @ inverse(P) @ X, gram(W), positive_definite(P)


@relation(tags=TAGS, cites=RASMUSSEN, field="real", stability="mixed", both_ways=False)
def whitened_total(P, X):
    """Σ(X ⊙ P⁻¹ X) = Σ(W ⊙ W) with W = L⁻¹ X, L = chol(P), for positive definite P."""
    W = inverse(cholesky(P)) @ X
    return total(mul(X, inverse(P) @ X)), total(mul(W, W)), positive_definite(P)


@relation(tags=TAGS, cites=RASMUSSEN, field="real", stability="mixed", both_ways=False)
def whitened_total_of_rows(P, X):
    """Σ(X ⊙ X P⁻¹) = Σ(W ⊙ W) with W = X L⁻ᵀ, L = chol(P), for positive definite P."""
    W = X @ inverse(cholesky(P)).T
    return total(mul(X, X @ inverse(P))), total(mul(W, W)), positive_definite(P)


@relation(tags=TAGS, cites=RASMUSSEN, field="real", stability="mixed", both_ways=False)
def whitened_columns(P, X):
    """The column sums of X ⊙ P⁻¹ X are those of W ⊙ W with W = L⁻¹ X, L = chol(P)."""
    W = inverse(cholesky(P)) @ X
    one = ones(P.rows)
    return one.T @ mul(X, inverse(P) @ X), one.T @ mul(W, W), positive_definite(P)


@relation(tags=TAGS, cites=RASMUSSEN, field="real", stability="mixed", both_ways=False)
def whitened_rows(P, X):
    """The row sums of X ⊙ X P⁻¹ are those of W ⊙ W with W = X L⁻ᵀ, L = chol(P)."""
    W = X @ inverse(cholesky(P)).T
    one = ones(P.rows)
    return mul(X, X @ inverse(P)) @ one, mul(W, W) @ one, positive_definite(P)
