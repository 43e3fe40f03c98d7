"""Determinants of several factors, of similar matrices, and the gradient of a log-determinant."""

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

RNG = np.random.default_rng(20261201)


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


def log(x: Any) -> Any:
    return linalg.slogdet(x)[1]


A, B = pt.matrices("A", "B")
S, R = pt.matrix("S", shape=(30, 30)), pt.matrix("R", shape=(30, 30))
W, V = pt.matrix("W", shape=(30, 40)), pt.matrix("V", shape=(40, 30))
c = pt.scalar("c")
Q = assume(A, orthogonal=True)
VALUES = {S: draw(30, 30) / 5, R: draw(30, 30) / 5}


def both(graphs: list[Any]) -> list[str]:
    """What two outputs of one region become."""
    from kantor.api import graph_of
    from kantor.engine import Engine
    from relations.library import select

    fgraph, _ = graph_of(graphs)
    steps = Engine(select(None)[0]).decisions(fgraph, replace=False)
    return [str(t) for s in steps if s.decision.taken for t in s.after]


OF_PRODUCT = ("det_by_logarithm", "sign_of_product", "logabsdet_of_product")


def test_a_determinant_of_a_product() -> None:
    graph = linalg.det(S @ R)
    assert rewritten(graph, OF_PRODUCT) == [("det(S R)", "sgn|S|·sgn|R|·e^(log|S| + log|R|)")]
    new = assert_same_value(graph, VALUES)
    assert "Dot" not in ops(new) and ops(new).count("SignedLogDet") == 2
    assert rewritten(linalg.det(W @ V), OF_PRODUCT) == []
    assert rewritten(linalg.det(A @ B), OF_PRODUCT) == []


@pytest.mark.parametrize("scale", [1e20, 1e-20])
def test_a_factor_may_be_out_of_range(scale: float) -> None:
    """det(S) is infinite or 0 where det(S R) is 1."""
    values = {S: scale * np.eye(30), R: np.eye(30) / scale}
    graph = linalg.det(S @ R)
    np.testing.assert_allclose(evaluate(kantor.rewrite(graph), values), 1, rtol=1e-12)
    f = pytensor.function([S, R], graph, mode=kantor.mode("CVM"))
    np.testing.assert_allclose(f(values[S], values[R]), 1, rtol=1e-12)


def test_a_determinant_that_is_zero() -> None:
    for a in (np.zeros((30, 30)), np.diag([0.0, *[1.0] * 29])):
        assert evaluate(kantor.rewrite(linalg.det(S @ R)), {S: a, R: VALUES[R]}) == 0
    graphs = kantor.rewrite([linalg.det(c * S), linalg.det(S)])
    for value in (0.0, -1.5):
        found = evaluate(graphs, {S: VALUES[S], c: value})
        np.testing.assert_allclose(found[0], np.linalg.det(value * VALUES[S]), rtol=1e-9)


def test_gradients_of_a_product() -> None:
    graph = linalg.det(S @ R)
    before, after = (evaluate(pt.grad(g, [S, R]), VALUES) for g in (graph, kantor.rewrite(graph)))
    for x, y in zip(before, after, strict=True):
        np.testing.assert_allclose(y, x, rtol=1e-9)


def test_one_factorization_of_a_matrix_and_its_multiple() -> None:
    graphs = [linalg.det(c * A), linalg.det(A)]
    assert both(graphs) == [
        "sgn(c)^rows(A)·sgn|A|·e^(rows(A) log|c| + log|A|)", "sgn|A|·e^(log|A|)",
    ] or all("sgn|A|" in t for t in both(graphs))  # fmt: skip
    new = kantor.rewrite(graphs)
    for n, value in ((3, -2.0), (4, -2.0), (1, 0.5)):
        values = {A: draw(n, n), c: value}
        np.testing.assert_allclose(evaluate(new, values), evaluate(graphs, values), rtol=1e-9)
    # Alone there is nothing to share.
    assert kantor.rewrite(linalg.det(A)).owner.op == linalg.det(A).owner.op


def test_one_determinant_of_a_matrix_and_its_transpose() -> None:
    new = kantor.rewrite([linalg.det(S.T), linalg.det(S)])
    f = pytensor.function([S], new, mode="CVM")
    assert [type(n.op).__name__ for n in f.maker.fgraph.toposort()].count("Det") == 1
    np.testing.assert_allclose(f(VALUES[S]), [np.linalg.det(VALUES[S])] * 2)


def test_one_inverse_of_a_matrix_and_its_multiple() -> None:
    for graphs in ([linalg.inv(c * A), linalg.inv(A)], [linalg.inv(A.T / 2), linalg.inv(A)]):
        f = pytensor.function([A, c], graphs, mode=kantor.mode("CVM"), on_unused_input="ignore")
        names = [type(getattr(n.op, "core_op", n.op)).__name__ for n in f.maker.fgraph.toposort()]
        assert names.count("MatrixInverse") == 1
        value = draw(5, 5) + 9 * np.eye(5)
        for x, y in zip(f(value, 1.5), evaluate(graphs, {A: value, c: 1.5}), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-9)


