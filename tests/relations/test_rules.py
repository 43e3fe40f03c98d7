"""Relations in use: every rewrite of a term, in any of them, and what a failure does."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
import pytest

from matchers.conditions import Condition, square
from matchers.conforming import learn
from matchers.leaves import atom
from matchers.match import Context
from matchers.terms import shape
from matchers.view import View
from matchers.vocabulary import inverse, kron, matmul, spread, transpose, vec
from relations.language import matrices, relation
from relations.library import select
from relations.rules import Rules, rules

A, B, X = matrices("A B X")
P, Q, R = (atom(pt.matrix(name)) for name in "PQR")
S = atom(pt.matrix("S", shape=(3, 3)))
x = atom(pt.vector("x"), 1)


@relation()
def kron_matvec(A, B, X):
    """(A ⊗ B) vec(X) = vec(A X Bᵀ)."""
    return kron(A, B) @ vec(X), vec(A @ X @ B.T)


@relation()
def inverse_of_product(A, B):
    """(A B)⁻¹ = B⁻¹ A⁻¹."""
    return inverse(A @ B), inverse(B) @ inverse(A), square(A, B)


class Broken(Condition):
    def holds(self, bindings: Any, known: Any) -> bool:
        raise ZeroDivisionError("broken")


@relation()
def broken(A, B):
    """(A ⊗ B)ᵀ = Aᵀ ⊗ Bᵀ, if asked."""
    return transpose(kron(A, B)), kron(A.T, B.T), Broken("square", (A,))


def rewrites(used: Any, term: Any) -> list[Any]:
    view = View()
    learn(view.dims, term)
    compiled = used if isinstance(used, Rules) else Rules(used)
    return list(compiled.rewrites(term, view, Context(view.dims)))


def test_a_rewrite_says_what_became_what() -> None:
    term = kron(P, Q) @ x
    [found] = rewrites([kron_matvec, inverse_of_product], term)
    assert (found.relation, found.before) == (kron_matvec, term)
    assert str(found.after) == "vec(P mat(x) Qᵀ)"


def test_a_match_within_a_product_keeps_what_stands_around() -> None:
    [found] = rewrites([kron_matvec], R @ kron(P, Q) @ x)
    assert str(found.after) == "R vec(P mat(x) Qᵀ)"


def test_conditions_are_proved() -> None:
    assert rewrites([inverse_of_product], inverse(P @ Q)) == []
    [found] = rewrites([inverse_of_product], inverse(S @ atom(pt.matrix(shape=(3, 3)))))
    assert found.after.head is matmul


def test_both_directions() -> None:
    [found] = rewrites([inverse_of_product], inverse(S) @ inverse(S))
    assert found.after is inverse(S @ S)


def test_a_failure_is_reported_once_and_the_relation_left_out() -> None:
    reports: list[Any] = []
    compiled = Rules([broken, kron_matvec], lambda r, error: reports.append((r, str(error))))
    assert rewrites(compiled, transpose(kron(P, Q))) == []
    assert rewrites(compiled, transpose(kron(Q, P))) == []
    assert reports == [(broken, "broken")]
    assert len(rewrites(compiled, kron(P, Q) @ x)) == 1


def test_without_a_report_it_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        rewrites([broken], transpose(kron(P, Q)))


def test_rules_are_compiled_once() -> None:
    assert rules((kron_matvec,)) is rules((kron_matvec,))
    assert Rules((kron_matvec,)).relations == (kron_matvec,)


def test_complex_matrices_are_left_to_relations_that_hold_for_them() -> None:
    @relation(field="real")
    def real_only(A, B):
        """(A ⊗ B)ᵀ = Aᵀ ⊗ Bᵀ, said of real matrices."""
        return transpose(kron(A, B)), kron(A.T, B.T)

    Z = atom(pt.zmatrix("Z"))
    assert len(rewrites([real_only], transpose(kron(P, Q)))) == 1
    assert rewrites([real_only], transpose(kron(Z, Q))) == []


def test_a_batch_is_never_lost() -> None:
    cancelled = select("cancel_left")[0]
    T = atom(pt.tensor3("T"))
    assert rewrites(cancelled, inverse(P) @ P @ Q)
    (found,) = rewrites(cancelled, inverse(T) @ T @ Q)
    assert found.after is spread(Q, *shape(T)[2])
