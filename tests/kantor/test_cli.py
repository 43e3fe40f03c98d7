"""The command line: what each command prints, and errors of one line with exit status 2."""

import io
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from kantor import cli_bench, cli_rules
from kantor.__main__ import COMMANDS, main
from kantor.cli_rules import row
from relations.library import OFF_BY_DEFAULT, library

ROOT = Path(__file__).resolve().parents[2]

GRAPHS = """
import pytensor.tensor as pt
from pytensor.tensor.linalg import inv, kron
A, B, v = pt.matrix("A"), pt.matrix("B"), pt.vector("v")
S = A @ B
"""


@pytest.fixture
def run(capsys):
    """Run a command; its exit status, what it printed, and its complaint."""

    def command(*argv):
        status = main([str(a) for a in argv])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return command


@pytest.fixture
def file(tmp_path):
    """Write a file that makes graphs."""

    def write(text, name="graphs.py"):
        path = tmp_path / name
        path.write_text(GRAPHS + text, encoding="utf-8")
        return path

    return write


def refused(result):
    """The one line of a refusal."""
    status, out, err = result
    assert (status, out) == (2, "")
    (line,) = err.splitlines()
    return line


# --- the commands ---------------------------------------------------------------------------------


def test_usage_names_every_command(run):
    status, out, err = run()
    assert (status, err) == (0, "")
    assert out.startswith("usage: python -m kantor COMMAND …\n\n  demo     what Kantor does")
    assert [line.split()[0] for line in out.splitlines()[2:]] == list(COMMANDS)
    assert run("--help") == (0, out, "")


def test_the_version(run):
    status, out, _ = run("--version")
    assert status == 0
    assert out.startswith("kantor 0")


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["explane"], "kantor: there is no command 'explane'; did you mean explain?"),
        (["x"], "kantor: there is no command 'x'; one of demo, rules, explain, check, bench"),
        (["rules", "--tag"], "kantor: rules: argument --tag: expected one argument"),
        (["rules", "x"], "kantor: rules: unrecognized arguments: x"),
        (["rules", "--tag", "kroneker"],
         "kantor: no relation and no tag is named 'kroneker'; did you mean "),
        (["explain"], "kantor: explain: the following arguments are required: FILE"),
        (["explain", "nowhere.py"], "kantor: explain: there is no file nowhere.py"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_in_one_line(run, argv, line):
    assert refused(run(*argv)).startswith(line)


def test_arguments_and_status_are_passed_on(run, monkeypatch):
    seen = []
    for name in ("demo", "check"):
        module = types.ModuleType(name)
        module.main = lambda argv, name=name: seen.append((name, argv)) or (3 if argv else None)
        monkeypatch.setitem(sys.modules, COMMANDS[name][0], module)
        assert run(name)[0] == 0
        assert run(name, "--quick", "kron_matvec")[0] == 3
    assert seen == [
        ("demo", []), ("demo", ["--quick", "kron_matvec"]),
        ("check", []), ("check", ["--quick", "kron_matvec"]),
    ]  # fmt: skip


def test_an_interrupt_is_no_traceback(run, monkeypatch):
    def interrupted(argv):
        raise KeyboardInterrupt

    monkeypatch.setattr("kantor.cli_rules.main", interrupted)
    assert run("rules") == (130, "", "")


def test_a_terminal_without_symbols(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding="ascii"))
    assert main(["rules", "--tag", "transpose_of_product"]) == 0
    sys.stdout.flush()
    assert b"(A B)? = B? A?" in written.getvalue()


