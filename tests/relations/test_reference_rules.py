"""`ReferenceRules` offers what `Rules` offers, by another matcher."""

from __future__ import annotations

import pytensor.tensor as pt
import pytest

from matchers import vocabulary as v
from matchers.leaves import atom
from matchers.state import Context
from matchers.terms import Term
from matchers.traversal import subterms
from matchers.view import View
from relations.language import matrices, relation, rests, segments
from relations.library import library
from relations.places import places, put
from relations.reference_rules import OPERANDS, ReferenceRules, within
from relations.rules import Rules

a, b, c, d, e = (atom(pt.matrix(n, shape=(4, 4))) for n in "abcde")
r = atom(pt.matrix("r"))
x = atom(pt.vector("x", shape=(16,)), 1)
k = atom(pt.scalar("k"), 0)
A, B, C = matrices("A B C")
(before,) = segments("before")
(rest,) = rests("rest")


@relation()
def distributes(A, B, C):
    """A (B + C) = A B + A C."""
    return A @ (B + C), A @ B + A @ C


@relation()
def twice(A, B, C, before):
    """In front of an inverse of itself a matrix is an identity, whatever stands before it."""
    return v.matmul(before, A, v.inverse(A), B), v.matmul(before, B)


@relation()
def collected(A, B, C, rest):
    """A B + A C + rest = A (B + C) + rest."""
    return v.add(A @ B, A @ C, rest), v.add(A @ (B + C), rest)


OWN = (distributes, twice, collected)
TERMS = {
    "product": a @ b @ v.inverse(b) @ c,
    "sum": a @ b + a @ c + d,
    "sum within a product": a @ (b + c + d) @ e,
    "repeated": a @ a + a @ a + a @ b,
    "inverses": v.inverse(a @ b @ c) @ a @ v.inverse(v.scale(k, d)),
    "unknown": v.inverse(a @ r) @ v.inverse(v.inverse(r)),
    "kron": v.inverse(v.kron(a, b)) @ v.vec(c @ d),
    "kron of krons": v.kron(a, b, c).T,
    "kron products": v.kron(a, b) @ v.kron(c, d) @ x,
    "elementwise": v.mul(v.kron(a, b), v.kron(c, d), v.kron(b, a)),
    "kron sum": v.inverse(v.kron(a, v.eye(a.rows)) + v.kron(v.eye(a.rows), b)) @ x,
    "one alone": v.inverse(a) @ a,
}


def found(rules, term):
    context = Context()
    out = [(w.relation.name, w.after) for w in rules.rewrites(term, View(), context)]
    assert all(w is not term for _, w in out)
    assert not context.exhausted
    return set(out)


@pytest.mark.parametrize("name", TERMS)
def test_the_same_rewrites(name):
    relations = (*library(), *OWN)
    compiled, reference = Rules(relations), ReferenceRules(relations)
    offered = 0
    for term in subterms(TERMS[name]):
        if term.args:
            assert found(reference, term) == found(compiled, term)
            offered += len(found(reference, term))
    assert offered


def test_windows_are_spelled_out():
    assert str(within(A @ B)) == "before the match A B after the match"
    assert str(within(v.matmul(before, A))) == "before A after the match"
    assert len(within(A + B).args) == 3
    assert within(v.add(A, rest)) is v.add(A, rest)
    assert within(v.inverse(A)) is v.inverse(A)


def test_too_many_operands_are_reported():
    many = v.add(*(a @ atom(pt.matrix(shape=(4, 4))) for _ in range(OPERANDS + 1)))
    context = Context()
    assert list(ReferenceRules([collected]).rewrites(many, View(), context)) == []
    assert context.exhausted


def test_a_relation_that_raises_is_left_out():
    class Broken(View):
        def holds(self, term, key):
            raise ZeroDivisionError(key)

    orthogonal = [r for r in library() if r.name == "inverse_of_orthogonal"]
    failures = []
    rules = ReferenceRules([*orthogonal, distributes], lambda *what: failures.append(what))
    for _ in range(2):
        assert list(rules.rewrites(v.inverse(a), Broken(), Context())) == []
        assert len(list(rules.rewrites(a @ (b + c), Broken(), Context()))) == 2
    ((broken, error),) = failures
    assert (broken.name, str(error)) == ("inverse_of_orthogonal", "orthogonal")
    with pytest.raises(ZeroDivisionError):
        list(ReferenceRules(orthogonal).rewrites(v.inverse(a), Broken(), Context()))


def test_places():
    term = v.det(v.inverse(a @ b) + c)
    assert places(term)[0] is term
    assert set(places(term)) == {t for t in subterms(term) if t.args}
    # What has a node of its own is not looked into, but for an operand of the root.
    product = v.inverse(a @ b) @ v.inverse(c @ d)
    nodes = {v.inverse(c @ d), a @ b, c @ d, product}
    assert set(places(product, nodes)) == {product, v.inverse(a @ b), v.inverse(c @ d)}
    assert places(v.scale(k, product), {*nodes, v.scale(k, product)})[1:]


def test_put():
    term = v.inverse(a @ b) @ c + v.inverse(a @ b)
    new = put(term, v.inverse(a @ b), d)
    assert new is d @ c + d
    assert put(term, term, d) is d
    assert put(term, e, d) is term
    assert isinstance(put(a @ b, a, v.matmul(c, d)), Term)
    assert put(a @ b, a, c @ d) is v.matmul(c, d, b)
