"""Matrices of two by two blocks: solved and inverted by blocks, and their determinants."""

from typing import Any

from matchers.blocks import NOTHING
from matchers.conditions import positive_definite, same_cols, same_rows, square
from matchers.vocabulary import block_diag, det, hcat, inverse, logabsdet, rows_of, vcat, zeros
from relations.language import matrices, relation

A, B, C, D, X = matrices("A B C D X")

GOLUB = "Golub & Van Loan 2013, Matrix Computations, sec. 1.3"
HORN = "Horn & Johnson 2013, Matrix Analysis, sec. 0.9.2"

# A matrix of blocks is read by its rows. That A is square is asked for: a matrix [A 0; C D] may be
# regular where A has more columns than rows. That A is regular follows from the whole only where a
# block is 0; for a Schur complement it is asked for, as definiteness.


def lower(A: Any, C: Any, D: Any) -> Any:
    """[A 0; C D]."""
    return vcat(hcat(A, zeros(A.rows, D.cols)), hcat(C, D))


def upper(A: Any, B: Any, D: Any) -> Any:
    """[A B; 0 D]."""
    return vcat(hcat(A, B), hcat(zeros(D.rows, A.cols), D))


def full(A: Any, B: Any, C: Any, D: Any) -> Any:
    """[A B; C D]."""
    return vcat(hcat(A, B), hcat(C, D))


def parts(X: Any, A: Any, D: Any) -> Any:
    """The first rows of X, as many as A has, and the others, as many as D has."""
    return rows_of(X, NOTHING, A.rows), rows_of(X, A.rows, D.rows)


def by_columns(A: Any, B: Any, C: Any, D: Any) -> Any:
    """[[A; C] [B; D]]."""
    return hcat(vcat(A, C), vcat(B, D))


@relation(tags="blocks", cites=GOLUB, both_ways=False)
def inverse_by_rows(A, B, C, D):
    """[[A; C] [B; D]]⁻¹ = [[A B]; [C D]]⁻¹ where A and B have equally many rows."""
    return inverse(by_columns(A, B, C, D)), inverse(full(A, B, C, D)), same_rows(A, B)


@relation(tags="blocks", cites=GOLUB, both_ways=False)
def det_by_rows(A, B, C, D):
    """The determinant of [[A; C] [B; D]] is that of [[A B]; [C D]]."""
    return det(by_columns(A, B, C, D)), det(full(A, B, C, D)), same_rows(A, B)


@relation(tags="blocks", cites=GOLUB, both_ways=False)
def logabsdet_by_rows(A, B, C, D):
    """The same of the logarithm of the absolute determinant."""
    return logabsdet(by_columns(A, B, C, D)), logabsdet(full(A, B, C, D)), same_rows(A, B)


@relation(tags="blocks", cites=HORN, both_ways=False)
def blocks_on_the_diagonal(A, D):
    """[A 0; 0 D] = A ⊕ D."""
    whole = vcat(hcat(A, zeros(A.rows, D.cols)), hcat(zeros(D.rows, A.cols), D))
    return whole, block_diag(A, D)


@relation(tags="blocks", cites=GOLUB, both_ways=False, stability="mixed")
def solve_block_lower(A, C, D, X):
    """[A 0; C D]⁻¹ [X; Y] = [U; D⁻¹ (Y - C U)] with U = A⁻¹ X for square A."""
    above, below = parts(X, A, D)
    u = inverse(A) @ above
    return inverse(lower(A, C, D)) @ X, vcat(u, inverse(D) @ (below - C @ u)), square(A)


@relation(tags="blocks", cites=GOLUB, both_ways=False, stability="mixed")
def solve_block_upper(A, B, D, X):
    """[A B; 0 D]⁻¹ [X; Y] = [A⁻¹ (X - B U); U] with U = D⁻¹ Y for square A."""
    above, below = parts(X, A, D)
    u = inverse(D) @ below
    return inverse(upper(A, B, D)) @ X, vcat(inverse(A) @ (above - B @ u), u), square(A)


@relation(tags="blocks", cites=HORN, both_ways=False, stability="mixed")
def inverse_of_block_lower(A, C, D):
    """[A 0; C D]⁻¹ = [A⁻¹ 0; -D⁻¹ C A⁻¹ D⁻¹] for square A."""
    corner = -(inverse(D) @ C @ inverse(A))
    return inverse(lower(A, C, D)), lower(inverse(A), corner, inverse(D)), square(A)


@relation(tags="blocks", cites=HORN, both_ways=False, stability="mixed")
def inverse_of_block_upper(A, B, D):
    """[A B; 0 D]⁻¹ = [A⁻¹ -A⁻¹ B D⁻¹; 0 D⁻¹] for square A."""
    corner = -(inverse(A) @ B @ inverse(D))
    return inverse(upper(A, B, D)), upper(inverse(A), corner, inverse(D)), square(A)


