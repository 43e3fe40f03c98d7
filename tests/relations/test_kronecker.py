"""Each relation on Kronecker products: one graph with its expected form, and one near miss."""

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

RNG = np.random.default_rng(20261120)


def matrix(name: str, *shape: int | None) -> Any:
    return pt.matrix(name, shape=shape or (None, None))


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


A, B, C, D, M, N = (matrix(n) for n in "ABCDMN")
S, R = matrix("S", 9, 9), matrix("R", 8, 8)
v, w = pt.vectors("v", "w")
K = linalg.kron(A, B)
WIDE = {A: draw(2, 3), B: draw(4, 5)}
SQUARE = {A: draw(3, 3), B: draw(4, 4)}


def test_kron_matvec() -> None:
    assert rewritten(K @ v, "kron_matvec") == [("(A ⊗ B) v", "vec(A mat(v) Bᵀ)")]
    new = assert_same_value(K @ v, {**WIDE, v: draw(15)}, relations="kron_matvec")
    assert "KroneckerProduct" not in ops(new)
    assert rewritten((A @ B) @ v, "kron_matvec") == [("A B v", "A B v")]  # bracketing only


def test_kron_vecmat() -> None:
    graph = M @ pt.expand_dims(v, 0) @ K
    assert rewritten(graph, "kron_vecmat") == [("M vᵀ (A ⊗ B)", "M vec(Aᵀ mat(v) B)ᵀ")]
    assert_same_value(graph, {**WIDE, M: draw(3, 1), v: draw(8)}, relations="kron_vecmat")
    assert not [s for s in decisions(N @ K, "kron_vecmat") if s.relations == ("kron_vecmat",)]


def test_kron_matmat() -> None:
    new = assert_same_value(K @ M, {**WIDE, M: draw(15, 2)}, relations="kron_matmat")
    assert ops(new).count("Dot") == 2
    assert "KroneckerProduct" not in ops(new)
    assert decisions(A @ M, "kron_matmat") == []


def test_matmat_kron() -> None:
    new = assert_same_value(M @ K, {**WIDE, M: draw(2, 8)}, relations="matmat_kron")
    assert ops(new).count("Dot") == 2
    assert "KroneckerProduct" not in ops(new)
    assert decisions(M @ A, "matmat_kron") == []


def test_transpose_of_kron() -> None:
    names = ("transpose_of_kron", "kron_matvec")
    assert rewritten(K.T @ v, names) == [("(A ⊗ B)ᵀ v", "vec(Aᵀ mat(v) B)")]
    assert_same_value(K.T @ v, {**WIDE, v: draw(8)}, relations=names)
    assert decisions(A.T @ v, names) == []


def test_inverse_of_kron() -> None:
    names = ("inverse_of_kron", "kron_matvec")
    assert rewritten(linalg.inv(K) @ v, names) == [("(A ⊗ B)⁻¹ v", "vec(A⁻¹ mat(v) B⁻ᵀ)")]
    assert_same_value(linalg.inv(K) @ v, {**SQUARE, v: draw(12)}, relations=names)
    [step] = decisions(linalg.inv(A @ B) @ v, names)  # the inverse of another product
    assert step.relations == ("associativity",)


def test_product_of_krons() -> None:
    graph = K @ linalg.kron(A.T, B.T)
    assert rewritten(graph, "product_of_krons") == [("(A ⊗ B) (Aᵀ ⊗ Bᵀ)", "A Aᵀ ⊗ B Bᵀ")]
    assert_same_value(graph, WIDE, relations="product_of_krons")
    # The factors need not conform where the products do: 2·6 = 3·4.
    assert rewritten(K @ linalg.kron(C, D), "product_of_krons") == []


