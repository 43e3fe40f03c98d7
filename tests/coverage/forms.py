"""A case as a graph, in one of its forms, with values to run it on."""

from __future__ import annotations

import functools
import operator
import re
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.graph.replace import vectorize_graph
from pytensor.tensor import linalg

import kantor
from tests.coverage.cases import Case

MEMBERS = 2
# What is said of values, and not declared.
VALUES = ("positive", "small", "decaying", "index")


def _length(x: Any) -> Any:
    n = x.type.shape[0]
    return x.shape[0] if n is None else n


def _transposed(x: Any) -> Any:
    return x.mT if x.type.ndim > 2 else x.T


def _declaring(key: str) -> Any:
    # What is declared twice is one variable.
    return functools.cache(lambda x: kantor.assume(x, **{key: True}))


def _block2(a: Any, b: Any, c: Any, d: Any) -> Any:
    return pt.concatenate([pt.concatenate([a, b], 1), pt.concatenate([c, d], 1)], 0)


def _circulant(c: Any) -> Any:
    i = pt.arange(_length(c))
    return c[(i[:, None] - i[None, :]) % _length(c)]


def _toeplitz(c: Any, r: Any = None) -> Any:
    i = pt.arange(_length(c))
    away = i[:, None] - i[None, :]
    lower = c[pt.abs(away)]
    return lower if r is None else pt.where(away >= 0, lower, r[pt.abs(away)])


def _rows_times(a: Any, b: Any) -> Any:
    return pytensor.scan(
        lambda x, m: m @ x, sequences=[b], non_sequences=[a], strict=True, return_updates=False
    )


def _add_to_diagonal(x: Any, d: Any) -> Any:
    i = pt.arange(_length(x))
    return pt.inc_subtensor(x[i, i], d)


# What expressions may call.
VOCABULARY: dict[str, Any] = {
    name: getattr(linalg, name)
    for name in ("inv", "solve", "kron", "det", "pinv", "cholesky", "eigh", "svd", "qr", "lu",
                 "expm", "block_diag", "norm", "eig")
} | {
    "T": _transposed,
    "I": lambda x: pt.eye(_length(x), dtype=x.type.dtype),
    "ones": lambda x: pt.ones((_length(x),), dtype=x.type.dtype),
    "zeros": pt.zeros_like,
    "logdet": lambda x: linalg.slogdet(x)[1],
    "eigvalsh": lambda x: linalg.eigh(x)[0],
    "values_alone": linalg.eigvalsh,
    "add_to_diagonal": _add_to_diagonal,
    "trace": pt.trace,
    "diag": pt.diag,
    "diagonal": pt.diagonal,
    "outer": pt.outer,
    "vec": lambda x: x.ravel(),
    **{name: getattr(pt, name) for name in ("exp", "log", "softplus", "sigmoid", "abs")},
    "softmax": pt.special.softmax,
    "solve_lower": lambda a, b: linalg.solve_triangular(a, b, lower=True),
    "definite": _declaring("positive_definite"),
    **{key: _declaring(key) for key in ("positive", "nonzero", "nonsingular")},
    "einsum": pt.einsum,
    **{name: getattr(pt, name) for name in ("tensordot", "vecdot", "matvec", "expand_dims")},
    "join": lambda xs, axis: pt.concatenate(xs, axis),
    "grad": pt.grad,
    "block2": _block2,
    "circulant": _circulant,
    "toeplitz": _toeplitz,
    "arange": lambda x: pt.arange(_length(x)),
    "rows_times": _rows_times,
}  # fmt: skip


@dataclass(frozen=True)
class Posed:
    """A graph, its inputs, and a value for each of them."""

    outputs: list[Any]
    inputs: list[Any]
    values: list[Any]


