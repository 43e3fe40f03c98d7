"""X Xᵀ: values, exact symmetry, layouts, gradients, and what is known of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.gradient import verify_grad
from pytensor.graph.replace import vectorize_graph
from scipy.linalg import blas

from lowering.blas import Syrk, syrk
from lowering.blas.triangles import BLOCK
from tests.support import PLAIN, evaluate

RNG = np.random.default_rng(20261122)
SHAPES = [(0, 0), (0, 3), (3, 0), (1, 1), (1, 5), (5, 1), (7, 3), (3, 7), (BLOCK, 2),
          (BLOCK + 1, 5), (3 * BLOCK - 1, 20)]  # fmt: skip


def value(x: Any) -> Any:
    return evaluate(syrk(x), {})


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values(shape: tuple[int, int], dtype: str) -> None:
    x = RNG.normal(size=shape).astype(dtype)
    found = value(x)
    assert found.dtype == dtype
    exact = x.astype("float64") @ x.astype("float64").T
    tolerance = 1e-13 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(found, exact, rtol=tolerance, atol=tolerance * 10)
    np.testing.assert_array_equal(found, found.T)


@pytest.mark.parametrize("m", [4, 3 * BLOCK])
def test_what_is_overwritten_is_not_read(m: int) -> None:
    """A BLAS that did would spread what happens to lie in memory."""
    x = RNG.normal(size=(m, 3))
    for name, operands in (("syrk", (x,)), ("syr2k", (x, x))):
        multiply = getattr(blas, f"d{name}")
        c = np.full((m, m), np.nan, order="F")
        c = multiply(1.0, *operands, 0.0, c, 0, lower=1, overwrite_c=1)
        assert np.isfinite(np.tril(c)).all()


LAYOUTS = {
    "columns": lambda x: np.asfortranarray(x),
    "backward": lambda x: x[::-1, ::-1],
    "a row backward": lambda x: x[::-1],
    "every other": lambda x: x[::2, ::3],
    "a part": lambda x: x[1:-2, 2:-1],
    "a part transposed": lambda x: x[1:-2, 2:-1].T,
    "one row repeated": lambda x: np.broadcast_to(x[0], x.shape),
    "one column repeated": lambda x: np.broadcast_to(x[:, :1], x.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout: str) -> None:
    """As a function gets them: a constant would be copied."""
    x = pt.dmatrix("x")
    f = pytensor.function([pytensor.In(x, borrow=True)], [syrk(x), syrk(x.T)], mode=PLAIN)
    given = LAYOUTS[layout](RNG.normal(size=(12, 9)))
    before = given.copy()
    for found, exact in zip(f(given), (given @ given.T, given.T @ given), strict=True):
        np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(given, before)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("m", [4, BLOCK + 3])
def test_what_is_not_finite(bad: float, m: int) -> None:
    x = RNG.normal(size=(m, 3))
    x[1, 2], x[2, 2] = bad, 0
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(value(x), x @ x.T, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(4, 3), (1, 3), (3, 1)], ids=str)
def test_gradients(shape: tuple[int, int]) -> None:
    verify_grad(syrk, [RNG.normal(size=shape)], rng=RNG, mode=PLAIN)
    verify_grad(lambda x: syrk(x.T), [RNG.normal(size=shape)], rng=RNG, mode=PLAIN)


def test_shapes() -> None:
    x = pt.dmatrix("x")
    out = syrk(x)
    f = pytensor.function([x], out.shape, mode="FAST_RUN")
    assert not any(isinstance(n.op, Syrk) for n in f.maker.fgraph.toposort())
    np.testing.assert_array_equal(f(np.ones((4, 2))), (4, 4))
    assert syrk(pt.tensor(shape=(4, None), dtype="float64")).type.shape == (4, 4)


def test_a_batch() -> None:
    x = pt.dmatrix("x")
    batch = pt.dtensor3("batch")
    values = RNG.normal(size=(3, 4, 2))
    found = evaluate(vectorize_graph(syrk(x), {x: batch}), {batch: values})
    np.testing.assert_allclose(found, values @ values.swapaxes(1, 2), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["int64", "complex128", "float16", "bool"])
def test_other_dtypes_are_refused(dtype: str) -> None:
    with pytest.raises(TypeError, match=f"^Syrk takes one of float32, float64, not {dtype}$"):
        syrk(pt.matrix(dtype=dtype))
    with pytest.raises(TypeError, match="takes matrices"):
        syrk(pt.dvector())
