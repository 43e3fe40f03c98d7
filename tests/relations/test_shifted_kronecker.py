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
from tests.support import assert_same_value, decisions, evaluate, ops, rewritten

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


def used(graph: Any, relations: Any) -> set[str]:
    """The names of the relations that rewrite a graph."""
    return {name for s in decisions(graph, relations) if s.decision.taken for name in s.relations}


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


# --- transposed, batched, differentiated as it is written -----------------------------------------


def test_transposed() -> None:
    """The transpose of a sum that is used twice is opened where a relation wants a sum."""
    graphs = [linalg.solve(S, v), linalg.solve(S.T, 2 * v)]
    new = kantor.rewrite(graphs, relations=NAMES)
    assert not {"Solve", "KroneckerProduct"} & {name for g in new for name in ops(g)}
    values = {**GIVEN, v: draw(12)}
    for old, other in zip(evaluate(graphs, values), evaluate(new, values), strict=True):
        np.testing.assert_allclose(other, old, rtol=1e-9)


def test_batched() -> None:
    a, b = pt.tensor3("a"), pt.tensor3("b")
    fa, fb = (assume(x, symmetric=True) for x in (a, b))
    whole = pt.vectorize(linalg.kron, "(a,b),(c,d)->(e,f)")(fa, fb) + s * pt.eye(12)
    values = {a: np.stack([definite(3)] * 2), b: np.stack([definite(4), 2 * definite(4)])}
    values |= {s: np.array(0.7), M: draw(12, 2)}
    graph = linalg.solve(whole, M, b_ndim=2)
    new = assert_same_value(graph, values, relations=NAMES)
    assert "Solve" not in ops(new)
    old, new = (pt.grad((g**2).sum(), [a, s, M]) for g in (graph, new))
    for x, y in zip(evaluate(old, values), evaluate(new, values), strict=True):
        np.testing.assert_allclose(y, x, rtol=1e-8, atol=1e-10)
    log = assert_same_value(linalg.slogdet(whole)[1], values, relations=NAMES)
    assert "Det" not in ops(log)
    gradients = [pt.grad((g**2).sum(), [a, b, s]) for g in (linalg.slogdet(whole)[1], log)]
    for x, y in zip(*(evaluate(g, values) for g in gradients), strict=True):
        np.testing.assert_allclose(y, x, rtol=1e-8, atol=1e-10)


def test_differentiated_as_it_is_written() -> None:
    """The gradient of the dense form is made of eigenvectors too."""
    old = pt.grad(_log_density(), [A, B, s, v])
    new = kantor.rewrite(old)
    assert not {"Solve", "MatrixInverse", "KroneckerProduct", "Det"} & {
        name for g in new for name in ops(g)
    }
    values = {**GIVEN, v: draw(12)}
    for x, y in zip(evaluate(old, values), evaluate(new, values), strict=True):
        np.testing.assert_allclose(y, x, rtol=1e-8, atol=1e-10)


def test_what_the_gradient_of_a_log_determinant_is_made_of() -> None:
    inverse = linalg.inv(S)
    graph = pt.trace(inverse)
    assert rewritten(graph, "trace_of_inverse_of_shifted_kron") == [
        ("tr((A ⊗ B + s·I)⁻¹)", "shifted_inverse_trace(s, A, B)")
    ]
    assert_same_value(graph, GIVEN, relations="trace_of_inverse_of_shifted_kron")
    assert decisions(pt.trace(linalg.inv(shifted(SA, B))), "trace_of_inverse_of_shifted_kron") == []
    assert rewritten(linalg.det(S), "det_of_shifted_kron") == [
        ("det(A ⊗ B + s·I)", "shifted_det(s, A, B)")
    ]
    assert_same_value(linalg.det(S), GIVEN, relations="det_of_shifted_kron")
    assert decisions(linalg.det(shifted(SA, B)), "det_of_shifted_kron") == []


