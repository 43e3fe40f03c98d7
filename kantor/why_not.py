"""`why_not`: how far a relation got in a graph, and what would take it further.

The relation is run with its conditions left open, over all forms that the search reaches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pytensor.assumptions import KEY_REGISTRY

from kantor.answers import STAGES, Match, Place, WhyNot, unmatched, with_text
from kantor.api import graph_of
from kantor.engine import Engine, Reading
from kantor.explanation import Explanation
from kantor.near import nearest
from kantor.notation import Notation
from kantor.survey import Survey, verdict
from lowering.polynomials import Poly
from lowering.positions import positions
from matchers.conditions import Condition
from matchers.dims import Dim
from matchers.equalities import Dims
from matchers.leaves import Atom
from matchers.match import Context, compile_pattern
from matchers.proofs import RULES, missing
from matchers.regions import regions
from matchers.terms import Term, shape
from relations.library import OFF_BY_DEFAULT, select
from relations.relation import Direction, Relation
from relations.rules import in_batch, outside_field, replaced


def why_not(explanation: Explanation, relation: str | Relation) -> WhyNot:
    """How far `relation` got in the graph that was explained."""
    found = _relation(explanation, relation)
    remark = _remark(explanation, found)
    used = [s for s in explanation.steps if s.relation == found.name]
    if used:
        text = f"{found.name} was used: {used[0].before} → {used[0].after}"
        return WhyNot(found.name, "used", text, used[0].before)
    if not found.directions:
        why = "both sides are one term, which the notation knows by itself"
        if not found.axiom:
            why = "neither side determines the other, so it rewrites nothing"
        return WhyNot(found.name, "axiom", f"{found.name}: {why}")
    try:
        answer = _best(found, list(_places(explanation, found)))
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        answer = WhyNot(found.name, "failed", f"{found.name} is left out, because of {said}")
    return replace(answer, text=remark + answer.text)


def _relation(explanation: Explanation, relation: Any) -> Relation:
    if isinstance(relation, Relation):
        return relation
    for r in explanation.relations:
        if r.name == relation:
            return r
    found, goals = select(relation)
    if goals:
        raise ValueError(
            "why_not takes relations of Kantor; a plain miniKanren one is all or nothing"
        )
    if len(found) != 1 or found[0].name != relation:
        raise ValueError(f"{relation!r} is a tag; why_not takes one relation")
    return found[0]


def _remark(explanation: Explanation, relation: Relation) -> str:
    if any(r.name == relation.name for r in explanation.relations):
        return ""
    if OFF_BY_DEFAULT in relation.tags:
        return f"{relation.name} is off by default; name it in relations= to use it. "
    return f"{relation.name} is not among the relations asked for. "


def _places(explanation: Explanation, relation: Relation) -> Iterator[Place]:
    """The regions of the graph as they are, searched with the relation besides all others."""
    others = tuple(r for r in explanation.relations if r.name != relation.name)
    # What was reported when the graph was explained is not reported again.
    reported = {*explanation.failed, relation.name}
    engine = Engine((*others, relation), explanation.sizes, reported=reported)
    fgraph, originals = graph_of(explanation.outputs)
    explanation.names.alias(originals)
    for region in regions(fgraph):
        survey = Survey(engine, Reading(fgraph, region, explanation.sizes, engine.factoring))
        asked = len(others) < len(explanation.relations)
        yield Place(survey, Notation(explanation.names, survey.reading.view.dims), asked)


def _best(relation: Relation, places: list[Place]) -> WhyNot:
    """The answer that got farthest; from left to right, unless only the other way matches."""
    if not places:
        text = f"{relation.name}: there is no linear algebra in this graph that it could start from"
        return WhyNot(relation.name, "nowhere", text)
    ways = []
    for direction in relation.directions:
        ways.append(min((_answer(direction, p) for p in places), key=_farness))
    first, *others = ways
    for other in others:
        if _matched(other) and not _matched(first):
            backwards = f"{first.text}\nFrom right to left: {other.text}"
            return replace(other, text=backwards)
    return first


def _farness(answer: WhyNot) -> tuple[int, int]:
    return STAGES.index(answer.stage), answer.distance


def _matched(answer: WhyNot) -> bool:
    return answer.stage in ("cost", "condition", "field", "batch")


def _terms(survey: Survey) -> list[Term]:
    """All terms of all forms of a region, those of the graph itself first."""
    forms = [survey.reading.roots, *(c.roots for _, f in survey.found for c in f.candidates)]
    met = dict.fromkeys(t for roots in forms for t in positions(roots))
    return [t for t in met if not isinstance(t, Atom)]


def _answer(direction: Direction, place: Place) -> WhyNot:
    """How far one direction got in one region."""
    view = place.survey.reading.view
    terms = _terms(place.survey)
    best: WhyNot | None = None
    pattern = compile_pattern(direction.source, direction.shapes)
    for term in terms:
        for window in pattern.match_within(term, Context(view.dims)):
            match = Match(direction, term, window.substitution)
            failed = _failed(match, view)
            if not failed:
                after = replaced(direction, window)
                restricted = _restricted(match, after, place)
                if restricted is None and after is not term:
                    return _declined(match, place)
                best = best or restricted
            elif best is None or best.stage != "condition" or len(failed) < best.distance:
                best = _unproved(match, failed, place)
    return best or _lengths(direction, terms, place)


def _lengths(direction: Direction, terms: list[Term], place: Place) -> WhyNot:
    """Where only lengths keep a pattern from matching, conditions that would prove them equal."""
    view = place.survey.reading.view
    miss = nearest(direction.source, direction.shapes, terms, view.dims)
    if miss is not None and not miss.parts and not miss.differing:
        match = Match(direction, miss.term, miss.bindings)
        failed = _failed(match, view)
        supposed = view.dims.copy()
        for c in direction.relation.conditions:
            for m, n in c.equations(match.bindings):
                supposed.unify(m, n)
        if failed and all(supposed.equal(m, n) for m, n in miss.lengths):
            return _unproved(match, failed, place)
    return unmatched(direction, miss, terms, place.notation)


# --- it matches -----------------------------------------------------------------------------------


@dataclass
class Supposed:
    """What is known, and suppositions about lengths besides."""

    dims: Dims
    holds: Callable[[Any, str], bool]


def _failed(match: Match, known: Any) -> list[Condition]:
    """The conditions that are not proved, each of one variable where that is possible."""
    conditions: list[Condition] = []
    for c in match.direction.relation.conditions:
        each = c.name in ("square", "nonempty", "unbatched") or c.name in KEY_REGISTRY
        conditions += [c._replace(variables=(x,)) for x in c.variables] if each else [c]
    return [c for c in conditions if not c.holds(match.bindings, known)]


def _unproved(match: Match, failed: list[Condition], place: Place) -> WhyNot:
    notation, name = place.notation, match.direction.relation.name
    texts = match.texts(notation)
    refuted = " and ".join(filter(None, (_refuted(c, match, place) for c in failed)))
    said = " and ".join(map(str, failed))
    text = f"{name} matches {notation.term(match.term)}{with_text(texts)}, but {said} "
    text += "are " if len(failed) > 1 else "is "
    wanted = "" if refuted else "; ".join(_declarations(match, failed, place))
    text += f"false: {refuted}" if refuted else f"not proved; {wanted}"
    return WhyNot(
        name,
        "condition",
        text,
        notation.term(match.term),
        {str(x): t for x, t in texts.items()},
        tuple(failed),
        wanted,
        distance=len(failed),
    )


def _declarations(match: Match, failed: list[Condition], place: Place) -> Iterator[str]:
    """What to declare, without what follows from the declarations before."""
    view = place.survey.reading.view
    known = Supposed(view.dims.copy(), view.holds)
    for c in failed:
        if not c.holds(match.bindings, known):
            yield from _declared(c, match, place)
        for m, n in c.equations(match.bindings):
            known.dims.unify(m, n)


def _declared(c: Condition, match: Match, place: Place) -> Iterator[str]:
    """What to declare for one condition; of a compound term, what of its parts."""
    if c.name not in RULES:
        yield c.declaration(match.texts(place.notation))
        return
    (x,) = c.variables
    view = place.survey.reading.view
    for part, key in dict.fromkeys(missing(view, match.bindings[x], c.name)):
        yield c._replace(name=key).declaration({x: place.notation.term(part)})


def _refuted(c: Condition, match: Match, place: Place) -> str:
    """The shapes that contradict a condition, or nothing."""
    normal = place.survey.reading.view.dims.normal
    texts, dim = match.texts(place.notation), place.notation.dim
    pairs = [(normal(m), normal(n)) for m, n in c.equations(match.bindings)]
    unequal = any(m.known and n.known and m != n for m, n in pairs)
    shapes = {x: shape(match.bindings[x])[:2] for x in c.variables}
    empty = any(normal(n) == Dim(0) for lengths in shapes.values() for n in lengths)
    if not unequal and not (empty and c.name == "nonempty"):
        return ""
    return " and ".join(f"{texts[x]} is {dim(m)} × {dim(n)}" for x, (m, n) in shapes.items())


def _restricted(match: Match, after: Term, place: Place) -> WhyNot | None:
    """What no declaration changes: complex matrices, and batches that would be lost."""
    relation, notation = match.direction.relation, place.notation
    number = outside_field(relation, match.bindings)
    if number is not None:
        whole = isinstance(number, Atom) and number.var.type.dtype.startswith(("int", "uint"))
        found = "of integers" if whole else "complex"
        stage, why = "field", f"it {relation.restriction}, and {notation.term(number)} is {found}"
    elif in_batch(match.term, after, place.survey.reading.view) is None:
        stage, why = "batch", f"{notation.term(after)} would not have the same batch dimensions"
    else:
        return None
    texts = match.texts(notation)
    where = notation.term(match.term)
    text = f"{relation.name} matches {where}{with_text(texts)}, but {why}"
    return WhyNot(relation.name, stage, text, where, {str(x): t for x, t in texts.items()})


def _declined(match: Match, place: Place) -> WhyNot:
    """It could have been used: what that would have cost."""
    notation, name = place.notation, match.direction.relation.name
    texts = match.texts(notation)
    rest, break_even = _priced(match.direction.relation, place)
    return WhyNot(
        name,
        "cost",
        f"{name} matches {notation.term(match.term)}{with_text(texts)} and holds there, {rest}",
        notation.term(match.term),
        {str(x): t for x, t in texts.items()},
        break_even=break_even,
    )


def _priced(relation: Relation, place: Place) -> tuple[str, str]:
    """Why no form that a relation leads to was taken, and when one would pay."""
    name, (survey, notation, asked) = relation.name, place
    known = survey.reading.known
    steps = list(survey.steps())
    chosen = next((s for s in steps if s.decision.taken and name not in s.relations), None)
    base = survey.reading.before() if chosen is None else chosen.decision.after
    ways: dict[str, Poly] = {}
    for step in steps:
        if name in step.relations:
            gain = base - step.decision.after
            ways.setdefault(verdict(gain, known), step.decision.after)
    instead = "" if chosen is None else " than the form that was found without it"
    if "better" in ways:
        but = "; but it cannot be built, or others were tried before it" if asked else ""
        return f"and is cheaper{instead}: {_flops(ways['better'], base, notation)}{but}", ""
    if "sizes" in ways:
        pays = notation.cheaper(base.at(known), ways["sizes"].at(known))
        unknown = notation.axes((base - ways["sizes"]).at(known).symbols)
        return f"but the sizes {unknown} decide: it is cheaper{instead} where {pays}", pays
    if "known" in ways:
        pays = notation.cheaper(base, ways["known"])
        return f"but not cheaper{instead} at the known sizes; it is where {pays}", pays
    if "never" in ways:
        return f"but is never cheaper{instead}: {_flops(ways['never'], base, notation)}", ""
    return "but the search stopped before it was tried", ""


def _flops(after: Poly, before: Poly, notation: Notation) -> str:
    return f"{notation.poly(after)} flops instead of {notation.poly(before)}"


__all__ = ["why_not"]
