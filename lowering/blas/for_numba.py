"""How Numba runs these Ops: through the pointers that SciPy has to BLAS and LAPACK.

It follows PyTensor's own `link/numba/dispatch/linalg`, so that what is compiled is cached alike.
Numba's arrays lie in rows, which are columns of the transpose to BLAS: upper is lower there.
The functions `_syrk`, `_syr2k`, `_trmm` and `_potri` are overloaded for Numba, and never run.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.core.extending import overload
from numba.core.types import Float
from numba.np.linalg import ensure_blas, ensure_lapack, get_blas_kind
from pytensor.link.numba.cache import _call_cached_ptr
from pytensor.link.numba.dispatch import basic as numba_basic
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key
from pytensor.link.numba.dispatch.linalg._BLAS import get_blas_ptr
from pytensor.link.numba.dispatch.linalg._LAPACK import (
    _get_nb_float_from_dtype,
    get_lapack_ptr,
    int_ptr_to_val,
    nb_i32p,
    val_to_dptr,
    val_to_int_ptr,
    val_to_sptr,
)
from pytensor.link.numba.dispatch.linalg.products import _blas_operand
from pytensor.link.numba.dispatch.linalg.utils import _check_linalg_matrix

from lowering.blas.gtmm import Gtmm
from lowering.blas.potri import Potri
from lowering.blas.syr2k import Syr2k
from lowering.blas.syrk import THIN, Syrk
from lowering.blas.trmm import Trmm

# Numba keeps what it has compiled; what this file no longer says is not to be found there.
VERSION = zlib.crc32(Path(__file__).read_bytes())
BLOCK = 8
# In bytes, as NumPy has it.
LARGE = 1 << 22
_ADDRESS = {types.float32: val_to_sptr, types.float64: val_to_dptr}

# What each routine takes, all by address: i is an integer or a letter, f a float or an array.
_ARGUMENTS = {
    "syrk": "iiiiffiffi",
    "syr2k": "iiiiffififfi",
    "trmm": "iiiiiiffifi",
    "potri": "iifii",
}


def _routine(name: str, *matrices: Any) -> Any:
    """A routine's type, what finds its address, the name that is cached under, and α's address."""
    for x in matrices:
        _check_linalg_matrix(x, ndim=2, dtype=Float, func_name=name)
    dtype = matrices[0].dtype
    kind = get_blas_kind(dtype)
    number = _get_nb_float_from_dtype(kind)
    arguments = [nb_i32p if a == "i" else number for a in _ARGUMENTS[name]]
    lapack = name == "potri"
    (ensure_lapack if lapack else ensure_blas)()
    find = get_lapack_ptr if lapack else get_blas_ptr

    @numba_basic.numba_njit
    def pointer():
        with numba.objmode(ptr=types.intp):
            ptr = find(dtype, name)
        return ptr

    unique = f"scipy.{'lapack' if lapack else 'blas'}.{kind}{name}"
    return types.FunctionType(types.void(*arguments)), pointer, unique, _ADDRESS[dtype]


def _empty(rows, cols, like):
    raise NotImplementedError


@overload(_empty)
def _empty_impl(rows, cols, like):
    """NumPy asks for large pages, which Numba does not: of a large matrix that saves its time."""
    kind, dtype = types.Array(like.dtype, 2, "C"), np.dtype(like.dtype.name)
    large = LARGE // dtype.itemsize

    def impl(rows, cols, like):
        if rows * cols < large:
            return np.empty((rows, cols), dtype=like.dtype)
        with numba.objmode(out=kind):
            out = np.empty((rows, cols), dtype=dtype)
        return out

    return impl


@numba_basic.numba_njit
def _mirror(c):
    """Write the lower triangle over the upper one, by tiles that are cached."""
    n = c.shape[0]
    for i0 in range(0, n, BLOCK):
        i1 = min(i0 + BLOCK, n)
        for j0 in range(0, i1, BLOCK):
            for j in range(j0, min(j0 + BLOCK, i1)):
                for i in range(max(i0, j + 1), i1):
                    c[j, i] = c[i, j]


def _syrk(x):
    raise NotImplementedError


@overload(_syrk)
def _syrk_impl(x):
    routine, pointer, unique, number = _routine("syrk", x)

    def impl(x):
        m, k = np.int32(x.shape[0]), np.int32(x.shape[1])
        if 0 < k < THIN:
            wide = np.ascontiguousarray(x)
            return np.dot(wide, wide.T)
        out = _empty(x.shape[0], x.shape[0], x)
        if m == 0 or k == 0:
            out[:] = 0
            return out
        work, rows, ld = _blas_operand(x)
        fn = _call_cached_ptr(
            get_ptr_func=pointer, func_type_ref=routine, unique_func_name_lit=unique
        )
        fn(
            val_to_int_ptr(ord("U")),
            val_to_int_ptr(ord("T") if rows else ord("N")),
            val_to_int_ptr(m),
            val_to_int_ptr(k),
            number(1.0),
            work.ctypes,
            val_to_int_ptr(ld),
            number(0.0),
            out.ctypes,
            val_to_int_ptr(m),
        )
        _mirror(out)
        return out

    return impl


def _syr2k(a, b):
    raise NotImplementedError


@overload(_syr2k)
def _syr2k_impl(a, b):
    routine, pointer, unique, number = _routine("syr2k", a, b)

    def impl(a, b):
        if a.shape[0] != b.shape[0] or a.shape[1] != b.shape[1]:
            raise ValueError("Syr2k: the matrices do not conform")
        m, k = np.int32(a.shape[0]), np.int32(a.shape[1])
        out = np.empty((a.shape[0], a.shape[0]), dtype=a.dtype)
        if m == 0 or k == 0:
            out[:] = 0
            return out
        a_rows, b_rows = np.ascontiguousarray(a), np.ascontiguousarray(b)
        fn = _call_cached_ptr(
            get_ptr_func=pointer, func_type_ref=routine, unique_func_name_lit=unique
        )
        fn(
            val_to_int_ptr(ord("U")),
            val_to_int_ptr(ord("T")),
            val_to_int_ptr(m),
            val_to_int_ptr(k),
            number(1.0),
            a_rows.ctypes,
            val_to_int_ptr(k),
            b_rows.ctypes,
            val_to_int_ptr(k),
            number(0.0),
            out.ctypes,
            val_to_int_ptr(m),
        )
        _mirror(out)
        return out

    return impl


@numba_basic.numba_njit
def _copied(b, out):
    """Copy into the first rows; whether all entries are finite, which costs no other pass."""
    bad = False
    for i in range(b.shape[0]):
        for j in range(b.shape[1]):
            x = b[i, j]
            out[i, j] = x
            bad |= not (abs(x) < np.inf)
    return not bad


@numba_basic.numba_njit
def _finite(b):
    bad = False
    for i in range(b.shape[0]):
        for j in range(b.shape[1]):
            bad |= not (abs(b[i, j]) < np.inf)
    return not bad


def _trmm(a, b, lower, unit):
    raise NotImplementedError


@overload(_trmm)
def _trmm_impl(a, b, lower, unit):
    routine, pointer, unique, number = _routine("trmm", a, b)

    def impl(a, b, lower, unit):
        if a.shape[1] != b.shape[0]:
            raise ValueError("Trmm: the matrices do not conform")
        m, n = a.shape
        q, k = np.int32(min(m, n)), np.int32(b.shape[1])
        out = _empty(m, b.shape[1], b)
        out[q:] = 0
        if q == 0 or k == 0:
            return out
        if not (_copied(b[:q], out) and (n <= m or _finite(b[q:]))):
            whole = np.zeros(a.shape, dtype=a.dtype)
            for i in range(m):
                for j in range(n):
                    if i == j:
                        whole[i, j] = 1 if unit else a[i, j]
                    elif (i > j) == lower:
                        whole[i, j] = a[i, j]
            return np.dot(whole, np.ascontiguousarray(b))
        work, rows, ld = _blas_operand(a)
        fn = _call_cached_ptr(
            get_ptr_func=pointer, func_type_ref=routine, unique_func_name_lit=unique
        )
        # (L B)ᵀ = Bᵀ Lᵀ.
        fn(
            val_to_int_ptr(ord("R")),
            val_to_int_ptr(ord("L") if lower != rows else ord("U")),
            val_to_int_ptr(ord("N") if rows else ord("T")),
            val_to_int_ptr(ord("U") if unit else ord("N")),
            val_to_int_ptr(k),
            val_to_int_ptr(q),
            number(1.0),
            work.ctypes,
            val_to_int_ptr(ld),
            out.ctypes,
            val_to_int_ptr(k),
        )
        # What is full below the triangle, or beside it.
        if lower and m > n:
            out[q:] = np.dot(np.ascontiguousarray(a[q:]), np.ascontiguousarray(b))
        elif n > m and not lower:
            out += np.dot(np.ascontiguousarray(a[:, q:]), np.ascontiguousarray(b[q:]))
        return out

    return impl


def _potri(factor, lower):
    raise NotImplementedError


@overload(_potri)
def _potri_impl(factor, lower):
    routine, pointer, unique, _ = _routine("potri", factor)

    def impl(factor, lower):
        if factor.shape[0] != factor.shape[1]:
            raise ValueError("Potri: the matrix is not square")
        m = np.int32(factor.shape[0])
        out = np.empty(factor.shape, dtype=factor.dtype)
        out[:] = factor if lower else factor.T
        if m == 0:
            return out
        info = val_to_int_ptr(np.int32(0))
        fn = _call_cached_ptr(
            get_ptr_func=pointer, func_type_ref=routine, unique_func_name_lit=unique
        )
        fn(
            val_to_int_ptr(ord("U")),
            val_to_int_ptr(m),
            out.ctypes,
            val_to_int_ptr(m),
            info,
        )
        if int_ptr_to_val(info) != 0:
            out[:] = np.nan
        _mirror(out)
        return out

    return impl


@numba_basic.numba_njit
def _gtmm(a, b):
    """Row by row, with the row of B before it and the one after it."""
    if a.shape[1] != b.shape[0]:
        raise ValueError("Gtmm: the matrices do not conform")
    m, n = a.shape
    k = b.shape[1]
    out = _empty(m, k, b)
    bad = False
    full = min(m, n + 1) if n else 0
    out[full:] = 0
    for i in range(full):
        here, last, next_ = min(i, n - 1), max(i - 1, 0), min(i + 1, n - 1)
        below = a[i, i - 1] if i else b.dtype.type(0)
        middle = a[i, i] if i < n else b.dtype.type(0)
        above = a[i, i + 1] if i + 1 < n else b.dtype.type(0)
        for j in range(k):
            x = b[here, j]
            out[i, j] = below * b[last, j] + middle * x + above * b[next_, j]
            bad |= not (abs(x) < np.inf)
    if bad or not _finite(b[min(m, n) :]):
        whole = np.zeros(a.shape, dtype=a.dtype)
        for i in range(m):
            for j in range(max(i - 1, 0), min(i + 2, n)):
                whole[i, j] = a[i, j]
        return np.dot(whole, np.ascontiguousarray(b))
    return out


def tell() -> None:
    """Tell PyTensor."""

    @register_funcify_default_op_cache_key(Syrk)
    def _(op: Any, node: Any, **kwargs: Any) -> Any:
        @numba_basic.numba_njit
        def syrk(x):
            return _syrk(x)

        return syrk, VERSION

    @register_funcify_default_op_cache_key(Syr2k)
    def _(op: Any, node: Any, **kwargs: Any) -> Any:
        @numba_basic.numba_njit
        def syr2k(a, b):
            return _syr2k(a, b)

        return syr2k, VERSION

    @register_funcify_default_op_cache_key(Trmm)
    def _(op: Any, node: Any, **kwargs: Any) -> Any:
        lower, unit = op.lower, op.unit_diagonal

        @numba_basic.numba_njit
        def trmm(a, b):
            return _trmm(a, b, lower, unit)

        return trmm, VERSION

    @register_funcify_default_op_cache_key(Gtmm)
    def _(op: Any, node: Any, **kwargs: Any) -> Any:
        @numba_basic.numba_njit
        def gtmm(a, b):
            return _gtmm(a, b)

        return gtmm, VERSION

    @register_funcify_default_op_cache_key(Potri)
    def _(op: Any, node: Any, **kwargs: Any) -> Any:
        lower = op.lower

        @numba_basic.numba_njit
        def potri(factor):
            return _potri(factor, lower)

        return potri, VERSION
