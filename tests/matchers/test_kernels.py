"""The kernel that each node runs, and on what sizes."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg

from matchers.kernels import batch_size, matrix_shape, node_kernel, size
from matchers.view import View

A, B, C = (pt.matrix(n, shape=s) for n, s in [("A", (3, 4)), ("B", (4, 5)), ("C", (3, 4))])
S, X, Q = pt.matrix("S", shape=(3, 3)), pt.matrix("X", shape=(3, 7)), pt.matrix("Q", shape=(2, 2))
T, x = pt.tensor("T", shape=(6, 3, 3)), pt.vector("x", shape=(3,))
Y = pt.tensor("Y", shape=(6, 3, 7))
DEFINITE = linalg.solve(S, X, assume_a="pos")

KERNELS: dict[str, tuple[Any, str, tuple[int, ...], int]] = {
    "dot": (pt.dot(A, B), "product", (3, 4, 5), 1),
    "matmul": (A @ B, "product", (3, 4, 5), 1),
    "batched matmul": (T @ Y, "product", (3, 3, 7), 6),
    "solve": (linalg.solve(S, X), "solve", (3, 7), 1),
    "solve, one": (linalg.solve(S, x, b_ndim=1), "solve", (3, 1), 1),
    "batched solve": (linalg.solve(T, Y), "solve", (3, 7), 6),
    "positive": (DEFINITE, "solve_positive", (3, 7), 1),
    "triangular": (linalg.solve_triangular(S, X), "solve_triangular", (3, 7), 1),
    "cho_solve": (linalg.cho_solve((S, True), X), "solve_again", (3, 7), 1),
    "inverse": (linalg.inv(S), "inverse", (3,), 1),
    "batched inverse": (linalg.inv(T), "inverse", (3,), 6),
    "cholesky": (linalg.cholesky(S), "cholesky", (3,), 1),
    "determinant": (linalg.det(S), "determinant", (3,), 1),
    "slogdet": (linalg.slogdet(S)[1], "scalar", (), 1),  # the logarithm of a determinant
    "expm": (linalg.expm(S), "expm", (3,), 1),
    "sylvester": (linalg.solve_sylvester(S, Q, pt.matrix(shape=(3, 2))), "sylvester", (3, 2), 1),
    "kron": (linalg.kron(A, B), "copy", (12 * 20,), 1),
    "block_diag": (linalg.block_diag(A, B), "copy", (7 * 9,), 1),
    "elementwise": (A + C, "elementwise", (12,), 1),
    "sum": (A.sum(), "elementwise", (12,), 1),
    "logarithms of a diagonal": (pt.log(pt.diagonal(S)), "view", (), 1),
    "their magnitudes": (pt.log(pt.abs(pt.diagonal(S))), "view", (), 1),
    "their sum": (pt.log(pt.diagonal(S)).sum(), "view", (), 1),
    "other logarithms": (pt.log(x), "elementwise", (3,), 1),
    "sum over a batch": (T.sum(axis=0), "elementwise", (54,), 1),
    "transpose": (A.T, "view", (), 1),
    "reshape": (A.reshape((12,)), "view", (), 1),
    "diagonal": (pt.diagonal(S), "view", (), 1),
    "einsum": (pt.einsum("ij,jk->ik", A, B), "products", (60,), 1),
    "einsum to a number": (pt.einsum("ij,jk->", A, B), "products", (20, 12, 4), 1),
    "gradient of an einsum": (
        pt.grad(pt.einsum("ij,jk->ik", A, B).sum(), A),
        "products",
        (60, 60, 60),
        1,
    ),
    "one by one": (pt.vector(shape=(1,))[:, None] @ pt.ones((1, 1)), "scalar", (), 1),
    "three": (pt.einsum("ij,jk,k->i", A, B, pt.vector(shape=(5,))), "products", (20, 12), 1),
    "unknown": (pt.cumsum(A, axis=0), "unknown", (12,), 1),
}


@pytest.mark.parametrize("name", KERNELS)
def test_kernels(name: str) -> None:
    var, kernel, sizes, batch = KERNELS[name]
    found, dims, times = node_kernel(View(), var.owner)
    assert (found, tuple(d.coef for d in dims), times.coef) == (kernel, sizes, batch)


def test_unknown_lengths_are_symbols() -> None:
    a, b = pt.matrices("a", "b")
    view = View()
    _, (m, k, n), _ = node_kernel(view, pt.dot(a, b).owner)
    assert view.dims.equal(k, view.term(b).rows) and not view.dims.equal(m, n)


def test_sizes() -> None:
    view = View()
    assert matrix_shape(view, x) == (view.term(x).rows, view.term(x).cols)
    assert size(view, T).coef == 54 and size(view, pt.scalar()).coef == 1
    assert batch_size(view, T, 2).coef == 6 and batch_size(view, A, 2).coef == 1


def test_batched_determinants() -> None:
    assert node_kernel(View(), linalg.det(T).owner)[2].coef == 6
