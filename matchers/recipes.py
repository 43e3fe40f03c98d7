"""Operations made of a graph and a pullback of their own, over batches."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytensor.tensor as pt
from pytensor.compile.builders import OpFromGraph
from pytensor.graph.replace import vectorize_graph
from pytensor.tensor.type import TensorType


def over_batch(function: Callable[..., Any], scalars: int, *args: Any) -> Any:
    """A function of some coefficients, and then matrices, of each member of a batch."""
    cores = [0 if i < scalars else 2 for i in range(len(args))]
    if all([a.type.ndim == core for a, core in zip(args, cores, strict=True)]):
        return function(*args)
    inner = [_member(a, core) for a, core in zip(args, cores, strict=True)]
    made = function(*inner)
    given = dict(zip(inner, args, strict=True))
    single = not isinstance(made, list)
    found = vectorize_graph([made] if single else made, given)
    return found[0] if single else list(found)


def _member(x: Any, core: int) -> Any:
    return TensorType(x.type.dtype, x.type.shape[-2:] if core else ())()


def like(made: Any, given: Any, core: int) -> Any:
    """A gradient summed over the batch axes that what it belongs to does not have."""
    extra = made.type.ndim - given.type.ndim
    made = made.sum(axis=tuple(range(extra))) if extra else made
    ones = [
        i
        for i, one in enumerate(given.type.broadcastable[: given.type.ndim - core])
        if one and not made.type.broadcastable[i]
    ]
    return made.sum(axis=ones, keepdims=True) if ones else made


# --- heads ----------------------------------------------------------------------------------------


class Shifted(OpFromGraph):
    """One operation, whose inner graph is nobody's to rewrite before it is inlined."""


class Recipe(NamedTuple):
    """What an operation computes, and what its pullback is; both of matrices without a batch.

    Attributes
    ----------
    name : str
    graph, pullback : callable
    scalars : int
        How many of its first arguments are coefficients.
    """

    name: str
    graph: Callable[..., Any]
    pullback: Callable[..., Any]
    scalars: int = 1


def applied(recipe: Recipe, c: Any, *args: Any) -> Any:
    """The operation of a recipe on a coefficient, a number or a variable, and matrices."""
    like = args[0]
    if isinstance(c, (int, float)):
        c = pt.constant(np.asarray(c, dtype=like.type.dtype))
    args = (pt.cast(c, like.type.dtype), *args)
    return _op(recipe, tuple(a.type for a in args))(*args)


@functools.lru_cache(maxsize=64)
def _op(recipe: Recipe, types: tuple[Any, ...]) -> Shifted:
    inner = [t() for t in types]
    made = over_batch(recipe.graph, recipe.scalars, *inner)
    return Shifted(inner, [made], pullback=recipe.pullback, inline=True, name=recipe.name)
