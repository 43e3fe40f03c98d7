"""Kronecker products: A ⊗ B, with row-major vec, so that (A ⊗ B) vec(X) = vec(A X Bᵀ)."""

from matchers.conditions import (
    conforming,
    implied,
    nonempty,
    positive_definite,
    same_shape,
    square,
    symmetric,
    wide,
)
from matchers.decompositions import eigenvalue_factor
from matchers.vocabulary import (
    ascending,
    cell,
    cholesky,
    det,
    det_powers,
    diagonal,
    discrete_lyapunov,
    eigenvalues,
    eigvalsh,
    expm,
    eye,
    inverse,
    kron,
    kron_adjoint_left,
    kron_adjoint_right,
    kron_diagonal,
    logabsdet,
    mul,
    reshape,
    scale,
    size,
    sylvester,
    total,
    trace,
    transpose,
    vec,
)
from relations.language import coefficients, matrices, relation, scalars

A, B, C, D, M, N, Q, X, Y = matrices("A B C D M N Q X Y")
(c,) = scalars("c")
e, f = coefficients("e f")

VAN_LOAN = "Van Loan 2000, The ubiquitous Kronecker product, sec. 2"
HORN = "Horn & Johnson 1991, Topics in Matrix Analysis, ch. 4"


@relation(tags="kronecker", cites=VAN_LOAN)
def kron_matvec(A, B, X):
    """(A ⊗ B) vec(X) = vec(A X Bᵀ)."""
    return kron(A, B) @ vec(X), vec(A @ X @ B.T)


@relation(tags="kronecker", cites=VAN_LOAN)
def kron_vecmat(A, B, X):
    """vec(X)ᵀ (A ⊗ B) = vec(Aᵀ X B)ᵀ."""
    return vec(X).T @ kron(A, B), vec(A.T @ X @ B).T


@relation(tags="kronecker", cites=VAN_LOAN, both_ways=False)
def sum_with_kron_times(A, B, X, Y, e):
    """(e A ⊗ B + Y) X = e (A ⊗ B) X + Y X, so that the Kronecker product need not be formed."""
    whole = scale(e, kron(A, B))
    return (whole + Y) @ X, whole @ X + Y @ X


@relation(tags="kronecker", cites=VAN_LOAN, both_ways=False)
def times_sum_with_kron(A, B, X, Y, e):
    """X (e A ⊗ B + Y) = e X (A ⊗ B) + X Y, so that the Kronecker product need not be formed."""
    whole = scale(e, kron(A, B))
    return X @ (whole + Y), X @ whole + X @ Y


@relation(tags="kronecker", cites=VAN_LOAN)
def kron_matmat(A, B, M):
    """(A ⊗ B) M = (A ⊗ I) (I ⊗ B) M, column by column, each factor in one product."""
    inner = reshape(reshape(M.T, M.cols * A.cols, B.cols) @ B.T, M.cols, A.cols * B.rows).T
    outer = reshape(A @ reshape(inner, A.cols, B.rows * M.cols), A.rows * B.rows, M.cols)
    return kron(A, B) @ M, outer, wide(M)


@relation(tags="kronecker", cites=VAN_LOAN)
def matmat_kron(A, B, M):
    """M (A ⊗ B) = M (I ⊗ B) (A ⊗ I), row by row, each factor in one product."""
    inner = reshape(reshape(M, M.rows * A.rows, B.rows) @ B, M.rows, A.rows * B.cols)
    outer = reshape(A.T @ reshape(inner.T, A.rows, B.cols * M.rows), A.cols * B.cols, M.rows)
    return M @ kron(A, B), outer.T


@relation(tags="kronecker", cites=HORN)
def transpose_of_kron(A, B):
    """(A ⊗ B)ᵀ = Aᵀ ⊗ Bᵀ."""
    return transpose(kron(A, B)), kron(A.T, B.T)


@relation(tags="kronecker", cites=HORN)
def inverse_of_kron(A, B):
    """(A ⊗ B)⁻¹ = A⁻¹ ⊗ B⁻¹; with a factor that is not square the left side does not exist."""
    return inverse(kron(A, B)), kron(inverse(A), inverse(B)), implied(square(A, B))


@relation(tags="kronecker", cites=HORN)
def product_of_krons(A, B, C, D):
    """(A ⊗ B) (C ⊗ D) = A C ⊗ B D where the factors conform."""
    conform = conforming(A, C), conforming(B, D)
    return kron(A, B) @ kron(C, D), kron(A @ C, B @ D), *conform


@relation(tags=("kronecker", "axiom"), cites=HORN)
def kron_of_scaled_left(A, B, c):
    """C A ⊗ B = c (A ⊗ B)."""
    return kron(scale(c, A), B), scale(c, kron(A, B))


@relation(tags=("kronecker", "axiom"), cites=HORN)
def kron_of_scaled_right(A, B, c):
    """A ⊗ c B = c (A ⊗ B)."""
    return kron(A, scale(c, B)), scale(c, kron(A, B))


