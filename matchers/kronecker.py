"""The Kronecker product and its adjoints."""

from __future__ import annotations

import functools
import operator
from typing import Any

import pytensor.tensor as pt
from pytensor.tensor import linalg

from matchers.algebra import Shape, eye, linear
from matchers.dims import broadcast
from matchers.heads import Head
from matchers.terms import Term, shape


def _kron_shape(*xs: Any) -> Shape:
    shapes = [shape(x) for x in xs]
    times = functools.partial(functools.reduce, operator.mul)
    return (
        times([s[0] for s in shapes]),
        times([s[1] for s in shapes]),
        broadcast(s[2] for s in shapes),
    )


def _kron_build(*xs: Any) -> Any:
    def one(x: Any, y: Any) -> Any:
        if x.type.ndim == y.type.ndim == 2:
            return linalg.kron(x, y)
        return pt.vectorize(linalg.kron, "(a,b),(c,d)->(e,f)")(x, y)

    return functools.reduce(one, xs)


def _kron_normal(head: Head, args: tuple[Any, ...]) -> Any:
    """Linear in each factor; of identities the identity."""
    made = linear()(head, args)
    if isinstance(made, Term) and made.head is head and all([_is_eye(a) for a in made.args]):
        return eye(_kron_shape(*made.args)[0])
    return made


def _is_eye(x: Any) -> bool:
    return isinstance(x, Term) and x.head is eye


kron = Head("kron", _kron_build, _kron_shape, _kron_normal, flat=True, template=" ⊗ ", precedence=4)


def _blocks(g: Any, a: Any, b: Any) -> Any:
    """`g` as blocks of the shape of `b`, as many as `a` has entries."""
    (m, n), (p, q) = (a.shape[-2], a.shape[-1]), (b.shape[-2], b.shape[-1])
    batch = tuple(g.shape[i] for i in range(g.type.ndim - 2))
    return g.reshape((*batch, m, p, n, q))


# The two adjoints of the Kronecker product, which are what its gradient is made of: the matrix of
# the inner products of the blocks of G with B, and the sum of the blocks of G weighted with A.
kron_adjoint_left = Head(
    "kron_adjoint_left",
    lambda g, a, b: (_blocks(g, a, b) * b[..., None, :, None, :]).sum(axis=(-3, -1)),
    lambda g, a, b: shape(a),
    linear(0, 2),
    template="adjoint({0}, ·, {2})",
)
kron_adjoint_right = Head(
    "kron_adjoint_right",
    lambda g, a, b: (_blocks(g, a, b) * a[..., :, None, :, None]).sum(axis=(-4, -2)),
    lambda g, a, b: shape(b),
    linear(0, 1),
    template="adjoint({0}, {1}, ·)",
)
