"""`kantor.explain`: the steps, costs and reasons, as text and as data."""

# ruff: noqa: E501  the text of an explanation has long lines

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from kanren import eq, lall
from pytensor.assumptions import assume
from pytensor.graph.basic import equal_computations
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.graph.traversal import ancestors
from pytensor.tensor.linalg import inv, kron

import kantor
from kantor.engine import KantorWarning
from kantor.explain import explain

ROOT = Path(__file__).resolve().parents[2]
KRON = ("inverse_of_kron", "kron_matvec")


def _main(A, B):
    return A.T @ inv(A @ B) @ pt.matrix("X") @ pt.vector("y")


def _lines(text):
    return text.strip("\n")


def test_kron():
    A, B, v = pt.matrix("A"), pt.matrix("B"), pt.vector("v")
    assert str(explain(kron(A, B) @ v, relations=KRON)) == _lines("""
1 of 1 region rewritten, 1 step

(A ⊗ B) v
= vec(A mat(v) Bᵀ)
  1. kron_matvec
     (A ⊗ B) v  →  vec(A mat(v) Bᵀ)
  taken: cheaper for all sizes, from length 8 on
  before
    flops          5/2·rows(A)·cols(A)·rows(B)·cols(B) + 400
    largest value  rows(A)·cols(A)·rows(B)·cols(B)
    copy size=rows(A)·cols(A)·rows(B)·cols(B)          1/2·size
    product m=rows(A)·rows(B), k=cols(A)·cols(B), n=1  2·m·k
  after
    flops          2·rows(A)·cols(A)·cols(B) + 2·rows(A)·rows(B)·cols(B) + 400
    largest value  max(rows(A)·cols(B), rows(A)·rows(B))
    product m=rows(A), k=cols(A), n=cols(B)  2·m·k·n
    product m=rows(A), k=cols(B), n=rows(B)  2·m·k·n
""")


def test_a_bracketing():
    graph = _main(pt.matrix("A"), pt.matrix("B"))
    assert str(explain(graph, relations="inverse_of_product")) == _lines("""
1 of 1 region rewritten, 1 step

Aᵀ (A B)⁻¹ X y
= Aᵀ ((A B)⁻¹ (X y))
  1. associativity
     ((Aᵀ (A B)⁻¹) X) y  →  Aᵀ ((A B)⁻¹ (X y))
  taken: cheaper for all sizes, from length 8 on
  before
    flops          2·rows(A)³ + 4·rows(A)²·rows(B) + 2·rows(A)·rows(B)·len(y) + 2·rows(B)·len(y) + 1,000
    largest value  max(rows(A)², rows(A)·rows(B), rows(B)·len(y))
    product m=rows(A), k=rows(B), n=rows(A)  2·m·k·n
    inverse n=rows(A)                        2·n³
    product m=rows(B), k=rows(A), n=rows(A)  2·m·k·n
    product m=rows(B), k=rows(A), n=len(y)   2·m·k·n
    product m=rows(B), k=len(y), n=1         2·m·k
  after
    flops          2/3·rows(A)³ + 2·rows(A)²·rows(B) + 2·rows(A)² + 2·rows(A)·rows(B) + 2·rows(A)·len(y) + 800
    largest value  max(rows(A)², rows(B))
    product m=rows(A), k=rows(B), n=rows(A)  2·m·k·n
    product m=rows(A), k=len(y), n=1         2·m·k
    solve n=rows(A), k=1                     2/3·n³ + 2·n²
    product m=rows(B), k=rows(A), n=1        2·m·k
""")


def test_static_shapes():
    graph = _main(pt.matrix("A", shape=(300, 300)), pt.matrix("B", shape=(300, 300)))
    assert str(explain(graph, relations="inverse_of_product")) == _lines("""
1 of 1 region rewritten, 1 step

Aᵀ (A B)⁻¹ X y
= Aᵀ B⁻¹ A⁻¹ X y
  1. inverse_of_product
     (A B)⁻¹  →  B⁻¹ A⁻¹
  taken: cheaper for all sizes, from length 8 on
  before
    flops          180,600·len(y) + 162 million
    largest value  max(300·len(y), 90,000)
    product m=300, k=300, n=300     54 million, 2 times
    inverse n=300                   54 million
    product m=300, k=300, n=len(y)  180,000·n
    product m=300, k=len(y), n=1    600·k
  after
    flops          600·len(y) + 36.5 million
    largest value  300
    product m=300, k=len(y), n=1  600·k
    solve n=300, k=1              18.2 million, 2 times
    product m=300, k=300, n=1     180,000
""")


