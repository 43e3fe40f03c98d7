"""Distances of rows: squares of differences, and by products, where digits may be lost."""

from matchers.vocabulary import mul, ones, squared_distances
from relations.language import matrices, relation

X, Y = matrices("X Y")

GOLUB = "Golub & Van Loan 2013, Matrix Computations, sec. 1.1"


@relation(tags=("distances", "fast_unstable"), cites=GOLUB, stability="loses", both_ways=False)
def distances_by_products(X, Y):
    """|xᵢ - yⱼ|² = |xᵢ|² + |yⱼ|² - 2 xᵢᵀ yⱼ, all at once.

    Of a distance that is small beside the rows themselves all digits may be lost.
    """
    one, other = mul(X, X) @ ones(X.cols), mul(Y, Y) @ ones(Y.cols)
    squares = one @ ones(Y.rows).T + ones(X.rows) @ other.T
    return squared_distances(X, Y), squares - 2 * X @ Y.T
