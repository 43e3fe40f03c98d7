"""Contractions by pairs: every order has the value of an einsum, and the flops are the factored."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kantor
from kantor.api import graph_of
from lowering.contractions import paired, sizes_of
from lowering.planner import Planner
from matchers.contractions import contract, is_pair, split_spec
from matchers.leaves import atom
from matchers.terms import Term
from matchers.traversal import subterms
from tests.support import decisions, evaluate, ops

RNG = np.random.default_rng(20261125)
INDICES = "ijklm"
A, B, C = pt.matrices("A", "B", "C")
T = pt.tensor3("T")
x = pt.vector("x")


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


def broadcast_sum(spec: str, *factors: Any) -> Any:
    """An einsum as one product of arrays with all axes, summed."""
    parts, output = split_spec(spec)
    used = sorted(set("".join(parts)), key=lambda i: (output + INDICES + "abcdefgh").index(i))
    whole: Any = None
    for part, x in zip(parts, factors, strict=True):
        kept = [i for i in used if i in part]
        moved = x.dimshuffle(*[part.index(i) if i in kept else "x" for i in used])
        whole = moved if whole is None else whole * moved
    summed = tuple(k for k, i in enumerate(used) if i not in output)
    return whole.sum(axis=summed) if summed else whole


# name: subscripts, operands, the flops of the factored form at lengths of 10
PROGRAMS = {
    "MM": ("ij,jk->ik", (A, B), 2000),
    "MMM": ("ij,jk,kl->il", (A, B, C), 4000),
    "ΣMMM": ("ij,jk,kl->", (A, B, C), 100 + 100 + 200 + 20),
    "ATAX": ("ji,jk,k->i", (A, A, x), 400),
    "TTM": ("ijk,kl->ijl", (T, B), 20000),
    "MTTKRP": ("ikl,kj,lj->ij", (T, B, C), 21000),
    "AX": ("ij,j->i", (A, x), 200),
}


def flops(step: Any) -> float:
    """What the plan of a step costs at lengths of 10, without launches."""
    cost = step.decision.after if step.decision.taken else step.decision.before
    launches = cost.terms.get(frozenset(), 0)
    return float(cost.at({s: 10.0 for s in cost.symbols}).constant - launches)


def largest(step: Any) -> int:
    """The highest number of axes of what the plan computes."""
    return max(_rank(t) for t, s in step.plan.steps.items() if s.kernel not in ("leaf", "view"))


def _rank(t: Term) -> int:
    if t.head is contract:
        return len(split_spec(t.args[0])[1])
    return 2


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_broadcast_sum_is_factored(name: str) -> None:
    spec, factors, best = PROGRAMS[name]
    graph = broadcast_sum(spec, *factors)
    [step] = decisions(graph)
    assert step.decision.taken and step.decision.why == "for all sizes"
    assert flops(step) <= best
    parts, output = split_spec(spec)
    assert largest(step) <= max(len(p) for p in (*parts, output, "ij"))


@pytest.mark.parametrize("spelling", [broadcast_sum, pt.einsum], ids=["broadcast", "einsum"])
@pytest.mark.parametrize("lengths", [(4, 3, 2, 5), (1, 1, 1, 1), (0, 3, 2, 4), (3, 0, 2, 4)])
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_have_their_values(name: str, lengths: tuple[int, ...], spelling: Any) -> None:
    spec, factors, _ = PROGRAMS[name]
    parts, _ = split_spec(spec)
    known = dict(zip("jkil", lengths, strict=True))
    if name == "ATAX":
        known["i"] = known["k"]
    values = {z: draw(*(known[i] for i in p)) for z, p in zip(factors, parts, strict=True)}
    graph = spelling(spec, *factors)
    new = kantor.rewrite(graph)
    assert new.type == graph.type
    want = np.einsum(spec, *(values[z] for z in factors))
    found = evaluate(new, values)
    assert found.shape == want.shape
    np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("total", [False, True])
@pytest.mark.parametrize("spelling", [broadcast_sum, pt.einsum], ids=["broadcast", "einsum"])
def test_a_chain_of_ten(spelling: Any, total: bool) -> None:
    factors = pt.matrices(*(f"M{i}" for i in range(10)))
    letters = "abcdefghijk"
    spec = ",".join(a + b for a, b in pairwise(letters))
    spec += "->" if total else "->ak"
    lengths = [3, 2, 3, 1, 2, 2, 3, 2, 1, 2, 3]
    values = {z: draw(*lengths[i : i + 2]) for i, z in enumerate(factors)}
    new = kantor.rewrite(spelling(spec, *factors))
    if spelling is broadcast_sum:
        assert "Dot" in ops(new)
        assert max(n.outputs[0].type.ndim for n in graph_of([new])[0].apply_nodes) <= 2
    want = np.linalg.multi_dot(list(values.values()))
    found = evaluate(new, values)
    np.testing.assert_allclose(found, want.sum() if total else want, rtol=1e-9)


def test_what_else_is_a_contraction() -> None:
    c = pt.scalar("c")
    row = pt.matrix("row", shape=(1, None))
    values = {A: draw(4, 3), B: draw(3, 5), C: draw(5, 2), x: draw(3), c: 1.7, T: draw(4, 3, 5)}
    values[row] = draw(1, 3)
    a, b, m, v, t = (values[z] for z in (A, B, C, x, T))
    for graph, want in (
        # Nested sums, each used once.
        ((A * (A * x).sum(1)[:, None]).sum(0), a.T @ (a @ v)),
        (((A[:, :, None] * B[None]).sum(1)[:, :, None] * C[None]).sum(1), a @ b @ m),
        # A coefficient, a subtraction of one, a product that is a factor.
        ((c * A[:, :, None] * B[None]).sum(1), 1.7 * a @ b),
        # A factor of one row.
        ((row[:, :, None] * B[None]).sum(1), values[row] @ b),
        # Two axes of a tensor, one of them of a matrix.
        ((T * B[None]).sum((1, 2)), np.einsum("ijk,jk->i", t, b)),
        ((T * A[:, :, None]).sum(1), np.einsum("ijk,ij->ik", t, a)),
        ((T * x[None, :, None]).sum(1), np.einsum("ijk,j->ik", t, v)),
    ):
        new = kantor.rewrite(graph)
        assert new is not graph
        found = evaluate(new, values)
        np.testing.assert_allclose(found, want, rtol=1e-9)


def test_what_is_shared() -> None:
    values = {A: draw(4, 3), B: draw(3, 5), C: draw(5, 2)}
    a, b, c = values.values()
    # Two sums of one product, which nothing else needs.
    whole = A[:, :, None] * B[None]
    new = kantor.rewrite([whole.sum(1), whole.sum(2)])
    for found, want in zip(evaluate(new, values), (a @ b, a * b.sum(1)), strict=True):
        np.testing.assert_allclose(found, want)
    assert max(n.outputs[0].type.ndim for n in graph_of(new)[0].apply_nodes) == 2
    # A sum that is needed twice is computed once.
    inner = whole.sum(1)
    new = kantor.rewrite([(inner[:, :, None] * C[None]).sum(1), inner])
    for found, want in zip(evaluate(new, values), (a @ b @ c, a @ b), strict=True):
        np.testing.assert_allclose(found, want)
    kinds = [type(getattr(n.op, "core_op", n.op)).__name__ for n in graph_of(new)[0].apply_nodes]
    assert kinds.count("Dot") == 2 and "Sum" not in kinds


def test_what_stays() -> None:
    row, lone = pt.matrix("row", shape=(1, None)), pt.matrix("lone", shape=(None, 1))
    shared = A[:, :, None] * B[None]
    for graphs in (
        [(A * B).sum(1)],
        [(A * A).sum()],
        [(A[:, :, None] + B[None]).sum(1)],
        [(A[:, :, None] * B[None]).max(1)],
        [(lone * row).max()],
        [(pt.exp(A)[:, :, None] * B.astype("float32")[None]).sum(1)],
        [shared, pt.exp(shared)],
        # The product is needed anyway.
        [shared.sum(1), pt.exp(shared)],
    ):
        assert kantor.rewrite(graphs) == graphs


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_dtypes(dtype: str) -> None:
    a, b, t = (
        pt.tensor(n, dtype=dtype, shape=(None,) * k) for n, k in (("a", 2), ("b", 2), ("t", 3))
    )
    values = {z: draw(*s).astype(dtype) for z, s in ((a, (3, 6)), (b, (5, 6)), (t, (4, 3, 5)))}
    for spec, factors in (("jk,lk->jl", (a, b)), ("ijl,jk,lk->ik", (t, a, b))):
        graph = broadcast_sum(spec, *factors)
        new = kantor.rewrite(graph)
        assert new is not graph and new.type.dtype == dtype
        want = np.einsum(spec, *(values[z] for z in factors))
        rtol = 1e-4 if dtype == "float32" else 1e-10
        np.testing.assert_allclose(evaluate(new, values), want, rtol=rtol, atol=1e-5)


def test_gradients() -> None:
    values = {T: draw(4, 3, 5), B: draw(3, 2), C: draw(5, 2)}
    cost = (broadcast_sum("ikl,kj,lj->ij", T, B, C) ** 2).sum()
    wanted = evaluate(pt.grad(cost, [T, B, C]), values)
    for found in (
        pt.grad(kantor.rewrite(cost), [T, B, C]),
        kantor.rewrite(pt.grad(cost, [T, B, C])),
    ):
        for one, want in zip(evaluate(found, values), wanted, strict=True):
            np.testing.assert_allclose(one, want, rtol=1e-9)


parts = st.lists(st.sampled_from(INDICES), min_size=1, max_size=3, unique=True).map("".join)


@settings(max_examples=150, deadline=None)
@given(st.lists(parts, min_size=1, max_size=4), st.data())
def test_pairs_have_the_value_of_the_whole(inputs: list[str], data: Any) -> None:
    used = sorted(set("".join(inputs)))
    output = "".join(data.draw(st.lists(st.sampled_from(used), max_size=3, unique=True)))
    spec = f"{','.join(inputs)}->{output}"
    lengths = {i: data.draw(st.integers(0, 4), label=i) for i in INDICES}
    dtype = data.draw(st.sampled_from(["float64", "float32"]))
    variables = [pt.tensor(dtype=dtype, shape=(None,) * len(p)) for p in inputs]
    terms = [atom(z, min(z.type.ndim, 2)) for z in variables]
    values = {
        z: draw(*(lengths[i] for i in p)).astype(dtype)
        for z, p in zip(variables, inputs, strict=True)
    }

    def size(dim: Any) -> float:
        out = float(dim.coef)
        for s, p in dim.powers:
            out *= values[s.owner].shape[s.axis] ** p
        return out

    whole = contract(spec, *terms)
    tree = whole if is_pair(*split_spec(spec)) else paired(whole, size)
    for t in subterms(tree):
        if t.head is contract:
            assert is_pair(*split_spec(t.args[0]))
            assert all(size(n) >= 0 for n in sizes_of(t)[1])
    want = np.einsum(spec, *values.values())
    found = evaluate(pt.as_tensor(tree.evaled_obj), values)
    rtol, atol = (1e-9, 1e-12) if dtype == "float64" else (1e-3, 1e-4)
    np.testing.assert_allclose(found.reshape(want.shape), want, rtol=rtol, atol=atol)


@settings(max_examples=60, deadline=None)
@given(st.lists(parts, min_size=2, max_size=4), st.data())
def test_broadcast_sums_have_their_values(inputs: list[str], data: Any) -> None:
    used = sorted(set("".join(inputs)))
    output = "".join(data.draw(st.lists(st.sampled_from(used), max_size=3, unique=True)))
    spec = f"{','.join(inputs)}->{output}"
    lengths = {i: data.draw(st.integers(0, 4), label=i) for i in INDICES}
    variables = [pt.tensor(dtype="float64", shape=(None,) * len(p)) for p in inputs]
    values = {z: draw(*(lengths[i] for i in p)) for z, p in zip(variables, inputs, strict=True)}
    graph = broadcast_sum(spec, *variables)
    new = kantor.rewrite(graph)
    want = np.einsum(spec, *values.values())
    found = evaluate(new, values)
    assert found.shape == want.shape
    np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-12)


def test_many_operands_are_ordered_greedily() -> None:
    variables = [pt.tensor3(f"T{i}") for i in range(8)]
    letters = "abcdefghijklmnopq"
    inputs = [letters[2 * i : 2 * i + 3] for i in range(8)]
    spec = f"{','.join(inputs)}->aq"
    planner = Planner(
        lambda d: float(d.coef) * 3.0 ** sum(p for _, p in d.powers), lambda t, k: False
    )
    plan = planner.plan([contract(spec, *(atom(z) for z in variables))])
    assert sum(s.kernel == "product" for s in plan.steps.values()) == 7
