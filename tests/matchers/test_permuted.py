"""Products with permutations, which PyTensor has made indices of before Kantor reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode, get_mode
from pytensor.tensor import linalg

import kantor
from tests.benchmarks.counter import count

N, M = 30, 20
BASE = get_mode("NUMBA").clone(linker="py")
PLAIN = Mode("py", optimizer=None)


def matrix(name: str, static: bool, rows: int = N, cols: int = N, **said: bool) -> Any:
    x = pt.matrix(name, shape=(rows, cols) if static else (None, None))
    return x, kantor.assume(x, **said) if said else x


def flops(inputs: Any, out: Any, sizes: Any = None) -> float:
    """The flops of what is compiled, once its values are seen to be those of the graph."""
    rng = np.random.default_rng(1)
    values = []
    for x, shape in inputs.items():
        value = 0.1 * rng.normal(size=shape) + np.eye(*shape)
        kinds = {"P": lambda v: np.eye(N)[rng.permutation(N)], "D": lambda v: np.diag(np.diag(v)),
                 "L": np.tril}  # fmt: skip
        values.append(kinds.get(x.name[0], lambda v: v)(value))
    f = pytensor.function(list(inputs), out, mode=kantor.mode(BASE, sizes=sizes))
    expected = pytensor.function(list(inputs), out, mode=PLAIN)(*values)
    np.testing.assert_allclose(f(*values), expected, rtol=1e-9, atol=1e-11)
    return count(f.maker.fgraph, list(inputs.values()))[0] - N * N  # where the ones are


@pytest.mark.parametrize("static", [True, False], ids=["static", "dynamic"])
def test_a_chain_is_bracketed_through_a_permutation(static: bool) -> None:
    P, p = matrix("P", static, permutation=True)
    A, B = matrix("A", static)[0], matrix("B", static)[0]
    x = pt.matrix("x", shape=(N, 1))
    inputs = {P: (N, N), A: (N, N), B: (N, N), x: (N, 1)}
    for out in (p @ (A @ B) @ x, p.T @ (A @ B) @ x):
        assert flops(inputs, out) == 4 * N * N
    for out in (x.T @ (A @ p @ B), x.T @ (A @ p.T @ B)):
        assert flops(inputs, out) == 4 * N * N


def test_what_is_known_of_a_factor_is_known_behind_a_permutation() -> None:
    P, p = matrix("P", True, permutation=True)
    D, d = matrix("D", True, diagonal=True)
    L, low = matrix("L", True, lower_triangular=True)
    G = matrix("G", True)[0]
    assert flops({P: (N, N), D: (N, N), G: (N, N)}, d @ p @ G) == 0
    assert flops({P: (N, N), D: (N, N), G: (N, N)}, linalg.inv(d @ p) @ G) == 0
    inverted = linalg.inv(p @ low @ p) @ G
    assert flops({P: (N, N), L: (N, N), G: (N, N)}, inverted) == N**3


def test_rows_that_are_added_to_a_matrix_are_a_sum() -> None:
    P, p = matrix("P", True, permutation=True)
    A, B, C = (matrix(name, True)[0] for name in "ABC")
    inputs = {P: (N, N), A: (N, N), B: (N, N), C: (N, N)}
    out = (A + p @ B) @ C[:, :1]
    assert flops(inputs, out) == 2 * N * N
    x = pt.matrix("x", shape=(N, 1))
    assert flops({**inputs, x: (N, 1)}, (A @ B + p @ C) @ x) == 6 * N * N


def test_no_permutation_is_read_where_none_is_declared() -> None:
    S, A, B = (matrix(name, True)[0] for name in "SAB")
    x = pt.matrix("x", shape=(N, 1))
    index = pt.argmax(S, axis=0)
    out = (A @ B)[:, index] @ x
    f = pytensor.function([S, A, B, x], out, mode=kantor.mode(BASE))
    rng = np.random.default_rng(1)
    values = [rng.normal(size=(N, N)) for _ in range(3)]
    column = rng.normal(size=(N, 1))
    expected = (values[1] @ values[2])[:, values[0].argmax(axis=0)] @ column
    np.testing.assert_allclose(f(*values, column), expected, rtol=1e-9)


@pytest.mark.parametrize("static", [True, False], ids=["static", "dynamic"])
def test_a_gradient_is_kept(static: bool) -> None:
    P, p = matrix("P", static, permutation=True)
    A, B = matrix("A", static)[0], matrix("B", static)[0]
    x = pt.matrix("x", shape=(N, 1))
    y = (p @ (A @ B) @ x).sum()
    for of in (P, A, x):
        before = pytensor.grad(y, of)
        after = pytensor.grad(kantor.rewrite(y), of)
        rng = np.random.default_rng(2)
        values = [np.eye(N)[rng.permutation(N)], *rng.normal(size=(2, N, N))]
        values.append(rng.normal(size=(N, 1)))
        f = pytensor.function([P, A, B, x], [before, after], mode=PLAIN, on_unused_input="ignore")
        old, new = f(*values)
        np.testing.assert_allclose(new, old, rtol=1e-9, atol=1e-12)
