"""The public contract: one answer everywhere, switched on and off, explained and deterministic."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.builders import OpFromGraph
from pytensor.compile.mode import get_mode
from pytensor.graph.replace import clone_replace
from pytensor.graph.traversal import explicit_graph_inputs
from pytensor.tensor import linalg

import kantor
from kantor import matrices, relation
from kantor.checking import Problem, near_misses, readings
from matchers.vocabulary import kron_adjoint_left, kron_adjoint_right
from relations.library import library
from tests.support import ops

ROOT = Path(__file__).resolve().parent.parent
RNG = np.random.default_rng(5)
(A_, B_) = matrices("A_ B_")


@relation(tags="user", cites="SPORES, VLDB 2020")
def total_of_product(A_, B_):
    """Σ(A B) = (1ᵀ A) (B 1)."""
    ones = kantor.ones
    return kantor.total(A_ @ B_), kantor.item(ones(A_.rows).T @ A_ @ B_ @ ones(B_.cols))


A, B, C = (pt.matrix(n, dtype="float32") for n in "ABC")
v = pt.vector("v", dtype="float32")
GRAPHS = {
    "kron": linalg.kron(A, B) @ v,
    "inverse": A.T @ linalg.inv(A @ A) @ C,
    "user": (A @ C).sum(),
}
VALUES = {
    A: (RNG.normal(size=(9, 9)) + 9 * np.eye(9)).astype("float32"),
    B: RNG.normal(size=(8, 10)).astype("float32"),
    C: RNG.normal(size=(9, 12)).astype("float32"),
    v: RNG.normal(size=90).astype("float32"),
}
RELATIONS = ("kronecker", "inverses", "products", total_of_product)
REFERENCE = {
    "kron": np.kron(VALUES[A], VALUES[B]).astype("float64") @ VALUES[v],
    "inverse": np.linalg.solve(VALUES[A].astype("float64"), VALUES[C]),
    "user": float((VALUES[A].astype("float64") @ VALUES[C]).sum()),
}
REFERENCE["inverse"] = VALUES[A].T @ np.linalg.solve(VALUES[A] @ VALUES[A], VALUES[C])


def names(function: Any) -> list[str]:
    return [str(n.op) for n in function.maker.fgraph.toposort()]


@pytest.mark.parametrize("backend", ["CVM", "NUMBA", "JAX", "MLX"])
def test_the_same_answer_on_every_backend(backend: str) -> None:
    pytest.importorskip({"JAX": "jax", "MLX": "mlx"}.get(backend, "numpy"))
    f = pytensor.function(
        list(VALUES), list(GRAPHS.values()), mode=kantor.mode(backend, relations=RELATIONS)
    )
    assert not any("Kronecker" in n or "MatrixInverse" in n for n in names(f))
    assert [o.type for o in f.maker.fgraph.outputs] == [g.type for g in GRAPHS.values()]
    for name, found in zip(GRAPHS, f(*VALUES.values()), strict=True):
        np.testing.assert_allclose(np.asarray(found), REFERENCE[name], rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("name", GRAPHS)
def test_before_and_after_differentiation(name: str) -> None:
    wrt = A
    cost = GRAPHS[name].sum()
    before = pt.grad(kantor.rewrite(cost, relations=RELATIONS), wrt)
    after = kantor.rewrite(pt.grad(cost, wrt), relations=RELATIONS)
    plain = pt.grad(cost, wrt)
    graphs = [before, after, plain]
    f = pytensor.function(list(VALUES), graphs, mode="CVM", on_unused_input="ignore")
    one, two, three = f(*VALUES.values())
    np.testing.assert_allclose(one, three, rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(two, three, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("name", GRAPHS)
def test_leaving_a_relation_out_by_name_and_by_tag(name: str) -> None:
    mode = kantor.mode("CVM", relations=RELATIONS)
    inputs = list(VALUES)

    def used(m: Any) -> bool:
        f = pytensor.function(inputs, GRAPHS[name], mode=m, on_unused_input="ignore")
        if name == "user":  # of both factors, not of the product
            return sum("Sum{" in n for n in names(f)) == 2
        marks = {"kron": "Kronecker", "inverse": "MatrixInverse"}
        return not any(marks[name] in n for n in names(f))

    out = {
        "kron": ("kron_matvec", "kantor:kronecker"),
        "user": ("total_of_product", "kantor:user"),
    }.get(name)
    assert used(mode)
    if out is None:
        return
    keep = ("kron_matmat",) if name == "kron" else ()
    assert not used(mode.excluding(out[0], *keep))
    assert not used(mode.excluding(out[1]))


def marks(function: Any) -> list[str]:
    """What must not be left in a rewritten graph, at any depth of inner graphs."""
    found: list[str] = []
    stack = [function.maker.fgraph]
    while stack:
        for node in stack.pop().apply_nodes:
            found.append(str(node.op))
            inner = getattr(node.op, "fgraph", None)
            if inner is not None:
                stack.append(inner)
    return [n for n in found if "Kronecker" in n or "MatrixInverse" in n]


@pytest.mark.parametrize("name", ["kron", "inverse", "user"])
@pytest.mark.parametrize("kind", ["scan", "OpFromGraph"])
def test_inside_of_inner_graphs(name: str, kind: str) -> None:
    graph = GRAPHS[name]
    inputs = [x for x in VALUES if x in set(explicit_graph_inputs([graph]))]
    arguments = [VALUES[x] for x in inputs]
    if kind == "scan":  # over the matrices, so that nothing is pushed out of the loop
        sequences = [pt.expand_dims(x, 0) for x in inputs]

        def body(*args: Any) -> Any:
            return clone_replace(graph, dict(zip(inputs, args, strict=True)))

        out = pytensor.scan(body, sequences=sequences, return_updates=False)[0]
    else:
        out = OpFromGraph(inputs, [graph])(*inputs)
    f = pytensor.function(inputs, out, mode=kantor.mode("CVM", relations=RELATIONS))
    np.testing.assert_allclose(f(*arguments), REFERENCE[name], rtol=2e-3, atol=2e-3)
    assert not marks(f)


def test_registering() -> None:
    graph = GRAPHS["kron"]
    inputs = [A, B, v]

    def rewritten(mode: Any = "CVM") -> bool:
        return not marks(pytensor.function(inputs, graph, mode=mode))

    assert not rewritten()
    try:
        kantor.register()
        kantor.register()
        assert rewritten()
        kantor.unregister()
        assert not rewritten()
        kantor.register()
        assert rewritten()
        plain = get_mode("CVM")
        assert not rewritten(plain.excluding("kantor:kronecker"))
        assert not rewritten(plain.excluding("kron_matvec"))
        assert rewritten(plain.excluding("kron_matmat"))
    finally:
        kantor.unregister()
    assert not rewritten()


# Of rows by index only those of an identity are read, and the adjoints of a Kronecker product only
# from its gradient: no near miss is either.
ADJOINTS = kron_adjoint_left.bit | kron_adjoint_right.bit
CONDITIONAL = [
    r
    for r in library()
    if r.conditions and not r.axiom
    if "kantor:selections" not in r.tags and not r.lhs.heads & ADJOINTS
]


# A scaled sum of matrices without a common factor is read where something is done with it.
WITHIN = {"shift_of_kron_sum": linalg.inv}


@pytest.mark.parametrize("which", CONDITIONAL, ids=lambda r: r.name)
def test_every_near_miss_has_its_failing_condition_named(which: Any) -> None:
    found = 0
    for sides in readings(which):
        for miss in near_misses(Problem(sides)):
            if miss.condition is None:
                continue
            found += 1
            graph = WITHIN.get(which.name, lambda x: x)(miss.posed.output)
            answer = kantor.explain(graph, relations=which).why_not(which)
            if "could start from" in str(answer):  # one product is no region
                assert sorted(ops(miss.posed.output)) == ["DimShuffle", "Dot"]
                continue
            named = {c.name for c in answer.conditions} | {getattr(answer.condition, "name", None)}
            assert miss.condition.name in named, (miss.how, str(answer))
    assert found or all(c.implied for c in which.conditions)


DETERMINISM = """
import pytensor.tensor as pt, kantor
from pytensor.tensor import linalg
A, B = pt.matrices("A", "B"); v = pt.vector("v")
K = linalg.kron(A, B)
graphs = [linalg.inv(K) @ v, pt.grad((K @ v).sum(), A), A.T @ linalg.inv(A @ B) @ B @ v[:3]]
print(kantor.explain(graphs))
import io
from pytensor.printing import debugprint
out = io.StringIO(); debugprint(kantor.rewrite(graphs), file=out); print(out.getvalue())
"""


def test_two_processes_agree() -> None:
    texts = []
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", DETERMINISM],
            capture_output=True, text=True, check=True, cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )  # fmt: skip
        texts.append(done.stdout)
    assert texts[0] == texts[1]
    assert "kron_matvec" in texts[0]
