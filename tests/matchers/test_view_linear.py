"""Reading is linear in the graph, and nothing recurses on its depth."""

from __future__ import annotations

import time
from typing import Any

import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg

import kantor
from kantor.api import graph_of
from matchers import vocabulary as v
from matchers.traversal import subterms
from matchers.view import View

A = pt.matrix("A")
x = pt.vector("x")
c = pt.scalar("c")


def timed(run: Any) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


TOWERS = {"add": lambda z: z + z, "mul": lambda z: z * z, "dot": lambda z: z @ z}


def tower(kind: str, levels: int) -> Any:
    z: Any = A
    for _ in range(levels):
        z = TOWERS[kind](z)
    return z


@pytest.mark.parametrize("kind", TOWERS)
def test_towers_are_linear(kind: str) -> None:
    fgraph, _ = graph_of([tower(kind, 30)])
    view = View(fgraph)

    def use() -> None:
        term = view.term(fgraph.outputs[0])
        assert len(term.args) == 2
        assert len(subterms(v.transpose(term))) < 200
        assert len(str(term)) < 2000

    assert timed(use) < 2


@pytest.mark.parametrize("kind", ["add", "mul"])
def test_rewriting_a_tower(kind: str) -> None:
    assert timed(lambda: kantor.rewrite(tower(kind, 30) @ x)) < 5


def test_rewriting_a_tower_of_products() -> None:
    assert timed(lambda: kantor.rewrite(tower("dot", 30) @ x)) < 5


@pytest.mark.parametrize("core", ["matrix", "scalar"])
def test_towers_without_a_graph_are_linear(core: str) -> None:
    z, view = (A, View()) if core == "matrix" else (c, None)
    for _ in range(10):
        z = z * z
    if view is None:
        fgraph, _ = graph_of([z])
        view, (z,) = View(fgraph), fgraph.outputs
    assert len(view.term(z).args) < 100


STEPS = {
    "transpose": lambda z: z.T, "inv": linalg.inv, "neg": pt.neg,
    "dot": lambda z: A @ z, "add": lambda z: A + z,
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "n"),
    [
        ("transpose", 5000), ("inv", 1500), ("neg", 5000),
        ("dot", 5000), ("add", 5000),
    ],
)  # fmt: skip
def test_deep_chains_are_linear_and_do_not_recurse(kind: str, n: int) -> None:
    z: Any = A
    for _ in range(n):
        z = STEPS[kind](z)
    fgraph, _ = graph_of([z])
    view = View(fgraph)

    def use() -> None:
        term = view.term(fgraph.outputs[0])
        str(term), str(v.transpose(term)), v.rebuild(term, lambda a: a)

    assert timed(use) < 1e-3 * n
    assert timed(lambda: view.term(fgraph.outputs[0]).evaled_obj) < 20