def test_what_sizes_decide():
    A, B, C = pt.matrix("A"), pt.matrix("B"), pt.matrix("C")
    explanation = explain(A @ B @ C)
    assert explanation.steps == ()
    assert str(explanation) == _lines("""
0 of 1 region rewritten, 0 steps

A B C
left as it is
  1. associativity (not used)
     (A B) C  →  A (B C)
  why: the sizes rows(A), rows(B), rows(C), cols(C) decide
  cheaper where rows(A)·rows(B)·cols(C) + rows(B)·rows(C)·cols(C) < rows(A)·rows(B)·rows(C) + rows(A)·rows(C)·cols(C)
  before
    flops          2·rows(A)·rows(B)·rows(C) + 2·rows(A)·rows(C)·cols(C) + 400
    largest value  max(rows(A)·cols(C), rows(A)·rows(C))
    product m=rows(A), k=rows(B), n=rows(C)  2·m·k·n
    product m=rows(A), k=rows(C), n=cols(C)  2·m·k·n
  otherwise
    flops          2·rows(A)·rows(B)·cols(C) + 2·rows(B)·rows(C)·cols(C) + 400
    largest value  max(rows(A)·cols(C), rows(B)·cols(C))
    product m=rows(B), k=rows(C), n=cols(C)  2·m·k·n
    product m=rows(A), k=rows(B), n=cols(C)  2·m·k·n
""")


def test_sizes_that_are_given():
    A, B, C = pt.matrix("A"), pt.matrix("B"), pt.matrix("C")
    given = {A: (50, 60), B: (60, 70), C: (70, 2)}
    (region,) = explain(A @ B @ C, sizes=given).regions
    assert region.taken and region.why == "at the known sizes"
    assert [s.after for s in region.steps] == ["A (B C)"]
    assert (region.largest_before, region.largest_after) == ("3,500", "120")
    assert "2·rows(A)·rows(C)·cols(C) + 400 = 434,400\n" in str(region)


def test_steps_are_data():
    A, B, v = pt.matrix("A"), pt.matrix("B"), pt.vector("v")
    explanation = explain(inv(kron(A, B)) @ v, relations=KRON)
    first, second = explanation.steps
    assert (first.relation, second.relation) == KRON
    assert (first.before, first.after) == ("(A ⊗ B)⁻¹", "A⁻¹ ⊗ B⁻¹")
    assert (second.before, second.after) == ("(A⁻¹ ⊗ B⁻¹) v", "vec(A⁻¹ mat(v) B⁻ᵀ)")
    assert [str(t) for t in second.terms] == [second.before, second.after]
    assert first.cost_after is second.cost_before
    (region,) = explanation.regions
    assert str(region.cost_before) == str(first.cost_before)
    assert str(region.cost_after) == str(second.cost_after)
    sizes = dict.fromkeys(region.cost_before.symbols, 10.0)
    numbers = [
        c.at(sizes).constant for c in (first.cost_before, first.cost_after, region.cost_after)
    ]
    # An inverse of order 100 and a product; two of order 10 and a product; four solves' work.
    assert numbers == pytest.approx(
        [2e6 + 2.5e4 + 600, 4e3 + 2.5e4 + 800, 2 * (2e3 / 3 + 2e3) + 400]
    )
    assert [k.name for k in region.program_before] == ["copy", "inverse", "product"]
    assert [str(k) for k in region.program_after] == [
        "solve n=rows(B), k=rows(A): 2/3·n³ + 2·n²·k",
        "solve n=rows(A), k=rows(B): 2/3·n³ + 2·n²·k",
    ]
    assert region.largest_before == "rows(A)²·rows(B)²"
    assert region.largest_after == "rows(A)·rows(B)"
    assert not region.exhausted


def test_several_outputs_are_explained_together():
    A, B, v = pt.matrix("A"), pt.matrix("B"), pt.vector("v")
    K = kron(A, B)
    (region,) = explain([K @ v, K.sum()], relations=(*KRON, "total_of_kron")).regions
    assert region.outputs_before == ("(A ⊗ B) v", "Σ(A ⊗ B)")
    assert region.outputs_after == ("vec(A mat(v) Bᵀ)", "Σ(A)·Σ(B)")
    assert [s.relation for s in region.steps] == ["kron_matvec", "total_of_kron"]


def test_nothing_to_rewrite():
    assert str(explain(pt.exp(pt.matrix("A")))) == (
        "No linear algebra to rewrite: a region starts at an inverse, a solve, a Kronecker product"
        " or\nanother matrix operation, or at two products that meet."
    )