@relation(tags="kronecker", cites=VAN_LOAN)
def left_adjoint_of_outer(A, B, X, Y):
    """The blocks of vec(X) vec(Y)ᵀ, each times B and summed, are X B Yᵀ."""
    return kron_adjoint_left(vec(X) @ vec(Y).T, A, B), X @ B @ Y.T


@relation(tags="kronecker", cites=VAN_LOAN)
def right_adjoint_of_outer(A, B, X, Y):
    """The blocks of vec(X) vec(Y)ᵀ, weighted with A and summed, are Xᵀ A Y."""
    return kron_adjoint_right(vec(X) @ vec(Y).T, A, B), X.T @ A @ Y


@relation(tags="kronecker", cites=VAN_LOAN)
def left_adjoint_of_product(A, B, M, N):
    """The blocks of M N, each times B and summed, in two products."""
    p, q, k = B.rows, B.cols, M.cols
    applied = reshape(reshape(N, k * A.cols, q) @ B.T, k, A.cols * p).T
    blocks = reshape(M, A.rows, p * k) @ reshape(applied, A.cols, p * k).T
    return kron_adjoint_left(M @ N, A, B), blocks


@relation(tags="kronecker", cites=VAN_LOAN)
def right_adjoint_of_product(A, B, M, N):
    """The blocks of M N, weighted with A and summed, in two products."""
    p, q, k = B.rows, B.cols, M.cols
    weighted = reshape(A.T @ reshape(M, A.rows, p * k), A.cols * p, k)
    blocks = reshape(weighted.T, k * A.cols, p).T @ reshape(N, k * A.cols, q)
    return kron_adjoint_right(M @ N, A, B), blocks


@relation(tags="kronecker", cites=VAN_LOAN, both_ways=False)
def left_adjoint_of_eye(A, B):
    """The traces of the blocks of I, each times B, are tr(B) I for square A and B."""
    whole = kron_adjoint_left(eye(A.rows * B.rows), A, B)
    return whole, trace(B) * eye(A.rows), square(A, B)


@relation(tags="kronecker", cites=VAN_LOAN, both_ways=False)
def right_adjoint_of_eye(A, B):
    """The blocks of I, weighted with A and summed, are tr(A) I for square A and B."""
    whole = kron_adjoint_right(eye(A.rows * B.rows), A, B)
    return whole, trace(A) * eye(B.rows), square(A, B)


@relation(tags="kronecker", cites=VAN_LOAN, both_ways=False)
def left_adjoint_of_kron(A, B, C, D):
    """The blocks of C ⊗ D, each times B and summed, are Σ(B ⊙ D) C for factors of one shape."""
    alike = same_shape(A, C), same_shape(B, D)
    return kron_adjoint_left(kron(C, D), A, B), total(mul(B, D)) * C, *alike


@relation(tags="kronecker", cites=VAN_LOAN, both_ways=False)
def right_adjoint_of_kron(A, B, C, D):
    """The blocks of C ⊗ D, weighted with A and summed, are Σ(A ⊙ C) D for factors of one shape."""
    alike = same_shape(A, C), same_shape(B, D)
    return kron_adjoint_right(kron(C, D), A, B), total(mul(A, C)) * D, *alike


@relation(tags="kronecker", cites=VAN_LOAN, both_ways=False)
def left_adjoint_of_weighted(A, B, C, D, M):
    """Weights that are a Kronecker product go to the factors: C ⊙ adjoint(M, ·, B ⊙ D)."""
    alike = same_shape(A, C), same_shape(B, D)
    whole = kron_adjoint_left(mul(M, kron(C, D)), A, B)
    return whole, mul(C, kron_adjoint_left(M, A, mul(B, D))), *alike


@relation(tags="kronecker", cites=VAN_LOAN, both_ways=False)
def right_adjoint_of_weighted(A, B, C, D, M):
    """Weights that are a Kronecker product go to the factors: D ⊙ adjoint(M, A ⊙ C, ·)."""
    alike = same_shape(A, C), same_shape(B, D)
    whole = kron_adjoint_right(mul(M, kron(C, D)), A, B)
    return whole, mul(D, kron_adjoint_right(M, mul(A, C), B)), *alike


@relation(tags="kronecker", cites=HORN)
def trace_of_kron(A, B):
    """tr(A ⊗ B) = tr(A) tr(B) for square factors."""
    return trace(kron(A, B)), trace(A) * trace(B), square(A, B)


@relation(tags="kronecker", cites=HORN, both_ways=False)
def diagonal_of_kron(A, B):
    """The diagonal of A ⊗ B has the products of those of A and B, for square factors."""
    return diagonal(kron(A, B)), vec(diagonal(A) @ diagonal(B).T), square(A, B)


@relation(tags="kronecker", cites=HORN, both_ways=False)
def trace_of_any_kron(A, B):
    """tr(A ⊗ B) = Σᵢ (A ⊗ B)ᵢᵢ, entry by entry, where the factors need not be square."""
    return trace(kron(A, B)), total(kron_diagonal(A, B))


@relation(tags="kronecker", cites=HORN, both_ways=False)
def diagonal_of_any_kron(A, B):
    """The diagonal of A ⊗ B, entry by entry, where the factors need not be square."""
    return diagonal(kron(A, B)), kron_diagonal(A, B)


