"""Exponentials of matrices, and products of the factors of a factorization."""

from matchers.conditions import (
    diagonal_matrix,
    implied,
    nonempty,
    nonsingular,
    orthogonal,
    same_batch,
    square,
    symmetric,
)
from matchers.decompositions import (
    eigenvalue_factor,
    full_q_factor,
    full_r_factor,
    l_factor,
    p_factor,
    q_factor,
    r_factor,
    s_alone,
    s_factor,
    u_factor,
    upper_factor,
    vt_factor,
)
from matchers.vocabulary import (
    ascending,
    det,
    diag,
    diagonal,
    eigenvalues,
    eigenvectors,
    eigvalsh,
    expm,
    exponential,
    eye,
    full_qr,
    full_svd,
    inverse,
    log_magnitude,
    logabsdet,
    lu,
    mul,
    prod,
    qr,
    svd,
    svdvals,
    total,
    trace,
    transpose,
)
from relations.language import matrices, relation, vectors

A, D, Q = matrices("A D Q")
(d,) = vectors("d")

HIGHAM = "Higham 2008, Functions of Matrices, sec. 1.2 and ch. 10"
GOLUB = "Golub & Van Loan 2013, Matrix Computations"

# --- exponentials ---------------------------------------------------------------------------------


@relation(tags=("spectral", "axiom"), cites=HIGHAM)
def expm_of_transpose(A):
    """exp(Aᵀ) = exp(A)ᵀ."""
    return expm(A.T), transpose(expm(A))


@relation(tags="spectral", cites=HIGHAM, both_ways=False)
def inverse_of_expm(A):
    """exp(A)⁻¹ = exp(-A)."""
    return inverse(expm(A)), expm(-A)


@relation(tags="spectral", cites=HIGHAM, both_ways=False)
def inverse_of_transposed_expm(A):
    """exp(A)⁻ᵀ = exp(-A)ᵀ."""
    return inverse(expm(A).T), expm(-A).T


@relation(tags="spectral", cites=HIGHAM, field="real", both_ways=False)
def logabsdet_of_expm(A):
    """log|exp(A)| = tr(A)."""
    return logabsdet(expm(A)), trace(A)


@relation(tags="spectral", cites=HIGHAM, both_ways=False)
def det_of_expm(A):
    """det(exp(A)) = exp(tr(A))."""
    return det(expm(A)), exponential(trace(A))


@relation(tags="spectral", cites=HIGHAM, both_ways=False)
def exponential_of_diag(d):
    """exp(diag(d)) = diag(exp(d))."""
    return expm(diag(d)), diag(exponential(d))


@relation(tags="spectral", cites=HIGHAM, field="real", both_ways=False)
def expm_of_rotated(Q, D):
    """exp(Q D Qᵀ) = Q exp(D) Qᵀ for orthogonal Q."""
    return expm(Q @ D @ Q.T), Q @ expm(D) @ Q.T, orthogonal(Q)


@relation(tags="spectral", cites=HIGHAM, stability="mixed", both_ways=False)
def expm_of_similar(A, D):
    """exp(A D A⁻¹) = A exp(D) A⁻¹."""
    return expm(A @ D @ inverse(A)), A @ expm(D) @ inverse(A)


@relation(tags="spectral", cites=HIGHAM, stability="mixed", both_ways=False)
def expm_of_similar_from_the_right(A, D):
    """exp(A⁻¹ D A) = A⁻¹ exp(D) A."""
    return expm(inverse(A) @ D @ A), inverse(A) @ expm(D) @ A


@relation(tags="spectral", cites=HIGHAM, both_ways=False)
def square_of_expm(A):
    """exp(A) exp(A) = exp(2 A)."""
    return expm(A) @ expm(A), expm(2 * A)


@relation(tags="spectral", cites=HIGHAM, both_ways=False)
def expm_cancels(A):
    """exp(A) exp(-A) = I."""
    return expm(A) @ expm(-A), eye(A.rows)


@relation(tags="spectral", cites=HIGHAM, both_ways=False)
def expm_cancels_on_the_left(A):
    """exp(-A) exp(A) = I."""
    return expm(-A) @ expm(A), eye(A.rows)


