"""The mathematical vocabulary: every head of a term, its normal form, shape and builder.

The normal form is what the view identifies by itself, for every relation: products and sums are flat,
products have no identity factor, coefficients stand outside of products as one, a transpose stands
on the leaves, and a column is its own ``vec``. Whatever else is equal is said in `relations`.

Builders take matrices: variables whose last two axes are rows and columns, after any batch axes.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor import linalg

from matchers import dims
from matchers.dims import ONE, Dim, broadcast
from matchers.terms import (
    HEADS,
    Head,
    LogicVar,
    Number,
    Term,
    intern,
    is_scalar,
    number,
    rebuild,
    shape,
    subterms,
)

Shape = tuple[Dim, Dim, tuple[Dim, ...]]


def as_matrix(var: Any, core: int) -> Any:
    """The variable as a matrix: a vector becomes a column; a 0-d value stays as it is."""
    return pt.expand_dims(var, -1) if core == 1 else var


def _lift(x: Any) -> Any:
    """An operand of a head: numbers are interned."""
    return number(x) if isinstance(x, (int, float, complex, np.number)) else x


# --- products ---------------------------------------------------------------------------------


def _matmul_normal(head: Head, args: tuple[Any, ...]) -> Any:
    factors: list[Any] = []
    coefs: list[Any] = []
    unit: Any = None
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
        factors.append(x)
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


def _matmul_shape(*xs: Any) -> Shape:
    xs = tuple(x for x in xs if not (isinstance(x, LogicVar) and x.kind == "segment")) or xs
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
    if isinstance(c, Number):
        if c.value == 1:
            return x
        if isinstance(x, Number):
            return number(c.value * x.value)
    elif isinstance(x, Number):
        c, x = x, c
        if c.value == 1:
            return x
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
        c = np.asarray(c).astype(x.type.dtype)
    elif c.type.dtype != x.type.dtype:
        c = pt.cast(c, x.type.dtype)
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
    if isinstance(c, Term) and c.head is scale and c.scalar:
        return scale(reciprocal(c.args[0]), reciprocal(c.args[1]))
    return intern(head, (c,))


reciprocal = Head(
    "reciprocal",
    lambda c: pt.reciprocal(c) if not isinstance(c, (int, float, complex)) else 1 / c,
    lambda c: shape(c),
    _reciprocal_normal,
    template="1/{0}",
    precedence=7,
)


def _size_normal(head: Head, args: tuple[Any, ...]) -> Any:
    (n,) = args
    return number(n.coef) if isinstance(n, Dim) and n.known else intern(head, (n,))


# A dimension as a coefficient.
size = Head(
    "size", lambda n: pt.as_tensor(n), lambda n: (ONE, ONE, ()), _size_normal, template="{0}"
)


# --- sums and elementwise products, which are multisets ----------------------------------------


def _add_normal(head: Head, args: tuple[Any, ...]) -> Any:
    terms: list[Any] = []
    stack = [_lift(a) for a in reversed(args)]
    while stack:
        x = stack.pop()
        if isinstance(x, Term) and x.head is add:
            stack.extend(reversed(x.args))
        else:
            terms.append(x)
    if not terms:
        raise ValueError("a sum needs at least one summand")
    return terms[0] if len(terms) == 1 else intern(add, tuple(terms))


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
    if not factors:
        return functools.reduce(_coefficient, coefs)
    product = factors[0] if len(factors) == 1 else intern(mul, tuple(factors))
    for c in reversed(coefs):
        product = scale(c, product)
    return product


mul = Head(
    "mul",
    lambda *xs: pt.mul(*xs) if len(xs) > 1 else xs[0],
    _first_shape,
    _mul_normal,
    flat=True,
    commutative=True,
    precedence=6,
)


# --- transposes and inverses: marks -------------------------------------------------------------


def _transpose_normal(head: Head, args: tuple[Any, ...]) -> Any:
    """Carry the transpose to the leaves; iterative, since terms may be deep."""
    (root,) = args
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
            done[x] = x.head(*(done[a] for a in x.args))
    return done[root]


def _carried(x: Any) -> tuple[Any, ...] | None:
    """The arguments that a transpose of `x` moves to, or None where it stays."""
    if not isinstance(x, Term) or x.scalar:
        return None
    if x.head is scale:
        return x.args[1:]
    return x.args if x.head in (matmul, add, mul, inverse) else None


def _transposed_leaf(x: Any) -> Any:
    if is_scalar(x) or (isinstance(x, Term) and x.head in (eye, diag)):
        return x
    if isinstance(x, LogicVar) and x.kind in ("segment", "rest"):
        raise TypeError(f"{x} stands for several operands and cannot be transposed")
    if isinstance(x, Term) and x.head is transpose:
        return x.args[0]
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
    (x,) = args
    return x if isinstance(x, Term) and x.head is eye else intern(inverse, (x,))


inverse = Head("inverse", linalg.inv, _swapped, _inverse_normal, template="{0}⁻¹")


def _item_normal(head: Head, args: tuple[Any, ...]) -> Any:
    (x,) = args
    if isinstance(x, Term) and x.head is scale and not x.scalar:
        return _coefficient(x.args[0], item(x.args[1]))
    return x if is_scalar(x) else intern(item, (x,))


# A 1 × 1 matrix as the coefficient that it is.
item = Head(
    "item",
    lambda x: x[..., 0, 0],
    lambda x: (ONE, ONE, shape(x)[2]),
    _item_normal,
    template="{0}",
)


# --- structure ----------------------------------------------------------------------------------


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


def _flat_normal(head: Head, args: tuple[Any, ...]) -> Any:
    flat = [b for a in args for b in (a.args if isinstance(a, Term) and a.head is head else (a,))]
    return flat[0] if len(flat) == 1 else intern(head, tuple(flat))


def _linear(*linear: int) -> Callable[[Head, tuple[Any, ...]], Any]:
    """The normal form of a head that is linear in some arguments: coefficients stand outside."""

    def normal(head: Head, args: tuple[Any, ...]) -> Any:
        coefs, plain = [], []
        for i, a in enumerate(args):
            pulled = isinstance(a, Term) and a.head is scale and not a.scalar
            if pulled and (not linear or i in linear):
                coefs.append(a.args[0])
                a = a.args[1]
            plain.append(a)
        made = _flat_normal(head, tuple(plain)) if head.flat else intern(head, tuple(plain))
        for c in reversed(coefs):
            made = scale(c, made)
        return made

    return normal


kron = Head("kron", _kron_build, _kron_shape, _linear(), flat=True, template=" ⊗ ", precedence=4)


def _blocks(g: Any, a: Any, b: Any) -> Any:
    """`g` as blocks of the shape of `b`, as many as `a` has entries."""
    (m, n), (p, q) = (a.shape[-2], a.shape[-1]), (b.shape[-2], b.shape[-1])
    batch = tuple(g.shape[i] for i in range(g.type.ndim - 2))
    return g.reshape((*batch, m, p, n, q))


# The two adjoints of the Kronecker product, which are what its gradient is made of: the matrix of the
# inner products of the blocks of G with B, and the sum of the blocks of G weighted with A.
kron_adjoint_left = Head(
    "kron_adjoint_left",
    lambda g, a, b: (_blocks(g, a, b) * b[..., None, :, None, :]).sum(axis=(-3, -1)),
    lambda g, a, b: shape(a),
    _linear(0, 2),
    template="adjoint({0}, ·, {2})",
)
kron_adjoint_right = Head(
    "kron_adjoint_right",
    lambda g, a, b: (_blocks(g, a, b) * a[..., :, None, :, None]).sum(axis=(-4, -2)),
    lambda g, a, b: shape(b),
    _linear(0, 1),
    template="adjoint({0}, {1}, ·)",
)


def _eye_build(n: Any) -> Any:
    return pt.eye(n)


eye = Head("eye", _eye_build, lambda n: (n, n, ()), template="I")

# A column of ones.
ones = Head("ones", lambda n: pt.ones((n, 1)), lambda n: (n, ONE, ()), template="1")


def _reshape_normal(head: Head, args: tuple[Any, ...]) -> Any:
    x, rows, cols = args
    while isinstance(x, Term) and x.head is reshape:
        x = x.args[0]
    if isinstance(x, Term) and x.head is transpose and ONE in shape(x)[:2]:
        x = x.args[0]
    if isinstance(x, Term) and x.head is scale and not x.scalar:
        return scale(x.args[0], reshape(x.args[1], rows, cols))
    return x if shape(x)[:2] == (rows, cols) else intern(head, (x, rows, cols))


def _reshape_build(x: Any, rows: Any, cols: Any) -> Any:
    batch = tuple(x.shape[i] for i in range(x.type.ndim - 2))
    return x.reshape((*batch, rows, cols))


reshape = Head(
    "reshape",
    _reshape_build,
    lambda x, rows, cols: (rows, cols, shape(x)[2]),
    _reshape_normal,
)


def vec(x: Any) -> Any:
    """The entries of a matrix as a column, row after row."""
    rows, cols, _ = shape(x)
    return reshape(x, rows * cols, ONE)


def unvec(x: Any, rows: Any, cols: Any) -> Any:
    """A column as a matrix of the given shape, row after row; the inverse of `vec`."""
    return reshape(x, rows, cols)


def _blocks_shape(*xs: Any) -> Shape:
    rows, cols, batches = zip(*(shape(x) for x in xs), strict=True)
    return _sum_dim("rows", rows), _sum_dim("cols", cols), broadcast(batches)


def _sum_dim(side: str, parts: tuple[Dim, ...]) -> Dim:
    if all(p.known for p in parts):
        return dims.const(sum(p.coef for p in parts))
    # A sum of lengths is not a monomial; it is a symbol of its own.
    return Dim(1, frozenset([(dims.Axis((side, parts), None), 1)]))


block_diag = Head("block_diag", linalg.block_diag, _blocks_shape, _flat_normal, flat=True)


def _diag_build(d: Any) -> Any:
    return (
        pt.diag(d[..., 0])
        if d.type.ndim == 2
        else pt.basic.alloc_diag(d[..., 0], axis1=-2, axis2=-1)
    )


diag = Head(
    "diag",
    _diag_build,
    lambda d: (shape(d)[0], shape(d)[0], shape(d)[2]),
    _linear(),
    template="diag({0})",
)
diagonal = Head(
    "diagonal",
    lambda x: pt.diagonal(x, axis1=-2, axis2=-1)[..., None],
    lambda x: (shape(x)[0], ONE, shape(x)[2]),
    _linear(),
    template="diagonal({0})",
)


def _triangle_build(x: Any, lower: bool, unit: bool) -> Any:
    t = pt.tril(x) if lower else pt.triu(x)
    if unit:
        n = x.shape[-1]
        t = (
            t
            - pt.diagonal(t, axis1=-2, axis2=-1)[..., None] * pt.eye(n, dtype=x.dtype)
            + pt.eye(n, dtype=x.dtype)
        )
    return t


# What an Op reads that looks at one triangle of its argument only.
triangle = Head(
    "triangle", _triangle_build, lambda x, lower, unit: shape(x), template="triangle({0})"
)


# --- functions of a matrix ------------------------------------------------------------------------


def _scalar_shape(x: Any) -> Shape:
    return ONE, ONE, shape(x)[2]


trace = Head("trace", lambda x: pt.trace(x), _scalar_shape, _linear(), template="tr({0})")
det = Head("det", linalg.det, _scalar_shape, template="det({0})")
logabsdet = Head("logabsdet", lambda x: linalg.slogdet(x)[1], _scalar_shape, template="log|{0}|")
total = Head("total", lambda x: x.sum(axis=(-2, -1)), _scalar_shape, _linear(), template="Σ({0})")
cholesky = Head("cholesky", linalg.cholesky, shape, template="chol({0})")
expm = Head("expm", linalg.expm, shape, template="exp({0})")


# --- matrix equations -----------------------------------------------------------------------------


sylvester = Head(
    "sylvester",
    linalg.solve_sylvester,
    lambda a, b, q: shape(q),
    template="sylvester({0}, {1}, {2})",
)
discrete_lyapunov = Head(
    "discrete_lyapunov",
    linalg.solve_discrete_lyapunov,
    lambda a, q: shape(q),
    template="lyapunov({0}, {1})",
)

__all__ = [
    *(name for name in HEADS if name not in ("leaf", "number")),
    "as_matrix", "rebuild", "subterms", "unvec", "vec",
]  # fmt: skip
