"""Pseudoinverses of full rank, inverses of order two, permutations by index, and centering."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg

import kantor
from kantor import assume
from tests.support import assert_same_value, decisions, evaluate, ops, rewritten

RNG = np.random.default_rng(20261202)


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


A, B, X = pt.matrices("A", "B", "X")
x, y = pt.vectors("x", "y")
p = pt.lvector("p")
TALL, WIDE = assume(A, full_column_rank=True), assume(A, full_row_rank=True)


@pytest.mark.parametrize("linker", ["CVM", "NUMBA"])
def test_pseudoinverse_of_full_column_rank(linker: str) -> None:
    graph = linalg.pinv(TALL) @ y
    new = assert_same_value(graph, {A: draw(9, 4), y: draw(9)})
    assert "MatrixPinv" not in ops(new)
    value, right = draw(9, 4), draw(9)
    f = pytensor.function([A, y], graph, mode=kantor.mode(linker))
    np.testing.assert_allclose(f(value, right), np.linalg.pinv(value) @ right, rtol=1e-9)
    assert_same_value(linalg.pinv(TALL), {A: draw(5, 0)})
    assert decisions(linalg.pinv(A) @ y, "pseudoinverse_of_full_column_rank") == []


def test_pseudoinverse_of_full_row_rank() -> None:
    graph = linalg.pinv(WIDE) @ y
    new = assert_same_value(graph, {A: draw(4, 9), y: draw(4)})
    assert "MatrixPinv" not in ops(new)
    new = assert_same_value(linalg.pinv(TALL.T), {A: draw(9, 4)})
    assert "MatrixPinv" not in ops(new)
    assert decisions(linalg.pinv(TALL), "pseudoinverse_of_full_row_rank") == []


def test_pseudoinverse_of_nonsingular() -> None:
    graph = linalg.pinv(assume(A, nonsingular=True)) @ y
    assert rewritten(graph, "pseudoinverse_of_nonsingular") == [("A⁺ y", "A⁻¹ y")]
    assert_same_value(graph, {A: draw(5, 5) + 9 * np.eye(5), y: draw(5)})


@pytest.mark.parametrize("shape", [(7, 3), (4, 4)])
def test_the_gradient_of_a_pseudoinverse(shape: tuple[int, int]) -> None:
    value = draw(*shape)
    graph = pt.sin(linalg.pinv(TALL)).sum()
    before, after = (evaluate(pt.grad(g, A), {A: value}) for g in (graph, kantor.rewrite(graph)))
    np.testing.assert_allclose(after, before, rtol=1e-8)


def test_ill_conditioned_pseudoinverse() -> None:
    """The normal equations would square the condition number."""
    u, _ = np.linalg.qr(draw(20, 4))
    w, _ = np.linalg.qr(draw(4, 4))
    value = u @ np.diag([1, 1e-3, 1e-6, 1e-9]) @ w
    true = w.T @ np.diag([1, 1e3, 1e6, 1e9]) @ u.T
    found = evaluate(kantor.rewrite(linalg.pinv(TALL)), {A: value})
    assert np.abs(found - true).max() < 1e-5 * np.abs(true).max()


# --- order two ------------------------------------------------------------------------------------


def test_inverse_of_order_two() -> None:
    G, T = pt.matrix("G", shape=(2, 2)), pt.tensor3("T", shape=(None, 2, 2))
    new = assert_same_value(linalg.inv(G), {G: draw(2, 2)})
    assert "MatrixInverse" not in ops(new)
    assert_same_value(linalg.inv(T), {T: draw(7, 2, 2)})
    three = pt.matrix("G", shape=(3, 3))
    for other in (three, A):
        assert decisions(linalg.inv(other), "inverse_of_order_two") == []


@pytest.mark.parametrize("scale", [1.0, 1e200, 1e-200])
def test_a_determinant_of_order_two_out_of_range(scale: float) -> None:
    G = pt.matrix("G", shape=(2, 2))
    value = scale * np.array([[2.0, 1.0], [0.5, 3.0]])
    found = evaluate(kantor.rewrite(linalg.inv(G)), {G: value})
    np.testing.assert_allclose(found, np.linalg.inv(value), rtol=1e-13)


def test_order_two_is_as_accurate_as_elimination() -> None:
    G = pt.matrix("G", shape=(2, 2))
    f = pytensor.function([G], kantor.rewrite(linalg.inv(G)), mode="CVM")
    for power in range(0, 13, 3):
        u, w = (np.linalg.qr(draw(2, 2))[0] for _ in range(2))
        value = u @ np.diag([1, 10.0**-power]) @ w
        true = np.array([[value[1, 1], -value[0, 1]], [-value[1, 0], value[0, 0]]], "longdouble")
        true /= np.longdouble(value[0, 0]) * value[1, 1] - np.longdouble(value[0, 1]) * value[1, 0]
        worst = np.abs(f(value) - true).max() / np.abs(true).max()
        assert worst < 4 * 2.3e-16 * 10.0**power


# --- permutations ---------------------------------------------------------------------------------


def permuted(rows: Any) -> dict[str, Any]:
    eye = pt.eye(x.shape[0])[rows]
    return {
        "rows": eye @ x,
        "transposed": eye.T @ x,
        "row": x @ eye,
        "row, transposed": x @ eye.T,
        "columns": pt.eye(x.shape[0])[:, rows] @ x,
        "scaled": (-2 * eye) @ x,
        "solved": linalg.solve(eye, x),
        "inverted": linalg.inv(eye) @ x,
    }


@pytest.mark.parametrize("name", permuted(p))
@pytest.mark.parametrize("constant", [False, True])
def test_permutations(name: str, constant: bool) -> None:
    places = RNG.permutation(9)
    graph = permuted(places if constant else p)[name]
    new = assert_same_value(graph, {x: draw(9), p: places})
    assert not {"Dot", "Solve", "MatrixInverse", "Eye"} & set(ops(new))


def test_a_selection_is_no_permutation() -> None:
    eye = pt.eye(X.shape[0])
    new = assert_same_value(eye[p] @ X, {X: draw(5, 3), p: np.array([0, 0, 4, -1, 2, 2])})
    assert "Dot" not in ops(new)
    wide = eye[p].T @ B
    assert_same_value(wide, {X: draw(5, 3), B: draw(4, 2), p: np.array([0, 0, -1, 3])})
    with pytest.raises(IndexError):
        evaluate(new, {X: draw(5, 3), p: np.array([5])})
    # Rows of anything else are left alone.
    assert decisions(A[p] @ X, "selections") == []
    assert_same_value(2 * eye[p] @ X, {X: draw(5, 3), p: np.array([1])})


def test_rows_of_a_permuted_matrix() -> None:
    S = pt.matrix("S", shape=(8, 8))
    W = pt.eye(8)[p]
    new = assert_same_value(W @ S @ W.T, {S: draw(8, 8), p: RNG.permutation(8)})
    assert "Dot" not in ops(new)
    loss = pt.sin(W @ S).sum()
    before, after = (
        evaluate(pt.grad(g, S), {S: np.eye(8), p: np.arange(8)[::-1]})
        for g in (loss, kantor.rewrite(loss))
    )
    np.testing.assert_allclose(after, before)


def test_a_folded_permutation() -> None:
    S = pt.matrix("S", shape=(8, 3))
    W, value = np.eye(8)[RNG.permutation(8)], draw(8, 3)
    f = pytensor.function([S], pt.constant(W) @ S, mode=kantor.mode("CVM"))
    assert "Dot" not in [type(n.op).__name__[:3] for n in f.maker.fgraph.toposort()]
    np.testing.assert_array_equal(f(value), W @ value)
    W[0] = 0  # an empty row is none of an identity
    f = pytensor.function([S], pt.constant(W) @ S, mode=kantor.mode("CVM"))
    np.testing.assert_array_equal(f(value), W @ value)


# --- centering, and coefficients of a single product ----------------------------------------------


def centering(n: Any) -> dict[str, Any]:
    one = pt.ones((n,))
    return {
        "outer": pt.eye(n) - pt.outer(one, one) / n,
        "filled": pt.eye(n) - pt.ones((n, n)) / n,
        "a number": pt.eye(n) - 1 / n,
        "broadcast": pt.eye(n) - one[:, None] * one[None, :] / n,
    }


@pytest.mark.parametrize("name", centering(4))
@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("compiled", [False, True])
def test_centering(name: str, static: bool, compiled: bool) -> None:
    Z = pt.matrix("Z", shape=(9, 5) if static else (None, None))
    graph = centering(9 if static else Z.shape[0])[name] @ Z
    value = draw(9, 5)
    if compiled:
        f = pytensor.function([Z], graph, mode=kantor.mode("CVM"))
        names = {type(n.op).__name__ for n in f.maker.fgraph.toposort()}
        found = f(value)
    else:
        new = assert_same_value(graph, {Z: value})
        names, found = set(ops(new)), evaluate(new, {Z: value})
    assert not {"Dot", "Gemm", "Dot22"} & names
    np.testing.assert_allclose(found, value - value.mean(0), atol=1e-12)


def test_what_is_no_centering() -> None:
    assert_same_value((A - 1 / A.shape[0]) @ X, {A: draw(4, 4), X: draw(4, 2)})
    S = pt.matrix("S", shape=(6, 2))
    for change in ((0, 1), (3, 3), (5, 0)):
        M = np.eye(6) - 1 / 6
        M[change] += 0.5
        f = pytensor.function([S], pt.constant(M) @ S, mode=kantor.mode("CVM"))
        value = draw(6, 2)
        np.testing.assert_allclose(f(value), M @ value, atol=1e-12)


@pytest.mark.parametrize("spelling", [lambda: (2.5 * A) @ x, lambda: x @ (-A), lambda: (A / 3) @ x])
def test_a_coefficient_of_one_product(spelling: Any) -> None:
    graph = spelling()
    new = assert_same_value(graph, {A: draw(9, 9), x: draw(9)})
    assert ops(new)[-2] == "Elemwise" and ops(graph)[-2] != "Elemwise"
    # It stays with the smaller factor where nothing is gained.
    kept = A @ (2.5 * X)
    assert kantor.rewrite(kept) is kept
