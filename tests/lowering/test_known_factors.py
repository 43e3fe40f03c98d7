"""What is known of a factor that is computed, or an inverse that is formed, decides its kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode, get_mode
from pytensor.tensor.linalg import inv

import kantor
from lowering.chains import DEFINITE, bracket, leaf_cost
from lowering.costs import cost
from tests.benchmarks.counter import count

N = 60
BASE = get_mode("NUMBA").clone(linker="py")
PLAIN = Mode("py", optimizer=None)
MAKING: dict[str, Any] = {
    "lower_triangular": np.tril,
    "upper_triangular": np.triu,
    "diagonal": lambda x: np.diag(np.diag(x)),
    "symmetric": lambda x: x + x.T,
    "positive_definite": lambda x: x @ x.T,
}


class Drawn:
    """Square matrices of which something is declared, and their values."""

    def __init__(self, static: bool) -> None:
        self.static = static
        self.values: dict[Any, Any] = {}
        self._rng = np.random.default_rng(1)

    def __call__(self, *said: str) -> Any:
        x = pt.matrix(f"X{len(self.values)}", shape=(N, N) if self.static else (None, None))
        value = np.eye(N) + self._rng.normal(size=(N, N)) / (10 * N**0.5)
        for key in said:
            value = MAKING[key](value)
        self.values[x] = value
        return kantor.assume(x, **dict.fromkeys(said, True)) if said else x

    def lower(self) -> Any:
        return self("lower_triangular")

    def upper(self) -> Any:
        return self("upper_triangular")

    def diagonal(self) -> Any:
        return self("diagonal")

    def definite(self) -> Any:
        return self("positive_definite")

    def flops(self, out: Any) -> float:
        """Of what is compiled, in n³, once the values are seen to be right."""
        inputs = list(self.values)
        f = pytensor.function(inputs, out, mode=kantor.mode(BASE))
        expected = pytensor.function(inputs, out, mode=PLAIN)(*self.values.values())
        np.testing.assert_allclose(f(*self.values.values()), expected, rtol=1e-9, atol=1e-11)
        return count(f.maker.fgraph, [(N, N)] * len(inputs))[0] / N**3


def gram(d: Drawn) -> Any:
    x = d()
    return inv(x.T @ x)


def twice(x: Any) -> Any:
    return x @ x


KNOWN = {
    "a sum of triangles": (lambda d: (d.lower() + d.lower()) @ d(), 1),
    "a sum of triangles, transposed": (lambda d: d() @ (d.upper() - d.upper()).T, 1),
    "a triangle and a diagonal": (lambda d: (d.lower() + d.diagonal()) @ d(), 1),
    "a product of triangles in a sum": (lambda d: (d.lower() @ d.lower() + d.lower()) @ d(), 2),
    "a symmetric matrix and itself": (lambda d: twice(d("symmetric")), 1),
    "a definite matrix and itself": (lambda d: twice(d.definite()), 1),
    "an inverse of definite matrices": (lambda d: inv(d.definite() + d.definite()), 1),
    "an inverse of a product with one": (lambda d: inv(d() @ d.definite()), 11 / 3),
    "two inverses": (lambda d: inv(d.definite()) @ inv(d()), 11 / 3),
    "two inverses, one of a triangle": (lambda d: inv(d()) @ inv(d.upper()), 3),
    "an inverse and a diagonal": (lambda d: inv(d()) @ d.diagonal(), 2),
    "an inverse of a Gram matrix": (gram, 2),
}
UNKNOWN = {
    "a lower and an upper triangle": (lambda d: (d.lower() + d.upper()) @ d(), 2),
    "a triangle and anything": (lambda d: (d.lower() + d()) @ d(), 2),
    "a matrix and itself": (lambda d: twice(d()), 2),
    "an inverse of a symmetric sum": (lambda d: inv(d("symmetric") + d.definite()), 2),
}


@pytest.mark.parametrize("static", [True, False], ids=["static", "dynamic"])
@pytest.mark.parametrize("name", {**KNOWN, **UNKNOWN})
def test_flops(name: str, static: bool) -> None:
    graph, expected = {**KNOWN, **UNKNOWN}[name]
    drawn = Drawn(static)
    assert drawn.flops(graph(drawn)) == pytest.approx(expected)


def test_a_definite_matrix_is_inverted_by_its_factor() -> None:
    n = 50.0
    assert leaf_cost(DEFINITE, n) < leaf_cost("solve_positive", n)
    formed = leaf_cost(DEFINITE, n) + cost("solve", (n, n))
    assert bracket([DEFINITE, "solve"], [n, n, n])[0] == pytest.approx(formed)
    assert bracket(["solve", DEFINITE], [n, n, n])[0] == pytest.approx(formed)
