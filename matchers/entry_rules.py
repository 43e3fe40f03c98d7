"""What elementwise Ops say of the signs of their entries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pytensor.assumptions import KEY_REGISTRY, FactState
from pytensor.graph.basic import Constant
from pytensor.scalar import basic as ps
from pytensor.scalar import math as scalar_math
from pytensor.tensor.elemwise import DimShuffle

# Its classes are no attributes to a type checker.
pm: Any = scalar_math
# Whether a property is known of a variable.
Known = Callable[[str, Any], bool]
Rule = Callable[[Known, Any], bool]


def holds_of(test: Callable[[Any], Any], data: Any) -> bool:
    """Whether all entries of some data pass a test."""
    data = np.asarray(data)
    return data.dtype.kind in "fiub" and bool(np.all(test(data)))


def true_if(proved: bool) -> FactState:
    """What is proved is true, and all else unknown."""
    return FactState.TRUE if proved else FactState.UNKNOWN


def bound(x: Any, test: Callable[[Any], Any]) -> bool:
    """Whether `x` is a constant, broadcast or not, that passes a test."""
    while x.owner is not None and type(x.owner.op) is DimShuffle:
        x = x.owner.inputs[0]
    return isinstance(x, Constant) and holds_of(test, x.data)


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
    return below_one and bound(a, lambda x: x >= 1)


def _nonnegative_product(known: Known, node: Any) -> bool:
    """Equal factors in pairs are squares; all others must not be negative."""
    single: dict[Any, bool] = {}
    for x in node.inputs:
        single[x] = not single.get(x, False)
    return all(known("nonnegative", x) for x, odd in single.items() if odd)


def _nonnegative_power(known: Known, node: Any) -> bool:
    x, power = node.inputs
    return known("nonnegative", x) or bound(power, lambda p: p % 2 == 0)


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


def integer(node: Any) -> bool:
    """Whether the output is of integers, which wrap around."""
    return np.dtype(node.outputs[0].type.dtype).kind in "iu"


def _asking(feature: Any) -> Known:
    """What PyTensor's feature, or Kantor's in its place, answers for the key of a name."""
    return lambda name, x: bool(feature.check(x, KEY_REGISTRY[name]))


def elementwise(
    key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any
) -> list[FactState]:
    """What the rule for the scalar Op says."""
    rule = _ENTRIES[key.name].get(type(op.scalar_op))
    number = node.outputs[0].type.dtype
    complex_ = number.startswith("complex") and key.name != "nonzero"
    wraps = integer(node) and type(op.scalar_op) not in _PICKING
    if rule is None or complex_ or wraps:
        return [FactState.UNKNOWN] * len(node.outputs)
    return [true_if(rule(_asking(feature), node))]
