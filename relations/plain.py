"""Plain miniKanren relations between PyTensor graphs, as users write them, made safe to call.

Any callable ``(in_lv, out_lv) -> goal`` will do, over variables and etuples: it knows nothing of
terms, and nothing is known of it. What it answers is checked; what it raises, or answers wrongly,
is reported once, by its name.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from itertools import count, islice
from typing import Any
from weakref import WeakKeyDictionary

import pytensor.graph.rewriting.kanren  # noqa: F401  variables and Ops under unify, car and cdr
from cons.core import ConsPair
from etuples.core import ExpressionTuple
from kanren.core import lall
from pytensor.graph.basic import Variable, equal_computations
from pytensor.graph.traversal import ancestors
from unification import reify, var
from unification.variable import isvar

from matchers.terms import Term

Graph = Variable[Any, Any]

# How many answers are looked at for one that is new, how often in a row a graph is rewritten, and
# how many bindings a goal may try: a search that goes on for ever does not.
ANSWERS = 32
ROUNDS = 32
WORK = 10_000


class _State(dict[Any, Any]):
    """A substitution that counts the bindings made from it; kanren copies it for each."""

    def __init__(self, bindings: Mapping[Any, Any], count: Iterator[int]) -> None:
        super().__init__(bindings)
        self._count = count

    def copy(self) -> _State:
        if next(self._count) > WORK:
            raise RuntimeError("its search goes on and on")
        return _State(self, self._count)


class PlainGoal:
    """A plain miniKanren relation that rewrites graphs.

    Parameters
    ----------
    goal : callable
        Takes a graph and a logic variable for what replaces it, returns a goal.
    warn : callable, optional
        Takes the message of a warning; by default ``warnings.warn``.

    Attributes
    ----------
    name : str
        The name of the callable, by which it is reported.
    failed : bool
        Whether it raised, after which it is left out.
    """

    def __init__(
        self, goal: Callable[[Any, Any], Any], warn: Callable[[str], None] | None = None
    ) -> None:
        self.goal = goal
        self.name = str(getattr(goal, "__name__", None) or type(goal).__name__)
        self.failed = False
        self._warn = warn or _warn
        self._warned: set[str] = set()
        self._rounds: WeakKeyDictionary[Graph, int] = WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"PlainGoal({self.name})"

    def replacement(self, variable: Graph) -> Graph | None:
        """The first answer of the goal that is not `variable` itself, or None.

        It has the type of `variable`, whatever the goal says, and does not mention it. A graph that
        came from this goal is given to it again no more than `ROUNDS` times.
        """
        rounds = self._rounds.get(variable, 0)
        if self.failed or rounds >= ROUNDS:
            return None
        try:
            new = self._first(variable)
        except Exception as error:
            self.failed = True
            self._report(f"{type(error).__name__}: {error}; it is left out")
            return None
        if new is not None:
            self._rounds[new] = rounds + 1
        return new

    def _first(self, variable: Graph) -> Graph | None:
        for answer in islice(self._answers(variable), ANSWERS):
            try:
                new = _evaluated(answer)
            except Exception as error:
                self._report(f"its answer cannot be built: {type(error).__name__}: {error}")
                return None
            if new is None:
                self._report(f"its answer {answer!r} is no graph of one output")
                return None
            if not equal_computations([new], [variable]):
                return self._fitting(new, variable)
        return None

    def _answers(self, variable: Graph) -> Iterator[Any]:
        """What the goal binds its output to, lazily; nothing that contains itself."""
        out = var()
        goal: Any = lall(self.goal(variable, out))
        for state in goal(_State({}, count())):
            if _circular(out, state):
                self._report("its answer contains itself")
                return
            yield reify(out, state)

    def _fitting(self, new: Graph, variable: Graph) -> Graph | None:
        """`new` with the type of `variable`, or None, which is reported."""
        if _kind(new) != _kind(variable) or not _same_lengths(new, variable):
            self._report(f"it gives {new.type} for {variable.type}, and is refused")
            return None
        if variable in ancestors([new]):
            self._report("what it gives mentions what it replaces, and is refused")
            return None
        try:
            fitting: Graph = variable.type.filter_variable(new, allow_convert=True)
        except TypeError as error:
            self._report(f"it is refused: {error}")
            return None
        return fitting

    def _report(self, why: str) -> None:
        if why not in self._warned:
            self._warned.add(why)
            self._warn(f"the miniKanren relation {self.name}: {why}")


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=4)


def _kind(x: Graph) -> tuple[Any, Any, Any]:
    return type(x.type), getattr(x.type, "dtype", None), getattr(x.type, "ndim", None)


def _same_lengths(x: Graph, y: Graph) -> bool:
    """Whether no length is known of both, and different."""
    lengths = zip(getattr(x.type, "shape", ()), getattr(y.type, "shape", ()), strict=True)
    return all(m is None or n is None or m == n for m, n in lengths)


def _evaluated(answer: Any) -> Graph | None:
    """An answer as the one variable that it is, or None."""
    value = answer.evaled_obj if isinstance(answer, ExpressionTuple) else answer
    if isinstance(value, (list, tuple)) and len(value) == 1:
        return _evaluated(value[0])
    return value if isinstance(value, Variable) else None


def _circular(x: Any, state: Mapping[Any, Any]) -> bool:
    """Whether `x`, under a state, contains itself: kanren has no occurs check, and would hang."""
    path: set[int] = set()
    done: set[int] = set()
    stack: list[tuple[Any, bool]] = [(x, False)]
    while stack:
        y, leaving = stack.pop()
        if leaving:
            path.discard(id(y))
            done.add(id(y))
        elif id(y) in path:
            return True
        elif id(y) not in done and (parts := _parts(y, state)):
            path.add(id(y))
            stack += [(y, True), *((part, False) for part in parts)]
    return False


def _parts(y: Any, state: Mapping[Any, Any]) -> tuple[Any, ...]:
    if isvar(y):
        return (state[y],) if y in state else ()
    if type(y) is ConsPair:
        return (y.car, y.cdr)
    if isinstance(y, Term) and y.ground:
        return ()
    return tuple(y) if isinstance(y, (tuple, list, ExpressionTuple)) else ()


__all__ = ["ANSWERS", "ROUNDS", "PlainGoal"]
