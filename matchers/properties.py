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
from pytensor.graph.basic import Constant
from pytensor.scalar import basic as ps
from pytensor.scalar import math as scalar_math
from pytensor.tensor import subtensor
from pytensor.tensor.basic import (
    Alloc,
    ARange,
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
from pytensor.tensor.special import Softmax

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
        register_assumption(key, Softmax)(_always_true)
    register_implies(keys["circulant"], keys["toeplitz"])
    for name in OF_DIAGONALS:
        register_assumption(keys[name], Elemwise)(_entrywise)
        register_assumption(keys[name], Eye)(_square_identity)
        register_assumption(keys[name], subtensor.AdvancedSubtensor)(_gathered)
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


def _always_true(
    key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any
) -> list[FactState]:
    return [FactState.TRUE] * len(node.outputs)


def _identity(
    key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any
) -> list[FactState]:
    return [FactState.TRUE]


# --- constant diagonals ---------------------------------------------------------------------------


def _entrywise(
    key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any
) -> list[FactState]:
    """Each operand has constant diagonals, or is one value for all entries; i - j has them."""
    if key.name == "toeplitz" and _difference(node):
        return [FactState.TRUE]
    kept = all(all(x.type.broadcastable[-2:]) or feature.check(x, key) for x in node.inputs)
    return [_true_if(kept and node.outputs[0].type.ndim > 1)] * len(node.outputs)


def _difference(node: Any) -> bool:
    """Whether a node is a difference of, or compares, the numbers of its rows and its columns."""
    kinds = (ps.Sub, ps.GE, ps.GT, ps.LE, ps.LT, ps.EQ, ps.NEQ)
    if len(node.inputs) != 2 or type(node.op.scalar_op) not in kinds:
        return False
    orders = {_numbers(x) for x in node.inputs}
    return orders == {(0, "x"), ("x", 0)}


def _numbers(x: Any) -> tuple[Any, ...] | None:
    """How 0, 1, 2, … lie along the axes of a matrix."""
    if x.owner is None or type(x.owner.op) is not DimShuffle:
        return None
    up = x.owner.inputs[0].owner
    if up is None or type(up.op) is not ARange or not _bound(up.inputs[2], lambda k: k == 1):
        return None
    return tuple(x.owner.op.new_order)


def _gathered(
    key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any
) -> list[FactState]:
    """Entries of a vector by an index with constant diagonals."""
    x, *index = node.inputs
    plain = len(index) == len(op.idx_list) == x.type.ndim == 1
    return [_true_if(plain and bool(feature.check(index[0], key)))]


def _square_identity(
    key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any
) -> list[FactState]:
    n, m, k = node.inputs
    same = n is m or (isinstance(m, Constant) and _bound(n, lambda x: x == m.data))
    return [_true_if(same and _bound(k, lambda x: x == 0))]
