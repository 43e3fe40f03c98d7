"""Blocks: matrices side by side, above each other and along a diagonal."""

from matchers.blocks import NOTHING
from matchers.conditions import (
    conforming,
    evenly_known,
    implied,
    positive_definite,
    same_shape,
    square,
    symmetric,
)
from matchers.decompositions import eigenvalue_factor
from matchers.vocabulary import (
    ascending,
    block_diag,
    cell,
    cholesky,
    det,
    det_sign,
    diagonal,
    eigenvalues,
    eigvalsh,
    expm,
    hcat,
    inverse,
    logabsdet,
    mul,
    rows_of,
    total,
    trace,
    transpose,
    vcat,
    vec,
)
from relations.language import matrices, relation

A, B, C, D, X, Y = matrices("A B C D X Y")

GOLUB = "Golub & Van Loan 2013, Matrix Computations, sec. 1.3"
HORN = "Horn & Johnson 2013, Matrix Analysis, sec. 0.9.2"


# --- side by side and above each other ----------------------------------------------------------


@relation(tags=("blocks", "axiom"), cites=GOLUB)
def transpose_of_hcat(A, B):
    """[A B]ᵀ = [Aᵀ; Bᵀ]."""
    return transpose(hcat(A, B)), vcat(A.T, B.T)


@relation(tags=("blocks", "axiom"), cites=GOLUB)
def transpose_of_vcat(A, B):
    """[A; B]ᵀ = [Aᵀ Bᵀ]."""
    return transpose(vcat(A, B)), hcat(A.T, B.T)


@relation(tags="blocks", cites=GOLUB, both_ways=False)
def hcat_times_vcat(A, B, X, Y):
    """[A B] [X; Y] = A X + B Y where the blocks conform."""
    conform = conforming(A, X), conforming(B, Y)
    return hcat(A, B) @ vcat(X, Y), A @ X + B @ Y, *conform


@relation(tags="blocks", cites=GOLUB, both_ways=False)
def hcat_times(A, B, X):
    """[A B] [X; Y] = A X + B Y, whatever the rows of what stands on the right come from."""
    upper, lower = rows_of(X, NOTHING, A.cols), rows_of(X, A.cols, B.cols)
    return hcat(A, B) @ X, A @ upper + B @ lower


@relation(tags="blocks", cites=GOLUB)
def vcat_times(A, B, X):
    """[A; B] X = [A X; B X]."""
    return vcat(A, B) @ X, vcat(A @ X, B @ X)


@relation(tags="blocks", cites=GOLUB)
def times_hcat(A, B, X):
    """X [A B] = [X A  X B]."""
    return X @ hcat(A, B), hcat(X @ A, X @ B)


@relation(tags="blocks", cites=GOLUB, both_ways=False)
def total_of_vcat(A, B):
    """The sum of all entries of [A; B] is the sum of those of its blocks."""
    return total(vcat(A, B)), total(A) + total(B)


@relation(tags="blocks", cites=GOLUB, both_ways=False)
def total_of_hcat(A, B):
    """The sum of all entries of [A B] is the sum of those of its blocks."""
    return total(hcat(A, B)), total(A) + total(B)


# --- along a diagonal ---------------------------------------------------------------------------


@relation(tags=("blocks", "axiom"), cites=HORN)
def transpose_of_block_diag(A, B):
    """(A ⊕ B)ᵀ = Aᵀ ⊕ Bᵀ."""
    return transpose(block_diag(A, B)), block_diag(A.T, B.T)


@relation(tags="blocks", cites=HORN, both_ways=False)
def block_diag_times(A, B, X):
    """(A ⊕ B) [X; Y] = [A X; B Y], whatever the rows of what stands on the right come from."""
    upper, lower = rows_of(X, NOTHING, A.cols), rows_of(X, A.cols, B.cols)
    return block_diag(A, B) @ X, vcat(A @ upper, B @ lower)


@relation(tags="blocks", cites=HORN, both_ways=False)
def times_block_diag(A, B, X):
    """[X Y] (A ⊕ B) = [X A  Y B], whatever the columns of what stands on the left come from."""
    upper, lower = rows_of(X.T, NOTHING, A.rows), rows_of(X.T, A.rows, B.rows)
    return X @ block_diag(A, B), vcat(A.T @ upper, B.T @ lower).T


@relation(tags="blocks", cites=HORN, both_ways=False)
def product_of_block_diags(A, B, C, D):
    """(A ⊕ B) (C ⊕ D) = A C ⊕ B D where the blocks conform."""
    conform = conforming(A, C), conforming(B, D)
    return block_diag(A, B) @ block_diag(C, D), block_diag(A @ C, B @ D), *conform


