"""What the Ops of a graph may bring in: a no must never contradict an inference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.assumptions import KEY_REGISTRY, FactState
from pytensor.assumptions.core import register_assumption
from pytensor.graph.fg import FunctionGraph
from pytensor.tensor import linalg
from pytensor.tensor.linalg.products import Expm

import kantor
from matchers import evidence
from matchers.assumptions import Facts
from matchers.evidence import Evidence
from matchers.properties import declare
from matchers.regions import regions
from tests.kantor.random_graphs import Expressions

A, B = pt.matrix("A", shape=(4, 4)), pt.matrix("B", shape=(4, 4))
x = pt.vector("x", shape=(4,))


def of(*outputs: Any) -> Evidence:
    fgraph = FunctionGraph(outputs=list(outputs), clone=False)
    (first, *_) = regions(fgraph)
    assert first.evidence is not None
    return first.evidence


@pytest.mark.parametrize(
    ("graph", "key", "possible"),
    [
        (linalg.inv(A @ B) @ x, "orthogonal", False),
        (linalg.inv(linalg.qr(A)[0] @ B), "orthogonal", True),
        (linalg.inv(kantor.assume(A, permutation=True) @ B), "orthogonal", True),
        (linalg.inv(A @ pt.constant(np.eye(4)[[1, 0, 3, 2]])), "orthogonal", True),
        (linalg.inv(A * pt.constant(np.ones((1, 1)))) @ B, "permutation", False),
        (linalg.inv(A @ B) @ x, "circulant", False),
        (linalg.inv(A * B + pt.eye(4)) @ x, "circulant", False),
        (linalg.inv(pt.exp(-pt.arange(4)[:, None] + pt.arange(4))) @ B, "toeplitz", True),
        (linalg.inv(A @ B) @ x, "positive_definite", True),  # as a solver may promise
    ],
)
def test_what_may_be(graph: Any, key: str, possible: bool) -> None:
    assert of(graph).possible(key) is possible


def test_a_rule_of_another_library_is_heard() -> None:
    graph = linalg.inv(linalg.expm(A) @ B)
    assert not of(graph).possible("orthogonal")
    key = KEY_REGISTRY["orthogonal"]

    def skew(key: Any, op: Any, *_: Any) -> list[FactState]:
        return [FactState.TRUE]

    rules = register_assumption(key, Expm)
    try:
        rules(skew)
        assert of(graph).possible("orthogonal")
    finally:
        del evidence.ASSUMPTION_INFER_REGISTRY[key, Expm]


def test_a_no_is_never_proved() -> None:
    """Of random graphs: what is inferred of any variable is possible."""
    declare()
    told = 0
    for seed in range(200):
        graph = Expressions(seed).matrix(3, "n", "n")
        fgraph = FunctionGraph(outputs=[graph], clone=False)
        found = next(iter(regions(fgraph)), None)
        if found is None or found.evidence is None:
            continue
        facts = Facts(fgraph)
        matrices = [v for n in fgraph.apply_nodes for v in n.outputs if v.type.ndim == 2]
        for key in ("orthogonal", "permutation", "circulant", "toeplitz", "diagonal"):
            if not found.evidence.possible(key):
                told += 1
                assert not any(facts.proved(v, key) for v in matrices)
    assert told > 10
