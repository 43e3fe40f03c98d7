"""What determinants, traces and quadratic forms become: powers, logarithms and Gram matrices.

These heads stand on right sides, and nothing but a sum of logarithms is read as one. A power by a
length, and its logarithm, have their value at length 0 whatever the coefficient is: the determinant
of an empty matrix is 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor import linalg

from matchers.algebra import eye, linear, size, transpose
from matchers.dims import ONE, broadcast
from matchers.heads import Head
from matchers.terms import Term, intern, shape


def of_transpose(head: Head, args: tuple[Any, ...]) -> Any:
    """The normal form of what a matrix and its transpose have in common."""
    (x,) = args
    return intern(head, (x.args[0],) if isinstance(x, Term) and x.head is transpose else args)


def trace_normal(head: Head, args: tuple[Any, ...]) -> Any:
    """Linear, the same for a transpose, and of an identity its order."""
    (x,) = args
    if isinstance(x, Term) and x.head is eye:
        return size(x.args[0])
    if isinstance(x, Term) and x.head is transpose:
        args = x.args
    return linear()(head, args)


def _regular(c: Any, n: Any) -> Any:
    """`c`, or 1 for the power 0, where neither a logarithm nor a gradient is to see a zero."""
    # An array, since PyTensor makes a float32 of a Python number that fits.
    c = pt.as_tensor(np.asarray(c) if isinstance(c, (int, float, complex)) else c)
    return pt.switch(pt.eq(n, 0), pt.ones((), dtype=c.type.dtype), c)


# A coefficient to the power of a length.
power = Head(
    "power",
    lambda c, n: pt.pow(_regular(c, n), n),
    lambda c, n: (ONE, ONE, ()),
    template="{0}^{1}",
    precedence=8,
)
# The logarithm of its absolute value, which has a value where the power over- or underflows.
log_power = Head(
    "log_power",
    lambda c, n: n * pt.log(pt.abs(_regular(c, n))),
    lambda c, n: (ONE, ONE, ()),
    template="{1} log|{0}|",
)
# The logarithm of the absolute value of the product of the diagonal.
log_diagonal = Head(
    "log_diagonal",
    lambda x: pt.log(pt.abs(pt.diagonal(x, axis1=-2, axis2=-1))).sum(axis=-1),
    lambda x: (ONE, ONE, shape(x)[2]),
    of_transpose,
    template="Σ log|diagonal({0})|",
)


def _gram_build(w: Any) -> Any:
    if w.type.broadcastable[-1]:
        return (w * w).sum(axis=-2, keepdims=True)
    return pt.dot(w.T, w) if w.type.ndim == 2 else pt.matmul(w.mT, w)


# Wᵀ W with W computed once, where a product would be flat and hold it twice.
gram = Head(
    "gram",
    _gram_build,
    lambda w: (shape(w)[1], shape(w)[1], shape(w)[2]),
    template="gram({0})",
    symmetric=True,
)


def _det_powers_build(a: Any, p: Any, b: Any, q: Any) -> Any:
    sign, log = linalg.slogdet(a)
    other_sign, other_log = linalg.slogdet(b)
    signs = sign**p * other_sign**q
    # To the power 0 a determinant is 1, also where it has no logarithm.
    logs = pt.switch(pt.eq(p, 0), 0.0, p * log) + pt.switch(pt.eq(q, 0), 0.0, q * other_log)
    return (signs * pt.exp(logs)).astype(log.type.dtype)


# det(A)ᵖ det(B)^q by signs and logarithms, which have a value where a determinant overflows.
det_powers = Head(
    "det_powers",
    _det_powers_build,
    lambda a, p, b, q: (ONE, ONE, broadcast([shape(a)[2], shape(b)[2]])),
    template="det({0})^{1} det({2})^{3}",
)
det_powers.reduces = True