# --- factors multiplied again ---------------------------------------------------------------------


@relation(tags="spectral", cites=GOLUB + ", sec. 8.1", field="real", both_ways=False)
def eigh_recomposed(A):
    """V diag(w) Vᵀ = A for symmetric A with eigenvalues w and eigenvectors V."""
    V = eigenvectors(A)
    return V @ diag(eigenvalues(A)) @ V.T, A, symmetric(A)


@relation(tags="spectral", cites=GOLUB + ", sec. 8.1", field="real", both_ways=False)
def eigh_diagonalizes(A):
    """Vᵀ A V = diag(w) for symmetric A with eigenvalues w and eigenvectors V.

    The eigenvalues that come with V may be off by a hundred units in the last place of the largest.
    """
    V = eigenvectors(A)
    return V.T @ A @ V, diag(eigenvalue_factor(eigvalsh(A))), symmetric(A)


@relation(tags="spectral", cites=GOLUB + ", sec. 8.1", field="real", both_ways=False)
def eigh_inverted(A):
    """V diag(w)⁻¹ Vᵀ = A⁻¹ for symmetric A with eigenvalues w and eigenvectors V."""
    V = eigenvectors(A)
    return V @ inverse(diag(eigenvalues(A))) @ V.T, inverse(A), symmetric(A)


@relation(tags="spectral", cites=GOLUB + ", sec. 5.2", both_ways=False)
def qr_recomposed(A):
    """Q R = A; an empty matrix has no QR factorization in LAPACK."""
    return q_factor(qr(A)) @ r_factor(qr(A)), A, implied(nonempty(A))


@relation(tags="spectral", cites=GOLUB + ", sec. 5.2", both_ways=False)
def full_qr_recomposed(A):
    """Q R = A with all columns of Q."""
    return full_q_factor(full_qr(A)) @ full_r_factor(full_qr(A)), A, implied(nonempty(A))


@relation(tags="spectral", cites=GOLUB + ", sec. 3.4", both_ways=False)
def lu_recomposed(A):
    """P L U = A for square A; PyTensor gives the factors of any other wrong shapes."""
    return p_factor(lu(A)) @ l_factor(lu(A)) @ upper_factor(lu(A)), A, square(A)


# --- factors with orthonormal columns -------------------------------------------------------------


@relation(tags="spectral", cites=GOLUB + ", sec. 2.4", field="real", both_ways=False)
def orthonormal_left_singular_vectors(A):
    """Uᵀ U = I."""
    u = u_factor(svd(A))
    return u.T @ u, eye(u.cols)


@relation(tags="spectral", cites=GOLUB + ", sec. 2.4", field="real", both_ways=False)
def orthonormal_right_singular_vectors(A):
    """Vᵀ V = I."""
    vt = vt_factor(svd(A))
    return vt @ vt.T, eye(vt.rows)


@relation(tags="spectral", cites=GOLUB + ", sec. 5.2", field="real", both_ways=False)
def orthonormal_q(A):
    """Qᵀ Q = I for the Q of a QR factorization."""
    q = q_factor(qr(A))
    return q.T @ q, eye(q.cols), implied(nonempty(A))


# --- eigenvalues ----------------------------------------------------------------------------------


@relation(tags="spectral", cites=GOLUB + ", sec. 7.1", field="real", both_ways=False)
def total_of_eigenvalues(A):
    """The eigenvalues of a symmetric matrix sum to its trace; of A one triangle is read."""
    return total(eigenvalue_factor(eigvalsh(A))), trace(A)


@relation(tags="spectral", cites=GOLUB + ", sec. 7.1", field="real", both_ways=False)
def total_of_eigenvalues_of_eigh(A):
    """The same of eigenvalues that come with eigenvectors."""
    return total(eigenvalues(A)), trace(A)


@relation(tags="spectral", cites=GOLUB + ", sec. 8.1", field="real", both_ways=False)
def eigenvalues_of_rotated(Q, A):
    """Q A Qᵀ has the eigenvalues of A, for symmetric A and orthogonal Q."""
    conditions = symmetric(A), orthogonal(Q), same_batch(Q, A)
    return eigenvalues(Q @ A @ Q.T), eigenvalues(A), *conditions


