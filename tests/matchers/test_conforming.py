"""What a term demands of dimensions."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
import pytest

from matchers import vocabulary as v
from matchers.conforming import DEMANDS, equations, learn, unproved
from matchers.dims import ONE, const
from matchers.equalities import Dims
from matchers.leaves import atom
from matchers.terms import shape
from matchers.variables import LogicVar

A, B, C = (atom(pt.matrix(name)) for name in "ABC")
S, R = atom(pt.matrix(shape=(2, 3))), atom(pt.matrix(shape=(4, 5)))
x = atom(pt.vector("x"), 1)
T, U = atom(pt.tensor3("T")), atom(pt.tensor3("U"))
V = LogicVar("V")
m, n = A.rows, A.cols

DEMANDED: dict[str, tuple[Any, set[Any]]] = {
    "product": (A @ B @ C, {(A.cols, B.rows), (B.cols, C.rows)}),
    "sum": (A + B, {(A.rows, B.rows), (A.cols, B.cols)}),
    "elementwise": (v.mul(A, B), {(A.rows, B.rows), (A.cols, B.cols)}),
    "inverse": (v.inverse(A), {(m, n)}),
    "determinant": (v.det(A), {(m, n)}),
    "log-determinant": (v.logabsdet(A), {(m, n)}),
    "cholesky": (v.cholesky(A), {(m, n)}),
    "expm": (v.expm(A), {(m, n)}),
    "reshape": (v.unvec(x, const(2), n), {(x.rows * ONE, n * 2)}),
    "sylvester": (v.sylvester(A, B, C), {
        (m, n), (B.rows, B.cols), (m, C.rows), (B.rows, C.cols)}),
    "lyapunov": (v.discrete_lyapunov(A, C), {(m, n), (m, C.rows), (n, C.cols)}),
    "adjoint": (v.kron_adjoint_left(C, A, B), {(C.rows, m * B.rows), (C.cols, n * B.cols)}),
    "batches": (T + U, {
        (T.rows, U.rows), (T.cols, U.cols), (shape(T)[2][0], shape(U)[2][0])}),
    "kron": (v.kron(A, B), set()),
    "trace": (v.trace(A), set()),
    "transpose": (A.T, set()),
}  # fmt: skip


@pytest.mark.parametrize("name", DEMANDED)
def test_demands(name: str) -> None:
    term, demanded = DEMANDED[name]
    assert set(equations(term)) == demanded


def test_segments_and_rests_demand_nothing() -> None:
    s, r = LogicVar("s", "segment"), LogicVar("r", "rest")
    assert list(equations(v.matmul(A, s, B))) == []
    assert set(equations(v.add(A, B, r))) == {(A.rows, B.rows), (A.cols, B.cols)}
    assert set(equations(v.matmul(V, B))) == {(V.cols, B.rows)}


def test_learning_and_proving() -> None:
    dims = Dims()
    term = v.inverse(A @ B) @ x
    assert unproved(dims, term)
    assert learn(dims, term)
    assert unproved(dims, term) == []
    assert dims.equal(A.rows, x.rows) and dims.equal(A.cols, B.rows)
    assert not dims.equal(A.rows, A.cols)


@pytest.mark.parametrize("term", [S @ R, S + R, v.inverse(S), v.unvec(S, const(4), const(2))])
def test_contradictions(term: Any) -> None:
    assert not learn(Dims(), term)
    assert not learn(Dims(), A @ term)


def test_batches_are_equal_or_one() -> None:
    dims = Dims()
    assert learn(dims, T @ U @ A)
    assert dims.equal(shape(T)[2][0], shape(U)[2][0])
    fixed = [atom(pt.tensor(shape=(k, 3, 3))) for k in (2, 1, 5)]
    assert learn(Dims(), fixed[0] @ fixed[1])
    assert not learn(Dims(), fixed[0] @ fixed[2])


def test_every_head_that_demands_is_in_the_table() -> None:
    assert {h.name for h in DEMANDS} >= {
        "matmul", "add", "mul", "reshape", "inverse", "det", "logabsdet", "cholesky", "expm",
        "sylvester", "discrete_lyapunov",
    }  # fmt: skip
