"""The product of a tridiagonal matrix with another: values, layouts, what is not finite."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.gradient import verify_grad
from pytensor.graph.replace import vectorize_graph

from lowering.blas import Gtmm, gtmm
from tests.support import PLAIN, evaluate

RNG = np.random.default_rng(20261128)
SHAPES = [(0, 0), (1, 1), (2, 2), (3, 3), (40, 40), (0, 3), (3, 0), (1, 2), (2, 1), (1, 6), (6, 1),
          (4, 5), (5, 4), (30, 9), (9, 30)]  # fmt: skip


def band(a: Any) -> Any:
    return np.tril(np.triu(a, -1), 1)


@pytest.mark.parametrize("k", [0, 1, 4])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values(shape: tuple[int, int], dtype: str, k: int) -> None:
    """Nothing beside the three diagonals is read."""
    a, b = RNG.normal(size=shape), RNG.normal(size=(shape[1], k))
    read = np.where(band(np.ones(shape)), a, np.nan)
    found = evaluate(gtmm(read.astype(dtype), b.astype(dtype)), {})
    assert found.dtype == dtype
    tolerance = 1e-13 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(found, band(a) @ b, rtol=tolerance, atol=tolerance)


LAYOUTS = {
    "rows": lambda x: x.copy(),
    "columns": lambda x: np.asfortranarray(x),
    "backward": lambda x: x[::-1, ::-1],
    "a part": lambda x: np.pad(x, 2)[2:-2, 2:-2],
}


@pytest.mark.parametrize("first", LAYOUTS)
@pytest.mark.parametrize("second", LAYOUTS)
def test_layouts(first: str, second: str) -> None:
    a, b = LAYOUTS[first](RNG.normal(size=(6, 6))), LAYOUTS[second](RNG.normal(size=(6, 4)))
    before = a.copy(), b.copy()
    found = [[None]]
    Gtmm().perform(None, [a, b], found)
    np.testing.assert_allclose(found[0][0], band(a) @ b, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(a, before[0])
    np.testing.assert_array_equal(b, before[1])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite(bad: float) -> None:
    a, b = RNG.normal(size=(20, 20)), RNG.normal(size=(20, 3))
    b[11, 1] = bad
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(np.isfinite(evaluate(gtmm(a, b), {})), [[1, 0, 1]] * 20)
    a[4, 5] = bad
    b[11, 1] = 1.0
    found = evaluate(gtmm(a, b), {})
    np.testing.assert_allclose(found, band(a) @ b, rtol=1e-12, atol=1e-12)
    assert not np.isfinite(found[4]).any() and np.isfinite(np.delete(found, 4, axis=0)).all()


@pytest.mark.parametrize("shape", [(4, 4), (2, 4), (6, 4), (1, 1)], ids=str)
def test_gradients(shape: tuple[int, int]) -> None:
    values = [RNG.normal(size=shape), RNG.normal(size=(shape[1], 3))]
    verify_grad(gtmm, values, rng=RNG, mode=PLAIN)


def test_shapes_and_batches() -> None:
    a, b = pt.dmatrices("a", "b")
    out = gtmm(a, b)
    f = pytensor.function([a, b], out.shape, mode="FAST_RUN", on_unused_input="ignore")
    assert not any(isinstance(n.op, Gtmm) for n in f.maker.fgraph.toposort())
    np.testing.assert_array_equal(f(np.ones((3, 4)), np.ones((4, 2))), (3, 2))
    with pytest.raises(ValueError, match="must be the same"):
        gtmm(pt.tensor(shape=(3, 4), dtype="float64"), pt.tensor(shape=(5, 2), dtype="float64"))
    with pytest.raises(ValueError, match="do not conform"):
        evaluate(out, {a: np.ones((4, 4)), b: np.ones((3, 2))})
    batch = pt.dtensor3("batch")
    values = {batch: RNG.normal(size=(3, 5, 4)), b: RNG.normal(size=(4, 2))}
    found = evaluate(vectorize_graph(out, {a: batch}), values)
    np.testing.assert_allclose(found, band(values[batch]) @ values[b], rtol=1e-12, atol=1e-12)