def test_from_the_shell(tmp_path):
    """From another folder; nothing on the error stream but one line, no traceback."""
    result = subprocess.run(
        [sys.executable, "-m", "kantor", "explain", "missing.py"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "kantor: explain: there is no file missing.py\n"


# --- rules ----------------------------------------------------------------------------------------


def test_rules_lists_all_relations(run):
    status, out, _ = run("rules")
    assert status == 0
    assert [
        line.strip() for line in out.splitlines() if line.startswith("  ") and line[2] != " "
    ] == [r.name for r in library()]
    assert out.endswith(f"\n{len(library())} relations\n")


def test_rules_of_one_tag_or_name(run):
    assert run("rules", "--tag", "inverse_of_product") == (
        0,
        """inverses

  inverse_of_product
      (A B)⁻¹ = B⁻¹ A⁻¹ for square A and B.
      conditions: square(A), square(B)
      stability: mixed
      tags: inverses
      source: Horn & Johnson 2013, Matrix Analysis, sec. 0.5

1 relation
""",
        "",
    )
    names = [r.name for r in library() if "kantor:kronecker" in r.tags]
    _, out, _ = run("rules", "--tag", "kronecker")
    assert out.endswith(f"{len(names)} relations\n")


def test_rules_as_markdown(run, tmp_path):
    _, out, _ = run("rules", "--tag", "kronecker", "--markdown", "-")
    names = [line.split("`")[1] for line in out.splitlines() if line.startswith("### ")]
    assert names == [r.name for r in library() if "kantor:kronecker" in r.tags]
    file = tmp_path / "docs" / "some.md"
    asked = ("rules", "--tag", "kronecker", "--markdown", file)
    assert run(*asked, "--check") == (
        1, "some.md is stale: python -m kantor rules --markdown writes it\n", "",
    )  # fmt: skip
    assert run(*asked)[:2] == (0, f"some.md: {len(names)} relations\n")
    assert file.read_text(encoding="utf-8") == out
    assert run(*asked, "--check") == (0, "", "")
    file.write_text(out.replace("vec", "VEC"), encoding="utf-8")
    assert run(*asked, "--check")[0] == 1
    assert refused(run("rules", "--check")) == "kantor: rules: --check goes with --markdown"


def test_the_catalogue_needs_a_name_where_there_is_no_checkout(run, tmp_path, monkeypatch):
    monkeypatch.setattr(cli_rules, "SOURCE", tmp_path)
    line = "kantor: rules: this is no source checkout; name a FILE after --markdown"
    assert refused(run("rules", "--markdown")) == line
    _, out, _ = run("rules", "--markdown", "-")
    assert "## Classes of matrices" not in out, "what is measured comes with a checkout"


def test_a_row_tells_what_is_implied_and_what_is_off():
    by_name = {r.name: r for r in library()}
    assert row(by_name["inverse_of_kron"])[2] == "square(A, B) (implied)"
    relation = by_name["cancel_left"]
    off = type(relation)(
        "off", relation.lhs, relation.rhs, (), (OFF_BY_DEFAULT,), "loses", "", "A⁻¹ A = I."
    )
    assert row(off)[3] == "loses, off by default"


# --- explain --------------------------------------------------------------------------------------


def test_explain_what_nothing_else_is_made_of(run, file):
    status, out, err = run("explain", file("w = kron(A, B) @ v\nz = inv(S) @ v\n"))
    assert (status, err) == (0, "")
    heads = [a for a, b in zip(out.splitlines(), out.splitlines()[1:], strict=False) if b == "-"]
    assert heads == ["w", "z"], "S is part of z"
    assert "  1. kron_matvec\n" in out
    assert "(solved, not inverted)\n" in out


def test_explain_outputs_together(run, file):
    path = file("z = inv(A) @ v\noutputs = [S @ v, S.sum()]\n")
    _, out, _ = run("explain", path)
    assert out.startswith("outputs\n-------\n")
    assert "A⁻¹" not in out


def test_explain_with_relations_and_sizes(run, file):
    text = "outputs = {'chain': A @ B @ S, 'kron': kron(A, B) @ v}\nrelations = 'kron_matvec'\n"
    _, out, _ = run("explain", file(text + "sizes = {A: (9, 9), B: (9, 9)}\n"))
    assert "chain\n-----\n" in out and "\n\nkron\n----\n" in out
    assert "flops" in out and " = " in out


def test_the_relations_of_a_file_are_used_besides_the_library(run, file):
    path = file("""
import kantor
(M,) = kantor.matrices("M")

@kantor.relation()
def never_so(M):
    \"\"\"exp(M) = M, which is wrong and cheap.\"\"\"
    return kantor.expm(M), M

z = pt.linalg.expm(A) @ (kron(A, B) @ v)
""")
    _, out, _ = run("explain", path)
    assert "  1. never_so\n" in out or "  2. never_so\n" in out
    assert "kron_matvec" in out


def test_explain_why_not(run, file):
    _, out, _ = run("explain", file("z = inv(S) @ v\n"), "--why-not", "inverse_of_product")
    assert "\ninverse_of_product matches (A B)⁻¹, but square(A) and square(B) are not" in out


def test_a_file_may_import_its_neighbours(run, file):
    file("", "neighbour_of_graphs.py")
    path = file("from neighbour_of_graphs import S\nz = inv(S) @ v\n")
    assert run("explain", path)[0] == 0
    assert str(path.parent) not in sys.path


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("del S", "{} makes no PyTensor graph; name what to explain in a list outputs"),
        ("outputs = 3", "outputs in {} is no list of PyTensor variables"),
        ("outputs = []", "outputs in {} is no list of PyTensor variables"),
        ("outputs = [S, 3]", "outputs in {} holds not only PyTensor variables: int"),
        ("1 / 0", "{}, line 6: ZeroDivisionError: division by zero"),
        ("import nothing_like_it", "{}, line 6: ModuleNotFoundError: No module named"),
        ("outputs = (", "{}, line 6: SyntaxError: '(' was never closed"),
        ("raise SystemExit(3)", "{}, line 6: SystemExit: 3"),
    ],
)
def test_explain_refuses_in_one_line(run, file, text, line):
    path = file(text + "\n")
    assert refused(run("explain", path)).startswith(f"kantor: explain: {line.format(path)}")


