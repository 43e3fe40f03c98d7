"""Relations compiled for use: which rewrites a term offers, under any of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from matchers.equalities import Dims
from matchers.evidence import OF_OPS
from matchers.index import Index
from matchers.leaves import Atom, Number
from matchers.marks import Free
from matchers.match import Context, Pattern, Window
from matchers.terms import Term, shape
from matchers.traversal import subterms
from matchers.unification import instantiate
from matchers.variables import LogicVar, Run
from matchers.vocabulary import spread, transpose
from relations.relation import Direction, Relation


class Rewrite(NamedTuple):
    """One use of a relation: `before` equals `after`."""

    relation: Relation
    before: Term
    after: Term


class Rules:
    """The directions of some relations, compiled and indexed.

    Parameters
    ----------
    relations : iterable of Relation
        In the order in which they are to be tried.
    on_error : callable, optional
        Called with a relation and the exception that it raised, once; it is then left out.
    everything : bool
        Whether to use sources that match whatever there is, such as ``Qᵀ`` and ``Aᵀ ⊗ Bᵀ``.
    """

    def __init__(
        self,
        relations: Iterable[Relation],
        on_error: Callable[[Relation, Exception], None] | None = None,
        everything: bool = True,
    ) -> None:
        self.relations = tuple(relations)
        self._on_error = on_error
        self._failed: set[Relation] = set()
        compiled = [(d, d.pattern, _brought(r)) for r in self.relations for d in r.directions]
        self._index: Index[tuple[Direction, Pattern, tuple[str, ...]]] = Index(
            (key, key[1]) for key in compiled if everything or not _idle(key[0], key[1])
        )

    def rewrites(self, term: Term, known: Any, context: Context) -> Iterator[Rewrite]:
        """All uses of a relation at the root of `term`."""
        possible = getattr(known, "possible", None)
        for direction, pattern, brought in self._index.candidates(term):
            relation = direction.relation
            if relation in self._failed:
                continue
            if brought and possible and not all(map(possible, brought)):
                continue  # no matrix in the graph has what it asks for
            try:
                for window in pattern.match_within(term, context):
                    after = rewritten(direction, term, window, known)
                    if after is not None and after is not term:
                        yield Rewrite(relation, term, after)
            except Exception as error:
                if self._on_error is None:
                    raise
                self._failed.add(relation)
                self._on_error(relation, error)


class Offered:
    """What rules offer for the terms of one region, each of which is matched once.

    Parameters
    ----------
    rules : Rules or ReferenceRules
    known : View
    context : Context
    """

    def __init__(self, rules: Any, known: Any, context: Context) -> None:
        self._rules = rules
        self._none = not rules.relations
        self._known = known
        self._context = context
        self._found: dict[Term, tuple[Rewrite, ...]] = {}

    def __call__(self, term: Term) -> tuple[Rewrite, ...]:
        if self._none:
            return ()
        found = self._found.get(term)
        if found is None:
            rewrites = self._rules.rewrites(term, self._known, self._context)
            found = self._found[term] = tuple(rewrites)
        return found


def _brought(relation: Relation) -> tuple[str, ...]:
    """The keys it asks for that only some Op in the graph can bring in."""
    return tuple([c.name for c in relation.conditions if c.name in OF_OPS])


def _idle(direction: Direction, pattern: Pattern) -> bool:
    """Whether a search gains nothing by it: it matches anything, or only moves transposes out."""
    source, target = direction.source, direction.target
    if isinstance(pattern.root, Free):
        return True
    if not isinstance(target, Term) or target.head is not transpose:
        return False
    if not all(isinstance(a, Term) and a.head is transpose for a in source.args):
        return False
    return source.head(*[a.args[0] for a in source.args]) is target.args[0]


@lru_cache(maxsize=16)
def rules(relations: tuple[Relation, ...]) -> Rules:
    """The rules of these relations, compiled once."""
    return Rules(relations)


def rewritten(direction: Direction, term: Term, window: Window, known: Any) -> Term | None:
    """What a match turns `term` into, or None where a condition is not proved."""
    bindings = window.substitution
    relation = direction.relation
    if not all(c.holds(bindings, known) for c in relation.conditions):
        return None
    if outside_field(relation, bindings) is not None:
        return None
    new = replaced(direction, window, known.dims)
    return in_batch(term, new, known)


def outside_field(relation: Relation, bindings: Mapping[LogicVar, Any]) -> Term | None:
    """A leaf of numbers that a relation does not hold over, or None.

    These are complex ones where it holds over the reals, and integers where it takes fractions.
    """
    if relation.field == "any" and not relation.fractional:
        return None
    found = [bindings[x] for x in relation.variables if x in bindings]
    terms = [t for b in found for t in (b if isinstance(b, Run) else (b,))]
    return next(
        (
            t
            for t in subterms(*terms)
            if (relation.field == "real" and _complex(t)) or (relation.fractional and _whole(t))
        ),
        None,
    )


def _whole(t: Term) -> bool:
    return isinstance(t, Atom) and t.core > 0 and t.var.type.dtype.startswith(("int", "uint"))


def _complex(t: Term) -> bool:
    if isinstance(t, Number):
        return isinstance(t.value, complex)
    return isinstance(t, Atom) and t.var.type.dtype.startswith("complex")


def in_batch(term: Term, new: Term, known: Any) -> Term | None:
    """`new` for each member of the batch that `term` has, or None where their batches differ."""
    batch = shape(term)[2]
    if batch and not new.scalar and not shape(new)[2]:
        return spread(new, *batch)  # type: ignore[no-any-return]
    return new if same_batch(term, new, known) else None


def same_batch(term: Term, new: Term, known: Any) -> bool:
    """Whether both have the same batch axes."""
    old, batch = shape(term)[2], shape(new)[2]
    return len(old) == len(batch) and all(
        known.dims.equal(m, n) for m, n in zip(old, batch, strict=True)
    )


def replaced(direction: Direction, window: Window, dims: Dims | None = None) -> Term:
    """The target with its variables bound, between what stood around the source."""
    new: Term = instantiate(direction.target, window.substitution, dims)
    if not window.before and not window.after:
        return new
    head = direction.source.head
    return head.make(*window.before, new, *window.after)  # type: ignore[no-any-return]


__all__ = [
    "Offered",
    "Rewrite",
    "Rules",
    "in_batch",
    "instantiate",
    "outside_field",
    "replaced",
    "rewritten",
    "rules",
    "same_batch",
]  # fmt: skip
