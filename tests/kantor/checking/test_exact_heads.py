"""Heads of factors, circulants and shifted products mean what mathematics says they do."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import scipy.linalg

from kantor.checking.exact import value
from kantor.checking.exact_numbers import LONG, MEANING, RATIONAL
from kantor.checking.sides import Undefined
from matchers.vocabulary import det_sign, exponential, logabsdet
from relations.language import matrices

(A,) = matrices("A")
SHAPES = [(1, 1), (3, 3), (4, 2), (2, 4)]


def drawn(m: int, n: int, seed: int = 0) -> Any:
    return RATIONAL.array(np.random.default_rng(seed).integers(-9, 10, (m, n)))


def long(x: Any) -> Any:
    return LONG.array(x)


def floats(x: Any) -> Any:
    return np.asarray(x, dtype=float)


def same(x: Any, y: Any) -> bool:
    return bool(np.all(x == y))


@pytest.mark.parametrize("shape", SHAPES)
def test_lu_is_that_of_lapack(shape: tuple[int, int]) -> None:
    x = drawn(*shape, seed=1)
    p, lower, upper = MEANING["lu"](RATIONAL, x)
    assert same(p @ lower @ upper, x)
    for made, built in zip((p, lower, upper), scipy.linalg.lu(floats(x)), strict=True):
        assert np.allclose(floats(made), built)


def test_lu_of_singular_matrices_recomposes() -> None:
    for x in (drawn(3, 1) @ drawn(1, 3, 1), RATIONAL.zeros(2, 2)):
        p, lower, upper = MEANING["lu"](RATIONAL, x)
        assert same(p @ lower @ upper, x) and same(p @ p.T, RATIONAL.eye(len(x)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rank", [1, 4])
def test_qr_is_that_of_lapack(shape: tuple[int, int], rank: int) -> None:
    x = long(drawn(shape[0], rank) @ drawn(rank, shape[1], 1))
    with LONG.context():
        q, r = MEANING["full_qr"](LONG, x)
        thin, square = MEANING["qr"](LONG, x)
        away = (q @ r - x, thin @ square - x, q.T @ q - LONG.eye(len(q)))
    assert all(np.all(abs(floats(a)) < 1e-50) for a in away)
    if rank >= min(shape):  # otherwise signs are those of rounding errors
        assert np.allclose(floats(r), np.linalg.qr(floats(x), mode="complete")[1])
        assert np.allclose(floats(thin), np.linalg.qr(floats(x))[0])


@pytest.mark.parametrize("shape", [*SHAPES, (0, 2)])
@pytest.mark.parametrize("rank", [0, 1, 4])
def test_pseudoinverses_meet_what_penrose_asks(shape: tuple[int, int], rank: int) -> None:
    x = drawn(shape[0], rank) @ drawn(rank, shape[1], 1)
    x = RATIONAL.array(x) if x.size else RATIONAL.zeros(*shape)
    y = MEANING["pinv"](RATIONAL, x)
    assert same(x @ y @ x, x) and same(y @ x @ y, y)
    assert same(x @ y, (x @ y).T) and same(y @ x, (y @ x).T)


def test_circulants_and_toeplitz_matrices_are_those_of_scipy() -> None:
    c, r, x = drawn(3, 1), drawn(4, 1, 1), drawn(3, 2, 2)
    round_ = MEANING["circulant"](RATIONAL, c)
    assert same(round_, scipy.linalg.circulant(floats(c)[:, 0]))
    assert same(MEANING["circulant"](RATIONAL, MEANING["mirrored"](RATIONAL, c)), round_.T)
    assert same(MEANING["lead"](RATIONAL, round_), c)
    assert same(round_ @ MEANING["first"](RATIONAL, 3), c)
    along = MEANING["toeplitz"](RATIONAL, c, r)
    assert same(along, scipy.linalg.toeplitz(floats(c)[:, 0], floats(r)[:, 0]))
    assert same(MEANING["transposed_toeplitz_dot"](RATIONAL, c, r, x), along.T @ x)
    solved = MEANING["deconvolved"](RATIONAL, c, x)
    assert same(MEANING["convolved"](RATIONAL, c, solved), x)
    column = RATIONAL.array([[9], [2], [1]])
    solved = MEANING["levinson"](RATIONAL, column, x)
    assert same(MEANING["toeplitz_dot"](RATIONAL, column, column, solved), x)


def test_rows_are_taken_from_either_end() -> None:
    x, p = drawn(3, 2), RATIONAL.array([[2], [-3], [0], [2]])
    assert same(MEANING["taken"](RATIONAL, x, p), x[[2, 0, 0, 2]])
    added = MEANING["scattered"](RATIONAL, drawn(4, 2), p, 3)
    assert same(added, MEANING["taken"](RATIONAL, RATIONAL.eye(3), p).T @ drawn(4, 2))
    with pytest.raises(Undefined):
        MEANING["taken"](RATIONAL, x, RATIONAL.array([[3]]))


def test_signs_and_powers_at_length_0() -> None:
    singular, minus = RATIONAL.zeros(2, 2), RATIONAL.array([[0, 1], [1, 0]])
    assert MEANING["det_sign"](RATIONAL, minus) == -1
    assert MEANING["det_sign"](RATIONAL, singular) == 0
    assert MEANING["power_sign"](RATIONAL, Fraction(-5), 3) == -1
    assert MEANING["power_sign"](RATIONAL, Fraction(0), 0) == 1
    assert MEANING["det_powers"](RATIONAL, singular, 0, minus, 3) == -1
    assert MEANING["det_powers"](RATIONAL, singular, 1, minus, 3) == 0


def test_a_sign_of_0_times_what_is_infinite_small_is_0() -> None:
    side = det_sign(A) * exponential(logabsdet(A))
    assert value(side, {A: LONG.zeros(2, 2)}, LONG) == 0
    with pytest.raises(Undefined):
        value(logabsdet(A), {A: LONG.zeros(2, 2)}, LONG)
    with pytest.raises(Undefined):
        value(logabsdet(A) - logabsdet(A @ A), {A: LONG.zeros(2, 2)}, LONG)


def test_shifted_products_are_inverted() -> None:
    a, b = (long(x + x.T) for x in (drawn(2, 2), drawn(3, 3, 1)))
    d, e, x = (long(abs(drawn(*s, 2)) + 1) for s in ((2, 1), (3, 1), (6, 2)))
    c = LONG.number(7)
    with LONG.context():
        whole = MEANING["kron"](LONG, a, b)
        added = MEANING["kron"](LONG, a, LONG.eye(3)) + MEANING["kron"](LONG, LONG.eye(2), b)
        shift, noise = c * LONG.eye(6), c * MEANING["diag"](LONG, MEANING["kron"](LONG, d, e))
        inverse = MEANING["inverse"](LONG, whole + shift)
        away = [
            (whole + noise) @ MEANING["noisy_solve"](LONG, c, x, a, b, d, e) - x,
            (added + shift) @ MEANING["shifted_sum_solve"](LONG, c, x, a, b) - x,
            MEANING["noisy_logabsdet"](LONG, c, a, b, d, e)
            - MEANING["logabsdet"](LONG, whole + noise),
            MEANING["shifted_sum_logabsdet"](LONG, c, a, b)
            - MEANING["logabsdet"](LONG, added + shift),
            MEANING["shifted_det"](LONG, c, a, b) - MEANING["det"](LONG, whole + shift),
            MEANING["shifted_inverse_trace"](LONG, c, a, b) - np.trace(inverse),
            MEANING["shifted_adjoint_left"](LONG, c, a, b)
            - MEANING["kron_adjoint_left"](LONG, inverse, a, b),
            MEANING["shifted_adjoint_right"](LONG, c, a, b)
            - MEANING["kron_adjoint_right"](LONG, inverse, a, b),
        ]
    assert all(np.all(abs(floats(w)) < 1e-40) for w in away)
