"""Terms: hash-consed, weak, etuples to everybody else."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from cons import car, cdr
from etuples.core import ExpressionTuple
from unification import reify, unify, var

import matchers.unification  # noqa: F401  car, cdr, unify and reify of terms
from matchers import leaves, terms
from matchers import vocabulary as v
from matchers.dims import const
from matchers.heads import Head
from matchers.leaves import Atom, atom, number
from matchers.terms import Term, intern, is_scalar, shape
from matchers.traversal import children, evaluate, rebuild, subterms
from matchers.variables import LogicVar, Run
from tests.support import evaluate as value_of

X, Y = pt.matrices("X", "Y")
A, B = atom(X), atom(Y)
V, W = LogicVar("V"), LogicVar("W", "vector")
WAYS = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
}


def test_equal_terms_are_one_object() -> None:
    assert A @ B is v.matmul(A, B)
    assert v.kron(A, v.transpose(B)) is v.kron(A, B.T)
    assert A @ B is not B @ A
    assert hash(A @ B) == hash(A @ B)
    assert atom(X) is A
    assert atom(X, 1) is not A
    assert atom(X, 2, A @ B) is not A


def test_commutative_heads_are_interned_as_multisets() -> None:
    assert A + B is B + A
    assert v.mul(A, B, A) is v.mul(A, A, B)
    assert v.mul(A, B, A) is not v.mul(A, B, B)
    assert A - B is not B - A


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True), (np.float32(2), 2, True), (float("nan"), float("nan"), True),
        (0.0, -0.0, False), (1 + 0j, 1, True), (1j, 1, False), (True, 1, True), (2, 3, False),
    ],
)  # fmt: skip
def test_numbers(one: Any, other: Any, same: bool) -> None:
    assert (number(one) is number(other)) == same


def test_the_notation() -> None:
    assert -A is v.scale(-1, A)
    assert A - B is v.add(A, v.scale(-1, B))
    assert 2 * A is A * 2 is v.scale(2, A)
    assert A / 2 is v.scale(0.5, A)
    assert A * B is v.mul(A, B)
    assert (A.T).T is A
    assert A.rows == shape(A)[0] and A.cols == shape(A)[1]
    assert (V @ W).cols == const(1)


def test_nothing_leaks() -> None:
    gc.collect()
    before = len(terms.TABLE)
    z = pt.matrix("z")
    term = v.kron(atom(z), A) @ v.inverse(3.25 * atom(z) + atom(z, 2, A))
    assert len(terms.TABLE) > before
    del term, z
    gc.collect()
    assert len(terms.TABLE) == before


@pytest.mark.parametrize("way", WAYS)
def test_logic_variables_are_copied_as_themselves(way: str) -> None:
    for kind in LogicVar.KINDS:
        x = LogicVar("x", kind)
        assert WAYS[way](x) is x
        assert (WAYS[way](x).kind, WAYS[way](x).name) == (kind, "x")


@pytest.mark.parametrize("way", WAYS)
def test_patterns_are_copied_as_themselves(way: str) -> None:
    pattern = v.kron(V, V.T) @ W
    assert WAYS[way](pattern) is pattern
    assert WAYS[way](v.matmul) is v.matmul


@pytest.mark.parametrize("way", WAYS)
def test_numbers_are_copied_as_themselves(way: str) -> None:
    assert WAYS[way](number(2.5)) is number(2.5)


@pytest.mark.parametrize("way", WAYS)
def test_atoms_are_copied_as_atoms(way: str) -> None:
    again = WAYS[way](A)
    assert isinstance(again, Atom)
    assert again.var.name == "X"
    assert way != "copy" or again is A


def test_threads_agree() -> None:
    found: list[list[Term]] = []
    barrier = threading.Barrier(8)
    variables = [pt.matrix(f"t{i}") for i in range(200)]

    def make() -> None:
        barrier.wait()
        found.append([v.kron(atom(x), A) + v.inverse(atom(x)) for x in variables])

    threads = [threading.Thread(target=make) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(found) == 8
    assert all(all(x is y for x, y in zip(found[0], other, strict=True)) for other in found)


# --- etuples ------------------------------------------------------------------------------------


def test_terms_are_etuples() -> None:
    term = v.kron(A, B)
    assert isinstance(term, ExpressionTuple)
    assert len(term) == 3
    assert term[0] is v.kron and term[1] is A and term[-1] is B
    assert list(term) == [v.kron, A, B]
    assert car(term) is v.kron
    assert tuple(cdr(term)) == (A, B)
    assert type(term[1:]) is ExpressionTuple
    assert tuple(term[1:]) == (A, B)
    assert tuple(term[:2]) == (v.kron, A)


def test_evaluation_builds_the_graph_once() -> None:
    x = np.arange(6.0).reshape(2, 3)
    shared = A.T @ A
    graph = (shared + shared).evaled_obj
    assert graph.owner.inputs[0] is graph.owner.inputs[1]
    np.testing.assert_allclose(value_of(graph, {X: x}), 2 * x.T @ x)
    assert A.evaled_obj is X
    assert number(2).evaled_obj == 2.0
    assert evaluate(A @ B, lambda leaf: leaf.var.T).owner.inputs[0].owner.inputs[0] is X


def test_ground_terms_are_opaque_to_unify() -> None:
    q = var()
    assert unify(A @ B, A @ B, {}) == {}
    assert unify(A @ B, B @ A, {}) is False
    assert unify(q, A @ B, {}) == {q: A @ B}
    assert reify(q, {q: A @ B}) is A @ B
    assert (A @ B).ground and not (A @ V).ground
    assert not v.reshape(A, V.rows, const(1)).ground


# --- walking ------------------------------------------------------------------------------------


def test_subterms_come_children_first_and_once() -> None:
    term = v.kron(A, B) @ v.kron(A, B).T
    order = subterms(term)
    assert len(order) == len(set(order))
    for i, t in enumerate(order):
        assert all(order.index(c) < i for c in children(t))
    assert order[-1] is term
    assert subterms(A, A) == [A]
    assert subterms(3) == []


def test_rebuild() -> None:
    term = v.kron(V, B) @ W
    assert rebuild(term, lambda x: x) is term
    bound = rebuild(term, lambda x: {V: A, W: atom(Y, 1)}.get(x, x))
    assert bound is v.kron(A, B) @ atom(Y, 1)
    assert rebuild(V, lambda x: A) is A
    assert rebuild(v.matmul(A, LogicVar("s", "segment")), lambda x: x if x is A else Run()) is A


def test_scalars() -> None:
    c = atom(pt.scalar("c"), 0)
    for x in (
        c,
        2,
        2.5,
        1j,
        number(3),
        v.trace(A),
        v.det(A),
        c * c,
        2 * c,
        LogicVar("c", "scalar"),
    ):
        assert is_scalar(x)
    for x in (A, V, A @ B, c * A, v.trace(A) * A, "c", None):
        assert not is_scalar(x)


def test_heads_and_kinds_have_one_name() -> None:
    with pytest.raises(ValueError, match="there is a head 'kron' already"):
        Head("kron", lambda: None, lambda: None)
    with pytest.raises(ValueError, match="unknown kind of logic variable 'tensor'"):
        LogicVar("x", "tensor")
    with pytest.raises(TypeError, match="leaves know their own shape"):
        leaves.LEAF.shape()
    assert LogicVar("x") is LogicVar("x")
    assert LogicVar("x") is not LogicVar("x", "vector")
    assert not isinstance(var(), LogicVar)
    assert repr(LogicVar("x")) == "~x" and str(LogicVar("x")) == "x"


def test_interning_takes_arguments_as_they_are() -> None:
    assert intern(v.matmul, (A, B)) is A @ B
    assert repr(A @ B) == "Term(X Y)"