def test_explain_refuses_unknown_relations(run, file):
    path = file("z = inv(S) @ v\n")
    status, _, err = run("explain", path, "--why-not", "inverse_of_produkt")
    (line,) = err.splitlines()
    assert status == 2
    assert line.startswith("kantor: no relation and no tag is named 'inverse_of_produkt'; did you")


# --- bench ----------------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A source checkout with one benchmark."""
    folder = tmp_path / "tests" / "benchmarks"
    folder.mkdir(parents=True)
    (folder / "helper_of_bench.py").write_text("STATUS = 4\n", encoding="utf-8")
    (folder / "bench_small.py").write_text(
        "def main(argv):\n    print('ran', argv, __name__)\n    return len(argv)\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(cli_bench, "SOURCE", tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    yield tmp_path
    sys.modules.pop("tests.benchmarks.bench_small", None)


def test_bench_runs_a_module_of_the_checkout(run, checkout):
    status, out, _ = run("bench", "small", "--quick")
    assert (status, out) == (1, "ran ['--quick'] tests.benchmarks.bench_small\n")


def test_bench_lists_what_there_is(run, checkout):
    assert run("bench", "--help")[:2] == (
        0, "usage: python -m kantor bench NAME …\n\nthe benchmarks are small\n",
    )  # fmt: skip
    assert refused(run("bench")) == "kantor: bench: name a benchmark; the benchmarks are small"
    assert refused(run("bench", "smal")) == (
        "kantor: bench: there is no benchmark 'smal'; the benchmarks are small"
    )


def test_bench_needs_a_checkout(run, tmp_path, monkeypatch):
    monkeypatch.setattr(cli_bench, "SOURCE", tmp_path)
    assert refused(run("bench", "engine")) == (
        "kantor: bench: there are no benchmarks here; they come with a source checkout"
    )
