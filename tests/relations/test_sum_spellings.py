"""Sums as users write them: whatever the spelling, no product of matrices is made to be summed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytensor.graph.traversal import explicit_graph_inputs

import kantor
from kantor.api import graph_of
from tests.coverage.flops import run
from tests.coverage.measure import PLAIN
from tests.support import evaluate, ops, rewritten

RNG = np.random.default_rng(20261120)

A, B, D = pt.matrices("A", "B", "D")
x, y, z = pt.vectors("x", "y", "z")
c = pt.scalar("c")
V, W, Y = pt.tensor3("V"), pt.tensor3("W"), pt.tensor3("Y")
N, M, K, R = 13, 12, 11, 3


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


VALUES = {
    A: draw(N, M), B: draw(M, K), D: draw(N, M), x: draw(N), y: draw(M), z: draw(K),
    c: np.array(1.3), V: draw(N, M, K), W: draw(R, N, M), Y: draw(R, M, K),
}  # fmt: skip
A3, B3, D3 = A[:, :, None], B[None], D[:, :, None]

# Each with the flops that may be left: one pass over each operand or two, where a product of
# matrices takes 2·13·12·11 = 3432.
SPELLINGS = {
    "kept": ((A @ B).sum(keepdims=True), 400),
    "one axis kept": ((A @ B).sum(axis=-1, keepdims=True), 500),
    "two axes": ((A @ B).sum(axis=(1, 0)), 400),
    "mean of rows": ((A @ B).mean(axis=1), 500),
    "weighted twice": (x @ (A @ B).sum(1), 500),
    "weighted rows": (((A @ B) * x[:, None]).sum(0), 600),
    "weighted rows and columns": ((x[:, None] * (A @ B) * z[None, :]).sum(), 700),
    "divided": (((A @ B) / c).sum(), 400),
    "negative": ((-(A @ B)).sum(), 400),
    "raveled": ((A @ B).ravel().sum(), 400),
    "reshaped": ((A @ B).reshape((-1,)).sum(), 400),
    "a common factor": ((A @ B + D @ B).sum(), 800),
    "a row added": ((A @ B + z).sum(), 450),
    "a row taken off": ((A @ B - 0.3 * z).mean(0), 500),
    "taken off a row": (((z - A @ B) / c).sum(1), 600),
    "a column added": ((A @ B + x[:, None]).sum(0), 500),
    "a number added": ((1.5 - A @ B).sum(), 450),
    "rows and a number": ((A @ B + z + c).sum(1), 600),
    "joined": (pt.concatenate([A @ B, D @ B]).sum(), 800),
    "tensordot": (pt.tensordot(A, B, axes=1).sum(), 400),
    "tensordot of a tensor": (pt.tensordot(V, B, axes=[[2], [1]]).sum(), 2200),
    "vecdot": (pt.vecdot(A, y).sum(), 250),
    "matvec": (pt.matvec(A @ B, z), 600),
    "einsum without an arrow": (pt.einsum("ij,jk", A, B).sum(), 400),
    "einsum, then a sum": (pt.einsum("ij,jk->ik", A, B).sum(1), 500),
    "einsum with a number": (pt.einsum(",ij,jk->ik", c, A, B) @ z, 700),
    "einsum with an ellipsis": (pt.einsum("...ij,...jk->...ik", W, Y).sum((1, 2)), 1100),
    "einsum of a trace": (pt.einsum("ii->", A @ D.T), 400),
    "einsum of a diagonal": (pt.einsum("ii->i", A @ D.T), 400),
    "einsums in turn": (pt.einsum("ij,kj->ik", pt.einsum("ij,jk->ik", A, B), B) @ y, 1000),
    "a batch": ((W @ Y).sum(), 1200),
    "members of a batch": ((W @ Y).sum((1, 2)), 1200),
    "over a batch and rows": ((W @ Y).sum((0, 1)), 1400),
    "over a batch and columns": ((W @ Y).sum((0, 2)), 1600),
    "means of members": ((W @ Y).mean((1, 2)), 1200),
    "axis after axis": ((W @ Y).sum(-1).sum(-1), 1300),
    "one matrix for a batch": ((W @ B).sum(), 1200),
    "a batch and vectors": (pt.matvec(W, Y[:, :, 0]).sum(-1), 600),
    "broadcast, divided": ((A3 * B3 / c).sum((1, 2)), 600),
    "broadcast, negative": ((-(A3 * B3)).sum((0, 2)), 500),
    "broadcast, a square": (((A3 * B3) ** 2).sum((1, 2)), 800),
    "broadcast, moved": ((A3 * B3).transpose(0, 2, 1).sum((0, 1)), 500),
    "broadcast, mean": ((A3 * B3).mean((0, 1)), 600),
    "broadcast, a difference": ((A3 * B3 - D3 * B3).sum((0, 1)), 800),
    "vectors and a tensor": (
        (V * x[:, None, None] * y[None, :, None] * z[None, None, :]).sum(), 4000,
    ),
    "both scaled": (((A * x[:, None]) * (D * y[None, :])).sum(), 600),
    "outer, squared": ((pt.outer(x, y) ** 2).sum(), 60),
    "outer": (pt.outer(x, y).sum(), 40),
}  # fmt: skip


def flops(graph: Any) -> float:
    """The flops of a graph as it is compiled."""
    inputs = list(explicit_graph_inputs([graph]))
    with pytensor.config.change_flags(cxx=""):
        fgraph = pytensor.function(inputs, graph, mode=PLAIN).maker.fgraph
    return run(fgraph, [VALUES[i] for i in inputs])[1]


@pytest.mark.parametrize("name", SPELLINGS)
def test_no_product_is_made(name: str) -> None:
    """With shapes that nothing is known of."""
    graph, most = SPELLINGS[name]
    new = kantor.rewrite(graph)
    assert new.type == graph.type
    assert flops(new) <= most
    before, after = evaluate([graph, new], VALUES)
    assert before.shape == after.shape
    np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("lengths", [(1, 1, 1, 1), (0, 4, 3, 2), (4, 0, 3, 2), (4, 3, 2, 0)])
def test_empty_and_single(lengths: tuple[int, int, int, int]) -> None:
    n, m, k, r = lengths
    values = {
        A: draw(n, m), B: draw(m, k), D: draw(n, m), x: draw(n), y: draw(m), z: draw(k),
        c: np.array(1.3), V: draw(n, m, k), W: draw(r, n, m), Y: draw(r, m, k),
    }  # fmt: skip
    for name, (graph, _) in SPELLINGS.items():
        if ("mean" in name and 0 in lengths) or "reshaped" in name or "a batch and vec" in name:
            continue
        if "taken off a row" in name and 0 in lengths:
            continue
        before, after = evaluate([graph, kantor.rewrite(graph)], values)
        assert before.shape == after.shape, name
        np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9, err_msg=name)


def test_the_most_axes() -> None:
    for graph in (
        (A3 * B3 + D3 * B3).sum(1),
        (pt.expand_dims(A, 2) * pt.expand_dims(B, 0)).sum(axis=-2),
        ((A3 * B3) ** 2).sum(1),
    ):
        new = kantor.rewrite(graph)
        assert max(n.outputs[0].type.ndim for n in graph_of([new])[0].apply_nodes) == 2
        np.testing.assert_allclose(*evaluate([graph, new], VALUES))


GRADIENTS = {
    "broadcast": lambda: (A3 * B3).sum() ** 2,
    "broadcast, an axis": lambda: ((A3 * B3).sum(1) ** 2).sum(),
    "broadcast, two axes": lambda: pt.sin((A3 * B3 * z).sum((1, 2))).sum(),
    "broadcast, a square": lambda: pt.sin(((A3 * B3) ** 2).sum((1, 2))).sum(),
    "einsum": lambda: pt.sin(pt.einsum("ij,jk->ik", A, B) @ z).sum(),
    "einsum to a number": lambda: pt.sin(pt.einsum("ij,jk->", A, B)),
    "einsum of three": lambda: pt.sin(pt.einsum("ij,jk,k->i", A, B, z)).sum(),
    "einsum of a trace": lambda: pt.sin(pt.einsum("ii->", A @ D.T)),
    "einsum of a diagonal": lambda: pt.sin(pt.einsum("ii->i", A @ D.T)).sum(),
    "a batch": lambda: pt.sin((W @ Y).sum()),
    "members of a batch": lambda: pt.sin((W @ Y).sum((1, 2))).sum(),
    "over a batch and rows": lambda: pt.sin((W @ Y).sum((0, 1))).sum(),
    "a row added": lambda: pt.sin((A @ B + z).sum(0)).sum(),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name: str) -> None:
    """A gradient repeats values along axes; no products are made of what is repeated."""
    loss = GRADIENTS[name]()
    wrt = [i for i in explicit_graph_inputs([loss]) if i.type.ndim > 1]
    graphs = pt.grad(loss, wrt)
    new = kantor.rewrite(graphs)
    for before, after in zip(evaluate(graphs, VALUES), evaluate(new, VALUES), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9)
    # The gradient of a rewritten loss is the same.
    for before, after in zip(
        evaluate(graphs, VALUES),
        evaluate(pt.grad(kantor.rewrite(loss), wrt), VALUES),
        strict=True,
    ):
        np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9)
    inputs = list(explicit_graph_inputs(new))
    with pytensor.config.change_flags(cxx=""):
        fgraph = pytensor.function(inputs, new, mode=PLAIN).maker.fgraph
    total = run(fgraph, [VALUES[i] for i in inputs])[1]
    products = 3432 if "axis" in name and "two" not in name else 0
    assert total <= 3 * products + 3200, name
    assert "OpFromGraph" not in ops_of(new)


def ops_of(graphs: list[Any]) -> set[str]:
    return {name for graph in graphs for name in ops(graph)}


def test_what_stays() -> None:
    """Where sums are in another type than products, or what is summed is no product."""
    single, wide = pt.fmatrix("single"), pt.fmatrix("wide")
    small, others = pt.matrix("small", dtype="int8"), pt.matrix("others", dtype="int8")
    shared = A @ B + z
    for graphs in (
        [(single @ wide).sum(dtype="float64")],
        [(small @ others).sum()],
        [(small[:, :, None] * others[None]).sum(1)],
        [pt.logsumexp(A3 + B3, axis=1)],
        [(A @ B).max(0)],
        [(A3 * B3).prod(1)],
        [(A @ B).cumsum(0)],
        [(A + z).sum()],
        [((A3 - B3) ** 2).sum(1)],
        [shared.sum(), pt.exp(shared)],
        [pt.einsum("iij->j", V)],
    ):
        new = kantor.rewrite(graphs)
        assert all(a is b for a, b in zip(new, graphs, strict=True)), graphs


def test_inverses_are_applied() -> None:
    """The walk stops at a product with an inverse, which would have to be made."""
    P, v = pt.tensor("P", shape=(2, 4, 4)), pt.vector("v", shape=(4,))
    graph = (v * pt.matvec(pt.linalg.inv(P), v)).sum(-1)
    values = {P: draw(2, 4, 4) + 6 * np.eye(4), v: draw(4)}
    new = kantor.rewrite(graph)
    assert "contract" not in str(kantor.explain(graph))
    np.testing.assert_allclose(*evaluate([graph, new], values))


def test_integers_wrap_around_as_before() -> None:
    a, b = pt.lmatrices("a", "b")
    values = {a: RNG.integers(-(2**40), 2**40, (4, 3)), b: RNG.integers(-(2**40), 2**40, (3, 5))}
    for graph in ((a @ b).sum(), (a[:, :, None] * b[None]).sum((0, 1)), (a @ b).sum(0)):
        new = kantor.rewrite(graph)
        assert new is not graph and new.type == graph.type
        np.testing.assert_array_equal(*evaluate([graph, new], values))


def test_a_sum_that_two_roots_need_is_replaced_in_both() -> None:
    """The outer sum reads the inner one as a leaf, whose own form is then the new one."""
    graph = (W @ Y).sum(-1).sum(-1)
    [new] = kantor.rewrite([graph])
    assert all(len(step) == 2 for step in rewritten(graph)[:1])
    kinds = ops(new)
    assert kinds.count("Dot") == 1
    for node in graph_of([new])[0].apply_nodes:
        if type(getattr(node.op, "core_op", None)).__name__ == "Dot":
            assert node.outputs[0].type.broadcastable[-1]


def test_half_of_a_length() -> None:
    """A coefficient of a length is not rounded to an integer."""
    for number in (0.5, 1.5, -2.0, 1e30):
        graph = (A @ B + number).sum()
        new = kantor.rewrite(graph)
        assert new is not graph
        np.testing.assert_allclose(*evaluate([graph, new], VALUES))


# --- whatever may stand below a sum ------------------------------------------------------------

AXES = "ijk"
operands = st.lists(
    st.lists(st.sampled_from(AXES), unique=True, max_size=3).map("".join), min_size=1, max_size=4
)
done_to = st.lists(
    st.sampled_from(["negative", "halved", "divided", "squared", "moved", "repeated"]), max_size=2
)


def summand(parts: list[str], done: list[str], variables: dict[str, Any]) -> Any:
    """A product of arrays with three axes, to which something is done."""
    out = None
    for part in parts:
        var = variables.setdefault(part, pt.tensor(f"v{part}", shape=(None,) * len(part)))
        moved = var.dimshuffle(*(part.index(i) if i in part else "x" for i in AXES))
        out = moved if out is None else out * moved
    for what in done:
        match what:
            case "negative":
                out = -out
            case "halved":
                out = 0.5 * out
            case "divided":
                out = out / c
            case "squared":
                out = out**2
            case "moved":
                out = out.transpose(0, 2, 1).transpose(0, 2, 1)
            case "repeated":
                whole = variables.setdefault(AXES, pt.tensor3("whole"))
                out = pt.second(whole, out)
    return out


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(operands, done_to), min_size=1, max_size=3), st.booleans(), st.data())
def test_whatever_is_summed(parts: list[Any], differ: bool, data: Any) -> None:
    """Sums, differences and products of anything, with its gradient, have their values."""
    variables: dict[str, Any] = {}
    summands = [summand(*part, variables) for part in parts]
    whole = summands[0]
    for other in summands[1:]:
        whole = whole - other if differ else whole + other
    axes = [a for a in range(3) if not whole.type.broadcastable[a]]
    summed = data.draw(st.lists(st.sampled_from(axes), unique=True) if axes else st.just([]))
    graph = whole.sum(axis=tuple(summed), keepdims=data.draw(st.booleans()))
    lengths = {i: data.draw(st.integers(0, 3), label=i) for i in AXES}
    values = {
        var: RNG.normal(size=[lengths[i] for i in part]) for part, var in variables.items()
    } | {c: np.array(1.3)}
    wrt = [v for v in explicit_graph_inputs([graph]) if v in values and v.type.ndim]
    graphs = [graph, *(pt.grad((graph**2).sum(), wrt, disconnected_inputs="ignore") if wrt else [])]
    for before, after in zip(
        evaluate(graphs, values), evaluate(kantor.rewrite(graphs), values), strict=True
    ):
        assert before.shape == after.shape
        np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9)
