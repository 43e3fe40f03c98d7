"""The answers of `why_not`, and what they say where nothing matches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kantor.near import Miss
from kantor.notation import Notation
from kantor.survey import Survey
from matchers.conditions import Condition
from matchers.dims import Dim
from matchers.match import Context, compile_pattern
from matchers.terms import Term
from matchers.traversal import subterms
from matchers.variables import LogicVar, Run
from relations.relation import Direction

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
    "used", "cost", "condition", "field", "batch", "length", "repeated", "part", "head", "nowhere",
    "axiom", "failed",
)  # fmt: skip


@dataclass(frozen=True)
class WhyNot:
    """How far a relation got.

    Attributes
    ----------
    relation : str
    stage : str
        ``used``; ``cost``: it holds, but does not pay; ``condition``: it matches, but a condition
        is not proved; ``field``: it matches complex matrices, and holds for real ones only;
        ``batch``: batch dimensions would be lost; ``length``: lengths are not known to be equal;
        ``repeated``: a variable would have to be two terms; ``part``: a part of the pattern is
        missing; ``head``: nothing like it is there; ``nowhere``: there is no linear algebra;
        ``axiom``: the notation knows it itself; ``failed``: it raised an error.
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
    asked: bool


class Match(NamedTuple):
    """Where one direction of a relation matches, whatever its conditions say."""

    direction: Direction
    term: Term
    bindings: dict[LogicVar, Any]

    def texts(self, notation: Notation) -> dict[LogicVar, str]:
        """What the variables are."""
        return {x: bound_text(t, notation) for x, t in self.bindings.items()}


def unmatched(
    direction: Direction, miss: Miss | None, terms: Sequence[Term], notation: Notation
) -> WhyNot:
    """What is missing where a direction of a relation matches none of some terms."""
    if miss is None:
        return _headless(direction, terms, notation)
    return _near(direction, miss, notation)


def _near(direction: Direction, miss: Miss, notation: Notation) -> WhyNot:
    name, source, place = direction.relation.name, direction.source, notation.term(miss.term)
    needs = [_equation(a, b, notation) for a, b in miss.lengths]
    parts = [_missing(part, there, kind, source, notation) for part, there, kind in miss.parts]
    twice = [
        f"its {x} would have to be both {bound_text(a, notation)} and {bound_text(b, notation)}"
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
        {str(x): bound_text(t, notation) for x, t in miss.bindings.items()},
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
    return f"where {part} is needed stands {bound_text(there, notation)}"


def _headless(direction: Direction, terms: Sequence[Term], notation: Notation) -> WhyNot:
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


def bound_text(value: Any, notation: Notation) -> str:
    """What a variable is bound to."""
    if isinstance(value, Run):
        return " ".join(map(notation.term, value)) or "nothing"
    return notation.term(value)


def with_text(texts: dict[Any, str]) -> str:
    """What the variables are, where they are not called the same."""
    said = [f"{x} = {t}" for x, t in texts.items() if str(x) != t]
    return f" with {', '.join(said)}" if said else ""


__all__ = ["STAGES", "Match", "Place", "WhyNot", "unmatched", "with_text"]
