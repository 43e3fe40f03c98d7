"""What PyTensor gets wrong by a rewrite is right where Kantor is switched on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
import scipy.linalg
from pytensor.compile.mode import optdb
from pytensor.graph.rewriting.basic import SequentialGraphRewriter
from pytensor.graph.rewriting.db import RewriteDatabase
from pytensor.tensor import linalg

import kantor
from kantor.corrections import WRONG, restore, withdraw
from kantor.database import databases

RNG = np.random.default_rng(20261124)
A, B = pt.matrices("A", "B")
v = pt.vector("v")
WIDE, TALL = RNG.normal(size=(2, 3)), RNG.normal(size=(3, 2))
S3, S2 = RNG.normal(size=(3, 3)), RNG.normal(size=(2, 2))
K, KD = linalg.kron(A, B), linalg.block_diag(A, B)


class Case(NamedTuple):
    graph: Any
    values: dict[Any, Any]
    true: Any


BIG = {A: 10 * np.eye(40), B: 10 * np.eye(40)}
CASES = {
    "log|A ⊗ B|": Case(linalg.slogdet(K)[1], BIG, 3200 * np.log(10)),
    "log|A ⊕ B|": Case(
        linalg.slogdet(KD)[1], {A: 100 * np.eye(200), B: 100 * np.eye(200)}, 400 * np.log(100)
    ),
    "|A ⊗ B|, not square": Case(linalg.det(K), {A: WIDE, B: TALL}, 0.0),
    "|A ⊕ B|, not square": Case(linalg.det(KD), {A: WIDE, B: TALL}, 0.0),
    "tr(A ⊗ B), not square": Case(
        pt.trace(K), {A: WIDE, B: TALL}, np.trace(np.kron(WIDE, TALL))
    ),
    "diagonal(A ⊗ B), not square": Case(
        pt.diagonal(K), {A: WIDE, B: TALL}, np.diagonal(np.kron(WIDE, TALL))
    ),
    "another diagonal of A ⊗ B": Case(
        pt.diagonal(K, offset=1), {A: S3, B: S2}, np.diagonal(np.kron(S3, S2), 1)
    ),
    "tr(A ⊕ B), not square": Case(
        pt.trace(KD), {A: WIDE, B: TALL}, np.trace(scipy.linalg.block_diag(WIDE, TALL))
    ),
    "diagonal(A ⊕ B), not square": Case(
        pt.diagonal(KD), {A: WIDE, B: TALL}, np.diagonal(scipy.linalg.block_diag(WIDE, TALL))
    ),
    "another diagonal of A ⊕ B": Case(
        pt.diagonal(KD, offset=1), {A: S3, B: S2},
        np.diagonal(scipy.linalg.block_diag(S3, S2), 1),
    ),
    "diag(d)⁺ with a zero": Case(
        linalg.pinv(pt.diag(v)), {v: np.array([0.0, 2.0])}, np.diag([0.0, 0.5])
    ),
}  # fmt: skip


def value(case: Case, mode: Any) -> Any:
    f = pytensor.function(list(case.values), case.graph, mode=mode)
    return f(*case.values.values())


def right(case: Case, found: Any) -> bool:
    return np.shape(found) == np.shape(case.true) and np.allclose(found, case.true, rtol=1e-9)


@pytest.fixture
def registered() -> Iterator[None]:
    kantor.register()
    try:
        yield
    finally:
        kantor.unregister()


@pytest.mark.parametrize("name", CASES)
def test_right_in_a_mode(name: str) -> None:
    assert right(CASES[name], value(CASES[name], kantor.mode("CVM")))


@pytest.mark.parametrize("name", CASES)
def test_right_where_registered(name: str, registered: None) -> None:
    assert right(CASES[name], value(CASES[name], "CVM"))


@pytest.mark.parametrize("name", CASES)
def test_wrong_without(name: str) -> None:
    """If this fails, PyTensor has mended a rewrite, which then need not be left out."""
    try:
        found = value(CASES[name], "CVM")
    except ValueError:
        return
    assert not right(CASES[name], found)


def test_the_inverse_of_a_pseudoinverse() -> None:
    singular = np.array([[1.0, 2.0], [2.0, 4.0]])
    graph = linalg.inv(linalg.pinv(A))
    assert np.array_equal(pytensor.function([A], graph, mode="CVM")(singular), singular)
    f = pytensor.function([A], graph, mode=kantor.mode("CVM"))
    with pytest.raises(np.linalg.LinAlgError):
        f(singular)


def _tags() -> dict[tuple[int, str], list[str]]:
    return {
        (i, name): sorted(t for t, held in db.__db__.items() if db[name] in held)
        for i, db in enumerate(databases(optdb))
        for name in WRONG
        if name in db._names
    }


def test_tags_are_given_back() -> None:
    before = _tags()
    assert {name for _, name in before} == set(WRONG), "PyTensor has renamed a rewrite"
    kantor.register()
    kantor.register()
    assert all(len(tags) < len(before[key]) for key, tags in _tags().items())
    kantor.unregister()
    assert _tags() == before
    kantor.unregister()
    assert _tags() == before


def test_the_order_of_rewriting_is_given_back() -> None:
    db = RewriteDatabase()
    for name in ("first", "inv_of_inv", "between", "det_of_kronecker", "last"):
        db.register(name, SequentialGraphRewriter(), "fast_run")
    before = [e.name for e in db.query("+fast_run")]
    taken = withdraw([db])
    assert [e.name for e in db.query("+fast_run")] == ["first", "between", "last"]
    db.register("later", SequentialGraphRewriter(), "fast_run")
    restore(taken)
    assert [e.name for e in db.query("+fast_run")] == [*before, "later"]


def test_a_mode_without_kantor_is_pytensors_own() -> None:
    case = CASES["tr(A ⊗ B), not square"]
    without: Callable[[], Any] = kantor.mode("CVM").excluding
    assert not right(case, value(case, without("kantor")))
