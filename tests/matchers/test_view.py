"""The view: what is one term, what is shared, what is a leaf, and that reading is linear."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.assumptions import assume
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.tensor import linalg

import kantor
from kantor.api import graph_of
from matchers import vocabulary as v
from matchers.dims import const, symbol
from matchers.leaves import Atom
from matchers.regions import regions
from matchers.view import View, natural_core
from tests.matchers.literal import assert_literal, draw, leaf, regular
from tests.support import evaluate

A, B, C = pt.matrices("A", "B", "C")
x, y = pt.vectors("x", "y")
c = pt.scalar("c")
WHITE = "Σ((chol(A ⊗ B)⁻¹ x) ⊙ (chol(A ⊗ B)⁻¹ x))"


def view_of(*outputs: Any) -> tuple[View, list[Any]]:
    fgraph, _ = graph_of(list(outputs))
    return View(fgraph), list(fgraph.outputs)


# --- one term, however it is spelled ------------------------------------------------------------


def test_spellings_of_a_coefficient() -> None:
    product = A @ B
    spellings = [
        -0.5 * product, product * -0.5, -(product / 2), product / -2, -0.5 * A @ B, A @ (B * -0.5),
        (A / -2) @ B, 0.5 * (-A) @ B, pt.neg(0.5 * product),
        pt.true_div(pt.neg(product), np.float64(2)), pt.mul(np.array([[-0.5]]), product),
    ]  # fmt: skip
    view = View()
    terms = {view.term(s) for s in spellings}
    assert {str(t) for t in terms} == {"-0.5·A B"}
    assert len(terms) == 1
    for s in spellings:
        assert_literal(s, {A: draw(2, 3), B: draw(3, 2)})


def test_spellings_of_a_symbolic_coefficient() -> None:
    view = View()
    spellings = [c * A @ B, A @ (c * B), (A @ B) * c, (c * A) @ B, (A * c) @ B]
    assert len({view.term(s) for s in spellings}) == 1
    spellings = [(A @ B) / c, A @ (B / c), pt.reciprocal(c) * (A @ B)]
    assert len({view.term(s) for s in spellings}) == 1


def test_one_over_a_coefficient() -> None:
    view = View()
    assert view.term((1 / c) * A) is view.term(A / c)


def test_spellings_of_a_quadratic_form() -> None:
    view = View()
    spellings = [
        (-0.5 * x) @ linalg.inv(A) @ x, -0.5 * (x @ (linalg.inv(A) @ x)),
        -0.5 * x @ linalg.solve(A, x), x @ linalg.solve(A, -0.5 * x),
        pt.dot(x, linalg.solve(A, x)) / -2,
    ]  # fmt: skip
    # A scalar is its own transpose, but which of the two it reads as is the spelling's.
    assert {str(view.term(s)) for s in spellings} == {"-0.5·xᵀ A⁻¹ x", "-0.5·xᵀ A⁻ᵀ x"}


def test_outer_products() -> None:
    view = View()
    spellings = [
        pt.outer(x, y), x[:, None] * y[None, :], x[:, None] @ y[None, :], y[None, :] * x[:, None],
        pt.einsum("i,j->ij", x, y), pt.outer(y, x).T, pt.dot(x[:, None], y[:, None].T),
    ]  # fmt: skip
    assert len({view.term(s) for s in spellings}) == 1
    for s in spellings:
        assert_literal(s, {x: draw(2), y: draw(3)})


def test_einsum_of_an_operand_used_twice() -> None:
    assert str(View().term(pt.einsum("i,ij,j->", x, A, x))) == "xᵀ A x"


def test_sums_are_multisets() -> None:
    view = View()
    assert view.term(A + (B + C)) is view.term((C + A) + B) is view.term(pt.add(B, A, C))
    assert view.term(A * (B * C)) is view.term((C * A) * B)
    assert view.term(A + A + B) is not view.term(A + B + B)
    assert view.term(A @ B) is not view.term(B @ A)
    assert view.term(A - B) is view.term(-B + A)


# --- constants ----------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 3, 7])
@pytest.mark.parametrize("factor", [1, 2, -0.5])
def test_folded_identities(n: int, factor: float) -> None:
    eye = rewrite_graph(factor * pt.eye(n), include=("canonicalize",))
    assert isinstance(eye, pytensor.graph.basic.Constant)
    if n == 1:  # a 1 × 1 matrix is the same value read as a coefficient
        assert View().term(eye, 0).value == factor
    assert View().term(eye, 2) is v.scale(factor, v.eye(const(n)))
    assert_literal(eye, {}, 2)


NO_IDENTITIES = {
    "beside the middle": np.eye(3, k=1),
    "one entry off": np.eye(3) + np.array([[0, 1e-300, 0], [0, 0, 0], [0, 0, 0]]),
    "uneven diagonal": np.diag([1.0, 1.0, 1 + 2e-16]),
    "zero": np.zeros((3, 3)),
    "one missing": np.diag([1.0, 1.0, 0.0]),
    "not a number": np.diag([np.nan] * 3),
    "a hidden not a number": np.array([[1.0, np.nan], [0.0, 1.0]]),
    "empty": np.zeros((0, 0)),
    "integers": np.eye(3, dtype="int64"),
}


@pytest.mark.parametrize("name", NO_IDENTITIES)
def test_no_identities(name: str) -> None:
    const = pt.constant(NO_IDENTITIES[name])
    found = View().term(const, 2)
    assert leaf(const, found, 2) or (name == "zero" and found.head is v.zeros)


def test_constants_of_other_dtypes() -> None:
    view = View()
    assert view.term(pt.constant(np.float32(2)), 0) is view.term(pt.constant(np.int8(2)), 0)
    assert view.term(pt.constant(np.nan), 0) is view.term(pt.constant(np.nan), 0)
    assert view.term(pt.constant(0.0), 0) is not view.term(pt.constant(-0.0), 0)
    assert str(view.term(pt.constant(1 + 2j), 0)) == "1+2j"


# --- sharing ------------------------------------------------------------------------------------


def test_a_shared_product_is_an_atom_with_a_definition() -> None:
    product = A @ B
    view, (r, s) = view_of(product @ x, product @ y)
    assert str(view.term(r)) == "[A B] x"
    shared = view.term(r).args[0]
    assert isinstance(shared, Atom)
    assert shared is view.term(s).args[0]
    assert str(shared.definition) == "A B"
    alone, (t,) = view_of(product @ x)
    assert str(alone.term(t)) == "A B x"


def test_what_is_not_flat_is_shared_as_a_term() -> None:
    inverse = linalg.inv(A)
    view, (r, s) = view_of(inverse @ x, inverse @ y)
    assert [str(view.term(r)), str(view.term(s))] == ["A⁻¹ x", "A⁻¹ y"]


def test_one_cholesky_used_three_ways_is_one_region() -> None:
    cov = linalg.kron(A, B)
    chol = linalg.cholesky(cov)
    white = linalg.solve_triangular(chol, x, lower=True)
    graphs = [(white**2).sum(), pt.log(pt.diag(chol)).sum(), pt.all(pt.diag(chol) > 0)]
    fgraph, _ = graph_of(graphs)
    [region] = regions(fgraph)
    view = View(fgraph, region.nodes)
    texts = {str(view.definition(r)) for r in region.roots}
    assert texts >= {WHITE, "Σ log|diagonal(chol(A ⊗ B))|"}


def test_the_plain_form_of_mvnormal() -> None:
    """PyMC's log-density: batches of one, a triangular solve, one Cholesky used three ways."""
    mu, value = pt.vectors("mu", "value")
    cov = linalg.kron(A, B)
    delta = (value - mu)[None, :]
    chol = linalg.cholesky(cov)
    white = linalg.solve_triangular(chol[None], delta, lower=True, b_ndim=1)
    quad = (white**2).sum(axis=-1)
    view, (q,) = view_of(quad)
    assert str(view.term(q, view.core(q))).startswith("Σ(")
    assert str(view.term(q, view.core(q))).count("chol(A ⊗ B)⁻¹") == 2
    p, s = (m @ m.T + np.eye(len(m)) for m in (draw(2, 2), draw(3, 3)))
    values = {A: p, B: s, mu: draw(6), value: draw(6)}
    term = View().term(quad, 1)
    got, want = evaluate([term.evaled_obj, quad], values)
    np.testing.assert_allclose(got, want[0], rtol=1e-9)


