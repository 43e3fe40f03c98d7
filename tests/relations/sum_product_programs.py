"""Five sum-product programs and chains of ten factors, each in three spellings.

The programs are those of functional tensor programs and SPORES: ΣMMM, BATAX, MMM, TTM and MTTKRP.
Each is written as an einsum, as one product of arrays with all axes that is summed, and as products
of matrices; `hand` is the factored form that an expert would write.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytensor.tensor as pt

SPELLINGS = ("einsum", "broadcast", "matrices")


@dataclass(frozen=True)
class Program:
    """A contraction, and how it is written.

    Attributes
    ----------
    spec : str
        Its subscripts, in the order of `inputs`; an operand without indices is a number.
    inputs : list of Variable
        One for each operand; a matrix that is used twice stands there twice.
    products, factored : callable
        Its spelling in products of matrices, and the factored form.
    """

    spec: str
    inputs: list[Any]
    products: Callable[..., Any]
    factored: Callable[..., Any]

    @property
    def parts(self) -> list[str]:
        """The indices of each operand."""
        return self.spec.split("->")[0].split(",")

    def written(self, spelling: str) -> Any:
        """The graph in one spelling."""
        if spelling == "einsum":
            return pt.einsum(self.spec, *self.inputs)
        return self.broadcast() if spelling == "broadcast" else self.products(*self.distinct)

    def hand(self) -> Any:
        """The graph of the factored form."""
        return self.factored(*self.distinct)

    @property
    def distinct(self) -> list[Any]:
        """The inputs, each once."""
        return list(dict.fromkeys(self.inputs))

    def broadcast(self) -> Any:
        """One product of arrays that have all axes, and its sum."""
        output = self.spec.split("->")[1]
        used = sorted(set("".join(self.parts)), key=lambda i: (i not in output, output.find(i), i))
        factors = [
            x if not part else x.transpose(*map(part.index, order)).dimshuffle(*at)
            for x, part in zip(self.inputs, self.parts, strict=True)
            for order in ([i for i in used if i in part],)
            for at in ([order.index(i) if i in part else "x" for i in used],)
        ]
        whole = functools.reduce(operator.mul, factors)
        return whole.sum(axis=tuple(range(len(output), len(used))))

    def values(self, lengths: dict[str, int], dtype: str = "float64") -> dict[Any, Any]:
        """A value for each input."""
        rng = np.random.default_rng(1)
        return {
            x: np.asarray(rng.normal(size=[lengths[i] for i in part]) / 2, dtype=dtype)
            for x, part in zip(self.inputs, self.parts, strict=True)
        }


def programs(dtype: str = "float64") -> dict[str, Program]:
    """The five programs, of shapes that nothing is known of."""
    A, B, C, D = (pt.matrix(name, dtype=dtype) for name in "ABCD")
    T, x, b = pt.tensor3("T", dtype=dtype), pt.vector("x", dtype=dtype), pt.scalar("b", dtype=dtype)
    return {
        "ΣMMM": Program(
            "ik,kl,lj->", [A, B, C], lambda a, b, c: (a @ b @ c).sum(),
            lambda a, b, c: (a.sum(0) @ b) @ c.sum(1),
        ),
        "BATAX": Program(
            ",ij,ik,k->j", [b, A, A, x], lambda b, a, x: b * (a.T @ a) @ x,
            lambda b, a, x: b * (a.T @ (a @ x)),
        ),
        "MMM": Program(
            "ik,kl,lj->ij", [A, B, C], lambda a, b, c: a @ b @ c, lambda a, b, c: a @ b @ c
        ),
        "TTM": Program("ijl,kl->ijk", [T, A], lambda t, a: t @ a.T, lambda t, a: t @ a.T),
        "MTTKRP": Program("ikl,kj,lj->ij", [T, C, D], _unfolded, _times_then_summed),
    }  # fmt: skip


def _unfolded(t: Any, c: Any, d: Any) -> Any:
    """The unfolded tensor times a Khatri–Rao product."""
    products = (c[:, None, :] * d[None, :, :]).reshape((-1, c.shape[1]))
    return t.reshape((t.shape[0], -1)) @ products


def _times_then_summed(t: Any, c: Any, d: Any) -> Any:
    return ((t @ d) * c[None]).sum(axis=1)


def chains(n: int = 10, dtype: str = "float64") -> dict[str, Program]:
    """A product of ten matrices with a vector, and the sum of its entries."""
    factors = [pt.matrix(f"M{i}", dtype=dtype) for i in range(n)]
    x = pt.vector("x", dtype=dtype)
    letters = "abcdefghijklmnop"[: n + 1]
    spec = ",".join(map("".join, pairwise(letters)))
    return {
        "ten matrices and a vector": Program(
            f"{spec},{letters[-1]}->a",
            [*factors, x],
            lambda *f: functools.reduce(operator.matmul, f),
            from_the_right,
        ),
        "sum of ten": Program(
            f"{spec}->",
            factors,
            lambda *f: functools.reduce(operator.matmul, f).sum(),
            lambda *f: f[0].sum(0) @ from_the_right(*f[1:-1], f[-1].sum(1)),
        ),
    }


def from_the_right(*factors: Any) -> Any:
    """A product whose last factor is a vector."""
    return functools.reduce(lambda done, f: f @ done, reversed(factors))


def highest_rank(nodes: Sequence[Any]) -> int:
    """The most axes that a value has."""
    return max((out.type.ndim for node in nodes for out in node.outputs), default=0)
