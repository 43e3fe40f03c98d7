"""25 application problems of linear algebra: as PyTensor graphs, in NumPy, and as data."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor import linalg

import kantor

FILE = Path(__file__).with_suffix(".toml")
# What a property is called in `kantor.assume`; of full rank, which side is full depends on lengths.
KEYS = {
    "SPD": ("symmetric", "positive_definite"),
    "SPSD": ("symmetric", "positive_semidefinite"),
    "Symmetric": ("symmetric",),
    "Diagonal": ("diagonal",),
    "UpperTriangular": ("upper_triangular",),
    "LowerTriangular": ("lower_triangular",),
    "Positive": ("positive",),
}
# As PyTensor alone can be told: it has no key for what is semidefinite, of full rank or positive.
PLAIN_KEYS = {**KEYS, "SPSD": KEYS["SPD"], "Positive": ()}


@dataclass(frozen=True)
class Operand:
    """A matrix, a vector or a number, of lengths that have names."""

    name: str
    shape: tuple[str, ...]
    properties: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """What is to be computed, of what, and the best flops known for it.

    Attributes
    ----------
    id : int
    name, source : str
    dims : mapping from str to int
        The lengths at which Linnea was measured.
    operands : tuple of Operand
    equations : tuple of pair of str
        A name and an expression, each an output; later ones may name earlier ones.
    best : float
    """

    id: int
    name: str
    source: str
    dims: Mapping[str, int]
    operands: tuple[Operand, ...]
    equations: tuple[tuple[str, str], ...]
    best: float

    @property
    def inputs(self) -> tuple[Operand, ...]:
        """The operands that have values."""
        return tuple(o for o in self.operands if "Identity" not in o.properties)

    def shape(self, operand: Operand, scale: float = 1.0) -> tuple[int, ...]:
        """The shape of an operand, where all lengths are scaled."""
        return tuple(self.lengths(scale)[i] for i in operand.shape)

    def lengths(self, scale: float = 1.0) -> dict[str, int]:
        """The dimensions by name; lengths that differ by a little still do when they are scaled."""
        scaled = {k: max(2, round(n * scale)) for k, n in self.dims.items()}
        by_length = sorted(self.dims, key=self.dims.__getitem__)
        for a, b in pairwise(by_length):
            if self.dims[a] < self.dims[b] and scaled[a] >= scaled[b]:
                scaled[b] = scaled[a] + 1
        return scaled

    def evaluate(self, operands: Mapping[str, Any], inverse: Callable[[Any], Any]) -> list[Any]:
        """All outputs, of operands that know `@` and an inverse."""
        names = {**operands, "inv": inverse}
        for name, expression in self.equations:
            names[name] = eval(expression, {"__builtins__": {}}, names)
        return [names[name] for name, _ in self.equations]


@dataclass(frozen=True)
class Graph:
    """A problem as a graph.

    Attributes
    ----------
    inputs, outputs : list of TensorVariable
    sizes : dict
        The shape of each input.
    """

    inputs: list[Any]
    outputs: list[Any]
    sizes: dict[Any, tuple[int, ...]]


@cache
def problems() -> dict[int, Problem]:
    """The problems by number."""
    read = tomllib.loads(FILE.read_text(encoding="utf-8"))["problem"]
    return {p["id"]: _problem(**p) for p in read}


def _problem(operands: Any, equations: Any, **facts: Any) -> Problem:
    made = (
        Operand(name, tuple(o["shape"]), tuple(o.get("properties", ())))
        for name, o in operands.items()
    )
    return Problem(operands=tuple(made), equations=tuple(map(tuple, equations)), **facts)


def graph(
    problem: Problem,
    *,
    static: bool,
    scale: float = 1.0,
    columns: bool = False,
    plain: bool = False,
    dtype: str = "float64",
) -> Graph:
    """A problem as a user writes it, with what is known of its operands declared.

    Parameters
    ----------
    problem : Problem
    static : bool
        Whether the shapes are in the types.
    scale : float
    columns : bool
        Whether vectors are matrices with one column.
    plain : bool
        Whether only properties that PyTensor has are declared.
    dtype : str
    """
    inputs: dict[str, Any] = {}
    sizes: dict[Any, tuple[int, ...]] = {}
    for o in problem.inputs:
        shape = problem.shape(o, scale)
        if columns and len(shape) == 1:
            shape = (*shape, 1)
        unknown = tuple(1 if n == 1 else None for n in shape)
        inputs[o.name] = x = pt.tensor(o.name, shape=shape if static else unknown, dtype=dtype)
        sizes[x] = shape
    told = {o.name: _told(problem, o, inputs[o.name], plain) for o in problem.inputs}
    for o in problem.operands:
        if o.name not in told:
            n = problem.shape(o, scale)[0] if static else _length(problem, o.shape[0], inputs)
            told[o.name] = pt.eye(n, dtype=dtype)
    return Graph(list(inputs.values()), problem.evaluate(told, linalg.inv), sizes)


def _length(problem: Problem, dim: str, inputs: Mapping[str, Any]) -> Any:
    """A length as a user takes it, from the first operand that has it."""
    o, axis = next((o, o.shape.index(dim)) for o in problem.inputs if dim in o.shape)
    return inputs[o.name].shape[axis]


def _told(problem: Problem, o: Operand, x: Any, plain: bool) -> Any:
    keys = PLAIN_KEYS if plain else KEYS
    said = dict.fromkeys((k for p in o.properties for k in keys.get(p, ())), True)
    if "FullRank" in o.properties and not plain:
        rows, columns = problem.shape(o)
        full = {
            "full_column_rank": rows >= columns,
            "full_row_rank": rows <= columns,
            "nonsingular": o.shape[0] == o.shape[1],
        }
        said |= {k: True for k, holds in full.items() if holds}
    return kantor.assume(x, **said) if said else x


def values(problem: Problem, scale: float, seed: int = 1) -> dict[str, Any]:
    """Well conditioned operands that have the properties they are said to have."""
    rng = np.random.default_rng([seed, problem.id])
    return {o.name: _value(rng, problem.shape(o, scale), o.properties) for o in problem.inputs}


def _value(rng: Any, shape: tuple[int, ...], properties: tuple[str, ...]) -> Any:
    if len(shape) < 2:
        return (
            rng.normal(size=shape) if "Positive" not in properties else np.array(rng.uniform(2, 3))
        )
    n, m = shape
    if "Diagonal" in properties:
        return np.diag(rng.uniform(1, 2, size=n))
    x = rng.normal(size=shape) / (3 * np.sqrt(max(shape)))
    if "SPD" in properties or "SPSD" in properties:
        return x @ x.T + np.eye(n)
    if "Symmetric" in properties:
        return x + x.T + 4 * np.eye(n)
    if "LowerTriangular" in properties:
        return np.tril(x) + np.eye(n, m)
    if "UpperTriangular" in properties:
        return np.triu(x) + np.eye(n, m)
    return x + np.eye(n, m)


def literal(problem: Problem, given: Mapping[str, Any], scale: float) -> list[Any]:
    """The outputs as the expressions say it, in NumPy."""
    eyes = {
        o.name: np.eye(problem.shape(o, scale)[0])
        for o in problem.operands
        if "Identity" in o.properties
    }
    return problem.evaluate({**given, **eyes}, np.linalg.inv)
