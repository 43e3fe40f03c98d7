"""The meaning of a pattern in plain miniKanren, to hold the compiled matcher to.

Every choice is a plain disjunction of plain goals: slow, simple, and without a line in common with
`matchers.match`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from kanren.core import eq, fail, run, succeed
from unification import var
from unification.core import assoc
from unification.utils import transitive_get as walk
from unification.variable import isvar

import matchers.unification  # noqa: F401 - terms under stock `eq` are compared by identity
from matchers.dims import ONE, Dim
from matchers.goals import Goal, all_of, appendo, project, selecto, subseto
from matchers.leaves import Atom, number
from matchers.state import Context
from matchers.terms import Term, shape
from matchers.variables import LogicVar, Run
from matchers.vocabulary import kron, reshape, scale, transpose

Shapes = Mapping[LogicVar, tuple[Dim, Dim]]


class Setting(NamedTuple):
    """What all goals of one match share.

    `late` is the logic variable under which a state keeps what waits for bindings.
    """

    context: Context
    shapes: Shapes
    late: Any


def answers(
    pattern: Any, term: Term, context: Context, shapes: Shapes | None = None
) -> list[dict[LogicVar, Any]]:
    """All substitutions that make `pattern` the term, each once."""
    variables = tuple(sorted(_variables(pattern), key=lambda v: v.name))
    found = run(0, variables, matcho(pattern, term, context, shapes))
    out: list[dict[LogicVar, Any]] = []
    seen: set[Any] = set()
    for values in found:
        pairs = list(zip(variables, values, strict=True))
        key = tuple(frozenset(Counter(x).items()) if v.kind == "rest" else x for v, x in pairs)
        if key not in seen:
            seen.add(key)
            out.append({v: Run(x) if v.kind in ("segment", "rest") else x for v, x in pairs})
    return out


def matcho(
    pattern: Any, term: Any, context: Context | None = None, shapes: Shapes | None = None
) -> Goal:
    """The goal that `term`, which is ground by then, is an instance of `pattern`.

    The variables of `pattern` are bound in the state, so that other goals may use them.
    """
    setting = Setting(context or Context(), shapes or {}, var())
    return all_of(termo(pattern, term, setting), settleo(setting))


def termo(p: Any, t: Any, setting: Setting) -> Goal:
    """The term or argument `t` is an instance of `p`."""
    return project(lambda x: _termo(p, x, setting), t)


def _termo(p: Any, t: Any, setting: Setting) -> Goal:
    if isinstance(p, Dim):
        return latero(p, t, setting) if isinstance(t, Dim) else fail
    if not isinstance(p, (Term, LogicVar)):
        return succeed if type(p) is type(t) and p == t else fail
    if not isinstance(t, Term):
        return fail
    if _variable_of(p, setting) is not None:
        return freeo(p, t, setting)
    assert isinstance(p, Term)
    if p is t or not p.args:
        return succeed if p is t else fail
    if p.head is scale and _is(p.args[0], "scalar") and p.args[0].optional:
        return scaledo(p.args[0], p.args[1], t, setting)
    inside = t if t.head is p.head else _inside(t, p.head)
    if p.head.flat:
        operands = inside.args if inside.head is p.head else (t,)
        return (multiseto if p.head.commutative else sequenceo)(p, _parts(p), operands, setting)
    if p.head is not inside.head or len(p.args) != len(inside.args):
        return fail
    return all_of(*(termo(a, b, setting) for a, b in zip(p.args, inside.args, strict=True)))


def _inside(t: Term, head: Any) -> Any:
    """What a shared atom stands for, also transposed; a transposed Kronecker product is one."""
    if isinstance(t, Atom):
        return t if t.definition is None else _inside(t.definition, head)
    if t.head is not transpose:
        return t
    inside = _inside(t.args[0], head)
    if head is kron and inside.head is kron:
        return kron(*(transpose(x) for x in inside.args))
    return t if inside is t.args[0] else transpose(inside)


def scaledo(c: LogicVar, p: Any, t: Term, setting: Setting, front: Any = None) -> Goal:
    """`t`, behind the coefficients `front`, is an instance of ``c·p``, where c may be missing."""
    inside = _inside(t, scale)
    if inside.head is scale:
        coefficient, scaled = inside.args
        both = coefficient if front is None else scale(front, coefficient)
        return scaledo(c, p, scaled, setting, both)
    return all_of(bindo(c, number(1) if front is None else front, setting), termo(p, t, setting))


def _parts(p: Term) -> tuple[Any, ...]:
    """The elements of a flat pattern, a rest after all others."""
    return tuple(sorted(p.args, key=lambda a: _is(a, "rest")))


def sequenceo(p: Term, elements: tuple[Any, ...], operands: Any, setting: Setting) -> Goal:
    """Elements of the product `p` share the operands, in order."""
    if not elements:
        return eq(operands, ())
    first, *more = elements
    front, back = var(), var()
    return all_of(
        appendo(front, back, operands),
        project(lambda part: takeo(p, first, part, setting), front),
        project(lambda left: sequenceo(p, tuple(more), left, setting), back),
    )


def multiseto(p: Term, elements: tuple[Any, ...], operands: Any, setting: Setting) -> Goal:
    """Elements of the sum `p` share the operands, in any order."""
    if not elements:
        return eq(operands, ())
    first, *more = elements
    if _is(first, "rest"):
        return resto(first, operands)
    one, some, others = var(), var(), var()
    if _variable_of(first, setting) is None:
        choice = all_of(selecto(one, operands, others), eq(some, (one,)))
    else:
        choice = subseto(some, operands, others)
    return all_of(
        choice,
        project(lambda part: takeo(p, first, part, setting), some),
        project(lambda left: multiseto(p, tuple(more), left, setting), others),
    )


def takeo(p: Term, element: Any, part: tuple[Any, ...], setting: Setting) -> Goal:
    """One element of the flat pattern `p` is all of `part`."""
    if _is(element, "segment"):
        return eq(element, part)
    v = _variable_of(element, setting)
    many = v is not None and (v.kind != "scalar" or p.head.commutative)
    if not part or (len(part) > 1 and not many):
        return fail
    in_sum = element is v and p.head.commutative
    if in_sum and _is(v, "vector") and not all(_column(x, setting) for x in part):
        return fail
    return _termo(element, part[0] if len(part) == 1 else p.head.make(*part), setting)


def freeo(p: Any, t: Term, setting: Setting, settle: bool = False) -> Goal:
    """A variable under transposes and reshapes is `t`; reshapes wait for the others."""
    if isinstance(p, LogicVar):
        return bindo(p, t, setting)
    if p.head is transpose:
        return freeo(p.args[0], transpose(t), setting, settle)
    return reshapedo(p, t, setting) if settle else latero(p, t, setting)


def bindo(v: LogicVar, t: Term, setting: Setting) -> Goal:
    """The variable is this very term, which its kind allows."""
    if v.kind == "scalar":
        fits = t.scalar
    else:
        fits = not t.scalar and (v.kind == "matrix" or _column(t, setting))

    def goal(S: Any) -> Iterator[Any]:
        bound = walk(v, S)
        if bound is t:
            yield S
        elif isvar(bound) and fits:
            yield assoc(S, bound, t)

    return goal


def resto(v: LogicVar, operands: tuple[Any, ...]) -> Goal:
    """The rest is these operands, in any order."""

    def goal(S: Any) -> Iterator[Any]:
        bound = walk(v, S)
        if isvar(bound):
            yield assoc(S, bound, tuple(operands))
        elif Counter(bound) == Counter(operands):
            yield S

    return goal


def latero(p: Any, value: Any, setting: Setting) -> Goal:
    """Keep a pattern and its value until the variables are bound."""

    def goal(S: Any) -> Iterator[Any]:
        yield assoc(S, setting.late, (*S.get(setting.late, ()), (p, value)))

    return goal


def settleo(setting: Setting) -> Goal:
    """What was kept until now holds."""

    def goal(S: Any) -> Iterator[Any]:
        kept = S.get(setting.late, ())
        yield from all_of(
            *(reshapedo(p, t, setting) for p, t in kept if isinstance(p, Term)),
            *(lengtho(p, n, setting) for p, n in kept if isinstance(p, Dim)),
        )(S)

    return goal


def reshapedo(p: Term, t: Term, setting: Setting) -> Goal:
    """`t` is ``reshape(q, rows, cols)`` for a `q` whose shape is known by now."""
    q, *outer = p.args

    def goal(S: Any) -> Iterator[Any]:
        rows, cols = (_length(_known(d, setting), S) for d in shape(q)[:2])
        if rows is not None and cols is not None:
            lengths = (lengtho(d, n, setting) for d, n in zip(outer, shape(t)[:2], strict=True))
            yield from all_of(*lengths, freeo(q, reshape(t, rows, cols), setting, True))(S)

    return goal


def lengtho(p: Dim, n: Dim, setting: Setting) -> Goal:
    """The length is `n`; one that is never known may be anything."""

    def goal(S: Any) -> Iterator[Any]:
        known = _length(_known(p, setting), S)
        if known is None or setting.context.dims.equal(known, n):
            yield S

    return goal


def _is(p: Any, kind: str) -> bool:
    return isinstance(p, LogicVar) and p.kind == kind


def _column(t: Term, setting: Setting) -> bool:
    return setting.context.dims.equal(shape(t)[1], ONE)


def _variable_of(p: Any, setting: Setting) -> LogicVar | None:
    """The variable that `p` is, under transposes and under reshapes of known shape."""
    reshaped = False
    while isinstance(p, Term) and p.head in (transpose, reshape):
        reshaped = reshaped or p.head is reshape
        p = p.args[0]
    return p if isinstance(p, LogicVar) and not (reshaped and p not in setting.shapes) else None


def _variables(p: Any) -> set[LogicVar]:
    if isinstance(p, LogicVar):
        return {p}
    return {v for a in p.args for v in _variables(a)} if isinstance(p, Term) else set()


def _known(dim: Dim, setting: Setting) -> Dim:
    """`dim` without the axes of variables whose shape is given by others."""
    out = Dim(dim.coef)
    for s, n in dim.powers:
        sides: Any = setting.shapes.get(s.owner) if isinstance(s.owner, LogicVar) else None
        part = Dim(1, frozenset([(s, 1)])) if sides is None else _known(sides[s.axis], setting)
        for _ in range(n):
            out = out * part
    return out


def _length(dim: Dim, S: Any) -> Dim | None:
    """`dim` by what its variables are bound to, or None."""
    out = Dim(dim.coef)
    for s, n in dim.powers:
        part: Any = Dim(1, frozenset([(s, 1)]))
        if isinstance(s.owner, LogicVar):
            bound = walk(s.owner, S)
            if not isinstance(bound, Term) or s.axis is None:
                return None
            part = shape(bound)[s.axis]
        for _ in range(n):
            out = out * part
    return out
