"""Forms read through what is shared."""

from __future__ import annotations

import pytensor.tensor as pt

from lowering.positions import LONGEST, opened
from matchers import vocabulary as v
from matchers.leaves import atom

A, B, C, D = (atom(pt.matrix(name)) for name in "ABCD")


def test_a_shared_product_is_read_through() -> None:
    shared = atom(pt.matrix(), definition=A @ B)
    assert opened((C @ shared, shared)) == (v.matmul(C, A, B), A @ B)
    assert opened((C @ D,)) == (C @ D,)


def test_definitions_are_read_through_as_well() -> None:
    inner = atom(pt.matrix(), definition=A + B)
    outer = atom(pt.matrix(), definition=inner @ C)
    assert opened((outer + D,)) == (((A + B) @ C) + D,)


def test_a_tower_of_shared_products_ends() -> None:
    tower = atom(pt.matrix(), definition=A @ B)
    for _ in range(60):
        tower = atom(pt.matrix(), definition=tower @ tower)
    (form,) = opened((tower @ C,))
    assert len(form.args) <= LONGEST
