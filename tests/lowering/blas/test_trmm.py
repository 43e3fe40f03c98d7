"""The product of one triangle or trapezoid with a matrix: values, layouts, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.gradient import verify_grad
from pytensor.graph.replace import vectorize_graph

from lowering.blas import Trmm, trmm
from tests.support import PLAIN, evaluate

RNG = np.random.default_rng(20261123)
KINDS = [(True, False), (True, True), (False, False), (False, True)]
each_kind = pytest.mark.parametrize(
    ("lower", "unit"), KINDS, ids=["lower", "unit lower", "upper", "unit upper"]
)


def dense(a: Any, lower: bool, unit: bool) -> Any:
    part = np.tril(a) if lower else np.triu(a)
    if unit:
        np.fill_diagonal(part, 1)
    return part


def part_read(a: Any, lower: bool, unit: bool) -> Any:
    """NaN where nothing is to be read."""
    a = np.where(dense(np.ones(a.shape), lower, False), a, np.nan)
    if unit:
        np.fill_diagonal(a, np.nan)
    return a


SQUARE = [(0, 0), (0, 2), (3, 0), (1, 1), (1, 4), (5, 1), (9, 4), (90, 7)]
SHAPES = [(m, m, k) for m, k in SQUARE] + [
    (m, n, k)
    for m, n in [(0, 3), (3, 0), (1, 2), (2, 1), (1, 6), (6, 1), (4, 5), (5, 4), (80, 9), (9, 80)]
    for k in (0, 1, 4)
]


@each_kind
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values(shape: tuple[int, int, int], dtype: str, lower: bool, unit: bool) -> None:
    """The zeros are not read, nor a diagonal that is said to be of ones."""
    m, n, k = shape
    a, b = RNG.normal(size=(m, n)), RNG.normal(size=(n, k))
    whole = dense(a, lower, unit)
    a = part_read(a, lower, unit)
    found = evaluate(trmm(a.astype(dtype), b.astype(dtype), lower, unit), {})
    assert found.dtype == dtype
    tolerance = 1e-12 if dtype == "float64" else 1e-4
    np.testing.assert_allclose(found, whole @ b, rtol=tolerance, atol=tolerance)


LAYOUTS = {
    "rows": lambda x: x.copy(),
    "columns": lambda x: np.asfortranarray(x),
    "backward": lambda x: x[::-1, ::-1],
    "every other": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "a part": lambda x: np.pad(x, 2)[2:-2, 2:-2],
    "repeated": lambda x: np.broadcast_to(x[0], x.shape),
}


@each_kind
@pytest.mark.parametrize("first", LAYOUTS)
@pytest.mark.parametrize("second", LAYOUTS)
@pytest.mark.parametrize("m", [6, 9, 3])
def test_layouts(first: str, second: str, m: int, lower: bool, unit: bool) -> None:
    a, b = LAYOUTS[first](RNG.normal(size=(m, 6))), LAYOUTS[second](RNG.normal(size=(6, 4)))
    found = [[None]]
    before = a.copy(), b.copy()
    Trmm(lower, unit).perform(None, [a, b], found)
    np.testing.assert_allclose(found[0][0], dense(a, lower, unit) @ b, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(a, before[0])
    np.testing.assert_array_equal(b, before[1])


@each_kind
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["left", "right", "both"])
@pytest.mark.parametrize("m", [80, 41, 120])
def test_what_is_not_finite(m: int, where: str, bad: float, lower: bool, unit: bool) -> None:
    """As in the product with the whole matrix, zeros and all."""
    a, b = RNG.normal(size=(m, 80)), RNG.normal(size=(80, 3))
    if where != "right":
        a[40, 11] = a[11, 40] = bad
    if where != "left":
        b[79, 1] = bad
    with np.errstate(invalid="ignore"):
        exact = dense(a, lower, unit) @ b
        found = evaluate(trmm(a, b, lower, unit), {})
    np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-12)


@each_kind
@pytest.mark.parametrize("m", [4, 2, 6])
def test_gradients(m: int, lower: bool, unit: bool) -> None:
    values = [RNG.normal(size=(m, 4)), RNG.normal(size=(4, 3))]
    verify_grad(lambda a, b: trmm(a, b, lower, unit), values, rng=RNG, mode=PLAIN)


def test_shapes_and_batches() -> None:
    a, b = pt.dmatrices("a", "b")
    out = trmm(a, b)
    f = pytensor.function([a, b], out.shape, mode="FAST_RUN", on_unused_input="ignore")
    assert not any(isinstance(n.op, Trmm) for n in f.maker.fgraph.toposort())
    np.testing.assert_array_equal(f(np.ones((4, 4)), np.ones((4, 2))), (4, 2))
    np.testing.assert_array_equal(f(np.ones((3, 4)), np.ones((4, 2))), (3, 2))
    known = pt.tensor(shape=(3, 4), dtype="float64")
    assert trmm(known, b).type.shape == (3, None)
    with pytest.raises(ValueError, match="must be the same"):
        trmm(known, pt.tensor(shape=(5, 2), dtype="float64"))
    with pytest.raises(ValueError, match="do not conform"):
        evaluate(out, {a: np.ones((4, 4)), b: np.ones((3, 2))})
    batch = pt.dtensor3("batch")
    for m in (4, 3, 7):
        values = {batch: RNG.normal(size=(3, m, 4)), b: RNG.normal(size=(4, 2))}
        found = evaluate(vectorize_graph(out, {a: batch}), values)
        exact = np.tril(values[batch]) @ values[b]
        np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-12)


def test_dtypes_are_not_mixed() -> None:
    with pytest.raises(TypeError, match=r"^Trmm takes one of .* not float32, float64$"):
        trmm(pt.fmatrix(), pt.dmatrix())
