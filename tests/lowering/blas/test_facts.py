"""What PyTensor and Kantor are told of what the Ops make, and what they are not told."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
import pytest
from pytensor.assumptions import KEY_REGISTRY, check_assumption
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.replace import vectorize_graph

from lowering.blas import potri, syr2k, syrk, trmm

X, Y = pt.dmatrices("X", "Y")
SYMMETRIC, SEMIDEFINITE, DEFINITE = "symmetric", "positive_semidefinite", "positive_definite"
TRUE = {
    "syrk": (syrk(X), {SYMMETRIC, SEMIDEFINITE}),
    "syr2k": (syr2k(X, Y), {SYMMETRIC}),
    "trmm": (trmm(X, Y), set()),
    "potri": (potri(X), {SYMMETRIC, SEMIDEFINITE, DEFINITE}),
}


def known(out: Any) -> set[str]:
    fgraph = FunctionGraph(outputs=[out], clone=False)
    keys = (SYMMETRIC, SEMIDEFINITE, DEFINITE)
    return {name for name in keys if check_assumption(fgraph, out, KEY_REGISTRY[name])}


@pytest.mark.parametrize("name", TRUE)
def test_one_and_a_batch(name: str) -> None:
    out, expected = TRUE[name]
    assert known(out) == expected
    batch = vectorize_graph(out, {X: pt.dtensor3("batch")})
    assert known(batch) == expected
