"""A Kronecker product or sum, plus a multiple of the identity, by eigenvectors of the factors.

A ⊗ B + c D ⊗ E with positive diagonal D and E is of this kind between diagonal matrices: the
covariance of a Gaussian process whose noise differs from task to task.
"""

from typing import Any

from matchers.conditions import (
    conforming,
    diagonal_matrix,
    positive,
    positive_definite,
    same_shape,
    square,
    symmetric,
)
from matchers.vocabulary import (
    det,
    diag,
    diagonal,
    eye,
    inverse,
    kron,
    kron_adjoint_left,
    kron_adjoint_right,
    logabsdet,
    noisy_logabsdet,
    noisy_solve,
    scale,
    shifted_adjoint_left,
    shifted_adjoint_right,
    shifted_det,
    shifted_inverse_trace,
    shifted_logabsdet,
    shifted_solve,
    shifted_sum_logabsdet,
    shifted_sum_solve,
    trace,
    vec,
)
from relations.language import coefficients, matrices, relation, vectors

A, B, D, E, X, Y = matrices("A B D E X Y")
c, e, f = coefficients("c e f")
u, w = vectors("u w")

SAATCI = "Saatçi 2011, Scalable inference for structured Gaussian process models, ch. 5"
RAKITSCH = "Rakitsch et al. 2013, It is all in the noise"
HORN = "Horn & Johnson 1991, Topics in Matrix Analysis, sec. 4.4"

# --- products -----------------------------------------------------------------------------------


def shifted(A: Any, B: Any, c: Any) -> Any:
    """A ⊗ B + c I."""
    return kron(A, B) + scale(c, eye(A.rows * B.rows))


@relation(tags="kronecker", cites=SAATCI, stability="mixed", field="real", both_ways=False)
def solve_of_shifted_kron(A, B, X, c):
    """(A ⊗ B + c I)⁻¹ X for symmetric A and B, by their eigenvectors."""
    return inverse(shifted(A, B, c)) @ X, shifted_solve(c, X, kron(A, B)), symmetric(A, B)


@relation(tags="kronecker", cites=SAATCI, stability="mixed", field="real", both_ways=False)
def solve_of_shifted_kron_from_the_left(A, B, X, c):
    """X (A ⊗ B + c I)⁻¹ for symmetric A and B, by their eigenvectors."""
    return X @ inverse(shifted(A, B, c)), shifted_solve(c, X.T, kron(A, B)).T, symmetric(A, B)


@relation(tags="kronecker", cites=SAATCI, stability="mixed", field="real", both_ways=False)
def logabsdet_of_shifted_kron(A, B, c):
    """log|A ⊗ B + c I| for symmetric A and B, by their eigenvalues."""
    return logabsdet(shifted(A, B, c)), shifted_logabsdet(c, kron(A, B)), symmetric(A, B)


@relation(tags="kronecker", cites=SAATCI, stability="mixed", field="real", both_ways=False)
def det_of_shifted_kron(A, B, c):
    """|A ⊗ B + c I| for symmetric A and B, by their eigenvalues."""
    return det(shifted(A, B, c)), shifted_det(c, kron(A, B)), symmetric(A, B)


# What the gradient of log|A ⊗ B + c I| is made of, where it was differentiated as it is written.


@relation(tags="kronecker", cites=SAATCI, stability="mixed", field="real", both_ways=False)
def trace_of_inverse_of_shifted_kron(A, B, c):
    """The trace of (A ⊗ B + c I)⁻¹ for symmetric A and B, by their eigenvalues."""
    return trace(inverse(shifted(A, B, c))), shifted_inverse_trace(c, kron(A, B)), symmetric(A, B)


@relation(tags="kronecker", cites=SAATCI, stability="mixed", field="real", both_ways=False)
def left_adjoint_of_shifted_kron(A, B, c):
    """The blocks of (A ⊗ B + c I)⁻ᵀ, each times B and summed, for symmetric A and B."""
    whole = kron_adjoint_left(inverse(shifted(A.T, B.T, c)), A, B)
    return whole, shifted_adjoint_left(c, A, B), symmetric(A, B)


