"""One row, column or entry of what is computed: a product with a column of the identity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg

import kantor
from kantor.api import graph_of
from matchers.regions import regions
from tests.support import assert_same_value, decisions, ops, rewritten

RNG = np.random.default_rng(20261123)


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


def regular(n: int) -> Any:
    return draw(n, n) + 2 * n * np.eye(n)


A, B, C = pt.matrices("A", "B", "C")
S, R = pt.matrix("S", shape=(30, 30)), pt.matrix("R", shape=(30, 30))
x, y = pt.vectors("x", "y")
i = pt.iscalar("i")
VALUES = {
    A: regular(5), B: regular(5), C: draw(5, 5), S: regular(30), R: regular(30),
    x: draw(5), y: draw(5), i: -2,
}  # fmt: skip

SOLVED = {
    "column": (lambda: linalg.inv(A)[:, 1], "A⁻¹ e(1)"),
    "last column": (lambda: linalg.inv(A)[:, -1], "A⁻¹ e(-1)"),
    "column of an index": (lambda: linalg.inv(A)[:, i], "A⁻¹ e(i)"),
    "row": (lambda: linalg.inv(A)[0], "A⁻ᵀ e(0)"),
    "row with a colon": (lambda: linalg.inv(A)[0, :], "A⁻ᵀ e(0)"),
    "row of a transpose": (lambda: linalg.inv(A).T[i], "A⁻¹ e(i)"),
    "entry": (lambda: linalg.inv(A)[1, 2], "e(1)ᵀ A⁻¹ e(2)"),
    "entry of a product": (lambda: (linalg.inv(A) @ B)[i, 2], "e(i)ᵀ A⁻¹ B e(2)"),
    "inverse of a product": (lambda: linalg.inv(A @ B)[:, 0], "(A B)⁻¹ e(0)"),
    "scaled": (lambda: linalg.inv(2.0 * A)[:, 0], "(2·A)⁻¹ e(0)"),
    "inside": (lambda: y @ linalg.inv(A)[:, 0] + x @ y, "yᵀ A⁻¹ e(0) + xᵀ y"),
}


@pytest.mark.parametrize("name", SOLVED)
def test_one_column_of_an_inverse_is_one_solve(name: str) -> None:
    make, term = SOLVED[name]
    [(before, _)] = rewritten(make(), "associativity")
    assert before == term
    new = assert_same_value(make(), VALUES, relations="associativity")
    assert "MatrixInverse" not in ops(new)
    [solve] = [n for n in graph_of([new])[0].toposort() if ops(n.outputs[0])[-1] == "Solve"]
    assert solve.inputs[1].type.broadcastable[-1]


def test_a_solve_has_one_right_hand_side() -> None:
    new = assert_same_value(linalg.solve(A, B)[:, i], VALUES)
    [solve] = [n for n in graph_of([new])[0].toposort() if ops(n.outputs[0])[-1] == "Solve"]
    assert solve.inputs[1].type.broadcastable[-1]
    # The row of a solve is a solve with the transpose, then a product with a vector.
    new = assert_same_value(linalg.solve(A, B)[i], VALUES)
    assert ops(new).count("Solve") == ops(new).count("Dot") == 1


def test_a_triangular_factor_is_solved_with() -> None:
    factor = linalg.cholesky(A @ A.T)
    new = assert_same_value(linalg.inv(factor)[:, 0], VALUES)
    assert "SolveTriangular" in ops(new) and "MatrixInverse" not in ops(new)


def test_a_column_of_a_product_is_a_product_with_a_column() -> None:
    new = assert_same_value((A @ B @ C)[:, 1], VALUES)
    dots = [n for n in graph_of([new])[0].toposort() if type(n.op).__name__ == "Dot"]
    assert len(dots) == 2 and all(n.inputs[1].type.broadcastable[1] for n in dots)


@pytest.mark.parametrize("pick", [np.s_[:, 7], np.s_[899], np.s_[-1, 3]], ids=str)
def test_a_column_of_a_kronecker_product_needs_none(pick: Any) -> None:
    new = assert_same_value(linalg.kron(S, R)[pick], VALUES)
    assert "KroneckerProduct" not in ops(new)


# --- what stays ---------------------------------------------------------------------------------

STAYS = {
    "a column of an input": lambda: A[:, 0],
    "a column of an input as a factor": lambda: A[:, 0] @ B,
    "a row of a product": lambda: (A @ B)[1],
    "an entry of a product with a vector": lambda: (A @ x)[i],
    "a column of a Cholesky factor": lambda: linalg.cholesky(A)[:, 0],
    "several columns": lambda: linalg.inv(A)[:, 1:3],
    "a vector of indices": lambda: linalg.inv(A)[:, [0, 2]],
}


@pytest.mark.parametrize("name", STAYS)
def test_it_stays_the_same_node(name: str) -> None:
    graph = STAYS[name]()
    assert kantor.rewrite(graph) is graph


def test_a_whole_that_is_needed_is_not_solved_with_again() -> None:
    inverse = linalg.inv(A)
    whole, column = inverse + C, inverse[:, 0]
    [region] = regions(graph_of([whole, column])[0])
    assert column.owner.op not in {n.op for n in region.nodes}
    assert kantor.rewrite([whole, column])[1] is column


def test_inputs_are_no_part_of_a_region() -> None:
    fgraph, _ = graph_of([linalg.inv(A) @ B[:, i] + C[i]])
    [region] = regions(fgraph)
    assert "Subtensor" not in {type(n.op).__name__ for n in region.nodes}


def test_an_index_that_is_computed_is_no_part_of_a_region() -> None:
    fgraph, _ = graph_of([linalg.inv(A)[:, i + 1]])
    [region] = regions(fgraph)
    assert {type(getattr(n.op, "core_op", n.op)).__name__ for n in region.nodes} == {
        "MatrixInverse", "Subtensor",
    }  # fmt: skip
    assert_same_value(linalg.inv(A)[:, i + 1], VALUES)


# --- indices out of range -------------------------------------------------------------------------

RAISING = {
    "an inverse": lambda: linalg.inv(A)[:, i],
    "a row of an inverse": lambda: linalg.inv(A)[i],
    "an entry of an inverse": lambda: linalg.inv(A)[0, i],
    "a solve": lambda: linalg.solve(A, B)[:, i],
    "a row of a solve": lambda: linalg.solve(A, B)[i],
    "a product": lambda: (A @ B @ C)[:, i],
    "a Kronecker product": lambda: linalg.kron(S, R)[:, i],
    "a block diagonal": lambda: linalg.inv(linalg.block_diag(A, B))[i],
}


@pytest.mark.parametrize("index", [0, -1, 4, 5, -5, -6, 10, -10, -11, 899, 900, -900, -901])
@pytest.mark.parametrize("name", RAISING)
def test_an_index_out_of_range_raises_as_before(name: str, index: int) -> None:
    graph = RAISING[name]()
    new = kantor.rewrite(graph)
    assert new is not graph
    inputs = [A, B, C, S, R, i]
    run = [
        pytensor.function(inputs, g, mode="FAST_COMPILE", on_unused_input="ignore")
        for g in (graph, new)
    ]
    given = [VALUES[v] for v in inputs[:-1]]
    try:
        expected = run[0](*given, index)
    except IndexError:
        with pytest.raises(IndexError):
            run[1](*given, index)
    else:
        np.testing.assert_allclose(run[1](*given, index), expected, rtol=1e-9, atol=1e-9)


def test_a_constant_out_of_a_known_range_is_not_read() -> None:
    graph = linalg.inv(S)[:, 30]
    assert kantor.rewrite(graph) is graph
    assert decisions(graph) == []


def test_inside_of_a_gradient() -> None:
    cost = (linalg.inv(A)[:, 1] * x).sum()
    gradients = pytensor.grad(kantor.rewrite(cost), A), pytensor.grad(cost, A)
    run = pytensor.function([A, x], gradients)
    np.testing.assert_allclose(*run(VALUES[A], VALUES[x]), rtol=1e-9)
    assert_same_value(gradients[1], VALUES)
