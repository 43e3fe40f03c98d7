"""Linnea's problems as an expert writes them, with BLAS and LAPACK as SciPy has them.

Each is the cheapest form that is known to us. Arrays come in row-major order, where the transpose
of an array is what BLAS reads without a copy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import blas, lapack

Values = dict[str, Any]


def gram(x: Any, of_rows: bool = False) -> Any:
    """The lower triangle of xᵀ x, or of x xᵀ."""
    if x.flags.f_contiguous:
        return blas.dsyrk(1.0, x, trans=not of_rows, lower=1)
    return blas.dsyrk(1.0, x.T, trans=of_rows, lower=1)


def cholesky(x: Any) -> Any:
    """A lower factor; what stands above is left as it was."""
    factor, info = lapack.dpotrf(x, lower=1, overwrite_a=1, clean=0)
    if info:
        raise ValueError("not positive definite")
    return factor


def cholesky_solve(x: Any, b: Any) -> Any:
    """x⁻¹ b, of which x is the lower triangle."""
    return lapack.dpotrs(cholesky(x), b, lower=1)[0]


def forward(factor: Any, b: Any) -> Any:
    """The inverse of a lower triangular matrix on a matrix."""
    return blas.dtrsm(1.0, factor, b, lower=1)


def triangular_product(left: Any, factor: Any, turned: bool = False) -> Any:
    """Left @ factor of a lower triangular one, or of its transpose."""
    return blas.dtrmm(1.0, factor, left, side=1, lower=1, trans_a=turned)


def symmetric_product(left: Any, symmetric: Any) -> Any:
    """left @ symmetric."""
    return blas.dsymm(1.0, symmetric.T, left, side=1)


def mirrored(lower: Any) -> Any:
    """A symmetric matrix of its lower triangle."""
    return np.tril(lower) + np.tril(lower, -1).T


def least_squares(v: Values) -> list[Any]:
    X, y = v["X"], v["y"]
    return [cholesky_solve(gram(X), X.T @ y)]


def generalized_least_squares(v: Values) -> list[Any]:
    factor = cholesky(v["M"].copy().T)
    Z, z = forward(factor, v["X"]), blas.dtrsv(factor, v["y"], lower=1)
    return [cholesky_solve(gram(Z), Z.T @ z)]


def interior_point(v: Values) -> list[Any]:
    A, w = v["A"], np.diagonal(v["W"])
    t = cholesky_solve(gram(A * np.sqrt(w), of_rows=True), v["b"])
    return [w * (A.T @ t - v["c"])]


def interior_point_pair(v: Values) -> list[Any]:
    A, x, w = v["A"], v["x"], np.diagonal(v["W"])
    factor, y = cholesky(gram(A * np.sqrt(w), of_rows=True)), A @ x
    f, o = (lapack.dpotrs(factor, z, lower=1)[0] for z in (v["b"] - y, y))
    return [w * (A.T @ f), w * (A.T @ o - v["c"])]


def signal_processing(v: Values) -> list[Any]:
    A, B, R, y = v["A"], v["B"], v["R"], v["y"]
    m = R.shape[0]
    # A triangle with one column more.
    RA = blas.dtrmm(1.0, R[:, :m], A[:m]) + np.outer(R[:, m], A[m])
    S = mirrored(gram(B)) + (RA.T * np.diagonal(v["L"])) @ RA
    _, _, t, _ = lapack.dgesv(A, y)
    _, _, x, _ = lapack.dgesv(S, B.T @ (B @ t))
    return [A @ x]


def triangular_inversion(v: Values) -> list[Any]:
    L11, L22 = v["L11"], v["L22"]
    X10 = blas.dtrsm(1.0, v["L00"], v["L10"], side=1, lower=1)
    X21 = -forward(L22, v["L21"])
    X11 = np.tril(lapack.dtrtri(L11, lower=1)[0])
    X20 = v["L20"] - X21 @ forward(L11, v["L10"])
    return [X10, X20, X11, X21]


def kalman_ensemble_1(v: Values) -> list[Any]:
    Z = v["Y"] - v["H"] @ v["Xb"]
    precision = lapack.dpotri(cholesky(v["B"].copy().T), lower=1)[0]
    T = forward(cholesky(v["R"].copy().T), v["H"])
    return [v["Xb"] + cholesky_solve(precision + gram(T), Z)]


def kalman_ensemble_2(v: Values) -> list[Any]:
    H = v["H"]
    HB = symmetric_product(H, v["B"])
    return [HB.T @ cholesky_solve(v["R"] + HB @ H.T, v["Y"] - H @ v["Xb"])]


def kalman_ensemble_3(v: Values) -> list[Any]:
    H, X = v["H"], v["X"]
    HX = triangular_product(H, X)
    T = cholesky_solve(v["R"] + mirrored(gram(HX, of_rows=True)), v["Y"] - H @ v["Xb"])
    return [blas.dtrmm(1.0, X, HX.T @ T, lower=1)]


def image_restoration(v: Values) -> list[Any]:
    H, c = v["H"], v["lam"] * v["sigma2"]
    z = H.T @ v["y"] + c * (v["v"] - v["u"])
    S = gram(H, of_rows=True)
    S[np.diag_indices_from(S)] += c
    return [(z - H.T @ cholesky_solve(S, H @ z)) / c]


def image_restoration_2(v: Values) -> list[Any]:
    H, x = v["H"], v["x"]
    Hd = cholesky_solve(gram(H, of_rows=True), H).T
    return [Hd, x + Hd @ (v["y"] - H @ x)]


def randomized_inverse_1(v: Values) -> list[Any]:
    S, X = v["S"], v["X"]
    AS = v["A"].T @ S
    K = symmetric_product(AS.T, v["W"])
    factor = cholesky(np.asfortranarray(K @ AS))
    T, residual = forward(factor, S.T), S.T - AS.T @ X
    step = blas.dtrsm(1.0, factor, forward(factor, residual), lower=1, trans_a=1)
    return [mirrored(gram(T)), X + K.T @ step]


def randomized_inverse_2(v: Values) -> list[Any]:
    A, S, W, X = v["A"], v["S"], v["W"], v["X"]
    AS = A @ S
    K = symmetric_product(AS.T, W)
    factor = cholesky(np.asfortranarray(K @ AS))
    T = forward(factor, S.T)
    step = blas.dtrsm(1.0, factor, forward(factor, K), lower=1, trans_a=1)
    return [mirrored(gram(T)), X + (S - X @ (A.T @ S)) @ step]


def randomized_inverse_3(v: Values) -> list[Any]:
    A, S, X = v["A"], v["S"], v["X"]
    AS = symmetric_product(S.T, A).T
    K = symmetric_product(AS.T, v["W"])
    factor = cholesky(np.asfortranarray(K @ AS))
    T = forward(factor, S.T)
    J = blas.dtrsm(1.0, factor, forward(factor, K), lower=1, trans_a=1)
    V = symmetric_product(AS.T, X).T - S
    half = (AS.T @ V) @ J / 2 - V.T
    M = symmetric_product(X, A)
    M[np.diag_indices_from(M)] -= 1
    update = mirrored(blas.dsyr2k(1.0, J, half, trans=1, lower=1))
    return [mirrored(gram(T)), S @ J, M, X + update]


def randomized_inverse_4(v: Values) -> list[Any]:
    A, S, X = v["A"], v["S"], v["X"]
    AS = A @ S
    M, Y = S.T @ AS, X @ AS
    N = AS.T @ Y
    Z = cholesky_solve(M.copy(order="F"), S.T).T
    W = Z @ (N + M) / 2 - Y
    return [X + mirrored(blas.dsyr2k(1.0, Z.T, W.T, trans=1, lower=1))]


def quasi_newton(v: Values) -> list[Any]:
    B, k = v["B"], v["k"]
    V = v["A"].T @ v["W"]
    VB = symmetric_product(V.T, B)
    S = VB @ V
    S[np.diag_indices_from(S)] += k - 1
    T = forward(cholesky(np.asfortranarray(S)), VB)
    return [k / (k - 1) * (B - mirrored(gram(T)))]


def quasi_newton_start(v: Values) -> list[Any]:
    A, lam = v["A"], v["lam"]
    V = v["W"].T @ A
    S = gram(V, of_rows=True)
    S[np.diag_indices_from(S)] += lam
    return [(np.eye(A.shape[1]) - mirrored(gram(forward(cholesky(S), V)))) / lam]


def tikhonov_1(v: Values) -> list[Any]:
    return [cholesky_solve(gram(v["A"]) + gram(v["G"]), v["A"].T @ v["b"])]


def tikhonov_2(v: Values) -> list[Any]:
    S = gram(v["A"])
    S[np.diag_indices_from(S)] += v["alpha_sq"]
    return [cholesky_solve(S, v["A"].T @ v["b"])]


def tikhonov_3(v: Values) -> list[Any]:
    A, Q = v["A"], v["Q"]
    AP = symmetric_product(A.T, v["P"])
    return [cholesky_solve(Q + AP @ A, AP @ v["b"] + Q @ v["x0"])]


def tikhonov_4(v: Values) -> list[Any]:
    A, x0 = v["A"], v["x0"]
    AP = symmetric_product(A.T, v["P"])
    return [x0 + cholesky_solve(v["Q"] + AP @ A, AP @ (v["b"] - A @ x0))]


def mmse_estimator(v: Values) -> list[Any]:
    A, Cx, x = v["A"], v["Cx"], v["x"]
    AL = triangular_product(A, cholesky(Cx.copy().T))
    S = gram(AL, of_rows=True) + v["Cz"]
    return [x + Cx @ (A.T @ cholesky_solve(S, v["y"] - A @ x))]


def covariance_update(A: Any, C: Any, R: Any) -> tuple[Any, Any]:
    """C Aᵀ (R + A C Aᵀ)⁻¹ and C - C Aᵀ (R + A C Aᵀ)⁻¹ A C, with one factor for all products."""
    L = cholesky(C.copy().T)
    AL = triangular_product(A, L)
    factor = cholesky(gram(AL, of_rows=True) + R)
    G = forward(factor, triangular_product(AL, L, turned=True))
    return blas.dtrsm(1.0, factor, G, lower=1, trans_a=1).T, C - mirrored(gram(G))


def mmse_estimator_3(v: Values) -> list[Any]:
    A, x = v["A"], v["x"]
    K, C = covariance_update(A, v["C"], v["Cz"])
    return [K, x + K @ (v["y"] - A @ x), C]


def kalman_filter(v: Values) -> list[Any]:
    H, x = v["H"], v["x"]
    K, P = covariance_update(H, v["P"], v["R"])
    return [K, x + K @ (v["z"] - H @ x), P]


BY_HAND: dict[int, Callable[[Values], list[Any]]] = {
    1: least_squares,
    2: generalized_least_squares,
    3: interior_point,
    4: interior_point_pair,
    5: signal_processing,
    6: triangular_inversion,
    7: kalman_ensemble_1,
    8: kalman_ensemble_2,
    9: kalman_ensemble_3,
    10: image_restoration,
    11: image_restoration_2,
    12: randomized_inverse_1,
    13: randomized_inverse_2,
    14: randomized_inverse_3,
    15: randomized_inverse_4,
    16: quasi_newton,
    17: quasi_newton_start,
    18: tikhonov_1,
    19: tikhonov_2,
    20: tikhonov_3,
    21: tikhonov_4,
    22: mmse_estimator,
    23: mmse_estimator,
    24: mmse_estimator_3,
    25: kalman_filter,
}
