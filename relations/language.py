"""Writing relations: logic variables that read as mathematics, and the `relation` decorator.

A relation is data: two sides, conditions, tags, stability and source. It can be indexed, printed,
verified and compiled; called with ``(in_lv, out_lv)`` it is a miniKanren goal.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from functools import cached_property, partial
from typing import Any

from matchers.coefficients import misplaced, optional
from matchers.conditions import Condition
from matchers.conforming import equations, learn, learn_diagonals, unproved
from matchers.dims import Dim, Dims
from matchers.match import Pattern, compile_pattern
from matchers.terms import LogicVar, Term, rebuild, shape, subterms
from matchers.vocabulary import reshape, transpose

STABILITIES = ("backward", "mixed", "loses")
FIELDS = ("any", "real")
Shapes = Mapping[LogicVar, tuple[Dim, Dim]]


class RelationError(ValueError):
    """A relation that cannot stand; the message names it and says what is wrong."""


def matrices(names: str) -> tuple[LogicVar, ...]:
    """Logic variables for matrices, one per name: ``A, B = matrices("A B")``.

    A matrix variable binds a term that may be compound: in a product a run of one factor or more,
    in a sum one summand or more.
    """
    return _variables(names, "matrix")


def vectors(names: str) -> tuple[LogicVar, ...]:
    """Logic variables for columns, one per name."""
    return _variables(names, "vector")


def scalars(names: str) -> tuple[LogicVar, ...]:
    """Logic variables for coefficients that are written out, one per name; see `coefficients`."""
    return _variables(names, "scalar")


def coefficients(names: str) -> tuple[LogicVar, ...]:
    """Logic variables for coefficients that may be missing, one per name.

    In the side that is matched, ``scale(c, X)`` then stands for X as well, with c = 1; of a term
    that is scaled, c is all that it is scaled by and X no scaled term. One relation on
    c·A B + d·A C so takes A B + A C, A B - A C and 2 A B + s A C.

    Coefficients draw out of products by themselves: these stand in front of summands, or within
    heads that are not linear, and in front of matrices only. On the side that is not matched they
    stand where any scalar may.
    """
    return tuple(LogicVar(x.name, x.kind, optional=True) for x in scalars(names))


def segments(names: str) -> tuple[LogicVar, ...]:
    """Logic variables for runs of factors, which may be empty."""
    return _variables(names, "segment")


def rests(names: str) -> tuple[LogicVar, ...]:
    """Logic variables for the rest of a sum, which may be empty."""
    return _variables(names, "rest")


def _variables(names: str, kind: str) -> tuple[LogicVar, ...]:
    found = tuple(LogicVar(name, kind) for name in names.replace(",", " ").split())
    if not found:
        raise ValueError(f"no names in {names!r}; write for example matrices('A B')")
    return found


@dataclass(frozen=True, eq=False)
class Direction:
    """One way of using a relation: `source` is matched, `target` replaces it."""

    relation: Relation
    source: Any
    target: Any
    shapes: Shapes

    @cached_property
    def pattern(self) -> Pattern:
        """The source, compiled once for all engines."""
        return compile_pattern(self.source, self.shapes)

    @property
    def backward(self) -> bool:
        """Whether the right side is the one that is matched."""
        return self.source is self.relation.rhs

    def __str__(self) -> str:
        return f"{self.relation.name}: {self.source} → {self.target}"


@dataclass(frozen=True, eq=False)
class Relation:
    """What equals what, and when.

    Attributes
    ----------
    name : str
    lhs, rhs : Term
        The two sides.
    conditions : tuple of Condition
    tags : tuple of str
        All begin with ``kantor:``.
    stability : {"backward", "mixed", "loses"}
        What the right side does to accuracy. Its error is at most ten times that of the left, and
        rounding, at conditions up to 1e8: ``backward`` always; ``mixed`` always, or at least where
        what the right side inverts by itself is well conditioned and the largest, or everything
        where it inverts nothing by itself. What ``loses`` is off by default.
    cites : str
        The source.
    doc : str
        The identity in words, first line first.
    body : callable or None
        What its author wrote, to be run again: returns ``lhs, rhs, *conditions``.
    field : {"any", "real"}
        Over which numbers it holds; what holds over the reals only is not used on complex matrices.
    both_ways : bool
        Whether the right side may be replaced by the left as well; not so where the right has a
        value and the left has none.
    """

    name: str
    lhs: Any
    rhs: Any
    conditions: tuple[Condition, ...] = ()
    tags: tuple[str, ...] = ()
    stability: str = "backward"
    cites: str = ""
    doc: str = ""
    module: str = attribute(default="", repr=False)
    body: Callable[[], tuple[Any, ...]] | None = attribute(default=None, repr=False)
    field: str = "any"
    both_ways: bool = True

    def __post_init__(self) -> None:
        _validate(self)

    @property
    def identity(self) -> str:
        """The first line of the docstring."""
        return self.doc.strip().split("\n")[0]

    @cached_property
    def variables(self) -> tuple[LogicVar, ...]:
        """All logic variables, in the order in which they are met."""
        return tuple(dict.fromkeys([*_variables_of(self.lhs), *_variables_of(self.rhs)]))

    @cached_property
    def directions(self) -> tuple[Direction, ...]:
        """The ways in which it can rewrite; an axiom, whose sides are one term, has none."""
        out = []
        ways = ((self.lhs, self.rhs), (self.rhs, self.lhs))
        for source, target in ways if self.both_ways else ways[:1]:
            if source is target or _matches_anything(source):
                continue
            if set(_variables_of(target)) - set(_variables_of(source)):
                continue
            shapes, missing, _ = _solve_shapes(self, source, target)
            if not missing:
                out.append(Direction(self, source, target, shapes))
        return tuple(out)

    @property
    def axiom(self) -> bool:
        """Whether both sides have one normal form: the view itself knows this identity."""
        return self.lhs is self.rhs

    @property
    def restriction(self) -> str:
        """Over which numbers it holds, as a sentence; empty where it holds over all."""
        return "holds for real matrices only" if self.field == "real" else ""

    def __call__(self, in_lv: Any, out_lv: Any) -> Any:
        """The miniKanren goal that `in_lv` and `out_lv` are the two sides of this relation."""
        from relations.goals import relationo

        return relationo(self, in_lv, out_lv)

    def __str__(self) -> str:
        where = f"  where {', '.join(map(str, self.conditions))}" if self.conditions else ""
        only = f"; {self.restriction}" if self.restriction else ""
        return f"{self.lhs} = {self.rhs}{where}{only}"

    def __repr__(self) -> str:
        return f"<relation {self.name}: {self}>"


def relation(
    *,
    tags: str | Iterable[str] = (),
    cites: str = "",
    stability: str = "backward",
    name: str | None = None,
    field: str = "any",
    both_ways: bool = True,
) -> Callable[[Callable[..., tuple[Any, ...]]], Relation]:
    """Make a relation of a function that returns ``lhs, rhs, *conditions``.

    The parameters of the function are looked up by name among the logic variables that `matrices`,
    `vectors`, `scalars` and `coefficients` made where the function is written; its docstring states
    the identity.

    Parameters
    ----------
    tags : str or iterable of str
        Tags, by which modes include or exclude it; the prefix ``kantor:`` is added where missing.
    cites : str
        Where the identity is stated.
    stability : {"backward", "mixed", "loses"}
    name : str, optional
        Instead of the name of the function.
    field : {"any", "real"}
        Over which numbers the identity holds: ``real`` where a complex matrix would need a
        conjugate that is not written, as Q⁻¹ = Qᵀ does.
    both_ways : bool
        False where the right side has a value in more places than the left, so that it must not be
        replaced by the left.

    Raises
    ------
    RelationError
        Where the relation cannot stand: an unbound variable, sides of different shapes, a condition
        on no variable, a variable that the function does not take as a parameter.

    Examples
    --------
    >>> A, B = matrices("A B")
    >>> @relation(tags="inverses", cites="Golub & Van Loan 2013, 2.1.4")
    ... def inverse_of_kron(A, B):
    ...     "(A ⊗ B)⁻¹ = A⁻¹ ⊗ B⁻¹ for square factors."
    ...     return inverse(kron(A, B)), kron(inverse(A), inverse(B)), square(A, B)
    """
    caller = sys._getframe(1)
    scope = {**caller.f_globals, **caller.f_locals}
    names = (tags,) if isinstance(tags, str) else tuple(tags)

    def make(function: Callable[..., tuple[Any, ...]]) -> Relation:
        own = name or function.__name__
        parameters = tuple(_parameters(own, function, scope))
        body = partial(function, *parameters)
        made = body()
        if not isinstance(made, tuple) or len(made) < 2:
            raise RelationError(f"relation {own!r} must return lhs, rhs, *conditions")
        lhs, rhs, *conditions = made
        out = Relation(
            name=own,
            lhs=lhs,
            rhs=rhs,
            conditions=tuple(conditions),
            tags=tuple(t if t.startswith("kantor:") else f"kantor:{t}" for t in names),
            stability=stability,
            cites=cites,
            doc=inspect.cleandoc(function.__doc__ or ""),
            module=function.__module__,
            body=body,
            field=field,
            both_ways=both_ways,
        )
        undeclared = [x for x in _mentioned(lhs, rhs) if x not in parameters]
        if undeclared:
            raise RelationError(f"relation {own!r}: uses {undeclared[0]}, which is not a parameter")
        return out

    return make


def _parameters(name: str, function: Any, scope: Mapping[str, Any]) -> Iterator[LogicVar]:
    for parameter in inspect.signature(function).parameters:
        found = scope.get(parameter)
        if not isinstance(found, LogicVar):
            raise RelationError(
                f"relation {name!r}: parameter {parameter!r} is not a logic variable; "
                f"declare it first, for example {parameter}, = matrices({parameter!r})"
            )
        yield found


def _matches_anything(side: Any) -> bool:
    """Whether a side is a variable, or marks on one that a match undoes."""
    while isinstance(side, Term) and side.head in (transpose, reshape):
        side = side.args[0]
    return not isinstance(side, Term)


def _variables_of(side: Any) -> Iterator[LogicVar]:
    if isinstance(side, LogicVar):
        yield side
        return
    for t in subterms(side):
        for a in t.args:
            if isinstance(a, LogicVar):
                yield a


def _mentioned(*sides: Any) -> Iterator[LogicVar]:
    """The variables of some sides, those of which only a length is mentioned included."""
    for side in sides:
        yield from _variables_of(side)
        for t in subterms(side):
            for a in t.args:
                if isinstance(a, Dim):
                    yield from a.variables


def _coefficient_fault(side: Any) -> str:
    """What is wrong with the optional coefficients of a side that is matched, or nothing."""
    if optional(side):
        return f"{side.args[0]} is in front of all, where it is drawn out by itself; leave it out"
    return misplaced(side)


# --- what makes a relation stand ------------------------------------------------------------------


def _validate(r: Relation) -> None:
    def refuse(why: str) -> None:
        raise RelationError(f"relation {r.name!r}: {why}")

    for side, which in ((r.lhs, "left"), (r.rhs, "right")):
        if not isinstance(side, (Term, LogicVar)):
            refuse(f"the {which} side is {side!r}, which is not a term over logic variables")
    if not isinstance(r.lhs, Term):
        refuse("the left side is a bare variable, which would match everything")
    for side, which in ((r.lhs, "left"), (r.rhs, "right"))[: 1 + r.both_ways]:
        if fault := _coefficient_fault(side):
            refuse(
                f"in the {which} side {fault}" + "; or give both_ways=False" * (which == "right")
            )
    if not r.doc:
        refuse("no docstring; it states the identity, its conditions and its source")
    if r.stability not in STABILITIES:
        refuse(f"stability is {r.stability!r}; one of {', '.join(STABILITIES)}")
    if r.field not in FIELDS:
        refuse(f"field is {r.field!r}; one of {', '.join(FIELDS)}")
    left = set(_variables_of(r.lhs))
    unbound = [str(x) for x in _variables_of(r.rhs) if x not in left]
    if unbound:
        refuse(f"{unbound[0]} on the right side is unbound: it does not occur on the left")
    for c in r.conditions:
        if not isinstance(c, Condition):
            refuse(f"{c!r} is not a condition; write for example square(A)")
        if not c.variables or not all(isinstance(x, LogicVar) for x in c.variables):
            refuse(f"the condition {c.name} names no variable of the relation")
        strange = [str(x) for x in c.variables if x not in left]
        if strange:
            refuse(f"the condition {c} names {strange[0]}, which is no variable of the relation")
    _, missing, contradiction = _solve_shapes(r, r.lhs, r.rhs)
    if contradiction is not None:
        refuse(contradiction)
    if missing:
        a, b = missing[0]
        refuse(
            f"the right side needs {a} = {b}, which the left side does not imply; "
            "state it as a condition, for example square(A), or correct the right side"
        )


def _solve_shapes(
    r: Relation, source: Any, target: Any
) -> tuple[Shapes, list[tuple[Dim, Dim]], str | None]:
    """The shapes that `target` gives to variables which `source` only holds as ``vec``.

    Returns these shapes, the demands of `target` that stay unproved, and a contradiction or None.
    """
    dims = Dims()
    if not learn(dims, source):
        return {}, [], f"{source} has no value: its dimensions contradict each other"
    for a, b in (e for c in r.conditions for e in c.equations()):
        dims.unify(a, b)
    learn_diagonals(dims, source, target)
    pending = _shape_equations(source, target)
    free = _reshaped_variables(source)
    axes = {s for x in free for d in (x.rows, x.cols) for s, _ in d.powers}
    for a, b in pending:
        _bind_free(dims, axes, a, b)
    (m, n, _), (p, q, _) = shape(source), shape(target)
    missing = [(a, b) for a, b in pending[:-2] if not dims.equal(a, b)]
    if not missing and not (dims.equal(m, p) and dims.equal(n, q)):
        return {}, pending[-2:], f"the sides differ in shape: {m} × {n} and {p} × {q}"
    shapes = {x: (dims.normal(x.rows), dims.normal(x.cols)) for x in free}
    solved = {
        x: s for x, s in shapes.items() if not any(t.owner in free for d in s for t, _ in d.powers)
    }
    return solved, missing, None


def _shape_equations(source: Any, target: Any) -> list[tuple[Dim, Dim]]:
    """All that `target` demands, and that the two have one shape."""
    (m, n, _), (p, q, _) = shape(source), shape(target)
    return [*(e for t in subterms(target) for e in equations(t)), (m, p), (n, q)]


def _bind_free(dims: Dims, axes: set[Any], a: Dim, b: Dim) -> None:
    """Unify where an axis of a free variable is mentioned, binding that axis and no other."""
    a, b = dims.normal(a), dims.normal(b)
    for x, y in ((a, b), (b, a)):
        if len(x.powers) == 1 and next(iter(x.powers))[0] in axes:
            dims.unify(x, y)
            return


def _reshaped_variables(side: Any) -> list[LogicVar]:
    """Variables that `side` holds as ``vec`` only, whose shape is therefore free."""
    inside, outside = [], set()
    for t in subterms(side):
        for a in t.args:
            if isinstance(a, LogicVar):
                if t.head is reshape:
                    inside.append(a)
                else:
                    outside.add(a)
    return [x for x in dict.fromkeys(inside) if x not in outside]


__all__ = [
    "Direction", "Relation", "RelationError", "coefficients", "matrices", "rebuild", "relation",
    "rests", "scalars", "segments", "unproved", "vectors",
]  # fmt: skip
