"""Random expressions of linear algebra, as users write them, with values for their leaves."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor import linalg

import kantor

# The lengths of axes; a Kronecker product is m·k long.
SIZES = {"m": 2, "n": 6, "k": 3}
LENGTHS = tuple(SIZES)


class Leaf(NamedTuple):
    """An input, and what it stands for in the expression, which may be declared of it."""

    var: Any
    seen: Any
    value: Any


class Expressions:
    """Draws expressions; leaves of one kind are drawn again and again, so that parts repeat.

    Parameters
    ----------
    seed : int
    static : bool
        Whether lengths are known from the types.
    dtype : str
    sizes : dict, optional
        The lengths of axes; `n` is m·k.
    """

    def __init__(
        self,
        seed: int,
        static: bool = True,
        dtype: str = "float64",
        sizes: dict[str, int] = SIZES,
    ) -> None:
        self.sizes = sizes
        self.random = Random(seed)
        self.values = np.random.default_rng(seed)
        self.static = static
        self.dtype = dtype
        self.leaves: dict[tuple[Any, ...], Leaf] = {}

    # --- leaves -----------------------------------------------------------------------------------

    def _leaf(self, kind: str, *axes: str) -> Any:
        which = self.random.randrange(2)
        key = (kind, *axes, which)
        if key not in self.leaves:
            lengths = tuple(self.sizes[a] for a in axes)
            value = np.asarray(self._value(kind, lengths), self.dtype)
            shape = lengths if self.static else (None,) * len(lengths)
            name = f"{kind}{which}_{''.join(axes)}"
            var = pt.tensor(name, shape=shape, dtype=self.dtype)
            declared = {} if kind in ("plain", "regular") else {kind: True}
            self.leaves[key] = Leaf(var, kantor.assume(var, **declared) if declared else var, value)
        return self.leaves[key].seen

    def _value(self, kind: str, lengths: tuple[int, ...]) -> Any:
        x = self.values.standard_normal(lengths)
        if kind == "positive":
            return np.exp(0.3 * x)
        if kind == "regular":
            return x + 3 * np.eye(lengths[0])
        if kind == "positive_definite":
            return x @ x.T / lengths[0] + np.eye(lengths[0])
        if kind == "orthogonal":
            return np.linalg.qr(x)[0]
        if kind == "lower_triangular":
            return np.tril(x) + 3 * np.eye(lengths[0])
        return x

    # --- expressions ------------------------------------------------------------------------------

    def _any(self, choices: list[Callable[[], Any]]) -> Any:
        return self.random.choice(choices)()

    def _length(self) -> str:
        return self.random.choice(LENGTHS)

    def number(self, depth: int) -> Any:
        """A 0-d expression."""
        if not depth:
            return self._any([
                lambda: self._leaf("plain"),
                lambda: self._leaf("positive"),
                lambda: pt.constant(self.random.choice([-1.0, 0.5, 2.0]), dtype=self.dtype),
            ])  # fmt: skip
        n, m, d = self._length(), self._length(), depth - 1
        return self._any([
            lambda: self.vector(d, n) @ self.vector(d, n),
            lambda: self.vector(d, n).sum(),
            lambda: self.matrix(d, n, m).sum(),
            lambda: (self.matrix(d, n, m) * self.matrix(d, n, m)).sum(),
            lambda: (self.vector(d, n) ** 2).sum(),
            lambda: linalg.trace(self.matrix(d, n, n)),
            lambda: linalg.trace(self.product(d, n, n)),
            lambda: self._reduced(self.product(d, n, m)),
            lambda: linalg.slogdet(self.regular(d, n))[1],
            lambda: pt.log(pt.abs(linalg.det(self.regular(d, n)))),
            lambda: self.number(d) * self.number(d),
            lambda: self.number(d) - self.number(d),
            lambda: self.matrix(d, n, m).mean(),
        ])  # fmt: skip

    def vector(self, depth: int, n: str) -> Any:
        """A 1-d expression."""
        if not depth:
            return self._leaf(self.random.choice(["plain", "positive"]), n)
        m, d = self._length(), depth - 1
        return self._any([
            lambda: self.matrix(d, n, m) @ self.vector(d, m),
            lambda: self.vector(d, m) @ self.matrix(d, m, n),
            lambda: linalg.solve(self.regular(d, n), self.vector(d, n), b_ndim=1),
            lambda: linalg.inv(self.regular(d, n)) @ self.vector(d, n),
            lambda: self.vector(d, n) + self.vector(d, n),
            lambda: self.vector(d, n) - self.vector(d, n),
            lambda: self.vector(d, n) * self.vector(d, n),
            lambda: self.number(d) * self.vector(d, n),
            lambda: -self.vector(d, n),
            lambda: pt.diag(self.matrix(d, n, n)),
            lambda: pt.diag(self.product(d, n, n)),
            lambda: self._any([
                lambda: self.product(d, n, m).sum(axis=1),
                lambda: self.product(d, m, n).max(axis=0),
                lambda: self.product(d, n, m)[:, 0],
                lambda: self.product(d, m, n)[1],
                lambda: self.product(d, n, m) @ self.vector(d, m),
            ]),
            lambda: self.matrix(d, n, m).sum(axis=1),
            lambda: self.matrix(d, m, n).mean(axis=0),
            lambda: self.matrix(d, n, m)[:, 0],
            lambda: self.matrix(d, m, n)[-1],
            *self._of_kron_vector(d, n),
        ])  # fmt: skip

    def matrix(self, depth: int, n: str, m: str) -> Any:
        """A 2-d expression."""
        if not depth:
            if n == m and self.random.random() < 0.5:
                return self.regular(0, n)
            return self._leaf("plain", n, m)
        k, d = self._length(), depth - 1
        square = [lambda: self.regular(depth, n)] if n == m else []
        return self._any([
            lambda: self.matrix(d, n, k) @ self.matrix(d, k, m),
            lambda: self.matrix(d, n, k) @ self.matrix(d, k, m),
            lambda: self.matrix(d, m, n).T,
            lambda: self.matrix(d, n, m) + self.matrix(d, n, m),
            lambda: self.matrix(d, n, m) - self.matrix(d, n, m),
            lambda: self.number(d) * self.matrix(d, n, m),
            lambda: self.matrix(d, n, m) / self._leaf("positive"),
            lambda: self.matrix(d, n, m) * self.matrix(d, n, m),
            lambda: pt.outer(self.vector(d, n), self.vector(d, m)),
            lambda: self.vector(d, n)[:, None] * self.matrix(d, n, m),
            lambda: self.matrix(d, n, m) * self.vector(d, m)[None, :],
            lambda: linalg.solve(self.regular(d, n), self.matrix(d, n, m)),
            lambda: linalg.inv(self.regular(d, n)) @ self.matrix(d, n, m),
            lambda: self.matrix(d, n, m) @ linalg.inv(self.regular(d, m)),
            *square,
            *self._of_kron(d, n, m),
        ])  # fmt: skip

    def product(self, depth: int, n: str, m: str) -> Any:
        """A product of what has a structure, of which little may be asked for."""
        k = n if self.random.random() < 0.7 else self._length()
        left, right = self._structured(depth, n, k), self._structured(depth, k, m)
        return left @ right if self.random.random() < 0.8 else (right.T @ left.T).T

    def _structured(self, depth: int, n: str, m: str) -> Any:
        """A Kronecker product, blocks, a diagonal, an inverse or a product of any."""
        d = max(depth - 1, 0)
        if n != m:
            return self.matrix(d, n, m)
        return self._any([
            *self._of_kron(d, n, m),
            *self._of_kron_square(n),
            *self._of_blocks(n),
            lambda: pt.diag(self.vector(d, n)),
            lambda: linalg.inv(self.regular(d, n)),
            lambda: self.regular(d, n),
            lambda: self.regular(d, n) @ self.regular(0, n),
        ])  # fmt: skip

    def _reduced(self, x: Any) -> Any:
        """A number made of the entries of a matrix, or of one of them."""
        return self._any([
            lambda: x.sum(),
            lambda: x.max(),
            lambda: x[0, 0],
            lambda: x[1, -1],
            lambda: (x * x).sum(),
            lambda: x.mean(),
            lambda: x[0].sum(),
            lambda: x[:, 0].sum(),
            lambda: pt.diag(x).prod(),
        ])  # fmt: skip

    def regular(self, depth: int, n: str) -> Any:
        """A matrix that has an inverse, unless the draw is unlucky."""
        if not depth:
            kinds = ["regular", "regular", "positive_definite", "orthogonal", "lower_triangular"]
            return self._leaf(self.random.choice(kinds), n, n)
        m, d = self._length(), depth - 1
        return self._any([
            lambda: self.regular(d, n) @ self.regular(d, n),
            lambda: self.regular(d, n).T,
            lambda: linalg.inv(self.regular(d, n)),
            lambda: self._leaf("positive") * self.regular(d, n),
            lambda: pt.diag(self._leaf("positive", n)),
            lambda: pt.diag(self._leaf("positive", n)) + self._gram(d, n, m),
            lambda: self._leaf("positive") * pt.eye(self.sizes[n], dtype=self.dtype)
            + self._gram(d, n, m),
            lambda: self.regular(d, n) + pt.outer(self.vector(d, n), self.vector(d, n)),
            lambda: linalg.cholesky(self._leaf("positive_definite", n, n)),
            lambda: self._leaf("positive_definite", n, n)
            + self._leaf("positive") * pt.eye(self.sizes[n], dtype=self.dtype),
            *self._of_kron_square(n),
            *self._of_blocks(n),
        ])  # fmt: skip

    def _gram(self, depth: int, n: str, m: str) -> Any:
        x = self.matrix(min(depth, 1), n, m)
        return x @ x.T

    # Lengths that are products or sums of others: 6 = 2·3 and 3 = 2 + 1.

    def _of_kron_vector(self, depth: int, n: str) -> list[Callable[[], Any]]:
        if n != "n":
            return []
        return [
            lambda: (
                linalg.kron(self.matrix(depth, "m", "m"), self.matrix(depth, "k", "k"))
                @ self.vector(depth, "n")
            ),
            lambda: self.matrix(depth, "m", "k").ravel(),
            lambda: linalg.solve(
                linalg.kron(self.regular(0, "m"), self.regular(0, "k")),
                self.vector(depth, "n"),
                b_ndim=1,
            ),
        ]

    def _of_kron(self, depth: int, n: str, m: str) -> list[Callable[[], Any]]:
        if n == "n" and m == "n":
            return [lambda: linalg.kron(self.matrix(depth, "m", "m"), self.matrix(depth, "k", "k"))]
        if (n, m) == ("m", "k"):
            return [lambda: self.vector(depth, "n").reshape((self.sizes["m"], self.sizes["k"]))]
        return []

    def _of_kron_square(self, n: str) -> list[Callable[[], Any]]:
        if n != "n":
            return []
        definite = self._leaf
        return [
            lambda: linalg.kron(self.regular(1, "m"), self.regular(1, "k")),
            lambda: (
                linalg.kron(
                    definite("positive_definite", "m", "m"), definite("positive_definite", "k", "k")
                )
                + self._leaf("positive") * pt.eye(self.sizes[n], dtype=self.dtype)
            ),
        ]

    def _of_blocks(self, n: str) -> list[Callable[[], Any]]:
        if n != "n" or self.sizes != SIZES:
            return []
        return [
            lambda: linalg.block_diag(self.regular(0, "k"), self.regular(0, "k")),
            lambda: linalg.block_diag(
                self.regular(0, "m"), self.regular(0, "m"), self.regular(0, "m")
            ),
        ]


__all__ = ["SIZES", "Expressions", "Leaf"]
