"""Ten relations of the library, and five hundred: the same ten and 490 that are made up.

The made-up ones state no identity. Each has a left side of its own, a combination of heads that no
model here holds, so they may only cost the time in which they are ruled out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice, product
from typing import Any

from matchers import vocabulary as v
from matchers.conditions import same_shape, square
from relations.language import matrices
from relations.library import library
from relations.relation import Relation

A, B, C = matrices("A B C")
NAMES = (
    "inverse_of_product", "inverse_of_inverse", "cancel_left", "inverse_of_orthogonal",
    "inverse_of_kron", "kron_matvec", "cholesky_of_kron", "logabsdet_of_kron", "trace_of_kron",
    "elementwise_product_of_krons",
)  # fmt: skip
MANY = 500

# What stands at the root, over three square matrices.
OUTER: tuple[Callable[[Any, Any, Any], Any], ...] = (
    lambda a, b, c: a @ b @ c,
    lambda a, b, c: a + b + c,
    lambda a, b, c: v.mul(a, b) @ c,
    lambda a, b, c: v.inverse(a @ b) @ c,
    lambda a, b, c: v.inverse(a + b) @ c,
    lambda a, b, c: v.inverse(a @ b + c),
    lambda a, b, c: v.cholesky(a @ b + c),
    lambda a, b, c: v.expm(a + b @ c),
    lambda a, b, c: a @ v.inverse(b) + c,
    lambda a, b, c: a + v.mul(b, c),
)
# What stands below, each rare enough to tell one relation from the next.
INNER: tuple[Callable[[Any], Any], ...] = (
    lambda a: v.expm(a),
    lambda a: v.expm(v.inverse(a)),
    lambda a: v.expm(a @ a.T),
    lambda a: v.cholesky(v.expm(a)),
    lambda a: v.discrete_lyapunov(a, a),
    lambda a: v.sylvester(a, a, a),
    lambda a: v.diag(v.diagonal(v.expm(a))),
    lambda a: v.inverse(v.expm(a) + a),
)


def ten() -> tuple[Relation, ...]:
    """Ten relations of the library."""
    by_name = {r.name: r for r in library()}
    return tuple(by_name[name] for name in NAMES)


def five_hundred() -> tuple[Relation, ...]:
    """The ten, and as many made-up ones as it takes, ten of the real ones last."""
    return (*islice(made_up(), MANY - len(NAMES)), *ten())


def made_up() -> Iterator[Relation]:
    """Relations with distinct left sides."""
    met = set()
    for i, (f, g, h) in enumerate(product(INNER, repeat=3)):
        for j, outer in enumerate(OUTER):
            lhs = outer(f(A), g(B), h(C))
            if lhs in met:
                continue
            met.add(lhs)
            yield Relation(
                name=f"made_up_{i}_{j}",
                lhs=lhs,
                rhs=v.mul(f(A), g(B), h(C)),
                conditions=(square(A), square(B), same_shape(A, B, C)),
                tags=("kantor:made_up",),
                doc="No identity: a left side that takes time to rule out.",
            )
