"""The engine is right: what it puts in place of a region has the same value, shape and type."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg

import kantor
from kantor.engine import KantorWarning
from tests.support import evaluate, ops

RNG = np.random.default_rng(20261201)
A, B, C = pt.matrices("A", "B", "C")
S, Q = pt.matrix("S", shape=(9, 9)), pt.matrix("Q", shape=(8, 8))
F, Z = pt.matrix("F", shape=(9, 9), dtype="float32"), pt.zmatrix("Z")
T, U = pt.tensor3("T"), pt.tensor3("U")
v, w = pt.vectors("v", "w")
u, column = pt.vector("u", shape=(72,)), v[:, None]
n, small, tiny, wrap = (
    pt.scalar(name, dtype=t)
    for name, t in [("n", "int64"), ("small", "int8"), ("tiny", "float32"), ("wrap", "uint8")]
)
K, R = linalg.kron(A, B), linalg.kron(S, Q)


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


def complex_(*shape: int) -> Any:
    return draw(*shape) + 1j * draw(*shape)


def regular(k: int) -> Any:
    return draw(k, k) + 2 * k * np.eye(k)


VALUES: dict[Any, Any] = {
    A: draw(2, 3), B: draw(4, 5), C: draw(15, 2), S: regular(9), Q: regular(8), T: draw(2, 3, 3),
    U: draw(2, 3, 3), v: draw(15), w: draw(8), u: draw(72), n: 7, small: np.int8(100),
    tiny: np.float32(7), wrap: np.uint8(7), F: draw(9, 9).astype("float32"), Z: complex_(3, 3),
}  # fmt: skip


def assert_right(*graphs: Any, values: Any = None) -> list[Any]:
    """Rewrite `graphs`, whatever the engine has to say being an error, and compare."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", KantorWarning)
        new = kantor.rewrite(list(graphs))
    values = {**VALUES, **(values or {})}
    for a, b, x, y in zip(
        graphs, new, *(evaluate(g, values) for g in (list(graphs), new)), strict=True
    ):
        assert a.type == b.type
        assert np.shape(x) == np.shape(y)
        tolerance = 1e-4 if a.type.dtype == "float32" else 1e-10
        np.testing.assert_allclose(y, x, rtol=tolerance, atol=1e-10)
    return new


# --- dtypes of coefficients ---------------------------------------------------------------------


def test_an_integer_in_a_coefficient() -> None:
    assert_right(((0.5 * n + pt.trace(R)) * K) @ v)


def test_small_coefficients_do_not_overflow() -> None:
    assert_right((K * small * small) @ v)


@pytest.mark.parametrize("c", [small, tiny])
def test_reciprocals_of_small_coefficients(c: Any) -> None:
    assert_right((K / c) @ v)


def test_unsigned_coefficients_wrap() -> None:
    assert_right((K * (-wrap)) @ v)


def test_identities_have_the_dtype_of_their_sum() -> None:
    G = pt.matrix("G", dtype="float32")
    KG = linalg.kron(G, G)
    graph = linalg.inv(0.1 * (linalg.inv(A) @ A) + pt.dot(KG, A))
    new = kantor.rewrite([KG @ KG, graph])
    values = {G: draw(2, 2).astype("float32"), A: regular(4)}
    before, after = evaluate([graph, new[1]], values)
    np.testing.assert_allclose(after, before, rtol=1e-11, atol=1e-11)


def test_division_by_zero() -> None:
    # The infinities cannot be pulled out: a sum of them is NaN, their product with a sum is not.
    new = assert_right((K / 0.0) @ v)
    assert "KroneckerProduct" in ops(new[0])


# --- what is read as a coefficient --------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2])
def test_a_column_that_is_an_output_too(times: int) -> None:
    assert_right(K @ column, column * times if times > 1 else column)


@pytest.mark.parametrize("elementwise", ["mixed", "reciprocal"])
def test_an_unreadable_elementwise_output(elementwise: str) -> None:
    inner = S * F if elementwise == "mixed" else pt.reciprocal(S)
    assert_right(linalg.kron(inner, Q) @ u, inner)


@pytest.mark.parametrize("by", ["reciprocal", "float32", "1 x 1"])
def test_an_unreadable_elementwise_output_that_changes(by: str) -> None:
    G, one = pt.matrix("G", dtype="float32"), pt.matrix("one", shape=(1, 1))
    product = K @ linalg.kron(A.T, B.T)
    output = {"reciprocal": pt.reciprocal, "float32": lambda z: G * z, "1 x 1": lambda z: one * z}
    graph = output[by](product)
    assert_right(graph, graph @ w, values={G: draw(8, 8).astype("float32"), one: draw(1, 1)})


def test_one_over_a_matrix_output() -> None:
    assert_right(linalg.kron(1 / S, Q) @ u, pt.exp(1 / S))


# --- batches ------------------------------------------------------------------------------------


