"""Each Op in each of its forms: the text of its term, and the term's literal graph as its value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.compile.builders import OpFromGraph
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.tensor import linalg
from pytensor.tensor.blas import _batched_dot

from matchers.view import View
from tests.matchers.literal import assert_literal, draw, leaf, regular
from tests.support import evaluate

A, B, C, D = pt.matrices("A", "B", "C", "D")
x, y = pt.vectors("x", "y")
c, d = pt.scalars("c", "d")
T, U = pt.tensor3("T"), pt.tensor3("U")
W = pt.tensor4("W")
row, column = pt.matrix("row", shape=(1, None)), pt.matrix("column", shape=(None, 1))
TALL, WIDE = draw(3, 2), draw(2, 4)
P = TALL @ TALL.T + np.eye(3)
VALUES: dict[Any, Any] = {
    A: regular(3), B: regular(3), C: draw(3, 2), x: draw(3), y: draw(3), c: 1.7, d: -0.4,
    T: draw(2, 3, 3), U: draw(2, 3, 3), W: draw(4, 2, 3, 5), row: draw(1, 3), column: draw(3, 1),
}  # fmt: skip
batched_kron = pt.vectorize(linalg.kron, "(a,b),(c,d)->(e,f)")

# name: the expression, what it reads as
READ: dict[str, tuple[Callable[[], Any], str]] = {
    "product": (lambda: A @ B, "A B"),
    "core dot": (lambda: pt.dot(A, B), "A B"),
    "matrix vector": (lambda: A @ x, "A x"),
    "vector matrix": (lambda: x @ A, "Aᵀ x"),
    "inner product": (lambda: x @ y, "xᵀ y"),
    "outer product": (lambda: pt.outer(x, y), "x yᵀ"),
    "sum over rows": (lambda: C.sum(axis=0), "Cᵀ 1"),
    "sum over columns": (lambda: C.sum(axis=1, keepdims=True), "C 1"),
    "sum over columns of a batch": (lambda: T.sum(axis=2), "T 1"),
    "outer by broadcasting": (lambda: x[:, None] * y[None, :], "x yᵀ"),
    "outer by broadcasting, turned": (lambda: y[None, :] * x[:, None], "x yᵀ"),
    "batched product": (lambda: T @ U, "T U"),
    "batched dot": (lambda: _batched_dot(T, U), "T U"),
    "tensordot": (lambda: pt.tensordot(A, B, axes=[[0], [1]]), "Aᵀ Bᵀ"),
    "inner tensordot": (lambda: pt.tensordot(x, y, axes=1), "yᵀ x"),
    "einsum": (lambda: pt.einsum("ij,kj->ik", A, B), "A Bᵀ"),
    "einsum without an arrow": (lambda: pt.einsum("jk,ij", B, A), "A B"),
    "einsum with an ellipsis": (lambda: pt.einsum("...ij,...jk->...ik", T, U), "T U"),
    "einsum with a number": (lambda: pt.einsum(",ij,jk->ik", c, A, B), "c·A B"),
    "einsum of a trace": (lambda: pt.einsum("ii->", A), "tr(A)"),
    "einsum of a diagonal": (lambda: pt.einsum("ii->i", A), "diagonal(A)"),
    "rows and columns scaled": (lambda: A * x[:, None] * y[None, :], "diag(x) A diag(y)"),
    "columns, rows and a number": (lambda: pt.mul(x[:, None], c, y[None, :]), "c·x yᵀ"),
    "the first power": (lambda: A ** (pt.constant(2.0) - pt.constant(1.0)), "A"),
    "batched einsum": (lambda: pt.einsum("bij,bjk->bik", T, U), "T U"),
    "einsum of a batch": (
        lambda: pt.einsum("bij,bj->bi", T, C.T), "contract(bij,bj->bi, T, Cᵀ)",
    ),
    "sum of a broadcast product": (
        lambda: (A[:, :, None] * B[None, :, :]).sum(axis=1), "A B",
    ),
    "sum of a product with a row": (lambda: (A * x).sum(axis=1), "A x"),
    "square": (lambda: linalg.matrix_power(A, 2), "A A"),
    "cube": (lambda: linalg.matrix_power(A, 3), "A A A"),
    "inverse": (lambda: linalg.inv(A), "A⁻¹"),
    "inverse of transpose": (lambda: linalg.inv(A.T), "A⁻ᵀ"),
    "solve": (lambda: linalg.solve(A, x), "A⁻¹ x"),
    "solve with a matrix": (lambda: linalg.solve(A, C), "A⁻¹ C"),
    "solve, batched": (lambda: linalg.solve(T, U), "T⁻¹ U"),
    "solve, batched, by vector": (lambda: linalg.solve(A, C.T, b_ndim=1), "A⁻¹ C.T"),
    "solve of transpose": (lambda: linalg.solve(A, x, transposed=True), "A⁻ᵀ x"),
    "lower": (lambda: linalg.solve_triangular(A, x, lower=True), "triangle(A)⁻¹ x"),
    "upper": (lambda: linalg.solve_triangular(A, x, lower=False), "triangle(A)⁻¹ x"),
    "lower, transposed": (
        lambda: linalg.solve_triangular(A, x, lower=True, trans=1), "triangle(Aᵀ)⁻¹ x"),
    "unit diagonal": (
        lambda: linalg.solve_triangular(A, x, lower=True, unit_diagonal=True), "triangle(A)⁻¹ x"),
    "cho_solve": (lambda: linalg.cho_solve((A, True), x), "triangle(A)⁻ᵀ triangle(A)⁻¹ x"),
    "cho_solve, upper": (
        lambda: linalg.cho_solve((A, False), x), "triangle(A)⁻¹ triangle(A)⁻ᵀ x"),
    "kron": (lambda: linalg.kron(A, B), "A ⊗ B"),
    "three factors": (lambda: linalg.kron(linalg.kron(A, B), C), "A ⊗ B ⊗ C"),
    "batched kron": (lambda: batched_kron(T, U), "T ⊗ U"),
    "block_diag": (lambda: linalg.block_diag(A, C), "block_diag(A, C)"),
    "diag": (lambda: pt.diag(x), "diag(x)"),
    "diagonal": (lambda: pt.diag(A), "diagonal(A)"),
    "trace": (lambda: pt.trace(A), "tr(A)"),
    "det": (lambda: linalg.det(A), "det(A)"),
    "slogdet": (lambda: linalg.slogdet(A)[1], "log|A|"),
    "log abs det": (lambda: pt.log(pt.abs(linalg.det(A))), "log|A|"),
    "expm": (lambda: linalg.expm(A / 9), "exp(0.111111·A)"),
    "sum": (lambda: A.sum(), "Σ(A)"),
    "sum over both axes": (lambda: A.sum(axis=(0, 1)), "Σ(A)"),
    "sum of a vector": (lambda: x.sum(), "Σ(x)"),
    "sum over a batch": (lambda: T.sum(axis=0), "Σᵦ(T)"),
    "sum over a batch of products": (lambda: (T @ U).sum(axis=0), "Σᵦ(T U)"),
    "sum over a batch of transposes": (lambda: T.mT.sum(axis=0), "Σᵦ(Tᵀ)"),
    "sum over two batch axes": (lambda: W.sum(axis=(0, 1)), "Σᵦ(W)"),
    "sum over a batch of one": (lambda: (A[None] @ B).sum(axis=0), "A B"),
    "sum over a batch of columns": (lambda: (T @ x[:, None]).sum(axis=0), "Σᵦ(T x)"),
    "add": (lambda: A + B, "A + B"),
    "add three": (lambda: pt.add(A, B, A), "A + B + A"),
    "sub": (lambda: A - B, "A - B"),
    "neg": (lambda: -A, "-A"),
    "mul": (lambda: A * B, "A ⊙ B"),
    "sqr": (lambda: pt.sqr(A), "A ⊙ A"),
    "pow": (lambda: A**2, "A ⊙ A"),
    "true_div": (lambda: A / c, "c⁻¹·A"),
    "coefficient": (lambda: c * A, "c·A"),
    "two coefficients": (lambda: (2 * c) * (A * d), "2·c·d·A"),
    "row": (lambda: row * A, "A diag(rowᵀ)"),
    "column": (lambda: column * A, "diag(column) A"),
    "vector times matrix": (lambda: x * A, "A diag(x)"),
    "transpose": (lambda: A.T, "Aᵀ"),
    "batched transpose": (lambda: T.mT, "Tᵀ"),
    "transpose of product": (lambda: (A @ B).T, "Bᵀ Aᵀ"),
    "eye": (lambda: A + pt.eye(3), "A + I"),
    "fill": (lambda: pt.ones_like(A), "1 (1)ᵀ"),
    "alloc": (lambda: pt.alloc(c, 3, 3), "c·1 (1)ᵀ"),
    "alloc of a row": (lambda: pt.alloc(row, 4, row.shape[1]), "1 row"),
    "flatten": (lambda: A.ravel(), "vec(A)"),
    "reshape": (lambda: A.reshape((1, A.shape[0] * A.shape[1])), "mat(A)"),
    "batch side by side": (
        lambda: T.transpose(1, 0, 2).reshape((T.shape[1], T.shape[0] * T.shape[2])), "beside(T)"),
    "batch of transposes side by side": (
        lambda: T.transpose(2, 0, 1).reshape((T.shape[2], -1)), "beside(Tᵀ)"),
    "two batch axes side by side": (
        lambda: W.transpose(2, 0, 1, 3).reshape((W.shape[2], -1)), "beside(W)"),
    "reshape with -1": (lambda: A.reshape((A.shape[0], -1)) @ x, "A x"),
    "specified": (lambda: pt.specify_shape(A, (3, 3)) @ x, "A x"),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_form(name: str) -> None:
    make, text = READ[name]
    assert str(assert_literal(make(), VALUES)) == text


@pytest.mark.parametrize("name", READ)
def test_form_after_canonicalize(name: str) -> None:
    graph = rewrite_graph(READ[name][0](), include=("canonicalize",))
    assert_literal(graph, VALUES)


@pytest.mark.parametrize("assume_a", ["gen", "sym", "pos", "her"])
def test_dense_solves_keep_what_they_promise(assume_a: str) -> None:
    graph = linalg.solve(A, x, assume_a=assume_a)
    assert str(assert_literal(graph, {A: P, x: draw(3)})) == "A⁻¹ x"
    view = View()
    view.term(graph)
    assert view.holds(view.term(A), "positive_definite") == (assume_a == "pos")
    assert view.holds(view.term(A), "symmetric") == (assume_a in ("pos", "sym"))


OTHER: dict[str, Callable[[], Any]] = {
    "tridiagonal solve": lambda: linalg.solve(A, x, assume_a="tridiagonal"),
    "a scalar added": lambda: A + c,
    "a row added": lambda: A + row,
    "a vector added": lambda: A + x,
    "mixed product": lambda: pt.dot(pt.fmatrix("F"), A),
    "mixed sum": lambda: pt.fmatrix("F") + A,
    "mixed elementwise product": lambda: pt.fmatrix("F") * A,
    "integers divided": lambda: pt.lmatrix("Z") / 2,
    "inverse of integers": lambda: linalg.inv(pt.lmatrix("Z")),
    "sum over the rows of a batch": lambda: T.sum(axis=1),
    "sum over a part of a batch": lambda: W.sum(axis=0),
    "sum over the last batch axis": lambda: W.sum(axis=1),
    "batch one below the other": lambda: T.reshape((T.shape[0] * T.shape[1], T.shape[2])),
    "batch in other rows": lambda: T.transpose(1, 0, 2).reshape((T.shape[0] * T.shape[1], -1)),
    "batch in rows of another length": lambda: T.transpose(1, 0, 2).reshape((pt.iscalar("n"), -1)),
    "batch axes side by side in another order": (
        lambda: W.transpose(2, 1, 0, 3).reshape((W.shape[2], -1))
    ),
    "sum that keeps axes": lambda: A.sum(keepdims=True),
    "sum in another dtype": lambda: pt.fmatrix("F").sum(dtype="float64"),
    "diagonal beside the middle": lambda: pt.diag(A, 1),
    "diag beside the middle": lambda: pt.diag(x, -1),
    "diagonal of other axes": lambda: pt.diagonal(T, axis1=0, axis2=1),
    "rectangular eye": lambda: pt.eye(3, 4),
    "eye beside the middle": lambda: pt.eye(3, k=1),
    "upper cholesky": lambda: linalg.cholesky(A, lower=False),
    "elementwise inverse": lambda: pt.reciprocal(A),
    "division by a matrix": lambda: c / A,
    "power of three": lambda: A**3,
    "matrix power": lambda: 2.0**A,
    "unknown": lambda: pt.exp(A),
    "batch axes moved": lambda: T.transpose(1, 0, 2),
    "3-d kron": lambda: linalg.kron(T, U),
    "repeated index": lambda: pt.einsum("iij->j", T),
    "reshape to three axes": lambda: A.reshape((3, 3, 1)),
    "one of several lengths unknown": lambda: A.reshape(pt.lvector("s"), ndim=2),
    "a given permutation": lambda: A[::-1],
    "own gradient": lambda: OpFromGraph([A, B, C, D], [A + D, B + D])(A, B, linalg.kron(A, B), C)[
        0
    ],
}


@pytest.mark.parametrize("name", OTHER)
def test_what_is_not_understood_is_a_leaf(name: str) -> None:
    var = OTHER[name]()
    view = View()
    core = min(var.type.ndim, 2)
    assert leaf(var, view.term(var, core), core)


@pytest.mark.parametrize(
    "name",
    OTHER,
)
def test_a_matrix_is_never_read_as_a_coefficient(name: str) -> None:
    var = OTHER[name]()
    assert View().core(var) or not var.type.ndim


def test_every_rectangular_reading_is_literal() -> None:
    values = {A: TALL, B: WIDE, x: draw(2), y: draw(4)}
    for graph in (
        A @ B, A @ B @ y, pt.diag(A), A * x, x * A, linalg.kron(A, B), pt.trace(A), A.ravel(),
        A.reshape((B.shape[0], -1)), linalg.block_diag(A, B), (A @ B).T, A.sum(), pt.outer(x, y),
        pt.einsum("ij,jk->ki", A, B), pt.einsum("ij,ij->", A, A), pt.einsum("i,j->ij", x, y),
        pt.einsum("ij,j,jk->ik", A, x, B), pt.einsum("ij->", A), pt.einsum("ij,ij->ij", A, A),
    ):  # fmt: skip
        assert_literal(graph, values)


@pytest.mark.parametrize("n", [0, 1])
def test_empty_and_single(n: int) -> None:
    values = {
        A: draw(n, n) + np.eye(n),
        B: draw(n, n),
        C: draw(n, 2),
        x: draw(n),
        y: draw(n),
        c: 2.0,
    }
    for graph in (
        A @ B @ x, A + B, A * B, c * A, linalg.kron(A, B), pt.outer(x, y), x * A, A.sum(),
        pt.trace(A), pt.diag(x), pt.diag(A), linalg.inv(A) @ C, pt.einsum("ij,kj->ik", A, B),
        A.ravel(), linalg.block_diag(A, B), pt.ones_like(A), linalg.kron(A, C), C.T @ A,
    ):  # fmt: skip
        assert_literal(graph, values)


@pytest.mark.parametrize("dtype", ["float32", "complex128", "int64"])
def test_other_dtypes(dtype: str) -> None:
    M, N = (pt.matrix(name, dtype=dtype) for name in "MN")
    v = pt.vector("v", dtype=dtype)
    values = {M: regular(3), N: draw(3, 3), v: draw(3)}
    if dtype == "complex128":
        values = {k: a + 1j * draw(*a.shape) for k, a in values.items()}
    values = {k: (3 * a).astype(dtype) for k, a in values.items()}
    for graph in (
        M @ N @ v, M + N, M * N, 3 * M, -M, linalg.kron(M, N), pt.outer(v, v), v * M, M.T,
        M - N, pt.trace(M), pt.diag(M), linalg.inv(M) @ v, linalg.solve(M, v), M.sum(),
    ):  # fmt: skip
        assert_literal(graph, values)


def test_broadcast_batches() -> None:
    values = {A: regular(3), T: draw(2, 3, 3), x: draw(3)}
    for graph in (A @ T, T @ A, A[None] + T, A[None] * T, T * x, T @ x, pt.matmul(T, x[:, None])):
        assert_literal(graph, values)


def test_a_column_does_not_read_as_an_item() -> None:
    assert View().core(pt.exp(x)[:, None])


def test_a_row_and_a_column_without_its_axis_do_not_read_as_items() -> None:
    assert View().core(pt.exp(x)[None, :]) and View().core(pt.exp(column)[:, 0])


def test_a_matrix_of_one_entry_is_a_coefficient() -> None:
    one = pt.matrix("one", shape=(1, 1))
    assert str(View().term(one * A)) == "one·A"
    assert_literal(one * A, {**VALUES, one: np.array([[2.5]])})


@pytest.mark.parametrize("spec", ["ij,jk->ik", "ij,kj->ik"])
def test_einsum_broadcasts(spec: str) -> None:
    with pytest.warns(UserWarning, match="broadcastable"):
        graph = pt.einsum(spec, column, B if spec == "ij,jk->ik" else B.T)
    assert_literal(graph, VALUES)


def test_dimshuffles_exhaustively() -> None:
    """All that permute, add and drop axes of up to three, read with every core."""
    from itertools import combinations, permutations, product

    from pytensor.tensor.elemwise import DimShuffle

    read = 0
    for k in range(4):
        for ones in product([False, True], repeat=k):
            var = pt.TensorType("float64", shape=tuple(1 if b else None for b in ones))("z")
            value = draw(*(1 if b else 2 + i for i, b in enumerate(ones)))
            for n in range(k + 1):
                for kept in permutations(range(k), n):
                    if not all(ones[i] for i in range(k) if i not in kept):
                        continue
                    for new in range(3 if n < 3 else 2):
                        for places in combinations(range(n + new), new):
                            axes = iter(kept)
                            order = ["x" if i in places else next(axes) for i in range(n + new)]
                            out = DimShuffle(input_ndim=k, new_order=order)(var)
                            for core in range(1, min(out.type.ndim, 2) + 1):
                                if not leaf(out, View().term(out, core), core):
                                    assert_same_axes(out, var, value, core)
                                    read += 1
    assert read > 150


def assert_same_axes(out: Any, var: Any, value: Any, core: int) -> None:
    term = View().term(out, core)
    order = out.owner.op.new_order
    dropped = tuple(i for i in range(value.ndim) if i not in order)
    want = value.transpose([i for i in order if i != "x"] + list(dropped))
    want = want.reshape(want.shape[: value.ndim - len(dropped)])
    want = np.expand_dims(want, tuple(i for i, a in enumerate(order) if a == "x"))
    want = want[..., None] if core == 1 else want
    got = term.evaled_obj
    got = value if got is var else evaluate(got, {var: value})
    while want.ndim > 2 and want.shape[0] == 1:
        want = want[0]
    while got.ndim > 2 and got.shape[0] == 1:
        got = got[0]
    np.testing.assert_array_equal(got, want, err_msg=f"{order} of {var.type} at {core}")
