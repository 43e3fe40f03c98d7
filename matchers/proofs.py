"""What a term has by the signs of its entries and of its coefficients, and what adds to that.

PyTensor's rules see Ops; these see terms, with coefficients in front and inverses as marks. What
follows from the shape of a term alone `matchers.structures` has in tables, which are read first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from matchers import vocabulary as v
from matchers.heads import Head
from matchers.leaves import Atom, Number
from matchers.properties import OF_ENTRIES
from matchers.readers import core_op
from matchers.terms import Term
from matchers.traversal import subterms


class Asked(Protocol):
    """Who knows what is proved of terms."""

    def holds(self, term: Any, key: str) -> bool:
        """Whether the assumption `key` is proved of `term`."""
        ...


Rule = Callable[[Asked, Any], bool]


def proved(asked: Asked, term: Term, key: str) -> bool:
    """Whether `key` follows from what `term` is made of."""
    if isinstance(term, Number):
        return key in _OF_NUMBERS and _OF_NUMBERS[key](term.value)
    if isinstance(term, Atom):
        if term.definition is not None:
            return asked.holds(term.definition, key)
        rule = _OF_LEAVES.get(key)
        return rule is not None and rule(asked, term)
    found = RULES.get(key, {}).get(term.head)
    return found is not None and not _integer(term) and found(asked, term)


def _integer(term: Term) -> bool:
    """Whether it is made of integers, which wrap around."""
    leaves = (t.var.type.dtype for t in subterms(term) if isinstance(t, Atom))
    return any(np.dtype(d).kind in "iu" for d in leaves)


_OF_NUMBERS: dict[str, Callable[[Any], bool]] = {
    "positive": lambda x: not isinstance(x, complex) and x > 0,
    "nonnegative": lambda x: not isinstance(x, complex) and x >= 0,
    "nonzero": lambda x: bool(x != 0 and x == x),
}


def _terms(t: Any) -> list[Any]:
    return [a for a in t.args if isinstance(a, Term)]


def _always(asked: Asked, t: Any) -> bool:
    return True


def _all(key: str) -> Rule:
    return lambda asked, t: all(asked.holds(a, key) for a in _terms(t))


def _any(key: str) -> Rule:
    return lambda asked, t: any(asked.holds(a, key) for a in _terms(t))


def _both(one: Rule, other: Rule) -> Rule:
    return lambda asked, t: one(asked, t) and other(asked, t)


def _either(one: Rule, other: Rule) -> Rule:
    return lambda asked, t: one(asked, t) or other(asked, t)


def _scaled(of_coefficient: str, of_matrix: str) -> Rule:
    return lambda asked, t: (
        asked.holds(t.args[0], of_coefficient) and asked.holds(t.args[1], of_matrix)
    )


# --- entries --------------------------------------------------------------------------------------

# Heads whose entries are those of their arguments, or products and quotients of them.
_ENTRYWISE = (v.mul, v.scale, v.reciprocal, v.transpose, v.reshape, v.item, v.kron, v.beside)


def _moved(key: str) -> dict[Head, Rule]:
    return {**dict.fromkeys(_ENTRYWISE, _all(key)), v.ones: _always}


# --- matrices -------------------------------------------------------------------------------------


def _definite_sum(asked: Asked, t: Any) -> bool:
    some = not t.scalar and _any("positive_definite")(asked, t)
    return some and _all("positive_semidefinite")(asked, t)


def _nonsingular_sum(asked: Asked, t: Any) -> bool:
    """Of semidefinite matrices, one of which is definite and is not only taken to be."""
    some = any(
        asked.holds(a, "positive_definite") and asked.holds(a, "nonsingular") for a in t.args
    )
    return some and not t.scalar and _all("positive_semidefinite")(asked, t)


def _nonsingular_leaf(asked: Asked, t: Any) -> bool:
    return asked.holds(t, "positive_definite") and not _taken_for_definite(t.var)


def _taken_for_definite(var: Any) -> bool:
    """Whether PyTensor calls it definite where it may be semidefinite only."""
    while var.owner is not None and type(core_op(var.owner)).__name__ in _MOVING:
        var = var.owner.inputs[0]
    return var.owner is not None and type(core_op(var.owner)).__name__ in _SEMIDEFINITE


_MOVING = ("DimShuffle", "Reshape", "SpecifyShape", "Subtensor", "Elemwise")
_SEMIDEFINITE = ("Dot", "BatchedDot", "SolveBilinearDiscreteLyapunov")

_OF_LEAVES: dict[str, Rule] = {"nonsingular": _nonsingular_leaf}

RULES: dict[str, dict[Head, Rule]] = {
    "positive": {
        **_moved("positive"),
        v.add: _both(_any("positive"), _all("nonnegative")),
        # Each entry on the diagonal is a quadratic form.
        v.diagonal: _either(_all("positive"), _all("positive_definite")),
        v.root: _all("positive"),
    },
    "nonnegative": {
        **_moved("nonnegative"),
        **dict.fromkeys((v.add, v.matmul, v.diag, v.total, v.root), _all("nonnegative")),
        v.diagonal: _either(_all("nonnegative"), _all("positive_semidefinite")),
        v.eye: _always,
        v.size: _always,
    },
    "nonzero": _moved("nonzero"),
    "positive_definite": {
        v.scale: _scaled("positive", "positive_definite"),
        v.diag: _all("positive"),
        v.add: _definite_sum,
    },
    "positive_semidefinite": {
        v.scale: _scaled("nonnegative", "positive_semidefinite"),
        v.diag: _all("nonnegative"),
        v.add: lambda asked, t: not t.scalar and _all("positive_semidefinite")(asked, t),
    },
    "nonsingular": {
        v.scale: _scaled("nonzero", "nonsingular"),
        v.diag: _all("nonzero"),
        # A product of square matrices, which each of them is proved to be.
        v.matmul: _all("nonsingular"),
        v.add: _nonsingular_sum,
    },
}

# --- what is missing ------------------------------------------------------------------------------

# What of each argument makes a term have a key, where that is all or nothing.
_PARTS: dict[tuple[str, Head], tuple[str, ...]] = {
    ("nonsingular", v.scale): ("nonzero", "nonsingular"),
    ("nonsingular", v.diag): ("nonzero",),
    ("positive_definite", v.scale): ("positive", "positive_definite"),
    ("positive_definite", v.diag): ("positive",),
    ("positive_semidefinite", v.scale): ("nonnegative", "positive_semidefinite"),
    ("positive_semidefinite", v.diag): ("nonnegative",),
    **{
        ("nonsingular", head): ("nonsingular", "nonsingular")
        for head in (v.matmul, v.transpose, v.kron, v.block_diag)
    },
}


def missing(asked: Asked, term: Term, key: str) -> list[tuple[Term, str]]:
    """What would have to be declared, of parts of `term`, for it to have `key`."""
    if asked.holds(term, key):
        return []
    keys = _PARTS.get((key, term.head), ())
    if not keys and term.head in _ENTRYWISE and key in OF_ENTRIES:
        keys = (key,)
    if not keys:
        return [(term, key)]
    args = _terms(term)
    each = keys if len(keys) == len(args) else keys[:1] * len(args)
    return [part for a, k in zip(args, each, strict=True) for part in missing(asked, a, k)]
