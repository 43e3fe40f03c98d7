"""A run of factors replaced in all products of a form at once.

What a relation says of a run of factors, as X P Xᵀ = X L Lᵀ Xᵀ of P, may pay only where other
products use it too: with X L there, X P is (X L) Lᵀ.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from matchers.leaves import Atom, atom
from matchers.runs import differing, exchanged
from matchers.terms import Term
from matchers.vocabulary import matmul


class Replacement(NamedTuple):
    """What a relation makes of one product, by what it says of a run of factors."""

    relation: Any
    before: Term
    after: Term


def throughout(order: list[Term], move: Any) -> tuple[tuple[Replacement, ...], dict[Any, Term]]:
    """The replacements of a run of factors in all products, as `move` makes it in one.

    Parameters
    ----------
    order : list of Term
        The terms of a form, children first.
    move : Rewrite
        Of one product to another; of anything else nothing is replaced.

    Returns
    -------
    replacements : tuple of Replacement
        In the order in which they are made.
    changed : dict
        What each term becomes that is not left as it is.
    """
    before, after = move.before, move.after
    if before.head is not matmul or after.head is not matmul:
        return (), {}
    old, new = differing(before.args, after.args)
    changed: dict[Any, Term] = {}
    made: list[Replacement] = []
    for t in order:
        found = _with_changed(t, changed)
        if found.head is matmul:
            factors = exchanged(found.args, old, new)
            if factors is not found.args:
                product = matmul.make(*factors)
                made.append(Replacement(move.relation, found, product))
                found = product
        if found is not t:
            changed[t] = found
    return tuple(made), changed


def _with_changed(t: Term, changed: dict[Any, Term]) -> Term:
    """A term of what its arguments have become."""
    if isinstance(t, Atom):
        if t.definition not in changed:
            return t
        return atom(t.var, t.core, changed[t.definition], t.symmetric)
    if changed.keys().isdisjoint(t.args):
        return t
    made: Term = t.head.make(*[changed.get(a, a) for a in t.args])
    return made


__all__ = ["Replacement", "throughout"]
