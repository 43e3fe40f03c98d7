"""Linnea's problems: the statements, the forms by hand, and what the benchmark says of them."""

from __future__ import annotations

import numpy as np
import pytensor
import pytest
from pytensor.compile.mode import get_mode

import kantor
from tests.benchmarks import bench_linnea, linnea_problems
from tests.benchmarks.bench_linnea import (
    ERROR,
    MOST,
    RATIO,
    compared,
    document,
    rows,
    scale_of,
    searches,
    timed,
)
from tests.benchmarks.counter import count
from tests.benchmarks.linnea_by_hand import BY_HAND
from tests.benchmarks.linnea_measures import SMALL, Measured, arguments, measure
from tests.benchmarks.linnea_problems import graph, literal, problems, values
from tests.support import PLAIN

IDS = sorted(problems())
# What PyTensor 3.3.7 needs, counted once by a script that shares nothing with ours.
PLAIN_FLOPS = {
    1: 2544166666.67, 2: 20252500000, 3: 8337333333.33, 5: 154666666666.67, 7: 56533333333.33,
    8: 416000000000, 18: 499866666.67, 20: 3844026666.67, 21: 4103066666.67, 23: 61803666666.67,
    25: 789973333.33,
}  # fmt: skip


def away(found, expected):
    return max(
        np.abs(x.reshape(y.shape) - y).max() / np.abs(y).max()
        for x, y in zip(found, expected, strict=True)
    )


def test_there_are_25_and_each_has_a_form_by_hand():
    assert IDS == list(range(1, 26)) == sorted(BY_HAND)


@pytest.mark.parametrize("number", IDS)
def test_the_form_by_hand_computes_the_expression_and_spares_its_operands(number):
    problem = problems()[number]
    given = values(problem, SMALL)
    kept = {k: np.copy(x) for k, x in given.items()}
    found = BY_HAND[number](given)
    assert away(found, literal(problem, given, SMALL)) < 1e-10
    assert all(np.array_equal(kept[k], given[k]) for k in given)


@pytest.mark.parametrize("columns", [False, True], ids=["vectors", "columns"])
@pytest.mark.parametrize("static", [True, False], ids=["static", "dynamic"])
@pytest.mark.parametrize("number", IDS)
def test_the_graph_is_the_expression(number, static, columns):
    problem = problems()[number]
    given = values(problem, SMALL)
    g = graph(problem, static=static, scale=SMALL, columns=columns)
    f = pytensor.function(g.inputs, g.outputs, mode=PLAIN)
    found = f(*arguments(problem, given, columns))
    assert away(found, literal(problem, given, SMALL)) < 1e-10


@pytest.mark.parametrize("number", sorted(PLAIN_FLOPS))
def test_plain_pytensor_needs_what_was_counted_elsewhere(number):
    g = graph(problems()[number], static=True, plain=True)
    mode = get_mode("NUMBA").clone(linker="py")
    f = pytensor.function(g.inputs, g.outputs, mode=mode)
    found, _ = count(f.maker.fgraph, [g.sizes[x] for x in g.inputs])
    assert found == pytest.approx(PLAIN_FLOPS[number], rel=1e-9)


def test_values_have_the_properties_they_are_said_to_have():
    for problem in problems().values():
        given = values(problem, SMALL)
        for o in problem.inputs:
            x = given[o.name]
            assert x.shape == problem.shape(o, SMALL)
            if {"SPD", "SPSD"} & set(o.properties):
                assert np.linalg.eigvalsh(x).min() > 0.5
            if "FullRank" in o.properties:
                assert np.linalg.svd(x, compute_uv=False).min() > 1e-2, (problem.id, o.name)
            if "LowerTriangular" in o.properties:
                assert not np.triu(x, 1).any()
            if "UpperTriangular" in o.properties:
                assert not np.tril(x, -1).any()
            if "Symmetric" in o.properties:
                assert np.array_equal(x, x.T)
            if "Positive" in o.properties:
                assert (x > 1).all()


def test_lengths_that_differ_still_do_when_they_are_scaled():
    assert problems()[5].lengths(0.04) == {"n": 81, "m": 80}
    assert problems()[7].lengths(0.04) == {"n": 80, "m": 80, "N": 8}


