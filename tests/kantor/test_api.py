"""`rewrite`: the same structure, names and types, usable wherever the graph was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg
from pytensor.tensor.random.utils import RandomStream

import kantor
from kantor.api import graph_of
from tests.support import PLAIN, evaluate, ops

RNG = np.random.default_rng(20261202)
A, B = pt.matrices("A", "B")
v, w = pt.vectors("v", "w")
K = linalg.kron(A, B)


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


VALUES = {A: draw(2, 3), B: draw(4, 5), v: draw(15), w: draw(8)}


def test_one_and_several() -> None:
    assert isinstance(kantor.rewrite(K @ v), pt.TensorVariable)
    assert isinstance(kantor.rewrite([K @ v]), list)
    assert isinstance(kantor.rewrite((K @ v, v)), list)
    assert kantor.rewrite([]) == []


def test_outputs_that_are_inputs_constants_or_repeated() -> None:
    one, product = pt.constant(1.0), K @ v
    new = kantor.rewrite([v, one, product, product, A])
    assert new[0] is v and new[1] is one and new[4] is A
    assert new[2] is new[3] is not product
    assert kantor.rewrite(v) is v and kantor.rewrite(one) is one


@pytest.mark.parametrize("outputs", [[3], [None], ["A"], [K @ v, np.eye(2)]])
def test_what_is_no_variable(outputs: list[Any]) -> None:
    with pytest.raises(TypeError, match="kantor takes PyTensor variables, not "):
        kantor.rewrite(outputs)
    with pytest.raises(TypeError):
        kantor.rewrite(3)


def test_what_is_no_relation() -> None:
    with pytest.raises(ValueError, match="did you mean kron_matvec"):
        kantor.rewrite(K @ v, relations="kron_matvek")


def test_names_and_types_are_kept() -> None:
    rows, cols = pt.matrix("rows", shape=(1, None)), pt.matrix("cols", shape=(None, 1))
    fixed = pt.matrix("fixed", shape=(6, 1))
    graphs = [
        K @ v, w @ K, linalg.kron(rows, B) @ v, K @ cols, linalg.kron(rows, cols) @ v[:, None],
        linalg.solve(linalg.kron(pt.matrix(shape=(2, 2)), pt.matrix(shape=(3, 3))), fixed),
        linalg.kron(A, B).sum(), linalg.inv(A) @ A,
        pt.matmul(pt.tensor3("T"), K) @ v,
    ]  # fmt: skip
    for i, graph in enumerate(graphs):
        graph.name = f"g{i}"
        new = kantor.rewrite(graph)
        assert new.type == graph.type, graph
        assert new.type.broadcastable == graph.type.broadcastable
        assert new.name == graph.name


def test_variables_of_the_caller_keep_their_names() -> None:
    inner = pt.exp(v)
    graph = linalg.inv(A) @ A @ inner
    graph.name = "y"
    kantor.rewrite(graph)
    assert inner.name is None and graph.name == "y" and v.name == "v"


def test_the_graph_of_the_caller_is_left_alone() -> None:
    graph = K @ v
    before = pytensor.dprint(graph, file="str")
    new = kantor.rewrite(graph)
    assert pytensor.dprint(graph, file="str") == before
    assert set(pytensor.graph.traversal.explicit_graph_inputs([new])) == {A, B, v}


@pytest.mark.parametrize("dtype", ["float32", "complex128", "int64"])
def test_dtypes_are_kept(dtype: str) -> None:
    X, Y = (pt.matrix(name, dtype=dtype) for name in "XY")
    x = pt.vector("x", dtype=dtype)
    graph = linalg.kron(X, Y) @ x
    new = kantor.rewrite(graph)
    assert new is not graph and new.type == graph.type
    values = {z: (5 * draw(*s)).astype(dtype) for z, s in [(X, (2, 3)), (Y, (4, 5)), (x, (15,))]}
    before, after = evaluate([graph, new], values)
    assert before.dtype == after.dtype == dtype
    np.testing.assert_allclose(after, before, rtol=1e-4 if dtype == "float32" else 1e-9)


def test_before_and_after_the_gradient() -> None:
    cost = (linalg.solve(linalg.kron(A, B), v) ** 2).sum()
    values = {A: draw(3, 3) + 5 * np.eye(3), B: draw(4, 4) + 5 * np.eye(4), v: draw(12)}
    plain = pt.grad(cost, [A, B, v])
    first = pt.grad(kantor.rewrite(cost), [A, B, v])
    then = kantor.rewrite(plain)
    for a, b, c in zip(*(evaluate(g, values) for g in (plain, first, then)), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(c, a, rtol=1e-8, atol=1e-12)


def test_shared_variables_and_updates() -> None:
    S = pytensor.shared(draw(2, 3), "S")
    count = pytensor.shared(0, "count")
    graph = linalg.kron(S, B) @ v
    new = kantor.rewrite([graph, count + 1])
    assert new[0] is not graph
    f = pytensor.function([B, v], new[0], updates={count: new[1], S: 2 * S}, mode=PLAIN)
    want = np.kron(S.get_value(), VALUES[B]) @ VALUES[v]
    np.testing.assert_allclose(f(VALUES[B], VALUES[v]), want)
    np.testing.assert_allclose(f(VALUES[B], VALUES[v]), 2 * want)
    assert count.get_value() == 2


def test_random_variables_keep_their_generators() -> None:
    noise = RandomStream(seed=1).normal(size=(15,))
    graph = K @ noise
    new = kantor.rewrite(graph)
    assert new is not graph
    assert ops(new).count("NormalRV") == 1
    assert noise in pytensor.graph.traversal.ancestors([new])


def test_what_is_not_rewritten_stays_node_for_node() -> None:
    kept = pt.exp(linalg.inv(A)) @ pt.tanh(w)
    new = kantor.rewrite([K @ v, kept + (K @ v).sum()])
    assert new[1] is not kept
    assert kept in pytensor.graph.traversal.ancestors([new[1]])


def test_two_outputs_share_what_they_share() -> None:
    solved = linalg.solve(linalg.kron(A, B), v)
    graphs = [solved, solved @ solved]
    new = kantor.rewrite(graphs)
    nodes = graph_of(new)[0].toposort()
    kinds = [type(getattr(n.op, "core_op", n.op)).__name__ for n in nodes]
    assert kinds.count("Solve") == 2


def test_the_graph_of_copies() -> None:
    graph = pt.exp(K) @ v
    fgraph, originals = graph_of([graph, v])
    assert fgraph.inputs and set(fgraph.inputs) == {A, B, v}
    assert fgraph.outputs[0] is not graph and fgraph.outputs[1] is v
    assert originals[fgraph.outputs[0]] is graph


@pytest.mark.parametrize("sizes", [{v: 5}, {A: (1, 2, 3)}, {"A": (2, 2)}, 7])
def test_wrong_sizes_are_refused(sizes: Any) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises((TypeError, ValueError)):
            kantor.rewrite(K @ v, sizes=sizes)
