"""Properties that PyTensor has no key for, in PyTensor's own registry of assumptions.

``positive``, ``nonnegative`` and ``nonzero`` are said of every entry, ``positive_semidefinite``,
``nonsingular``, ``full_column_rank``, ``full_row_rank``, ``toeplitz`` and ``circulant`` of a
matrix. The signs are those of the real numbers: the exponential is positive, though a double
underflows to 0 below -745, where a form that divides by it has no value. Entries may be infinite,
but not NaN, and nothing complex is positive.

Nothing is registered on import: PyTensor's registry is global, and `declare` changes it once, when
something of Kantor's is used.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from pytensor.assumptions import (
    KEY_REGISTRY,
    AssumptionKey,
    FactState,
    register_assumption,
    register_constant_inference,
    register_implies,
)
from pytensor.tensor import subtensor
from pytensor.tensor.basic import Eye, Join, MakeVector
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.math import Prod, Sum
from pytensor.tensor.special import Softmax

from matchers.diagonal_rules import entrywise, gathered, square_identity
from matchers.entry_rules import elementwise, holds_of, true_if
from matchers.moving_rules import (
    FORWARDING,
    WRITING,
    always_true,
    forwarded,
    identity,
    joined,
    summed,
    written,
)

# What is said of each entry, and so of vectors and numbers too.
OF_ENTRIES = ("positive", "nonnegative", "nonzero")
OF_MATRICES = ("positive_semidefinite", "nonsingular")
# The rank of a matrix that need not be square, as large as its columns or its rows allow.
OF_RANK = ("full_column_rank", "full_row_rank")
# A matrix that is constant along each of its diagonals, and one where these go round.
OF_DIAGONALS = ("toeplitz", "circulant")
_SHORT = {
    "positive": "pos", "nonnegative": "nonneg", "nonzero": "nz",
    "positive_semidefinite": "psd", "nonsingular": "nonsing",
    "full_column_rank": "fullcol", "full_row_rank": "fullrow",
    "toeplitz": "toep", "circulant": "circ",
}  # fmt: skip


@cache
def declare() -> dict[str, AssumptionKey]:
    """Register the keys and their rules, once; the keys by name."""
    # What another library has registered under such a name is taken to mean the same.
    keys = {n: KEY_REGISTRY.get(n) or AssumptionKey(n, _SHORT[n]) for n in _SHORT}
    register_implies(keys["positive"], keys["nonnegative"], keys["nonzero"])
    for name in OF_ENTRIES:
        key = keys[name]
        register_constant_inference(key, _OF_CONSTANTS[name])
        register_assumption(key, Elemwise)(elementwise)
        register_assumption(key, *FORWARDING)(forwarded)
        register_assumption(key, Join, MakeVector)(joined)
        register_assumption(key, *WRITING)(written)
        register_assumption(key, Prod)(forwarded)
        register_assumption(key, Softmax)(always_true)
    register_implies(keys["circulant"], keys["toeplitz"])
    for name in OF_DIAGONALS:
        register_assumption(keys[name], Elemwise)(entrywise)
        register_assumption(keys[name], Eye)(square_identity)
        register_assumption(keys[name], subtensor.AdvancedSubtensor)(gathered)
    register_assumption(keys["nonnegative"], Eye)(identity)
    for name in ("positive", "nonnegative"):
        register_assumption(keys[name], Sum)(summed)
    return keys


# --- constants ------------------------------------------------------------------------------------


def _of_data(test: Callable[[Any], Any]) -> Callable[[Any], FactState]:
    def infer(constant: Any) -> FactState:
        return true_if(holds_of(test, constant.data))

    return infer


def _nonzero(x: Any) -> Any:
    return (x != 0) & (x == x)  # NaN is no number at all


_OF_CONSTANTS = {
    "positive": _of_data(lambda x: x > 0),
    "nonnegative": _of_data(lambda x: x >= 0),
    "nonzero": lambda c: true_if(bool(np.all(_nonzero(np.asarray(c.data))))),
}
