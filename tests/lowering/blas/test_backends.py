"""The Ops on the other backends, which learn of them when PyTensor imports them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.graph.replace import vectorize_graph

from lowering.blas import gtmm, potri, syr2k, syrk, trmm
from tests.support import PLAIN

RNG = np.random.default_rng(20261126)
ROOT = Path(__file__).resolve().parents[3]


def graphs(dtype: str) -> tuple[list[Any], list[Any]]:
    x, a, b, f = (pt.matrix(n, dtype=dtype) for n in "xabf")
    batch = pt.tensor3("batch", dtype=dtype)
    each = [syrk(x), syrk(x.T), syr2k(a, b.T[::-1, ::-1].T), potri(f), potri(f.T, lower=False)]
    for unit in (False, True):
        each += [trmm(f, a, True, unit), trmm(f.T, b[:, ::-1], True, unit)]
        each += [trmm(f, b, False, unit)]
        for lower in (True, False):
            each += [trmm(a, b.T, lower, unit), trmm(a.T, b, lower, unit)]
    each += [gtmm(f, a), gtmm(a, b.T), gtmm(a.T, b[:, ::-1])]
    each += [vectorize_graph(y, {f: batch}) for y in (syrk(f), trmm(f, a), gtmm(f, a), potri(f))]
    return [x, a, b, f, batch], each


def inputs(m: int, k: int, dtype: str) -> list[Any]:
    square = RNG.normal(size=(3, m, m)) / max(m, 1) + 2 * np.eye(m)
    drawn = [*RNG.normal(size=(3, m, k)), square[0], square]
    return [x.astype(dtype) for x in drawn]


MODULES = {"JAX": "jax", "MLX": "mlx.core", "NUMBA": "numba"}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("backend", "dtype"),
    [
        pytest.param("NUMBA", "float64", marks=pytest.mark.slow),
        pytest.param("NUMBA", "float32", marks=pytest.mark.slow),
        ("CVM", "float64"),
        ("JAX", "float64"),
        ("MLX", "float32"),
        ("MLX", "float64"),
    ],
)
def test_values(backend: str, dtype: str) -> None:
    pytest.importorskip(MODULES.get(backend, "numpy"))
    variables, outs = graphs(dtype)
    plain = pytensor.function(variables, outs, mode=PLAIN)
    f = pytensor.function(variables, outs, mode=backend)
    tolerance = 1e-11 if dtype == "float64" else 1e-3
    sizes = [(5, 3), (1, 4), (4, 1), (70, 20)]
    if backend != "MLX":  # which has no matrices without entries
        sizes += [(0, 2), (3, 0)]
    for m, k in sizes:
        values = inputs(m, k, dtype)
        for i, (found, exact) in enumerate(zip(f(*values), plain(*values), strict=True)):
            assert np.shape(found) == exact.shape
            assert np.asarray(found).dtype == dtype
            np.testing.assert_allclose(
                np.asarray(found), exact, rtol=tolerance, atol=tolerance, err_msg=f"{i}: {m}×{k}"
            )


def test_values_with_pytorch() -> None:
    """Its indexing has no negative steps, which the graphs of the other backends take."""
    pytest.importorskip("torch")
    x, y, factor = pt.dmatrices("x", "y", "factor")
    outs = [syrk(x), syr2k(x, y), gtmm(factor, y), potri(factor), potri(factor.T, lower=False)]
    outs += [trmm(factor, y, lower, unit) for lower in (False, True) for unit in (False, True)]
    square = np.tril(RNG.normal(size=(5, 5))) + 3 * np.eye(5)
    values = [*RNG.normal(size=(2, 5, 3)), square]
    plain, f = (pytensor.function([x, y, factor], outs, mode=m) for m in (PLAIN, "PYTORCH"))
    for found, exact in zip(f(*values), plain(*values), strict=True):
        np.testing.assert_allclose(np.asarray(found), exact, rtol=1e-11, atol=1e-11)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_numba_on_what_is_not_finite_and_on_strides() -> None:
    pytest.importorskip("numba")
    x, a, b = pt.dmatrices("x", "a", "b")
    outs = [syrk(x), syr2k(x, b), potri(a), trmm(a, b), trmm(a, b, False, True)]
    for lower in (True, False):
        outs += [trmm(a[:40], b, lower), trmm(a[:, :40], b[:40], lower)]
    outs += [gtmm(a, b), gtmm(a[:40], b), gtmm(a[:, :40], b[:40])]
    plain = pytensor.function([x, a, b], outs, mode=PLAIN)
    f = pytensor.function([x, a, b], outs, mode="NUMBA")

    def compare(*values: Any) -> None:
        kept = [y.copy() for y in values]
        found = f(*values)
        for ours, exact in zip(found, plain(*values), strict=True):
            np.testing.assert_allclose(ours, exact, rtol=1e-10, atol=1e-12)
        for ours in found[:3]:
            np.testing.assert_array_equal(ours, ours.T)
        for before, after in zip(kept, values, strict=True):
            np.testing.assert_array_equal(before, after)

    x0, _, b0, *_ = inputs(70, 5, "float64")
    compare(x0, np.diag(np.ones(70)) + 0.1 * np.tri(70), b0)
    square = np.asfortranarray(inputs(140, 1, "float64")[3])
    compare(x0[::-1, ::-1], square[::2, ::2], np.asfortranarray(b0))
    compare(np.broadcast_to(x0[0], x0.shape), square[20:90, 20:90], b0[:, ::-1])
    compare(np.pad(x0, 3)[3:-3, 3:-3], square.T[:70, :70], np.pad(b0, 3)[3:-3, 3:-3])
    singular = np.eye(70)
    singular[3, 3] = 0
    for bad in (np.nan, np.inf):
        b0[30, 1] = x0[7, 2] = bad
        with np.errstate(invalid="ignore"):
            compare(x0, singular, b0)
    with pytest.raises(ValueError, match="do not conform"):
        f(x0, np.eye(69), b0)


def in_another_process(*lines: str) -> str:
    code = "\n".join(["import sys", *lines])
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


BUILD = (
    "import pytensor.tensor as pt, kantor",
    "from lowering.blas import syrk",
    "out = syrk(pt.dmatrix())",
)


def test_no_backend_is_imported_before_it_is_used() -> None:
    loaded = "print([n for n in ('jax', 'mlx', 'numba', 'torch') if n in sys.modules])"
    assert in_another_process(*BUILD, loaded) == "[]\n"


@pytest.mark.parametrize("name", ["numba", "jax", "mlx"])
@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_a_backend_learns_of_them(name: str, first: bool) -> None:
    pytest.importorskip({"mlx": "mlx.core"}.get(name, name))
    dispatch = f"from pytensor.link.{name}.dispatch import {name}_funcify as funcify"
    lines = (dispatch, *BUILD) if first else (*BUILD, dispatch)
    ask = "print(funcify.dispatch(type(out.owner.op)) is not funcify.dispatch(object))"
    left = "print([f for f in sys.meta_path if type(f).__name__ == '_After' and f.name == NAME])"
    left = left.replace("NAME", repr(f"pytensor.link.{name}.dispatch"))
    assert in_another_process(*lines, ask, left) == "True\n[]\n"


def test_a_backend_learns_of_one_that_is_unpickled(tmp_path: Path) -> None:
    file = tmp_path / "op"
    lines = (
        "import pickle, pathlib",
        "from lowering.blas import Trmm",
        f"pathlib.Path({str(file)!r}).write_bytes(pickle.dumps(Trmm(False, unit_diagonal=True)))",
    )
    in_another_process(*lines)
    lines = (
        "import pickle, pathlib",
        f"op = pickle.loads(pathlib.Path({str(file)!r}).read_bytes())",
        "from pytensor.link.numba.dispatch import numba_funcify as funcify",
        "print(op, funcify.dispatch(type(op)) is not funcify.dispatch(object))",
    )
    assert in_another_process(*lines) == "Trmm{lower=False, unit_diagonal=True} True\n"