@relation(tags="kronecker", cites=SAATCI, stability="mixed", field="real", both_ways=False)
def right_adjoint_of_shifted_kron(A, B, c):
    """The blocks of (A ⊗ B + c I)⁻ᵀ, weighted with A and summed, for symmetric A and B."""
    whole = kron_adjoint_right(inverse(shifted(A.T, B.T, c)), A, B)
    return whole, shifted_adjoint_right(c, A, B), symmetric(A, B)


@relation(tags="kronecker", cites=SAATCI, stability="mixed", field="real", both_ways=False)
def left_adjoint_with_shifted_kron(A, B, X, Y, c, e, f):
    """The same of e (A ⊗ B + c I)⁻ᵀ + f vec(X) vec(Y)ᵀ, as the gradient of a density has it."""
    outer = scale(f, vec(X) @ vec(Y).T)
    whole = kron_adjoint_left(scale(e, inverse(shifted(A.T, B.T, c))) + outer, A, B)
    parts = scale(e, shifted_adjoint_left(c, A, B)) + scale(f, X @ B @ Y.T)
    return whole, parts, symmetric(A, B)


@relation(tags="kronecker", cites=SAATCI, stability="mixed", field="real", both_ways=False)
def right_adjoint_with_shifted_kron(A, B, X, Y, c, e, f):
    """The same of the right factor."""
    outer = scale(f, vec(X) @ vec(Y).T)
    whole = kron_adjoint_right(scale(e, inverse(shifted(A.T, B.T, c))) + outer, A, B)
    parts = scale(e, shifted_adjoint_right(c, A, B)) + scale(f, X.T @ A @ Y)
    return whole, parts, symmetric(A, B)


# --- products plus a product of diagonal matrices ------------------------------------------------


def noisy(A: Any, B: Any, D: Any, E: Any, c: Any) -> Any:
    """A ⊗ B + c D ⊗ E."""
    return kron(A, B) + scale(c, kron(D, E))


def conditions_of(A: Any, B: Any, D: Any, E: Any) -> tuple[Any, ...]:
    """What the relations with noise ask for."""
    pairs = same_shape(A, D), same_shape(B, E)
    return symmetric(A, B), diagonal_matrix(D, E), positive_definite(D, E), *pairs


@relation(tags="kronecker", cites=RAKITSCH, stability="mixed", field="real", both_ways=False)
def solve_of_kron_with_noise(A, B, D, E, X, c):
    """(A ⊗ B + c D ⊗ E)⁻¹ X for symmetric A and B and positive diagonal D and E."""
    solved = noisy_solve(c, X, A, B, diagonal(D), diagonal(E))
    return inverse(noisy(A, B, D, E, c)) @ X, solved, *conditions_of(A, B, D, E)


@relation(tags="kronecker", cites=RAKITSCH, stability="mixed", field="real", both_ways=False)
def solve_of_kron_with_noise_from_the_left(A, B, D, E, X, c):
    """X (A ⊗ B + c D ⊗ E)⁻¹ for symmetric A and B and positive diagonal D and E."""
    solved = noisy_solve(c, X.T, A, B, diagonal(D), diagonal(E)).T
    return X @ inverse(noisy(A, B, D, E, c)), solved, *conditions_of(A, B, D, E)


@relation(tags="kronecker", cites=RAKITSCH, stability="mixed", field="real", both_ways=False)
def logabsdet_of_kron_with_noise(A, B, D, E, c):
    """log|A ⊗ B + c D ⊗ E| for symmetric A and B and positive diagonal D and E."""
    logs = noisy_logabsdet(c, A, B, diagonal(D), diagonal(E))
    return logabsdet(noisy(A, B, D, E, c)), logs, *conditions_of(A, B, D, E)


# PyTensor writes diag(u) ⊗ diag(w) as the diagonal matrix of all products.


def noisy_entries(A: Any, B: Any, u: Any, w: Any, c: Any) -> Any:
    """A ⊗ B + c diag(vec(u wᵀ))."""
    return kron(A, B) + scale(c, diag(vec(u @ w.T)))


