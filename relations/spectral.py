"""Exponentials of matrices, and products of the factors of a factorization."""

from matchers.conditions import orthogonal, symmetric
from matchers.decompositions import (
    eigenvalue_factor,
    u_factor,
    vt_factor,
)
from matchers.vocabulary import (
    det,
    diag,
    eigenvalues,
    eigenvectors,
    eigvalsh,
    expm,
    exponential,
    eye,
    inverse,
    logabsdet,
    svd,
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


# --- factors multiplied again ---------------------------------------------------------------------


@relation(tags="spectral", cites=GOLUB + ", sec. 8.1", field="real", both_ways=False)
def eigh_recomposed(A):
    """V diag(w) Vᵀ = A for symmetric A with eigenvalues w and eigenvectors V."""
    V = eigenvectors(A)
    return V @ diag(eigenvalues(A)) @ V.T, A, symmetric(A)


@relation(tags="spectral", cites=GOLUB + ", sec. 8.1", field="real", both_ways=False)
def eigh_diagonalizes(A):
    """Vᵀ A V = diag(w) for symmetric A with eigenvalues w and eigenvectors V."""
    V = eigenvectors(A)
    return V.T @ A @ V, diag(eigenvalues(A)), symmetric(A)


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


# --- eigenvalues ----------------------------------------------------------------------------------


@relation(tags="spectral", cites=GOLUB + ", sec. 7.1", field="real", both_ways=False)
def total_of_eigenvalues(A):
    """The eigenvalues of a symmetric matrix sum to its trace; of A one triangle is read."""
    return total(eigenvalue_factor(eigvalsh(A))), trace(A)


@relation(tags="spectral", cites=GOLUB + ", sec. 7.1", field="real", both_ways=False)
def total_of_eigenvalues_of_eigh(A):
    """The same of eigenvalues that come with eigenvectors."""
    return total(eigenvalues(A)), trace(A)