def test_coefficients_of_kron() -> None:
    graph = linalg.kron(3 * A, B / 2) @ v
    assert rewritten(graph, "kron_matvec") == [("1.5·(A ⊗ B) v", "1.5·vec(A mat(v) Bᵀ)")]
    assert_same_value(graph, {**WIDE, v: draw(15)}, relations="kron_matvec")
    # A vector scales rows, it is no coefficient.
    assert "1.5" not in str(rewritten(linalg.kron(w * A, B) @ v, "kron_matvec"))


@pytest.mark.parametrize("name", ["left_adjoint_of_outer", "left_adjoint_of_product"])
def test_left_adjoint(name: str) -> None:
    graph = pt.grad((K @ v) @ w, A)
    new = assert_same_value(graph, {**WIDE, v: draw(15), w: draw(8)}, relations=name)
    assert "OpFromGraph" not in ops(new)
    assert decisions(A @ B, name) == []


@pytest.mark.parametrize("name", ["right_adjoint_of_outer", "right_adjoint_of_product"])
def test_right_adjoint(name: str) -> None:
    graph = pt.grad((K @ v) @ w, B)
    new = assert_same_value(graph, {**WIDE, v: draw(15), w: draw(8)}, relations=name)
    assert "OpFromGraph" not in ops(new)
    assert decisions(A @ B, name) == []


def test_trace_of_kron() -> None:
    graph = pt.trace(linalg.kron(S, R))
    assert rewritten(graph, "trace_of_kron") == [("tr(S ⊗ R)", "tr(S)·tr(R)")]
    assert_same_value(graph, {S: draw(9, 9), R: draw(8, 8)}, relations="trace_of_kron")
    assert decisions(pt.trace(K), "trace_of_kron") == []  # the factors may not be square


def test_total_of_kron() -> None:
    assert rewritten(K.sum(), "total_of_kron") == [("Σ(A ⊗ B)", "Σ(A)·Σ(B)")]
    assert_same_value(K.sum(), WIDE, relations="total_of_kron")
    assert decisions(K.sum(axis=0), "total_of_kron") == []


def test_elementwise_product_of_krons() -> None:
    graph = (K**2).sum()
    names = ("elementwise_product_of_krons", "total_of_kron")
    assert rewritten(graph, names) == [("Σ((A ⊗ B) ⊙ (A ⊗ B))", "Σ(A ⊙ A)·Σ(B ⊙ B)")]
    assert_same_value(graph, WIDE, relations=names)
    assert decisions((K * linalg.kron(C, D)).sum(), names) == []  # the shapes may differ


def test_logabsdet_of_kron() -> None:
    graph = linalg.slogdet(linalg.kron(S, R))[1]
    expected = [("log|S ⊗ R|", "8·log|S| + 9·log|R|")]
    assert rewritten(graph, "logabsdet_of_kron") == expected
    assert_same_value(graph, {S: draw(9, 9), R: draw(8, 8)}, relations="logabsdet_of_kron")
    assert decisions(linalg.slogdet(K)[1], "logabsdet_of_kron") == []


def test_cholesky_of_kron() -> None:
    P, Q = (assume(x, positive_definite=True) for x in (A, B))
    graph = linalg.cholesky(linalg.kron(P, Q))
    assert [s.relations for s in decisions(graph, "cholesky_of_kron")] == [("cholesky_of_kron",)]
    a, b = draw(3, 3), draw(4, 4)
    values = {A: a @ a.T + np.eye(3), B: b @ b.T + np.eye(4)}
    assert_same_value(graph, values, relations="cholesky_of_kron")
    # Two negative definite factors have a positive definite product, and no Cholesky factors.
    assert decisions(linalg.cholesky(K), "cholesky_of_kron") == []


def kron_sum(a: Any, b: Any) -> Any:
    return linalg.kron(a, pt.eye(b.shape[0])) + linalg.kron(pt.eye(a.shape[0]), b)


