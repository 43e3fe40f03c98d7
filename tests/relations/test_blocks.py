"""Each relation on blocks: one graph with its expected form, and one near miss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.assumptions import assume
from pytensor.graph.traversal import explicit_graph_inputs as graph_inputs
from pytensor.tensor import linalg

import kantor
from matchers import vocabulary as v
from matchers.blocks import NOTHING, whole_blocks
from matchers.dims import const
from matchers.equalities import Dims
from matchers.leaves import atom
from matchers.view import View
from tests.support import assert_same_value, decisions, evaluate, ops, rewritten

RNG = np.random.default_rng(20261124)


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


def regular(n: int) -> Any:
    return draw(n, n) + 2 * n * np.eye(n)


def hcat(*xs: Any) -> Any:
    return pt.concatenate(xs, axis=1)


def vcat(*xs: Any) -> Any:
    return pt.concatenate(xs, axis=0)


oplus = linalg.block_diag
A, B, C, D, X, Y = pt.matrices("A", "B", "C", "D", "X", "Y")
x, y, z = pt.vectors("x", "y", "z")
c = pt.scalar("c")
# Square ones, and ones whose inner length is small or large.
S, R, Q = (pt.matrix(n, shape=(30, 30)) for n in "SRQ")
L, M = pt.matrix("L", shape=(40, 60)), pt.matrix("M", shape=(50, 60))
N = pt.matrix("N", shape=(60, 3))
VALUES = {
    A: regular(5), B: regular(4), C: draw(5, 5), D: draw(4, 4), X: draw(9, 7), Y: draw(7, 9),
    x: draw(5), y: draw(4), z: draw(9), c: 1.5, S: regular(30), R: regular(30), Q: regular(30),
    L: draw(40, 60), M: draw(50, 60), N: draw(60, 3),
}  # fmt: skip
# The blocks of a matrix of two by two.
K, E = pt.matrix("K", shape=(30, 30)), pt.matrix("E", shape=(20, 20))
U, V = pt.matrix("U", shape=(30, 20)), pt.matrix("V", shape=(20, 30))
w, W = pt.vector("w", shape=(50,)), pt.matrix("W", shape=(50, 4))
VALUES.update({
    K: regular(30), E: regular(20), U: draw(30, 20), V: draw(20, 30), w: draw(50), W: draw(50, 4),
})  # fmt: skip
FIRST, LAST = "rows(w, 0, 30)", "rows(w, 30, 20)"


def read(graph: Any) -> Any:
    return View().term(graph)


def untouched(graph: Any, name: str) -> bool:
    return all(name not in s.relations for s in decisions(graph, name))


# --- side by side and above each other ------------------------------------------------------------


def test_hcat_times_vcat() -> None:
    name = "hcat_times_vcat"
    graph = hcat(L, L) @ vcat(N, N)
    expected = [("hcat(L, L) vcat(N, N)", "L N + L N")]
    assert rewritten(graph, name) == expected
    new = assert_same_value(graph, VALUES, relations=name)
    assert "Join" not in ops(new)
    # Where the blocks do not conform there is nothing to multiply.
    P = pt.matrix("P", shape=(50, 3))
    W = pt.matrix("W", shape=(70, 3))
    assert untouched(hcat(L, L) @ vcat(P, W), name)


def test_vcat_times() -> None:
    name = "vcat_times"
    graph = vcat(L, M) @ N
    assert rewritten(graph, name) == [("vcat(L, M) N", "vcat(L N, M N)")]
    assert_same_value(graph, VALUES, relations=name)
    # Backward, where it costs less to put the factors together: one product with one matrix.
    graph = vcat(A @ C, C @ C)
    assert rewritten(graph, name) == [("vcat(A C, C C)", "vcat(A, C) C")]
    assert_same_value(graph, VALUES, relations=name)
    assert untouched(hcat(L.T, M.T) @ pt.matrix("P", shape=(90, 3)), name)


def test_times_hcat() -> None:
    name = "times_hcat"
    graph = N.T @ hcat(L.T, M.T)
    assert rewritten(graph, name) == [("Nᵀ hcat(Lᵀ, Mᵀ)", "hcat(Nᵀ Lᵀ, Nᵀ Mᵀ)")]
    assert_same_value(graph, VALUES, relations=name)
    assert untouched(pt.matrix("P", shape=(3, 90)) @ vcat(L, M), name)


@pytest.mark.parametrize(("name", "join"), [("vcat", vcat), ("hcat", hcat)])
def test_total_of_joined(name: str, join: Any) -> None:
    graph = join(S @ R, R @ S).sum()
    expected = [(f"Σ({name}(S R, R S))", "Σ(S R) + Σ(R S)")]
    assert rewritten(graph, f"total_of_{name}") == expected
    new = assert_same_value(graph, VALUES, relations=f"total_of_{name}")
    assert "Join" not in ops(new)
    assert untouched(join(S @ R, R @ S).sum(axis=0), f"total_of_{name}")


def test_rows_of_joined() -> None:
    """Block by block, where the blocks of both are known."""
    name = "block_diag_times"
    graph = oplus(S, R) @ vcat(Q, R)
    [step] = decisions(graph, name)
    assert str(step.after[0]) == "vcat(S Q, R R)"
    assert_same_value(graph, VALUES, relations=name)
    graph = oplus(S, S, R) @ vcat(Q, R, Q)
    assert rewritten(graph, name)[0][1] == "vcat(S Q, S R, R Q)"
    assert_same_value(graph, VALUES, relations=name)
    P, W = pt.matrix("P", shape=(20, 30)), pt.matrix("W", shape=(40, 30))
    [step] = decisions(oplus(S, R) @ vcat(P, W), name)
    assert str(step.after[0]) == "vcat(S rows(vcat(P, W), 0, 30), R rows(vcat(P, W), 30, 30))"


def test_rows_of_joined_keep_a_batch() -> None:
    """[A; B] has the batch of A in all its rows."""
    batch = atom(pt.tensor3("batch", shape=(2, 3, 4)))
    plain = atom(pt.matrix("plain", shape=(5, 4)))
    whole = v.vcat(batch, plain)
    top, bottom = v.rows_of(whole, NOTHING, const(3)), v.rows_of(whole, const(3), const(5))
    assert whole_blocks(top, Dims()) is batch
    assert whole_blocks(bottom, Dims()) is bottom
    other = v.rows_of(whole, const(2), const(5))
    assert whole_blocks(other, Dims()) is other


# --- along a diagonal -----------------------------------------------------------------------------

SPELLINGS = {
    "product": lambda: oplus(A, B) @ z,
    "matrix": lambda: oplus(A, B) @ X,
    "transposed": lambda: oplus(A, B).T @ z,
    "from the left": lambda: z @ oplus(A, B),
    "scaled": lambda: (c * oplus(A, B)) @ z,
    "solve": lambda: linalg.solve(oplus(A, B), z),
    "solve with a matrix": lambda: linalg.solve(oplus(A, B), X),
    "inverse": lambda: linalg.inv(oplus(A, B)) @ z,
    "inverse from the left": lambda: z @ linalg.inv(oplus(A, B)),
    "quadratic form": lambda: z @ linalg.inv(oplus(A, B)) @ z,
    "sum of products": lambda: (z * linalg.solve(oplus(A, B), z)).sum(),
    "inverse of scaled": lambda: linalg.inv(c * oplus(A, B)) @ z,
    "inverse of transposed": lambda: linalg.inv(oplus(A, B).T) @ z,
    "three blocks": lambda: linalg.solve(oplus(A, B, A), pt.concatenate([z, x])),
    "nested": lambda: oplus(oplus(A, B), A) @ pt.concatenate([z, x]),
    "a column of the inverse": lambda: linalg.inv(oplus(A, B))[:, 0],
    "inside": lambda: pt.exp(oplus(A, B) @ z) @ pt.exp(linalg.solve(oplus(A, B), z) / 9),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_block_diagonal_is_never_formed(name: str) -> None:
    new = assert_same_value(SPELLINGS[name](), VALUES)
    assert "BlockDiagonal" not in ops(new)


def test_block_diag_times() -> None:
    name = "block_diag_times"
    graph = oplus(A, B) @ X
    after = "vcat(A rows(X, 0, cols(A)), B rows(X, cols(A), cols(B)))"
    assert rewritten(graph, name) == [("block_diag(A, B) X", after)]
    # Blocks need not be square.
    values = {A: draw(2, 5), B: draw(3, 4), X: draw(9, 2)}
    assert_same_value(graph, values, relations=name)
    assert untouched(oplus(A, B) + X, name)


@pytest.mark.parametrize("rows", [8, 10])
def test_what_is_too_long_still_raises(rows: int) -> None:
    new = kantor.rewrite(oplus(A, B) @ X)
    with pytest.raises(ValueError):
        evaluate(new, {**VALUES, X: draw(rows, 7)})


def test_times_block_diag() -> None:
    name = "times_block_diag"
    graph = Y @ oplus(A, B)
    after = "hcat(rows(Yᵀ, 0, rows(A))ᵀ A, rows(Yᵀ, rows(A), rows(B))ᵀ B)"
    assert rewritten(graph, name) == [("Y block_diag(A, B)", after)]
    assert_same_value(graph, {A: draw(5, 2), B: draw(4, 3), Y: draw(2, 9)}, relations=name)
    assert untouched(Y + oplus(A, B), name)


def test_product_of_block_diags() -> None:
    name = "product_of_block_diags"
    graph = oplus(S, R) @ oplus(R, Q)
    assert rewritten(graph, name) == [("block_diag(S, R) block_diag(R, Q)", "block_diag(S R, R Q)")]
    assert_same_value(graph, VALUES, relations=name)
    assert untouched(oplus(A, B) @ oplus(C, D), name)


def test_sum_of_block_diags() -> None:
    name = "sum_of_block_diags"
    graph = (oplus(S, R) + oplus(R, Q)) @ pt.ones((60, 1))
    [step] = decisions(graph, name)
    assert step.relations == (name,)
    assert_same_value(graph, VALUES, relations=name)
    assert untouched((oplus(A, B) + oplus(C, D)) @ X, name)


def test_inverse_of_block_diag() -> None:
    name = "inverse_of_block_diag"
    graph = linalg.inv(oplus(A, B))
    assert rewritten(graph, name) == [("block_diag(A, B)⁻¹", "block_diag(A⁻¹, B⁻¹)")]
    assert_same_value(graph, VALUES, relations=name)
    assert untouched(linalg.pinv(oplus(A, B)), name)


def test_a_block_of_unknown_shape_beside_one_that_is_known_is_left() -> None:
    for blocks, left in (((S, A), True), ((A, S), True), ((S, R), False), ((A, B), False)):
        graph = linalg.solve(linalg.block_diag(*blocks), pt.vector("y"))
        assert (rewritten(graph) == []) == left


def test_det_of_block_diag() -> None:
    name = "det_of_block_diag"
    graph = linalg.det(oplus(S, R))
    assert rewritten(graph, name) == [("det(block_diag(S, R))", "det(S)·det(R)")]
    assert_same_value(graph, {S: draw(30, 30) / 5, R: draw(30, 30) / 5}, relations=name)
    # Two blocks that are not square have the determinant 0 together.
    assert untouched(linalg.det(oplus(A, B)), name)


def test_logabsdet_of_block_diag() -> None:
    name = "logabsdet_of_block_diag"
    graph = linalg.slogdet(oplus(S, R))[1]
    assert rewritten(graph, name) == [("log|block_diag(S, R)|", "log|S| + log|R|")]
    assert_same_value(graph, VALUES, relations=name)
    assert untouched(linalg.slogdet(oplus(A, B))[1], name)


def test_sign_of_block_diag() -> None:
    """With its logarithm, so that nothing keeps the matrix of both blocks."""
    name = "sign_of_block_diag"
    graph = linalg.slogdet(oplus(S, R))[0]
    assert rewritten(graph, name) == [("sgn|block_diag(S, R)|", "sgn|S|·sgn|R|")]
    assert_same_value(graph, VALUES, relations=name)
    assert untouched(linalg.slogdet(oplus(A, B))[0], name)
    both = pytensor.function([S, R], linalg.slogdet(oplus(S, R)), mode=kantor.mode("CVM"))
    names = [str(n.op) for n in both.maker.fgraph.apply_nodes]
    assert not any("BlockDiagonal" in n for n in names)


def test_a_log_determinant_does_not_overflow() -> None:
    """PyTensor multiplies the determinants before it takes the logarithm, and has inf."""
    big = pt.matrix("big", shape=(200, 200))
    graph = linalg.slogdet(oplus(big, big))[1]
    run = pytensor.function([big], graph, mode=kantor.mode())
    np.testing.assert_allclose(run(10 * np.eye(200)), 400 * np.log(10), rtol=1e-12)


def test_trace_of_block_diag() -> None:
    name = "trace_of_block_diag"
    graph = pt.trace(oplus(S, R))
    assert rewritten(graph, name) == [("tr(block_diag(S, R))", "tr(S) + tr(R)")]
    assert_same_value(graph, VALUES, relations=name)
    # The diagonal of blocks that are not square leaves the blocks.
    assert untouched(pt.trace(oplus(A, B)), name)
    assert_same_value(pt.trace(oplus(A, B)), {A: draw(2, 3), B: draw(3, 2)})


def test_diagonal_of_block_diag() -> None:
    name = "diagonal_of_block_diag"
    graph = pt.diagonal(oplus(S, R))
    expected = [("diagonal(block_diag(S, R))", "vcat(diagonal(S), diagonal(R))")]
    assert rewritten(graph, name) == expected
    assert_same_value(graph, VALUES, relations=name)
    assert untouched(pt.diagonal(oplus(A, B)), name)


def test_total_of_block_diag() -> None:
    name = "total_of_block_diag"
    graph = oplus(A, B).sum()
    assert rewritten(graph, name) == [("Σ(block_diag(A, B))", "Σ(A) + Σ(B)")]
    assert_same_value(graph, {A: draw(2, 3), B: draw(4, 5)}, relations=name)
    assert untouched(oplus(A, B).sum(axis=0), name)


def test_cholesky_of_block_diag() -> None:
    name = "cholesky_of_block_diag"
    P, W = (assume(m, positive_definite=True) for m in (A, B))
    graph = linalg.cholesky(oplus(P, W))
    [(_, after)] = rewritten(graph, name)
    assert after == "block_diag(chol(A), chol(B))"
    a, b = draw(5, 5), draw(4, 4)
    values = {A: a @ a.T + np.eye(5), B: b @ b.T + np.eye(4)}
    assert_same_value(graph, values, relations=name)
    assert untouched(linalg.cholesky(oplus(A, B)), name)


def test_expm_of_block_diag() -> None:
    name = "expm_of_block_diag"
    graph = linalg.expm(oplus(S, R))
    expected = [("exp(block_diag(S, R))", "block_diag(exp(S), exp(R))")]
    assert rewritten(graph, name) == expected
    assert_same_value(graph, {S: draw(30, 30) / 9, R: draw(30, 30) / 9}, relations=name)
    assert untouched(linalg.expm(oplus(A, B)), name)


def test_structure_of_all_blocks() -> None:
    """Positive definite blocks are solved with by their Cholesky factors."""
    P, W = (assume(m, positive_definite=True) for m in (A, B))
    new = kantor.rewrite(linalg.solve(oplus(P, W), z, assume_a="pos"))
    assert ops(new).count("Solve") == 2
    assert "BlockDiagonal" not in ops(new)


def test_hcat_times() -> None:
    name = "hcat_times"
    graph = hcat(pt.eye(30), U) @ w
    assert rewritten(graph, name) == [("hcat(I, U) w", f"{FIRST} + U {LAST}")]
    assert_same_value(graph, VALUES, relations=name)
    assert untouched(vcat(K, V) @ U, name)


# --- axioms ---------------------------------------------------------------------------------------


def test_transposes() -> None:
    a, b = read(A), read(B)
    assert read(hcat(A, B).T) is read(vcat(A.T, B.T)) is v.vcat(a.T, b.T)
    assert read(vcat(A, B).T) is read(hcat(A.T, B.T)) is v.hcat(a.T, b.T)
    assert read(oplus(A, B).T) is read(oplus(A.T, B.T)) is v.block_diag(a.T, b.T)
    assert read(vcat(A, B).T) is not read(hcat(A, B))


def test_joined_blocks_are_flat() -> None:
    a, b, d = read(A), read(B), read(C)
    assert read(vcat(vcat(A, B), C)) is read(vcat(A, vcat(B, C))) is v.vcat(a, b, d)
    assert read(vcat(hcat(A, B), C)) is v.vcat(v.hcat(a, b), d)
    assert read(pt.concatenate([x, y])) is v.vcat(View().term(x), View().term(y))


def test_numbers_of_two_kinds_are_not_joined() -> None:
    """Rounding would move."""
    f = pt.fmatrix("f")
    assert not v.hcat.bit & read(hcat(A, f)).heads


def test_inside_of_a_gradient() -> None:
    for graph in (linalg.solve(oplus(A, B), z).sum(), (z @ oplus(A, B) @ z)):
        before = pytensor.grad(graph, [A, B])
        after = pytensor.grad(kantor.rewrite(graph), [A, B])
        run = pytensor.function([A, B, z], [*before, *after])
        found = run(VALUES[A], VALUES[B], VALUES[z])
        for m, n in zip(found[:2], found[2:], strict=True):
            np.testing.assert_allclose(n, m, rtol=1e-9, atol=1e-9)
        for g in before:
            assert_same_value(g, VALUES)


# --- eigenvalues, norms and the other corner ------------------------------------------------------


def test_eigenvalues_of_block_diag() -> None:
    a, b = (assume(pt.matrix(x, shape=(9, 9)), symmetric=True) for x in "ab")
    graph = linalg.eigh(linalg.block_diag(a, b))[0]
    name = "eigenvalues_of_block_diag"
    assert [after for _, after in rewritten(graph, name)] == [
        "sorted(vcat(eigenvalues(a), eigenvalues(b)))"
    ]
    x, y = draw(9, 9), draw(9, 9)
    values = dict(zip(sorted(graph_inputs(graph), key=str), (x + x.T, y + y.T), strict=True))
    assert_same_value(graph, values, relations=name)
    general = linalg.eigh(linalg.block_diag(pt.matrix("c"), b))[0]
    assert decisions(general, name) == []


def test_inner_product_of_block_diags() -> None:
    a, b = pt.matrix("a", shape=(20, 20)), pt.matrix("b", shape=(20, 15))
    graph = linalg.norm(linalg.block_diag(a, b))
    name = "inner_product_of_block_diags"
    assert [after for _, after in rewritten(graph, name)] == ["(Σ(a ⊙ a) + Σ(b ⊙ b))·I"]
    new = assert_same_value(graph, {a: draw(20, 20), b: draw(20, 15)}, relations=name)
    assert "BlockDiagonal" not in ops(new)
    other = linalg.block_diag(pt.matrix("c", shape=(15, 20)), pt.matrix("d", shape=(25, 15)))
    apart = pt.dot(linalg.block_diag(a, b).ravel(), other.ravel())
    assert decisions(apart, name) == []