@relation(tags="spectral", cites=GOLUB + ", sec. 8.1", field="real", both_ways=False)
def eigenvalues_alone_of_rotated(Q, A):
    """The same of eigenvalues that come without eigenvectors."""
    rotated = eigenvalue_factor(eigvalsh(Q @ A @ Q.T))
    conditions = symmetric(A), orthogonal(Q), same_batch(Q, A)
    return rotated, eigenvalue_factor(eigvalsh(A)), *conditions


@relation(tags="spectral", cites=GOLUB + ", sec. 8.1", field="real", both_ways=False)
def eigenvalues_of_diagonal(D):
    """The eigenvalues of a diagonal matrix are its diagonal, in ascending order."""
    return eigenvalues(D), ascending(diagonal(D)), diagonal_matrix(D)


@relation(tags="spectral", cites=GOLUB + ", sec. 8.1", field="real", both_ways=False)
def eigenvalues_alone_of_diagonal(D):
    """The same of eigenvalues that come without eigenvectors."""
    return eigenvalue_factor(eigvalsh(D)), ascending(diagonal(D)), diagonal_matrix(D)


@relation(tags="spectral", cites=GOLUB + ", sec. 7.1", field="real", both_ways=False)
def product_of_eigenvalues(A):
    """The product of the eigenvalues of a nonsingular symmetric matrix is its determinant.

    The gradient of a determinant inverts, and has no value where an eigenvalue is 0.
    """
    return prod(eigenvalues(A)), det(A), symmetric(A), nonsingular(A)


@relation(tags="spectral", cites=GOLUB + ", sec. 7.1", field="real", both_ways=False)
def product_of_eigenvalues_alone(A):
    """The same of eigenvalues that come without eigenvectors."""
    return prod(eigenvalue_factor(eigvalsh(A))), det(A), symmetric(A), nonsingular(A)


@relation(tags="spectral", cites=GOLUB + ", sec. 7.1", field="real", both_ways=False)
def logarithms_of_eigenvalues(A):
    """Σ log|wᵢ| = log|A| for the eigenvalues w of a nonsingular symmetric matrix."""
    return total(log_magnitude(eigenvalues(A))), logabsdet(A), symmetric(A), nonsingular(A)


@relation(tags="spectral", cites=GOLUB + ", sec. 7.1", field="real", both_ways=False)
def logarithms_of_eigenvalues_alone(A):
    """The same of eigenvalues that come without eigenvectors."""
    w = eigenvalue_factor(eigvalsh(A))
    return total(log_magnitude(w)), logabsdet(A), symmetric(A), nonsingular(A)


@relation(tags="spectral", cites=GOLUB + ", sec. 8.1", field="real", both_ways=False)
def squared_eigenvalues(A):
    """The squares of the eigenvalues of a symmetric matrix sum to those of its entries."""
    w = eigenvalues(A)
    return total(mul(w, w)), total(mul(A, A)), symmetric(A)


@relation(tags="spectral", cites=GOLUB + ", sec. 8.1", field="real", both_ways=False)
def squared_eigenvalues_alone(A):
    """The same of eigenvalues that come without eigenvectors."""
    w = eigenvalue_factor(eigvalsh(A))
    return total(mul(w, w)), total(mul(A, A)), symmetric(A)


# --- singular values ------------------------------------------------------------------------------


@relation(tags="spectral", cites=GOLUB + ", sec. 2.4", field="real", both_ways=False)
def squared_singular_values(A):
    """The squares of the singular values of a matrix sum to those of its entries."""
    s = s_alone(svdvals(A))
    return total(mul(s, s)), total(mul(A, A))


@relation(tags="spectral", cites=GOLUB + ", sec. 2.4", field="real", both_ways=False)
def squared_singular_values_of_svd(A):
    """The same of singular values that come with vectors."""
    s = s_factor(svd(A))
    return total(mul(s, s)), total(mul(A, A))


@relation(tags="spectral", cites=GOLUB + ", sec. 2.4", field="real", both_ways=False)
def squared_singular_values_of_full_svd(A):
    """The same where all vectors are computed."""
    s = s_factor(full_svd(A))
    return total(mul(s, s)), total(mul(A, A))
