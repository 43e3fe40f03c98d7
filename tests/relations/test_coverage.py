"""What is reached of what PyTensor leaves undone: the base form of each row that is marked."""

from __future__ import annotations

import io

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.tensor.linalg import kron, solve
from rich.console import Console

import kantor.checking.command as command
from kantor.api import graph_of
from kantor.cli import Refused
from tests.coverage import cases, measure, report
from tests.coverage.cases import FORMS, load, marks, write_marks
from tests.coverage.flops import UnknownOp, run
from tests.coverage.forms import pose
from tests.coverage.spellings import bracketed, solved

CASES = {c.name: c for c in load()}
BASE = FORMS[0]


@pytest.mark.parametrize("name", [n for n, forms in marks().items() if BASE in forms])
def test_what_is_marked_is_reached(name: str) -> None:
    result = measure.measure(CASES[name], BASE)
    assert result.reached, result.said


def test_marks_are_of_cases_and_forms_that_exist() -> None:
    for name, forms in marks().items():
        assert set(forms) <= set(CASES[name].forms)


def test_every_row_says_why_where_it_is_not_reached() -> None:
    assert all(c.why and c.line for c in CASES.values())


def test_a_row_that_is_lost_is_told(tmp_path, monkeypatch, capsys) -> None:
    file = tmp_path / "reached.toml"
    write_marks({"A @ B": [BASE], "inv(L) @ x": [BASE, "a 'form' of \"it\""]}, file)
    assert marks(file)["inv(L) @ x"] == (BASE, "a 'form' of \"it\"")
    monkeypatch.setattr(report, "marks", lambda: {"inv(A @ B)": (BASE,)})
    out = Console(file=io.StringIO(), width=200)
    assert report.main(["inv(A @ B)"], console=out) == 1
    said = out.file.getvalue()
    assert "inv(A @ B), static: was reached, but now 1.00 of the flops, 0.6 allowed" in said
    monkeypatch.setattr(report, "marks", dict)
    assert report.main(["inv(A @ B)"], console=out) == 0
    assert "inv(A @ B), larger: " not in out.file.getvalue()
    assert report.main(["inv(A @ B)"], notes=True, console=out) == 0
    assert "inv(A @ B), larger: 1.00 of the flops, 0.6 allowed" in out.file.getvalue()


def test_a_wrong_value_is_told(monkeypatch) -> None:
    case = CASES["kron(A, B) @ v"]
    monkeypatch.setattr(measure.kantor, "rewrite", lambda outputs: [2 * y for y in outputs])
    result = measure.measure(case, BASE)
    assert result.wrong
    assert result.said.startswith("values differ")


def test_the_gradient_counts_only_where_the_expression_does(monkeypatch) -> None:
    case = CASES["kron(A, B) @ v"]
    made = {f: measure.Result(case, f, f == "gradient") for f in case.forms}
    monkeypatch.setattr(measure, "measure", lambda case, form, before: made[form])
    assert not any(r.reached for r in measure.measured(case))


def test_another_spelling_is_compared_with_the_base() -> None:
    case = CASES["inv(A) @ inv(B) @ x"]
    found = {r.form: r for r in measure.measured(case)}
    assert found["bracketed"].reached, "PyTensor does as well, from the right"
    assert found["bracketed"].before == found[BASE].before
    assert not measure.measure(case, "bracketed").reached


@pytest.mark.parametrize("form", FORMS)
def test_forms(form: str) -> None:
    posed = pose(CASES["solve(kron(A, B), v)"], form)
    dtypes = {x.type.dtype for x in posed.inputs}
    assert dtypes == {"float32" if form == "float32" else "float64"}
    static = {n for x in posed.inputs for n in x.type.shape}
    assert (static == {None}) == (form == "dynamic")
    assert len(posed.outputs) == (3 if form == "gradient" else 1)
    assert max(x.type.ndim for x in posed.inputs) == (3 if form == "batched" else 2)


def test_spellings_are_made_of_the_expression() -> None:
    assert bracketed("A @ (B + C @ D) @ inv(E @ F) @ x") == "A @ ((B + C @ D) @ (inv(E @ F) @ x))"
    assert solved("inv(A) @ inv(B) @ x + y") == "solve(A, solve(B, x)) + y"
    assert solved("inv(A)") == "inv(A)"
    assert "bracketed" not in CASES["A @ B + A @ C"].forms
    forms = CASES["inv(A) @ inv(B) @ x"].forms
    assert forms["solved"] == "solve(A, solve(B, x))"


def test_names_are_unique_and_keys_known(tmp_path) -> None:
    head = '[defaults]\nsizes = { n = 4 }\nratio = 1\nwhy = "so"\n[[gap]]\nline = "it ✘"\n'
    file = tmp_path / "some.toml"
    file.write_text(head + 'inputs = { A = "n n" }\ncases = ["inv(A)", "inv(A)"]\n')
    with pytest.raises(ValueError, match=r"several cases are named inv\(A\)"):
        load(file)
    file.write_text(head + 'inputs = { A = "n n" }\ncases = [{ expr = "A", ration = 1 }]\n')
    with pytest.raises(ValueError, match="A: nothing is known of ration"):
        load(file)


def test_rows_that_do_not_exist_are_refused() -> None:
    with pytest.raises(Refused, match="no row of the coverage holds 'nonsense'"):
        command.main(["--coverage", "nonsense"])
    with pytest.raises(Refused, match="--update goes with --coverage"):
        command.main(["--update"])


def test_update_keeps_the_marks_of_other_rows(tmp_path, monkeypatch) -> None:
    file = tmp_path / "reached.toml"
    write_marks({"A @ B + A @ C": ["dynamic"], "gone": [BASE]}, file)
    monkeypatch.setattr(cases, "REACHED", file)
    monkeypatch.setattr(report, "marks", lambda: marks(file))
    monkeypatch.setattr(report, "write_marks", lambda found: write_marks(found, file))
    out = Console(file=io.StringIO())
    assert report.main(["(kron(A, B) ** 2).sum()"], update=True, console=out) == 0
    found = marks(file)
    assert found["A @ B + A @ C"] == ("dynamic",)
    assert "gone" not in found
    assert BASE in found["(kron(A, B) ** 2).sum()"]


# --- flops ----------------------------------------------------------------------------------------


def flops(graph, **values):
    fgraph, _ = graph_of([graph])
    given = [values[x.name] for x in fgraph.inputs]
    return run(fgraph, given)


def test_flops_are_counted_from_shapes() -> None:
    A, B, v = pt.matrix("A"), pt.matrix("B"), pt.vector("v")
    T = pt.tensor3("T")
    a, b = np.eye(4), np.ones((4, 5))
    (value,), count = flops(A @ B, A=a, B=b)
    assert count == 2 * 4 * 4 * 5
    np.testing.assert_array_equal(value, b)
    assert flops(T @ B, T=np.ones((3, 4, 4)), B=b)[1] == 3 * 2 * 4 * 4 * 5
    assert flops(solve(A, v), A=a, v=b[:, 0])[1] == pytest.approx(4**3 * 2 / 3 + 2 * 4**2)
    assert flops(kron(A, B), A=a, B=b)[1] == 16 * 20
    assert flops((A + A).T.sum(), A=a)[1] == 16 + 16


def test_an_unknown_op_is_an_error() -> None:
    class Strange(Op):
        def make_node(self, x):
            return Apply(self, [x], [x.type()])

        def perform(self, node, inputs, outputs):
            outputs[0][0] = inputs[0]

    with pytest.raises(UnknownOp, match="nothing says what Strange costs"):
        flops(Strange()(pt.matrix("A")), A=np.eye(2))
