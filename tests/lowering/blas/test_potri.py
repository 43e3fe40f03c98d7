"""The inverse from a Cholesky factor: values, exact symmetry, layouts, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.gradient import verify_grad
from pytensor.graph.replace import vectorize_graph

from lowering.blas import Potri, potri
from tests.support import PLAIN, evaluate

RNG = np.random.default_rng(20261125)
both = pytest.mark.parametrize("lower", [True, False], ids=["lower", "upper"])


def draw(m: int) -> Any:
    return RNG.normal(size=(m, m)) / max(m, 1) + 2 * np.eye(m)


def dense(factor: Any, lower: bool) -> Any:
    half = np.tril(factor) if lower else np.triu(factor).T
    return np.linalg.inv(half @ half.T)


@both
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("m", [0, 1, 2, 7, 150])
def test_values(m: int, dtype: str, lower: bool) -> None:
    """Of the other triangle nothing is read."""
    factor = draw(m)
    exact = dense(factor, lower)
    factor[np.triu_indices(m, 1) if lower else np.tril_indices(m, -1)] = np.nan
    found = evaluate(potri(factor.astype(dtype), lower), {})
    assert found.dtype == dtype
    tolerance = 1e-12 if dtype == "float64" else 1e-4
    np.testing.assert_allclose(found, exact, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(found, found.T)


LAYOUTS = {
    "columns": lambda x: np.asfortranarray(x),
    "backward": lambda x: x[::-1, ::-1],
    "a part": lambda x: np.pad(x, 2)[2:-2, 2:-2],
}


@both
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout: str, lower: bool) -> None:
    factor = LAYOUTS[layout](draw(6))
    before = factor.copy()
    found = [[None]]
    Potri(lower).perform(None, [factor], found)
    np.testing.assert_allclose(found[0][0], dense(factor, lower), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(factor, before)


@both
def test_what_has_no_inverse_is_nan(lower: bool) -> None:
    factor = draw(4)
    factor[2, 2] = 0
    assert np.isnan(evaluate(potri(factor, lower), {})).all()
    assert np.isnan(evaluate(potri(np.full((4, 4), np.nan), lower), {})).all()


@both
def test_gradients(lower: bool) -> None:
    verify_grad(lambda x: potri(x, lower), [draw(4)], rng=RNG, mode=PLAIN)


def test_the_gradient_is_that_of_the_inverse() -> None:
    x = pt.dmatrix("x")
    weights = RNG.normal(size=(4, 4))
    plain = pt.linalg.inv(pt.tril(x) @ pt.tril(x).T)
    ours, theirs = (pt.grad((weights * out).sum(), x) for out in (potri(x), plain))
    found, exact = evaluate([ours, theirs], {x: draw(4)})
    np.testing.assert_allclose(found, exact, rtol=1e-10, atol=1e-12)


def test_shapes_and_batches() -> None:
    x = pt.dmatrix("x")
    f = pytensor.function([x], potri(x).shape, mode="FAST_RUN")
    assert not any(isinstance(n.op, Potri) for n in f.maker.fgraph.toposort())
    np.testing.assert_array_equal(f(np.eye(4)), (4, 4))
    assert potri(pt.tensor(shape=(4, None), dtype="float64")).type.shape == (4, 4)
    with pytest.raises(ValueError, match="must be the same"):
        potri(pt.tensor(shape=(4, 5), dtype="float64"))
    with pytest.raises(ValueError, match="not square"):
        evaluate(potri(x), {x: np.ones((4, 3))})
    batch = pt.dtensor3("batch")
    values = np.stack([draw(4), draw(4)])
    found = evaluate(vectorize_graph(potri(x), {x: batch}), {batch: values})
    np.testing.assert_allclose(found[1], dense(values[1], True), rtol=1e-12, atol=1e-12)
