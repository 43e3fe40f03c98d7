"""The algebra of terms: products, coefficients, sums, transposes and inverses, in normal form.

The normal form is what the view identifies by itself, for every relation: products and sums are
flat, products have no identity factor, coefficients stand outside of products as one, and a
transpose stands on the leaves. Whatever else is equal is said in `relations`.

Builders take matrices: variables whose last two axes are rows and columns, after any batch axes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor import linalg
from pytensor.tensor.elemwise import DimShuffle

from matchers.dims import ONE, Dim, broadcast
from matchers.heads import Head
from matchers.leaves import Atom, Number, number
from matchers.terms import Term, intern, is_scalar, shape
from matchers.variables import LogicVar

Shape = tuple[Dim, Dim, tuple[Dim, ...]]


def as_matrix(var: Any, core: int) -> Any:
    """The variable as a matrix: a vector becomes a column; a 0-d value stays as it is."""
    return _column(var.type.ndim)(var) if core == 1 else var


@functools.lru_cache
def _column(ndim: int) -> DimShuffle:
    return DimShuffle(input_ndim=ndim, new_order=(*range(ndim), "x"))


def _lift(x: Any) -> Any:
    """An operand of a head: numbers are interned."""
    return number(x) if isinstance(x, (int, float, complex, np.number)) else x


# --- products ---------------------------------------------------------------------------------


def _matmul_normal(head: Head, args: tuple[Any, ...]) -> Any:
    factors: list[Any] = []
    coefs: list[Any] = []
    unit: Any = None
    nothing = False
    stack = list(reversed(args))
    while stack:
        x = stack.pop()
        if isinstance(x, Term):
            if x.head is matmul:
                stack.extend(reversed(x.args))
                continue
            if x.head is scale and not x.scalar:
                coefs.append(x.args[0])
                stack.append(x.args[1])
                continue
            if x.head is eye:
                unit = x if unit is None else unit
                continue
            if x.head is zeros:
                nothing = True
        factors.append(x)
    if nothing and (made := _no_product(args)) is not None:
        return made
    if not factors:
        product: Any = unit
        if product is None:
            raise ValueError("a product needs at least one factor")
    elif len(factors) == 1:
        product = factors[0]
    else:
        product = intern(matmul, tuple(factors))
    for c in reversed(coefs):
        product = scale(c, product)
    return product


def _no_product(args: tuple[Any, ...]) -> Any:
    """The zeros that a product with zeros is, where all operands are there to tell its shape."""
    if not all([isinstance(x, Term) and x.ground for x in args]):
        return None
    rows, cols, batch = _matmul_shape(*args)
    return None if batch else zeros(rows, cols)


def _matmul_shape(*xs: Any) -> Shape:
    first, last = shape(xs[0]), shape(xs[-1])
    return first[0], last[1], broadcast(shape(x)[2] for x in xs)


def _product(x: Any, y: Any) -> Any:
    return pt.dot(x, y) if x.type.ndim == y.type.ndim == 2 else pt.matmul(x, y)


matmul = Head(
    "matmul",
    lambda *xs: functools.reduce(_product, xs),
    _matmul_shape,
    _matmul_normal,
    flat=True,
    precedence=5,
)


# --- coefficients -----------------------------------------------------------------------------


def _scale_normal(head: Head, args: tuple[Any, ...]) -> Any:
    c, x = _lift(args[0]), _lift(args[1])
    if isinstance(x, Term) and x.head is scale:
        c, x = _coefficient(c, x.args[0]), x.args[1]
    if isinstance(x, Term) and x.head is zeros:
        return x
    if isinstance(c, Number):
        if c.value == 1:
            return x
        if isinstance(x, Number):
            return number(c.value * x.value)
    elif isinstance(x, Number):
        c, x = x, c
        if c.value == 1:
            return x
    if is_scalar(x) and not isinstance(c, Number):
        return mul(c, x)
    if isinstance(c, Term) and c.head is scale:
        # One number in front of one symbolic coefficient: c·(d·X) with c a number.
        return intern(scale, (c.args[0], _scale_normal(head, (c.args[1], x))))
    return intern(scale, (c, x))


def _coefficient(c: Any, d: Any) -> Any:
    if isinstance(c, Number) and isinstance(d, Number):
        return number(c.value * d.value)
    if isinstance(c, Number) or isinstance(d, Number):
        return scale(c, d)
    return mul(c, d)


def _scale_build(c: Any, x: Any) -> Any:
    if isinstance(x, (int, float, complex)):
        return c * x
    if isinstance(c, (int, float, complex)):
        # Half of a length is no integer, and 1e30 of it would wrap around.
        real = x.type.ndim == 0 and x.type.dtype.startswith(("int", "uint"))
        c = np.asarray(c) if real else np.asarray(c).astype(x.type.dtype)
    elif c.type.dtype != x.type.dtype and not c.type.dtype.startswith("complex"):
        c = pt.cast(c, x.type.dtype)
    if c.ndim == 1 and x.type.ndim > 1:
        c = c[:, None, None]  # one coefficient for each member of a batch
    return pt.mul(c, x)


scale = Head(
    "scale", _scale_build, lambda c, x: shape(x), _scale_normal, template="{0}·{1}", precedence=6
)


def _reciprocal_normal(head: Head, args: tuple[Any, ...]) -> Any:
    c = _lift(args[0])
    if isinstance(c, Number) and c.value:
        return number(1 / c.value)
    if isinstance(c, Term) and c.head is reciprocal:
        return c.args[0]
    if isinstance(c, Term) and c.head.name == "ones":
        return c
    if isinstance(c, Term) and c.head is scale and c.scalar:
        return scale(reciprocal(c.args[0]), reciprocal(c.args[1]))
    return intern(head, (c,))


reciprocal = Head(
    "reciprocal",
    lambda c: pt.reciprocal(c) if not isinstance(c, (int, float, complex)) else 1 / c,
    shape,
    _reciprocal_normal,
    template="1/{0}",
    precedence=7,
)


def _size_normal(head: Head, args: tuple[Any, ...]) -> Any:
    (n,) = args
    return number(n.coef) if isinstance(n, Dim) and n.known else intern(head, (n,))


# A dimension as a coefficient.
size = Head("size", pt.as_tensor, lambda n: (ONE, ONE, ()), _size_normal, template="{0}")


# --- sums and elementwise products, which are multisets ----------------------------------------


def _is_zero(x: Any) -> bool:
    return isinstance(x, Term) and (x.head is zeros or (isinstance(x, Number) and x.value == 0))


def _add_normal(head: Head, args: tuple[Any, ...]) -> Any:
    terms: list[Any] = []
    stack = [_lift(a) for a in reversed(args)]
    while stack:
        x = stack.pop()
        if isinstance(x, Term) and x.head is add:
            stack.extend(reversed(x.args))
        elif isinstance(x, Term) and x.head is scale and _subtracts_sum(x):
            stack.extend([scale(-1, a) for a in reversed(x.args[1].args)])
        else:
            terms.append(x)
    if not terms:
        raise ValueError("a sum needs at least one summand")
    if any([_is_zero(x) for x in terms]):
        terms = [x for x in terms if not _is_zero(x)] or terms[:1]
    return terms[0] if len(terms) == 1 else intern(add, tuple(terms))


def _subtracts_sum(x: Term) -> bool:
    """Whether it is a sum with a minus in front, which has each summand subtracted."""
    c, inner = x.args
    return isinstance(c, Number) and c.value == -1 and isinstance(inner, Term) and inner.head is add


def _first_shape(*xs: Any) -> Shape:
    xs = tuple(x for x in xs if not (isinstance(x, LogicVar) and x.kind == "rest")) or xs
    shapes = [shape(x) for x in xs]
    return shapes[0][0], shapes[0][1], broadcast(s[2] for s in shapes)


add = Head(
    "add",
    lambda *xs: pt.add(*xs) if len(xs) > 1 else xs[0],
    _first_shape,
    _add_normal,
    flat=True,
    commutative=True,
    precedence=3,
    entrywise=True,
)


def _mul_normal(head: Head, args: tuple[Any, ...]) -> Any:
    factors: list[Any] = []
    coefs: list[Any] = []
    stack = [_lift(a) for a in reversed(args)]
    while stack:
        x = stack.pop()
        if isinstance(x, Term) and x.head is mul:
            stack.extend(reversed(x.args))
        elif isinstance(x, Term) and x.head is scale:
            coefs.append(x.args[0])
            stack.append(x.args[1])
        elif isinstance(x, Number):
            coefs.append(x)
        else:
            factors.append(x)
    factors = _cancelled(factors)
    if not factors:
        return functools.reduce(_coefficient, coefs, number(1))
    product = factors[0] if len(factors) == 1 else intern(mul, tuple(factors))
    for c in reversed(coefs):
        product = scale(c, product)
    return product


def _cancelled(factors: list[Any]) -> list[Any]:
    """Scalar factors without those that another one divides by, where there is a value at all."""
    for r in factors:
        # What a batch is divided by is one number for each member, and so would be the quotient.
        if isinstance(r, Term) and r.head is reciprocal and r.scalar and not shape(r)[2]:
            (by,) = r.args
            while isinstance(by, Atom) and by.definition is not None:
                by = by.definition
            left = [x for x in factors if x is not r]
            try:
                for x in by.args if isinstance(by, Term) and by.head is mul else (by,):
                    left.remove(x)
            except ValueError:
                continue  # some of it is not there
            return _cancelled(left + [r] * (factors.count(r) - 1))
    return factors


mul = Head(
    "mul",
    lambda *xs: pt.mul(*xs) if len(xs) > 1 else xs[0],
    _first_shape,
    _mul_normal,
    flat=True,
    commutative=True,
    precedence=6,
    entrywise=True,
)


# --- transposes and inverses: marks -------------------------------------------------------------


def _transpose_normal(head: Head, args: tuple[Any, ...]) -> Any:
    """Carry the transpose to the leaves; iterative, since terms may be deep."""
    (root,) = args
    if _carried(root) is None:
        return _transposed_leaf(root)
    done: dict[Any, Any] = {}
    stack: list[tuple[Any, bool]] = [(root, False)]
    while stack:
        x, ready = stack.pop()
        if x in done:
            continue
        inner = _carried(x)
        if inner is None:
            done[x] = _transposed_leaf(x)
        elif not ready:
            stack.append((x, True))
            stack.extend((a, False) for a in inner)
        elif x.head is matmul:
            done[x] = matmul(*(done[a] for a in reversed(x.args)))
        elif x.head is scale:
            done[x] = scale(x.args[0], done[x.args[1]])
        else:
            done[x] = TRANSPOSED.get(x.head, x.head)(*(done[a] for a in x.args))
    return done[root]


# What the transpose of a term is made of the transposes of its arguments by: [A B]ᵀ = [Aᵀ; Bᵀ].
TRANSPOSED: dict[Head, Head] = {}
# What the transpose of a term is by another identity, or None where it stays a transpose.
FLIPPED: dict[Head, Callable[[Term], Any]] = {}


def _carried(x: Any) -> tuple[Any, ...] | None:
    """The arguments that a transpose of `x` moves to, or None where it stays."""
    if not isinstance(x, Term) or x.scalar:
        return None
    if x.head is scale:
        return x.args[1:]
    carrying = x.head.entrywise or x.head in (matmul, inverse) or x.head in TRANSPOSED
    return x.args if carrying else None


def _transposed_leaf(x: Any) -> Any:
    if is_scalar(x) or (isinstance(x, Term) and x.head.symmetric):
        return x
    if isinstance(x, Atom) and x.symmetric:
        return x
    if isinstance(x, LogicVar) and x.kind in ("segment", "rest"):
        raise TypeError(f"{x} stands for several operands and cannot be transposed")
    if isinstance(x, Term) and x.head is transpose:
        return x.args[0]
    if isinstance(x, Term) and x.head is zeros:
        return zeros(x.args[1], x.args[0])
    if isinstance(x, Term) and x.head in FLIPPED and (flipped := FLIPPED[x.head](x)) is not None:
        return flipped
    return intern(transpose, (x,))


def _swapped(x: Any) -> Shape:
    rows, cols, batch = shape(x)
    return cols, rows, batch


transpose = Head(
    "transpose",
    lambda x: x if x.type.ndim < 2 else x.mT,
    _swapped,
    _transpose_normal,
    template="{0}ᵀ",
)


def _inverse_normal(head: Head, args: tuple[Any, ...]) -> Any:
    """An inverse; that of an identity, a multiple of it or a diagonal is of the same kind."""
    (x,) = args
    c, inner = x.args if isinstance(x, Term) and x.head is scale and not x.scalar else (1, x)
    if isinstance(inner, Term) and inner.head is eye:
        return scale(reciprocal(c), inner)
    if isinstance(inner, Term) and inner.head.name == "diag":
        return scale(reciprocal(c), inner.head.make(reciprocal(inner.args[0])))
    return intern(inverse, (x,))


inverse = Head("inverse", linalg.inv, _swapped, _inverse_normal, template="{0}⁻¹")


def _item_normal(head: Head, args: tuple[Any, ...]) -> Any:
    (x,) = args
    if isinstance(x, Term) and x.head is scale and not x.scalar:
        return _coefficient(x.args[0], item(x.args[1]))
    if isinstance(x, Term) and x.head is eye:
        return number(1)
    if isinstance(x, Term) and x.head.name == "cell":
        return x.args[0]
    return x if is_scalar(x) else intern(item, (x,))


def _item_build(x: Any) -> Any:
    if not x.type.ndim:  # a coefficient, which is one already
        return x
    return pt.squeeze(x, (-2, -1)) if all(x.type.broadcastable[-2:]) else x[..., 0, 0]


# A 1 × 1 matrix as the coefficient that it is.
item = Head(
    "item",
    _item_build,
    lambda x: (ONE, ONE, shape(x)[2]),
    _item_normal,
    template="{0}",
)


# --- shared normal forms, and the identity ---------------------------------------------------


def flat_normal(head: Head, args: tuple[Any, ...]) -> Any:
    """The normal form of an associative head: no operand has that head."""
    flat = [b for a in args for b in (a.args if isinstance(a, Term) and a.head is head else (a,))]
    return flat[0] if len(flat) == 1 else intern(head, tuple(flat))


def linear(*linear: int) -> Callable[[Head, tuple[Any, ...]], Any]:
    """The normal form of a head that is linear in some arguments: coefficients stand outside."""

    def normal(head: Head, args: tuple[Any, ...]) -> Any:
        coefs, plain = [], []
        for i, arg in enumerate(args):
            a, pulled = arg, not linear or i in linear
            # A number may stand in front of a symbolic coefficient.
            while pulled and isinstance(a, Term) and a.head is scale and not a.scalar:
                coefs.append(a.args[0])
                a = a.args[1]
            plain.append(a)
        made = flat_normal(head, tuple(plain)) if head.flat else intern(head, tuple(plain))
        for c in reversed(coefs):
            made = scale(c, made)
        return made

    return normal


def _eye_build(n: Any) -> Any:
    return pt.eye(n)


eye = Head("eye", _eye_build, lambda n: (n, n, ()), template="I", symmetric=True)
# Nothing but zeros: what is added to it or multiplied with it is left out.
zeros = Head("zeros", lambda m, n: pt.zeros((m, n)), lambda m, n: (m, n, ()), template="0")