def test_det_of_rotated() -> None:
    assert rewritten(linalg.det(Q @ B @ Q.T), "det_of_rotated") == [("det(A B Aᵀ)", "det(B)")]
    assert rewritten(linalg.det(2 * (Q.T @ B @ Q)), "det_of_rotated") == [
        ("det(2·Aᵀ B A)", "det(2·B)")
    ]
    value = np.linalg.qr(draw(5, 5))[0]
    assert_same_value(linalg.det(Q @ B @ Q.T), {A: value, B: draw(5, 5)})
    assert decisions(linalg.det(A @ B @ A.T), "det_of_rotated") == []
    assert rewritten(log(Q @ B), "logabsdet_of_rotated") == [("log|A B|", "log|B|")]
    assert rewritten(log(B @ Q), "logabsdet_of_rotated_right") == [("log|B A|", "log|B|")]


def test_det_of_similar() -> None:
    names = ("det_of_similar", "det_of_similar_from_the_left")
    values = {A: draw(5, 5) + 9 * np.eye(5), B: draw(5, 5)}
    for graph in (A @ B @ linalg.inv(A), linalg.solve(A, B @ A)):
        ((_, after),) = rewritten(linalg.det(graph), names)
        assert after == "det(B)"
        assert_same_value(linalg.det(graph), values)
        assert_same_value(log(graph), values)
    assert all(not s.moves for s in decisions(linalg.det(A.T @ B @ linalg.inv(A)), names))


def nodes(graph: Any, *inputs: Any) -> list[str]:
    f = pytensor.function(list(inputs), graph, mode=kantor.mode("CVM"))
    return [type(getattr(n.op, "core_op", n.op)).__name__ for n in f.maker.fgraph.toposort()]


def test_the_gradient_of_a_logarithm_needs_no_determinant() -> None:
    graph = pt.grad(-0.5 * log(A), A)
    assert "Det" not in nodes(graph, A) and "SLogDet" not in nodes(graph, A)
    for value in (draw(5, 5), -np.eye(3)):
        f = pytensor.function([A], graph, mode=kantor.mode("CVM"))
        np.testing.assert_allclose(f(value), -0.5 * np.linalg.inv(value).T, rtol=1e-9)
    # A single sign stays.
    assert "SLogDet" in nodes(linalg.slogdet(A)[0] * linalg.inv(A), A) or "Det" in nodes(
        linalg.slogdet(A)[0] * linalg.inv(A), A
    )


def test_no_determinant_for_a_logarithm_and_its_gradient() -> None:
    P = assume(A, positive_definite=True)
    graphs = [log(P), pt.grad(log(P), A)]
    found = nodes(graphs, A)
    assert found.count("Cholesky") == 1
    assert not {"SLogDet", "Det"} & set(found)
    x = draw(6, 6)
    value = x @ x.T + np.eye(6)
    f = pytensor.function([A], graphs, mode=kantor.mode("CVM"))
    logarithm, gradient = f(value)
    np.testing.assert_allclose(logarithm, np.linalg.slogdet(value)[1])
    np.testing.assert_allclose(gradient, np.linalg.inv(value), rtol=1e-9)


def test_determinants_and_traces_of_a_batch() -> None:
    M, N = pt.tensor3("M", shape=(3, 6, 6)), pt.tensor3("N", shape=(3, 6, 6))
    values = {M: draw(3, 6, 6), N: draw(3, 6, 6)}
    for graph in (
        linalg.det(M @ N),
        log(M @ N),
        pt.diagonal(M @ N, axis1=-2, axis2=-1).sum(-1),
        (M @ N).sum((1, 2)),
        2 * log(M @ N) + log(3 * M),
    ):
        new = assert_same_value(graph, values)
        assert not {"SignedLogDet", "Dot"} <= set(ops(new)) and new is not graph
    # One number for each member is no vector: its sum is over the batch.
    assert_same_value(linalg.det(M @ N).sum(), values)
    assert_same_value(linalg.det(M @ N)[:, None] * M[:, 0], values)


def test_a_batch_of_identities() -> None:
    M, v = pt.tensor3("M", shape=(3, 6, 6)), pt.vector("v", shape=(6,))
    values = {M: draw(3, 6, 6) + 9 * np.eye(6), v: draw(6)}
    for graph in (linalg.solve(M, M), linalg.inv(M) @ (M @ v[:, None]), M @ linalg.inv(M)):
        new = assert_same_value(graph, values)
        assert not {"Solve", "MatrixInverse"} & set(ops(new))
