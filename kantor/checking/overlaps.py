"""Relations that are of no use, and pairs that undo each other, found on instances of their sides.

A relation is *dead* where nothing can match it: the normal form has rewritten its left side away,
nothing reads it from a graph, or a search leaves it out. It is *shadowed* where another relation,
whose conditions follow from its own, turns each of its sides into the very same term; of two that
do this to each other, either may go. Two relations *undo* each other where the second turns the
result of the first back into what it was, neither being the other backwards, at no difference in
cost: a search among them walks in circles.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from types import CodeType, FunctionType
from typing import Any

import matchers.readers
import matchers.reading
from kantor.checking.instances import NoInstance, Problem
from kantor.checking.matching import static_instance
from kantor.checking.posed import pose, read
from kantor.checking.reading import unreadable
from kantor.checking.settings import Setting
from kantor.checking.sides import Sides, readings
from matchers.heads import Head
from matchers.terms import Term
from matchers.traversal import subterms
from relations.relation import Direction, Relation
from relations.rules import Rules

AXIOM = "kantor:axiom"
# Findings that are meant to be as they are, and why: (kind, relation, other relation or "").
_WHOLE = "the other takes rows of a product, this one none"
_OFF = "the other may overflow and is off by default"
EXPLAINED: dict[tuple[str, str, str], str] = {
    ("shadowed", "hcat_times_vcat", "hcat_times"): _WHOLE,
    ("shadowed", "determinant_of_identity_plus", "determinant_lemma"): _OFF,
}


@dataclass(frozen=True)
class Finding:
    """Something that may be wrong with relations that are right.

    Attributes
    ----------
    kind : {"axiom", "dead", "shadowed", "same", "undone", "untried"}
    relation : Relation
    other : Relation or None
    said : str
    """

    kind: str
    relation: Relation
    said: str
    other: Relation | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """By which it is explained."""
        return self.kind, self.relation.name, "" if self.other is None else self.other.name

    @property
    def fault(self) -> bool:
        """Whether something should be done about it."""
        return self.kind != "axiom" and self.key not in EXPLAINED

    def __str__(self) -> str:
        why = EXPLAINED.get(self.key)
        return f"{self.relation.name}: {self.said}{f' ({why})' if why else ''}"


class Posing:
    """A relation over leaves, in each setting in which its conditions hold."""

    def __init__(self, relation: Relation) -> None:
        self.relation = relation
        self.sides: Sides = next(readings(relation))
        self.instance = static_instance(Problem(self.sides))
        self.found: dict[Direction, list[tuple[Relation, Term, Term]]] = {}

    @cached_property
    def setting(self) -> Setting:
        """Unknown lengths where the conditions can be proved of these, else static ones."""
        static = any(any(c.nonzero()) for c in self.relation.conditions)
        if static and self.instance is None:
            raise NoInstance("the lengths of its sides contradict each other")
        return Setting(self.sides, self.instance if static else None)

    def explore(self, rules: Rules) -> None:
        """What all relations make of each side that is matched."""
        for d in self.relation.directions:
            source, _ = self.setting.side(d)
            uses = self.setting.rewrites(source, rules)
            self.found[d] = [(move.relation, move.before, new) for move, new in uses]

    def results(self, d: Direction) -> set[Term]:
        """What the relation itself makes of a side."""
        return {new for relation, _, new in self.found[d] if relation is self.relation}


def overlaps(
    relations: Sequence[Relation], among: Iterable[Relation] | None = None
) -> tuple[Finding, ...]:
    """All that is found of `relations`.

    Parameters
    ----------
    relations : sequence of Relation
        What is asked about.
    among : iterable of Relation, optional
        The relations that are used together; by default the same.
    """
    everything = tuple(relations if among is None else among)
    rules = Rules(everything, everything=False)
    found: list[Finding] = []
    posings: list[Posing] = []
    for r in relations:
        if r.axiom:
            found.append(_axiom(r))
            continue
        try:
            posing = Posing(r)
            posing.explore(rules)
        except NoInstance as error:
            found.append(Finding("untried", r, f"no instance could be made: {error}"))
            continue
        posings.append(posing)
    dead = {p.relation: why for p in posings if (why := _dead(p, everything))}
    found += [Finding("dead", r, why) for r, why in dead.items()]
    alive = [p for p in posings if p.relation not in dead]
    found += _shadowed(alive)
    found += _undone(alive, rules)
    return tuple(found)


def _axiom(r: Relation) -> Finding:
    if AXIOM in r.tags:
        return Finding("axiom", r, "the view has one term for both sides")
    return Finding("dead", r, f"the view has one term for both sides: tag it as {AXIOM}")


# --- dead -----------------------------------------------------------------------------------------


def _dead(posing: Posing, everything: Sequence[Relation]) -> str:
    """Why nothing ever matches a relation, or nothing where something does."""
    relation, instance = posing.relation, posing.instance
    if not relation.directions:
        return "it has no direction in which it could be used"
    d = relation.directions[0]
    if not posing.results(d):
        return f"nothing is made of {d.source}, which it should match"
    if instance is None:
        return "the lengths of its sides contradict each other"
    side = posing.sides.written[d.backward]
    found = read(pose(posing.sides, side, instance=instance, variant=instance.variant))
    if any(r.before in (found.root, found.opened) for r in found.rewrites) or _led_to(
        d, everything
    ):
        return ""
    # The graph that a head builds need not be the one that it is read from.
    missing = unreadable(posing.sides, side, instance)
    strange = [head for head in missing if head not in read_heads()]
    if missing and not strange:
        return ""
    why = f": nothing reads {', '.join(strange)}" if strange else ""
    return f"the graph of {side} reads as {found.root}{why}"


def _led_to(d: Direction, everything: Sequence[Relation]) -> bool:
    """Whether another relation makes something that has all the heads of what `d` matches."""
    heads = _heads(d.source)
    others = (o for r in everything if r is not d.relation for o in r.directions)
    return any(heads <= _heads(o.target) for o in others)


def _heads(side: Any) -> set[Head]:
    return {t.head for t in subterms(side) if t.args}


@cache
def read_heads() -> frozenset[str]:
    """The names that the readers of the view mention, those of heads among them."""
    modules = [matchers.readers]
    for info in pkgutil.iter_modules(matchers.reading.__path__):
        modules.append(importlib.import_module(f"matchers.reading.{info.name}"))
    pending = [f.__code__ for m in modules for f in vars(m).values() if isinstance(f, FunctionType)]
    found: set[str] = set()
    while pending:
        code = pending.pop()
        found.update(code.co_names)
        pending += [c for c in code.co_consts if isinstance(c, CodeType)]
    return frozenset(found)


# --- shadowed -------------------------------------------------------------------------------------


def _shadowed(posings: Sequence[Posing]) -> Iterator[Finding]:
    """Relations of which another does all that they do."""
    by_relation = {p.relation: p for p in posings}
    covering = {p.relation: _covering(p) for p in posings}
    told: set[frozenset[Relation]] = set()
    for r, others in covering.items():
        for s in others:
            mutual = s in by_relation and r in covering[s]
            if mutual:
                if frozenset((r, s)) in told:
                    continue
                told.add(frozenset((r, s)))
                yield Finding("same", r, f"{s.name} says the same under the same conditions", s)
            else:
                why = "does the same, under conditions that follow from its own"
                yield Finding("shadowed", r, f"{s.name} {why}", s)


def _covering(posing: Posing) -> list[Relation]:
    """The relations that make of every side what this relation makes of it."""
    sides = [d for d in posing.relation.directions if posing.results(d)]
    per_side = [
        {r for r, _, new in posing.found[d] if new in posing.results(d)} - {posing.relation}
        for d in sides
    ]
    return sorted(set.intersection(*per_side), key=lambda r: r.name) if per_side else []


# --- undoing --------------------------------------------------------------------------------------


def _undone(posings: Sequence[Posing], rules: Rules) -> Iterator[Finding]:
    """Pairs of which one leads back where the other came from, at the same cost."""
    told: set[frozenset[Relation]] = set()
    for p in posings:
        for d in p.relation.directions:
            source, _ = p.setting.side(d)
            for middle in p.results(d):
                for move, back in p.setting.rewrites(middle, rules):
                    other = move.relation
                    pair = frozenset((p.relation, other))
                    if back is not source or other is p.relation or pair in told:
                        continue
                    if _backwards(p, d, other, middle):
                        continue
                    before, after = p.setting.cost(source), p.setting.cost(middle)
                    if (before - after).terms:
                        continue
                    told.add(pair)
                    texts = p.setting.notation.term(source), p.setting.notation.term(middle)
                    said = f"{texts[0]} → {texts[1]} is undone by {other.name} at the same cost"
                    yield Finding("undone", p.relation, said, other)


def _backwards(p: Posing, d: Direction, other: Relation, middle: Term) -> bool:
    """Whether the other is this relation itself: it makes of the source what this one makes."""
    return any(r is other and new is middle for r, _, new in p.found[d])


__all__ = ["EXPLAINED", "Finding", "overlaps"]
