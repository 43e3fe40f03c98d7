"""Kronecker products in every spelling, and in gradients taken before Kantor sees the graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.builders import OpFromGraph
from pytensor.compile.mode import Mode
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.traversal import explicit_graph_inputs
from pytensor.tensor import linalg

import kantor
from tests.support import assert_same_value, evaluate, ops

RNG = np.random.default_rng(11)
PYTHON = Mode("py")
m, n, k = 6, 5, 4

A, B, C, M, V = (pt.matrix(name) for name in ("A", "B", "C", "M", "V"))
T, Z = pt.tensor3("T"), pt.tensor3("Z")
W = pt.tensor4("W")
v, s = pt.vector("v"), pt.scalar("s")
K = linalg.kron(A, B)
K3 = linalg.kron(linalg.kron(A, B), C)
KT = pt.vectorize(linalg.kron, "(a,b),(c,d)->(e,f)")(T, B)
FORMS = {
    "K v": K @ v,
    "Kᵀ v": K.T @ v,
    "vᵀ K": v @ K,
    "s K v": s * K @ v,
    "-2 (K v)": -2 * (K @ v),
    "(s A ⊗ B) v": linalg.kron(s * A, B) @ v,
    "K M": K @ M,
    "Kᵀ M": K.T @ M,
    "K⁻¹ v, solved": linalg.solve(K, v),
    "K⁻¹ M, solved": linalg.solve(K, M),
    "K⁻ᵀ v, solved": linalg.solve(K.T, v),
    "K⁻¹ v": linalg.inv(K) @ v,
    "(s K)⁻¹ v": linalg.inv(s * K) @ v,
    "vᵀ K v": v @ K @ v,
    "-½ vᵀ K⁻¹ v": -0.5 * v @ linalg.inv(K) @ v,
    "K v for many v": (K @ V.T).T,
    "three factors": K3 @ v,
    "three factors, solved": linalg.solve(K3, v),
    "three factors, M": K3 @ M,
}
BATCHED = {
    "K Z": K @ Z,
    "batch of K": (KT @ V[:, :, None])[:, :, 0],
    "batch of K, solved": linalg.solve(KT, V, b_ndim=1),
}
# One K for all members of a batch: its gradient is a sum over the batch.
SUMMED = {
    "K Z": K @ Z,
    "Kᵀ Z": K.T @ Z,
    "s K Z": s * K @ Z,
    "Zᵀ K": Z.mT @ K,
    "K W, two batch axes": K @ W,
    "Zᵀ K Z": Z.mT @ K @ Z,
    "K Z for columns of a batch": (K @ V[:, :, None])[:, :, 0],
    "K v, vectorized": pt.vectorize(lambda x: K @ x, "(n)->(m)")(V),
    "K⁻¹ Z, solved": linalg.solve(K, Z),
    "K⁻¹ v, solved for many v": linalg.solve(K, V, b_ndim=1),
}


def values(*graphs: Any) -> dict[Any, Any]:
    length = m * n * (k if C in set(explicit_graph_inputs(graphs)) else 1)
    draw = RNG.normal
    a = draw(size=(m, m)) + m * np.eye(m)
    return {
        A: a,
        B: draw(size=(n, n)) + n * np.eye(n),
        C: draw(size=(k, k)) + k * np.eye(k),
        M: draw(size=(length, 3)),
        V: draw(size=(2, length)),
        T: np.stack([a, a + 1]),
        Z: draw(size=(2, length, 3)),
        W: draw(size=(2, 4, length, 3)),
        v: draw(size=length),
        s: np.asarray(1.7),
    }


def assert_structured(*graphs: Any, mode: Any = PYTHON) -> None:
    """The compiled graph has no Kronecker product, and the values of the plain one."""
    inputs = list(explicit_graph_inputs(graphs))
    given = values(*graphs)
    f = pytensor.function(inputs, list(graphs), mode=kantor.mode(mode))
    assert not [x for x in f.maker.fgraph.apply_nodes if _kronecker(x)]
    for found, expected in zip(
        f(*(given[i] for i in inputs)), evaluate(list(graphs), given), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def _kronecker(node: Any) -> bool:
    """Whether a node makes a Kronecker product, or is the pullback of one."""
    return "Kronecker" in str(node.op) or type(node.op) is OpFromGraph


@pytest.mark.parametrize("name", [*FORMS, *BATCHED])
def test_forward(name: str) -> None:
    assert_structured({**FORMS, **BATCHED}[name])


@pytest.mark.parametrize("wrt", [A, v], ids=["A", "v"])
@pytest.mark.parametrize("name", FORMS)
def test_gradients_of_the_plain_graph(name: str, wrt: Any) -> None:
    graph = FORMS[name]
    if wrt in set(explicit_graph_inputs([graph])):
        assert_structured(pt.grad((graph**2).sum(), wrt))


LOSSES = {"sum": lambda x: x.sum(), "squares": lambda x: pt.sqr(x).sum()}


@pytest.mark.parametrize("wrt", [A, B], ids=["A", "B"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", SUMMED)
def test_gradients_that_are_summed_over_a_batch(name: str, loss: str, wrt: Any) -> None:
    assert_structured(pt.grad(LOSSES[loss](SUMMED[name]), wrt))


@pytest.mark.parametrize("name", SUMMED)
def test_a_batch_forward(name: str) -> None:
    assert_structured(LOSSES["squares"](SUMMED[name]))


@pytest.mark.parametrize("name", SUMMED)
def test_a_batch_forward_and_backward(name: str) -> None:
    value = LOSSES["squares"](SUMMED[name])
    assert_structured(value, *pt.grad(value, [A, B]))


@pytest.mark.parametrize("mode", ["CVM", "NUMBA"])
def test_a_batch_compiled(mode: str) -> None:
    value = pt.tanh(K @ Z).sum()
    assert_structured(value, *pt.grad(value, [A, B]), mode=mode)


@pytest.mark.parametrize("wrt", [A, B], ids=["A", "B"])
@pytest.mark.parametrize("batch", [0, 1, 3])
def test_gradients_of_factors_that_are_not_square(batch: int, wrt: Any) -> None:
    graph = pt.grad(pt.sqr(K @ Z).sum(), wrt)
    draw = RNG.normal
    given = {A: draw(size=(3, 2)), B: draw(size=(4, 5)), Z: draw(size=(batch, 10, 2))}
    new = assert_same_value(graph, given)
    assert not {"KroneckerProduct", "OpFromGraph"} & set(ops(new))


def test_no_intermediate_is_larger_than_the_operands() -> None:
    """The sum of G Zᵀ over the batch has as many entries as K."""
    graph = pt.grad(pt.sqr(K @ Z).sum(), A)
    given = {A: np.ones((m, m)), B: np.ones((n, n)), Z: np.ones((2, m * n, 3))}
    new = kantor.rewrite(graph)
    fgraph = FunctionGraph(outputs=[new], clone=False)
    made = [x for node in fgraph.toposort() for x in node.outputs]
    assert max(np.size(x) for x in evaluate(made, given)) == given[Z].size