def test_no_cheaper_form():
    A = pt.matrix("A")
    (region,) = explain(inv(A), relations=KRON).regions
    assert (region.taken, region.why) == (False, "no cheaper form was found")
    assert region.before == region.after == "A⁻¹"
    assert region.cost_after is None and region.steps == region.program_after == ()


def test_a_form_that_cannot_be_built(monkeypatch):
    monkeypatch.setattr("kantor.engine.Reading.build", lambda self, step: None)
    (region,) = explain(kron(pt.matrix("A"), pt.matrix("B")) @ pt.vector("v")).regions
    assert not region.taken
    assert [s.relation for s in region.steps] == ["kron_matvec"]
    assert "kron_matvec (not used)\n" in str(region)
    assert "why: a length has no source in the graph\n" in str(region)
    assert region.break_even == ""


def test_variables_without_names():
    A, B = pt.matrix(), pt.matrix()
    later = pt.matrix("A")
    (step,) = explain(inv(A) @ pt.exp(B) @ later @ pt.vector(), relations=KRON).steps
    # A is taken, whoever comes first.
    assert step.after == "B⁻¹ (exp(C) (A x))"


def test_inputs_get_their_letters_before_what_is_computed():
    M, N = pt.matrix(), pt.matrix()
    explanation = explain(inv(pt.tanh(pt.sqrt(pt.abs(M))) + N) @ pt.vector(), relations=KRON)
    assert explanation.regions[0].before == "(C + B)⁻¹ x"
    assert explanation.names.legend == {"C": "tanh(sqrt(abs(…)))"}


def test_what_is_opaque_is_explained_below():
    A, v = pt.matrix("A"), pt.vector("v")
    opaque = pt.tanh(pt.sqrt(pt.abs(A)))
    text = str(explain(inv(pt.exp(A) + opaque) @ v, relations=KRON))
    assert "(exp(A) + B)⁻¹ v" in text
    assert text.endswith("\n\nwhere\nB = tanh(sqrt(abs(…)))")


def test_the_graph_is_left_as_it_is():
    A, B, v = pt.matrix("A"), pt.matrix("B"), pt.vector("v")
    graph = pt.exp(inv(kron(A, B)) @ v)
    before = list(ancestors([graph]))
    explanation = explain(graph, relations=KRON)
    assert len(explanation.steps) == 2
    explanation.why_not("inverse_of_product")
    assert list(ancestors([graph])) == before
    assert equal_computations([graph], [pt.exp(inv(kron(A, B)) @ v)])


def test_after_canonicalization():
    A, B, v = pt.matrix("A"), pt.matrix("B"), pt.vector("v")
    graph = rewrite_graph(inv(kron(A, B)) @ v, include=("canonicalize",))
    assert [s.relation for s in explain(graph, relations=KRON).steps] == list(KRON)


def test_declarations_count_before_canonicalization():
    Q, v = assume(pt.matrix("Q"), orthogonal=True), pt.vector("v")
    (step,) = explain(inv(Q) @ v, relations="inverse_of_orthogonal").steps
    assert (step.relation, step.before, step.after) == ("inverse_of_orthogonal", "Q⁻¹", "Qᵀ")


def test_it_says_what_rewrite_does():
    """The same rounds, so the same steps: the forms that are built are those that are explained."""
    A, B, v = pt.matrix("A"), pt.matrix("B"), pt.vector("v")
    graph = inv(kron(A, B)) @ v
    new = kantor.rewrite(graph, relations=KRON)
    (again,) = explain(new, relations=KRON).regions
    assert not again.taken
    assert explain(graph, relations=KRON).regions[0].after == f"vec({again.before})"


def test_inside_of_a_scan():
    A, B, vs = pt.matrix("A"), pt.matrix("B"), pt.matrix("vs")
    Ks = pt.tensor3("Ks")
    out = pytensor.scan(
        lambda K, v, B: inv(kron(K, B)) @ v, sequences=[Ks, vs], non_sequences=[B],
        return_updates=False,
    )  # fmt: skip
    before = str(explain(kron(A, B) @ vs[0], relations=KRON))
    explanation = explain(out, relations=KRON)
    assert [s.relation for s in explanation.steps] == list(KRON)
    assert explanation.regions[0].inner
    assert "inside of a Scan or OpFromGraph\n" in str(explanation)
    assert str(explain(kron(A, B) @ vs[0], relations=KRON)) == before
    # The Scan of the user's graph is as it was.
    assert [s.relation for s in explain(out, relations=KRON).steps] == list(KRON)


