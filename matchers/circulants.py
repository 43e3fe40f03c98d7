"""Circulant and Toeplitz matrices: heads of what is constant along its diagonals.

C = circulant(c) has cᵢ₋ⱼ in row i and column j, counted round; Cᵀ is the circulant of c mirrored.
T = toeplitz(c, r) has the first column c and, but for the diagonal, the first row r.

The builders here say what is meant, by the matrix itself; `lowering.fourier` and
`lowering.levinson` have Ops that do the same without it.
"""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
from pytensor.tensor import linalg

from matchers.algebra import FLIPPED, Shape, add, eye, linear, matmul, scale
from matchers.dims import ONE, broadcast
from matchers.heads import Head
from matchers.terms import Term, intern, shape

# --- columns --------------------------------------------------------------------------------------


def _mirrored_normal(head: Head, args: tuple[Any, ...]) -> Any:
    (x,) = args
    if isinstance(x, Term):
        if x.head is mirrored:
            return x.args[0]
        if x.head is first:
            return x
        if x.head is add:
            return add(*map(mirrored, x.args))
    return linear()(head, args)


# The first entry, then all others from the last on.
mirrored = Head(
    "mirrored",
    lambda c: pt.concatenate([c[..., :1, :], c[..., :0:-1, :]], axis=-2),
    shape,
    _mirrored_normal,
    template="mirrored({0})",
)
# The first column of an identity, which may be empty.
first = Head("first", lambda n: pt.eye(n, 1), lambda n: (n, ONE, ()), template="e₀")


def _column_shape(x: Any) -> Shape:
    rows, _, batch = shape(x)
    return rows, ONE, batch


def _lead_normal(head: Head, args: tuple[Any, ...]) -> Any:
    (x,) = args
    if isinstance(x, Term):
        if x.head is scale and not x.scalar:
            return scale(x.args[0], lead(x.args[1]))
        if x.head in DISPLACED:
            return x.args[0]
        if x.head is eye:
            return first(x.args[0])
        if x.head is add:
            return add(*map(lead, x.args))
        if x.head is matmul:
            return matmul(*x.args[:-1], lead(x.args[-1]))
    return intern(head, args)


# The first column of a matrix; of one without columns it is empty as well.
lead = Head(
    "lead",
    lambda x: x[..., :1].sum(axis=-1, keepdims=True),
    _column_shape,
    _lead_normal,
    template="{0} e₀",
)


# --- matrices -------------------------------------------------------------------------------------


def _difference(m: Any, n: Any) -> Any:
    return pt.arange(m)[:, None] - pt.arange(n)[None, :]


def _gathered(c: Any, index: Any) -> Any:
    entries = pt.squeeze(c, -1) if c.type.broadcastable[-1] else c[..., 0]
    return entries[..., index] if entries.type.ndim > 1 else entries[index]


def _circulant_build(c: Any) -> Any:
    n = c.shape[-2]
    return _gathered(c, _difference(n, n) % n)


circulant = Head(
    "circulant",
    _circulant_build,
    lambda c: (shape(c)[0], shape(c)[0], shape(c)[2]),
    linear(),
    template="circulant({0})",
)
FLIPPED[circulant] = lambda t: circulant(mirrored(t.args[0]))


def _toeplitz_normal(head: Head, args: tuple[Any, ...]) -> Any:
    """A coefficient that both columns have stands outside."""
    c, r = args
    scaled = all([isinstance(x, Term) and x.head is scale and not x.scalar for x in args])
    if scaled and c.args[0] is r.args[0]:
        return scale(c.args[0], toeplitz(c.args[1], r.args[1]))
    return intern(head, args)


def _toeplitz_build(c: Any, r: Any) -> Any:
    away = _difference(c.shape[-2], r.shape[-2])
    m, n = c.shape[-2], r.shape[-2]
    below = _gathered(c, pt.clip(away, 0, m - 1))
    return pt.switch(away >= 0, below, _gathered(r, pt.clip(-away, 0, n - 1)))


def _toeplitz_shape(c: Any, r: Any) -> Shape:
    (m, _, batch), (n, _, batches) = shape(c), shape(r)
    return m, n, broadcast((batch, batches))


toeplitz = Head(
    "toeplitz", _toeplitz_build, _toeplitz_shape, _toeplitz_normal, template="toeplitz({0}, {1})"
)
FLIPPED[toeplitz] = lambda t: t if t.args[0] is t.args[1] else None


# --- what is done with them -----------------------------------------------------------------------

# circulant(c) X, and circulant(c)⁻¹ X.
convolved = Head(
    "convolved",
    lambda c, x: _product(_circulant_build(c), x),
    lambda c, x: shape(x),
    template="{0} ∗ {1}",
    precedence=5,
)
deconvolved = Head(
    "deconvolved",
    lambda c, x: linalg.solve(_circulant_build(c), x, b_ndim=2),
    lambda c, x: shape(x),
    template="deconvolved({0}, {1})",
)
# T X and Tᵀ X for T = toeplitz(c, r).
toeplitz_dot = Head(
    "toeplitz_dot",
    lambda c, r, x: _product(_toeplitz_build(c, r), x),
    lambda c, r, x: (shape(c)[0], *shape(x)[1:]),
    template="toeplitz({0}, {1}) ∗ {2}",
    precedence=5,
)
transposed_toeplitz_dot = Head(
    "transposed_toeplitz_dot",
    lambda c, r, x: _product(_toeplitz_build(c, r).mT, x),
    lambda c, r, x: (shape(r)[0], *shape(x)[1:]),
    template="toeplitz({0}, {1})ᵀ ∗ {2}",
    precedence=5,
)
# T⁻¹ X for a positive definite T = toeplitz(c, c).
levinson = Head(
    "levinson",
    lambda c, x: linalg.solve(_toeplitz_build(c, c), x, b_ndim=2),
    lambda c, x: shape(x),
    template="levinson({0}, {1})",
)


def _product(x: Any, y: Any) -> Any:
    return pt.dot(x, y) if x.type.ndim == y.type.ndim == 2 else pt.matmul(x, y)


def _of_column(c: Any) -> Shape:
    return ONE, ONE, shape(c)[2]


# The determinant of circulant(c), and the logarithm of its magnitude.
circulant_det = Head(
    "circulant_det", lambda c: linalg.det(_circulant_build(c)), _of_column,
    template="det(circulant({0}))",
)  # fmt: skip
circulant_logabsdet = Head(
    "circulant_logabsdet", lambda c: linalg.slogdet(_circulant_build(c))[1], _of_column,
    template="log|circulant({0})|",
)  # fmt: skip
circulant_det.reduces = circulant_logabsdet.reduces = True
DISPLACED = (circulant, toeplitz)
