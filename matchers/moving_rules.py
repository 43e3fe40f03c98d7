"""What is known of entries that are moved, joined, written and summed."""

from __future__ import annotations

from typing import Any

from pytensor.assumptions import KEY_REGISTRY, FactState
from pytensor.tensor import subtensor
from pytensor.tensor.basic import Alloc, ExtractDiag, Join, ScalarFromTensor, TensorFromScalar
from pytensor.tensor.elemwise import DimShuffle
from pytensor.tensor.math import Max, Prod
from pytensor.tensor.shape import Reshape, SpecifyShape

from matchers.entry_rules import integer, true_if

# Every entry of the output is one of the first input; of none at all, everything is true.
FORWARDING = (
    DimShuffle, Reshape, SpecifyShape, Alloc, ExtractDiag, TensorFromScalar, ScalarFromTensor,
    subtensor.Subtensor, subtensor.AdvancedSubtensor, Max,
)  # fmt: skip
WRITING = (subtensor.IncSubtensor, subtensor.AdvancedIncSubtensor)


def forwarded(
    key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any
) -> list[FactState]:
    """What is true of all entries is true of some; a product of integers wraps around."""
    wraps = isinstance(op, Prod) and integer(node)
    found = true_if(not wraps and bool(feature.check(node.inputs[0], key)))
    return [found] * len(node.outputs)


def joined(key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any) -> list[FactState]:
    """What is true of each part is true of the whole."""
    parts = node.inputs[1:] if isinstance(op, Join) else node.inputs
    return [true_if(all(feature.check(x, key) for x in parts))]


def written(
    key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any
) -> list[FactState]:
    """Some entries are set, or what is added to them changes no sign."""
    x, new = node.inputs[:2]
    if not op.set_instead_of_inc and key.name == "nonzero":
        key = KEY_REGISTRY["positive"]
    return [true_if(bool(feature.check(x, key) and feature.check(new, key)))]


def summed(key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any) -> list[FactState]:
    """A sum over nothing is 0, which is not positive."""
    (x,) = node.inputs
    axes = range(x.type.ndim) if op.axis is None else op.axis
    some = key.name == "nonnegative" or all(x.type.shape[i] for i in axes)
    return [true_if(some and not integer(node) and bool(feature.check(x, key)))]


def always_true(
    key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any
) -> list[FactState]:
    """Whatever the inputs are."""
    return [FactState.TRUE] * len(node.outputs)


def identity(
    key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any
) -> list[FactState]:
    """Entries of an identity are 0 or 1."""
    return [FactState.TRUE]