def test_full_rank_is_told_of_the_side_that_is_full(monkeypatch):
    said = {}
    monkeypatch.setattr(kantor, "assume", lambda x, **keys: said.setdefault(x.name, keys) and x)
    monkeypatch.setattr(linnea_problems.linalg, "inv", lambda x: x.T)
    graph(problems()[3], static=True)
    assert said["A"] == {"full_row_rank": True}
    assert set(said["W"]) >= {"diagonal", "positive_definite", "nonsingular"}
    said.clear()
    graph(problems()[1], static=True)
    assert said == {"X": {"full_column_rank": True}}


def test_a_rewritten_problem_is_right_and_cheaper_than_plain():
    for columns in (False, True):
        found = measure(problems()[8], "NUMBA", columns)
        assert found.error < 1e-10
        assert found.ratio("static") < 1.2
        assert found.ratio("static") == found.ratio("dynamic")
        assert found.ratio("plain") > 6


def test_too_many_flops_and_wrong_values_miss_their_bars():
    problem = problems()[20]
    few, many = {"plain": 2 * problem.best}, {"plain": 2 * problem.best}
    for k in ("static", "dynamic"):
        few[k], many[k] = problem.best * 1.019, problem.best * 1.03
    assert all(r.passed for r in rows(Measured(problem, few, {}, 1e-12)))
    assert [r.passed for r in rows(Measured(problem, many, {}, 1e-3))] == [
        False, False, True, False,
    ]  # fmt: skip


def test_the_benchmark_runs(capsys):
    bench_linnea.main(["--only", "20", "--nodes"])
    said = capsys.readouterr().out
    assert "20 Tikhonov regularization 3" in said
    assert "Dot 200×3000 · 3000×3000" in said
    assert "1 of 1 within 1.02" in said
    assert "search, of all problems" in said


TIMES = {
    "plain": [4.0, 5.0, 6.0], "static": [1.0, 2.0, 9.0], "dynamic": [5.9, 6.0, 6.1],
    "by hand": [2.0, 2.0, 2.0], "JAX": [8.0, 8.0, 8.0],
}  # fmt: skip


def test_times_are_held_against_plain_and_by_quartiles():
    assert [r.passed for r in timed(TIMES)[-2:]] == [True, False]
    found = {r.name: r for r in compared([TIMES, TIMES])}
    assert found["shapes in the types, over plain"].value == pytest.approx(0.4)
    assert found["shapes in the types, over plain"].passed
    assert found["shapes in the types, over by hand"].passed
    assert not found["shapes unknown, sizes=, over plain"].passed
    assert found["shapes unknown, sizes=, over JAX"].passed


def test_the_search_has_a_bar_for_the_median_and_one_for_the_worst():
    problem = problems()[20]
    made = [
        Measured(problem, {}, {}, 0.0, {"static": s, "dynamic": 0.01}) for s in (0.04, 0.06, 0.4)
    ]
    assert [r.passed for r in searches(made)] == [False, False, True, True]
    assert [r.value for r in searches(made)] == [0.06, 0.4, 0.01, 0.01]


def test_what_was_found_is_written_and_drawn(tmp_path):
    problem = problems()[20]
    flops = dict.fromkeys(("plain", "static", "dynamic"), problem.best)
    document(tmp_path, [Measured(problem, flops, {}, 1e-15)], [TIMES], [0.5], "Somewhere.")
    assert (tmp_path / "linnea.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "linnea.md").read_text("utf-8")
    assert "Somewhere." in page and "(linnea.png)" in page
    assert (
        "| 20 | Tikhonov regularization 3 | 3.84e+09 | 3.84e+09 | 1.000 | 5,000 | 2,000 |" in page
    )


def test_large_problems_are_timed_at_a_part_of_their_lengths():
    problem = problems()[20]
    assert scale_of(Measured(problem, {"plain": 1e9}, {}, 0.0)) == 1.0
    assert scale_of(Measured(problem, {"plain": 8 * MOST}, {}, 0.0)) == pytest.approx(0.5)


def test_the_time_of_the_search_is_found():
    found = measure(problems()[1], "NUMBA")
    assert all(0 < found.planning[k] < 10 for k in ("static", "dynamic"))


# Those in which most is found: a factor, a gain, an update, sharing, a trapezoid, roots, a sum that
# is symmetric, one factor for all products.
@pytest.mark.parametrize("number", [1, 2, 4, 5, 14, 15, 23, 24, 25])
def test_no_more_flops_than_the_best_known(number):
    found = measure(problems()[number], "NUMBA")
    assert found.ratio("static") <= RATIO and found.ratio("dynamic") <= RATIO
    assert found.error <= ERROR