def test_pymc_mvnormal() -> None:
    pm = pytest.importorskip("pymc")
    cov, mu, value = linalg.kron(A, B), pt.vector("mu"), pt.vector("value")
    logp = pm.logp(pm.MvNormal.dist(mu=mu, cov=cov), value)
    fgraph, _ = graph_of([logp])
    [region] = regions(fgraph)
    view = View(fgraph, region.nodes)
    text = " ".join(str(view.definition(r)) for r in region.roots)
    assert "chol(A ⊗ B)⁻¹" in text


# --- structure ----------------------------------------------------------------------------------


def test_structure_is_proved_from_terms_and_declarations() -> None:
    P, L = assume(A, positive_definite=True), assume(B, lower_triangular=True)
    graph = linalg.inv(P) @ linalg.inv(L.T) @ linalg.cholesky(C) @ pt.eye(3)[:, :] @ x
    view, (out,) = view_of(graph)
    inv_p, inv_lt, chol = view.term(out).args[:3]
    assert view.holds(inv_p, "positive_definite") and view.holds(inv_p, "symmetric")
    assert view.holds(inv_lt, "upper_triangular") and not view.holds(inv_lt, "lower_triangular")
    assert view.holds(chol, "lower_triangular") and not view.holds(chol, "symmetric")
    assert not view.holds(view.term(out).args[-1], "positive_definite")
    assert not view.holds(inv_p, "no such key") and not view.holds(const(3), "symmetric")


