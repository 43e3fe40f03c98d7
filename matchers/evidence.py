"""Which assumptions may hold anywhere in a graph, told by the types of its Ops alone.

Most of PyTensor's rules pass a key on from an input that has it. Where nothing in a graph brings a
key in, no inference can end with it, and none is made. A rule that is not known to pass on only
counts as one that brings in, so another library's rules are heard.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
from pytensor.assumptions import IMPLIES, KEY_REGISTRY, FactState
from pytensor.assumptions.core import (
    ASSUMPTION_INFER_REGISTRY,
    CLIENT_INFER_KEYS,
    CONSTANT_INFER_REGISTRY,
)
from pytensor.assumptions.specify import SpecifyAssumptions
from pytensor.graph.basic import Constant
from pytensor.tensor.basic import ARange

from matchers.properties import OF_DIAGONALS, declare

# Rules, by module and name, that say yes of an output only where an input has the key; those of
# constant diagonals start from numbered rows and columns. An identity is no evidence: what it is
# added to or multiplied with has the key by itself, or the result has not.
_PASSING = {
    "pytensor": frozenset({
        "_blockwise_delegate", "_dimshuffle", "all_inputs_have_key",
        "alloc_propagates_matrix_property", "dimshuffle_propagates_matrix_property",
        "incsubtensor_propagates_matrix_property", "join_dims_propagates_matrix_property",
        "propagate_first", "reshape_propagates_matrix_property",
        "specify_shape_propagates_matrix_property", "split_dims_propagates_matrix_property",
        "subtensor_propagates_matrix_property",
    }),
    "matchers": frozenset({"entrywise", "square_identity"}),
}  # fmt: skip
# What no term has that is not made of what an Op brings in.
OF_OPS = frozenset({"orthogonal", "permutation", *OF_DIAGONALS})
_STARTS: dict[str, frozenset[type]] = dict.fromkeys(OF_DIAGONALS, frozenset({ARange, np.integer}))


class Evidence:
    """What the Ops of one graph may bring in.

    Parameters
    ----------
    kinds : iterable of type
        The types of the Ops, `Constant` if there is one that is a matrix, and `np.integer` if
        there is one of integers.
    fgraph : FunctionGraph
        What is declared its feature alone may know, as the markers are gone.
    """

    __slots__ = ("_declared", "_feature", "_kinds", "_possible", "_told")

    def __init__(self, kinds: Iterable[type], fgraph: Any) -> None:
        self._kinds = {base for kind in kinds for base in kind.__mro__}
        self._feature = getattr(fgraph, "assumption_feature", None)
        self._possible: dict[str, bool] = {}
        self._declared: dict[str, bool] = {}
        self._told: set[str] | None = None

    def possible(self, name: str) -> bool:
        """Whether a variable of the graph may have the key of this name."""
        found = self._possible.get(name)
        if found is None:
            declare()
            sources = _sources(name, len(ASSUMPTION_INFER_REGISTRY))
            found = sources is None or not sources.isdisjoint(self._kinds)
            found = self._possible[name] = found or not _stronger(name).isdisjoint(self._known())
        return found

    def declared(self, name: str) -> bool:
        """Whether somebody may have said of a variable that it has the key of this name."""
        found = self._declared.get(name)
        if found is None:
            found = SpecifyAssumptions in self._kinds
            found = found or not _stronger(name).isdisjoint(self._known())
            self._declared[name] = found
        return found

    def _known(self) -> set[str]:
        """The names of the keys that PyTensor's feature has as true of anything."""
        if self._told is None:
            cache = {} if self._feature is None else self._feature.cache
            self._told = {key.name for (_, key), state in cache.items() if state is FactState.TRUE}
        return self._told


@lru_cache
def _sources(name: str, registered: int) -> frozenset[Any] | None:
    """What brings in a key, or one that implies it; None if that cannot be told of Ops."""
    names = _stronger(name)
    if not names.isdisjoint(k.name for k in CLIENT_INFER_KEYS):
        return None
    found: set[Any] = set()
    for (key, op), rules in ASSUMPTION_INFER_REGISTRY.items():
        if key.name in names and not all(map(_passes, rules)):
            found.add(op)
    for n in names:
        found |= _STARTS.get(n, frozenset())
        if KEY_REGISTRY.get(n) in CONSTANT_INFER_REGISTRY:
            found.add(Constant)
    return frozenset(found)


def _stronger(name: str) -> set[str]:
    """The names of a key and of all that imply it."""
    names = [name]
    for n in names:  # which grows
        implying = (s for s, weaker in IMPLIES.items() if any(w.name == n for w in weaker))
        names += [s.name for s in implying if s.name not in names]
    return set(names)


def _passes(rule: Any) -> bool:
    return rule.__name__ in _PASSING.get(rule.__module__.split(".")[0], ())


__all__ = ["OF_OPS", "Evidence"]