@pytest.mark.parametrize("x", [A, B])
def test_adjoints_at_the_inverse(x: Any) -> None:
    side = "left" if x is A else "right"
    alone, beside = f"{side}_adjoint_of_shifted_kron", f"{side}_adjoint_with_shifted_kron"
    gradient = pt.grad(linalg.slogdet(S)[1], x)
    assert alone in used(gradient, ("kronecker", "traces"))
    assert_same_value(gradient, GIVEN)
    both = pt.grad(_log_density(), x)
    assert beside in used(both, ("kronecker", "traces"))
    assert_same_value(both, {**GIVEN, v: draw(12)})
    general = -0.5 * v @ linalg.solve(shifted(A, B), v) - 0.5 * linalg.slogdet(shifted(A, B))[1]
    assert not {alone, beside} & used(pt.grad(general, x), ("kronecker", "traces"))


# --- noise that is diagonal in each factor --------------------------------------------------------

T6, U5 = pt.matrix("T6", shape=(6, 6)), pt.matrix("U5", shape=(5, 5))
ST, SU = (assume(x, symmetric=True) for x in (T6, U5))
d, e = pt.vector("d", shape=(6,)), pt.vector("e", shape=(5,))
NOISE = pt.exp(d), pt.exp(e)
NOISY = linalg.kron(ST, SU) + s * linalg.kron(*map(pt.diag, NOISE))
NOISY_VALUES = {
    T6: definite(6), U5: definite(5), s: np.array(0.7), d: draw(6), e: draw(5), v: draw(30),
    M: draw(2, 30),
}  # fmt: skip


def test_solve_of_kron_with_noise() -> None:
    name = "solve_of_kron_with_noise"
    [(_, after)] = rewritten(linalg.solve(NOISY, v), name)
    assert after.startswith("noisy_solve(s, v, T6, U5, ")
    assert_same_value(linalg.solve(NOISY, v), NOISY_VALUES, relations=name)
    # The identity is such a factor as well; what may be negative is none.
    half = linalg.kron(ST, SU) + linalg.kron(pt.eye(6), pt.diag(NOISE[1]))
    new = assert_same_value(linalg.solve(half, v), NOISY_VALUES, relations=name)
    assert "Solve" not in ops(new)
    negative = linalg.kron(ST, SU) + linalg.kron(pt.diag(d), pt.diag(NOISE[1]))
    assert decisions(linalg.solve(negative, v), name) == []


def test_solve_of_kron_with_noise_from_the_left() -> None:
    name = "solve_of_kron_with_noise_from_the_left"
    new = assert_same_value(M @ linalg.inv(NOISY), NOISY_VALUES, relations=name)
    assert "MatrixInverse" not in ops(new)
    general = linalg.kron(T6, SU) + linalg.kron(*map(pt.diag, NOISE))
    assert name not in used(M @ linalg.inv(general), name)


def test_logabsdet_of_kron_with_noise() -> None:
    name = "logabsdet_of_kron_with_noise"
    graph = linalg.slogdet(NOISY)[1]
    new = assert_same_value(graph, NOISY_VALUES, relations=name)
    assert "Det" not in ops(new)
    turned = linalg.kron(ST, SU) + linalg.kron(pt.diag(NOISE[1]), pt.diag(NOISE[0]))
    assert decisions(linalg.slogdet(turned)[1], name) == []


def test_noise_as_the_diagonal_of_products() -> None:
    names = (
        "solve_of_kron_with_outer_noise",
        "solve_of_kron_with_outer_noise_from_the_left",
        "logabsdet_of_kron_with_outer_noise",
    )
    whole = linalg.kron(ST, SU) + pt.diag(pt.outer(*NOISE).ravel())
    other = linalg.kron(ST, SU) + pt.diag(pt.exp(v))
    for name, of in zip(
        names,
        (lambda x: linalg.solve(x, v), lambda x: M @ linalg.inv(x), lambda x: linalg.slogdet(x)[1]),
        strict=True,
    ):
        assert name in used(of(whole), name)
        assert_same_value(of(whole), NOISY_VALUES, relations=name)
        assert name not in used(of(other), name)


