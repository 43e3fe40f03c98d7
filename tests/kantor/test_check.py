"""``python -m kantor check``: files, names, counter-examples and refusals."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from kantor.checking import main
from kantor.checking.battery import verify
from kantor.checking.report import progress, show
from kantor.cli import Refused
from relations.library import select

HEADER = """
from kantor import inverse, kron, matrices, relation, square, vec, vectors
A, B, C, X = matrices("A B C X")
x, = vectors("x")
"""
HEADER_LINE = "relation instances verified exact worst error of allowed near misses verdict"
GOOD = '''
@relation(tags="mine", cites="folklore")
def good(A, B):
    """(A B)⁻¹ = B⁻¹ A⁻¹ for square A and B."""
    return inverse(A @ B), inverse(B) @ inverse(A), square(A, B)
'''
WRONG = '''
@relation(tags="mine", cites="folklore")
def wrong(A, B):
    """(A ⊗ B)⁻¹ = -(A⁻¹ ⊗ B⁻¹)."""
    return inverse(kron(A, B)), -kron(inverse(A), inverse(B)), square(A, B)
'''
REFUSED = {
    "unbound": ("inverse(A), B", "B on the right side is unbound"),
    "shapes": ("kron(A, B), A", "the sides differ in shape"),
    "needs": ("A @ B, B @ A", "the right side needs B.1 = A.0"),
    "nothing": ("inverse(A @ B), inverse(A), square()", "the condition square names no variable"),
    "other": ("inverse(A @ B), inverse(A @ B), square(C)", "names C, which is no variable"),
}


def _refused(name: str, body: str) -> str:
    return (
        f'\n@relation(cites="folklore")\ndef {name}(A, B):\n    """Refused."""\n    return {body}\n'
    )


def test_check_verifies_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.py"
    file.write_text(HEADER + GOOD, encoding="utf-8")
    assert main([str(file), "--examples", "5"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert " ".join(out[0].split()) == HEADER_LINE
    assert out[1].startswith("good ")
    assert out[1].endswith(" holds")
    assert "1 relation, all hold" in out[2]
    assert len(out) == 3


def test_check_shows_a_counter_example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.py"
    file.write_text(HEADER + GOOD + WRONG, encoding="utf-8")
    assert main([str(file), "--examples", "5"]) == 1
    out = capsys.readouterr().out
    assert "wrong: the right side differs from the left" in out
    assert "smallest counter-example: float64; A: 1 × 1, B: 1 × 1" in out
    assert "  left = [[" in out
    assert "  right = [[-" in out
    assert "2 relations, 1 failed" in out


def test_check_says_in_one_line_why_a_relation_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.py"
    bodies = "".join(_refused(name, body) for name, (body, _) in REFUSED.items())
    file.write_text(HEADER + bodies + GOOD, encoding="utf-8")
    assert main([str(file), "--examples", "5"]) == 1
    out = capsys.readouterr().out.splitlines()
    for (name, (_, why)), line in zip(REFUSED.items(), out, strict=False):
        assert line.startswith("mine.py:")
        assert f"relation {name!r}: " in line
        assert why in line
    # The one that stands is verified all the same.
    assert out[len(REFUSED) + 1].startswith("good ")
    assert out[len(REFUSED) + 1].endswith(" holds")


def test_check_takes_names_and_tags(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inverse_of_inverse", "--examples", "1"]) == 0
    assert "inverse_of_inverse" in capsys.readouterr().out
    with pytest.raises(Refused, match="no relation and no tag is named 'inverse_of_inverze'"):
        main(["inverse_of_inverze"])
    with pytest.raises(Refused, match=r"nowhere\.py"):
        main(["nowhere.py"])


def test_check_reports_a_file_that_cannot_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from kantor import nothing_like_this\n", encoding="utf-8")
    assert main([str(file)]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("mine.py:1: ImportError: cannot import name 'nothing_like_this'")
    assert out[-1] == "there is no relation to verify"


def test_relations_made_in_a_loop_are_found(tmp_path: Path) -> None:
    from kantor.checking.files import load

    file = tmp_path / "mine.py"
    listed = "\nfamily = [good]\ndel good\n"
    file.write_text(HEADER + GOOD + listed, encoding="utf-8")
    assert [r.name for r in load(file).relations] == ["good"]


def test_a_terminal_sees_progress_and_a_table() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100)
    relations, _ = select("inverse_of_inverse")
    show(console, [verify(r, 1) for r in progress(console, relations)])
    assert "verifying" in out.getvalue()
    assert "near misses" in out.getvalue()
