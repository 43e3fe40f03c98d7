"""A solver that reads one triangle is rebuilt as one that reads the same one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg

from tests.support import assert_same_value

N = 5
A, X = pt.matrices("A", "X")
y = pt.vector("y")


def forms(assume: str, lower: bool) -> dict[str, Any]:
    def solve(**options: Any) -> Any:
        return linalg.solve(A, X, assume_a=assume, lower=lower, **options)

    return {
        "from the left": solve() @ y,
        "from the right": (X @ y) @ solve(),
        "transposed": solve(transposed=True) @ y,
        "within": y @ solve().T @ X[0],
    }


@pytest.mark.parametrize("lower", [True, False], ids=["lower", "upper"])
@pytest.mark.parametrize("assume", ["pos", "sym", "her"])
@pytest.mark.parametrize("form", forms("pos", True))
def test_the_other_triangle_is_not_read(form: str, assume: str, lower: bool) -> None:
    rng = np.random.default_rng(3)
    whole = rng.normal(size=(N, N))
    whole = whole @ whole.T + N * np.eye(N)
    if assume != "pos":
        whole -= 2 * N * np.eye(N)  # indefinite
    stored = np.tri(N, dtype=bool) if lower else np.tri(N, dtype=bool).T
    values = {
        A: np.where(stored, whole, 777.0),
        X: rng.normal(size=(N, N)),
        y: rng.normal(size=N),
    }
    graph = forms(assume, lower)[form]
    assert assert_same_value(graph, values) is not graph
