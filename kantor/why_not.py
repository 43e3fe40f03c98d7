"""`why_not`: how far a relation got in a graph, and what would take it further.

The relation is run with its conditions left open, over all forms that the search reaches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from pytensor.assumptions import KEY_REGISTRY

from kantor.api import graph_of
from kantor.engine import Engine, Reading
from kantor.explain import Explanation
from kantor.near import Miss, nearest
from kantor.notation import Notation
from kantor.survey import Survey, verdict
from lowering.polynomials import Poly
from lowering.search import positions
from matchers.conditions import Condition
from matchers.dims import Dim, Dims
from matchers.match import Context, compile_pattern
from matchers.regions import regions
from matchers.terms import Atom, LogicVar, Run, Term, shape, subterms
from relations.language import Direction, Relation
from relations.library import OFF_BY_DEFAULT, select
from relations.rules import replaced

# What a pattern asks for, in words.
KINDS = {
    "add": "sum",
    "cholesky": "Cholesky factor",
    "det": "determinant",
    "diag": "diagonal matrix",
    "eye": "identity matrix",
    "expm": "matrix exponential",
    "inverse": "inverse or solve",
    "kron": "Kronecker product",
    "logabsdet": "log-determinant",
    "matmul": "product",
    "mul": "elementwise product",
    "reshape": "reshaped value",
    "scale": "scaled value",
    "total": "sum of all entries",
    "transpose": "transpose",
}
# How far a relation got, the farthest first.
STAGES = (
    "used", "cost", "condition", "length", "repeated", "part", "head", "nowhere", "axiom", "failed",
)  # fmt: skip


@dataclass(frozen=True)
class WhyNot:
    """How far a relation got.

    Attributes
    ----------
    relation : str
    stage : str
        ``used``; ``cost``: it holds, but does not pay; ``condition``: it matches, but a condition
        is not proved; ``length``: lengths are not known to be equal; ``repeated``: a variable would
        have to be two terms; ``part``: a part of the pattern is missing; ``head``: nothing like it
        is there; ``nowhere``: there is no linear algebra; ``axiom``: the notation knows it itself;
        ``failed``: it raised an error.
    text : str
    place : str
        Where it got that far.
    bindings : dict of str to str
        What its variables are there.
    conditions : tuple of Condition
        Those that are not proved.
    declaration : str
        What would make the first of them hold; empty where nothing can.
    break_even : str
        The inequality under which it would pay.
    """

    relation: str
    stage: str
    text: str
    place: str = ""
    bindings: dict[str, str] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    declaration: str = ""
    break_even: str = ""
    distance: int = field(default=0, repr=False)

    @property
    def condition(self) -> Condition | None:
        """The first condition that is not proved."""
        return self.conditions[0] if self.conditions else None

    def __str__(self) -> str:
        return self.text


class Place(NamedTuple):
    """A region, and how to speak about it."""

    survey: Survey
    notation: Notation


class Match(NamedTuple):
    """Where one direction of a relation matches, whatever its conditions say."""

    direction: Direction
    term: Term
    bindings: dict[LogicVar, Any]

    def texts(self, notation: Notation) -> dict[LogicVar, str]:
        """What the variables are."""
        return {x: _bound(t, notation) for x, t in self.bindings.items()}


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
    found, _ = select(relation)
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
        survey = Survey(engine, Reading(fgraph, region, explanation.sizes))
        yield Place(survey, Notation(explanation.names, survey.reading.view.dims))


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
    return answer.stage in ("cost", "condition")


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
                if replaced(direction, window) is not term:
                    return _declined(match, place)
            elif best is None or len(failed) < best.distance:
                best = _unproved(match, failed, place)
    if best is not None:
        return best
    miss = nearest(direction.source, direction.shapes, terms, view.dims)
    if miss is None:
        return _headless(direction, terms, place.notation)
    return _near(direction, miss, place.notation)


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
        single = c.name == "square" or c.name in KEY_REGISTRY
        conditions += [c._replace(variables=(x,)) for x in c.variables] if single else [c]
    return [c for c in conditions if not c.holds(match.bindings, known)]


def _unproved(match: Match, failed: list[Condition], place: Place) -> WhyNot:
    notation, name = place.notation, match.direction.relation.name
    texts = match.texts(notation)
    refuted = " and ".join(filter(None, (_refuted(c, match, place) for c in failed)))
    said = " and ".join(map(str, failed))
    text = f"{name} matches {notation.term(match.term)}{_with(texts)}, but {said} "
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
        if c.holds(match.bindings, known):
            continue
        yield c.declaration(match.texts(place.notation))
        shapes = [shape(match.bindings[x]) for x in c.variables]
        if c.name == "square":
            known.dims.unify(*shapes[0][:2])
        elif c.name == "conforming":
            known.dims.unify(shapes[0][1], shapes[1][0])


def _refuted(c: Condition, match: Match, place: Place) -> str:
    """The shapes that contradict a condition on shapes, or nothing."""
    if c.name not in ("square", "same_shape", "conforming"):
        return ""
    dims = place.survey.reading.view.dims
    shapes = [tuple(map(dims.normal, shape(match.bindings[x])[:2])) for x in c.variables]
    if any(not d.known for s in shapes for d in s):
        return ""
    texts = match.texts(place.notation)
    said = (f"{texts[x]} is {m} × {n}" for x, (m, n) in zip(c.variables, shapes, strict=True))
    return " and ".join(said)


def _declined(match: Match, place: Place) -> WhyNot:
    """It could have been used: what that would have cost."""
    notation, name = place.notation, match.direction.relation.name
    texts = match.texts(notation)
    rest, break_even = _priced(name, place)
    return WhyNot(
        name,
        "cost",
        f"{name} matches {notation.term(match.term)}{_with(texts)} and holds there, {rest}",
        notation.term(match.term),
        {str(x): t for x, t in texts.items()},
        break_even=break_even,
    )


def _priced(name: str, place: Place) -> tuple[str, str]:
    """Why no form that a relation leads to was taken, and when one would pay."""
    survey, notation = place
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
        return f"and is cheaper{instead}: {_flops(ways['better'], base, notation)}", ""
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


# --- it does not match ----------------------------------------------------------------------------


def _near(direction: Direction, miss: Miss, notation: Notation) -> WhyNot:
    name, source, place = direction.relation.name, direction.source, notation.term(miss.term)
    needs = [_equation(a, b, notation) for a, b in miss.lengths]
    parts = [_missing(part, there, kind, source, notation) for part, there, kind in miss.parts]
    twice = [
        f"its {x} would have to be both {_bound(a, notation)} and {_bound(b, notation)}"
        for x, a, b in miss.differing
    ]
    stage = "part" if parts else "repeated" if twice else "length"
    known = f"{' and '.join(needs)} {'are' if len(needs) > 1 else 'is'} not known"
    why = "; ".join(dict.fromkeys([*parts, *twice] or [known]))
    return WhyNot(
        name,
        stage,
        f"{name} does not match: {place} comes closest to {source}, but {why}",
        place,
        {str(x): _bound(t, notation) for x, t in miss.bindings.items()},
        distance=miss.loss,
    )


def _equation(a: Dim, b: Dim, notation: Notation) -> str:
    left, right = (b, a) if notation.dims.normal(a).known else (a, b)
    return f"{notation.dim(left)} = {notation.dim(right)}"


def _missing(part: Any, there: Any, kind: str, source: Term, notation: Notation) -> str:
    operand = "summand" if source.head.name == "add" else "factor"
    if kind == "absent":
        return f"it has no {operand} {part}"
    if kind == "taken":
        return f"it has no other {operand} like {part}"
    if kind == "apart":
        return f"its {operand}s do not stand side by side in this order"
    return f"where {part} is needed stands {_bound(there, notation)}"


def _headless(direction: Direction, terms: list[Term], notation: Notation) -> WhyNot:
    """Nothing with the head of the pattern is there; perhaps a part of it is."""
    name, source = direction.relation.name, direction.source
    text = f"{name} does not match: {source} is {_article(source)}, and there is none"
    if any(t.head is source.head for t in terms):
        text += f" of {len(source.args)} operands or more"
    parts = [t for t in subterms(source) if t is not source and t.args]
    for part in sorted(parts, key=lambda t: -len(subterms(t))):
        pattern = compile_pattern(part)
        found = next((t for t in terms if any(True for _ in pattern.match(t, Context()))), None)
        if found is not None:
            as_what = notation.term(found)
            text += f"; of it {part} is there" + (f", as {as_what}" if as_what != str(part) else "")
            break
    return WhyNot(name, "head", text)


def _article(term: Term) -> str:
    kind = KINDS.get(term.head.name, term.head.name)
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _bound(value: Any, notation: Notation) -> str:
    if isinstance(value, Run):
        return " ".join(map(notation.term, value)) or "nothing"
    return notation.term(value)


def _with(texts: dict[Any, str]) -> str:
    """What the variables are, where they are not called the same."""
    said = [f"{x} = {t}" for x, t in texts.items() if str(x) != t]
    return f" with {', '.join(said)}" if said else ""


__all__ = ["STAGES", "WhyNot", "why_not"]
