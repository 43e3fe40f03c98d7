"""The kernels: of each what it costs in flops, and which terms it computes.

A formula takes the sizes that the kernel runs on, numbers (to search) and polynomials (to prove)
alike. Leading terms as in Golub & Van Loan 2013, Matrix Computations; a batch multiplies.
Elementwise work counts one flop per entry and a copy half of one.

Which kernel a term has is said by its head, for each *measure*: the function that says on what
sizes. What computes products is found where two factors meet (`lowering.products`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from lowering import measures
from lowering.formulas import LAUNCH, log2, prod, transforms
from lowering.steps import Step
from matchers import vocabulary as v
from matchers.contractions import contract
from matchers.heads import Head
from matchers.terms import Term

Measure = Callable[[str, Term], Step]


class Kernel(NamedTuple):
    """What a kernel costs, and what it computes.

    Attributes
    ----------
    flops : callable or None
        Takes the sizes; None for what costs nothing, not even a launch.
    heads : mapping
        From a measure to the heads of the terms that are measured so.
    """

    flops: Callable[..., Any] | None
    heads: Mapping[Measure, tuple[Head, ...]] = {}


KERNELS: dict[str, Kernel] = {
    # --- products and solves ---
    "product": Kernel(
        lambda m, k, n: 2 * m * k * n,
        {measures.gram: (v.gram,), measures.contracted: (contract,)},
    ),
    # X Xᵀ: one triangle, which is copied to the other in the time of `THIN` operations; of a thin X
    # the whole is computed. The last is min(k, THIN).
    "gram": Kernel(lambda m, k, least: m * m * k + m * m * least),
    # An upper m × n trapezoid, its diagonal of length q, or a lower n × m one. Where it is not
    # wider than high this is more than its entries take.
    "triangular": Kernel(lambda m, n, q, k: 2 * m * n * k - m * q * k),
    # Rows of the result, and columns.
    "tridiagonal": Kernel(lambda n, k: 6 * n * k),
    # Rows are moved; where to is looked up once, in the time of a few.
    "permutation": Kernel(lambda n, k: n * k + 2 * LAUNCH),
    # The steps of an einsum, each a launch.
    "products": Kernel(lambda *sizes: 2 * sum(sizes) + LAUNCH * (len(sizes) - 1)),
    "solve": Kernel(lambda n, k: n * n * n * (2 / 3) + 2 * n * n * k),
    # PyTensor makes a factor and two triangular solves of it: no fewer launches than these.
    "solve_positive": Kernel(lambda n, k: n * n * n * (1 / 3) + 2 * n * n * k + 2 * LAUNCH),
    "solve_triangular": Kernel(lambda n, k: n * n * k),
    # As two triangular solves, which PyTensor makes of it.
    "solve_again": Kernel(lambda n, k: 2 * n * n * k + LAUNCH),
    # --- functions of a matrix ---
    "inverse": Kernel(lambda n: 2 * n * n * n, {measures.of_order: (v.inverse,)}),
    # From the Cholesky factor; one triangle, which is copied to the other.
    "inverse_positive": Kernel(lambda n: n * n * n * (2 / 3) + 0.5 * n * n),
    # Of order two: more operations than LAPACK needs, in less time than it takes to call it.
    "small_inverse": Kernel(lambda n: 5 * n, {measures.of_order: (v.small_inverse,)}),
    "cholesky": Kernel(lambda n: n * n * n * (1 / 3), {measures.of_order: (v.cholesky,)}),
    "determinant": Kernel(
        lambda n: n * n * n * (2 / 3),
        {measures.of_order: (v.det, v.logabsdet)},
    ),
    "determinants": Kernel(
        lambda m, n: (m * m * m + n * n * n) * (2 / 3),
        {measures.determinants: (v.det_powers,)},
    ),
    "expm": Kernel(lambda n: 30 * n * n * n, {measures.of_order: (v.expm,)}),
    # --- decompositions ---
    # With vectors by the symmetric QR algorithm (sec. 8.3.3), and without.
    "eigh": Kernel(lambda n: 9 * n * n * n, {measures.of_order: (v.eigh,)}),
    "eigvalsh": Kernel(lambda n: n * n * n * (4 / 3), {measures.of_order: (v.eigvalsh,)}),
    # Of an m × n matrix with k = min(m, n), with all vectors (sec. 8.6).
    "svd": Kernel(
        lambda m, n, k: 14 * m * n * k + 8 * k * k * k,
        {measures.of_shape: (v.svd, v.full_svd)},
    ),
    # Without vectors (sec. 8.6.3).
    "svdvals": Kernel(lambda m, n, k: 4 * m * n * k, {measures.of_shape: (v.svdvals,)}),
    # By reflections, with Q (sec. 5.2.9), and with a permutation (sec. 3.4).
    "qr": Kernel(lambda m, n, k: 4 * m * n * k, {measures.of_shape: (v.qr, v.full_qr)}),
    "lu": Kernel(lambda m, n, k: m * n * k * (2 / 3), {measures.of_shape: (v.lu,)}),
    # Of the singular values the large ones, and a product of the factors.
    "pinv": Kernel(
        lambda m, n, k: 16 * m * n * k + 8 * k * k * k,
        {measures.of_argument: (v.pinv,)},
    ),
    # Householder, with the thin Q (sec. 5.2).
    "thin_qr": Kernel(
        lambda m, n: 4 * m * n * n - n * n * n * (4 / 3),
        {measures.of_sides: (v.thin_qr,)},
    ),
    # --- matrix equations ---
    # Two real Schur forms (25 n³ each, sec. 7.5.6), the transforms and the triangular solve.
    "sylvester": Kernel(
        lambda m, n: 25 * m * m * m + 25 * n * n * n + 5 * m * m * n + 5 * m * n * n,
        {measures.of_two_orders: (v.sylvester,)},
    ),
    # Twice, with the products that say what is left.
    "lyapunov": Kernel(
        lambda n: 144 * n * n * n + 4 * LAUNCH,
        {measures.of_order: (v.discrete_lyapunov,)},
    ),
    # --- shifted Kronecker products and sums ---
    # Values and vectors of each factor (9 n³, sec. 8.3), and all factors applied twice.
    "shifted_solve": Kernel(
        lambda columns, *ns: (
            sum(9 * n * n * n for n in ns) + prod(ns) * columns * (4 * sum(ns) + 1)
        ),
        {measures.of_columns_and_factors: (v.shifted_solve, v.shifted_sum_solve, v.noisy_solve)},
    ),
    "shifted_logabsdet": Kernel(
        lambda *ns: sum(9 * n * n * n for n in ns) + 2 * prod(ns),
        {
            measures.of_factors: (
                v.shifted_logabsdet,
                v.shifted_det,
                v.shifted_inverse_trace,
                v.shifted_adjoint_left,
                v.shifted_adjoint_right,
                v.noisy_logabsdet,
                v.shifted_sum_logabsdet,
            )
        },
    ),
    # --- circulant and Toeplitz matrices ---
    # One column is transformed, and the others there and back.
    "convolution": Kernel(
        lambda n, k: transforms(n, k * 2 + 1) + n * k * 3,
        {
            measures.by_column: (
                v.convolved,
                v.deconvolved,
                v.toeplitz_dot,
                v.transposed_toeplitz_dot,
            )
        },
    ),
    "spectrum": Kernel(
        lambda n: transforms(n, 1) + n * 2,
        {measures.by_column: (v.circulant_det, v.circulant_logabsdet)},
    ),
    # Of a general matrix, for each column by itself (sec. 4.7).
    "levinson": Kernel(lambda n, k: n * n * k * 8, {measures.by_column: (v.levinson,)}),
    # The index is computed, in two passes or more, for nothing else.
    "gather": Kernel(
        lambda size: size * 4 + 2 * LAUNCH,
        {measures.entrywise: (v.circulant, v.toeplitz, v.kron_diagonal)},
    ),
    # --- entries ---
    "sort": Kernel(lambda n: n * log2(n), {measures.of_order: (v.ascending,)}),
    "elementwise": Kernel(
        lambda size, *more: sum(more, 1 * size) + LAUNCH * len(more),
        {
            measures.entrywise: (
                v.scale,
                v.reciprocal,
                v.triangle,
                v.log_magnitude,
                v.root,
                v.exponential,
            ),
            measures.added: (v.add, v.mul),
            measures.reduced: (v.total, v.prod),
            measures.reduced_twice: (v.kron_adjoint_left, v.kron_adjoint_right),
            measures.batch_summed: (v.batch_sum,),
            measures.of_order: (v.trace,),
        },
    ),
    # Subtracted, squared and summed.
    "differences": Kernel(
        lambda size: 3 * size + 2 * LAUNCH, {measures.differences: (v.squared_distances,)}
    ),
    "sum": Kernel(lambda size: 1 * size),
    "repeat": Kernel(lambda size: 0.5 * size),
    "copy": Kernel(
        lambda size: 0.5 * size,
        {
            measures.entrywise: (
                v.kron,
                v.block_diag,
                v.diag,
                v.eye,
                v.ones,
                v.unit,
                v.hcat,
                v.vcat,
                v.beside,
                v.spread,
                v.taken,
                v.scattered,
                v.mirrored,
                v.first,
                v.lead,
            ),
            measures.reshaped: (v.reshape,),
        },
    ),
    "unknown": Kernel(lambda size: 1 * size),
    # --- what costs nothing ---
    # Views, and arithmetic on single numbers, which a plan and a graph spell in too many ways to
    # count.
    "leaf": Kernel(None),
    "scalar": Kernel(None),
    "view": Kernel(
        None,
        {
            measures.viewed: (
                v.transpose,
                v.size,
                v.item,
                v.members,
                v.cell,
                v.diagonal,
                v.rows_of,
                v.thin_q,
                v.thin_r,
                *v.FACTORS,
                # Few operations beside those that made their arguments, as in a determinant.
                v.power,
                v.log_power,
                v.power_sign,
                v.log_diagonal,
                # Which no entry is computed of, and which a graph fills as well.
                v.zeros,
            ),
            measures.sign: (v.det_sign,),
        },
    ),
}

FREE = frozenset(name for name, kernel in KERNELS.items() if kernel.flops is None)

_STEPS: dict[Head, Callable[[Term], Step]] = {
    head: partial(measure, name)
    for name, kernel in KERNELS.items()
    for measure, heads in kernel.heads.items()
    for head in heads
}
_unknown = partial(measures.entrywise, "unknown")


def step_of(term: Term) -> Step:
    """The step of a term by its head alone."""
    return _STEPS.get(term.head, _unknown)(term)
