"""The tests of linear algebra awareness in LAAB-Python, with a good and a poor reference for each.

After Sankaran, Alam, Karlsson & Bientinesi 2022, Benchmarking the linear algebra awareness of
TensorFlow and PyTorch, and HPAC/LAAB-Python (MIT), written anew. As there, the good references of
kernels are those of BLAS, and all others are expressions that the framework compiles by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from scipy import sparse
from scipy.linalg import blas

import kantor

# How far above the good reference a test may be, where 1 is the poor one.
PASS = 0.05
# A good reference counts as no faster than this at this order; below that a clock says little.
FLOOR, FLOOR_ORDER = 2e-3, 3000

Reference = Callable[..., Any]


@dataclass(frozen=True)
class Test:
    """One test.

    Attributes
    ----------
    name : str
        As LAAB has it.
    of : str
        What is tested.
    operands : str
        Their names: matrices by capital letters, columns by small ones.
    written : callable
        The expression, of PyTensor variables.
    good : callable
        The good reference, of PyTensor variables; for kernels, of arrays.
    poor : callable
        The poor reference, of arrays.
    made : callable, optional
        Of arrays, what the good reference is given instead.
    """

    name: str
    of: str
    operands: str
    written: Callable[..., Any]
    good: Reference
    poor: Reference
    made: Callable[..., tuple[Any, ...]] | None = None

    @property
    def of_kernel(self) -> bool:
        """Whether the good reference is a kernel of BLAS."""
        return self.name.startswith("mm_")

    @property
    def loops(self) -> bool:
        """Whether it is written with a loop of PyTensor's."""
        return "V" in self.operands

    def graph(self, order: int | None = None) -> tuple[list[Any], Any]:
        """Inputs, and the expression of them; shapes are in the types where `order` is given."""
        shapes = [(order, 1) if o.islower() else (order, order) for o in self.operands]
        shapes = [(3, order) if o == "V" else s for o, s in zip(self.operands, shapes, strict=True)]
        inputs = [
            pt.tensor(o, shape=s, dtype="float32")
            for o, s in zip(self.operands, shapes, strict=True)
        ]
        told = [kantor.assume(x, **TOLD[x.name]) if x.name in TOLD else x for x in inputs]
        return inputs, self.written(*told)

    def values(self, order: int) -> list[Any]:
        """Random operands, of the structure that they are said to have."""
        rng = np.random.default_rng(1)
        return [_value(rng, o, order) for o in self.operands]


TOLD = {"L": {"lower_triangular": True}, "T": {"tridiagonal": True}}


def _value(rng: Any, operand: str, n: int) -> Any:
    shape = (n, 1) if operand.islower() else (3, n) if operand == "V" else (n, n)
    x = rng.normal(size=shape).astype("float32")
    if operand == "L":
        return np.tril(x)
    return np.tril(np.triu(x, -1), 1) if operand == "T" else x


def gemm(a: Any, b: Any) -> Any:
    """a @ b by sgemm whatever they are; NumPy knows a product with its own transpose."""
    x, tx = (b.T, 0) if b.flags.c_contiguous else (b, 1)
    y, ty = (a.T, 0) if a.flags.c_contiguous else (a, 1)
    return blas.sgemm(1.0, x, y, trans_a=tx, trans_b=ty).T


def _by_rows(A: Any, B: Any) -> Any:
    out = np.empty((A.shape[1], B.shape[1]), B.dtype)
    for i in range(len(out)):
        np.dot(A[:, i], B, out=out[i])
    return out


def _trmm(L: Any, B: Any) -> Any:
    return blas.strmm(1.0, L.T, B.T, side=1, lower=0).T


def _gram(A: Any, B: Any) -> Any:
    S = A.T @ B
    return S.T @ S


def _loop(A: Any, B: Any, V: Any) -> Any:
    return _last(lambda v, A, B: A @ B + pt.outer(v, v), V, A, B)


def _good_loop(A: Any, B: Any, V: Any) -> Any:
    return _last(lambda v, P: P + pt.outer(v, v), V, A @ B)


def _last(step: Callable[..., Any], V: Any, *same: Any) -> Any:
    steps = pytensor.scan(step, sequences=[V], non_sequences=list(same), return_updates=False)
    return steps[-1]


def _poor_loop(A: Any, B: Any, V: Any) -> Any:
    for v in V:
        out = gemm(A, B) + np.outer(v, v)
    return out