def pose(case: Case, form: str) -> Posed:
    """Build a case in one form."""
    dtype = "float32" if form == "float32" else "float64"
    expr = case.forms[form]
    inputs, scope, values = [], {}, []
    for i, (name, spec) in enumerate(case.inputs.items()):
        if not re.search(rf"\b{name}\b", expr):
            continue
        lengths, structure = _read(spec, case)
        rng = np.random.default_rng([7, i])
        kind = "int64" if structure == "index" else dtype
        value = np.asarray(draw(rng, lengths, structure)).astype(kind)
        flipped = form == "transposed" and len(lengths) == 2
        value = value.T if flipped else value
        static = value.shape if form != "dynamic" else (None,) * value.ndim
        var = pt.tensor(name, dtype=kind, shape=static)
        inner = var.T if flipped else var
        declared = structure if structure not in ("", *VALUES) else None
        scope[name] = kantor.assume(inner, **{declared: True}) if declared else inner
        inputs.append(var)
        values.append(np.array(value, order="C"))
    with pytensor.config.change_flags(floatX=dtype):
        made = eval(expr, {"__builtins__": {}, **VOCABULARY, **scope})
        outputs = list(made) if isinstance(made, (list, tuple)) else [made]
        return _formed(form, Posed(outputs, inputs, values))


def _formed(form: str, posed: Posed) -> Posed:
    outputs, inputs, values = posed.outputs, posed.inputs, posed.values
    if form == "scaled":
        return Posed([2.5 * y for y in outputs], inputs, values)
    if form == "batched":
        return _batched(posed)
    if form in ("larger", "gradient"):
        total = functools.reduce(operator.add, [pt.sin(y).sum() for y in outputs])
        if form == "larger":
            return Posed([total], inputs, values)
        return Posed(pt.grad(total, inputs, disconnected_inputs="ignore"), inputs, values)
    return posed


def _batched(posed: Posed) -> Posed:
    """Every matrix becomes a batch of two."""
    replace, inputs, values = {}, [], []
    for x, value in zip(posed.inputs, posed.values, strict=True):
        if x.type.ndim == 2:
            new = pt.tensor(x.name, dtype=x.type.dtype, shape=(MEMBERS, *x.type.shape))
            replace[x] = new
            inputs.append(new)
            values.append(np.stack([value] * MEMBERS))
        else:
            inputs.append(x)
            values.append(value)
    return Posed(list(vectorize_graph(posed.outputs, replace)), inputs, values)


def _read(spec: str, case: Case) -> tuple[tuple[int, ...], str]:
    """``"n ab positive_definite"`` as lengths, of which ``ab`` is a product, and a structure."""
    lengths, structure = [], ""
    for word in spec.split():
        if all(c in case.sizes or c == "+" for c in word):
            parts = word.split("+")
            lengths.append(sum(prod(case.sizes[c] for c in part) for part in parts))
        else:
            structure = word
    return tuple(lengths), structure


def draw(rng: np.random.Generator, lengths: tuple[int, ...], structure: str) -> Any:
    """A well-conditioned value, whose determinant is neither huge nor tiny."""
    x = rng.standard_normal(lengths)
    if not structure:
        if not lengths:
            return 1.1 + 0.05 * abs(x)
        if len(lengths) == 2 and lengths[0] == lengths[1]:
            return x / np.sqrt(lengths[0]) / 2 + np.eye(lengths[0])
        return x
    if structure == "positive":
        return 1 + abs(x)
    n = lengths[0]
    if structure == "decaying":
        return 0.5 ** np.arange(n)
    if structure == "index":
        return rng.permutation(n)
    if structure == "small":
        return x / np.sqrt(n) / 4
    made = {
        "symmetric": lambda: (x + x.T) / np.sqrt(n) / 4 + np.eye(n),
        "positive_definite": lambda: x @ x.T / n + np.eye(n),
        "orthogonal": lambda: np.linalg.qr(x)[0],
        "permutation": lambda: np.eye(n)[rng.permutation(n)],
        "lower_triangular": lambda: np.tril(x) / n + np.eye(n),
        "nonsingular": lambda: x / np.sqrt(n) / 4 + np.eye(n),
        "full_column_rank": lambda: x,
        "full_row_rank": lambda: x,
        "diagonal": lambda: np.diag(1 + abs(x[0])),
    }
    return made[structure]()
