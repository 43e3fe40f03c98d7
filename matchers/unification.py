"""Stock ``unify``, ``reify``, ``car`` and ``cdr`` on terms and logic variables.

This is syntactic unification: same head, arguments pairwise. It is sound where terms meet
anything else: ground terms are opaque and equal only to themselves, leaves are no sequences, the
occurs check holds, a logic variable keeps its kind. That sums commute and products associate is for
`matchers.match` and `matchers.reference`.

Importing this module registers the dispatches, for terms and logic variables only.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Any

from cons.core import ConsError, NonCons, _car, _cdr
from etuples.core import ExpressionTuple
from pytensor.graph.rewriting.unify import ConstrainedVar
from unification.core import _reify, _unify, assoc, construction_sentinel
from unification.utils import transitive_get as walk
from unification.variable import Var, isvar

from matchers.blocks import whole_blocks
from matchers.dims import ONE, Dim
from matchers.equalities import Dims
from matchers.leaves import Atom, Number
from matchers.state import resolve
from matchers.terms import Term, is_scalar, shape
from matchers.variables import LogicVar, Run
from matchers.vocabulary import reshape, rows_of

Steps = Generator[Any, Any, None]


def fits(var: Any, value: Any) -> bool:
    """Whether the kind of a logic variable allows a term; a plain variable allows any."""
    if not isinstance(var, LogicVar):
        return True
    if var.kind in ("segment", "rest"):
        return False
    if var.kind == "scalar" or is_scalar(value):
        return var.kind == "scalar" and is_scalar(value)
    return var.kind != "vector" or shape(value)[1] == ONE


def occurs(var: Any, term: Any, s: Mapping[Any, Any]) -> bool:
    """Whether `term` mentions `var` under `s`, other than by a dimension."""
    seen: set[Any] = set()
    stack = [term]
    while stack:
        x = stack.pop()
        if isinstance(x, Term):
            if not x.ground and x not in seen:
                seen.add(x)
                stack.extend(x.args)
        elif isinstance(x, (tuple, ExpressionTuple)):
            stack.extend(x)
        elif isvar(x):
            value = walk(x, s)
            if value is var:
                return True
            if value is not x:
                stack.append(value)
    return False


def _unify_terms(u: Term, v: Term, s: Any) -> Steps:
    """Pairwise, each pair of subterms once: shared terms do not double the work."""
    done: set[tuple[Term, Term]] = set()
    stack: list[tuple[Any, Any]] = [(u, v)]
    while stack:
        x, y = stack.pop()
        if x is y:
            continue
        if isinstance(x, Term) and isinstance(y, Term):
            if (x, y) in done:
                continue
            done.add((x, y))
            if (x.ground and y.ground) or x.head is not y.head or len(x.args) != len(y.args):
                yield False
                return
            if not x.args:
                yield False
                return
            stack.extend(reversed(list(zip(x.args, y.args, strict=True))))
            continue
        s = yield _unify(x, y, s)
        if s is False:
            return
    yield s


def _unify_variable_term(u: Any, t: Term, s: Any) -> Steps:
    value = walk(u, s)
    if value is t:
        yield s
    elif not isvar(value):
        yield _unify(value, t, s)
    elif not fits(value, t) or (not t.ground and occurs(value, t, s)):
        yield False
    else:
        yield assoc(s, value, t)


def _unify_term_tuple(t: Term, other: Any, s: Any) -> Steps:
    # A leaf's tuple does not say which leaf it is.
    yield _unify(t._tuple, getattr(other, "_tuple", other), s) if t.args else False


def _unify_variables(u: Any, v: Any, s: Any) -> Steps:
    """Two variables, one of them ours: the narrower kind survives."""
    x, y = walk(u, s), walk(v, s)
    if x is y:
        yield s
    elif not (isvar(x) and isvar(y)):
        yield _unify(x, y, s)
    elif not isinstance(x, LogicVar):
        yield assoc(s, x, y)
    elif not isinstance(y, LogicVar) or y.kind == x.kind:
        yield assoc(s, y, x)
    elif {x.kind, y.kind} == {"matrix", "vector"}:
        yield assoc(s, *((x, y) if x.kind == "matrix" else (y, x)))
    else:
        yield False


def _unify_constrained(u: Any, v: Any, s: Any) -> Any:
    """A variable of PyTensor with a constraint, which PyTensor checks on the graph."""
    if isinstance(v, ConstrainedVar):
        u, v = v, u
    return _unify.dispatch(ConstrainedVar, object, Mapping)(u, v, s)


def _swapped(rule: Any) -> Any:
    return lambda u, v, s: rule(v, u, s)


def _variables(t: Term) -> Iterator[Any]:
    """The logic variables of a term, also those of its dimensions, each once."""
    found: dict[Any, None] = {}
    seen: set[Term] = set()
    stack: list[Any] = [t]
    while stack:
        x = stack.pop()
        if isinstance(x, Term):
            if not x.ground and x not in seen:
                seen.add(x)
                stack.extend(reversed(x.args))
        elif isinstance(x, Dim):
            stack.extend(part for axis, _ in x.powers for part in _owners(axis.owner))
        elif isvar(x):
            found[x] = None
    return iter(found)


def _owners(owner: Any) -> tuple[Any, ...]:
    """The owner of an axis, or the lengths that a sum of lengths adds up."""
    return tuple(owner[1]) if isinstance(owner, tuple) else (owner,)


def _reify_term(t: Term, s: Any) -> Steps:
    """Rebuild through the heads, so that runs splice and normal forms hold."""
    if t.ground:
        yield t
        return
    values: dict[Any, Any] = {}
    for v in _variables(t):
        value = yield _reify(v, s)
        many = isinstance(v, LogicVar) and v.kind in ("segment", "rest") and not isvar(value)
        values[v] = Run(value) if many else value
    yield construction_sentinel
    yield instantiate(t, values)


def instantiate(t: Any, values: Mapping[Any, Any], dims: Dims | None = None) -> Any:
    """`t` with logic variables replaced, in dimensions too, and in normal form.

    Parameters
    ----------
    t : Term, LogicVar or Dim
        What is to be built, a right-hand side for example.
    values : mapping
        From logic variable to `Term`, or to `Run` for a segment or a rest.
    dims : Dims, optional
        What is known of dimensions: a reshape to the shape that is there already is left out.
    """

    def argument(a: Any) -> Any:
        found = resolve(a, values) if type(a) is Dim else done.get(a)
        return a if found is None else found

    done: dict[Any, Any] = dict(values)
    stack = [t] if isinstance(t, Term) and not t.ground else []
    while stack:
        x = stack[-1]
        todo = [a for a in x.args if isinstance(a, Term) and not a.ground and a not in done]
        if todo:
            stack += reversed(todo)
            continue
        stack.pop()
        if x not in done:
            made = x.head.make(*[argument(a) for a in x.args])
            done[x] = made if dims is None else _unless_idle(made, dims)
    return argument(t)


def _unless_idle(t: Term, dims: Dims) -> Term:
    """A term, or what it reshapes to the shape that it has, or takes all the rows of."""
    if t.head is rows_of:
        return whole_blocks(t, dims)
    if t.head is not reshape:
        return t
    inner, *lengths = t.args
    same = all(map(dims.equal, shape(inner)[:2], lengths))
    return inner if same else t


def _no_cons(leaf: Any) -> Any:
    raise ConsError(f"the leaf {leaf} is not a cons pair")


_unify.add((Term, Term, Mapping), _unify_terms)
_unify.add((Var, Term, Mapping), _unify_variable_term)
_unify.add((Term, Var, Mapping), _swapped(_unify_variable_term))
for _other in (ExpressionTuple, tuple):
    _unify.add((Term, _other, Mapping), _unify_term_tuple)
    _unify.add((_other, Term, Mapping), _swapped(_unify_term_tuple))
_unify.add((LogicVar, LogicVar, Mapping), _unify_variables)
_unify.add((LogicVar, Var, Mapping), _unify_variables)
_unify.add((Var, LogicVar, Mapping), _unify_variables)
for _ours in (Term, LogicVar):
    _unify.add((_ours, ConstrainedVar, Mapping), _unify_constrained)
    _unify.add((ConstrainedVar, _ours, Mapping), _unify_constrained)
_reify.add((Term, Mapping), _reify_term)
for _leaf in (Atom, Number):
    NonCons.register(_leaf)
    _car.add((_leaf,), _no_cons)
    _cdr.add((_leaf,), _no_cons)
