"""Circulant and Toeplitz matrices: each relation on graphs, its form, values, and near misses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.tensor.linalg import det, inv, slogdet, solve

import kantor
from tests.support import assert_same_value, evaluate, ops, rewritten

N = 80
RNG = np.random.default_rng(20261120)


def circulant(c: Any, n: Any) -> Any:
    i = pt.arange(n)
    return c[(i[:, None] - i[None, :]) % n]


def even(c: Any, n: Any) -> Any:
    i = pt.arange(n)
    return c[pt.abs(i[:, None] - i[None, :])]


def inputs(static: bool) -> tuple[Any, Any, Any, Any, dict[Any, Any]]:
    """A column, a vector, a matrix, the length of the first, and values."""
    n = N if static else None
    c, x = pt.vector("c", shape=(n,)), pt.vector("x", shape=(n,))
    X = pt.matrix("X", shape=(n, n))
    column = np.exp(-np.arange(N) / 2.0)
    column[0] = 3
    return (
        c, x, X, N if static else c.shape[0],
        {c: column, x: RNG.normal(size=N), X: RNG.normal(size=(N, N))},
    )  # fmt: skip


PRODUCTS = {
    "C x": (lambda C, x, X: C @ x, "c ∗ x"),
    "x C": (lambda C, x, X: x @ C, "mirrored(c) ∗ x"),
    "Cᵀ x": (lambda C, x, X: C.T @ x, "mirrored(c) ∗ x"),
    "C C x": (lambda C, x, X: C @ C @ x, "c ∗ (c ∗ x)"),
    "C⁻¹ x": (lambda C, x, X: solve(C, x), "deconvolved(c, x)"),
    "inv(C) x": (lambda C, x, X: inv(C) @ x, "deconvolved(c, x)"),
    "x inv(C)": (lambda C, x, X: x @ inv(C), "deconvolved(mirrored(c), x)"),
    "C⁻ᵀ x": (lambda C, x, X: solve(C.T, x), "deconvolved(mirrored(c), x)"),
    "inv(C)": (lambda C, x, X: inv(C), "circulant(deconvolved(c, e₀))"),
    "-2 C x": (lambda C, x, X: -2 * C @ x, "-2·c ∗ x"),
    "(2 C)⁻¹ x": (lambda C, x, X: solve(2 * C, x), "deconvolved(2·c, x)"),
    "det": (lambda C, x, X: det(C), "det(circulant(c))"),
    "logdet": (lambda C, x, X: slogdet(C)[1], "log|circulant(c)|"),
}


@pytest.mark.parametrize("static", [True, False], ids=["static", "dynamic"])
@pytest.mark.parametrize("name", PRODUCTS)
def test_circulant(name: str, static: bool) -> None:
    make, after = PRODUCTS[name]
    c, x, X, n, values = inputs(static)
    graph = make(circulant(c, n), x, X)
    ((_, found),) = rewritten(graph)
    assert found == after
    new = assert_same_value(graph, values)
    assert not {"Dot", "Solve", "MatrixInverse", "Det", "Matmul"} & {*ops(new)}
    wrt = [v for v in (c, x) if v in pytensor.graph.traversal.ancestors([graph])]
    total = [pt.grad(pt.log(1 + g**2).sum(), wrt) for g in (graph, new)]
    found_values = evaluate(total[0] + total[1], values)
    for a, b in zip(found_values[: len(wrt)], found_values[len(wrt) :], strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-9 * abs(a).max())


def test_products_with_matrices_are_taken_where_lengths_say_so() -> None:
    c, _, X, n, values = inputs(static=True)
    assert rewritten(circulant(c, n) @ X) == [("circulant(c) X", "c ∗ X")]
    assert_same_value(X @ circulant(c, n), values)
    c, _, X, n, _ = inputs(static=False)
    assert not rewritten(circulant(c, n) @ X), "as many operations at length 8"


def test_circulants_are_closed() -> None:
    a, b = pt.vector("a", shape=(N,)), pt.vector("b", shape=(N,))
    x = pt.vector("x", shape=(N,))
    values = {v: RNG.normal(size=N) for v in (a, b, x)}
    summed = solve(circulant(a, N) + circulant(b, N) + 9 * pt.eye(N), x)
    assert_same_value(summed, values)
    assert rewritten(summed)[0][1].startswith("deconvolved(")
    product = circulant(a, N) @ circulant(b, N)
    assert rewritten(product) == [("circulant(a) circulant(b)", "circulant(a ∗ b)")]
    assert_same_value(product, values)
    assert_same_value(pt.trace(circulant(a, N)), values)
    assert_same_value(pt.trace(circulant(a, N) @ circulant(b, N)), values)


TOEPLITZ = {
    "T x": lambda T, x: T @ x,
    "x T": lambda T, x: x @ T,
    "Tᵀ x": lambda T, x: T.T @ x,
    "2 T x": lambda T, x: 2 * T @ x,
}


@pytest.mark.parametrize("static", [True, False], ids=["static", "dynamic"])
@pytest.mark.parametrize("name", TOEPLITZ)
def test_toeplitz(name: str, static: bool) -> None:
    c, x, _, n, values = inputs(static)
    graph = TOEPLITZ[name](even(c, n), x)
    assert rewritten(graph)[0][1].endswith("toeplitz(c, c) ∗ x")
    new = assert_same_value(graph, values)
    before, after = (pt.grad(pt.sin(g).sum(), [c, x]) for g in (graph, new))
    (c1, x1, c2, x2) = evaluate(before + after, values)
    np.testing.assert_allclose(c2, c1, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(x2, x1, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("static", [True, False], ids=["static", "dynamic"])
def test_positive_definite_toeplitz_is_solved_by_levinson(static: bool) -> None:
    c, x, _, n, values = inputs(static)
    T = even(c, n)
    assert not rewritten(solve(T, x)), "the recursion is stable for definite matrices only"
    P = kantor.assume(T, positive_definite=True)
    noisy = kantor.assume(T + 0.1 * pt.eye(n), positive_definite=True)
    for graph, after in (
        (solve(P, x), "levinson(c, x)"),
        (inv(P) @ x, "levinson(c, x)"),
        (x @ inv(P) @ x, "xᵀ levinson(c, x)"),
        (solve(noisy, x), "levinson(c + 0.1·e₀, x)"),
    ):
        assert rewritten(graph)[0][1] == after
        new = assert_same_value(graph, values)
        assert "LevinsonSolve" in ops(new)
        before, found = (pt.grad(pt.sin(g).sum(), [c, x]) for g in (graph, new))
        (c1, x1, c2, x2) = evaluate(before + found, values)
        np.testing.assert_allclose(c2, c1, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(x2, x1, rtol=1e-8, atol=1e-9)


def test_what_is_declared_of_a_matrix() -> None:
    A, b = pt.matrix("A", shape=(60, 60)), pt.vector("b", shape=(60,))
    i = np.arange(60)
    column = 0.5**i
    values = {A: column[abs(i[:, None] - i)], b: RNG.normal(size=60)}
    T = kantor.assume(A, toeplitz=True, positive_definite=True)
    assert rewritten(solve(T, b))[0][1].startswith("levinson(")
    assert_same_value(solve(T, b), values)
    assert not rewritten(solve(kantor.assume(A, toeplitz=True), b))
    values[A] = column[(i[:, None] - i) % 60]
    C = kantor.assume(A, circulant=True)
    assert rewritten(solve(C, b))[0][1].startswith("deconvolved(")
    assert_same_value(solve(C, b), values)
    assert_same_value(slogdet(C)[1], values)


def test_a_kernel_on_a_grid_is_toeplitz() -> None:
    i, scale = pt.arange(60), pt.scalar("l")
    away = pt.cast(pt.abs(i[:, None] - i[None, :]), "float64")
    b = pt.vector("b", shape=(60,))
    values = {scale: 3.0, b: RNG.normal(size=60)}
    for K in (pt.exp(-away / scale), pt.exp(-0.5 * away**2 / scale**2) + 0.1 * pt.eye(60)):
        graph = solve(kantor.assume(K, positive_definite=True), b)
        assert "LevinsonSolve" in ops(assert_same_value(graph, values))
    K = pt.exp(-away / scale) * (1 + b[:, None])
    near = solve(kantor.assume(K, positive_definite=True), b)
    assert all(before == after for before, after in rewritten(near))  # the solver changes


MISSES = {
    "i + j": lambda i, j, n: (i + j) % n,
    "i - 2 j": lambda i, j, n: (i - 2 * j) % n,
    "another modulus": lambda i, j, n: (i - j) % (n - 1),
    "shifted": lambda i, j, n: (i - j + 1) % n,
    "|i - j + 1|": lambda i, j, n: pt.abs(i - j + 1) % n,
    "squared": lambda i, j, n: (i - j) ** 2 % n,
}


@pytest.mark.parametrize("static", [True, False], ids=["static", "dynamic"])
@pytest.mark.parametrize("name", MISSES)
def test_other_indices_are_left_alone(name: str, static: bool) -> None:
    c, x, _, n, values = inputs(static)
    i = pt.arange(n)
    graph = c[MISSES[name](i[:, None], i[None, :], n)] @ x
    assert not rewritten(graph)
    assert_same_value(graph, values)


SPELLINGS = {
    "a negative index": lambda c, n: c[pt.arange(n)[:, None] - pt.arange(n)],
    "j - i": lambda c, n: c[(pt.arange(n)[None, :] - pt.arange(n)[:, None]) % n],
    "n more": lambda c, n: c[(pt.arange(n)[:, None] - pt.arange(n)[None, :] + n) % n],
    "take": lambda c, n: pt.take(c, (pt.arange(n)[:, None] - pt.arange(n)[None, :]) % n),
    "numbers": lambda c, n: c[(np.arange(N)[:, None] - np.arange(N)) % N],
    "cast": lambda c, n: c[pt.cast(pt.abs(pt.arange(n)[:, None] - pt.arange(n)), "int32")],
}


@pytest.mark.parametrize("static", [True, False], ids=["static", "dynamic"])
@pytest.mark.parametrize("other", [False, True], ids=["own length", "another's"])
@pytest.mark.parametrize("name", SPELLINGS)
def test_spellings(name: str, other: bool, static: bool) -> None:
    c, x, _, n, values = inputs(static)
    n = x.shape[0] if other and not static else n
    graph = SPELLINGS[name](c, n) @ x
    new = assert_same_value(graph, values)
    negative = name == "a negative index" and other and not static
    assert ("Dot" in ops(new) or "Matmul" in ops(new)) == negative


def test_integers_are_left_alone() -> None:
    c, x = pt.lvector("c"), pt.lvector("x")
    assert not rewritten(circulant(c, c.shape[0]) @ x)


def test_empty_and_single() -> None:
    c, x, _, n, _ = inputs(static=False)
    for graph in (circulant(c, n) @ x, even(c, n) @ x, solve(circulant(c, n), x)):
        for m in (0, 1):
            assert_same_value(graph, {c: np.full(m, 2.0), x: np.ones(m)})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", ["CVM", "NUMBA", "JAX"])
def test_backends(backend: str, dtype: str) -> None:
    if backend == "JAX":
        pytest.importorskip("jax")
    c, x = pt.vector("c", dtype=dtype, shape=(N,)), pt.vector("x", dtype=dtype, shape=(N,))
    P = kantor.assume(even(c, N), positive_definite=True)
    graphs = [circulant(c, N) @ x, even(c, N) @ x, solve(circulant(c, N), x), solve(P, x),
              slogdet(circulant(c, N))[1], det(circulant(c, N))]  # fmt: skip
    graphs += pt.grad(graphs[0].sum() + pt.sin(graphs[2]).sum(), [c, x])
    column = np.exp(-np.arange(N) / 2.0).astype(dtype)
    values = [column, RNG.normal(size=N).astype(dtype)]
    f = pytensor.function([c, x], graphs, mode=kantor.mode(backend))
    used = {type(n.op).__name__ for n in f.maker.fgraph.apply_nodes}
    assert {"CirculantDot", "CirculantSolve", "ToeplitzDot", "LevinsonSolve"} <= used
    expected = evaluate(graphs, dict(zip([c, x], values, strict=True)))
    for new, old in zip(f(*values), expected, strict=True):
        assert str(np.asarray(new).dtype) == dtype
        np.testing.assert_allclose(new, old, rtol=1e-9 if dtype == "float64" else 2e-4, atol=1e-4)
