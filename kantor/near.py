"""The nearest miss of a pattern: what it matches with as little of it given up as possible.

First lengths that are not proved equal are granted, then a variable may stand for different terms,
then parts of the pattern are left open, the smallest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations, islice
from typing import Any

from kantor.survey import replaced
from matchers.coefficients import optional
from matchers.dims import ONE, Dim
from matchers.equalities import Dims
from matchers.leaves import Atom
from matchers.match import Context, Pattern, Shapes, Window, compile_pattern, variables_of
from matchers.terms import Term, shape
from matchers.traversal import subterms
from matchers.variables import LogicVar
from matchers.vocabulary import reshape, transpose

# How many parts of a pattern may be left open at once, and how many choices of them are tried.
PARTS = 3
CHOICES = 200


@dataclass(frozen=True)
class Miss:
    """Where a pattern nearly matched.

    Attributes
    ----------
    term : Term
    bindings : dict
        What its variables would be.
    lengths : tuple of pairs of Dim
        What would have to be equal, and is not known to be.
    differing : tuple of (variable, term, term)
        Variables that would have to be one term.
    parts : tuple of (part, term, str)
        Parts of the pattern, what stands there instead, and how an operand is missing.
    loss : int
        How much was given up; 0 for a match.
    """

    term: Term
    bindings: dict[LogicVar, Any]
    lengths: tuple[tuple[Dim, Dim], ...] = ()
    differing: tuple[tuple[LogicVar, Any, Any], ...] = ()
    parts: tuple[tuple[Term, Any, str], ...] = ()
    loss: int = 0


class Granting(Dims):
    """Grants every equation of lengths, and notes those that are not proved."""

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.proved = dims
        self.granted: dict[tuple[Dim, Dim], None] = {}
        self.refused: tuple[Dim, Dim] | None = None

    def normal(self, dim: Dim) -> Dim:
        """As proved."""
        return self.proved.normal(dim)

    def equal(self, a: Dim, b: Dim) -> bool:
        """Yes."""
        if self.proved.equal(a, b):
            return True
        if self.refused == (a, b):
            return False
        self.granted[a, b] = None
        return True


@dataclass(frozen=True)
class Relaxed:
    """A pattern of which something was given up."""

    term: Term
    shapes: Shapes
    twins: dict[LogicVar, LogicVar] = field(default_factory=dict)
    opened: dict[LogicVar, Term] = field(default_factory=dict)
    loss: int = 0


def nearest(source: Term, shapes: Shapes, terms: Iterable[Term], dims: Dims) -> Miss | None:
    """The nearest miss of a pattern among some terms, or None where even its head is missing."""
    places = [t for t in terms if not isinstance(t, Atom)]
    for relaxed in relaxations(source, shapes):
        if _plain(relaxed.term, relaxed.shapes):
            continue
        pattern = compile_pattern(relaxed.term, relaxed.shapes)
        for term in places:
            granting = Granting(dims)
            window = next(pattern.match_within(term, Context(granting)), None)
            if window is not None:
                return _miss(source, relaxed, pattern, term, window, granting)
    return None


def relaxations(source: Term, shapes: Shapes) -> Iterator[Relaxed]:
    """The pattern itself, with variables told apart, and with parts left open."""
    yield Relaxed(source, shapes, loss=1)
    told_apart = _told_apart(source, shapes)
    if told_apart.twins:
        yield told_apart
    for parts in islice(_choices(source, shapes), CHOICES):
        opened = _opened(source, shapes, parts)
        yield opened
        told_apart = _told_apart(opened.term, opened.shapes)
        if told_apart.twins:
            loss = opened.loss + 1
            yield Relaxed(told_apart.term, told_apart.shapes, told_apart.twins, opened.opened, loss)


def _told_apart(source: Term, shapes: Shapes) -> Relaxed:
    """A pattern in which no variable occurs twice."""
    twins: dict[LogicVar, LogicVar] = {}
    met: set[LogicVar] = set()

    def rename(x: Any) -> Any:
        if isinstance(x, Term) and not x.ground:
            return x.head.make(*map(rename, x.args))
        if not isinstance(x, LogicVar) or x not in met:
            met.add(x)
            return x
        twin = x.renamed(x.name + "′")
        twins[twin] = x
        return twin

    term = rename(source)
    more = {twin: shapes[x] for twin, x in twins.items() if x in shapes}
    return Relaxed(term, {**shapes, **more}, twins, loss=2)


def _choices(source: Term, shapes: Shapes) -> list[tuple[Term, ...]]:
    """Sets of parts that do not hold each other, those that give up least first."""
    parts = [t for t in subterms(source) if t is not source and not _plain(t, shapes)]
    weight = {t: len(subterms(t)) for t in parts}
    chosen = [
        some
        for n in range(1, PARTS + 1)
        for some in combinations(parts, n)
        if not any(a is not b and a in subterms(b) for a in some for b in some)
    ]
    return sorted(chosen, key=lambda some: (sum(weight[t] for t in some), len(some)))


def _plain(t: Term, shapes: Shapes) -> bool:
    """Whether it is a variable under marks, which matches anything."""
    inner: Any = t.args[1] if optional(t) else t
    while isinstance(inner, Term) and inner.head in (transpose, reshape):
        if inner.head is reshape and inner.args[0] not in shapes:
            return False
        inner = inner.args[0]
    return isinstance(inner, LogicVar)


def _opened(source: Term, shapes: Shapes, parts: tuple[Term, ...]) -> Relaxed:
    """A pattern with variables in place of some of its parts."""
    new: Any = source
    opened: dict[LogicVar, Term] = {}
    for i, part in enumerate(parts):
        stand_in = _stand_in(part, f"?{i}")
        opened[stand_in] = part
        (new,) = replaced((new,), part, stand_in)
    left = set(variables_of(new))
    lost = [x for x in shapes if x in left and _mentioned(shapes[x]) - left]
    # Without them the shape of a reshaped variable is not known: it may be anything.
    for t in [t for t in subterms(new) if t.head is reshape and t.args[0] in lost]:
        (new,) = replaced((new,), t, _stand_in(t, f"?{t.args[0]}"))
    left = set(variables_of(new))
    kept = {x: s for x, s in shapes.items() if x in left and x not in lost}
    return Relaxed(new, kept, {}, opened, 3 + sum(len(subterms(p)) for p in parts))


def _mentioned(lengths: tuple[Dim, Dim]) -> set[Any]:
    return {s.owner for d in lengths for s, _ in d.powers if isinstance(s.owner, LogicVar)}


def _stand_in(part: Term, name: str) -> LogicVar:
    if part.scalar:
        return LogicVar(name, "scalar")
    return LogicVar(name, "vector" if shape(part)[1] == ONE else "matrix")


def _miss(
    source: Term, relaxed: Relaxed, pattern: Pattern, term: Term, window: Window, dims: Granting
) -> Miss:
    bound = window.substitution
    differing = [
        (x, bound[x], bound[twin])
        for twin, x in relaxed.twins.items()
        if x in bound and bound[x] is not bound[twin]
    ]
    parts = [(part, bound[x], _kind(source, part, term)) for x, part in relaxed.opened.items()]
    hidden = (*relaxed.twins, *relaxed.opened)
    return Miss(
        term,
        {x: t for x, t in bound.items() if x not in hidden and not x.name.startswith("?")},
        tuple(_needed(pattern, term, window, dims)),
        tuple(differing),
        tuple(parts),
        relaxed.loss,
    )


def _needed(
    pattern: Pattern, term: Term, window: Window, dims: Granting
) -> Iterator[tuple[Dim, Dim]]:
    """The equations without which there would be no match here."""
    for pair in dims.granted:
        strict = Granting(dims.proved)
        strict.refused = pair
        if window not in pattern.match_within(term, Context(strict)):
            yield pair


def _kind(source: Term, part: Term, term: Term) -> str:
    """How an operand of a flat pattern is missing; empty for what is no operand.

    Returns
    -------
    str
        ``absent`` where no operand is like it, ``taken`` where other parts need those that are,
        ``apart`` where there is one for each part, in another order or with others between.
    """
    if not source.head.flat or term.head is not source.head:
        return ""
    if not any(part is a for a in source.args):
        return ""
    like = {a: _alike(a, term) for a in source.args if isinstance(a, Term)}
    if not like[part]:
        return "absent"
    if not _assignable(list(like.values()), frozenset()):
        return "taken"
    return "" if source.head.commutative else "apart"


def _alike(part: Term, term: Term) -> list[int]:
    """The operands of a term that match a part, whatever the lengths."""
    pattern = compile_pattern(part)
    context = Context(Granting(Dims()))
    return [i for i, a in enumerate(term.args) if any(True for _ in pattern.match(a, context))]


def _assignable(candidates: list[list[int]], taken: frozenset[int]) -> bool:
    if not candidates:
        return True
    first, *others = candidates
    return any(_assignable(others, taken | {i}) for i in first if i not in taken)


__all__ = ["Miss", "nearest"]
