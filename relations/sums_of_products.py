"""Sums of products: a common factor is taken out, and a sum is multiplied out where that is less.

All of these are distributivity, each where it may pay: the forms are such that the left side holds
a sum of two products, or a product of a sum with one.
"""

from matchers.vocabulary import eye, scale
from relations.language import coefficients, matrices, relation

A, U, V, W, X, Y = matrices("A U V W X Y")
c, d = coefficients("c d")

HORN = "Horn & Johnson 2013, Matrix Analysis, sec. 0.2"


@relation(tags="distribution", cites=HORN, both_ways=False)
def common_factor_left(A, X, Y, c, d):
    """C A X + d A Y = A (c X + d Y), with or without coefficients."""
    return scale(c, A @ X) + scale(d, A @ Y), A @ (scale(c, X) + scale(d, Y))


@relation(tags="distribution", cites=HORN, both_ways=False)
def common_factor_right(A, X, Y, c, d):
    """C X A + d Y A = (c X + d Y) A, with or without coefficients."""
    return scale(c, X @ A) + scale(d, Y @ A), (scale(c, X) + scale(d, Y)) @ A


@relation(tags="distribution", cites=HORN, both_ways=False)
def common_factor_alone_left(A, X, c, d):
    """(c A) X + d A = A (c X + d I): one of the products is the common factor itself."""
    return scale(c, A @ X) + scale(d, A), A @ (scale(c, X) + scale(d, eye(A.cols)))


@relation(tags="distribution", cites=HORN, both_ways=False)
def common_factor_alone_right(A, X, c, d):
    """(c X) A + d A = (c X + d I) A: one of the products is the common factor itself."""
    return scale(c, X @ A) + scale(d, A), (scale(c, X) + scale(d, eye(A.rows))) @ A


@relation(tags="distribution", cites=HORN, both_ways=False)
def low_rank_left(W, U, V, X, c):
    """(W + c U V) X = W X + c U (V X), with or without a coefficient."""
    return (W + scale(c, U @ V)) @ X, W @ X + scale(c, U @ V @ X)


@relation(tags="distribution", cites=HORN, both_ways=False)
def low_rank_right(W, U, V, X, c):
    """X (W + c U V) = X W + c (X U) V, with or without a coefficient."""
    return X @ (W + scale(c, U @ V)), X @ W + scale(c, X @ U @ V)
