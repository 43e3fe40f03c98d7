"""Both sides of a relation as graphs, built and compiled without any rewriting.

A side has two spellings: what its author wrote, and the normal form that terms have. The first is
got by running the author's function again while heads keep their arguments as they are, so that
what the normal form takes for granted is verified like every other identity.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytensor
from pytensor.compile.mode import Mode
from pytensor.graph.rewriting.basic import SequentialGraphRewriter

from matchers.dims import Dim, axis_length
from matchers.heads import VERBATIM
from matchers.leaves import Number, number
from matchers.terms import Term
from matchers.traversal import evaluate, rebuild, subterms
from matchers.variables import LogicVar, Run
from matchers.vocabulary import scale
from relations.relation import Relation

# No rewriter at all, not even what a linker asks for; inner graphs are linked in the same way.
REFERENCE = Mode("py", SequentialGraphRewriter())


@contextmanager
def _verbatim() -> Iterator[None]:
    """Heads make terms of their arguments as they are."""
    token = VERBATIM.set(True)
    try:
        yield
    finally:
        VERBATIM.reset(token)


@dataclass(frozen=True)
class Sides:
    """One reading of a relation: its segments and rests stand for some number of variables.

    Each of its optional coefficients is there, or is left out of what its author wrote.

    Attributes
    ----------
    relation : Relation
    lhs, rhs : Term or LogicVar
        The normal forms.
    written : tuple
        The two sides as their author wrote them.
    """

    relation: Relation
    lhs: Any
    rhs: Any
    written: tuple[Any, Any]

    @cached_property
    def variables(self) -> tuple[LogicVar, ...]:
        """The variables of both sides, in the order in which they are met."""
        found: dict[LogicVar, None] = {}
        for side in (self.lhs, self.rhs, *self.written):
            for t in (side,) if isinstance(side, LogicVar) else subterms(side):
                for x in (t,) if isinstance(t, LogicVar) else t.args:
                    if isinstance(x, LogicVar):
                        found[x] = None
        return tuple(found)

    @property
    def spellings(self) -> dict[str, Any]:
        """All that must be equal, by name; what is spelled in one way only is there once."""
        left, right = self.written
        named = {"left side": left, "right side": right}
        if self.lhs is not left:
            named["normal form of the left side"] = self.lhs
        if self.rhs is not right:
            named["normal form of the right side"] = self.rhs
        return named


def readings(relation: Relation) -> Iterator[Sides]:
    """A relation with each segment and rest standing for none, one and two variables.

    Each optional coefficient is there or is 1, in all combinations.
    """
    runs = [x for x in relation.variables if x.kind in ("segment", "rest")]
    maybe = [x for x in relation.variables if x.optional]
    for counts in itertools.product((2, 1, 0), repeat=len(runs)):
        run = {
            x: Run(LogicVar(f"{x.name}{i + 1}") for i in range(n))
            for x, n in zip(runs, counts, strict=True)
        }
        for left_out in itertools.product((False, True), repeat=len(maybe)):
            ones = {x: number(1) for x, out in zip(maybe, left_out, strict=True) if out}
            try:
                yield _reading(relation, {**run, **ones})
            except ValueError:  # nothing is left of a product or a sum
                continue


def _reading(relation: Relation, values: Mapping[LogicVar, Run | Number]) -> Sides:
    def leaf(x: Any) -> Any:
        return values.get(x, x) if isinstance(x, LogicVar) else x

    lhs, rhs = (rebuild(side, leaf) for side in _normal(relation))
    with _verbatim():
        written = [_without(side, values) for side in _written(relation)]
        left, right = (rebuild(side, leaf) for side in written)
    return Sides(relation, lhs, rhs, (left, right))


def _without(side: Any, ones: Mapping[LogicVar, Any]) -> Any:
    """A side without the coefficients that are 1, where they are all that a term is scaled by."""
    done: dict[Any, Any] = {}
    for t in subterms(side):
        args = tuple(done[a] if isinstance(a, Term) else a for a in t.args)
        idle = t.head is scale and args[0] in ones
        changed = any(a is not b for a, b in zip(args, t.args, strict=True))
        done[t] = args[1] if idle else t.head.make(*args) if changed else t
    return done.get(side, side)


def _normal(relation: Relation) -> tuple[Any, Any]:
    return relation.lhs, relation.rhs


def _written(relation: Relation) -> tuple[Any, Any]:
    if relation.body is None:
        return _normal(relation)
    lhs, rhs, *_ = relation.body()
    return lhs, rhs


def build(side: Any, leaves: Mapping[LogicVar, Any]) -> Any:
    """The graph of a side, literally, with `leaves` (matrices) in place of its variables.

    Identities have the dtype of the leaves as far as PyTensor's default dtype may be that.
    """

    def leaf(x: Any) -> Any:
        if isinstance(x, LogicVar):
            return leaves[x]
        if isinstance(x, Dim):
            return length(x, leaves)
        return x.value if isinstance(x, Number) else x

    single = any(v.type.dtype == "float32" for v in leaves.values())
    with pytensor.config.change_flags(floatX="float32" if single else "float64"):
        return evaluate(side, leaf) if isinstance(side, Term) else leaf(side)


def length(dim: Dim, leaves: Mapping[LogicVar, Any]) -> Any:
    """A dimension as a graph over the shapes of `leaves`."""
    out: Any = dim.coef
    for s, p in sorted(dim.powers, key=str):
        if isinstance(s.owner, tuple):
            n: Any = axis_length(s, lambda d: length(d, leaves))
        else:
            n = leaves[s.owner].shape[(s.axis or 0) - 2]  # rows and columns come last
        for _ in range(p):
            out = n if isinstance(out, int) and out == 1 else out * n
    return out


class Undefined(Exception):
    """A graph has no value at some inputs: it raises, or is not finite."""


class Unsupported(Undefined):
    """The reference cannot run a graph there, which says nothing about its value."""


class Evaluator:
    """Some outputs as a function of NumPy arrays, run by the Python linker and not rewritten."""

    def __init__(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        # Without a C compiler, so that inner graphs are linked in milliseconds as well.
        with pytensor.config.change_flags(cxx=""):
            self._run = pytensor.function(
                list(inputs), list(outputs), mode=REFERENCE, on_unused_input="ignore",
                trust_input=True,
            )  # fmt: skip

    def __call__(self, values: Sequence[Any]) -> list[Any]:
        """The values of the outputs.

        Raises
        ------
        Undefined
            Where an Op raises or an output is not finite.
        Unsupported
            Where NumPy cannot run it: over a batch of length 0.
        """
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                out = [np.asarray(x) for x in self._run(*values)]
        except NotImplementedError as error:
            raise Unsupported(first_line(error)) from error
        except Exception as error:
            raise Undefined(first_line(error)) from error
        if not all(np.isfinite(x).all() for x in out):
            raise Undefined("not finite")
        return out


def first_line(error: Exception) -> str:
    """An exception in one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
