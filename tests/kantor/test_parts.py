"""The parts of a region that have no matrix in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor import linalg

from kantor.api import graph_of
from kantor.engine import Engine
from kantor.reading import Reading
from matchers.regions import regions
from relations.library import select

N = 50
S, T, U = (pt.matrix(name, shape=(N, N)) for name in "STU")
x, y = (pt.vector(name, shape=(N,)) for name in "xy")
c = pt.scalar("c")
# What two matrices have in common makes one region of their factorizations.
JITTER = pt.constant(1e-6 * np.eye(N))


def parts(*outputs: Any) -> list[Reading]:
    fgraph, _ = graph_of(list(outputs))
    (region,) = regions(fgraph)
    return Reading(fgraph, region, None).parts()


def test_a_constant_and_a_number_in_common_leave_two_parts() -> None:
    found = parts(linalg.solve(S + JITTER, c * x), linalg.solve(T + JITTER, c * y))
    assert [len(p.roots) for p in found] == [1, 1]
    first, second = (set(p.region.nodes) for p in found)
    assert first and second and first.isdisjoint(second)


def test_a_vector_in_common_leaves_one_part() -> None:
    assert len(parts(linalg.solve(S + JITTER, x), linalg.solve(T + JITTER, x))) == 1


def test_a_factorization_of_a_constant_in_common_leaves_one_part() -> None:
    fixed = pt.constant(np.diag(np.arange(1.0, N + 1)) + 1)
    found = parts(linalg.solve(fixed, x), linalg.solve(fixed.T, y))
    assert len(found) == 1


def test_a_variable_that_reads_as_two_terms_leaves_one_part() -> None:
    rows = pt.tensor("rows", shape=(3, N))
    each = linalg.solve(linalg.cholesky(S)[None], rows, b_ndim=1)
    assert len(parts(each, -each.sum(axis=0))) == 1


def test_each_part_is_decided_by_itself() -> None:
    graphs = [linalg.solve(S + JITTER, (U @ U) @ x), linalg.solve(T + JITTER, y)]
    fgraph, _ = graph_of(graphs)
    (step,) = Engine(select(None)[0]).rewrite(fgraph)
    assert len(step.before) == 1
