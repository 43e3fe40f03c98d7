"""Which summands of a sum are subtracted, rather than negated and added."""

from __future__ import annotations

from matchers.leaves import number
from matchers.terms import Term
from matchers.vocabulary import scale

_MINUS = number(-1)


def signed(term: Term) -> list[tuple[Term, bool]]:
    """The summands of a sum, and which of them are subtracted; the first never is."""
    found = [(a, False) for a in term.args]
    for i, (a, _) in enumerate(found):
        if a.head is scale and a.args[0] is _MINUS and not a.scalar:
            found[i] = a.args[1], True
    found.sort(key=lambda part: part[1])
    if found[0][1]:  # all are: only the first is negated
        found[0] = term.args[0], False
    return found
