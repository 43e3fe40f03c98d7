"""The terms of a form, children first."""

from __future__ import annotations

from typing import Any

from matchers.leaves import Atom
from matchers.terms import Term


def positions(roots: tuple[Term, ...]) -> list[Term]:
    """The terms in `roots` and in the definitions of their shared atoms, children first."""
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
            if not args:
                order.append(t)
                continue
            stack += (t, None)
            stack += [a for a in reversed(args) if isinstance(a, Term) and a not in seen]
    return order