@relation(tags="blocks", cites=HORN, both_ways=False)
def det_of_block_lower(A, C, D):
    """|A 0; C D| = |A| |D| for square A."""
    return det(lower(A, C, D)), det(A) * det(D), square(A)


@relation(tags="blocks", cites=HORN, both_ways=False)
def det_of_block_upper(A, B, D):
    """|A B; 0 D| = |A| |D| for square A."""
    return det(upper(A, B, D)), det(A) * det(D), square(A)


@relation(tags="blocks", cites=HORN, both_ways=False)
def logabsdet_of_block_lower(A, C, D):
    """log|A 0; C D| = log|A| + log|D| for square A."""
    return logabsdet(lower(A, C, D)), logabsdet(A) + logabsdet(D), square(A)


@relation(tags="blocks", cites=HORN, both_ways=False)
def logabsdet_of_block_upper(A, B, D):
    """log|A B; 0 D| = log|A| + log|D| for square A."""
    return logabsdet(upper(A, B, D)), logabsdet(A) + logabsdet(D), square(A)


@relation(tags="blocks", cites=HORN, both_ways=False, stability="mixed")
def solve_by_schur_complement(A, B, C, D, X):
    """[A B; C D]⁻¹ [X; Y] = [A⁻¹ (X - B U); U] with S U = Y - C A⁻¹ X for S = D - C A⁻¹ B.

    A is positive definite: nothing else that is declared proves it regular.
    """
    above, below = parts(X, A, D)
    schur = D - C @ inverse(A) @ B
    u = inverse(schur) @ (below - C @ inverse(A) @ above)
    solution = vcat(inverse(A) @ (above - B @ u), u)
    return inverse(full(A, B, C, D)) @ X, solution, positive_definite(A), same_cols(A, C)


@relation(tags="blocks", cites=HORN, both_ways=False, stability="mixed")
def det_by_schur_complement(A, B, C, D):
    """|A B; C D| = |A| |D - C A⁻¹ B| for positive definite A."""
    schur = D - C @ inverse(A) @ B
    product = det(A) * det(schur)
    return det(full(A, B, C, D)), product, positive_definite(A), same_cols(A, C)


@relation(tags="blocks", cites=HORN, both_ways=False, stability="mixed")
def logabsdet_by_schur_complement(A, B, C, D):
    """log|A B; C D| = log|A| + log|D - C A⁻¹ B| for positive definite A."""
    schur = D - C @ inverse(A) @ B
    logs = logabsdet(A) + logabsdet(schur)
    return logabsdet(full(A, B, C, D)), logs, positive_definite(A), same_cols(A, C)


@relation(tags="blocks", cites=HORN, both_ways=False, stability="mixed")
def inverse_by_schur_complement(A, B, C, D):
    """[A B; C D]⁻¹ by blocks with S = D - C A⁻¹ B, for positive definite A."""
    below = inverse(A) @ B
    left = C @ inverse(A)
    corner = inverse(D - C @ below)
    first = hcat(inverse(A) + below @ corner @ left, -(below @ corner))
    whole = vcat(first, hcat(-(corner @ left), corner))
    return inverse(full(A, B, C, D)), whole, positive_definite(A), same_cols(A, C)


# The same by the other corner, where that is the one that is easily inverted.


@relation(tags="blocks", cites=HORN, both_ways=False, stability="mixed")
def solve_by_complement_of_last(A, B, C, D, X):
    """[A B; C D]⁻¹ [X; Y] = [U; D⁻¹ (Y - C U)] with S U = X - B D⁻¹ Y for S = A - B D⁻¹ C."""
    above, below = parts(X, A, D)
    u = inverse(A - B @ inverse(D) @ C) @ (above - B @ inverse(D) @ below)
    solution = vcat(u, inverse(D) @ (below - C @ u))
    return inverse(full(A, B, C, D)) @ X, solution, positive_definite(D), same_cols(A, C)


@relation(tags="blocks", cites=HORN, both_ways=False, stability="mixed")
def det_by_complement_of_last(A, B, C, D):
    """|A B; C D| = |D| |A - B D⁻¹ C| for positive definite D."""
    product = det(D) * det(A - B @ inverse(D) @ C)
    return det(full(A, B, C, D)), product, positive_definite(D), same_cols(A, C)


@relation(tags="blocks", cites=HORN, both_ways=False, stability="mixed")
def logabsdet_by_complement_of_last(A, B, C, D):
    """log|A B; C D| = log|D| + log|A - B D⁻¹ C| for positive definite D."""
    logs = logabsdet(D) + logabsdet(A - B @ inverse(D) @ C)
    return logabsdet(full(A, B, C, D)), logs, positive_definite(D), same_cols(A, C)
