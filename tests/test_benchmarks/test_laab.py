"""LAAB's tests: that the references compute the same, and what a loss is."""

from __future__ import annotations

import numpy as np
import pytensor
import pytest

from tests.benchmarks import bench_laab
from tests.benchmarks.laab import TESTS, clipped, loss, slowdown
from tests.support import PLAIN

NAMES = [t.name for t in TESTS]
# These references stop short of, or go beyond, what is asked for.
OTHERWISE = {
    ("mm_syrk", "good"): lambda x, n: np.tril(x) + np.tril(x, -1).T,
    ("cm_partial_op_sum", "poor"): lambda x, n: x[2, 2],
    ("cm_partial_op_prod", "poor"): lambda x, n: x[2, 2],
}


def test_there_are_seventeen():
    assert len(set(NAMES)) == len(TESTS) == 17


@pytest.mark.parametrize("static", [False, True], ids=["dynamic", "static"])
@pytest.mark.parametrize("test", TESTS, ids=NAMES)
def test_references_compute_what_is_written(test, static):
    n = 13
    values = test.values(n)
    inputs, graph = test.graph(n if static else None)
    written = pytensor.function(inputs, graph, mode=PLAIN)(*values)
    for kind in ("good", "poor"):
        given = test.made(*values) if kind == "good" and test.made else values
        reference = getattr(test, kind)
        if kind == "good" and not test.of_kernel:
            reference = pytensor.function(inputs, test.good(*inputs), mode=PLAIN)
        found = reference(*given)
        found = OTHERWISE.get((test.name, kind), lambda x, n: x)(found, n)
        assert found.dtype == written.dtype == np.float32
        scale = np.abs(written).max()
        np.testing.assert_allclose(found, written, rtol=0, atol=2e-4 * scale)


def test_a_slowdown_counts_only_where_quartiles_are_apart():
    good = [1.0, 1.1, 1.2, 1.3]
    assert slowdown([2.0, 2.2, 2.4, 2.6], good) == pytest.approx(1.0)
    assert slowdown([1.0, 1.2, 1.3, 9.0], good) == 0.0


def test_a_loss_is_a_part_of_that_of_the_poor_reference():
    good, poor = [1.0] * 5, [3.0] * 5
    assert loss([1.0] * 5, good, poor) == 0.0
    assert loss([2.0] * 5, good, poor) == pytest.approx(0.5)
    assert loss([3.0] * 5, good, poor) == pytest.approx(1.0)
    assert loss([2.0] * 5, good, good) == 0.0


def test_what_a_clock_cannot_tell_is_no_reference():
    assert clipped([1e-6, 1.0], 3000) == [2e-3, 1.0]
    assert clipped([1e-6], 300) == pytest.approx([2e-5])


def test_the_benchmark_runs(capsys):
    argv = ["--order", "40", "--rounds", "2", "--backend", "CVM", "--only", "mm_sgemm"]
    assert bench_laab.main(argv) in (0, 1)
    said = capsys.readouterr().out
    assert "mm_sgemm, Aᵀ B" in said
    assert "of 1 passed" in said
