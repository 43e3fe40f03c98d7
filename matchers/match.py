"""Compiled patterns: what a left-hand side matches, lazily and without duplicates.

A pattern is a term with logic variables. Within a product a matrix or vector variable binds a run
of one factor or more, a segment any run; within a sum a variable binds one summand or more and a
rest what is left. ``transpose(V)`` matches whatever `V` matches, transposed; so does ``vec(V)``,
where the shape of `V` is known from other variables. ``c·V`` with an optional coefficient matches
whatever `V` matches, scaled or not. A shared atom is opened where structure is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from matchers.coefficients import Coefficient, misplaced, optional
from matchers.dims import Dim
from matchers.elements import Constant, Ground, Length, Literal, Node, Ordinary
from matchers.marks import Free, Shaping
from matchers.multisets import Multiset
from matchers.sequences import Element, Sequence
from matchers.state import Context, Exhausted, State
from matchers.terms import Term, shape
from matchers.variables import LogicVar, Run
from matchers.vocabulary import reshape, transpose

Shapes = Mapping[LogicVar, tuple[Dim, Dim]]
Substitution = dict[LogicVar, Any]

# What stands around a match inside of a larger product or sum; no name a user would write.
_BEFORE = LogicVar("⟨before⟩", "segment")
_AFTER = LogicVar("⟨after⟩", "segment")
_OTHERS = LogicVar("⟨others⟩", "rest")


class Window(NamedTuple):
    """A match of part of a flat term, which is ``head(before, pattern, after)``.

    The head is the pattern's. In a sum or elementwise product the other operands are all in
    `after`; where the pattern's head is not flat both are empty.
    """

    substitution: Substitution
    before: Run
    after: Run


class Pattern:
    """A compiled left-hand side; made by `compile_pattern`.

    Attributes
    ----------
    term : Term or LogicVar
        The pattern.
    shapes : mapping
        Shapes of variables in terms of axes of other variables.
    variables : tuple of LogicVar
        What an answer binds, in order of appearance.
    root : Node
        What it is compiled to.
    """

    __slots__ = ("_around", "_within", "root", "shapes", "term", "variables")

    def __init__(self, term: Any, shapes: Shapes | None = None) -> None:
        if fault := misplaced(term):
            raise ValueError(fault)
        self.term = term
        self.shapes: Shapes = MappingProxyType(_closed(dict(shapes or {})))
        self.variables = variables_of(term)
        self.root = _compile(term, self.shapes)
        self._within = _compile(term, self.shapes, within=True)
        self._around = (*self.variables, _BEFORE, _AFTER, _OTHERS)

    def __repr__(self) -> str:
        return f"Pattern({self.term})"

    def match(self, term: Term, context: Context) -> Iterator[Substitution]:
        """All substitutions that make the pattern `term`, each once, in a fixed order."""
        if not self.root.admits(term):
            return
        for answer in _answers(self.root, self.variables, term, context):
            yield dict(zip(self.variables, answer, strict=True))

    def match_within(self, term: Term, context: Context) -> Iterator[Window]:
        """All matches of runs of factors, or of sub-multisets of summands, of `term`."""
        return self._windows(term, context) if self._within.admits(term) else iter(())

    def _windows(self, term: Term, context: Context) -> Iterator[Window]:
        k = len(self.variables)
        for answer in _answers(self._within, self._around, term, context):
            before, after, others = (Run() if r is None else r for r in answer[k:])
            substitution = dict(zip(self.variables, answer[:k], strict=True))
            yield Window(substitution, before, Run(after + others))


def compile_pattern(term: Any, shapes: Shapes | None = None) -> Pattern:
    """Compile a pattern once, to be matched often.

    Parameters
    ----------
    term : Term or LogicVar
        The pattern.
    shapes : mapping, optional
        Rows and columns of variables in terms of axes of other variables, by which ``vec(X)`` in a
        pattern matches a term that is no reshape literally.
    """
    return Pattern(term, shapes)


def _answers(
    root: Node, variables: tuple[LogicVar, ...], term: Term, context: Context
) -> Iterator[tuple[Any, ...]]:
    """The bindings of `variables`, each once; ends early if the budget does."""
    state = State(context)
    seen: set[tuple[Any, ...]] = set()
    try:
        state.tick()
        for _ in root.solve(term, state):
            mark = state.mark()
            if state.settle():
                answer = tuple([state.bindings.get(v) for v in variables])
                if answer not in seen:
                    seen.add(answer)
                    yield answer
            state.undo(mark)
    except Exhausted:
        return


def variables_of(term: Any) -> tuple[LogicVar, ...]:
    """The logic variables that stand for terms in a pattern, in order of appearance."""
    found: dict[LogicVar, None] = {}
    stack = [term]
    while stack:
        x = stack.pop()
        if isinstance(x, LogicVar):
            found[x] = None
        elif isinstance(x, Term) and not x.ground:
            stack.extend(reversed(x.args))
    return tuple(found)


def _closed(shapes: dict[LogicVar, tuple[Dim, Dim]]) -> dict[LogicVar, tuple[Dim, Dim]]:
    """The shapes in terms of variables that have none themselves."""
    for _ in range(len(shapes) + 1):
        if not any(_mentions(d, shapes) for sides in shapes.values() for d in sides):
            return shapes
        shapes = {v: (_expand(r, shapes), _expand(c, shapes)) for v, (r, c) in shapes.items()}
    raise ValueError("shapes are given in terms of each other")


def _mentions(dim: Dim, shapes: Shapes) -> bool:
    return any(isinstance(s.owner, LogicVar) and s.owner in shapes for s, _ in dim.powers)


def _expand(dim: Dim, shapes: Shapes) -> Dim:
    """`dim` with the axes of variables in `shapes` replaced by what they are."""
    out = Dim(dim.coef)
    for s, power in dim.powers:
        known = shapes.get(s.owner) if isinstance(s.owner, LogicVar) else None
        part = Dim(1, frozenset([(s, 1)])) if known is None or s.axis is None else known[s.axis]
        for _ in range(power):
            out = out * part
    return out


def _compile(p: Any, shapes: Shapes, within: bool = False) -> Node:
    if not isinstance(p, (Term, LogicVar)):
        return Length(_expand(p, shapes)) if isinstance(p, Dim) else Constant(p)
    free = _free(p, shapes)
    if free is not None:
        return free
    assert isinstance(p, Term)
    if not p.args:
        return Literal(p)
    if optional(p):
        return Coefficient(p.args[0], _compile(p.args[1], shapes))
    node: Node
    if p.head.flat:
        node = (_multiset if p.head.commutative else _sequence)(p, shapes, within)
    else:
        node = Ordinary(p.head, [_compile(a, shapes) for a in p.args])
    return Ground(p, node) if p.ground and not within else node


def _sequence(p: Term, shapes: Shapes, within: bool) -> Node:
    elements: list[Element] = []
    for a in p.args:
        if isinstance(a, LogicVar) and a.kind == "segment":
            elements.append(a)
        else:
            elements.append(_compile(a, shapes))
    if within and not isinstance(elements[0], LogicVar):
        elements.insert(0, _BEFORE)
    if within and not isinstance(elements[-1], LogicVar):
        elements.append(_AFTER)
    return Sequence(p.head, elements)


def _multiset(p: Term, shapes: Shapes, within: bool) -> Node:
    rests = [a for a in p.args if isinstance(a, LogicVar) and a.kind == "rest"]
    if len(rests) > 1:
        raise ValueError(f"more than one rest in {p}")
    elements = [_compile(a, shapes) for a in p.args if a not in rests]
    return Multiset(p.head, elements, rests[0] if rests else _OTHERS if within else None)


def _free(p: Any, shapes: Shapes) -> Free | None:
    """A variable under marks that can be undone, or None if `p` is something else."""
    inner = p
    marks: list[Shaping | None] = []
    while isinstance(inner, Term) and inner.head in (transpose, reshape):
        marks.append(None if inner.head is transpose else _shaping(inner, shapes))
        inner = inner.args[0]
    if not isinstance(inner, LogicVar):
        return None
    if inner.kind in ("segment", "rest"):
        raise ValueError(f"{inner.kind} {inner} stands alone in {p}, outside of a product or sum")
    if any(m is not None for m in marks) and inner not in shapes:
        return None
    return Free(inner, tuple(marks))


def _shaping(p: Term, shapes: Shapes) -> Shaping:
    inside, *outer = p.args
    rows, cols, _ = shape(inside)
    return Shaping(
        (_expand(outer[0], shapes), _expand(outer[1], shapes)),
        (_expand(rows, shapes), _expand(cols, shapes)),
    )


__all__ = [
    "Context",
    "Pattern",
    "Shapes",
    "Substitution",
    "Window",
    "compile_pattern",
    "variables_of",
]
