"""Determinants by logarithms, pseudoinverses and permutations under `kanren.run`."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg

from kantor import assume
from matchers import vocabulary as v
from matchers.leaves import atom
from relations import determinants, inverses, selections
from tests.relations.test_library_kanren import (
    MATCHERS,
    A,
    B,
    R,
    S,
    T,
    a,
    answers,
    b,
    s,
    t,
    term,
    tx,
    x,
)

p = pt.lvector("p")
index = atom(p, 1)
eye = v.eye(tx.rows)
places = v.taken(eye, index)
PERMUTED = pt.eye(x.shape[0])[p]
TALL, WIDE = assume(A, full_column_rank=True), assume(A, full_row_rank=True)
r = term(R)
factors = v.thin_qr(term(TALL))
flipped = v.thin_qr(term(WIDE).T)

CASES: dict[str, Any] = {
    "of a product": (
        determinants.sign_of_product,
        linalg.slogdet(S @ T)[0],
        {v.det_sign(s) * v.det_sign(t)},
    ),
    "of what may not be square": (
        determinants.sign_of_product,
        linalg.slogdet(A @ B)[0],
        set(),
    ),
    "of one matrix": (
        determinants.det_by_logarithm,
        linalg.det(A),
        {v.det_sign(a) * v.exponential(v.logabsdet(a))},
    ),
    "rotated": (determinants.det_of_rotated, linalg.det(R @ B @ R.T), {v.det(b)}),
    "rotated and scaled": (
        determinants.det_of_rotated,
        linalg.det(2 * (R @ B @ R.T)),
        {v.det(v.scale(2, b))},
    ),
    "not rotated": (determinants.det_of_rotated, linalg.det(A @ B @ A.T), set()),
    "similar": (
        determinants.det_of_similar,
        linalg.det(A @ B @ linalg.inv(A)),
        {v.det(b)},
    ),
    "a pseudoinverse": (
        inverses.pseudoinverse_of_full_column_rank,
        linalg.pinv(TALL),
        {v.inverse(v.thin_r(factors)) @ v.thin_q(factors).T},
    ),
    "a wide one": (
        inverses.pseudoinverse_of_full_row_rank,
        linalg.pinv(WIDE),
        {v.thin_q(flipped) @ v.inverse(v.thin_r(flipped)).T},
    ),
    "of unknown rank": (inverses.pseudoinverse_of_full_column_rank, linalg.pinv(A), set()),
    "rows taken": (
        selections.rows_taken_of_product,
        PERMUTED @ x,
        {v.taken(tx, index)},
    ),
    "columns scattered": (
        selections.rows_scattered,
        PERMUTED.T @ x,
        {v.scattered(tx, index, tx.rows)},
    ),
    "a permutation's inverse is asked of its own": (
        selections.rows_taken_of_product,
        linalg.inv(PERMUTED) @ x,
        set(),
    ),
}


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize("name", CASES)
def test_answers(name: str, matcher: str) -> None:
    relation, graph, expected = CASES[name]
    assert answers(relation, graph, matcher) == expected


def test_there_are_ten_cases() -> None:
    assert len(CASES) >= 10