def test_a_plain_relation():
    x = pt.vector("x")

    def double(in_lv, out_lv):
        return lall(eq(in_lv, pt.exp(x)), eq(out_lv, pt.exp2(x)))

    explanation = explain(pt.exp(x), relations=double)
    (step,) = explanation.steps
    assert (step.relation, step.before, step.after) == ("double", "exp(x)", "exp2(x)")
    assert step.cost_before is step.cost_after is None
    assert "double: a plain miniKanren relation, used wherever it holds" in str(explanation)


def test_a_relation_that_raises_is_named():
    A = pt.matrix("A")

    class Broken(type(kantor.square(*kantor.matrices("M")))):
        def holds(self, bindings, known):
            raise ZeroDivisionError("of no use")

    (M,) = kantor.matrices("M")
    broken = kantor.Relation(
        "broken", kantor.inverse(M), M, (Broken("square", (M,)),), doc="M⁻¹ = M."
    )
    with pytest.warns(KantorWarning, match="broken"):
        explanation = explain(inv(A), relations=broken)
    assert explanation.steps == ()
    assert str(explanation).splitlines()[1] == (
        "Kantor leaves out broken: ZeroDivisionError: of no use"
    )
    answer = explanation.why_not(broken)
    assert answer.stage == "failed"
    assert str(answer) == "broken is left out, because of ZeroDivisionError: of no use"


@pytest.mark.parametrize("wrong", [3, [pt.matrix("A"), "B"], np.eye(2)])
def test_what_is_no_graph_is_refused(wrong):
    with pytest.raises(TypeError, match="kantor takes PyTensor variables, not"):
        explain(wrong)


def test_unknown_relations_are_refused():
    with pytest.raises(ValueError, match="did you mean kron_matvec"):
        explain(pt.matrix("A"), relations="kron_matve")


def test_html():
    A, B, v = pt.matrix("A<b>"), pt.matrix("B"), pt.vector("v")
    page = explain(kron(A, B) @ v, relations=KRON)._repr_html_()
    assert page.startswith("<div><p>1 of 1 region rewritten, 1 step</p>")
    assert "<td>kron_matvec</td><td>(A&lt;b&gt; ⊗ B) v</td>" in page
    assert "<b>vec(A&lt;b&gt; mat(v) Bᵀ)</b>" in page
    assert page.count("<details>") == 2
    assert "<td>product</td><td>m=rows(A&lt;b&gt;), k=cols(A&lt;b&gt;), n=cols(B)</td>" in page
    for tag in ("div", "p", "table", "tr", "td", "details", "b"):
        assert page.count(f"<{tag}>") == page.count(f"</{tag}>")


def test_html_of_what_is_left():
    page = explain(pt.matrix("A") @ pt.matrix("B") @ pt.matrix("C"))._repr_html_()
    assert (
        "A B C left as it is<br>the sizes rows(A), rows(B), rows(C), cols(C) decide\n<br>cheaper"
        in page
    )
    assert "&lt; rows(A)·rows(B)·rows(C)" in page
    assert "<td>otherwise</td>" in page
    assert explain(pt.matrix("A"))._repr_html_().startswith("<div><p>No linear algebra")


SCRIPT = """
import pytensor.tensor as pt
from pytensor.tensor.linalg import inv, kron
from kantor.explain import explain
A, B, C, x = (pt.matrix({0}), pt.matrix({1}), pt.matrix({2}), pt.vector({3}))
v = pt.vector("v")
S = pt.exp(A) @ pt.sqrt(B)
outputs = [inv(kron(A, B)) @ v, inv(S + C) @ x, S.sum(), kron(A @ B, C).T @ v, A @ B @ C]
explanation = explain(outputs)
print(explanation)
for name in ("inverse_of_product", "kron_matmat", "cancel_left", "trace_of_kron"):
    print(explanation.why_not(name))
"""


@pytest.mark.parametrize("names", [("'A'", "'B'", "'C'", "'x'"), ("", "", "", "")])
def test_two_processes_say_the_same(names):
    """Whatever the hash seed, and wherever objects lie in memory."""
    said = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT.format(*names)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT, capture_output=True, text=True, check=True, timeout=120,
        ).stdout
        for seed in ("0", "1", "4321")
    ]  # fmt: skip
    assert said[0] == said[1] == said[2]
    assert "inverse_of_kron" in said[0]
