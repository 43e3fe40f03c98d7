"""Low rank: a matrix that is easy to solve with, plus a product U V of few columns and few rows.

The matrix may be an identity, a diagonal, or anything else that is proved to have an inverse; a
shift c I needs ``nonzero(c)``, a diagonal ``nonzero(d)``. Where U V has as many columns as rows,
nothing is gained: cost decides. All of this holds wherever the left side has a value, since
det(A + U V) = det(A) det(I + V A⁻¹ U).

Rounding errors are those of A⁻¹ and of the small matrix: as long as A is no worse conditioned than
A + U V, they are of the size of those of a dense solve. Where it is, as where a diagonal holds an
entry far below the norm of U V, digits are lost that a dense solve keeps: Yip 1986.
"""

from typing import Any

from matchers.conditions import diagonal_matrix, nonsingular
from matchers.vocabulary import (
    det,
    diag,
    diagonal,
    eye,
    hcat,
    inverse,
    log_magnitude,
    logabsdet,
    prod,
    reciprocal,
    scale,
    total,
    vcat,
)
from relations.language import coefficients, matrices, relation, vectors

A, B, C, D, U, V, X, Y = matrices("A B C D U V X Y")
(d,) = vectors("d")
b, c = coefficients("b c")

WOODBURY = "Woodbury 1950, Inverting modified matrices"
HORN = "Horn & Johnson 2013, Matrix Analysis, sec. 0.9"
SEARLE = "Henderson & Searle 1981, On deriving the inverse of a sum of matrices"
SIMON = "Simon 2006, Optimal State Estimation, sec. 3.3"
HARVILLE = "Harville 1997, Matrix Algebra From a Statistician's Perspective, ch. 18"


def small(A: Any, U: Any, V: Any, c: Any) -> Any:
    """I + c V A⁻¹ U, which has as many rows as U V has rank at most."""
    return eye(V.rows) + scale(c, V @ inverse(A) @ U)


# --- inverses: Woodbury, of which rank one is Sherman & Morrison 1950 -----------------------------


@relation(tags="low_rank", cites=WOODBURY, stability="mixed", both_ways=False)
def woodbury(A, U, V, c):
    """(A + c U V)⁻¹ = A⁻¹ - c A⁻¹ U (I + c V A⁻¹ U)⁻¹ V A⁻¹ for nonsingular A."""
    update = inverse(A) @ U @ inverse(small(A, U, V, c)) @ V @ inverse(A)
    return inverse(A + scale(c, U @ V)), inverse(A) - scale(c, update), nonsingular(A)


@relation(tags="low_rank", cites=WOODBURY, stability="mixed", both_ways=False)
def woodbury_solve(A, U, V, X, c):
    """(A + c U V)⁻¹ X = A⁻¹ X - c A⁻¹ U (I + c V A⁻¹ U)⁻¹ V A⁻¹ X for nonsingular A."""
    update = inverse(A) @ U @ inverse(small(A, U, V, c)) @ V @ inverse(A) @ X
    solved = inverse(A) @ X - scale(c, update)
    return inverse(A + scale(c, U @ V)) @ X, solved, nonsingular(A)


@relation(tags="low_rank", cites=WOODBURY, stability="mixed", both_ways=False)
def woodbury_solve_left(A, U, V, X, c):
    """X (A + c U V)⁻¹ = X A⁻¹ - c X A⁻¹ U (I + c V A⁻¹ U)⁻¹ V A⁻¹ for nonsingular A."""
    update = X @ inverse(A) @ U @ inverse(small(A, U, V, c)) @ V @ inverse(A)
    solved = X @ inverse(A) - scale(c, update)
    return X @ inverse(A + scale(c, U @ V)), solved, nonsingular(A)


# --- push-through: U comes out on the other side --------------------------------------------------


@relation(tags="low_rank", cites=SEARLE, stability="mixed", both_ways=False)
def push_through(A, U, V, c):
    """(A + c U V)⁻¹ U = A⁻¹ U (I + c V A⁻¹ U)⁻¹ for nonsingular A."""
    pushed = inverse(A) @ U @ inverse(small(A, U, V, c))
    return inverse(A + scale(c, U @ V)) @ U, pushed, nonsingular(A)


@relation(tags="low_rank", cites=SEARLE, stability="mixed", both_ways=False)
def push_through_left(A, U, V, c):
    """V (A + c U V)⁻¹ = (I + c V A⁻¹ U)⁻¹ V A⁻¹ for nonsingular A."""
    pushed = inverse(small(A, U, V, c)) @ V @ inverse(A)
    return V @ inverse(A + scale(c, U @ V)), pushed, nonsingular(A)


@relation(tags="low_rank", cites=SIMON, stability="mixed", both_ways=False)
def gain(B, C, U, V):
    """(B⁻¹ + U C⁻¹ V)⁻¹ U C⁻¹ = B U (C + V B U)⁻¹: a Kalman gain."""
    information = inverse(inverse(B) + U @ inverse(C) @ V)
    return information @ U @ inverse(C), B @ U @ inverse(C + V @ B @ U)


