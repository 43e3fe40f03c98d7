"""Each relation on determinants: one graph with its expected form, and one near miss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.assumptions import assume
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.tensor import linalg

import kantor
from kantor.api import graph_of
from tests.support import PLAIN, assert_same_value, decisions, evaluate, ops, rewritten

RNG = np.random.default_rng(20261122)
OFF = ("det_of_product", "det_of_scaled")
DEFINITE = "logabsdet_of_positive_definite"


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


def definite(n: int) -> Any:
    x = draw(n, n)
    return x @ x.T + np.eye(n)


def log(x: Any) -> Any:
    return linalg.slogdet(x)[1]


A, B = pt.matrices("A", "B")
S, R = pt.matrix("S", shape=(30, 30)), pt.matrix("R", shape=(30, 30))
W, V = pt.matrix("W", shape=(30, 40)), pt.matrix("V", shape=(40, 30))
x = pt.vector("x", shape=(30,))
c = pt.scalar("c")
P = assume(A, positive_definite=True)


def test_det_of_product() -> None:
    graph = linalg.det(S @ R)
    assert rewritten(graph, "det_of_product") == [("det(S R)", "det(S)·det(R)")]
    assert_same_value(graph, {S: draw(30, 30) / 5, R: draw(30, 30) / 5}, relations="det_of_product")
    assert decisions(linalg.det(W @ V), "det_of_product") == []  # the factors are not square
    assert decisions(linalg.det(A @ B), "det_of_product") == []  # nor need these be


def test_det_over_itself() -> None:
    """What the gradient of log|det(P)| has in front of P⁻¹, where det(P) is positive."""
    X = pt.matrix("X", shape=(30, 40))
    K = X @ X.T + pt.eye(30)
    grad = pt.grad(log(K), X)
    new = kantor.rewrite(grad)
    values = {X: draw(30, 40)}
    np.testing.assert_allclose(*evaluate([new, grad], values), rtol=1e-9)
    assert "Det" not in ops(rewrite_graph(new, include=("canonicalize",)))
    # Of unknown sign it is its sign times its magnitude.
    other = pt.grad(log(S @ S + R), S)
    again = kantor.rewrite(other)
    assert "Det" not in ops(rewrite_graph(again, include=("canonicalize",)))
    values = {S: draw(30, 30), R: draw(30, 30)}
    np.testing.assert_allclose(*evaluate([again, other], values), rtol=1e-7)


def test_what_is_known_of_a_positive_determinant() -> None:
    X = pt.matrix("X", shape=(30, 3))
    K = X @ X.T + pt.eye(30)
    values = {X: draw(30, 3)}
    graphs = {"log": pt.log(linalg.det(K)), "sign": pt.sign(linalg.det(K)) * linalg.inv(K)}
    for graph in graphs.values():
        new = assert_same_value(graph, values)
        dense = [n for n in graph_of([new])[0].apply_nodes if "Det" in str(n.op)]
        assert all(n.inputs[0].type.shape == (3, 3) for n in dense)
    [(_, sign)] = rewritten(pt.sign(linalg.det(K)), "sign_of_definite")
    assert sign == "1"
    assert decisions(pt.sign(linalg.det(S)), "sign_of_definite") == []
    # Of unknown sign it has a logarithm at some values only.
    flipped = np.eye(30)
    flipped[0, 0] = -1
    low = pt.log(linalg.det(S + pt.outer(x, x)))
    assert np.isnan(evaluate(kantor.rewrite(low), {S: flipped, x: np.zeros(30)}))


def test_products_of_determinants_are_by_logarithms() -> None:
    """det(S) overflows and det(R) underflows where det(S R) is 1."""
    graph = linalg.det(S @ R)
    values = {S: 1e20 * np.eye(30), R: 1e-20 * np.eye(30)}
    assert evaluate(graph, values) == pytest.approx(1)
    assert np.isnan(evaluate(kantor.rewrite(graph, relations=OFF), values))
    assert evaluate(kantor.rewrite(graph), values) == pytest.approx(1)
    scaled = kantor.rewrite(linalg.det(c * S))
    assert evaluate(scaled, {c: 1e-20, S: 1e20 * np.eye(30)}) == pytest.approx(1)
    logs = pytensor.function([S, R], kantor.rewrite(log(S @ R)), mode="CVM")
    assert logs(values[S], values[R]) == pytest.approx(0)


def test_det_of_scaled() -> None:
    graph = linalg.det(c * S)
    assert rewritten(graph, "det_of_scaled") == [("det(c·S)", "c^30·det(S)")]
    assert_same_value(graph, {S: draw(30, 30) / 5, c: 0.9}, relations="det_of_scaled")
    dynamic = linalg.det(c * A)
    assert rewritten(dynamic, "det_of_scaled") == [("det(c·A)", "c^rows(A)·det(A)")]
    for n, value in ((3, -2.0), (1, 0.0), (0, 0.0)):
        assert_same_value(dynamic, {A: draw(n, n), c: value}, relations="det_of_scaled")
    # A vector scales rows, it is no coefficient.
    assert decisions(linalg.det(x * S), "det_of_scaled") == []


def test_det_of_inverse() -> None:
    graph = linalg.det(linalg.inv(A))
    assert rewritten(graph, "det_of_inverse") == [("det(A⁻¹)", "det(A)⁻¹")]
    new = assert_same_value(graph, {A: definite(4)}, relations="det_of_inverse")
    assert "MatrixInverse" not in ops(new)
    assert decisions(linalg.det(A.T), "det_of_inverse") == []


def test_logabsdet_of_product() -> None:
    graph = log(S @ R)
    assert rewritten(graph, "logabsdet_of_product") == [("log|S R|", "log|S| + log|R|")]
    new = assert_same_value(graph, {S: draw(30, 30), R: draw(30, 30)})
    assert "Dot" not in ops(new)
    assert decisions(log(W @ V), "logabsdet_of_product") == []
    assert decisions(log(A @ B), "logabsdet_of_product") == []


@pytest.mark.parametrize("spelling", ["slogdet", "log abs det"])
def test_logarithms_of_products_in_every_spelling(spelling: str) -> None:
    def of(x: Any) -> Any:
        return log(x) if spelling == "slogdet" else pt.log(pt.abs(linalg.det(x)))

    # A solve is a product with an inverse; -2 R is R and a coefficient.
    graph = of(linalg.solve(S, -2 * R.T))
    ((_, after),) = rewritten(graph)
    assert after == "30 log|-2| - log|S| + log|R|"
    assert_same_value(graph, {S: definite(30), R: draw(30, 30)})


def test_square_factors_may_be_implied() -> None:
    both = [log(A @ B), linalg.inv(A) @ x, linalg.inv(B) @ x]
    assert "log|A| + log|B|" in str(rewritten_all(both))


def rewritten_all(graphs: list[Any]) -> list[tuple[str, str]]:
    from kantor.api import graph_of
    from kantor.engine import Engine
    from relations.library import select

    fgraph, _ = graph_of(graphs)
    steps = Engine(select(None)[0]).decisions(fgraph, replace=False)
    return [
        (str(b), str(a))
        for s in steps
        if s.decision.taken
        for b, a in zip(s.before, s.after, strict=True)
    ]


def test_logabsdet_of_scaled() -> None:
    graph = log(c * A)
    expected = [("log|c·A|", "rows(A) log|c| + log|A|")]
    assert rewritten(graph, "logabsdet_of_scaled") == expected
    for n, value in ((3, -2.0), (0, 0.0), (0, -1.0)):
        assert_same_value(graph, {A: draw(n, n), c: value}, relations="logabsdet_of_scaled")
    assert decisions(log(x * S), "logabsdet_of_scaled") == []


def test_a_number_is_taken_in_double_precision() -> None:
    graph = log(10 * (S @ R))
    new = assert_same_value(graph, {S: np.eye(30), R: np.eye(30)})
    assert evaluate(new, {S: np.eye(30), R: np.eye(30)}) == pytest.approx(
        30 * np.log(10), rel=1e-15
    )


@pytest.mark.parametrize("value", [0.0, -3.0])
def test_gradients_of_powers_at_length_0(value: float) -> None:
    for graph, name in ((log(c * A), "logabsdet_of_scaled"), (linalg.det(c * A), "det_of_scaled")):
        new = kantor.rewrite(graph, relations=name)
        assert new is not graph
        found = evaluate(pt.grad(new, c), {A: np.zeros((0, 0)), c: value})
        assert found == 0


def test_logabsdet_of_inverse() -> None:
    graph = log(linalg.inv(A))
    assert rewritten(graph, "logabsdet_of_inverse") == [("log|A⁻¹|", "-log|A|")]
    new = assert_same_value(graph, {A: definite(4)}, relations="logabsdet_of_inverse")
    assert "MatrixInverse" not in ops(new)
    assert decisions(log(expm(A)), "logabsdet_of_inverse") == []


def expm(x: Any) -> Any:
    return linalg.expm(x)


@pytest.mark.parametrize("which", ["lower", "upper"])
def test_logabsdet_of_triangular(which: str) -> None:
    name = f"logabsdet_of_{which}_triangular"
    T = assume(S, **{f"{which}_triangular": True})
    graph = log(T)
    [step] = decisions(graph, name)
    assert step.relations == (name,)
    assert "Σ log|diagonal(" in str(step.after[0])
    value = (np.tril if which == "lower" else np.triu)(draw(30, 30) + 9 * np.eye(30))
    new = assert_same_value(graph, {S: value}, relations=name)
    assert "Det" not in ops(new)
    assert decisions(log(S), name) == []


def test_logabsdet_of_a_triangle_times_its_transpose() -> None:
    L = assume(S, lower_triangular=True)
    new = assert_same_value(log(L @ L.T), {S: np.tril(draw(30, 30) + 9 * np.eye(30))})
    assert not {"Det", "Dot", "Cholesky"} & set(ops(new))
    # A product of triangles that need not be square is none of square factors.
    M = assume(A, lower_triangular=True)
    assert kantor.rewrite(log(M @ M.T)).owner is not None
    assert_same_value(log(M @ M.T), {A: np.tril(draw(3, 5))})


def test_logabsdet_of_a_recomposed_factor() -> None:
    chol = linalg.cholesky(A)
    new = assert_same_value(log(chol @ chol.T), {A: definite(5)})
    assert ops(new).count("Cholesky") == 1
    assert not {"Det", "Dot"} & set(ops(new))


def test_logabsdet_of_positive_definite() -> None:
    [step] = decisions(log(P), DEFINITE)
    assert step.relations == (DEFINITE,)
    assert step.decision.why == "for all sizes"
    new = assert_same_value(log(P), {A: definite(5)}, relations=DEFINITE)
    assert ops(new).count("Cholesky") == 1 and "Det" not in ops(new)
    assert decisions(log(A), DEFINITE) == []
    assert decisions(log(assume(A, symmetric=True)), DEFINITE) == []


def test_a_factor_is_introduced_when_a_graph_is_compiled() -> None:
    """The gradient of a Cholesky factor is laid out in one triangle, and dearer than P⁻¹."""
    assert "Cholesky" not in ops(kantor.rewrite(log(P)))
    f = pytensor.function([A], log(P), mode=kantor.mode("CVM"))
    assert [type(n.op).__name__ for n in nodes(f)].count("Cholesky") == 1
    value = definite(5)
    np.testing.assert_allclose(f(value), np.linalg.slogdet(value)[1], rtol=1e-12)
    kantor.register()
    try:
        # As PyMC rewrites a log-density before it is differentiated.
        before = rewrite_graph(log(P), include=("canonicalize", "stabilize"), clone=True)
        assert "Cholesky" not in ops(before)
        f = pytensor.function([A], log(P), mode="CVM")
        assert [type(n.op).__name__ for n in nodes(f)].count("Cholesky") == 1
    finally:
        kantor.unregister()
    excluded = kantor.mode("CVM").excluding("kantor:after_gradients")
    names = [type(n.op).__name__ for n in nodes(pytensor.function([A], log(P), mode=excluded))]
    assert "Cholesky" not in names


def test_a_gram_matrix_need_not_be_positive_definite() -> None:
    """PyTensor takes X Xᵀ for positive definite; the Cholesky factor of this one is NaN."""
    X = pt.matrix("X", shape=(6, 3))
    value = draw(6, 3)
    for gram in (X @ X.T, X @ X.T + X @ X.T):
        assert "Cholesky" not in ops(kantor.rewrite(log(gram), relations=DEFINITE))
        assert pytensor.function([X], log(gram), mode=kantor.mode("CVM"))(value) < -50
    declared = log(assume(X.T @ X, positive_definite=True))
    assert "Cholesky" in ops(kantor.rewrite(declared, relations=DEFINITE))
    names = [
        type(n.op).__name__
        for n in nodes(pytensor.function([X], declared, mode=kantor.mode("CVM")))
    ]
    assert "SLogDet" in names  # the declaration cannot be told from the rule once it is drained


def nodes(function: Any) -> list[Any]:
    return [n for n in function.maker.fgraph.toposort()]


def test_the_gradient_of_a_definite_matrix_is_that_of_symmetric_directions() -> None:
    """A Cholesky factor is differentiated in one triangle: only the layout is another."""
    value, direction = definite(5), draw(5, 5)
    direction += direction.T
    before, after = (
        evaluate(pt.grad(g, A), {A: value})
        for g in (log(P), kantor.rewrite(log(P), relations=DEFINITE))
    )
    np.testing.assert_allclose((after * direction).sum(), (before * direction).sum(), rtol=1e-9)
    np.testing.assert_allclose(after, np.tril(before) + np.tril(before, -1), rtol=1e-9, atol=1e-12)


def test_the_gradient_of_what_a_definite_matrix_depends_on() -> None:
    theta = pt.scalar("theta")
    K = assume(pt.exp(-theta * A) + pt.eye(6), positive_definite=True)
    distances = (np.arange(6.0)[:, None] - np.arange(6.0)) ** 2
    logp = -0.5 * x[:6] @ linalg.inv(K) @ x[:6] - 0.5 * log(K)
    values = {theta: 0.7, A: distances, x: draw(30)}
    before, after = (
        evaluate(pt.grad(g, theta), values)
        for g in (logp, kantor.rewrite(logp, relations=("determinants", "quadratic_forms")))
    )
    np.testing.assert_allclose(after, before, rtol=1e-9)


def test_one_factorization_for_a_gaussian_density() -> None:
    M = pt.matrix("M", shape=(30, 30))
    K = assume(M, positive_definite=True)
    logp = -0.5 * x @ linalg.inv(K) @ x - 0.5 * log(K)
    f = pytensor.function([M, x], logp, mode=kantor.mode("CVM"))
    names = [type(n.op).__name__ for n in nodes(f)]
    assert names.count("Cholesky") == 1
    assert not {"SLogDet", "Det", "MatrixInverse", "Solve"} & set(names)
    m, v = definite(30), draw(30)
    true = -0.5 * v @ np.linalg.solve(m, v) - 0.5 * np.linalg.slogdet(m)[1]
    np.testing.assert_allclose(f(m, v), true, rtol=1e-9)


def test_what_a_transpose_shares() -> None:
    assert rewritten(log(S.T @ S)) == [("log|Sᵀ S|", "log|S| + log|S|")]
    new = assert_same_value(log(S.T @ S), {S: draw(30, 30)})
    assert ops(new).count("Det") == 1


@pytest.mark.parametrize("name", ["kron", "block_diag"])
@pytest.mark.parametrize("of", ["det", "log", "trace", "diagonal"])
def test_factors_that_are_not_square(name: str, of: str) -> None:
    """PyTensor's own rules are wrong here; nothing of ours may be."""
    functions = {"det": linalg.det, "log": log, "trace": pt.trace, "diagonal": pt.diag}
    graph = functions[of](getattr(linalg, name)(A, B))
    values = {A: draw(2, 6), B: draw(6, 2)}
    new = kantor.rewrite(graph)
    before, after = (
        pytensor.function([A, B], g, mode=PLAIN)(values[A], values[B]) for g in (graph, new)
    )
    np.testing.assert_array_equal(after, before)


def test_a_large_kronecker_product_does_not_overflow() -> None:
    """PyTensor's first phase multiplies the determinants: a mode comes too late, a rewrite not."""
    graph = log(linalg.kron(10 * S, 10 * R))
    values = {S: np.eye(30), R: np.eye(30)}
    new = kantor.rewrite(graph)
    found = pytensor.function([S, R], new, mode="CVM")(values[S], values[R])
    np.testing.assert_allclose(found, 900 * np.log(100), rtol=1e-12)
