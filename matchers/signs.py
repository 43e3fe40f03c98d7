"""Determinants as a sign and a logarithm, which neither over- nor underflow.

A determinant of several factors is a product of signs and the exponential of a sum of logarithms:
it has a value wherever the determinant has one, also where that of a factor does not fit.
"""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
from pytensor import config
from pytensor.gradient import DisconnectedType
from pytensor.tensor import linalg
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.linalg.summary import SLogDet

from matchers.algebra import eye
from matchers.dims import ONE
from matchers.heads import Head
from matchers.leaves import Number, number
from matchers.terms import Term, intern, shape


def _sign_normal(head: Head, args: tuple[Any, ...]) -> Any:
    """The sign of a determinant: 1 of the identity, the same for a transpose."""
    (x,) = args
    if isinstance(x, Term) and x.head.name == "transpose":
        (x,) = x.args
    if isinstance(x, Term) and x.head is eye:
        return number(1)
    return intern(head, (x,))


class SignedLogDet(SLogDet):
    """PyTensor's Op, which it uses after gradients only, with a gradient.

    What ``pt.linalg.slogdet`` makes is a determinant and its logarithm at first, and stays that
    where the determinant has another use: it would overflow.
    """

    def pullback(self, inputs: Any, outputs: Any, g_outputs: Any) -> list[Any]:
        """Of the logarithm it is A⁻ᵀ; the sign is constant."""
        g = g_outputs[1]
        if isinstance(g.type, DisconnectedType):
            return [inputs[0].zeros_like()]
        inverse: Any = linalg.inv(inputs[0])
        return [g * inverse.T]


signed_logdet: Any = Blockwise(SignedLogDet())


def _sign_build(x: Any) -> Any:
    return pt.sign(x[..., 0, 0]) if all(x.type.broadcastable[-2:]) else signed_logdet(x)[0]


# The sign of a determinant: -1, 0 or 1. Right sides only; its logarithm is there already.
det_sign = Head(
    "det_sign", _sign_build, lambda x: (ONE, ONE, shape(x)[2]), _sign_normal, template="sgn|{0}|"
)
det_sign.reduces = True


def _power_sign_normal(head: Head, args: tuple[Any, ...]) -> Any:
    c, n = args
    if isinstance(c, (int, float)):
        c = number(c)
    if isinstance(c, Number) and not isinstance(c.value, complex):
        if c.value > 0:
            return number(1)
        if c.value < 0 and getattr(n, "known", False):
            return number(-1 if n.coef % 2 else 1)
    return intern(head, (c, n))


def _power_build(c: Any, n: Any) -> Any:
    c = pt.as_tensor(c)
    # An integer is no power of a real number to multiply with: it would be rounded to one.
    return pt.sign(c if c.type.dtype.startswith("float") else pt.cast(c, config.floatX)) ** n


# The sign of a coefficient to the power of a length: 1 at length 0.
power_sign = Head(
    "power_sign",
    _power_build,
    lambda c, n: (ONE, ONE, ()),
    _power_sign_normal,
    template="sgn({0})^{1}",
)
power_sign.reduces = True
