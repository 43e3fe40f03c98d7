"""What PyTensor's assumption rules prove, inferred only as far as a rule looks.

PyTensor infers a fact for everything that a variable is computed from before it asks the rule of
the variable's Op. Here the same rules are asked, and the facts of a node's inputs are inferred when
its rule reads them: most rules do not. What a newer PyTensor may move is imported here alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, overload

from pytensor.assumptions import IMPLIES, KEY_REGISTRY, ConflictingAssumptionsError, FactState
from pytensor.assumptions.core import (
    CLIENT_INFER_KEYS,
    CONSTANT_INFER_REGISTRY,
    infer_assumption_for_node,
    infer_assumption_from_client,
)
from pytensor.assumptions.specify import SpecifyAssumptions
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.math import Dot
from pytensor.tensor.variable import TensorConstant

TRUE, FALSE, UNKNOWN = FactState.TRUE, FactState.FALSE, FactState.UNKNOWN
# How many rules may wait for one another; each needs up to ten frames of Python's stack.
DEPTH = 20


class _TooDeep(BaseException):
    """A fact to infer before the question is asked again; nothing a rule may catch."""


class Facts:
    """Facts about the variables of one graph, while it does not change.

    It stands in for PyTensor's feature where a rule asks one, with `check` and `get`.

    Parameters
    ----------
    fgraph : FunctionGraph
        What its feature knows counts, if it has one; a feature that does not know yet is not asked.
    gram : bool
        Whether X Xᵀ is positive definite, as PyTensor has it, though the rank of X be deficient.

    Notes
    -----
    Remembered is what the node of a variable, its data or its clients say of a key. That rests on
    the ancestors of the variable alone; what keys imply of one another is followed from there. So
    no inference waits for itself, and the order of questions does not matter.
    """

    __slots__ = ("_depth", "_gram", "_known", "_lenient", "_stronger", "_told", "fgraph")

    def __init__(self, fgraph: Any, *, gram: bool = True) -> None:
        self.fgraph = fgraph
        self._gram = gram
        self._lenient: Facts | None = None
        feature = getattr(fgraph, "assumption_feature", None)
        self._known: dict[tuple[Any, Any], FactState] = {} if feature is None else feature.cache
        self._stronger: dict[str, list[Any]] = {}
        for stronger, weaker in IMPLIES.items():
            for key in weaker:
                self._stronger.setdefault(key.name, []).append(stronger)
        self._told: dict[tuple[Any, str], FactState] = {}
        self._depth = 0

    def proved(self, var: Any, name: str) -> bool:
        """What PyTensor's `check_assumption` answers for the key of this name.

        Raises
        ------
        ConflictingAssumptionsError
            If the answer rests on evidence that contradicts itself. PyTensor also raises, once,
            where such evidence is about an ancestor that no rule looks at.
        """
        key = KEY_REGISTRY.get(name)
        if key is None or self.fgraph is None:
            return False
        if not self._gram and name != "positive_definite":
            # Of a Gram matrix all else is true that PyTensor concludes, as that it is symmetric.
            self._lenient = self._lenient or Facts(self.fgraph)
            return self._lenient.proved(var, name)
        waiting: list[tuple[Any, Any]] = []
        while True:
            self._depth = 0
            try:
                while waiting:
                    self.told(*waiting[-1])
                    waiting.pop()
                return self.check(var, key)
            except _TooDeep as deep:
                waiting.append(deep.args)

    def declared(self, var: Any, names: Iterable[str]) -> bool:
        """Whether somebody has said that `var` has one of the keys of these names.

        By a marker, or before PyTensor took the marker out, so that its feature alone knows.
        """
        while var.owner is not None and type(var.owner.op) is SpecifyAssumptions:
            said = {key.name for key, state in var.owner.op.assumptions if state is TRUE}
            if not said.isdisjoint(names):
                return True
            (var,) = var.owner.inputs
        keys = [KEY_REGISTRY[n] for n in names if n in KEY_REGISTRY]
        return any([self._known.get((var, k)) is TRUE and self._declared(var, k) for k in keys])

    def check(self, var: Any, key: Any) -> bool:
        """Whether `key` is proved of `var`."""
        state = self.told(var, key)
        return state is TRUE or (state is UNKNOWN and self._follows(var, key, TRUE))

    def get(self, var: Any, key: Any) -> FactState:
        """What is known of `key` for `var`."""
        state = self.told(var, key)
        if state is not UNKNOWN:
            return state
        if self._follows(var, key, TRUE):
            return TRUE
        return FALSE if self._follows(var, key, FALSE) else UNKNOWN

    def _follows(self, var: Any, key: Any, wanted: FactState) -> bool:
        """Whether a stronger key is true, or a weaker one false; keys may imply one another."""
        pending = [key]
        for k in pending:
            for other in self._beside(k, wanted):
                state = self.told(var, other)
                if state is wanted:
                    return True
                if state is not UNKNOWN or other in pending or not self._beside(other, wanted):
                    continue
                if wanted is TRUE or not self._follows(var, other, TRUE):
                    pending.append(other)
        return False

    def _beside(self, key: Any, wanted: FactState) -> Sequence[Any]:
        return self._stronger.get(key.name, ()) if wanted is TRUE else IMPLIES.get(key, ())

    def told(self, var: Any, key: Any) -> FactState:
        """What is known of `key` for `var` without what keys imply of one another."""
        place = (var, key.name)
        state = self._told.get(place)
        if state is None:
            if self._depth >= DEPTH:
                raise _TooDeep(var, key)
            self._depth += 1
            state = self._told[place] = self._infer(var, key)
            self._depth -= 1
        if state is FactState.CONFLICT:
            raise ConflictingAssumptionsError(f"Conflicting evidence for {key!r} on {var!r}.")
        return state

    def _infer(self, var: Any, key: Any) -> FactState:
        state = self._known.get((var, key), UNKNOWN)
        if state is TRUE and not self._gram and key.name == "positive_definite":
            return state if self._declared(var, key) else self._inferred(var, key)
        return state if state is not UNKNOWN else self._inferred(var, key)

    def _declared(self, var: Any, key: Any) -> bool:
        """Whether what the feature knows of `var` cannot come from PyTensor's rules."""
        rules = Facts(self.fgraph)
        rules._known = {place: s for place, s in self._known.items() if place != (var, key)}
        return not rules.proved(var, key.name)

    def _inferred(self, var: Any, key: Any) -> FactState:
        state, node = UNKNOWN, var.owner
        if node is not None and (self._gram or not _semidefinite(key, node)):
            me: Any = self
            inputs: Any = _Inputs(self, node.inputs, key)
            states = infer_assumption_for_node(key, node.op, me, self.fgraph, node, inputs)
            state = states[node.outputs.index(var)]
        elif isinstance(var, TensorConstant) and key in CONSTANT_INFER_REGISTRY:
            state = CONSTANT_INFER_REGISTRY[key](var)
        if state is UNKNOWN and key in CLIENT_INFER_KEYS:
            for client, i in self.fgraph.clients.get(var, ()):
                state = infer_assumption_from_client(key, client.op, client, i)
                if state is not UNKNOWN:
                    break
        return state


def _semidefinite(key: Any, node: Any) -> bool:
    """Whether PyTensor's rule takes what may be semidefinite for definite."""
    op = node.op.core_op if type(node.op) is Blockwise else node.op
    return key.name == "positive_definite" and type(op) is Dot


class _Inputs(Sequence[FactState]):
    """The facts of a node's inputs, each inferred when it is read."""

    __slots__ = ("_facts", "_key", "_vars")

    def __init__(self, facts: Facts, variables: Sequence[Any], key: Any) -> None:
        self._facts, self._vars, self._key = facts, variables, key

    @overload
    def __getitem__(self, i: int) -> FactState: ...
    @overload
    def __getitem__(self, i: slice) -> list[FactState]: ...
    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, slice):
            return [self._facts.get(x, self._key) for x in self._vars[i]]
        return self._facts.get(self._vars[i], self._key)

    def __len__(self) -> int:
        return len(self._vars)
