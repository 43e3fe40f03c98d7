"""What a match knows while it runs: bindings, what is put off, and how much work is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from matchers.dims import ONE, Dim, composed
from matchers.equalities import Dims
from matchers.terms import Term, shape
from matchers.variables import LogicVar, Run
from matchers.vocabulary import transpose

BUDGET = 100_000


class Exhausted(Exception):
    """The budget of a context is spent; never leaves this package."""


@dataclass
class Context:
    """Where a match takes place.

    Attributes
    ----------
    dims : Dims
        What is known of dimensions.
    budget : int
        Steps of work that are left: elements tried against operands and runs proposed to variables.
        All matches in this context share them.
    exhausted : bool
        Whether a match stopped for want of budget, so that answers may be missing.
    splits : int, optional
        Two variables that share out a longer sum do so as one operand and all others: there are
        2ⁿ ways to share n operands, and who applies a relation again gets to the finer ones.
    """

    dims: Dims = field(default_factory=Dims)
    budget: int = BUDGET
    exhausted: bool = False
    splits: int | None = None


class Deferred(Protocol):
    """Something a state may put off until more variables are bound."""

    def settle(self, value: Any, state: State) -> bool:
        """Whether `value` matches, now that nothing else will be bound."""
        ...


class State:
    """The bindings of one running match, with a trail by which they are undone.

    Attributes
    ----------
    bindings : dict
        From logic variable to `Term` or `Run`.
    """

    __slots__ = ("_deferred", "_flipped", "_runs", "_trail", "bindings", "context")

    def __init__(self, context: Context) -> None:
        self.context = context
        self.bindings: dict[LogicVar, Any] = {}
        self._trail: list[LogicVar | None] = []
        self._deferred: list[tuple[Deferred, Any]] = []
        self._runs: dict[tuple[int, int, int], Term] = {}
        self._flipped: dict[Term, Any] = {}

    def tick(self) -> None:
        """Count one step of work."""
        context = self.context
        context.budget -= 1
        if context.budget < 0:
            context.budget = 0
            context.exhausted = True
            raise Exhausted

    def mark(self) -> int:
        """Where the trail stands, for `undo`."""
        return len(self._trail)

    def undo(self, mark: int) -> None:
        """Forget all that was bound or put off since `mark`."""
        trail = self._trail
        while len(trail) > mark:
            var = trail.pop()
            if var is None:
                self._deferred.pop()
            else:
                del self.bindings[var]

    def bind(self, var: LogicVar, value: Term) -> bool:
        """Bind a matrix, vector or scalar, or compare with what it is bound to."""
        bound = self.bindings.get(var)
        if bound is not None:
            return bound is value
        if not self.fits(var, value):
            return False
        self.bindings[var] = value
        self._trail.append(var)
        return True

    def fits(self, var: LogicVar, value: Term) -> bool:
        """Whether the kind of `var` allows `value`."""
        if var.kind == "scalar":
            return value.scalar
        if value.scalar:
            return False
        return var.kind != "vector" or self.column(value)

    def column(self, value: Term) -> bool:
        """Whether `value` is known to have one column."""
        cols = shape(value)[1]
        return cols is ONE or self.context.dims.equal(cols, ONE)

    def bind_run(self, var: LogicVar, run: Run) -> bool:
        """Bind a segment or a rest, or compare, in order, with what it is bound to."""
        bound = self.bindings.get(var)
        if bound is not None:
            return bool(bound == run)
        self.bindings[var] = run
        self._trail.append(var)
        return True

    def defer(self, what: Deferred, value: Any) -> None:
        """Put off a comparison until everything else is bound."""
        self._deferred.append((what, value))
        self._trail.append(None)

    def settle(self) -> bool:
        """Whether all that was put off holds; may bind."""
        return not self._deferred or all(d.settle(value, self) for d, value in self._deferred)

    def run(self, head: Any, operands: tuple[Any, ...], start: int, stop: int) -> Any:
        """The term of a run of operands of a flat head; `operands` must outlive the match."""
        if stop - start == 1:
            return operands[start]
        key = (id(operands), start, stop)
        found = self._runs.get(key)
        if found is None:
            found = self._runs[key] = head.make(*operands[start:stop])
        return found

    def flipped(self, term: Term) -> Any:
        """The transpose of a term."""
        found = self._flipped.get(term)
        if found is None:
            found = self._flipped[term] = transpose(term)
            self._flipped[found] = term
        return found


def resolve(dim: Dim, bindings: Mapping[LogicVar, Any]) -> Dim | None:
    """A pattern's dimension in terms of what its variables are bound to; None while it is open."""
    out: Any = None
    part: Any
    for s, power in dim.powers:
        if type(s.owner) is LogicVar:
            value = bindings.get(s.owner)
            if s.axis is None or not isinstance(value, Term):
                return None
            part = shape(value)[s.axis]
        elif isinstance(s.owner, tuple):
            kind, parts = s.owner
            resolved = [resolve(d, bindings) for d in parts]
            if any(d is None for d in resolved):
                return None
            part = composed(kind, [d for d in resolved if d is not None])
        else:
            part = Dim(1, frozenset([(s, 1)]))
        for _ in range(power):
            out = part if out is None else out * part
    return dim if out is None else out if dim.coef == 1 else out * dim.coef
