"""Relations on blocks under `kanren.run`: one answer with both matchers."""

from __future__ import annotations

import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg

from matchers import vocabulary as v
from matchers.blocks import NOTHING
from relations import blocks, blocks_two_by_two
from tests.relations.test_library_kanren import (
    MATCHERS,
    A,
    B,
    C,
    S,
    T,
    U,
    V,
    a,
    answers,
    b,
    cc,
    s,
    t,
    term,
    tx,
    u,
    w,
)  # fmt: skip
from tests.relations.test_library_kanren import x as x_

oplus = linalg.block_diag
W, W2 = pt.matrix("W", shape=(2, 2)), pt.matrix("W2", shape=(2, 3))
y = term(W)


def hcat(*xs):
    return pt.concatenate(xs, axis=1)


def vcat(*xs):
    return pt.concatenate(xs, axis=0)


def rows(m, start, count):
    return v.rows_of(m, start, count)


BLOCKS = {
    "side by side times above each other": (
        blocks.hcat_times_vcat,
        hcat(S, T) @ vcat(U, S),
        {s @ u + t @ s},
    ),
    "blocks that do not conform": (blocks.hcat_times_vcat, hcat(A, B) @ vcat(B, C), set()),
    "above each other, times a vector": (
        blocks.vcat_times,
        vcat(A, B) @ x_,
        {v.vcat(a @ tx, b @ tx)},
    ),
    "three above each other": (
        blocks.vcat_times,
        vcat(A, B, C) @ x_,
        {v.vcat(a @ tx, v.vcat(b, cc) @ tx), v.vcat(v.vcat(a, b) @ tx, cc @ tx)},
    ),
    "a row times matrices side by side": (
        blocks.times_hcat,
        x_[None, :] @ hcat(A, B),
        {v.hcat(tx.T @ a, tx.T @ b)},
    ),
    "a block diagonal times a vector": (
        blocks.block_diag_times,
        oplus(A, B) @ x_,
        {v.vcat(a @ rows(tx, NOTHING, a.cols), b @ rows(tx, a.cols, b.cols))},
    ),
    "inverse of a block diagonal": (
        blocks.inverse_of_block_diag,
        linalg.solve(oplus(A, B), x_),
        {v.block_diag(v.inverse(a), v.inverse(b)) @ tx},
    ),
    "product of block diagonals": (
        blocks.product_of_block_diags,
        oplus(S, V) @ oplus(T, W),
        {v.block_diag(s @ t, w @ y)},
    ),
    "block diagonals that may not conform": (
        blocks.product_of_block_diags,
        oplus(A, B) @ oplus(C, A),
        set(),
    ),
    "trace": (blocks.trace_of_block_diag, pt.trace(oplus(S, V)), {v.trace(s) + v.trace(w)}),
    "trace of blocks that may not be square": (
        blocks.trace_of_block_diag,
        pt.trace(oplus(A, B)),
        set(),
    ),
    "log-determinant": (
        blocks.logabsdet_of_block_diag,
        linalg.slogdet(oplus(S, V))[1],
        {v.logabsdet(s) + v.logabsdet(w)},
    ),
    "two by two, by columns": (
        blocks_two_by_two.det_by_rows,
        linalg.det(hcat(vcat(S, W2), vcat(W2.T, W))),
        {v.det(v.vcat(v.hcat(s, term(W2).T), v.hcat(term(W2), y)))},
    ),
    "two blocks of zeros": (
        blocks_two_by_two.blocks_on_the_diagonal,
        vcat(hcat(S, pt.zeros((3, 2))), hcat(pt.zeros((2, 3)), W)),
        {v.block_diag(s, y)},
    ),
    "block triangular": (
        blocks_two_by_two.det_of_block_lower,
        linalg.det(vcat(hcat(S, pt.zeros((3, 2))), hcat(W2, W))),
        {v.det(s) * v.det(y)},
    ),
    "nothing known of the first block": (
        blocks_two_by_two.det_of_block_lower,
        linalg.det(vcat(hcat(A, pt.zeros((A.shape[0], B.shape[1]))), hcat(C, B))),
        set(),
    ),
    "sum of all entries": (
        blocks.total_of_hcat,
        hcat(A, B).sum(),
        {v.total(a) + v.total(b)},
    ),
}


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize("name", BLOCKS)
def test_blocks(name, matcher):
    relation, graph, expected = BLOCKS[name]
    assert answers(relation, graph, matcher) == expected