def positive_entries(A: Any, B: Any, u: Any, w: Any) -> tuple[Any, ...]:
    """The conditions of the relations with noise, of the entries of the diagonals."""
    return symmetric(A, B), positive(u, w), conforming(A, u), conforming(B, w)


@relation(tags="kronecker", cites=RAKITSCH, stability="mixed", field="real", both_ways=False)
def solve_of_kron_with_outer_noise(A, B, X, c, u, w):
    """(A ⊗ B + c diag(vec(u wᵀ)))⁻¹ X for symmetric A and B and positive u and w."""
    solved = noisy_solve(c, X, A, B, u, w)
    return inverse(noisy_entries(A, B, u, w, c)) @ X, solved, *positive_entries(A, B, u, w)


@relation(tags="kronecker", cites=RAKITSCH, stability="mixed", field="real", both_ways=False)
def solve_of_kron_with_outer_noise_from_the_left(A, B, X, c, u, w):
    """X (A ⊗ B + c diag(vec(u wᵀ)))⁻¹ for symmetric A and B and positive u and w."""
    solved = noisy_solve(c, X.T, A, B, u, w).T
    return X @ inverse(noisy_entries(A, B, u, w, c)), solved, *positive_entries(A, B, u, w)


@relation(tags="kronecker", cites=RAKITSCH, stability="mixed", field="real", both_ways=False)
def logabsdet_of_kron_with_outer_noise(A, B, c, u, w):
    """log|A ⊗ B + c diag(vec(u wᵀ))| for symmetric A and B and positive u and w."""
    logs = noisy_logabsdet(c, A, B, u, w)
    return logabsdet(noisy_entries(A, B, u, w, c)), logs, *positive_entries(A, B, u, w)


# --- sums ---------------------------------------------------------------------------------------


def kron_sum(A: Any, B: Any, e: Any, f: Any) -> Any:
    """The sum e A ⊗ I + f I ⊗ B."""
    return scale(e, kron(A, eye(B.rows))) + scale(f, kron(eye(A.rows), B))


@relation(tags="kronecker", cites=HORN, both_ways=False)
def shift_of_kron_sum(A, B, c, e, f):
    """The multiple of I in e A ⊗ I + f I ⊗ B + c I is one in the first summand."""
    first = scale(e, A) + scale(c, eye(A.rows))
    sides = kron_sum(A, B, e, f) + scale(c, eye(A.rows * B.rows))
    return sides, kron(first, eye(B.rows)) + scale(f, kron(eye(A.rows), B)), square(A, B)


@relation(tags="kronecker", cites=HORN, stability="mixed", field="real", both_ways=False)
def solve_of_symmetric_kron_sum(A, B, X, e, f):
    """(e A ⊗ I + f I ⊗ B)⁻¹ X for symmetric A and B, by their eigenvectors."""
    solved = shifted_sum_solve(0, X, scale(e, A), scale(f, B))
    return inverse(kron_sum(A, B, e, f)) @ X, solved, symmetric(A, B)


@relation(tags="kronecker", cites=HORN, stability="mixed", field="real", both_ways=False)
def solve_of_symmetric_kron_sum_from_the_left(A, B, X, e, f):
    """X (e A ⊗ I + f I ⊗ B)⁻¹ for symmetric A and B, by their eigenvectors."""
    solved = shifted_sum_solve(0, X.T, scale(e, A), scale(f, B)).T
    return X @ inverse(kron_sum(A, B, e, f)), solved, symmetric(A, B)


@relation(tags="kronecker", cites=HORN, stability="mixed", field="real", both_ways=False)
def logabsdet_of_symmetric_kron_sum(A, B, e, f):
    """log|e A ⊗ I + f I ⊗ B| for symmetric A and B, by their eigenvalues."""
    logs = shifted_sum_logabsdet(0, scale(e, A), scale(f, B))
    return logabsdet(kron_sum(A, B, e, f)), logs, symmetric(A, B)
