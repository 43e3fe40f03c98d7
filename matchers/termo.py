"""The relation between a PyTensor graph and its term, in both directions.

A graph that is not known is bound to an etuple, never to a bare variable, which stock code would
take for a truth value.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import pytensor.graph.rewriting.kanren  # noqa: F401  variables and Ops under unify, car and cdr
import pytensor.tensor as pt
from etuples.core import ExpressionTuple
from kanren.core import eq
from pytensor.graph.basic import Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.tensor.type import TensorType
from unification import reify
from unification.core import assoc, isground
from unification.variable import isvar

import matchers.unification  # noqa: F401  terms under unify, reify, car and cdr
from matchers.assumptions import Facts
from matchers.conforming import learn
from matchers.dims import Dim
from matchers.equalities import Dims
from matchers.goals import Goal
from matchers.leaves import Atom
from matchers.match import compile_pattern
from matchers.properties import OF_ENTRIES, declare
from matchers.reference import answers
from matchers.state import Context
from matchers.terms import Term, shape
from matchers.traversal import subterms
from matchers.typed import Form, Typed, typed
from matchers.view import View
from matchers.vocabulary import reshape

MATCHERS = ("compiled", "kanren")


class Alone(View):
    """The view of a graph that stands alone, so that nothing in it counts as shared.

    Structure is proved from a variable and what it is computed from; what only an enclosing
    FunctionGraph knows is not.
    """

    def _proved(self, term: Any, key: str, ask: bool) -> bool:
        if super()._proved(term, key, ask):
            return True
        if not ask:
            return False
        found = self.variables.get(term)
        if found is None and isinstance(term, Atom):
            found = (term.var, term.core)
        if found is None or (found[1] != 2 and key not in OF_ENTRIES):
            return False
        declare()
        var = found[0]
        graph = FunctionGraph(outputs=[var], clone=False)
        return Facts(graph, gram=False).proved(var, key)


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
        both = (self.view.dims, other.view.dims)
        return self.term is other.term or _settled(self.term, both) is _settled(other.term, both)


def _settled(root: Term, known: tuple[Dims, ...]) -> Any:
    """`root` with all dimensions in their canonical form, and what is then no reshape dropped."""

    def normal(x: Any) -> Any:
        return reduce(lambda n, dims: dims.normal(n), known, x) if isinstance(x, Dim) else x

    done: dict[Term, Any] = {}
    for t in subterms(root):
        if isinstance(t, Atom) and t.definition is not None:
            done[t] = _settled(t.definition, known)
            continue
        args = tuple(done[a] if isinstance(a, Term) else normal(a) for a in t.args)
        new = t.head.make(*args) if args != t.args else t
        if new.head is reshape and [normal(n) for n in shape(new.args[0])[:2]] == [*new.args[1:]]:
            new = new.args[0]
        done[t] = new
    return done[root]


def read(x: Any) -> Reading | None:
    """A ground graph, etuple, array or term as a term; None for whatever else.

    An etuple that cannot be evaluated is no graph, nor is one that evaluates to several outputs.
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
    view = Alone()
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
    """The goal that `other`, which is reified, is what was read, a pattern of it, or unknown."""

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
    find = answers if matcher == "kanren" else _compiled_answers
    for substitution in find(pattern, reading.term, context):
        state = S
        for x, value in substitution.items():
            state = assoc(state, x, value)
        yield state


def _compiled_answers(pattern: Term, term: Term, context: Context) -> Iterator[dict[Any, Any]]:
    return compile_pattern(pattern).match(term, context)


def check_matcher(matcher: str) -> None:
    """Refuse a matcher that does not exist."""
    if matcher not in MATCHERS:
        raise ValueError(f"no matcher is named {matcher!r}; one of {', '.join(MATCHERS)}")


__all__ = ["MATCHERS", "Alone", "Reading", "check_matcher", "meeto", "read", "termo", "typed"]