def test_sylvester_of_kron_sum() -> None:
    graph = linalg.solve(kron_sum(S, R), v)
    name = "sylvester_of_kron_sum"
    assert rewritten(graph, name) == [("(S ⊗ I + I ⊗ R)⁻¹ v", "vec(sylvester(S, Rᵀ, mat(v)))")]
    new = assert_same_value(graph, {S: draw(9, 9), R: draw(8, 8), v: draw(72)}, relations=name)
    assert "SolveSylvester" in ops(new)
    [step] = decisions(linalg.solve(linalg.kron(S, R) + kron_sum(S, R), v), name)
    assert step.relations == ("associativity",)
    # Sylvester's solver raises on empty matrices, where the solve does not.
    assert decisions(linalg.solve(kron_sum(A, B), v), name) == []
    assert decisions(linalg.solve(kron_sum(S, matrix("E", 0, 0)), v), name) == []


COMPLEX = {"Y": (9, 9), "Z": (8, 8), "z": (72,)}


def test_sylvester_of_a_complex_kron_sum() -> None:
    """Nothing in it is conjugated."""
    Y, Z, z = (pt.tensor(n, shape=s, dtype="complex128") for n, s in COMPLEX.items())
    left, right = (pt.eye(n, dtype="complex128") for n in (9, 8))
    graph = linalg.solve(linalg.kron(Y, right) + linalg.kron(left, Z), z)
    values = {x: draw(*s) + 1j * draw(*s) for x, s in zip((Y, Z, z), COMPLEX.values(), strict=True)}
    new = assert_same_value(graph, values, relations="sylvester_of_kron_sum")
    assert "SolveSylvester" in ops(new)


def test_lyapunov_of_kron() -> None:
    name = "lyapunov_of_kron"
    graph = linalg.solve(pt.eye(81) - linalg.kron(S, S), v)
    assert rewritten(graph, name) == [("(I - (S ⊗ S))⁻¹ v", "vec(lyapunov(S, mat(v)))")]
    assert_same_value(graph, {S: draw(9, 9), v: draw(81)}, relations=name)
    assert decisions(linalg.solve(pt.eye(72) - linalg.kron(S, R), v), name) == []
    # Of unknown lengths it may be empty, which the solver does not take.
    n = A.shape[0]
    assert decisions(linalg.solve(pt.eye(n * n) - linalg.kron(A, A), v), name) == []


def test_lyapunov_over_the_reals() -> None:
    """The solver takes the conjugate transpose."""
    Z, z = (pt.tensor(n, shape=s, dtype="complex128") for n, s in {"Z": (9, 9), "z": (81,)}.items())
    identity = pt.eye(81, dtype="complex128")
    assert rewritten(linalg.solve(identity - linalg.kron(Z, Z), z), "lyapunov_of_kron") == []
    real = pt.tensor("r", shape=(81,), dtype="float64")
    assert rewritten(linalg.solve(pt.eye(81) - linalg.kron(S, S), real), "lyapunov_of_kron")


def test_expm_of_kron_sum() -> None:
    name = "expm_of_kron_sum"
    assert rewritten(linalg.expm(kron_sum(A, B)), name) == [
        ("exp(A ⊗ I + I ⊗ B)", "exp(A) ⊗ exp(B)")
    ]
    assert_same_value(linalg.expm(kron_sum(A, B)), {A: draw(3, 3) / 3, B: draw(2, 2) / 3})
    assert decisions(linalg.expm(K), name) == []


# --- adjoints, determinants, eigenvalues ----------------------------------------------------------

PS = [assume(x, positive_definite=True) for x in (A, B)]
PK = linalg.kron(*PS)


def definite(n: int) -> Any:
    x = draw(n, n)
    return x @ x.T / n + np.eye(n)


S9, R8 = matrix("S9", 9, 9), matrix("R8", 8, 8)
T9, U8 = matrix("T9", 9, 9), matrix("U8", 8, 8)
K98, L98 = linalg.kron(S9, R8), linalg.kron(T9, U8)
FOUR = {x: draw(n, n) / 3 for x, n in ((S9, 9), (R8, 8), (T9, 9), (U8, 8))}