def test_the_gradient_with_noise_where_eigenvalues_coincide() -> None:
    old = -0.5 * v @ linalg.solve(NOISY, v) - 0.5 * linalg.slogdet(NOISY)[1]
    new = kantor.rewrite(old)
    assert not {"Solve", "KroneckerProduct", "Det"} & set(ops(new))
    inputs = [T6, U5, s, d, e, v]
    values = (2 * np.eye(6), np.eye(5), np.array(0.3), np.zeros(6), np.zeros(5), draw(30))
    f, g = (pytensor.function(inputs, pt.grad(y, inputs), mode="CVM") for y in (old, new))
    for x, y in zip(f(*values), g(*values), strict=True):
        np.testing.assert_allclose(y, x, rtol=1e-9, atol=1e-12)


# --- sums -----------------------------------------------------------------------------------------

SUM = linalg.kron(ST, pt.eye(5)) + 2 * linalg.kron(pt.eye(6), SU)


def test_solve_of_symmetric_kron_sum() -> None:
    name = "solve_of_symmetric_kron_sum"
    assert rewritten(linalg.solve(SUM, v), name) == [
        ("(T6 ⊗ I + 2·(I ⊗ U5))⁻¹ v", "shifted_sum_solve(0, v, T6, 2·U5)")
    ]
    assert_same_value(linalg.solve(SUM, v), NOISY_VALUES, relations=name)
    general = linalg.kron(T6, pt.eye(5)) + linalg.kron(pt.eye(6), SU)
    assert decisions(linalg.solve(general, v), name) == []


def test_solve_of_symmetric_kron_sum_from_the_left() -> None:
    name = "solve_of_symmetric_kron_sum_from_the_left"
    new = assert_same_value(M @ linalg.inv(SUM), NOISY_VALUES, relations=name)
    assert "MatrixInverse" not in ops(new)
    general = linalg.kron(T6, pt.eye(5)) + linalg.kron(pt.eye(6), SU)
    assert name not in used(M @ linalg.inv(general), name)


def test_logabsdet_of_symmetric_kron_sum() -> None:
    name = "logabsdet_of_symmetric_kron_sum"
    graph = linalg.slogdet(SUM)[1]
    assert [after for _, after in rewritten(graph, name)] == ["shifted_sum_logabsdet(0, T6, 2·U5)"]
    assert_same_value(graph, NOISY_VALUES, relations=name)
    general = linalg.kron(T6, pt.eye(5)) + linalg.kron(pt.eye(6), U5)
    assert decisions(linalg.slogdet(general)[1], name) == []


def test_shift_of_kron_sum() -> None:
    names = ("shift_of_kron_sum", "logabsdet_of_symmetric_kron_sum")
    graph = linalg.slogdet(SUM + s * pt.eye(30))[1]
    assert [after for _, after in rewritten(graph, names)] == [
        "shifted_sum_logabsdet(0, T6 + s·I, 2·U5)"
    ]
    assert_same_value(graph, NOISY_VALUES, relations=names)
    other = linalg.slogdet(SUM + pt.diag(v))[1]
    assert "shift_of_kron_sum" not in used(other, "shift_of_kron_sum")


def test_the_gradient_of_a_sum_where_eigenvalues_coincide() -> None:
    old = v @ linalg.solve(SUM + s * pt.eye(30), v) + linalg.slogdet(SUM + s * pt.eye(30))[1]
    new = kantor.rewrite(old)
    assert not {"Solve", "KroneckerProduct", "Det"} & set(ops(new))
    inputs = [T6, U5, s, v]
    values = (2 * np.eye(6), np.eye(5), np.array(0.3), draw(30))
    f, g = (pytensor.function(inputs, pt.grad(y, inputs), mode="CVM") for y in (old, new))
    for x, y in zip(f(*values), g(*values), strict=True):
        np.testing.assert_allclose(y, x, rtol=1e-9, atol=1e-12)
