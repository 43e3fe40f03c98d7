"""Circulant and Toeplitz matrices: products and solves without the matrix."""

from matchers.conditions import assumed, positive_definite
from matchers.vocabulary import (
    circulant,
    circulant_det,
    circulant_logabsdet,
    convolved,
    deconvolved,
    det,
    first,
    inverse,
    item,
    lead,
    levinson,
    logabsdet,
    mirrored,
    size,
    toeplitz,
    toeplitz_dot,
    trace,
    transposed_toeplitz_dot,
)
from relations.language import matrices, relation, vectors

C, T, X = matrices("C T X")
a, c, r = vectors("a c r")

GOLUB = "Golub & Van Loan 2013, Matrix Computations, sec. 4.8"
LEVINSON = "Golub & Van Loan 2013, Matrix Computations, sec. 4.7"

# --- circulant matrices ---------------------------------------------------------------------------


@relation(tags="circulants", cites=GOLUB, field="real", both_ways=False)
def circulant_times(c, X):
    """circulant(c) X is the circular convolution of c with each column of X."""
    return circulant(c) @ X, convolved(c, X)


@relation(tags="circulants", cites=GOLUB, field="real", both_ways=False)
def times_circulant(c, X):
    """X circulant(c), by the transposes of both."""
    return X @ circulant(c), convolved(mirrored(c), X.T).T


@relation(tags="circulants", cites=GOLUB, field="real", stability="mixed", both_ways=False)
def solve_of_circulant(C, X):
    """C⁻¹ X for circulant C divides by the transform of its first column."""
    return inverse(C) @ X, deconvolved(lead(C), X), assumed("circulant", C)


@relation(tags="circulants", cites=GOLUB, field="real", stability="mixed", both_ways=False)
def solve_of_circulant_from_the_left(C, X):
    """X C⁻¹ for circulant C, by the transposes of both."""
    return X @ inverse(C), deconvolved(mirrored(lead(C)), X.T).T, assumed("circulant", C)


@relation(tags="circulants", cites=GOLUB, field="real", stability="mixed", both_ways=False)
def inverse_of_circulant(C):
    """The inverse of a circulant matrix is one, and its first column is C⁻¹ e₀."""
    column = deconvolved(lead(C), first(C.rows))
    return inverse(C), circulant(column), assumed("circulant", C)


@relation(tags="circulants", cites=GOLUB, field="real", both_ways=False)
def product_of_circulants(a, c):
    """circulant(a) circulant(c) is the circulant matrix of the convolution of a and c."""
    return circulant(a) @ circulant(c), circulant(convolved(a, c))


@relation(tags="circulants", cites=GOLUB, field="real", both_ways=False)
def sum_of_circulants(a, c):
    """circulant(a) + circulant(c) = circulant(a + c)."""
    return circulant(a) + circulant(c), circulant(a + c)


@relation(tags="circulants", cites=GOLUB, field="real", both_ways=False)
def det_of_circulant(C):
    """det(C) of a circulant matrix is the product of the transform of its first column."""
    return det(C), circulant_det(lead(C)), assumed("circulant", C)


@relation(tags="circulants", cites=GOLUB, field="real", both_ways=False)
def logabsdet_of_circulant(C):
    """log|C| of a circulant matrix is a sum over the transform of its first column."""
    return logabsdet(C), circulant_logabsdet(lead(C)), assumed("circulant", C)


# --- Toeplitz matrices ----------------------------------------------------------------------------

# Errors of a transform are relative to the largest of what is multiplied, those of a product to
# each sum of magnitudes: where large entries meet small ones a product is more accurate.


@relation(tags="circulants", cites=GOLUB, field="real", stability="mixed", both_ways=False)
def toeplitz_times(c, r, X):
    """toeplitz(c, r) X, where the matrix is a block of a circulant one."""
    return toeplitz(c, r) @ X, toeplitz_dot(c, r, X)


@relation(tags="circulants", cites=GOLUB, field="real", stability="mixed", both_ways=False)
def transposed_toeplitz_times(c, r, X):
    """toeplitz(c, r)ᵀ X, where the matrix is a block of a circulant one."""
    return toeplitz(c, r).T @ X, transposed_toeplitz_dot(c, r, X)


@relation(tags="circulants", cites=GOLUB, field="real", stability="mixed", both_ways=False)
def times_toeplitz(c, r, X):
    """X toeplitz(c, r), by the transposes of both."""
    return X @ toeplitz(c, r), transposed_toeplitz_dot(c, r, X.T).T


@relation(tags="circulants", cites=GOLUB, field="real", stability="mixed", both_ways=False)
def times_transposed_toeplitz(c, r, X):
    """X toeplitz(c, r)ᵀ, by the transposes of both."""
    return X @ toeplitz(c, r).T, toeplitz_dot(c, r, X.T).T


@relation(tags="circulants", cites=LEVINSON, field="real", stability="mixed", both_ways=False)
def solve_of_toeplitz(T, X):
    """T⁻¹ X for positive definite Toeplitz T by Levinson's recursion on its first column."""
    conditions = assumed("toeplitz", T), positive_definite(T)
    return inverse(T) @ X, levinson(lead(T), X), *conditions


@relation(tags="circulants", cites=LEVINSON, field="real", stability="mixed", both_ways=False)
def solve_of_toeplitz_from_the_left(T, X):
    """X T⁻¹ for positive definite Toeplitz T."""
    conditions = assumed("toeplitz", T), positive_definite(T)
    return X @ inverse(T), levinson(lead(T), X.T).T, *conditions


@relation(tags="circulants", cites=GOLUB, both_ways=False)
def trace_of_circulant(c):
    """tr(circulant(c)) = n c₀."""
    return trace(circulant(c)), size(c.rows) * item(first(c.rows).T @ c)