def test_without_a_graph_nothing_is_assumed() -> None:
    view = View()
    assert not view.holds(view.term(assume(A, positive_definite=True)), "positive_definite")


# --- dimensions ---------------------------------------------------------------------------------


def test_clients_teach_that_a_leaf_is_square() -> None:
    view, (out, _) = view_of(A.T @ x, linalg.det(A))
    rows, cols = v.transpose(view.term(out.owner.inputs[0], 2)).rows, view.term(A).cols
    view.term(A)
    assert view.dims.equal(view.term(A).rows, cols) and rows is not None
    view, (out,) = view_of(A.T @ x)
    assert not view.dims.equal(view.term(A).rows, view.term(A).cols)


def test_lengths_are_learnt_from_ops() -> None:
    view, (out,) = view_of(linalg.kron(A, B) @ x)
    view.term(out)
    a, b = view.term(A), view.term(B)
    assert view.dims.equal(view.term(x).rows, a.cols * b.cols)
    assert not view.dims.equal(view.term(x).rows, a.cols)


def test_the_lengths_of_a_batch() -> None:
    T = pt.tensor3("T")
    product, solved = A @ T, linalg.solve(A, C, b_ndim=1)
    view = View()
    view.term(pt.add(product @ B, product))
    view.term(solved, 1)
    assert isinstance(view.term(product), Atom)  # it is shared
    assert view.dims.equal(symbol(product, 0), symbol(T, 0))
    assert view.dims.equal(symbol(solved, 0), symbol(C, 0))
    assert view.dims.equal(symbol(solved, 1), symbol(A, 1))
    assert not view.dims.equal(symbol(product, 0), symbol(T, 1))


def test_the_natural_core() -> None:
    T = pt.tensor3("T")
    assert [natural_core(z) for z in (c, x, A, T)] == [0, 1, 2, 2]
    batch = linalg.solve(T, A, b_ndim=1)
    assert natural_core(batch) == natural_core(2 * batch) == 1


def test_the_diagonal_of_a_tall_matrix_is_not_as_long() -> None:
    values = {A: draw(5, 3), B: draw(3, 5), x: draw(3)}
    graph = linalg.inv(B @ A) @ (pt.diagonal(A) * x) + linalg.inv(B @ A) @ (B @ (A @ x))
    new = kantor.rewrite(graph)
    before, after = evaluate([graph, new], values)
    np.testing.assert_allclose(after, before, rtol=1e-9)


def test_batches_and_complex_matrices() -> None:
    Z, w = pt.ztensor3("Z"), pt.zvector("w")
    graph = linalg.inv(Z) @ Z @ w
    view = View()
    assert str(view.term(graph, view.core(graph))) == "Z⁻¹ Z w"
    z = draw(2, 3, 3) + 1j * draw(2, 3, 3)
    assert_literal(graph, {Z: z, w: draw(3) + 0j})
    assert_literal(linalg.solve(A, x), {A: regular(3), x: draw(3)})
