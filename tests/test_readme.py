"""README.md: its code runs, prints what it says, and its claims hold."""

import re

import numpy as np
import pytensor
import pytest
from pytensor.compile.mode import optdb
from pytensor.tensor.linalg import inv, kron, solve

from tests.typed_readme import README, ROOT, normal, said, session


@pytest.fixture(scope="module")
def typed():
    with session() as found:
        yield found


def kroneckers(f):
    return [n for n in f.maker.fgraph.apply_nodes if "Kronecker" in str(n.op)]


def test_what_is_printed_is_what_is_written(typed):
    checked = [b for b in typed.blocks if b.expected is not None]
    assert len(checked) >= 5
    for block in checked:
        same = normal if block.kind == "console" else str.strip
        assert same(block.text) == same(block.expected), f"README.md, line {block.line}"
    assert not any(word in b.text for b in checked for word in ("FAILS", "Traceback", "Error"))


def test_make_has_what_is_named(typed):
    named = {t for b in typed.blocks if b.kind == "sh" for t in re.findall(r"make (\w+)", b.text)}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert named == {"demo", "test"}
    assert all(re.search(rf"^{name}:", makefile, re.MULTILINE) for name in named)


def test_links_lead_somewhere():
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", README.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_kronecker_product_is_gone_where_it_says_so(typed):
    names = typed.names
    assert not kroneckers(names["f"])
    assert not kroneckers(names["f1"])
    assert not kroneckers(names["f2"])
    assert kroneckers(names["f3"])
    assert kroneckers(pytensor.function([names["A"], names["B"], names["v"]], names["x"]))


def test_the_diagram_is_the_graph(typed):
    """The nodes of the compiled graph, without those that compute lengths."""
    names = typed.names
    ops = [str(n.op).split("{")[0] for n in names["f"].maker.fgraph.toposort()]
    assert [op for op in ops if "Solve" in op] == ["Solve", "Solve"]
    assert {"MatrixTranspose", "Reshape"} <= set(ops)


def test_all_ways_give_one_result(typed):
    names, rng = typed.names, np.random.default_rng(3)
    a, b = np.eye(5) + rng.normal(size=(5, 5)) / 5, np.eye(4) + rng.normal(size=(4, 4)) / 4
    v = rng.normal(size=20)
    expected = np.linalg.solve(np.kron(a, b), v)
    inputs = [names["A"], names["B"], names["v"]]
    rewritten = [pytensor.function(inputs, names[y]) for y in ("y1", "y2")]
    for f in (names["f"], names["f1"], names["f2"], names["f3"], *rewritten):
        np.testing.assert_allclose(f(a, b, v), expected)


def test_ones_own_relation_is_used(typed):
    rng = np.random.default_rng(4)
    u, v, b = rng.normal(size=(50, 3)) / 7, rng.normal(size=(3, 50)) / 7, rng.normal(size=50)
    expected = np.linalg.solve(np.eye(50) + u @ v, b)
    np.testing.assert_allclose(typed.names["g"](u, v, b), expected)


def test_ones_own_relation_builds_nothing_large(typed):
    from kantor.demo_cases import Case
    from kantor.demo_measure import largest_intermediate, mode

    U, V, b, z = (typed.names[n] for n in ("U", "V", "b", "z"))
    values = [np.ones((50, 3)), np.ones((3, 50)), np.ones(50)]
    own = {"relations": [typed.names["low_rank_solve"]], "sizes": typed.names["tall"]}
    case = Case("", "", [U, V, b], z, values)
    assert largest_intermediate(case, mode("CVM", **own)) <= 50
    assert largest_intermediate(case, mode("CVM")) == 50 * 50


