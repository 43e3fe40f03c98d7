"""A run of factors replaced in all products of a form, and what that is worth."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode
from pytensor.tensor import linalg

import kantor
from lowering.positions import positions
from lowering.search import LASTLY, Candidate, search
from lowering.throughout import throughout
from matchers import vocabulary as v
from matchers.leaves import atom
from matchers.terms import Term
from tests.lowering.test_search import planner
from tests.support import decisions

A, B, C, P, L = (atom(pt.matrix(name)) for name in "ABCPL")
RNG = np.random.default_rng(20261120)


class Said(NamedTuple):
    throughout: bool = True
    last: bool = True
    name: str = "said"


class Move(NamedTuple):
    before: Term
    after: Term
    relation: Any = Said()


ONE = Move(A @ P @ A.T, A @ L @ L.T @ A.T)


def everywhere(*roots: Term, move: Move = ONE) -> tuple[list[Term], list[tuple[Term, Term]]]:
    moves, changed = throughout(positions(roots), move)
    return [changed.get(r, r) for r in roots], [(m.before, m.after) for m in moves]


def test_all_products_with_the_run() -> None:
    gram, other = A @ P @ A.T, B @ P
    found, moves = everywhere(gram, other + P, v.inverse(C + other) @ gram)
    new, beside = A @ L @ L.T @ A.T, B @ L @ L.T
    assert found == [new, beside + P, v.inverse(C + beside) @ new], "P alone is what it was"
    assert moves[:2] == [(gram, new), (other, beside)]


def test_what_is_within_comes_first() -> None:
    """Each replacement starts from what the ones before it have made."""
    gram = A @ P @ A.T
    found, moves = everywhere(v.inverse(C + gram) @ P)
    assert found == [v.inverse(C + ONE.after) @ L @ L.T]
    assert moves == [(gram, ONE.after), (v.inverse(C + ONE.after) @ P, found[0])]


def test_shared_products() -> None:
    shared = atom(pt.matrix("shared"), 2, P @ B)
    found, moves = everywhere(shared + C, A @ P @ A.T)
    assert found[0] == atom(shared.var, 2, L @ L.T @ B) + C
    assert len(moves) == 2


@pytest.mark.parametrize("after", [v.scale(2.0, P), v.inverse(P)], ids=str)
def test_nothing_of_what_is_no_product(after: Term) -> None:
    assert everywhere(B @ P, move=Move(A @ P @ A.T, after)) == ([B @ P], [])


def test_what_pays_only_in_all_places() -> None:
    """X P and X P Y are dear by themselves; X L is cheap where it is there for both."""
    first, second = A @ P @ B, C @ P @ B
    costs = {
        (first, second): 10.0,
        (A @ L @ B, second): 12.0,
        (first, C @ L @ B): 12.0,
        (A @ L @ B, C @ L @ B): 5.0,
    }

    class Priced:
        def price(self, roots: Any) -> float:
            return costs[roots]

        exact_price = price

    def moves(relation: Any) -> Any:
        after = {first: A @ L @ B, second: C @ L @ B}
        return lambda t: [Move(t, after[t], relation)] if t in after else []

    def best(relation: Any) -> Candidate:
        found = search((first, second), lambda t: [], Priced(), last=moves(relation))  # type: ignore[arg-type]
        return found.candidates[0]

    assert best(Said()).roots == (A @ L @ B, C @ L @ B)
    assert [m.before for m in best(Said()).path] == [first, second]
    assert best(Said(throughout=False)).roots == (first, second)


def test_only_the_cheapest_forms_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("lowering.search.throughout", lambda o, m: (asked.append(m), ((), {}))[1])
    step = {v.matmul(*[A] * n): v.matmul(*[A] * (n + 1)) for n in range(2, 12)}

    def moves(t: Term) -> list[Move]:
        return [Move(t, step[t], None)] if t in step else []

    def last(t: Term) -> list[Move]:
        return [Move(t, t @ A @ A)] if t in step else []

    search((A @ A,), moves, planner(), last=last)
    assert 0 < len({m.before for m in asked}) <= LASTLY


# --- in a Kalman filter ---------------------------------------------------------------------------

N, M = 60, 50
P0, H0, R0, x0 = (
    pt.matrix("P", shape=(N, N)), pt.matrix("H", shape=(M, N)), pt.matrix("R", shape=(M, M)),
    pt.vector("x", shape=(N,)),
)  # fmt: skip


def update() -> list[Any]:
    P, R = (kantor.assume(m, positive_definite=True) for m in (P0, R0))
    gain = P @ H0.T @ linalg.inv(H0 @ P @ H0.T + R)
    return [gain @ (H0 @ x0), gain, P - gain @ H0 @ P]


def test_one_factor_for_a_gain_and_a_covariance() -> None:
    f = pytensor.function([P0, H0, R0, x0], update(), mode=kantor.mode(Mode("py", "fast_run")))
    kinds = [type(getattr(n.op, "core_op", n.op)).__name__ for n in f.maker.fgraph.toposort()]
    assert kinds.count("Cholesky") == 2 and kinds.count("Syrk") == 2 and kinds.count("Trmm") == 2
    assert kinds.count("SolveTriangular") == 2 and "CholeskySolve" not in kinds

    a, b, h = RNG.normal(size=(N, N)), RNG.normal(size=(M, M)), RNG.normal(size=(M, N))
    values = a @ a.T + np.eye(N), h, b @ b.T + np.eye(M), RNG.normal(size=N)
    plain = pytensor.function([P0, H0, R0, x0], update(), mode=Mode("py", None))
    for new, old in zip(f(*values), plain(*values), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-9, atol=1e-9)


def test_a_product_alone_is_left() -> None:
    """Of P Hᵀ by itself the factor saves nothing."""
    P = kantor.assume(P0, positive_definite=True)
    name = "congruence_by_factor"
    assert not any(name in s.relations for s in decisions(P @ H0.T @ H0, name))
