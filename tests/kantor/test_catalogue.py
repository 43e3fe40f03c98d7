"""The catalogue of relations: what an entry says, and that the file is up to date."""

from pathlib import Path

import pytest

from kantor.__main__ import main
from kantor.catalogue import catalogue, entry
from matchers.conditions import nonempty
from matchers.vocabulary import inverse, kron
from relations.language import matrices, relation
from relations.library import library, select
from tests.coverage import operators

A, B = matrices("A B")


def entry_of(name):
    (found,) = select(name)[0]
    return "\n".join(entry(found))


def test_an_entry():
    assert entry_of("inverse_of_kron") == (
        "### `inverse_of_kron`\n\n"
        "(A ⊗ B)⁻¹ = A⁻¹ ⊗ B⁻¹; with a factor that is not square the left side does not exist.\n\n"
        "- conditions: square(A, B) (implied)\n"
        "- stability: backward\n"
        "- tags: kronecker\n"
        "- source: Horn & Johnson 1991, Topics in Matrix Analysis, ch. 4\n"
        "- flops of the left side: 2·rows(A)³·rows(B)³ + 1/2·rows(A)²·rows(B)² + 400\n"
        "- flops of the right side: 1/2·rows(A)²·rows(B)² + 2·rows(A)³ + 2·rows(B)³ + 600\n"
        "- the right side is cheaper where rows(A)³ + rows(B)³ + 100 < rows(A)³·rows(B)³, "
        "which is so from length 8 on\n"
        "- example: `(A ⊗ B)⁻¹` → `A⁻¹ ⊗ B⁻¹`, 3.46 billion → 902,600 flops, "
        "A 40 × 40, B 30 × 30\n"
    )


def test_break_even_where_sizes_decide():
    text = entry_of("batch_sum_of_product")
    assert "- the right side is cheaper where " in text
    assert "from length 8 on" not in text
    assert "X 2 of 40 × 30" in text
    assert "is never cheaper by itself" in entry_of("inverse_of_product")


def test_an_axiom_has_one_cost_and_no_example():
    text = entry_of("kron_of_scaled_left")
    assert "; the view has one term for both sides" in text
    assert "example" not in text


def test_one_way_and_conditions_without_equations():
    @relation(both_ways=False)
    def one_way(A, B):
        """A⁻¹ ⊗ B⁻¹ = (A ⊗ B)⁻¹."""
        return kron(inverse(A), inverse(B)), inverse(kron(A, B)), nonempty(A)

    text = "\n".join(entry(one_way))
    assert "- used from left to right only" in text
    assert "- conditions: nonempty(A)" in text


def test_families_in_the_order_of_the_library():
    text = catalogue(library())
    heads = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert heads == list(dict.fromkeys(r.module.rpartition(".")[2] for r in library()))
    assert text.startswith("# The relations of Kantor\n")
    assert text.endswith("\n") and not text.endswith("\n\n\n")
    assert f"{len(library())} relations in {len(heads)} families" in text


@pytest.mark.parametrize(
    ("matrix", "function", "cell"),
    [
        ("Kronecker product", "matvec", "`kron_matvec`"),
        ("triangular", "solve", "`associativity`"),
        ("triangular", "matvec", "–"),
        ("triangular", "diagonal", "–"),
        ("Kronecker sum", "exp", "`expm_of_kron_sum`"),
    ],
)
def test_cells_of_the_table(matrix, function, cell):
    assert operators.cell(matrix, function) == cell


def test_spellings_that_differ_are_both_told(monkeypatch):
    monkeypatch.setitem(operators.CLASSES, "mixed", ("kron(C, D)", "(E + E)", "v"))
    monkeypatch.setitem(operators.FUNCTIONS, "summed", "({0}).sum()")
    assert operators.cell("mixed", "summed") == "`total_of_kron` / –"


def test_the_catalogue_is_up_to_date(capsys):
    assert main(["rules", "--markdown", "--check"]) == 0, capsys.readouterr().out


def test_it_is_written_by_one_command(tmp_path: Path, capsys):
    assert main(["rules", "--tag", "inverses", "--markdown", str(tmp_path / "x.md")]) == 0
    assert capsys.readouterr().out.startswith("x.md: ")
