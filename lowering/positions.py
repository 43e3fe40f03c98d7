"""The terms of a form: children first, and read through what is shared."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from matchers.leaves import Atom
from matchers.terms import Term

# An opened tower of shared products would double at every level.
LONGEST = 24


def positions(roots: tuple[Term, ...], known: Container[Term] = ()) -> list[Term]:
    """The terms in `roots` and in the definitions of their shared atoms, children first.

    What stands below a term that is `known` is left out.
    """
    order: list[Term] = []
    seen: set[Any] = set()
    stack: list[Term | None] = list(reversed(roots))
    while stack:
        t = stack.pop()
        if t is None:  # what is below stands after its arguments
            order.append(stack.pop())  # type: ignore[arg-type]
        elif t not in seen:
            seen.add(t)
            args = t.args
            if isinstance(t, Atom) and t.definition is not None:
                args = (t.definition,)
            if not args or (known and t in known):
                order.append(t)
                continue
            stack += (t, None)
            stack += [a for a in reversed(args) if isinstance(a, Term) and a not in seen]
    return order


def opened(roots: tuple[Term, ...]) -> tuple[Term, ...]:
    """`roots` with the definitions of shared atoms in their place.

    Two graphs that compute the same in two ways, of which one shares more, have one such form;
    where a product or a sum would become longer than `LONGEST`, the atom stays.
    """
    changed: dict[Any, Any] = {}
    for t in positions(roots):
        if isinstance(t, Atom):
            if t.definition is not None:
                changed[t] = changed.get(t.definition, t.definition)
        elif not changed.keys().isdisjoint(t.args):
            new = [changed.get(a, a) for a in t.args]
            merged = sum([len(a.args) for a in new if t.head.flat and a.head is t.head])
            changed[t] = t if merged > LONGEST else t.head.make(*new)
    return tuple([changed.get(r, r) for r in roots])