@relation(tags="low_rank", cites=SIMON, stability="mixed", both_ways=False)
def gain_left(B, C, U, V):
    """C⁻¹ V (B⁻¹ + U C⁻¹ V)⁻¹ = (C + V B U)⁻¹ V B."""
    information = inverse(inverse(B) + U @ inverse(C) @ V)
    return inverse(C) @ V @ information, inverse(C + V @ B @ U) @ V @ B


# --- two products of low rank are one, where the first of them alone may leave no inverse ---------


@relation(tags="low_rank", cites=HORN, both_ways=False)
def inverse_of_two_updates(A, U, V, X, Y, b, c):
    """(A + b U V + c X Y)⁻¹ = (A + [b U  c X] [V; Y])⁻¹, with A nonsingular."""
    joined = hcat(scale(b, U), scale(c, X)) @ vcat(V, Y)
    return inverse(A + scale(b, U @ V) + scale(c, X @ Y)), inverse(A + joined), nonsingular(A)


@relation(tags=("low_rank", "determinants"), cites=HORN, both_ways=False)
def logabsdet_of_two_updates(A, U, V, X, Y, b, c):
    """log|A + b U V + c X Y| = log|A + [b U  c X] [V; Y]|, with A nonsingular."""
    joined = hcat(scale(b, U), scale(c, X)) @ vcat(V, Y)
    return logabsdet(A + scale(b, U @ V) + scale(c, X @ Y)), logabsdet(A + joined), nonsingular(A)


# --- determinants ---------------------------------------------------------------------------------


@relation(tags=("low_rank", "determinants"), cites=HARVILLE, stability="mixed")
def determinant_of_identity_plus(U, V, c):
    """|I + c U V| = |I + c V U|."""
    return det(eye(U.rows) + scale(c, U @ V)), det(eye(V.rows) + scale(c, V @ U))


# Of two determinants one may overflow where their product does not; of their logarithms neither.


@relation(
    tags=("low_rank", "determinants", "fast_unstable"), cites=HARVILLE, stability="loses",
    both_ways=False,
)  # fmt: skip
def determinant_lemma(A, U, V, c):
    """|A + c U V| = |A| |I + c V A⁻¹ U| for nonsingular A."""
    return det(A + scale(c, U @ V)), det(A) * det(small(A, U, V, c)), nonsingular(A)


@relation(tags=("low_rank", "determinants"), cites=HARVILLE, stability="mixed", both_ways=False)
def logabsdet_lemma(A, U, V, c):
    """Log|A + c U V| = log|A| + log|I + c V A⁻¹ U| for nonsingular A."""
    logs = logabsdet(A) + logabsdet(small(A, U, V, c))
    return logabsdet(A + scale(c, U @ V)), logs, nonsingular(A)


# --- parallel sums --------------------------------------------------------------------------------


@relation(tags="low_rank", cites=SEARLE, stability="mixed", both_ways=False)
def inverse_of_sum_of_inverses(A, B):
    """(A⁻¹ + B⁻¹)⁻¹ = A (A + B)⁻¹ B."""
    return inverse(inverse(A) + inverse(B)), A @ inverse(A + B) @ B


@relation(tags="low_rank", cites=SEARLE, stability="mixed", both_ways=False)
def inverse_of_inverse_plus(A, B):
    """(A⁻¹ + B)⁻¹ = (I + A B)⁻¹ A, which pays where B is a diagonal."""
    return inverse(inverse(A) + B), inverse(eye(A.rows) + A @ B) @ A


@relation(tags="low_rank", cites=SEARLE, stability="mixed", both_ways=False)
def parallel_sum(A, B):
    """A - A (A + B)⁻¹ A = A (A + B)⁻¹ B."""
    return A - A @ inverse(A + B) @ A, A @ inverse(A + B) @ B


# --- diagonals, which the view identifies by itself -----------------------------------------------


@relation(tags=("low_rank", "inverses", "axiom"), cites=HORN)
def inverse_of_diagonal(d):
    """diag(d)⁻¹ = diag(1/d)."""
    return inverse(diag(d)), diag(reciprocal(d))


@relation(tags=("low_rank", "determinants", "axiom"), cites=HORN)
def determinant_of_diagonal(d):
    """|diag(d)| is the product of d."""
    return det(diag(d)), prod(d)


@relation(tags=("low_rank", "determinants", "axiom"), cites=HORN)
def logabsdet_of_diagonal(d):
    """Log|diag(d)| is the sum of log|d|."""
    return logabsdet(diag(d)), total(log_magnitude(d))


@relation(tags=("low_rank", "inverses"), cites=HORN, both_ways=False)
def inverse_of_diagonal_matrix(D):
    """D⁻¹ = diag(1/diagonal(D)) for what is declared diagonal."""
    return inverse(D), diag(reciprocal(diagonal(D))), diagonal_matrix(D)
