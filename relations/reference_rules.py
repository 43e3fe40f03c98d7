"""The rules of `relations.rules` under the reference matcher: slow, simple, the same answers.

A use of a relation within a larger product or sum is spelled out: the pattern stands between two
segments, or beside a rest, like in any textbook.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from matchers.reference import answers
from matchers.state import Context
from matchers.terms import Term
from matchers.unification import instantiate
from matchers.variables import LogicVar, Run
from matchers.vocabulary import transpose
from relations.relation import Direction, Relation
from relations.rules import Rewrite, in_batch, outside_field

# More operands than this under one flat head are not tried: the reference enumerates.
OPERANDS = 8

_BEFORE = LogicVar("before the match", "segment")
_AFTER = LogicVar("after the match", "segment")
_OTHERS = LogicVar("beside the match", "rest")


class ReferenceRules:
    """The directions of some relations, tried one after the other.

    Parameters
    ----------
    relations : iterable of Relation
        In the order in which they are to be tried.
    on_error : callable, optional
        Called with a relation and the exception that it raised, once; it is then left out.
    """

    def __init__(
        self,
        relations: Iterable[Relation],
        on_error: Callable[[Relation, Exception], None] | None = None,
    ) -> None:
        self.relations = tuple(relations)
        self._on_error = on_error
        self._failed: set[Relation] = set()

    def rewrites(self, term: Term, known: Any, context: Context) -> Iterator[Rewrite]:
        """All uses of a relation at the root of `term`."""
        for relation in self.relations:
            if relation in self._failed:
                continue
            try:
                for direction in relation.directions:
                    for after in uses(direction, term, known, context):
                        if after is not term:
                            yield Rewrite(relation, term, after)
            except Exception as error:
                if self._on_error is None:
                    raise
                self._failed.add(relation)
                self._on_error(relation, error)


def uses(direction: Direction, term: Term, known: Any, context: Context) -> Iterator[Term]:
    """What one direction of a relation turns `term` into, once for each match in a window."""
    source = direction.source
    if term.head is transpose and source.head is not transpose:
        return  # only what stands inside of a pattern is opened under a transpose
    if len(term.args) > OPERANDS and source.head.flat and source.head is term.head:
        context.exhausted = True
        return
    for match in answers(within(source), term, context, direction.shapes):
        relation = direction.relation
        proved = all(c.holds(match, known) for c in relation.conditions)
        if proved and outside_field(relation, match) is None:
            new = instantiate(direction.target, match, known.dims)
            before, after = match.get(_BEFORE, Run()), match.get(_AFTER, match.get(_OTHERS, Run()))
            if before or after:
                new = source.head.make(before, new, after)
            new = in_batch(term, new, known)
            if new is not None:
                yield new


def within(pattern: Term) -> Any:
    """The pattern inside of a larger product or sum, where its head is flat."""
    head, args = pattern.head, pattern.args
    if not head.flat:
        return pattern
    if head.commutative:
        return pattern if any(_is(a, "rest") for a in args) else head.make(*args, _OTHERS)
    before = () if _is(args[0], "segment") else (_BEFORE,)
    after = () if _is(args[-1], "segment") else (_AFTER,)
    return head.make(*before, *args, *after)


def _is(a: Any, kind: str) -> bool:
    return isinstance(a, LogicVar) and a.kind == kind
