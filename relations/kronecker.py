"""Kronecker products: A ⊗ B, row-major vec, so that (A ⊗ B) vec(X) = vec(A X Bᵀ)."""

from matchers.conditions import implied, positive_definite, square
from matchers.vocabulary import (
    cholesky,
    det,
    diag,
    discrete_lyapunov,
    expm,
    eye,
    inverse,
    kron,
    logabsdet,
    reshape,
    scale,
    sylvester,
    total,
    trace,
    transpose,
    vec,
)
from relations.language import matrices, relation, scalars, vectors

A, B, C, D, X, M, P, R = matrices("A B C D X M P R")
x, y = vectors("x y")
(c,) = scalars("c")

VAN_LOAN = "Van Loan 2000, The ubiquitous Kronecker product, sec. 2"
HORN = "Horn & Johnson 1991, Topics in Matrix Analysis, ch. 4"


@relation(tags="kronecker", cites=VAN_LOAN)
def kron_matvec(A, B, X):
    """(A ⊗ B) vec(X) = vec(A X Bᵀ)."""
    return kron(A, B) @ vec(X), vec(A @ X @ B.T)


@relation(tags="kronecker", cites=VAN_LOAN)
def kron_vecmat(A, B, X):
    """vec(X)ᵀ (A ⊗ B) = vec(Aᵀ X B)ᵀ."""
    return transpose(vec(X)) @ kron(A, B), transpose(vec(A.T @ X @ B))


@relation(tags="kronecker", cites=HORN)
def inverse_of_kron(A, B):
    """(A ⊗ B)⁻¹ = A⁻¹ ⊗ B⁻¹; with a factor that is not square the left side does not exist."""
    return inverse(kron(A, B)), kron(inverse(A), inverse(B)), implied(square(A, B))


@relation(tags="kronecker", cites=HORN)
def transpose_of_kron(A, B):
    """(A ⊗ B)ᵀ = Aᵀ ⊗ Bᵀ."""
    return transpose(kron(A, B)), kron(A.T, B.T)