WRONG = {
    "a wrong sign": (
        "inverse(eye(U.rows) + U @ V) @ X, X + U @ inverse(eye(V.rows) + V @ U) @ V @ X",
        r"smallest counter-example",
    ),
    "an unbound variable": ("inverse(U) @ V, inverse(U) @ X", r"X on the right side is unbound"),
    "sides of two shapes": ("inverse(kron(U, V)), inverse(U)", r"shape|which the left side does"),
    "a condition on nothing": (
        "inverse(U @ V), inverse(V) @ inverse(U), square(U), square(X)",
        r"X, which is no variable of the relation",
    ),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_wrong_relation_is_refused(mistake, tmp_path):
    sides, message = WRONG[mistake]
    (tmp_path / "wrong.py").write_text(
        "from kantor import eye, inverse, kron, matrices, relation, square\n"
        "U, V, X = matrices('U V X')\n"
        "@relation(tags='low_rank')\n"
        f"def wrong({'U, V' if 'X' not in sides.split(', square')[0] else 'U, V, X'}):\n"
        f"    '''A mistake.'''\n    return {sides}\n",
        encoding="utf-8",
    )
    printed = said(tmp_path, "-m", "kantor", "check", "wrong.py")
    assert re.search(message, printed), printed
    assert "wrong" in printed
    assert "Traceback" not in printed


def test_the_table_is_what_the_demo_counts():
    """Flops and entries; times depend on the machine."""
    from pytensor.compile.mode import get_mode

    from kantor import demo_report as report
    from kantor.demo_cases import el_nino, kronecker_solve, products
    from kantor.demo_measure import largest_intermediate, mode

    rows = [line for line in README.read_text(encoding="utf-8").splitlines() if " → " in line]
    rows = [row for row in rows if row.startswith("| ")]
    for row, case in zip(rows, (products(), kronecker_solve(), el_nino()), strict=True):
        derived = report.derive(case)
        flops = report.count(derived.flops_before), report.count(derived.flops_after)
        entries = (largest_intermediate(case, m) for m in (get_mode("CVM"), mode("CVM")))
        assert " → ".join(flops) in row
        assert " → ".join(f"{n:,}" for n in entries) + " entries" in row


def test_importing_changes_nothing():
    code = (
        "from pytensor.compile.mode import optdb\n"
        "before = {n: set(optdb[n]._names) for n in ('canonicalize', 'stabilize', 'specialize')}\n"
        "import kantor\n"
        "after = {n: set(optdb[n]._names) for n in before}\n"
        "print(before == after)\n"
    )
    assert said(ROOT, "-c", code) == "True\n"


def test_registering_is_undone(typed):
    A, B, v = (typed.names[n] for n in ("A", "B", "v"))
    assert "kantor" in str(optdb["stabilize"]._names)
    assert kroneckers(pytensor.function([A, B, v], kron(A, B) @ v))


def test_types_and_names_are_kept(typed):
    import kantor

    A, B, v = (typed.names[n] for n in ("A", "B", "v"))
    x = solve(kron(A, B), v)
    x.name = "x"
    y = kantor.rewrite(x)
    assert y is not x
    assert (y.type, y.name) == (x.type, "x")


def test_a_rectangular_matrix_is_left_alone(typed):
    """The claim about 3 × 5."""
    import kantor

    A, B, C, y = (typed.names[n] for n in ("A", "B", "C", "y"))
    graph = A.T @ inv(A @ B) @ C @ y
    f = pytensor.function([A, B, C, y], kantor.rewrite(graph))
    rng = np.random.default_rng(5)
    values = [rng.normal(size=s) for s in ((3, 5), (5, 3), (3, 4), (4,))]
    a, b, c, d = values
    np.testing.assert_allclose(f(*values), a.T @ np.linalg.inv(a @ b) @ c @ d)


def test_a_relation_that_raises_is_left_out(typed, monkeypatch):
    import kantor

    def raises(*_):
        raise RuntimeError("on purpose")

    A, B = kantor.matrices("A B")
    condition = kantor.square(A)
    sides = kantor.inverse(kantor.kron(A, B)), kantor.kron(kantor.inverse(A), kantor.inverse(B))
    broken = kantor.Relation("broken", *sides, (condition, kantor.square(B)), doc="For a test.")
    monkeypatch.setattr(type(condition), "holds", raises)
    graph = inv(kron(typed.names["A"], typed.names["B"]))
    with pytest.warns(kantor.KantorWarning) as caught:
        assert kantor.rewrite(graph, relations=[broken]) is graph
    assert [str(w.message).count("broken") for w in caught] == [1]


def test_a_plain_relation_is_used(typed):
    import kantor
    from relations.kronecker import kron_matvec

    def plain(in_lv, out_lv):
        return kron_matvec(in_lv, out_lv)

    A, B, v = (typed.names[n] for n in ("A", "B", "v"))
    graph = kron(A, B) @ v
    (step,) = kantor.explain(graph, relations=[plain]).steps
    assert step.relation == "plain"
    assert not kroneckers(pytensor.function([A, B, v], kantor.rewrite(graph, relations=[plain])))


def test_what_loses_accuracy_is_off():
    from relations.library import select

    assert "loses" not in {r.stability for r in select(None)[0]}
