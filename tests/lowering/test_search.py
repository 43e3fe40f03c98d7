"""The search: bounded, deterministic, and never to a dearer form."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import pytensor.tensor as pt
import pytest

from lowering.planner import Planner
from lowering.positions import positions
from lowering.search import Candidate, Opening, neighbours, search
from matchers import vocabulary as v
from matchers.conforming import learn
from matchers.dims import Dim
from matchers.leaves import atom
from matchers.match import Context
from matchers.terms import Term
from matchers.view import View
from relations.library import select
from relations.rules import Rules

A, B, C, D = (atom(pt.matrix(name)) for name in "ABCD")
x = atom(pt.vector("x"), 1)


class Move(NamedTuple):
    before: Term
    after: Term


def planner(n: float = 50.0) -> Planner:
    def size(dim: Dim) -> float:
        return dim.coef * n ** sum(p for _, p in dim.powers)

    return Planner(size, lambda term, key: False)


def library_moves(root: Any) -> Any:
    rules, view = Rules(select(None)[0]), View()
    learn(view.dims, root)
    context = Context(view.dims)
    return lambda term: tuple(rules.rewrites(term, view, context))


def test_the_start_is_always_there() -> None:
    found = search((A @ B,), lambda t: (), planner())
    assert [c.roots for c in found.candidates] == [(A @ B,)]
    assert found.candidates[0].path == () and found.unexpanded == 0


def test_the_cheapest_comes_first() -> None:
    root = v.kron(A, B) @ x
    found = search((root,), library_moves(root), planner())
    costs = [c.cost for c in found.candidates]
    assert costs == sorted(costs)
    assert costs[0] < planner().price((root,))
    assert "⊗" not in str(found.candidates[0].roots[0])
    for c in found.candidates:
        assert c.cost == pytest.approx(planner().price(c.roots))


def test_a_dearer_step_may_lead_to_a_cheaper_end() -> None:
    dear, cheap = v.inverse(A) @ v.inverse(B), x.T @ x
    steps = {A @ B: dear, dear: cheap}
    found = search((A @ B,), lambda t: [Move(t, steps[t])] if t in steps else [], planner())
    assert found.candidates[0].roots == (cheap,)
    assert [m.after for m in found.candidates[0].path] == [dear, cheap]


def chain(length: int) -> Any:
    """Moves along a line of ever dearer terms."""
    line = [v.matmul(*[A] * i) for i in range(2, length + 2)]
    following = dict(pairwise(line))
    return lambda t: [Move(t, following[t])] if t in following else []


def test_budget_and_patience() -> None:
    assert len(search((A @ A,), chain(30), planner(), budget=5, patience=99).candidates) == 6
    assert len(search((A @ A,), chain(30), planner(), budget=99, patience=7).candidates) == 8
    bounded = search((A @ A,), chain(30), planner(), budget=0)
    assert [c.roots for c in bounded.candidates] == [(A @ A,)] and bounded.unexpanded == 1


def test_cycles_end() -> None:
    p, q = A @ B, B @ A
    swap = {p: q, q: p}
    found = search((p,), lambda t: [Move(t, swap[t])] if t in swap else [], planner())
    assert {c.roots for c in found.candidates} == {(p,), (q,)}


def test_the_same_twice() -> None:
    root = v.inverse(v.kron(A, B)) @ v.kron(C, D).T @ x
    one, two = (search((root,), library_moves(root), planner()) for _ in range(2))
    assert [(c.roots, c.cost) for c in one.candidates] == [
        (c.roots, c.cost) for c in two.candidates
    ]


def test_all_roots_change_together() -> None:
    roots = (v.kron(A, B) @ x, v.inverse(v.kron(A, B)))
    move = Move(v.kron(A, B), C)
    found = list(neighbours(roots, lambda t: [move] if t is move.before else []))
    assert found == [(move, (C @ x, v.inverse(C)))]


def test_shared_products_are_opened_and_changed_inside() -> None:
    var = pt.matrix("AB")
    shared = atom(var, 2, A @ B)
    roots = (shared @ x, v.trace(shared))
    assert positions(roots)[:3] == [A, B, A @ B]
    moves = list(neighbours(roots, lambda t: [Move(t, C)] if t is A @ B else []))
    opened = [(m, r) for m, r in moves if isinstance(m, Opening)]
    assert [r for _, r in opened] == [(A @ B @ x, v.trace(A @ B))]
    [(_, inside)] = [(m, r) for m, r in moves if isinstance(m, Move)]
    assert inside == (atom(var, 2, C) @ x, v.trace(atom(var, 2, C)))


def test_ties_go_to_the_shorter_path() -> None:
    p, q = A @ B, B @ A
    found = search((p,), lambda t: [Move(p, q)] if t is p else [], planner())
    assert found.candidates[0] == Candidate((p,), planner().price((q,)))
