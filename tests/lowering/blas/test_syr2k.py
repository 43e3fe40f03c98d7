"""A Bᵀ + B Aᵀ: values, exact symmetry, layouts, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.gradient import verify_grad
from pytensor.graph.replace import vectorize_graph

from lowering.blas import Syr2k, syr2k
from tests.support import PLAIN, evaluate

RNG = np.random.default_rng(20261124)


def dense(a: Any, b: Any) -> Any:
    return a @ b.swapaxes(-1, -2) + b @ a.swapaxes(-1, -2)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "shape", [(0, 0), (0, 2), (3, 0), (1, 1), (1, 4), (5, 1), (9, 4), (150, 7)]
)
def test_values(shape: tuple[int, int], dtype: str) -> None:
    a, b = RNG.normal(size=(2, *shape)).astype(dtype)
    found = evaluate(syr2k(a, b), {})
    assert found.dtype == dtype
    tolerance = 1e-12 if dtype == "float64" else 1e-4
    exact = dense(a.astype("float64"), b.astype("float64"))
    np.testing.assert_allclose(found, exact, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(found, found.T)


LAYOUTS = {
    "rows": lambda x: x.copy(),
    "columns": lambda x: np.asfortranarray(x),
    "backward": lambda x: x[::-1, ::-1],
    "a part": lambda x: np.pad(x, 2)[2:-2, 2:-2],
    "repeated": lambda x: np.broadcast_to(x[0], x.shape),
}


@pytest.mark.parametrize("first", LAYOUTS)
@pytest.mark.parametrize("second", LAYOUTS)
def test_layouts(first: str, second: str) -> None:
    a, b = LAYOUTS[first](RNG.normal(size=(6, 4))), LAYOUTS[second](RNG.normal(size=(6, 4)))
    found = [[None]]
    Syr2k().perform(None, [a, b], found)
    np.testing.assert_allclose(found[0][0], dense(a, b), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite(bad: float) -> None:
    a, b = RNG.normal(size=(2, 70, 3))
    a[5, 1] = bad
    b[66, 1] = 0
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(evaluate(syr2k(a, b), {}), dense(a, b), rtol=1e-12, atol=1e-12)


def test_gradients() -> None:
    verify_grad(syr2k, list(RNG.normal(size=(2, 4, 3))), rng=RNG, mode=PLAIN)


def test_shapes_and_batches() -> None:
    a, b = pt.dmatrices("a", "b")
    out = syr2k(a, b)
    f = pytensor.function([a, b], out.shape, mode="FAST_RUN", on_unused_input="ignore")
    assert not any(isinstance(n.op, Syr2k) for n in f.maker.fgraph.toposort())
    np.testing.assert_array_equal(f(*np.ones((2, 4, 3))), (4, 4))
    known = pt.tensor(shape=(4, None), dtype="float64")
    assert syr2k(a, known).type.shape == (4, 4)
    with pytest.raises(ValueError, match="must be the same"):
        syr2k(known, pt.tensor(shape=(5, None), dtype="float64"))
    with pytest.raises(ValueError, match="do not conform"):
        evaluate(out, {a: np.ones((4, 2)), b: np.ones((4, 3))})
    batch = pt.dtensor3("batch")
    values = {batch: RNG.normal(size=(3, 4, 2)), b: RNG.normal(size=(4, 2))}
    found = evaluate(vectorize_graph(out, {a: batch}), values)
    exact = dense(values[batch], np.broadcast_to(values[b], (3, 4, 2)))
    np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-12)
