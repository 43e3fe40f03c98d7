"""Rows by index: a permutation is an identity of which rows are taken, and multiplies by taking."""

from matchers.conditions import unbatched
from matchers.vocabulary import eye, inverse, scattered, taken, transpose
from relations.language import matrices, relation, vectors

A, X = matrices("A X")
(p,) = vectors("p")

GOLUB = "Golub & Van Loan 2013, Matrix Computations, sec. 1.2.8"


@relation(tags="selections", cites=GOLUB, both_ways=False)
def rows_taken_of_product(A, X, p):
    """A[p] X = (A X)[p], so that I[p] X = X[p]."""
    return taken(A, p) @ X, taken(A @ X, p), unbatched(p)


@relation(tags="selections", cites=GOLUB, both_ways=False)
def columns_taken_of_product(A, X, p):
    """X A[p]ᵀ = ((A Xᵀ)[p])ᵀ, so that X I[p]ᵀ takes columns."""
    return X @ taken(A, p).T, transpose(taken(A @ X.T, p)), unbatched(p)


@relation(tags="selections", cites=GOLUB, both_ways=False)
def rows_scattered(A, X, p):
    """A[p]ᵀ X = Aᵀ S, where S has each row of X added to that of its index."""
    return taken(A, p).T @ X, A.T @ scattered(X, p, A.rows), unbatched(p)


@relation(tags="selections", cites=GOLUB, both_ways=False)
def columns_scattered(A, X, p):
    """X A[p] = Sᵀ A, where S has each column of X added to the row of its index."""
    return X @ taken(A, p), scattered(X.T, p, A.rows).T @ A, unbatched(p)


@relation(tags="selections", cites=GOLUB, both_ways=False)
def inverse_of_permutation(p):
    """I[p]⁻¹ = I[p]ᵀ: what has an inverse takes each row once."""
    return inverse(taken(eye(p.rows), p)), taken(eye(p.rows), p).T, unbatched(p)
