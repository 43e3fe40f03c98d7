"""The library: every relation in one place, and selecting among them."""

from __future__ import annotations

import pytest

from matchers.vocabulary import kron, transpose
from relations.language import matrices, relation
from relations.library import AFTER_GRADIENTS, OFF_BY_DEFAULT, library, select
from relations.relation import Relation

A, B = matrices("A B")


@relation(tags="kronecker")
def own(A, B):
    """(A ⊗ B)ᵀ = Aᵀ ⊗ Bᵀ."""
    return transpose(kron(A, B)), kron(A.T, B.T)


def goal(in_lv: object, out_lv: object) -> None:
    """A plain miniKanren relation."""


def names(spec: object) -> list[str]:
    return [r.name for r in select(spec)[0]]


def test_the_library() -> None:
    assert library() is library()
    every = [r.name for r in library()]
    assert len(every) == len(set(every)) >= 20
    assert all(isinstance(r, Relation) and r.doc and r.cites and r.tags for r in library())
    assert all(t.startswith("kantor:") for r in library() for t in r.tags)
    assert {"kron_matvec", "inverse_of_product", "cancel_left"} <= set(every)


def test_what_loses_accuracy_is_off_by_default() -> None:
    off = {OFF_BY_DEFAULT, AFTER_GRADIENTS}
    assert names(None) == [r.name for r in library() if not off & {*r.tags}]
    assert all(r.stability != "loses" for r in select(None)[0])


def test_by_name_tag_and_object() -> None:
    assert names("kron_matvec") == ["kron_matvec"]
    assert names("kronecker") == names("kantor:kronecker")
    assert "kron_matvec" in names("kronecker") and "cancel_left" not in names("kronecker")
    assert names(own) == ["own"]
    assert names(["kron_matvec", own, "kron_matvec"]) == ["kron_matvec", "own"]
    assert names([]) == []
    assert select(goal) == ((), (goal,))
    assert select([goal, "kron_matvec"])[1] == (goal,)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("kron_matvek", "no relation and no tag is named 'kron_matvek'; did you mean kron_matvec"),
        (["xyzzy"], "no relation and no tag is named 'xyzzy'$"),
        ([3], "relations= takes names, tags, relations and miniKanren relations, not 3"),
    ],
)
def test_what_does_not_exist(spec: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        select(spec)
