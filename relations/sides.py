"""What stands in the sides of relations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from matchers.dims import Dim
from matchers.terms import Term
from matchers.traversal import subterms
from matchers.variables import LogicVar
from matchers.vocabulary import reshape, transpose


def matches_anything(side: Any) -> bool:
    """Whether a side is a variable, or marks on one that a match undoes."""
    while isinstance(side, Term) and side.head in (transpose, reshape):
        side = side.args[0]
    return not isinstance(side, Term)


def variables_of(side: Any) -> Iterator[LogicVar]:
    """The variables of a side, each as often as it stands there."""
    if isinstance(side, LogicVar):
        yield side
        return
    for t in subterms(side):
        for a in t.args:
            if isinstance(a, LogicVar):
                yield a


def mentioned(*sides: Any) -> Iterator[LogicVar]:
    """The variables of some sides, those of which only a length is mentioned included."""
    for side in sides:
        yield from variables_of(side)
        for t in subterms(side):
            for a in t.args:
                if isinstance(a, Dim):
                    yield from a.variables