@relation(tags="kronecker", cites=HORN)
def total_of_kron(A, B):
    """The sum of all entries of A ⊗ B is the product of the sums."""
    return total(kron(A, B)), total(A) * total(B)


@relation(tags="kronecker", cites=HORN, both_ways=False)
def inner_product_of_krons(A, B, C, D):
    """vec(A ⊗ B)ᵀ vec(C ⊗ D) = Σ(A ⊙ C) Σ(B ⊙ D) for factors of one shape."""
    product = cell(total(mul(A, C)) * total(mul(B, D)))
    alike = same_shape(A, C), same_shape(B, D)
    return vec(kron(A, B)).T @ vec(kron(C, D)), product, *alike


@relation(tags="kronecker", cites=HORN)
def elementwise_product_of_krons(A, B, C, D):
    """(A ⊗ B) ⊙ (C ⊗ D) = (A ⊙ C) ⊗ (B ⊙ D) for factors of one shape."""
    alike = same_shape(A, C), same_shape(B, D)
    return mul(kron(A, B), kron(C, D)), kron(mul(A, C), mul(B, D)), *alike


@relation(tags="kronecker", cites=HORN, both_ways=False)
def logabsdet_of_kron(A, B):
    """log|A ⊗ B| = n log|A| + m log|B| for A of order m and B of order n."""
    logs = size(B.rows) * logabsdet(A) + size(A.rows) * logabsdet(B)
    return logabsdet(kron(A, B)), logs, square(A, B)


@relation(tags="kronecker", cites=HORN, field="real", stability="mixed", both_ways=False)
def det_of_kron(A, B):
    """det(A ⊗ B) = det(A)ⁿ det(B)ᵐ for A of order m and B of order n, by signs and logarithms.

    That of log|A ⊗ B| and its sign say so too, but of one matrix: this holds for batches as well.
    """
    return det(kron(A, B)), det_powers(A, B.rows, B, A.rows), square(A, B)


@relation(tags="kronecker", cites=HORN, field="real", both_ways=False)
def eigenvalues_of_kron(A, B):
    """The eigenvalues of A ⊗ B are the products of those of symmetric A and B, in order."""
    products = vec(eigenvalues(A) @ eigenvalues(B).T)
    return eigenvalues(kron(A, B)), ascending(products), symmetric(A, B)


@relation(
    tags=("kronecker", "after_gradients", "values_only"), cites=HORN, field="real", both_ways=False
)
def eigenvalues_alone_of_kron(A, B):
    """The same of eigenvalues that come without eigenvectors.

    Their gradient has a value where some coincide, by whatever eigenvectors the routine returns.
    """
    a, b = eigenvalue_factor(eigvalsh(A)), eigenvalue_factor(eigvalsh(B))
    found = eigenvalue_factor(eigvalsh(kron(A, B)))
    return found, ascending(vec(a @ b.T)), symmetric(A, B)


@relation(tags="kronecker", cites=VAN_LOAN)
def cholesky_of_kron(A, B):
    """chol(A ⊗ B) = chol(A) ⊗ chol(B) for positive definite factors."""
    factors = kron(cholesky(A), cholesky(B))
    return cholesky(kron(A, B)), factors, positive_definite(A, B)


# PyTensor's Sylvester and Lyapunov solvers raise on empty matrices, and where the equation has no
# single solution they have a value all the same, unlike the inverse.


@relation(tags="kronecker", cites=HORN, stability="mixed", both_ways=False)
def sylvester_of_kron_sum(A, B, C, e, f):
    """(e A ⊗ I + f I ⊗ B)⁻¹ vec(C) = vec(X) where e A X + f X Bᵀ = C."""
    kron_sum = scale(e, kron(A, eye(B.rows))) + scale(f, kron(eye(A.rows), B))
    conditions = implied(square(A, B)), nonempty(A, B)
    return inverse(kron_sum) @ vec(C), vec(sylvester(scale(e, A), scale(f, B.T), C)), *conditions


@relation(tags="kronecker", cites=HORN, stability="mixed", field="real", both_ways=False)
def lyapunov_of_kron(A, Q):
    """(I - A ⊗ A)⁻¹ vec(Q) = vec(X) where X - A X Aᵀ = Q; PyTensor's solver takes Aᴴ for Aᵀ."""
    dense = eye(A.rows * A.rows) - kron(A, A)
    conditions = implied(square(A)), nonempty(A)
    return inverse(dense) @ vec(Q), vec(discrete_lyapunov(A, Q)), *conditions


@relation(tags="kronecker", cites=HORN, both_ways=False)
def expm_of_kron_sum(A, B, e, f):
    """exp(e A ⊗ I + f I ⊗ B) = exp(e A) ⊗ exp(f B)."""
    kron_sum = scale(e, kron(A, eye(B.rows))) + scale(f, kron(eye(A.rows), B))
    return expm(kron_sum), kron(expm(scale(e, A)), expm(scale(f, B))), implied(square(A, B))
