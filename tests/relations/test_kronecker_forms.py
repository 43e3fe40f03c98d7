"""Kronecker products in every spelling, and in gradients taken before Kantor sees the graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode
from pytensor.graph.traversal import explicit_graph_inputs
from pytensor.tensor import linalg

import kantor
from tests.support import evaluate

RNG = np.random.default_rng(11)
PYTHON = Mode("py")
m, n, k = 6, 5, 4

A, B, C, M, V = (pt.matrix(name) for name in ("A", "B", "C", "M", "V"))
T, Z = pt.tensor3("T"), pt.tensor3("Z")
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


def values(graph: Any) -> dict[Any, Any]:
    length = m * n * (k if C in set(explicit_graph_inputs([graph])) else 1)
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
        v: draw(size=length),
        s: np.asarray(1.7),
    }


def assert_structured(graph: Any) -> None:
    """The compiled graph has no Kronecker product, and the value of the plain one."""
    inputs = list(explicit_graph_inputs([graph]))
    given = values(graph)
    f = pytensor.function(inputs, graph, mode=kantor.mode(PYTHON))
    assert not [x for x in f.maker.fgraph.apply_nodes if "Kronecker" in str(x.op)]
    expected = evaluate(graph, given)
    found = f(*(given[i] for i in inputs))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [*FORMS, *BATCHED])
def test_forward(name: str) -> None:
    assert_structured({**FORMS, **BATCHED}[name])


@pytest.mark.parametrize("wrt", [A, v], ids=["A", "v"])
@pytest.mark.parametrize("name", FORMS)
def test_gradients_of_the_plain_graph(name: str, wrt: Any) -> None:
    graph = FORMS[name]
    if wrt in set(explicit_graph_inputs([graph])):
        assert_structured(pt.grad((graph**2).sum(), wrt))
