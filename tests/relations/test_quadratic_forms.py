"""Each relation on quadratic forms: one graph with its expected form, and one near miss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.assumptions import assume
from pytensor.tensor import linalg

import kantor
from tests.support import assert_same_value, decisions, evaluate, ops, rewritten

RNG = np.random.default_rng(20261124)


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


def definite(n: int) -> Any:
    x = draw(n, n)
    return x @ x.T + np.eye(n)


A, X, Y = pt.matrices("A", "X", "Y")
x = pt.vector("x")
c = pt.scalar("c")
P = assume(A, positive_definite=True)
Q = linalg.inv(P)
FAMILY = ("quadratic_forms", "traces")


def form(graph: Any, relations: Any = None) -> str:
    """What a graph becomes, with the declared matrix called A."""
    return "; ".join(after for _, after in rewritten(graph, relations))


def test_whitened_gram() -> None:
    graph = X.T @ Q @ X
    [step] = decisions(graph, "whitened_gram")
    assert step.relations == ("whitened_gram",)
    assert step.decision.taken and step.decision.why == "for all sizes"
    values = {A: definite(5), X: draw(5, 3)}
    new = assert_same_value(graph, values, relations="whitened_gram")
    assert ops(new).count("SolveTriangular") == ops(new).count("Cholesky") == 1
    value = evaluate(new, values)
    np.testing.assert_array_equal(value, value.T)
    for near in (X.T @ linalg.inv(A) @ X, X.T @ Q @ Y, X @ Q @ X):
        assert all("whitened_gram" not in s.relations for s in decisions(near, "whitened_gram"))


TOTALS = {
    "columns": (lambda: (X * (Q @ X)).sum(), "whitened_total", (5, 3)),
    "columns, solved": (lambda: (X * linalg.solve(P, X)).sum(), "whitened_total", (5, 3)),
    "columns, scaled": (lambda: -0.5 * (X * (Q @ X)).sum() * c, "whitened_total", (5, 3)),
    "rows": (lambda: (X * (X @ Q)).sum(), "whitened_total_of_rows", (3, 5)),
    "rows, solved": (lambda: (X * linalg.solve(P, X.T).T).sum(), "whitened_total_of_rows", (3, 5)),
    "trace": (lambda: pt.trace(X.T @ Q @ X), "whitened_total", (5, 3)),
    "trace of rows": (lambda: pt.trace(X @ Q @ X.T), "whitened_total_of_rows", (3, 5)),
}


@pytest.mark.parametrize("spelling", TOTALS)
def test_whitened_totals(spelling: str) -> None:
    make, name, shape = TOTALS[spelling]
    graph = make()
    names = {n for s in decisions(graph, FAMILY) if s.decision.taken for n in s.relations}
    assert names & {"whitened_total", "whitened_total_of_rows", "whitened_gram"}, (name, names)
    values = {A: definite(5), X: draw(*shape), c: -1.5}
    new = assert_same_value(graph, values, relations=FAMILY)
    assert "MatrixInverse" not in ops(new) and "Solve" not in ops(new)
    assert ops(new).count("SolveTriangular") == 1
    for wrt in (X, A):
        before, after = evaluate([pt.grad(g, wrt) for g in (graph, new)], values)
        if wrt is A:  # along symmetric directions
            before, after = before + before.T, after + after.T
        np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["whitened_total", "whitened_total_of_rows"])
def test_totals_that_are_no_squares(name: str) -> None:
    assert "chol" not in form((X * (linalg.inv(A) @ X)).sum(), name)  # not positive definite
    assert "chol" not in form((Y * (Q @ X)).sum(), name)
    assert "chol" not in form((Y * (X @ Q)).sum(), name)


def test_whitened_columns() -> None:
    graph = pt.diag(X.T @ Q @ X)
    names = {n for s in decisions(graph, FAMILY) for n in s.relations}
    assert names & {"whitened_columns", "whitened_rows", "whitened_gram"}
    new = assert_same_value(graph, {A: definite(5), X: draw(5, 3)}, relations=FAMILY)
    assert ops(new).count("SolveTriangular") == 1 and "Solve" not in ops(new)
    one = pt.ones((1, X.shape[0]))
    graph = one @ (X * (Q @ X))
    [step] = decisions(graph, "whitened_columns")
    assert step.relations == ("whitened_columns",)
    assert_same_value(graph, {A: definite(5), X: draw(5, 3)}, relations="whitened_columns")
    graph = one @ (Y * (Q @ X))
    assert all("whitened_columns" not in s.relations for s in decisions(graph, "whitened_columns"))


def test_whitened_rows() -> None:
    graph = (X * (X @ Q)) @ pt.ones((X.shape[1],))
    [step] = decisions(graph, "whitened_rows")
    assert step.relations == ("whitened_rows",)
    assert_same_value(graph, {A: definite(5), X: draw(3, 5)}, relations="whitened_rows")
    graph = (X * (Y @ Q)) @ pt.ones((X.shape[1],))
    assert all("whitened_rows" not in s.relations for s in decisions(graph, "whitened_rows"))


VECTORS = {
    "bilinear": lambda: x @ Q @ x,
    "a scalar in front": lambda: -0.5 * x @ Q @ x,
    "a scalar behind": lambda: x @ Q @ (c * x),
    "a sum": lambda: (x * (Q @ x)).sum(),
    "a scaled sum": lambda: -0.5 * (x * linalg.solve(P, x)).sum(),
    "a dot": lambda: pt.dot(x, linalg.solve(P, x)) / 2,
}


@pytest.mark.parametrize("spelling", VECTORS)
def test_a_scalar_does_not_break_the_whitening(spelling: str) -> None:
    """Compiled, each is one factorization and one triangular solve."""
    graph = VECTORS[spelling]()
    f = pytensor.function([A, x, c], graph, mode=kantor.mode("CVM"), on_unused_input="ignore")
    names = [type(n.op).__name__ for n in f.maker.fgraph.toposort()]
    cores = [type(getattr(n.op, "core_op", n.op)).__name__ for n in f.maker.fgraph.toposort()]
    assert cores.count("Cholesky") == cores.count("SolveTriangular") == 1, names
    assert not {"CholeskySolve", "MatrixInverse", "Solve"} & set(cores)
    a, v = definite(6), draw(6)
    np.testing.assert_allclose(f(a, v, 1.5), evaluate(graph, {A: a, x: v, c: 1.5}), rtol=1e-9)


@pytest.mark.parametrize("lower", [True, False])
def test_the_triangle_that_a_solver_reads_is_the_one_factorized(lower: bool) -> None:
    S, W = pt.matrix("S", shape=(12, 12)), pt.matrix("W", shape=(12, 40))
    graph = W.T @ linalg.solve(S, W, assume_a="pos", lower=lower)
    whole, w = definite(12), draw(12, 40)
    stored = np.tri(12, dtype=bool) if lower else np.tri(12, dtype=bool).T
    new = kantor.rewrite(graph, relations="whitened_gram")
    assert "Cholesky" in ops(new)
    found = evaluate(new, {S: np.where(stored, whole, 777.0), W: w})
    np.testing.assert_allclose(found, w.T @ np.linalg.solve(whole, w), rtol=1e-9, atol=1e-9)


def test_quadratic_forms_of_a_batch() -> None:
    M, Z = pt.tensor3("M", shape=(4, 9, 9)), pt.tensor3("Z", shape=(4, 9, 20))
    graph = Z.mT @ linalg.inv(assume(M, positive_definite=True)) @ Z
    assert [s.relations for s in decisions(graph, "whitened_gram")] == [("whitened_gram",)]
    values = {M: np.stack([definite(9) for _ in range(4)]), Z: draw(4, 9, 20)}
    assert_same_value(graph, values, relations="whitened_gram")


def test_complex_forms_stay() -> None:
    """A complex factor stands beside its conjugate transpose."""
    Z = pt.matrix("Z", dtype="complex128")
    H = assume(pt.matrix("H", dtype="complex128"), positive_definite=True)
    graph = Z.T @ linalg.inv(H) @ Z
    assert all("whitened_gram" not in s.relations for s in decisions(graph))