def used(graph: Any, relations: Any) -> set[str]:
    """The names of the relations that rewrite a graph."""
    return {name for s in decisions(graph, relations) if s.decision.taken for name in s.relations}


def test_sum_with_kron_times() -> None:
    graph = (K98 - 2 * L98) @ v
    [(before, after)] = rewritten(graph, ("sum_with_kron_times", "kron_matvec"))
    assert (before, after) == (
        "(S9 ⊗ R8 - 2·(T9 ⊗ U8)) v",
        "vec(S9 mat(v) R8ᵀ) - 2·vec(T9 mat(v) U8ᵀ)",
    )
    new = assert_same_value(graph, {**FOUR, v: draw(72)})
    assert "KroneckerProduct" not in ops(new)
    # A sum that is there anyway is not taken apart.
    assert decisions((A + B) @ v, "sum_with_kron_times") == []


def test_times_sum_with_kron() -> None:
    graph = M @ (K98 + L98)
    new = assert_same_value(graph, {**FOUR, M: draw(2, 72)})
    assert "KroneckerProduct" not in ops(new)
    assert "times_sum_with_kron" in used(graph, ("times_sum_with_kron", "matmat_kron"))
    assert not used(M @ (A + B), ("times_sum_with_kron", "matmat_kron"))


def test_diagonal_of_kron() -> None:
    graph = pt.diagonal(K98)
    assert rewritten(graph, "diagonal_of_kron") == [
        ("diagonal(S9 ⊗ R8)", "vec(diagonal(S9) diagonal(R8)ᵀ)")
    ]
    assert_same_value(graph, FOUR, relations="diagonal_of_kron")
    assert decisions(pt.diagonal(K), "diagonal_of_kron") == []  # factors that may not be square


def test_det_of_kron() -> None:
    graph = linalg.det(K98)
    assert rewritten(graph, "det_of_kron") == [("det(S9 ⊗ R8)", "det(S9)^8 det(R8)^9")]
    assert_same_value(graph, FOUR, relations="det_of_kron")
    assert_same_value(graph, {S9: np.zeros((9, 9)), R8: FOUR[R8]}, relations="det_of_kron")
    assert decisions(linalg.det(K), "det_of_kron") == []


def test_a_determinant_of_kron_does_not_overflow() -> None:
    large, small = matrix("large", 40, 40), matrix("small", 40, 40)
    new = kantor.rewrite(linalg.det(linalg.kron(large, small)), relations="det_of_kron")
    f = pytensor.function([large, small], new)
    assert f(1e10 * np.eye(40), 1e-10 * np.eye(40)) == pytest.approx(1)


def test_eigenvalues_of_kron() -> None:
    graph = linalg.eigh(PK)[0]
    assert rewritten(graph, "eigenvalues_of_kron") == [
        ("eigenvalues(A ⊗ B)", "sorted(vec(eigenvalues(A) eigenvalues(B)ᵀ))")
    ]
    assert_same_value(graph, {A: definite(3), B: definite(4)}, relations="eigenvalues_of_kron")
    indefinite = draw(3, 3)
    values = {A: indefinite + indefinite.T, B: definite(4)}
    symmetric = linalg.kron(*(assume(x, symmetric=True) for x in (A, B)))
    assert_same_value(linalg.eigh(symmetric)[0], values, relations="eigenvalues_of_kron")
    assert decisions(linalg.eigh(K)[0], "eigenvalues_of_kron") == []


def test_inner_product_of_krons() -> None:
    relations = ("inner_product_of_krons",)
    for norm in (linalg.norm(K98), pt.sqrt((K98**2).sum()), linalg.norm(K98, axis=(-2, -1))):
        new = assert_same_value(norm, FOUR, relations=(*relations, "kronecker"))
        assert "KroneckerProduct" not in ops(new)
    assert [after for _, after in rewritten(linalg.norm(K98), relations)] == [
        "Σ(S9 ⊙ S9)·Σ(R8 ⊙ R8)·I"
    ]
    # Of one length together, but not of one shape.
    other = linalg.kron(matrix("F", 8, 9), matrix("G", 9, 8))
    assert decisions(pt.dot(K98.ravel(), other.ravel()), relations) == []


