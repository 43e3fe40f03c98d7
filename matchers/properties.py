"""Properties that PyTensor has no key for, in PyTensor's own registry of assumptions.

``positive``, ``nonnegative`` and ``nonzero`` are said of every entry, ``positive_semidefinite`` and
``nonsingular`` of a matrix. They are those of the real numbers: the exponential is positive, though
a double underflows to 0 below -745, where a form that divides by it has no value. Entries may be
infinite, but not NaN, and nothing complex is positive.

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
from pytensor.graph.basic import Constant
from pytensor.scalar import basic as ps
from pytensor.scalar import math as scalar_math
from pytensor.tensor import subtensor
from pytensor.tensor.basic import (
    Alloc,
    ExtractDiag,
    Eye,
    Join,
    MakeVector,
    ScalarFromTensor,
    TensorFromScalar,
)
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.math import Max, Prod, Sum
from pytensor.tensor.shape import Reshape, SpecifyShape

# What is said of each entry, and so of vectors and numbers too.
OF_ENTRIES = ("positive", "nonnegative", "nonzero")
OF_MATRICES = ("positive_semidefinite", "nonsingular")
_SHORT = {
    "positive": "pos", "nonnegative": "nonneg", "nonzero": "nz",
    "positive_semidefinite": "psd", "nonsingular": "nonsing",
}  # fmt: skip

# Its classes are no attributes to a type checker.
pm: Any = scalar_math
# Whether a property is known of a variable.
Known = Callable[[str, Any], bool]
Rule = Callable[[Known, Any], bool]


@cache
def declare() -> dict[str, AssumptionKey]:
    """Register the keys and their rules, once; the keys by name."""
    # What another library has registered under such a name is taken to mean the same.
    keys = {n: KEY_REGISTRY.get(n) or AssumptionKey(n, _SHORT[n]) for n in _SHORT}
    register_implies(keys["positive"], keys["nonnegative"], keys["nonzero"])
    for name in OF_ENTRIES:
        key = keys[name]
        register_constant_inference(key, _OF_CONSTANTS[name])
        register_assumption(key, Elemwise)(_elementwise)
        register_assumption(key, *_FORWARDING)(_forwarded)
        register_assumption(key, Join, MakeVector)(_joined)
        register_assumption(key, *_WRITING)(_written)
        register_assumption(key, Prod)(_forwarded)
    register_assumption(keys["nonnegative"], Eye)(_identity)
    for name in ("positive", "nonnegative"):
        register_assumption(keys[name], Sum)(_summed)
    return keys


# --- constants ------------------------------------------------------------------------------------


def _of_data(test: Callable[[Any], Any]) -> Callable[[Any], FactState]:
    def infer(constant: Any) -> FactState:
        return _true_if(_all(test, constant.data))

    return infer


def _all(test: Callable[[Any], Any], data: Any) -> bool:
    data = np.asarray(data)
    return data.dtype.kind in "fiub" and bool(np.all(test(data)))


def _nonzero(x: Any) -> Any:
    return (x != 0) & (x == x)  # NaN is no number at all


_OF_CONSTANTS = {
    "positive": _of_data(lambda x: x > 0),
    "nonnegative": _of_data(lambda x: x >= 0),
    "nonzero": lambda c: _true_if(bool(np.all(_nonzero(np.asarray(c.data))))),
}


def _true_if(proved: bool) -> FactState:
    return FactState.TRUE if proved else FactState.UNKNOWN


def _bound(x: Any, test: Callable[[Any], Any]) -> bool:
    """Whether `x` is a constant, broadcast or not, that passes a test."""
    while x.owner is not None and type(x.owner.op) is DimShuffle:
        x = x.owner.inputs[0]
    return isinstance(x, Constant) and _all(test, x.data)


# --- elementwise Ops ------------------------------------------------------------------------------


def _always(known: Known, node: Any) -> bool:
    return True


def _all_of(key: str) -> Rule:
    return lambda known, node: all(known(key, x) for x in node.inputs)


def _any_of(key: str) -> Rule:
    return lambda known, node: any(known(key, x) for x in node.inputs)


def _from(key: str, *places: int) -> Rule:
    """The property follows from `key` of some inputs, by default of the first."""
    return lambda known, node: all(known(key, node.inputs[i]) for i in places or (0,))


def _positive_sum(known: Known, node: Any) -> bool:
    return _any_of("positive")(known, node) and _all_of("nonnegative")(known, node)


def _positive_difference(known: Known, node: Any) -> bool:
    """What a sigmoid leaves of 1, or of more."""
    a, b = node.inputs
    below_one = b.owner is not None and type(getattr(b.owner.op, "scalar_op", None)) is pm.Sigmoid
    return below_one and _bound(a, lambda x: x >= 1)


def _nonnegative_product(known: Known, node: Any) -> bool:
    """Equal factors in pairs are squares; all others must not be negative."""
    single: dict[Any, bool] = {}
    for x in node.inputs:
        single[x] = not single.get(x, False)
    return all(known("nonnegative", x) for x, odd in single.items() if odd)


def _nonnegative_power(known: Known, node: Any) -> bool:
    x, power = node.inputs
    return known("nonnegative", x) or _bound(power, lambda p: p % 2 == 0)


def _cast(key: str) -> Rule:
    """A cast keeps a sign; to an integer that is too short it wraps around, or loses a fraction."""

    def rule(known: Known, node: Any) -> bool:
        (x,), kind = node.inputs, np.dtype(node.outputs[0].type.dtype).kind
        if kind == "b" and key == "nonnegative":
            return True
        narrowing = kind in "iu" and not np.can_cast(x.type.dtype, node.outputs[0].type.dtype)
        return not narrowing and known(key, x)

    return rule


def _same(key: str) -> dict[type, Rule]:
    """The scalar Ops that keep a property of all that is theirs."""
    first, everywhere = _from(key), _all_of(key)
    return {
        ps.Identity: first,
        ps.Sqrt: first,
        ps.Reciprocal: first,
        ps.Expm1: first,
        ps.Log1p: first,
        ps.Sinh: first,
        ps.Tanh: first,
        ps.ArcTan: first,
        ps.Second: _from(key, 1),
        ps.Switch: _from(key, 1, 2),
        ps.Mul: everywhere,
        ps.TrueDiv: everywhere,
        ps.Cast: _cast(key),
    }


_ENTRIES: dict[str, dict[type, Rule]] = {
    "positive": {
        **_same("positive"),
        **dict.fromkeys((ps.Exp, ps.Exp2, ps.Cosh, pm.Softplus, pm.Sigmoid, pm.Erfc), _always),
        ps.Abs: _from("nonzero"),
        ps.Sqr: _from("nonzero"),
        ps.Add: _positive_sum,
        ps.Sub: _positive_difference,
        ps.Pow: _from("positive"),
        ps.Clip: _from("positive", 1, 2),
        ps.Maximum: _any_of("positive"),
        ps.Minimum: _all_of("positive"),
    },
    "nonnegative": {
        **_same("nonnegative"),
        **dict.fromkeys((ps.Abs, ps.Sqr), _always),
        ps.Add: _all_of("nonnegative"),
        ps.Mul: _nonnegative_product,
        ps.Pow: _nonnegative_power,
        ps.Clip: _from("nonnegative", 1, 2),
        ps.Maximum: _any_of("nonnegative"),
        ps.Minimum: _all_of("nonnegative"),
    },
    "nonzero": {
        **_same("nonzero"),
        ps.Neg: _from("nonzero"),
        ps.Abs: _from("nonzero"),
        ps.Sqr: _from("nonzero"),
        ps.Pow: lambda known, node: known("positive", node.inputs[0]),
    },
}


# What computes no new number, and so does not wrap around where numbers are integers.
_PICKING = frozenset({
    ps.Identity, ps.Second, ps.Switch, ps.Cast, ps.Clip, ps.Maximum, ps.Minimum,
})  # fmt: skip


def _integer(node: Any) -> bool:
    return np.dtype(node.outputs[0].type.dtype).kind in "iu"


def _asking(feature: Any) -> Known:
    """What PyTensor's feature, or Kantor's in its place, answers for the key of a name."""
    return lambda name, x: bool(feature.check(x, KEY_REGISTRY[name]))


def _elementwise(
    key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any
) -> list[FactState]:
    rule = _ENTRIES[key.name].get(type(op.scalar_op))
    number = node.outputs[0].type.dtype
    complex_ = number.startswith("complex") and key.name != "nonzero"
    wraps = _integer(node) and type(op.scalar_op) not in _PICKING
    if rule is None or complex_ or wraps:
        return [FactState.UNKNOWN] * len(node.outputs)
    return [_true_if(rule(_asking(feature), node))]


# --- what moves, joins and sums entries -----------------------------------------------------------

# Every entry of the output is one of the first input; of none at all, everything is true.
_FORWARDING = (
    DimShuffle, Reshape, SpecifyShape, Alloc, ExtractDiag, TensorFromScalar, ScalarFromTensor,
    subtensor.Subtensor, subtensor.AdvancedSubtensor, Max,
)  # fmt: skip
_WRITING = (subtensor.IncSubtensor, subtensor.AdvancedIncSubtensor)


def _forwarded(
    key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any
) -> list[FactState]:
    wraps = isinstance(op, Prod) and _integer(node)
    found = _true_if(not wraps and bool(feature.check(node.inputs[0], key)))
    return [found] * len(node.outputs)


def _joined(
    key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any
) -> list[FactState]:
    parts = node.inputs[1:] if isinstance(op, Join) else node.inputs
    return [_true_if(all(feature.check(x, key) for x in parts))]


def _written(
    key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any
) -> list[FactState]:
    """Some entries are set, or what is added to them changes no sign."""
    x, new = node.inputs[:2]
    if not op.set_instead_of_inc and key.name == "nonzero":
        key = KEY_REGISTRY["positive"]
    return [_true_if(bool(feature.check(x, key) and feature.check(new, key)))]


def _summed(
    key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any
) -> list[FactState]:
    """A sum over nothing is 0, which is not positive."""
    (x,) = node.inputs
    axes = range(x.type.ndim) if op.axis is None else op.axis
    some = key.name == "nonnegative" or all(x.type.shape[i] for i in axes)
    return [_true_if(some and not _integer(node) and bool(feature.check(x, key)))]


def _identity(
    key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any
) -> list[FactState]:
    return [FactState.TRUE]
