"""The relation between a PyTensor graph and its term, in both directions.

A graph that is not known is bound to an etuple, never to a bare variable, which stock code would
take for a truth value. The etuple evaluates to a graph of the right type: a term is always a matrix,
so a vector is a column there, and what makes it a vector again is its `Form`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pytensor.graph.rewriting.kanren  # noqa: F401  variables and etuples under unify and cons
import pytensor.tensor as pt
from etuples.core import ExpressionTuple
from kanren.core import eq
from pytensor.assumptions import KEY_REGISTRY, check_assumption
from pytensor.graph.basic import Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.tensor.type import TensorType
from unification import reify
from unification.core import assoc, isground
from unification.variable import isvar

import matchers.unification  # noqa: F401  terms under unify and reify
from matchers import vocabulary as v
from matchers.conforming import learn
from matchers.dims import ONE, Dim, Dims
from matchers.goals import Goal
from matchers.match import Pattern, Shapes, compile_pattern
from matchers.reference import answers
from matchers.state import Context
from matchers.terms import Atom, Number, Term, rebuild, shape, subterms
from matchers.view import View

MATCHERS = ("compiled", "kanren")


@dataclass(frozen=True, slots=True)
class Form:
    """How a matrix becomes the variable that it stands for.

    Attributes
    ----------
    core : int
        How many of the variable's last axes are the matrix's: 2, 1 (a column) or 0.
    dtype : str or None
    shape : tuple or None
        The static shape, with None for an unknown length.
    """

    core: int
    dtype: str | None = None
    shape: tuple[int | None, ...] | None = None

    def __call__(self, matrix: Any) -> Any:
        """The variable of this form with the value of `matrix`."""
        x = pt.as_tensor_variable(matrix)
        if self.core == 1:
            x = pt.squeeze(x, -1) if x.type.broadcastable[-1] else x[..., 0]
        elif self.core == 0 and x.type.ndim:
            x = x[(0,) * x.type.ndim]
        if self.shape is not None:
            x = _with_axes(x, len(self.shape))
        if self.dtype is not None and x.type.dtype != self.dtype:
            x = pt.cast(x, self.dtype)
        return x if self.shape is None else _with_lengths(x, self.shape)

    def alike(self, other: Form | None) -> bool:
        """Whether two variables can be equal, as far as their types tell."""
        if other is None or self.shape is None or other.shape is None:
            return True
        same_axes = len(self.shape) == len(other.shape)
        return same_axes and self.dtype == other.dtype


def _with_axes(x: Any, ndim: int) -> Any:
    extra = x.type.ndim - ndim
    if extra < 0:
        return pt.expand_dims(x, tuple(range(-extra)))
    return pt.squeeze(x, tuple(range(extra))) if extra else x


def _with_lengths(x: Any, lengths: tuple[int | None, ...]) -> Any:
    """`x`, whose type says no less than `lengths` do."""
    known = [a if a is not None else b for a, b in zip(lengths, x.type.shape, strict=True)]
    return x if tuple(known) == x.type.shape else pt.specify_shape(x, known)


class Typed(ExpressionTuple):  # type: ignore[misc]
    """The etuple of a form and a term, which evaluates to a variable of that form."""

    __slots__ = ()

    @property
    def form(self) -> Form:
        """How the matrix becomes a variable."""
        return self._tuple[0]  # type: ignore[no-any-return]

    @property
    def term(self) -> Any:
        """The term, or what stands for it: a logic variable."""
        return self._tuple[1]

    def _eval_step(self) -> Iterator[Any]:
        if self._evaled_obj is self.null:
            self._evaled_obj = self.form(_matrix(self.term))
        yield self._evaled_obj


def _matrix(term: Any) -> Any:
    return term.evaled_obj if isinstance(term, Term) else term


def typed(term: Term) -> Typed:
    """The etuple of the graph that a term alone stands for.

    It is a vector if the term is a column because its last factor is a vector, or because it is a
    ``vec``; its dtype is that of the leaves, if they have one.
    """
    x: Any = term
    while isinstance(x, Term) and x.head in _SPINE and not x.scalar:
        x = x.args[_SPINE[x.head]]
    if isinstance(x, Atom):
        core = x.core
    elif getattr(x, "scalar", False):
        core = 0
    else:
        core = 1 if x.head in (v.reshape, v.diagonal) and shape(x)[1] == ONE else 2
    dtypes = {t.var.type.dtype for t in subterms(term) if isinstance(t, Atom)}
    return Typed((Form(core, dtypes.pop() if len(dtypes) == 1 else None), term))


# The operand that makes a column a vector.
_SPINE = {v.matmul: -1, v.scale: 1, v.add: 0, v.mul: 0}


class Reading(NamedTuple):
    """A graph as a term.

    Attributes
    ----------
    term : Term
    form : Form or None
        The form of the graph; None where a term was given.
    view : View
        What is known of the term.
    """

    term: Term
    form: Form | None
    view: View

    @property
    def answer(self) -> Any:
        """What an unknown graph is bound to."""
        return self.term if self.form is None else Typed((self.form, self.term))

    def same(self, other: Reading) -> bool:
        """Whether both are one term, dimensions that are proved equal being equal, of one type."""
        if self.form is not None and not self.form.alike(other.form):
            return False
        dims = self.view.dims
        return self.term is other.term or _settled(self.term, dims) is _settled(other.term, dims)


def _settled(term: Term, dims: Dims) -> Any:
    """`term` with all dimensions in their canonical form, and shared atoms opened."""

    def leaf(x: Any) -> Any:
        if isinstance(x, Dim):
            return dims.normal(x)
        if isinstance(x, Atom) and x.definition is not None:
            return _settled(x.definition, dims)
        return x

    return rebuild(term, leaf)


class Alone(View):
    """The view of a graph that stands alone, so that nothing in it counts as shared.

    Structure is proved from the graph itself; what only an enclosing FunctionGraph knows is not.
    """

    def __init__(self, root: Any = None) -> None:
        super().__init__()
        self._root = root
        self._graph: Any = None

    def _proved(self, term: Any, key: str) -> bool:
        if super()._proved(term, key):
            return True
        found = self.variables.get(term)
        if found is None and isinstance(term, Atom):
            found = (term.var, term.core)
        if found is None or found[1] != 2 or key not in KEY_REGISTRY:
            return False
        if self._graph is None or found[0] not in self._graph.variables:
            self._graph = FunctionGraph(outputs=[self._root or found[0]], clone=False)
        if found[0] not in self._graph.variables:
            self._graph = FunctionGraph(outputs=[found[0]], clone=False)
        return bool(check_assumption(self._graph, found[0], KEY_REGISTRY[key]))


def read(x: Any) -> Reading | None:
    """A ground graph, etuple or term as a term; None for whatever else.

    An etuple that cannot be evaluated is no graph.
    """
    if isinstance(x, Typed):
        inner = read(x.term)
        return None if inner is None else inner._replace(form=x.form)
    if isinstance(x, Term):
        if not x.ground:
            return None
        view = Alone()
        learn(view.dims, x)
        return Reading(x, None, view)
    if isinstance(x, ExpressionTuple) and isground(x, {}):
        try:
            x = x.evaled_obj
        except Exception:
            return None
    if isinstance(x, (np.ndarray, np.generic, int, float, complex)):
        x = pt.as_tensor_variable(x)
    if not isinstance(x, Variable) or not isinstance(x.type, TensorType):
        return None
    view = Alone(x)
    core = view.core(x)
    return Reading(view.term(x, core), Form(core, x.type.dtype, x.type.shape), view)


def termo(graph: Any, term: Any, *, matcher: str = "compiled") -> Goal:
    """The goal that `graph` is a PyTensor graph of `term`.

    A graph that is known is read, and `term` is its term, or a pattern that matches it; a term that
    is known, without variables, is written as an etuple that evaluates to the graph. With neither
    known there is no answer.

    Parameters
    ----------
    graph : Variable, etuple or logic variable
    term : Term or logic variable
    matcher : {"compiled", "kanren"}
        What matches a pattern: the compiled matcher, or the reference in plain miniKanren.
    """
    check_matcher(matcher)

    def goal(S: Any) -> Iterator[Any]:
        g, t = reify((graph, term), S)
        reading = read(g)
        if reading is not None:
            yield from meeto(reading._replace(form=None), t, matcher)(S)
        elif isvar(g) and isinstance(t, Term) and t.ground:
            yield from eq(g, typed(t))(S)

    return goal


def meeto(reading: Reading, other: Any, matcher: str = "compiled") -> Goal:
    """The goal that `other`, which is reified, is what was read: unknown, a pattern, or as known."""

    def goal(S: Any) -> Iterator[Any]:
        if isvar(other):
            yield from eq(other, reading.answer)(S)
            return
        known = read(other)
        if known is not None:
            if reading.same(known):
                yield S
            return
        pattern = other.term if isinstance(other, Typed) else other
        if isvar(pattern):
            yield from eq(pattern, reading.term)(S)
        elif isinstance(pattern, Term):
            yield from _matched(pattern, reading, matcher, S)

    return goal


def _matched(pattern: Term, reading: Reading, matcher: str, S: Any) -> Iterator[Any]:
    context = Context(reading.view.dims)
    for substitution in substitutions(pattern, reading.term, context, matcher):
        state = S
        for x, value in substitution.items():
            state = assoc(state, x, value)
        yield state


def substitutions(
    pattern: Any, term: Term, context: Context, matcher: str, shapes: Shapes | None = None
) -> Iterator[dict[Any, Any]]:
    """What makes `pattern` the term, by either matcher."""
    if matcher == "kanren":
        return iter(answers(pattern, term, context, shapes))
    return _compiled(pattern).match(term, context)


@lru_cache(maxsize=256)
def _compiled(pattern: Term) -> Pattern:
    return compile_pattern(pattern)


def check_matcher(matcher: str) -> None:
    """Refuse a matcher that does not exist."""
    if matcher not in MATCHERS:
        raise ValueError(f"no matcher is named {matcher!r}; one of {', '.join(MATCHERS)}")


__all__ = [
    "Alone", "Form", "Number", "Reading", "Typed", "check_matcher", "meeto", "read", "termo", "typed",
]  # fmt: skip
