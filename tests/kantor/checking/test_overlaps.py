"""Dead, shadowed and undoing relations, planted; and that the library has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from kantor.checking import main
from kantor.checking.overlaps import EXPLAINED, overlaps, read_heads
from matchers.conditions import implied, positive_definite, square
from matchers.heads import Head
from matchers.terms import shape
from matchers.vocabulary import expm, inverse, kron, logabsdet, matmul, transpose
from relations.language import matrices, relation
from relations.library import library, select

A, B, C = matrices("A B C")
mystery = Head("mystery", lambda x: x + 1, shape, template="mystery({0})")
INVERSES = select("inverse_of_kron")[0]


@relation()
def untagged(A, B):
    """(A B)ᵀ = Bᵀ Aᵀ, which the view knows."""
    return transpose(A @ B), B.T @ A.T


@relation()
def unread(A):
    """Nothing reads what is on the left."""
    return mystery(inverse(A)), inverse(A)


@relation()
def narrower(A, B):
    """(A ⊗ B)⁻¹ = A⁻¹ ⊗ B⁻¹ for positive definite factors."""
    return inverse(kron(A, B)), kron(inverse(A), inverse(B)), positive_definite(A, B)


@relation()
def special(A):
    """(A ⊗ A)⁻¹ = A⁻¹ ⊗ A⁻¹."""
    return inverse(kron(A, A)), kron(inverse(A), inverse(A)), implied(square(A))


@relation()
def again(A, B):
    """(A ⊗ B)⁻¹ = A⁻¹ ⊗ B⁻¹, once more."""
    return inverse(kron(A, B)), kron(inverse(A), inverse(B)), implied(square(A, B))


@relation(both_ways=False)
def out(A):
    """exp(A)⁻¹ = exp(A⁻¹), which is wrong and costs the same."""
    return inverse(expm(A)), expm(inverse(A))


@relation(both_ways=False)
def back(A):
    """exp(A⁻¹) = exp(A)⁻¹."""
    return expm(inverse(A)), inverse(expm(A))


@relation(both_ways=False)
def cheaper(A, B):
    """log|A B| = log|A⁻¹ B|, which is wrong."""
    return logabsdet(matmul(A, B)), logabsdet(inverse(A) @ B), square(A, B)


def told(*relations):
    found = [f for f in overlaps(relations) if f.fault]
    return [(f.kind, f.relation.name, f.other and f.other.name) for f in found]


def test_an_axiom_must_say_so():
    assert told(untagged) == [("dead", "untagged", None)]
    (found,) = overlaps(select("transpose_of_product")[0])
    assert (found.kind, found.fault) == ("axiom", False)


def test_what_nothing_reads_is_dead():
    (found,) = [f for f in overlaps([unread]) if f.fault]
    assert found.kind == "dead"
    assert str(found).endswith("nothing reads mystery")
    assert "kron" in read_heads()
    assert "mystery" not in read_heads()


def test_what_another_relation_leads_to_is_not_dead():
    @relation(both_ways=False)
    def leads(A):
        """A⁻¹ A⁻¹ = mystery(A⁻¹)."""
        return inverse(A) @ inverse(A), mystery(inverse(A))

    assert told(unread, leads) == []
    assert told(unread, out) == [("dead", "unread", None)]


@pytest.mark.parametrize("planted", [narrower, special])
def test_shadowed_relations(planted):
    assert told(planted, *INVERSES) == [("shadowed", planted.name, "inverse_of_kron")]
    assert told(planted) == []


def test_two_that_are_the_same_are_told_once():
    assert told(again, *INVERSES) == [("same", "again", "inverse_of_kron")]


def test_a_pair_that_undoes_itself():
    assert told(out, back) == [("undone", "out", "back")]
    assert told(out) == []


def test_what_goes_elsewhere_is_no_fault():
    @relation(both_ways=False)
    def elsewhere(A):
        """exp(A⁻¹) = exp(Aᵀ)⁻¹, which is wrong and costs the same."""
        return expm(inverse(A)), inverse(expm(A.T))

    assert told(out, elsewhere) == []


def test_what_comes_back_at_another_cost_is_no_fault():
    @relation(both_ways=False)
    def dearer(A, B):
        """log|A⁻¹ B| = log|A B|, which is wrong."""
        return logabsdet(inverse(A) @ B), logabsdet(A @ B), square(A, B)

    assert told(cheaper, dearer) == []


def test_the_library_is_clean():
    assert [str(f) for f in overlaps(library()) if f.fault] == []


def test_what_is_explained_is_there():
    found = {f.key for f in overlaps(library())}
    assert [key for key in EXPLAINED if key not in found] == []


def test_an_explained_finding_is_no_fault(monkeypatch):
    monkeypatch.setitem(EXPLAINED, ("undone", "out", "back"), "planted")
    (found,) = overlaps([out, back])
    assert not found.fault
    assert str(found).endswith("at the same cost (planted)")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["--overlaps"]) == 0
    assert capsys.readouterr().out.endswith("nothing overlaps\n")
    file = tmp_path / "mine.py"
    file.write_text(
        "from kantor import inverse, matrices, relation\n"
        "A, = matrices('A')\n"
        "@relation()\n"
        "def mine(A):\n"
        '    """(A⁻¹)⁻¹ = A."""\n'
        "    return inverse(inverse(A)), A\n",
        encoding="utf-8",
    )
    assert main(["--overlaps", str(file)]) == 1
    first, last = capsys.readouterr().out.splitlines()
    said = "does the same, under conditions that follow from its own"
    assert first == f"shadowed: mine: inverse_of_inverse {said}"
    assert last == "1 finding"
