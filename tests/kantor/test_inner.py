"""Inner graphs: regions inside of Scan and OpFromGraph."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.builders import OpFromGraph
from pytensor.compile.mode import Mode, get_mode
from pytensor.graph.fg import FunctionGraph
from pytensor.scan.op import Scan
from pytensor.tensor.linalg.products import KroneckerProduct

from kantor.engine import Engine
from kantor.inner import rewrite_inner
from kantor.modes import mode, register, unregister
from relations.library import select

PY = Mode("py")
A = pt.tensor("A", shape=(3, 4, 4), dtype="float64")
B = pt.tensor("B", shape=(3, 5, 5), dtype="float64")
V = pt.tensor("V", shape=(20,), dtype="float64")


def scan_of_krons():
    """The matrices vary in the loop; what does not is pushed out of it before anything else."""
    return pytensor.scan(
        lambda a, b, x: pt.linalg.kron(a, b) @ x,
        sequences=[A, B],
        outputs_info=[V],
        return_updates=False,
    )


def ofg_of_kron():
    a, b = pt.dmatrices("ab")
    x = pt.dvector("x")
    return OpFromGraph([a, b, x], [pt.linalg.kron(a, b) @ x])(A[0], B[0], V)


def nested():
    """A Scan in an OpFromGraph."""
    a, b = A.type(), B.type()
    x = V.type()
    body = pytensor.scan(
        lambda a, b, x: pt.linalg.kron(a, b) @ x,
        sequences=[a, b],
        outputs_info=[x],
        return_updates=False,
    )
    return OpFromGraph([a, b, x], [body[-1]])(A, B, V)


GRAPHS = {"scan": scan_of_krons, "ofg": ofg_of_kron, "nested": nested}


def all_ops(fgraph):
    """The Ops of a graph and of all graphs in it."""
    for node in fgraph.apply_nodes:
        yield node.op
        inner = getattr(getattr(node.op, "core_op", node.op), "fgraph", None)
        if inner is not None:
            yield from all_ops(inner)


def builds_kron(fgraph):
    return any(isinstance(op, KroneckerProduct) for op in all_ops(fgraph))


def values():
    rng = np.random.default_rng(5)
    return [rng.normal(size=x.type.shape) / 3 for x in (A, B, V)]


def compiled(out, mode):
    return pytensor.function([A, B, V], out, mode=mode)


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("backend", ["py", "CVM", "JAX"])
def test_inner_graphs_are_rewritten(graph, backend):
    if backend == "JAX":
        pytest.importorskip("jax")
    base = PY if backend == "py" else get_mode(backend)
    out = GRAPHS[graph]()
    plain, own = compiled(out, base), compiled(out, mode(base))
    assert builds_kron(plain.maker.fgraph)
    assert not builds_kron(own.maker.fgraph)
    np.testing.assert_allclose(own(*values()), plain(*values()), rtol=1e-10)


@pytest.mark.slow
def test_inner_graphs_are_rewritten_in_numba():
    outs = [scan_of_krons(), ofg_of_kron()]
    own = compiled(outs, mode("NUMBA"))
    assert not builds_kron(own.maker.fgraph)
    for got, wanted in zip(own(*values()), compiled(outs, PY)(*values()), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-10)


def test_an_inner_graph_is_rewritten_in_mlx():
    # PyTensor has no Scan for MLX.
    pytest.importorskip("mlx.core")
    own = compiled(ofg_of_kron(), mode("MLX"))
    assert not builds_kron(own.maker.fgraph)
    np.testing.assert_allclose(
        np.asarray(own(*values())), compiled(ofg_of_kron(), PY)(*values()), rtol=1e-5
    )


@pytest.mark.parametrize("graph", GRAPHS)
def test_inner_graphs_are_rewritten_when_registered(graph):
    out = GRAPHS[graph]()
    register()
    try:
        assert not builds_kron(compiled(out, PY).maker.fgraph)
        assert builds_kron(compiled(out, PY.excluding("kantor")).maker.fgraph)
    finally:
        unregister()


def test_excluding_reaches_inner_graphs():
    made = mode(PY).excluding("kantor:kronecker")
    assert builds_kron(compiled(scan_of_krons(), made).maker.fgraph)


def test_a_gradient_through_a_rewritten_scan():
    loss = pt.sqr(scan_of_krons()[-1]).sum()
    grads = pt.grad(loss, [A, B, V])
    plain, own = compiled(grads, PY), compiled(grads, mode(PY))
    assert any(isinstance(op, Scan) for op in all_ops(own.maker.fgraph))
    for new, old in zip(own(*values()), plain(*values()), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-8)


@pytest.mark.parametrize("graph", GRAPHS)
def test_rewriting_without_compiling(graph):
    out = GRAPHS[graph]()
    fgraph = FunctionGraph([A, B, V], [out], clone=True)
    engine = Engine(select(None)[0])
    steps = rewrite_inner(fgraph, engine.rewrite)
    assert len(steps) == 1 and not builds_kron(fgraph)
    assert fgraph.outputs[0].type == out.type
    assert rewrite_inner(fgraph, engine.rewrite) == []
    got = pytensor.function(fgraph.inputs, fgraph.outputs[0], mode=PY)(*values())
    np.testing.assert_allclose(got, compiled(out, PY)(*values()), rtol=1e-10)


def test_a_shared_body_is_rewritten_once():
    first, second = ofg_of_kron(), ofg_of_kron()
    assert first.owner.op == second.owner.op
    a, b, x = first.owner.inputs
    again = first.owner.op(a, b, 2 * x)
    fgraph = FunctionGraph([A, B, V], [first, again], clone=True)
    assert len(rewrite_inner(fgraph, Engine(select(None)[0]).rewrite)) == 1
    assert not builds_kron(fgraph)


def test_ops_that_stand_for_one_operation_are_not_entered():
    outs = [
        pt.linalg.kron(A[0], B[0]),
        pt.einsum("ij,jk->ik", A[0], A[1]),
        pt.linalg.solve_sylvester(A[0], A[1], A[2]),
    ]
    fgraph = FunctionGraph([A, B], outs, clone=True)

    def fail(inner):
        raise AssertionError("entered")

    assert rewrite_inner(fgraph, fail) == []


def test_a_body_without_linear_algebra_is_not_entered():
    out = pytensor.scan(lambda a: pt.exp(a).sum(), sequences=[A], return_updates=False)
    fgraph = FunctionGraph([A], [out], clone=True)
    assert rewrite_inner(fgraph, lambda inner: pytest.fail("entered")) == []