@pytest.mark.parametrize("right", ["matrix", "nothing"])
def test_a_cancelled_batch_is_given_back(right: str) -> None:
    graph = linalg.inv(T) @ T
    values = {A: draw(3, 4), T: np.stack([regular(3), regular(3)])}
    assert_right(graph @ A if right == "matrix" else graph, values=values)


def test_a_fill_gives_its_batch() -> None:
    graph = linalg.inv(pt.second(T, A[None])) @ B @ v
    assert_right(graph, values={A: regular(3), B: draw(3, 4), v: draw(4)})


def test_batches_that_stay() -> None:
    kron = pt.vectorize(linalg.kron, "(a,b),(c,d)->(e,f)")
    left, right = pt.tensor("left", shape=(2, 9, 9)), pt.tensor("right", shape=(2, 8, 8))
    x = pt.tensor("x", shape=(2, 72, 3))
    values = {left: draw(2, 9, 9), right: draw(2, 8, 8), x: draw(2, 72, 3)}
    new = assert_right(kron(left, right) @ x, values=values)
    assert "KroneckerProduct" not in ops(new[0])
    assert_right(kron(left, Q[None]) @ x, values=values)
    assert_right(linalg.solve(kron(left, right), x), values=values)
    assert_right((pt.trace(R) * kron(left, right)) @ x, values=values)


def test_a_batched_log_determinant() -> None:
    kron = pt.vectorize(linalg.kron, "(a,b),(c,d)->(e,f)")
    left, right = pt.tensor("left", shape=(2, 9, 9)), pt.tensor("right", shape=(2, 8, 8))
    graph = pt.log(pt.abs(linalg.det(kron(left, right))))
    assert_right(graph, values={left: draw(2, 9, 9), right: draw(2, 8, 8)})


# --- triangles, complex numbers, lengths --------------------------------------------------------


def test_what_a_unit_triangular_solve_does_not_read() -> None:
    lower = np.tril(draw(5, 5))
    np.fill_diagonal(lower, np.inf)
    graph = linalg.solve_triangular(A, B, lower=True, unit_diagonal=True) @ C @ w
    assert_right(graph, values={A: lower, B: draw(5, 5), C: draw(5, 4), w: draw(4)})


def test_what_a_triangular_solve_does_not_read() -> None:
    lower = np.tril(draw(5, 5)) + 5 * np.eye(5)
    lower[0, 3] = np.nan
    graph = linalg.solve_triangular(A, B, lower=True) @ C @ w
    assert_right(graph, values={A: lower, B: draw(5, 5), C: draw(5, 4), w: draw(4)})


def test_cho_solve_of_complex_matrices() -> None:
    X, x = pt.zmatrix("X"), pt.zvector("x")
    h = complex_(4, 4)
    chol = np.linalg.cholesky(h @ h.conj().T + np.eye(4))
    graph = linalg.cho_solve((Z, True), X) @ X @ x
    assert_right(graph, values={Z: chol, X: complex_(4, 4), x: complex_(4)})


def test_lyapunov_of_complex_matrices() -> None:
    k, x = Z.shape[0], pt.zvector("x")
    graph = linalg.solve(pt.eye(k * k, dtype="complex128") - linalg.kron(Z, Z), x)
    assert_right(graph, values={x: complex_(9)})


def test_sylvester_of_complex_matrices() -> None:
    X, x = pt.zmatrix("X"), pt.zvector("x")
    one, other = (pt.eye(m.shape[0], dtype="complex128") for m in (Z, X))
    graph = linalg.solve(linalg.kron(Z, other) + linalg.kron(one, X), x)
    assert_right(graph, values={X: complex_(2, 2), x: complex_(6)})


def test_lengths_of_block_diagonals() -> None:
    graph = linalg.kron(linalg.block_diag(A, B), C) @ v
    assert_right(graph, values={C: draw(3, 2), v: draw(16)})


def test_lengths_come_from_no_variable_downstream() -> None:
    first = K @ v
    part = pt.cumsum(first)[:3]
    assert_right(first, ((K @ v).sum() * (A @ part)).sum())


@pytest.mark.parametrize("shape", [(0, 3, 4, 5), (2, 0, 4, 5), (1, 1, 1, 1), (1, 3, 4, 1)])
def test_empty_and_single_factors(shape: tuple[int, ...]) -> None:
    a, b, c, d = shape
    values = {A: draw(a, b), B: draw(c, d), v: draw(b * d), w: draw(a * c)}
    assert_right(K @ v, w @ K, K.sum(), values=values)


@pytest.mark.parametrize("k", [0, 1])
def test_empty_and_single_inverses(k: int) -> None:
    values = {A: regular(k) if k else draw(0, 0), B: regular(3), v: draw(3 * k)}
    assert_right(linalg.inv(K) @ v, linalg.solve(K, v), values=values)


def test_a_shape_that_is_specified_in_part() -> None:
    part = pt.specify_shape(A, (2, None))
    assert_right(linalg.kron(2 * part, B) @ v, part + part)
