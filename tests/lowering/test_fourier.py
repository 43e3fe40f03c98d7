"""The Ops for circulant and Toeplitz matrices: values, gradients, shapes, and what is empty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
import scipy.linalg as sl
from pytensor.gradient import verify_grad
from pytensor.graph.replace import vectorize_graph

from lowering import fourier
from lowering.levinson import levinson_solve
from tests.support import PLAIN, evaluate

RNG = np.random.default_rng(20261121)


def value(graph: Any) -> Any:
    return evaluate(graph, {})


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


def column(n: int) -> Any:
    """The column of a matrix that is far from singular, and definite as a Toeplitz matrix."""
    c = draw(n)
    c[:1] = 2 * n + 1
    return c


def correlated(g: Any, x: Any) -> Any:
    n = len(g)
    return np.array([sum(g[(i + k) % n] @ x[i] for i in range(n)) for k in range(n)])


OPS = {
    "dot": (fourier.circulant_dot, lambda c, x: sl.circulant(c) @ x),
    "solve": (fourier.circulant_solve, lambda c, x: np.linalg.solve(sl.circulant(c), x)),
    "levinson": (levinson_solve, lambda c, x: np.linalg.solve(sl.toeplitz(c), x)),
}


@pytest.mark.parametrize("n", [1, 2, 3, 8])
@pytest.mark.parametrize("name", OPS)
def test_a_column_and_others(name: str, n: int) -> None:
    op, dense = OPS[name]
    values = [column(n), draw(n, 3)]
    c, x = pt.dvector("c"), pt.dmatrix("x")
    out = op(c, x)
    f = pytensor.function([c, x], [out, out.shape], mode=PLAIN)
    found, lengths = f(*values)
    np.testing.assert_allclose(found, dense(*values), rtol=1e-10, atol=1e-12)
    assert tuple(lengths) == found.shape
    verify_grad(op, values, rng=RNG, mode=PLAIN)
    batch = pt.tensor3("batch")
    both = {c: values[0], batch: np.stack([values[1]] * 2)}
    many = evaluate(vectorize_graph(out, {x: batch}), both)
    np.testing.assert_allclose(many[1], found, rtol=1e-12)


@pytest.mark.parametrize(("m", "n"), [(3, 5), (5, 3), (4, 4), (1, 3), (3, 1)])
@pytest.mark.parametrize("transposed", [False, True])
def test_toeplitz(transposed: bool, m: int, n: int) -> None:
    op = fourier.ToeplitzDot(transposed)
    c, r, x = draw(m), draw(n), draw(m if transposed else n, 2)
    T = sl.toeplitz(c, r)
    np.testing.assert_allclose(value(op(c, r, x)), (T.T if transposed else T) @ x, atol=1e-12)
    verify_grad(op, [c, r, x], rng=RNG, mode=PLAIN)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_correlation(n: int) -> None:
    g, x = draw(n, 2), draw(n, 2)
    np.testing.assert_allclose(value(fourier.correlation(g, x)), correlated(g, x), atol=1e-12)
    verify_grad(fourier.correlation, [g, x], rng=RNG, mode=PLAIN)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
def test_determinants(n: int) -> None:
    c = draw(n)
    dense = sl.circulant(c)
    np.testing.assert_allclose(value(fourier.circulant_det(c)), np.linalg.det(dense), rtol=1e-9)
    found = value(fourier.circulant_logabsdet(c))
    np.testing.assert_allclose(found, np.linalg.slogdet(dense)[1], rtol=1e-9, atol=1e-12)
    verify_grad(fourier.circulant_logabsdet, [column(n)], rng=RNG, mode=PLAIN)
    verify_grad(fourier.circulant_det, [column(n) / (2 * n)], rng=RNG, mode=PLAIN)


def test_a_singular_circulant_has_the_determinant_0() -> None:
    assert value(fourier.circulant_det(np.ones(4))) == 0
    assert value(fourier.circulant_logabsdet(np.ones(4))) == -np.inf


def test_what_is_empty() -> None:
    none, nothing = np.zeros(0), np.zeros((0, 2))
    for op in (fourier.circulant_dot, fourier.circulant_solve, levinson_solve):
        assert value(op(none, nothing)).shape == (0, 2)
    assert value(fourier.toeplitz_dot(np.ones(3), none, nothing)).shape == (3, 2)
    assert not value(fourier.toeplitz_dot(np.ones(3), none, nothing)).any()
    assert value(fourier.correlation(nothing, nothing)).shape == (0,)
    assert value(fourier.circulant_det(none)) == 1
    assert value(fourier.circulant_logabsdet(none)) == 0


def test_lengths_that_do_not_conform_raise() -> None:
    c, x = np.ones(3), np.ones((4, 1))
    for op in (fourier.circulant_dot, fourier.circulant_solve, levinson_solve):
        with pytest.raises(ValueError, match="do not conform"):
            value(op(c, x))
    with pytest.raises(ValueError, match="do not conform"):
        value(fourier.toeplitz_dot(c, c, x))
