"""Normal forms: what is one term without any relation, and that normal forms keep values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers import vocabulary as v
from matchers.algebra import as_matrix
from matchers.dims import ONE, const
from matchers.leaves import Number, atom, number
from matchers.terms import Term, shape
from matchers.traversal import evaluate
from matchers.variables import LogicVar, Run
from tests.matchers.literal import draw

AA, BB = pt.matrices("A", "B")
A, B, x, T = atom(AA), atom(BB), atom(pt.vector("x"), 1), atom(pt.tensor3("T"))
c, d = atom(pt.scalar("c"), 0), atom(pt.scalar("d"), 0)
I3 = v.eye(const(3))


SAME: dict[str, tuple[Any, Any]] = {
    "products are flat": ((A @ B) @ A, A @ (B @ A)),
    "an identity is no factor": (A @ I3 @ B, A @ B),
    "a product of identities is one": (I3 @ I3, I3),
    "one factor": (v.matmul(A), A),
    "coefficients stand outside": (A @ (c * B), c * (A @ B)),
    "two coefficients are one": (c * (d * A), v.scale(v.mul(c, d), A)),
    "numbers multiply": (2 * (3 * A), 6 * A),
    "a number stands before a symbol": (c * (2 * A), 2 * (c * A)),
    "one times": (1 * A, A),
    "and back": (2 * (0.5 * A), A),
    "sums are flat": ((A + B) + A, A + (B + A)),
    "sums have no order": (A + B, B + A),
    "elementwise products are flat": (v.mul(v.mul(A, B), A), v.mul(B, v.mul(A, A))),
    "their coefficients stand outside": (v.mul(2 * A, c * B), 2 * (c * v.mul(A, B))),
    "kron is flat": (v.kron(v.kron(A, B), A), v.kron(A, v.kron(B, A))),
    "and linear": (v.kron(2 * A, c * B), 2 * (c * v.kron(A, B))),
    "traces are linear": (v.trace(c * A), v.mul(c, v.trace(A))),
    "totals are linear": (v.total(3 * A), v.scale(3, v.total(A))),
    "sums over a batch are linear": (v.batch_sum(2 * (c * T)), 2 * (c * v.batch_sum(T))),
    "a matrix is its own sum over a batch": (v.batch_sum(A @ B), A @ B),
    "members side by side are linear": (v.beside(c * T), c * v.beside(T)),
    "a matrix stands alone": (v.beside(A @ B), A @ B),
    "transpose of a sum over a batch": (v.transpose(v.batch_sum(T @ A)), v.batch_sum(A.T @ T.T)),
    "transpose twice": (v.transpose(v.transpose(A)), A),
    "transpose of a product": (v.transpose(A @ B), B.T @ A.T),
    "of a sum": (v.transpose(A + B), A.T + B.T),
    "of a scaled": (v.transpose(c * A), c * A.T),
    "of an inverse": (v.transpose(v.inverse(A)), v.inverse(A.T)),
    "of an identity": (v.transpose(I3), I3),
    "of a diagonal": (v.transpose(v.diag(x)), v.diag(x)),
    "of a coefficient": (v.transpose(v.trace(A)), v.trace(A)),
    "inverse of an identity": (v.inverse(I3), I3),
    "reciprocal twice": (v.reciprocal(v.reciprocal(c)), c),
    "reciprocal of a number": (v.reciprocal(number(4)), number(0.25)),
    "reciprocal of a product": (v.reciprocal(2 * c), v.scale(0.5, v.reciprocal(c))),
    "vec of vec": (v.vec(v.vec(A)), v.vec(A)),
    "mat of vec": (v.unvec(v.vec(A), A.rows, A.cols), A),
    "vec of a row": (v.vec(x.T), x),
    "vec is linear": (v.vec(c * A), c * v.vec(A)),
    "item of a coefficient": (v.item(c), c),
    "item is linear": (v.item(2 * (x.T @ x)), v.scale(2, v.item(x.T @ x))),
    "a known length is a number": (v.size(const(3)), number(3)),
    "runs splice": (v.matmul(A, Run([B, A]), Run(), B), A @ B @ A @ B),
    "numbers fold": (v.scale(2, number(3)), number(6)),
    "and in elementwise products": (v.mul(number(2), number(3)), number(6)),
}


@pytest.mark.parametrize("name", SAME)
def test_one_term(name: str) -> None:
    one, other = SAME[name]
    assert one is other


def test_two_terms() -> None:
    assert A @ B is not B @ A
    assert v.inverse(A @ B) is not v.inverse(B) @ v.inverse(A)  # that is a relation
    assert v.mul(A, B) is not A @ B
    assert A + A is not 2 * A  # so is that
    assert v.det(2 * A) is not v.scale(2, v.det(A))
    assert c * c is not c


def test_what_has_no_normal_form() -> None:
    with pytest.raises(ValueError, match="a product needs at least one factor"):
        v.matmul.make()
    with pytest.raises(ValueError, match="a sum needs at least one summand"):
        v.add.make()
    for kind in ("segment", "rest"):
        with pytest.raises(TypeError, match="stands for several operands and cannot be transposed"):
            v.transpose(LogicVar("s", kind))


@st.composite
def square_terms(draw_: Any, depth: int = 4) -> Term:
    """Random terms over two 3 × 3 matrices and two coefficients."""
    if not depth:
        return draw_(st.sampled_from([A, B]))
    inner = square_terms(depth - 1)
    one, two = draw_(inner), draw_(inner)
    number_ = draw_(st.sampled_from([-1, 0.5, 2, 3]))
    return draw_(
        st.sampled_from(
            [A, I3, one @ two, one + two, one - two, v.mul(one, two), one.T, c * one, d * two,
             number_ * one, v.trace(one) * two, (one @ two).T, v.diag(v.diagonal(one)) @ two,
             v.unvec(v.vec(one), const(3), const(3)),
             v.item(v.ones(const(3)).T @ v.ones(const(3))) * one]
        )
    )  # fmt: skip


def by_hand(term: Any, values: dict[Any, Any]) -> Any:
    """The value of a term in NumPy, without its builders."""
    table = {
        v.matmul: lambda *xs: np.linalg.multi_dot(xs) if len(xs) > 1 else xs[0],
        v.add: lambda *xs: sum(xs),
        v.mul: lambda *xs: np.prod(np.stack(np.broadcast_arrays(*xs)), 0),
        v.scale: lambda a, b: a * b, v.transpose: lambda a: np.swapaxes(a, -1, -2),
        v.trace: np.trace, v.diag: lambda a: np.diag(a[:, 0]), v.eye: np.eye,
        v.diagonal: lambda a: np.diag(a)[:, None], v.ones: lambda n: np.ones((n, 1)),
        v.reshape: lambda a, m, n: a.reshape(m, n), v.item: lambda a: a[0, 0],
    }  # fmt: skip
    if not isinstance(term, Term):
        return values.get(term, getattr(term, "coef", term))
    if not term.args:
        return term.value if isinstance(term, Number) else values[term]
    return table[term.head](*(by_hand(a, values) for a in term.args))


@settings(max_examples=60, deadline=None)
@given(square_terms(), square_terms())
def test_operations_on_normal_forms_keep_values(one: Term, two: Term) -> None:
    values = {A: draw(3, 3), B: draw(3, 3), c: 1.5, d: -0.7}
    a, b = (by_hand(t, values) for t in (one, two))
    for term, want in (
        (one @ two, a @ b), (one + two, a + b), (v.transpose(one), a.T), (v.mul(one, two), a * b),
        (v.scale(c, one), 1.5 * a), (v.trace(one), np.trace(a)),
    ):  # fmt: skip
        np.testing.assert_allclose(by_hand(term, values), want, rtol=1e-9, atol=1e-9)


def test_shapes() -> None:
    assert shape(A @ B) == (A.rows, B.cols, ())
    assert shape(v.kron(A, B))[:2] == (A.rows * B.rows, A.cols * B.cols)
    assert shape(v.vec(A))[:2] == (A.rows * A.cols, ONE)
    assert shape(A.T)[:2] == (A.cols, A.rows)
    assert shape(v.trace(A)) == (ONE, ONE, ())
    assert shape(3.0) == (ONE, ONE, ())
    T = atom(pt.tensor3("T"))
    assert len(shape(T @ A)[2]) == 1 and shape(A @ B)[2] == ()
    assert shape(v.block_diag(v.eye(const(2)), v.eye(const(3))))[:2] == (const(5), const(5))


def test_builders_take_matrices() -> None:
    vec = pt.vector("v")
    assert as_matrix(vec, 1).type.shape == (None, 1)
    assert as_matrix(AA, 2) is AA
    assert evaluate(2 * A).owner.inputs[0].type.dtype == "float64"
    assert v.scale(2, 3.0) == 6.0


def test_a_number_over_itself_is_one():
    c, d, e = (atom(pt.scalar(n), 0) for n in "cde")
    mul, scale, reciprocal, x = v.mul, v.scale, v.reciprocal, atom(pt.vector("x"), 1)
    both = atom(pt.scalar("both"), 0, mul(c, d))
    one = number(1)
    assert mul(c, reciprocal(c)) is one
    assert mul(reciprocal(mul(c, d)), d, e, c) is e
    assert mul(reciprocal(both), d, e, c) is e
    assert mul(reciprocal(c), c, c) is c
    assert mul(scale(3, c), reciprocal(c)) is number(3)
    for kept in (mul(reciprocal(mul(c, d)), c), mul(reciprocal(c), d)):
        assert kept.head is mul
    assert mul(x, reciprocal(x)).head is mul  # a length may be 0, and ones are not read as such
    each = v.trace(atom(pt.tensor3("T")))  # one number for each member of a batch
    assert mul(each, reciprocal(each)).head is mul