TESTS = (
    Test("mm_sgemm", "Aᵀ B", "AB", lambda A, B: A.T @ B, lambda A, B: gemm(A.T, B), _by_rows),
    Test("mm_trmm", "L B", "LB", lambda L, B: L @ B, _trmm, gemm),
    Test("mm_syrk", "A Aᵀ", "A", lambda A: A @ A.T,
         lambda A: blas.ssyrk(1.0, A.T, trans=1, lower=1), lambda A: gemm(A, A.T)),
    Test("mm_tridiag", "T B", "TB", lambda T, B: T @ B, lambda T, B: T @ B, gemm,
         made=lambda T, B: (sparse.csr_array(T), B)),
    Test("cse_addition", "Aᵀ B + Aᵀ B", "AB", lambda A, B: A.T @ B + A.T @ B,
         lambda A, B: 2 * (A.T @ B), lambda A, B: gemm(A.T, B) + gemm(A.T, B)),
    Test("cse_matmul_paranthesis", "(Aᵀ B)ᵀ (Aᵀ B)", "AB", lambda A, B: (A.T @ B).T @ (A.T @ B),
         _gram, lambda A, B: gemm(gemm(A.T, B).T, gemm(A.T, B))),
    Test("cse_matmul_no_paranthesis", "(Aᵀ B)ᵀ Aᵀ B", "AB", lambda A, B: (A.T @ B).T @ A.T @ B,
         _gram, lambda A, B: gemm(gemm(A.T, B).T, gemm(A.T, B))),
    Test("cse_suboptimal", "Aᵀ B Aᵀ B y", "ABy", lambda A, B, y: A.T @ B @ A.T @ B @ y,
         lambda A, B, y: A.T @ (B @ (A.T @ (B @ y))),
         lambda A, B, y: gemm(S := gemm(A.T, B), S) @ y),
    Test("matchain_rtol", "Hᵀ H x", "Hx", lambda H, x: H.T @ H @ x,
         lambda H, x: H.T @ (H @ x), lambda H, x: gemm(H.T, H) @ x),
    Test("matchain_ltor", "yᵀ Hᵀ H", "Hy", lambda H, y: y.T @ H.T @ H,
         lambda H, y: (y.T @ H.T) @ H, lambda H, y: y.T @ gemm(H.T, H)),
    Test("matchain_mixed", "Hᵀ y xᵀ H", "Hxy", lambda H, x, y: H.T @ y @ x.T @ H,
         lambda H, x, y: (H.T @ y) @ (x.T @ H), lambda H, x, y: gemm((H.T @ y) @ x.T, H)),
    Test("am_distributivity1", "A B + A C", "ABC", lambda A, B, C: A @ B + A @ C,
         lambda A, B, C: A @ (B + C), lambda A, B, C: gemm(A, B) + gemm(A, C)),
    Test("am_distributivity2", "(A - Hᵀ H) x", "AHx", lambda A, H, x: (A - H.T @ H) @ x,
         lambda A, H, x: A @ x - H.T @ (H @ x), lambda A, H, x: (A - gemm(H.T, H)) @ x),
    Test("am_transpose", "Bᵀ A Aᵀ B", "AB", lambda A, B: B.T @ A @ A.T @ B,
         _gram, lambda A, B: gemm(gemm(gemm(B.T, A), A.T), B)),
    Test("cm_loops", "A B + vᵢ vᵢᵀ in a loop", "ABV", _loop, _good_loop,
         _poor_loop),
    Test("cm_partial_op_sum", "(A + B)[2, 2]", "AB", lambda A, B: (A + B)[2, 2],
         lambda A, B: A[2, 2] + B[2, 2], lambda A, B: A + B),
    Test("cm_partial_op_prod", "(A B)[2, 2]", "AB", lambda A, B: (A @ B)[2, 2],
         lambda A, B: A[2] @ B[:, 2], gemm),
)  # fmt: skip


def slowdown(times: list[float], good: list[float]) -> float:
    """By which part `times` are longer, 0 where the quartiles overlap."""
    if np.percentile(times, 25) < np.percentile(good, 75):
        return 0.0
    return float((np.median(times) - np.median(good)) / np.median(good))


def loss(times: list[float], good: list[float], poor: list[float]) -> float:
    """How far `times` are from the good reference, where the poor one is at 1."""
    worst = slowdown(poor, good)
    return slowdown(times, good) / worst if worst > 0 else 0.0


def clipped(times: list[float], order: int) -> list[float]:
    """Times of a good reference, none below what a clock can tell at this order."""
    least = FLOOR * (order / FLOOR_ORDER) ** 2
    return [max(t, least) for t in times]
