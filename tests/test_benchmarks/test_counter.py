"""The counter of flops: what kernels cost, at what shapes, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode, get_mode
from pytensor.graph.basic import Apply
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.op import Op
from pytensor.tensor import linalg
from pytensor.tensor.blockwise import Blockwise

from lowering.blas import gtmm, trmm
from tests.benchmarks.counter import UnknownOp, count, table
from tests.coverage.flops import run

PY = get_mode("NUMBA").clone(linker="py")


def flops(inputs, outputs, shapes, mode=PY):
    f = pytensor.function(inputs, outputs, mode=mode, on_unused_input="ignore")
    return count(f.maker.fgraph, shapes)[0]


A, B = pt.matrices("A", "B")
b = pt.vector("b")
n, m = 30, 20
CASES = {
    "product": ([A, B], A @ B, [(n, m), (m, 7)], 2 * n * m * 7),
    "product with a vector": ([A, b], A @ b, [(n, m), (m,)], 2 * n * m),
    "entrywise": ([A], pt.exp(2 * A) + A, [(n, m)], 0),
    "a sum": ([A], A.sum(0), [(n, m)], 0),
    "solve": ([A, B], linalg.solve(A, B), [(n, n), (n, 7)], 2 * n**3 / 3 + 2 * n * n * 7),
    "solve, positive definite": (
        [A, B], linalg.solve(A, B, assume_a="pos"), [(n, n), (n, 7)], n**3 / 3 + 2 * n * n * 7
    ),
    "solve, symmetric": (
        [A, b], linalg.solve(A, b, assume_a="sym"), [(n, n), (n,)], n**3 / 3 + 2 * n * n
    ),
    "triangular solve": (
        [A, B], linalg.solve_triangular(A, B, lower=True), [(n, n), (n, 7)], n * n * 7
    ),
    "a triangle": ([A, B], trmm(A, B), [(n, n), (n, 7)], n * n * 7),
    "a lower trapezoid, high": ([A, B], trmm(A, B), [(n, m), (m, 7)], (2 * n * m - m * m) * 7),
    "a lower trapezoid, wide": ([A, B], trmm(A, B), [(m, n), (n, 7)], m * m * 7),
    "an upper trapezoid, wide": (
        [A, B], trmm(A, B, lower=False), [(m, n), (n, 7)], (2 * n * m - m * m) * 7
    ),
    "three diagonals": ([A, B], gtmm(A, B), [(n, n), (n, 7)], 6 * n * 7),
    "cholesky": ([A], linalg.cholesky(A), [(n, n)], n**3 / 3),
    "inverse": ([A], linalg.inv(A), [(n, n)], 2 * n**3),
    "eigh": ([A], linalg.eigh(A)[1], [(n, n)], 9 * n**3),
    "R of a QR": ([A], linalg.qr(A, mode="r"), [(n, m)], 2 * m * m * (n - m / 3)),
    "lengths that are computed": (
        [A, b], A @ pt.full((A.shape[1], 2 * b.shape[0]), 2.5), [(n, m), (5,)], 2 * n * m * 10
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_kernel_costs_what_the_books_say(name):
    inputs, output, shapes, expected = CASES[name]
    assert flops(inputs, output, shapes) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("assumed", "factorization"), [("gen", 2 / 3), ("sym", 1 / 3), ("her", 1 / 3), ("pos", 1 / 3)]
)
def test_a_solve_costs_its_factorization_before_anything_is_rewritten(assumed, factorization):
    graph = FunctionGraph([A, B], [linalg.solve(A, B, assume_a=assumed)], clone=False)
    found, _ = count(graph, [(n, n), (n, 7)])
    assert found == pytest.approx(factorization * n**3 + 2 * n * n * 7)


def test_every_member_of_a_batch_counts():
    X, Y = pt.tensor3("X"), pt.tensor3("Y")
    assert flops([X, Y], X @ Y, [(4, n, m), (4, m, 7)]) == 4 * 2 * n * m * 7
    X = pt.tensor3("X")
    assert flops([X], linalg.cholesky(X), [(4, n, n)]) == pytest.approx(4 * n**3 / 3)


def test_gemm_and_gemv_of_the_c_backend_are_products():
    cvm = Mode("py", "fast_run").including("BlasOpt")
    shapes = [(n, m), (m, 7), (n, 7)]
    C = pt.matrix("C")
    assert flops([A, B, C], 2 * A @ B + 3 * C, shapes, cvm) == 2 * n * m * 7
    y = pt.vector("y")
    assert flops([A, b, y], A @ b + y, [(n, m), (m,), (n,)], cvm) == 2 * n * m


def test_inner_graphs_are_counted_with_the_shapes_that_come_in():
    op = pytensor.compile.builders.OpFromGraph([A, B], [A @ B])
    X, Y = pt.matrices("X", "Y")
    graph = FunctionGraph([X, Y], [op(X, Y)], clone=False)
    assert count(graph, [(n, m), (m, 7)])[0] == 2 * n * m * 7


def test_it_agrees_with_the_counter_that_runs_the_graph_on_products():
    f = pytensor.function([A, B], [A @ B @ A.T, linalg.cholesky(A @ A.T)], mode=PY)
    shapes = [(5, 4), (4, 4)]
    x = np.random.default_rng(1).normal(size=(4, 4))
    _, other = run(f.maker.fgraph, [np.eye(5, 4), x])
    here, nodes = count(f.maker.fgraph, shapes)
    # The other counts entries as well.
    assert {c.kernel for c in nodes} == {"Dot", "Cholesky"}
    assert here <= other


class Mystery(Op):
    """Does something that nobody priced."""

    def make_node(self, x):
        return Apply(self, [x], [x.type()])

    def perform(self, node, inputs, outputs):
        raise NotImplementedError

    def infer_shape(self, fgraph, node, shapes):
        return shapes


class Shapeless(Mystery):
    """As mysterious, and says nothing of its shape."""

    infer_shape = None


def test_an_op_that_nobody_priced_is_an_error():
    graph = FunctionGraph([A], [Mystery()(A)], clone=False)
    with pytest.raises(UnknownOp, match="Mystery"):
        count(graph, [(n, n)])
    deep = FunctionGraph([A], [Blockwise(Mystery(), signature="(m,n)->(m,n)")(A)])
    with pytest.raises(UnknownOp, match="Mystery"):
        count(deep, [(n, n)])


def test_a_length_that_depends_on_values_is_an_error():
    k = pt.lscalar("k")
    graph = FunctionGraph([A, k], [A @ pt.zeros((A.shape[1], k))], clone=False)
    with pytest.raises(UnknownOp, match="value of k"):
        count(graph, [(n, n), ()])


def test_a_solve_with_an_unknown_assumption_is_an_error():
    op = linalg.solve(A, B, assume_a="pos").owner.op.core_op
    op.assume_a = "hopeful"
    graph = FunctionGraph([A, B], [op(A, B)], clone=False)
    with pytest.raises(UnknownOp, match="hopeful"):
        count(graph, [(n, n), (n, 3)])


def test_the_table_adds_up_kernels_of_one_shape():
    f = pytensor.function([A, B], [A @ B, A.T @ B], mode=PY)
    _, nodes = count(f.maker.fgraph, [(n, n), (n, n)])
    assert table(nodes) == {f"Dot {n}×{n} · {n}×{n}": 4 * n**3}
