"""Graphs that PyTensor rewrites to another value, with the true ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytensor.tensor as pt
import scipy.linalg
from pytensor.assumptions import assume
from pytensor.tensor import linalg

RNG = np.random.default_rng(20261124)
A, B, C = pt.matrices("A", "B", "C")
a32, b32 = pt.fmatrices("a32", "b32")
T3, U3 = pt.tensor3s("T3", "U3")
v, b = pt.vectors("v", "b")
Z, Z2, w, z = pt.zmatrix("Z"), pt.zmatrix("Z2"), pt.zvector("w"), pt.zvector("z")
whole, d_int = pt.lmatrix("whole"), pt.lvector("d_int")
WIDE, WIDE2, TALL = (RNG.normal(size=s) for s in ((2, 3), (2, 3), (3, 2)))
S3, S2 = RNG.normal(size=(3, 3)), RNG.normal(size=(2, 2))
NONE = np.zeros((0, 0))
K, KD = linalg.kron(A, B), linalg.block_diag(A, B)
kron, block_diag, chol = np.kron, scipy.linalg.block_diag, np.linalg.cholesky


def definite(n: int) -> Any:
    x = RNG.normal(size=(n, n))
    return x @ x.T + n * np.eye(n)


P3, P2 = definite(3), definite(2)
L = np.tril(RNG.normal(size=(4, 4)), -1) + np.diag([-1.0, 2.0, -3.0, 4.0])
HERMITIAN = RNG.normal(size=(3, 3)) + 1j * RNG.normal(size=(3, 3))
HERMITIAN = HERMITIAN @ HERMITIAN.conj().T + 3 * np.eye(3)
x3, y3 = RNG.normal(size=(2, 3)) + 1j * RNG.normal(size=(2, 3))
X32 = np.stack([x3, y3], axis=1)
INTEGERS = np.array([[2, 1], [1, 3]])
RAISES = "raises"


class Case(NamedTuple):
    graph: Any
    values: dict[Any, Any]
    true: Any
    # Whether PyTensor alone is wrong.
    wrong: bool = True


def lower(x: Any) -> Any:
    return assume(x, lower_triangular=True)


def upper(x: Any) -> Any:
    return assume(x, upper_triangular=True)


lowered, uppered, tagged = lower(A), upper(A), A * 1.0
tagged.tag.lower_triangular = True
P = assume(Z, positive_definite=True)
CHOL_P = linalg.cholesky(P)
q = x3 @ np.linalg.solve(HERMITIAN, x3)
SPLIT = {A: WIDE, B: TALL}
BIG = {A: 10 * np.eye(40), B: 10 * np.eye(40)}
BIG_BLOCKS = {A: 100 * np.eye(200), B: 100 * np.eye(200)}

CASES = {
    # Determinants.
    "log|A ⊗ B|": Case(linalg.slogdet(K)[1], BIG, 3200 * np.log(10)),
    "log|A ⊗ B| and its sign": Case(
        list(linalg.slogdet(K)), {A: -S3, B: S2}, list(np.linalg.slogdet(kron(-S3, S2))), False
    ),
    "log|A ⊗ B| in float32": Case(
        linalg.slogdet(linalg.kron(a32, b32))[1],
        {a32: BIG[A].astype("f4"), b32: BIG[B].astype("f4")}, np.float32(3200 * np.log(10)),
    ),
    "log|A ⊗ B ⊗ C|": Case(
        linalg.slogdet(linalg.kron(K, C))[1], {A: S3, B: S2, C: 2 * S2},
        np.linalg.slogdet(kron(kron(S3, S2), 2 * S2))[1], False,
    ),
    "log|A ⊕ B|": Case(linalg.slogdet(KD)[1], BIG_BLOCKS, 400 * np.log(100)),
    "log|A ⊕ B| and its sign": Case(
        list(linalg.slogdet(KD)), {A: -S3, B: S2}, list(np.linalg.slogdet(block_diag(-S3, S2))),
        False,
    ),
    "log|A ⊕ B| in batches": Case(
        linalg.slogdet(linalg.block_diag(T3, U3))[1],
        {x: np.stack([100 * np.eye(200)] * 3) for x in (T3, U3)}, np.full(3, 400 * np.log(100)),
    ),
    "|A ⊗ B|": Case(linalg.det(K), {A: S3, B: S2}, np.linalg.det(kron(S3, S2)), False),
    "|A ⊗ B|, not square": Case(linalg.det(K), SPLIT, 0.0),
    "|(A ⊗ B)ᵀ|, not square": Case(linalg.det(K.T), SPLIT, 0.0),
    "log|A ⊗ B|, not square": Case(linalg.slogdet(K)[1], SPLIT, -np.inf),
    "|A ⊗ B|, not a square matrix": Case(linalg.det(K), {A: WIDE, B: S2}, RAISES, False),
    "|A ⊗ B| without A": Case(linalg.det(K), {A: NONE, B: WIDE[:, :2]}, 1.0, False),
    "|A ⊗ B|, 0 × 3 and 3 × 0": Case(
        linalg.det(K), {A: np.zeros((0, 3)), B: np.zeros((3, 0))}, 1.0
    ),
    "|A ⊕ B|, not square": Case(linalg.det(KD), SPLIT, 0.0),
    "|A ⊕ B| in batches, not square": Case(
        linalg.det(linalg.block_diag(T3, U3)), {T3: WIDE[None], U3: TALL[None]}, np.zeros(1)
    ),
    # Inverses of diagonal matrices, and of inverses.
    **{
        f"diag(d)⁺ for d = {d}": Case(
            linalg.pinv(pt.diag(v)), {v: np.array(d)}, np.linalg.pinv(np.diag(d)), wrong
        )
        for d, wrong in (
            ([0.0, 2.0], True), ([-3.0, 0.0, 2.0], True), ([0.0, 0.0], True),
            ([1e-20, 1.0], True), ([1.0, -2.0], False),
        )
    },
    "diag(d)⁺ for empty d": Case(linalg.pinv(pt.diag(v)), {v: np.zeros(0)}, NONE, False),
    "diag(d)⁺ of integers": Case(
        linalg.pinv(pt.diag(d_int)), {d_int: np.array([0, 2])}, np.diag([0, 0.5])
    ),
    "diag(d)⁺ in batches": Case(
        linalg.pinv(pt.eye(3) * A[:, None, :]), {A: np.array([[0.0, 2.0, 1.0], [1.0, -4.0, 0.0]])},
        np.stack([np.diag([0, 0.5, 1]), np.diag([1, -0.25, 0])]),
    ),
    "D⁺ of declared D": Case(
        linalg.pinv(assume(A, diagonal=True)), {A: np.diag([0.0, -2.0])}, np.diag([0, -0.5])
    ),
    "D⁺ of declared D, not square": Case(
        linalg.pinv(assume(A, diagonal=True)), {A: np.diag([1.0, -2.0, 5.0])[:2]},
        np.linalg.pinv(np.diag([1.0, -2.0, 5.0])[:2]),
    ),
    "(A⁺)⁻¹ of a singular matrix": Case(
        linalg.inv(linalg.pinv(A)), {A: np.array([[1.0, 2.0], [2.0, 4.0]])}, RAISES
    ),
    "((A⁺)ᵀ)⁻¹ of a singular matrix": Case(
        linalg.inv(linalg.pinv(A).T), {A: np.array([[1.0, 2.0], [2.0, 4.0]])}, RAISES
    ),
    "(A⁺)⁻¹ of a wide matrix": Case(linalg.inv(linalg.pinv(A)), {A: WIDE}, RAISES),
    "(A⁺)⁻¹ of a regular matrix": Case(linalg.inv(linalg.pinv(A)), {A: S3}, S3, False),
    "(A⁺)⁺ of a wide matrix": Case(linalg.pinv(linalg.pinv(A)), {A: WIDE}, WIDE, False),
    # Cholesky factors.
    "chol(A ⊗ B), both negative": Case(linalg.cholesky(K), {A: -P3, B: -P2}, chol(kron(P3, P2))),
    "chol((A ⊗ B)ᵀ), both negative": Case(
        linalg.cholesky(K.T), {A: -P3, B: -P2}, chol(kron(P3, P2))
    ),
    "upper chol(A ⊗ B), both negative": Case(
        linalg.cholesky(K, lower=False), {A: -P3, B: -P2}, chol(kron(P3, P2)).T
    ),
    "chol(A ⊗ B), both positive": Case(
        linalg.cholesky(K), {A: P3, B: P2}, chol(kron(P3, P2)), False
    ),
    "chol(A ⊗ B), one negative": Case(
        linalg.cholesky(K), {A: P3, B: -P2}, np.full((6, 6), np.nan), False
    ),
    "chol(A ⊗ B ⊗ C), two negative": Case(
        linalg.cholesky(linalg.kron(A, linalg.kron(B, C))), {A: -P3, B: P2, C: -P2},
        chol(kron(P3, kron(P2, P2))),
    ),
    "chol(A ⊗ B ⊗ C), three negative": Case(
        linalg.cholesky(linalg.kron(K, C)), {A: -P3, B: -P2, C: -P2}, np.full((12, 12), np.nan),
        False,
    ),
    "chol(A ⊗ B) in float32": Case(
        linalg.cholesky(linalg.kron(a32, b32)), {a32: -P3.astype("f4"), b32: -P2.astype("f4")},
        chol(kron(P3, P2)).astype("f4"),
    ),
    "chol(A ⊗ B) of stacks": Case(
        linalg.cholesky(linalg.kron(T3, U3)), {T3: np.stack([-P3, P3]), U3: -P2[None]},
        np.stack([chol(kron(P3, P2)), np.full((6, 6), np.nan)]),
    ),
    "chol(A ⊗ B) without A": Case(linalg.cholesky(K), {A: NONE, B: -P2}, NONE, False),
    "log|A ⊗ B| by its factor": Case(
        2 * pt.log(pt.diagonal(linalg.cholesky(K))).sum(), {A: -P3, B: -P2},
        np.linalg.slogdet(kron(P3, P2))[1],
    ),
    "chol(L Lᵀ)": Case(linalg.cholesky(lowered @ lowered.T), {A: L}, chol(L @ L.T)),
    "chol(L Lᵀ) of a tag": Case(linalg.cholesky(tagged @ tagged.T), {A: L}, chol(L @ L.T)),
    "chol(L Lᵀ) by dot": Case(linalg.cholesky(pt.dot(lowered, lowered.T)), {A: L}, chol(L @ L.T)),
    "upper chol(L Lᵀ)": Case(
        linalg.cholesky(lowered @ lowered.T, lower=False), {A: L}, chol(L @ L.T).T
    ),
    "chol(Uᵀ U)": Case(linalg.cholesky(uppered.T @ uppered), {A: L.T}, chol(L @ L.T)),
    "upper chol(Uᵀ U)": Case(
        linalg.cholesky(uppered.T @ uppered, lower=False), {A: L.T}, chol(L @ L.T).T
    ),
    "chol(L Lᵀ) in batches": Case(
        linalg.cholesky(lower(T3) @ lower(T3).mT), {T3: np.stack([L, -L])},
        np.stack([chol(L @ L.T)] * 2),
    ),
    "chol(L Lᵀ) in float32": Case(
        linalg.cholesky(lower(a32) @ lower(a32).T), {a32: L.astype("f4")},
        chol(L @ L.T).astype("f4"),
    ),
    "chol(L Lᵀ), L wide": Case(
        linalg.cholesky(lowered @ lowered.T), {A: L[:3]}, chol(L[:3] @ L[:3].T)
    ),
    "chol(L Lᵀ), L positive": Case(
        linalg.cholesky(lowered @ lowered.T), {A: chol(L @ L.T)}, chol(L @ L.T), False
    ),
    "log|L Lᵀ| by its factor": Case(
        2 * pt.log(pt.diagonal(linalg.cholesky(lowered @ lowered.T))).sum(), {A: L},
        np.linalg.slogdet(L @ L.T)[1],
    ),
    # Complex positive definite matrices.
    "xᵀ P⁻¹ x": Case(w @ linalg.solve(P, w), {Z: HERMITIAN, w: x3}, q),
    "xᵀ P⁻¹ x by an inverse": Case(w @ linalg.inv(P) @ w, {Z: HERMITIAN, w: x3}, q),
    "Σ x P⁻¹ x": Case((w * linalg.solve(P, w)).sum(), {Z: HERMITIAN, w: x3}, q),
    "xᵀ P⁻¹ x, assumed in the solve": Case(
        w @ linalg.solve(Z, w, assume_a="pos"), {Z: HERMITIAN, w: x3}, q
    ),
    "bᵀ P⁻¹ b for real b": Case(
        b @ linalg.solve(P, b), {Z: HERMITIAN, b: np.arange(3.0)},
        np.arange(3.0) @ np.linalg.solve(HERMITIAN, np.arange(3.0)),
    ),
    "yᵀ P⁻¹ x": Case(
        z @ linalg.inv(P) @ w, {Z: HERMITIAN, w: x3, z: y3}, y3 @ np.linalg.solve(HERMITIAN, x3)
    ),
    "xᴴ P⁻¹ x": Case(
        w.conj() @ linalg.solve(P, w), {Z: HERMITIAN, w: x3},
        x3.conj() @ np.linalg.solve(HERMITIAN, x3), False,
    ),
    "columns of X ⊙ P⁻¹ X": Case(
        (Z2 * linalg.solve(P, Z2)).sum(0), {Z: HERMITIAN, Z2: X32},
        (X32 * np.linalg.solve(HERMITIAN, X32)).sum(0),
    ),
    "tr(Xᵀ P⁻¹ X)": Case(
        pt.trace(Z2.T @ linalg.solve(P, Z2)), {Z: HERMITIAN, Z2: X32},
        np.trace(X32.T @ np.linalg.solve(HERMITIAN, X32)), False,
    ),
    "yᵀ P⁻¹": Case(z @ linalg.inv(P), {Z: HERMITIAN, z: y3}, y3 @ np.linalg.inv(HERMITIAN)),
    "Pᵀ x": Case(P.T @ w, {Z: HERMITIAN, w: x3}, HERMITIAN.T @ x3),
    "yᵀ P x": Case(z @ P @ w, {Z: HERMITIAN, w: x3, z: y3}, y3 @ HERMITIAN @ x3),
    "chol(Pᵀ)": Case(linalg.cholesky(P.T), {Z: HERMITIAN}, chol(HERMITIAN.T)),
    "P⁻¹ x + P⁻ᵀ y": Case(
        linalg.solve(Z, w, assume_a="pos") + linalg.solve(Z.T, z, assume_a="pos"),
        {Z: HERMITIAN, w: x3, z: y3},
        np.linalg.solve(HERMITIAN, x3) + np.linalg.solve(HERMITIAN.T, y3),
    ),
    "L⁻ᵀ L⁻¹ x": Case(
        linalg.solve_triangular(
            CHOL_P.T, linalg.solve_triangular(CHOL_P, w, lower=True), lower=False
        ),
        {Z: HERMITIAN, w: x3}, np.linalg.solve(chol(HERMITIAN) @ chol(HERMITIAN).T, x3),
    ),
    # Integers.
    **{
        f"{name} of integers beside solves": Case(
            [linalg.solve(whole, b), linalg.solve(whole, 2 * b), graph],
            {whole: INTEGERS, b: np.ones(2)}, [np.array([0.4, 0.2]), np.array([0.8, 0.4]), true],
        )
        for name, graph, true in (
            ("det", linalg.det(whole), 5.0),
            ("log|det|", linalg.slogdet(whole)[1], np.log(5)),
        )
    },
    "two solves with integers": Case(
        [linalg.solve(whole, b), linalg.solve(whole.T, b)],
        {whole: np.array([[2, 1], [5, 3]]), b: np.ones(2)},
        [np.array([2.0, -3.0]), np.array([-2.0, 1.0])], False,
    ),
    # Matrices that PyTensor takes for definite.
    "log|Aᵀ A + B Bᵀ|, both singular": Case(
        linalg.slogdet(A.T @ A + B @ B.T)[1], {A: WIDE, B: S3[:, :2]},
        np.linalg.slogdet(WIDE.T @ WIDE + S3[:, :2] @ S3[:, :2].T)[1], False,
    ),
    "(Aᵀ A + B Bᵀ)⁻¹ b, both singular": Case(
        linalg.inv(A.T @ A + B @ B.T) @ b, {A: WIDE, B: S3[:, :2], b: np.ones(3)},
        np.linalg.solve(WIDE.T @ WIDE + S3[:, :2] @ S3[:, :2].T, np.ones(3)), False,
    ),
    "|Aᵀ A|, singular": Case(linalg.det(A.T @ A), {A: WIDE}, 0.0, False),
    "(Aᵀ A)⁺, singular": Case(
        linalg.pinv(A.T @ A), {A: WIDE}, np.linalg.pinv(WIDE.T @ WIDE), False
    ),
}  # fmt: skip
