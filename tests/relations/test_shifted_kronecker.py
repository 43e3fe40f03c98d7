"""A Kronecker product plus a multiple of the identity: expected forms, near misses, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.assumptions import assume
from pytensor.tensor import linalg

import kantor
from tests.support import assert_same_value, decisions, ops, rewritten

RNG = np.random.default_rng(20261125)
A, B, C, M = pt.matrices("A", "B", "C", "M")
v = pt.vector("v")
s = pt.scalar("s")
SA, SB, SC = (assume(x, symmetric=True) for x in (A, B, C))
NAMES = ("solve_of_shifted_kron", "logabsdet_of_shifted_kron")


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


def definite(n: int) -> Any:
    x = draw(n, n)
    return x @ x.T / n + np.eye(n)


def shifted(*factors: Any, shift: Any = s) -> Any:
    product, order = factors[0], factors[0].shape[0]
    for f in factors[1:]:
        product, order = linalg.kron(product, f), order * f.shape[0]
    return product + shift * pt.eye(order, dtype=product.dtype)


S = shifted(SA, SB)
GIVEN = {A: definite(3), B: definite(4), s: np.array(0.7)}


def test_solve_of_shifted_kron() -> None:
    expected = [("(A ⊗ B + s·I)⁻¹ v", "shifted_solve(s, v, A, B)")]
    assert rewritten(linalg.solve(S, v), "solve_of_shifted_kron") == expected
    new = assert_same_value(linalg.solve(S, v), {**GIVEN, v: draw(12)}, relations=NAMES)
    assert not {"KroneckerProduct", "Solve"} & set(ops(new))
    assert_same_value(linalg.inv(S) @ M, {**GIVEN, M: draw(12, 2)}, relations=NAMES)
    # What nobody declared to be symmetric.
    assert decisions(linalg.solve(shifted(SA, B), v), "solve_of_shifted_kron") == []
    # A shift that is no multiple of the identity.
    graph = linalg.solve(linalg.kron(SA, SB) + pt.diag(v), v)
    assert decisions(graph, "solve_of_shifted_kron") == []


def test_solve_of_shifted_kron_from_the_left() -> None:
    name = "solve_of_shifted_kron_from_the_left"
    assert rewritten(M @ linalg.inv(S), name) == [
        ("M (A ⊗ B + s·I)⁻¹", "shifted_solve(s, Mᵀ, A, B)ᵀ")
    ]
    assert_same_value(M @ linalg.inv(S), {**GIVEN, M: draw(2, 12)}, relations=name)
    assert decisions(M @ linalg.inv(shifted(A, SB)), name) == []


def test_logabsdet_of_shifted_kron() -> None:
    graph = linalg.slogdet(S)[1]
    expected = [("log|A ⊗ B + s·I|", "shifted_logabsdet(s, A, B)")]
    assert rewritten(graph, "logabsdet_of_shifted_kron") == expected
    assert_same_value(graph, GIVEN, relations=NAMES)
    assert decisions(linalg.slogdet(shifted(A, B))[1], "logabsdet_of_shifted_kron") == []


def test_three_factors() -> None:
    graph = linalg.solve(shifted(SA, SB, SC), v)
    given = {**GIVEN, C: definite(2), v: draw(24)}
    new = assert_same_value(graph, given, relations=NAMES)
    assert "KroneckerProduct" not in ops(new)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (3, 1), (0, 2)])
def test_small_factors(shape: tuple[int, int]) -> None:
    m, n = shape
    given = {A: definite(m) if m else np.empty((0, 0)), B: definite(n), s: np.array(0.5)}
    assert_same_value(linalg.solve(S, v), {**given, v: draw(m * n)}, relations=NAMES)


def test_single_precision() -> None:
    a, b, w = pt.fmatrix("a"), pt.fmatrix("b"), pt.fvector("w")
    t = pt.fscalar("t")
    graph = linalg.solve(shifted(*(assume(x, symmetric=True) for x in (a, b)), shift=t), w)
    new = kantor.rewrite(graph, relations=NAMES)
    assert new.type == graph.type and "KroneckerProduct" not in ops(new)
    values = [x.astype("float32") for x in (definite(3), definite(4), np.array(0.7), draw(12))]
    f, g = (pytensor.function([a, b, t, w], out, mode="CVM") for out in (graph, new))
    np.testing.assert_allclose(g(*values), f(*values), rtol=1e-4, atol=1e-5)


def _log_density() -> Any:
    return -0.5 * v @ linalg.solve(S, v) - 0.5 * linalg.slogdet(S)[1]


@pytest.mark.parametrize("apart", [0.0, 1e-12, 1e-6, 1.0])
def test_the_gradient_where_eigenvalues_nearly_coincide(apart: float) -> None:
    """The pullback divides by no difference of eigenvalues."""
    old = _log_density()
    new = kantor.rewrite(old, relations=NAMES)
    inputs = [A, B, s, v]
    f, g = (pytensor.function(inputs, pt.grad(y, inputs), mode="CVM") for y in (old, new))
    noise = draw(3, 3)
    a = 2 * np.eye(3) + apart * (noise + noise.T)
    values = (a, np.eye(4), np.array(0.3), draw(12))
    for x, y in zip(f(*values), g(*values), strict=True):
        np.testing.assert_allclose(y, x, rtol=1e-9, atol=1e-12)


def test_after_differentiation_too() -> None:
    """What was differentiated first is rewritten where it can be, and right."""
    old = _log_density()
    assert_same_value(pt.grad(old, v), {**GIVEN, v: draw(12)}, relations=NAMES)


def test_a_shift_by_one() -> None:
    graph = linalg.solve(shifted(SA, SB, shift=np.array(1.0)), v)
    assert rewritten(graph, NAMES) == [("(A ⊗ B + I)⁻¹ v", "shifted_solve(1, v, A, B)")]
    assert_same_value(graph, {A: GIVEN[A], B: GIVEN[B], v: draw(12)}, relations=NAMES)