@relation(tags="blocks", cites=HORN, both_ways=False)
def sum_of_block_diags(A, B, C, D):
    """(A ⊕ B) + (C ⊕ D) = (A + C) ⊕ (B + D) for blocks of one shape."""
    alike = same_shape(A, C), same_shape(B, D)
    return block_diag(A, B) + block_diag(C, D), block_diag(A + C, B + D), *alike


@relation(tags="blocks", cites=HORN, both_ways=False)
def inverse_of_block_diag(A, B):
    """(A ⊕ B)⁻¹ = A⁻¹ ⊕ B⁻¹; with a block that is not square the left side does not exist."""
    conditions = evenly_known(A, B), implied(square(A, B))
    return inverse(block_diag(A, B)), block_diag(inverse(A), inverse(B)), *conditions


@relation(tags="blocks", cites=HORN, both_ways=False)
def det_of_block_diag(A, B):
    """|A ⊕ B| = |A| |B| for square blocks."""
    return det(block_diag(A, B)), det(A) * det(B), square(A, B)


@relation(tags="blocks", cites=HORN, both_ways=False)
def logabsdet_of_block_diag(A, B):
    """log|A ⊕ B| = log|A| + log|B| for square blocks, without the product that may overflow."""
    return logabsdet(block_diag(A, B)), logabsdet(A) + logabsdet(B), square(A, B)


@relation(tags="blocks", cites=HORN, field="real", both_ways=False)
def sign_of_block_diag(A, B):
    """sgn|A ⊕ B| = sgn|A| sgn|B| for square blocks."""
    return det_sign(block_diag(A, B)), det_sign(A) * det_sign(B), square(A, B)


@relation(tags="blocks", cites=HORN, both_ways=False)
def trace_of_block_diag(A, B):
    """tr(A ⊕ B) = tr(A) + tr(B) for square blocks."""
    return trace(block_diag(A, B)), trace(A) + trace(B), square(A, B)


@relation(tags="blocks", cites=HORN, both_ways=False)
def diagonal_of_block_diag(A, B):
    """The diagonal of A ⊕ B is that of A above that of B, for square blocks."""
    return diagonal(block_diag(A, B)), vcat(diagonal(A), diagonal(B)), square(A, B)


@relation(tags="blocks", cites=HORN, both_ways=False)
def total_of_block_diag(A, B):
    """The sum of all entries of A ⊕ B is the sum of those of its blocks."""
    return total(block_diag(A, B)), total(A) + total(B)


@relation(tags="blocks", cites=HORN, both_ways=False)
def cholesky_of_block_diag(A, B):
    """chol(A ⊕ B) = chol(A) ⊕ chol(B) for positive definite blocks."""
    factors = block_diag(cholesky(A), cholesky(B))
    return cholesky(block_diag(A, B)), factors, positive_definite(A, B)


@relation(tags="blocks", cites=HORN, both_ways=False)
def expm_of_block_diag(A, B):
    """exp(A ⊕ B) = exp(A) ⊕ exp(B) for square blocks."""
    return expm(block_diag(A, B)), block_diag(expm(A), expm(B)), square(A, B)


@relation(tags="blocks", cites=HORN, field="real", both_ways=False)
def eigenvalues_of_block_diag(A, B):
    """The eigenvalues of A ⊕ B are those of symmetric A and B, in order."""
    both = vcat(eigenvalues(A), eigenvalues(B))
    return eigenvalues(block_diag(A, B)), ascending(both), symmetric(A, B)


@relation(
    tags=("blocks", "after_gradients", "values_only"), cites=HORN, field="real", both_ways=False
)
def eigenvalues_alone_of_block_diag(A, B):
    """The same of eigenvalues that come without eigenvectors.

    Their gradient has a value where some coincide, by whatever eigenvectors the routine returns.
    """
    both = vcat(eigenvalue_factor(eigvalsh(A)), eigenvalue_factor(eigvalsh(B)))
    found = eigenvalue_factor(eigvalsh(block_diag(A, B)))
    return found, ascending(both), symmetric(A, B)


@relation(tags="blocks", cites=HORN, both_ways=False)
def inner_product_of_block_diags(A, B, C, D):
    """vec(A ⊕ B)ᵀ vec(C ⊕ D) = Σ(A ⊙ C) + Σ(B ⊙ D) for blocks of one shape."""
    product = cell(total(mul(A, C)) + total(mul(B, D)))
    alike = same_shape(A, C), same_shape(B, D)
    return vec(block_diag(A, B)).T @ vec(block_diag(C, D)), product, *alike
