"""Random expressions: the generator, the reference, the bars, and some expressions held to them."""

from __future__ import annotations

import numpy as np
import pytensor
import pytest
from pytensor.compile.mode import Mode

from tests.benchmarks import bench_random
from tests.benchmarks.bench_random import ERROR, RATIO, Measured, measure, rows
from tests.benchmarks.random_linnea import (
    LENGTHS,
    SMALLER,
    draw,
    graph,
    literal,
    smaller,
    values,
    written,
)
from tests.benchmarks.random_reference import best_chain

PLAIN = Mode("py", optimizer=None)
# Operations and seed; many were dearer than plain PyTensor, or than need be, when first drawn.
HELD = [
    (6, 1017), (6, 1000), (5, 2037), (5, 2045), (5, 2026), (4, 16), (5, 2031), (4, 28),
    (6, 1031), (6, 1024), (4, 38), (5, 2059),
]  # fmt: skip


def operations(node):
    return sum(map(operations, node.args)) + (node.operand is None)


@pytest.mark.parametrize("n", [4, 5, 6, 7])
def test_expressions_are_of_the_lengths_that_are_asked_for(n):
    drawn = [draw(seed, n) for seed in range(40)]
    assert sum(operations(d.tree) == n for d in drawn) > 25
    for d in drawn:
        for o in d.operands:
            assert all(length == 1 or length in LENGTHS for length in o.shape)
            assert not o.property or o.shape[0] == o.shape[1]


def test_a_seed_is_an_expression():
    assert draw(3, 5) == draw(3, 5)
    assert len({draw(seed, 5).title for seed in range(30)}) == 30


@pytest.mark.parametrize("static", [True, False], ids=["static", "dynamic"])
@pytest.mark.parametrize("seed", range(12))
def test_the_graph_is_the_expression(seed, static):
    d = draw(seed, 4 + seed % 4)
    g = graph(d, static=static, scale=SMALLER)
    f = pytensor.function(g.inputs, g.outputs, mode=PLAIN, on_unused_input="ignore")
    given = values(d)
    arrays = [x.reshape(written(d, x.shape)) for x in given.values()]
    (found,) = f(*arrays)
    expected = literal(d.tree, given)
    assert expected.shape == smaller(d.tree.shape, SMALLER)
    assert np.abs(found.reshape(expected.shape) - expected).max() < 1e-9 * np.abs(expected).max()


def test_values_have_the_properties_they_are_said_to_have():
    holds = {
        "diagonal": lambda x: np.array_equal(x, np.diag(np.diag(x))),
        "lower": lambda x: np.array_equal(x, np.tril(x)),
        "upper": lambda x: np.array_equal(x, np.triu(x)),
        "symmetric": lambda x: np.array_equal(x, x.T),
        "SPD": lambda x: np.linalg.eigvalsh(x).min() > 0.1,
        "orthogonal": lambda x: np.allclose(x @ x.T, np.eye(len(x))),
        "permutation": lambda x: set(x.sum(0)) == set(x.sum(1)) == {1.0},
    }
    seen = set()
    for seed in range(40):
        d = draw(seed, 5)
        given = values(d)
        for o in d.operands:
            x = given[o.name]
            if o.property:
                seen.add(o.property)
                assert holds[o.property](x), o
                assert np.linalg.cond(x) < 50
    assert seen == set(holds)


def test_the_best_bracketing_knows_what_products_are():
    known = {d.title: (d, best_chain(d.tree)) for d in (draw(s, 4) for s in range(60))}
    pure = [(d, best) for d, best in known.values() if best is not None]
    assert len(pure) > 15
    (d, best), = [(d, b) for d, b in pure if d.seed == 44]  # fmt: skip
    # A lower triangle times three matrices: the first product, then the triangle.
    n, k, m, p = 350, 1800, 400, 1500
    assert best == 2 * n * k * m + n * n * m + 2 * n * m * p
    assert str(d.tree) == "(A0 @ (A1 @ A2.T)) @ A3"


def test_too_many_flops_and_wrong_values_miss_their_bars():
    d = draw(1, 4)
    search = {"static": 0.01, "dynamic": 0.01}

    def passed(flops, error, slowest):
        found = Measured(
            d,
            {"plain": 1e9, "static": flops, "dynamic": flops},
            {},
            {**search, "static": slowest},
            error,
            None,
        )
        return [r.passed for r in rows(found)]

    assert all(passed(1.019e9, 1e-12, 0.2))
    assert passed(1.03e9, 1e-12, 0.2) == [False, False, True, True]
    assert passed(0.5e9, 1e-6, 0.4) == [True, True, False, False]


@pytest.mark.parametrize(("n", "seed"), HELD)
def test_no_dearer_than_plain_pytensor(n, seed):
    found = measure(draw(seed, n))
    assert found.ratio("static") <= RATIO and found.ratio("dynamic") <= RATIO
    assert found.error <= ERROR


def test_the_benchmark_runs(capsys):
    assert bench_random.main(["--count", "2", "--seed", "28", "--operations", "4", "--all"]) == 0
    said = capsys.readouterr().out
    assert "0 of 2 dearer" in said
    assert "shapes unknown, sizes=" in said