@pytest.mark.parametrize("side", [0, 1])
def test_adjoints_of_eye(side: int) -> None:
    name = ("left_adjoint_of_eye", "right_adjoint_of_eye")[side]
    graph = pt.grad(pt.trace(K98), (S9, R8)[side])
    new = assert_same_value(graph, FOUR, relations=name)
    assert "OpFromGraph" not in ops(new)
    near = pt.grad(pt.trace(K), (A, B)[side])
    # One output of the pullback may be computed alone, but no relation is used.
    assert not any(s.moves or s.relations != ("associativity",) for s in decisions(near, name))


@pytest.mark.parametrize("side", [0, 1])
def test_adjoints_of_kron(side: int) -> None:
    name = ("left_adjoint_of_kron", "right_adjoint_of_kron")[side]
    graph = pt.grad((K98 * L98).sum(), (S9, R8)[side])
    new = assert_same_value(graph, FOUR)
    assert "OpFromGraph" not in ops(new) and "KroneckerProduct" not in ops(new)
    assert decisions(pt.grad((K * linalg.kron(C, D)).sum(), (A, B)[side]), name) == []


@pytest.mark.parametrize("side", [0, 1])
def test_adjoints_of_weighted(side: int) -> None:
    name = ("left_adjoint_of_weighted", "right_adjoint_of_weighted")[side]
    graph = pt.grad((K98 * L98 * M).sum(), (S9, R8)[side])
    values = {**FOUR, M: draw(72, 72)}
    assert_same_value(graph, values, relations=(name, "elementwise_product_of_krons"))
    assert name in used(graph, name)
    wild = pt.grad((K * linalg.kron(C, D) * M).sum(), (A, B)[side])
    assert name not in used(wild, name)


def test_sums_of_krons_with_coefficients() -> None:
    eyes = pt.eye(8), pt.eye(9)
    whole = 2 * linalg.kron(S9, eyes[0]) - linalg.kron(eyes[1], R8)
    values = {**FOUR, v: draw(72)}
    assert_same_value(linalg.solve(whole, v), values, relations="sylvester_of_kron_sum")
    assert rewritten(linalg.solve(whole, v), "sylvester_of_kron_sum") == [
        ("(2·(S9 ⊗ I) - (I ⊗ R8))⁻¹ v", "vec(sylvester(2·S9, -R8ᵀ, mat(v)))")
    ]
    assert_same_value(linalg.expm(whole), FOUR, relations="expm_of_kron_sum")


# --- batches, and lengths that the graph asks for -------------------------------------------------


def test_a_number_of_each_member() -> None:
    a, b = pt.tensor3("a", shape=(2, 9, 9)), pt.tensor3("b", shape=(2, 8, 8))
    whole = pt.vectorize(linalg.kron, "(a,b),(c,d)->(e,f)")(a, b)
    values = {a: draw(2, 9, 9), b: draw(2, 8, 8)}
    graphs = {
        "trace_of_kron": pt.diagonal(whole, axis1=1, axis2=2).sum(axis=-1),
        "total_of_kron": whole.sum(axis=(1, 2)),
        "logabsdet_of_kron": pt.log(pt.abs(linalg.det(whole))),
    }
    for name, graph in graphs.items():
        assert len(rewritten(graph, name)) == 1
        new = assert_same_value(graph, values, relations=name)
        assert "KroneckerProduct" not in ops(new)
        assert_same_value(3 * graph + graph, values, relations=name)


def test_an_identity_as_long_as_another_matrix() -> None:
    graph = linalg.kron(pt.eye(A.shape[0]), B) @ v
    new = assert_same_value(graph, {A: draw(3, 5), B: draw(4, 2), v: draw(6)})
    assert "KroneckerProduct" not in ops(new)
