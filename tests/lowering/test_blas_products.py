"""Products that Kantor's own kernels compute: of what is triangular, tridiagonal, or mirrored."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.graph.fg import FunctionGraph

import kantor
from kantor import assume
from lowering.blas import Trmm
from matchers.readers import core_op
from matchers.regions import anchored, regions
from tests.support import PLAIN, evaluate

RNG = np.random.default_rng(20261129)
A, B, C, T = (pt.matrix(name) for name in "ABCT")
SQUARE = {name: pt.matrix(name, shape=(40, 40)) for name in "ABCT"}
ALSO = ("Dot", "Gtmm", "Syrk", "Trmm", "Syr2k")


def products(graph: Any, **options: Any) -> list[str]:
    """The names of the products in a graph that is rewritten, in alphabetical order."""
    (out,) = [kantor.rewrite(graph, **options)]
    nodes = FunctionGraph(outputs=[out], clone=True).toposort()
    return sorted(n for n in (type(core_op(node)).__name__ for node in nodes) if n in ALSO)


def check(graph: Any, values: dict[Any, Any], **options: Any) -> None:
    exact = evaluate(graph, values)
    found = evaluate(kantor.rewrite(graph, **options), values)
    assert found.dtype == exact.dtype
    np.testing.assert_allclose(found, exact, rtol=1e-9, atol=1e-9)


LOWER, UPPER = {"lower_triangular": True}, {"upper_triangular": True}
BAND = {"tridiagonal": True}
FACTORS = {"lower": (LOWER, "Trmm", np.tril), "upper": (UPPER, "Trmm", np.triu),
           "tridiagonal": (BAND, "Gtmm", lambda x: np.tril(np.triu(x, -1), 1))}  # fmt: skip
SPELLINGS = {
    "left": lambda t, b: t @ b,
    "right": lambda t, b: b @ t,
    "transposed": lambda t, b: t.T @ b,
    "the whole transposed": lambda t, b: (t @ b).T,
    "dot": lambda t, b: pt.dot(t, b),
    "scaled": lambda t, b: 3.0 * (t @ b),
    "negated": lambda t, b: -(b @ t.T),
    "in a sum": lambda t, b: t @ b + C,
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("kind", FACTORS)
def test_a_factor_with_zeros_alone(kind: str, spelling: str) -> None:
    """Whatever the shapes are; where nothing is said of it, it is multiplied as it is."""
    said, name, part = FACTORS[kind]
    write = SPELLINGS[spelling]
    graph = write(assume(T, **said), B)
    assert products(graph) == [name]
    assert products(write(T, B)) == ["Dot"]
    assert products(write(assume(T, symmetric=True), B)) == ["Dot"]
    n = 7
    values = {x: RNG.normal(size=(n, n)) for x in (B, C)}
    check(graph, {T: part(RNG.normal(size=(n, n))), **values})


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (2, 2), (5, 3), (3, 5), (1, 4), (4, 1)], ids=str)
@pytest.mark.parametrize("kind", FACTORS)
def test_of_any_shape(kind: str, shape: tuple[int, int]) -> None:
    said, _, part = FACTORS[kind]
    m, n = shape
    t = part(RNG.normal(size=shape))
    check(assume(T, **said) @ B, {T: t, B: RNG.normal(size=(n, 6))})
    check(B @ assume(T, **said), {T: t, B: RNG.normal(size=(6, m))})


def test_a_vector_gains_nothing_by_a_triangle() -> None:
    v = pt.col("v")
    assert products(assume(T, **LOWER) @ v) == ["Dot"]
    assert products(assume(T, **BAND) @ v) == ["Gtmm"]


@pytest.mark.filterwarnings("error")
def test_of_integers_there_is_no_kernel() -> None:
    X, Y = pt.lmatrices("X", "Y")
    for said in (LOWER, BAND):
        assert products(assume(X, **said) @ Y) == ["Dot"]
    assert products(X @ X.T) == ["Dot"]


@pytest.mark.parametrize(
    ("said", "shape", "flops"),
    [
        (UPPER, (90, 100), 2 * 90 * 100 * 70 - 90 * 90 * 70),
        (LOWER, (100, 90), 2 * 90 * 100 * 70 - 90 * 90 * 70),
        (UPPER, (100, 90), 90 * 100 * 70),  # which is more than 90² · 70
        (LOWER, (90, 100), 90 * 100 * 70),
        (UPPER, (90, 90), 90 * 90 * 70),
    ],
    ids=str,
)
@pytest.mark.parametrize("side", ["left", "right", "transposed"])
def test_what_a_trapezoid_is_said_to_take(said: Any, shape: Any, flops: float, side: str) -> None:
    """The plan, what brackets it, and the node that it becomes say the same."""
    rows, cols = shape
    if side == "left":
        R, X = pt.matrix("R", shape=shape), pt.matrix("X", shape=(cols, 70))
        graph = assume(R, **said) @ X
    else:  # as the transpose
        R = assume(pt.matrix("R", shape=(cols, rows)), **(UPPER if said is LOWER else LOWER))
        X = pt.matrix("X", shape=(70, cols))
        graph = X @ R if side == "right" else R.T @ X.T
    (step,) = _steps(graph)
    assert step.decision.after.constant == flops + 200
    (again,) = _priced(kantor.rewrite(graph))
    assert again == flops + 200


def _steps(graph: Any) -> list[Any]:
    from kantor.engine import Engine
    from relations.library import select

    fgraph = FunctionGraph(outputs=[graph], clone=True)
    return Engine(select(None)[0]).decisions(fgraph, replace=False)


def _priced(graph: Any) -> list[float]:
    from kantor.reading import Reading
    from kantor.sizes import SAMPLES
    from matchers.regions import Region, used_outside

    fgraph = FunctionGraph(outputs=[graph], clone=True)
    nodes = [n for n in fgraph.toposort() if isinstance(core_op(n), Trmm)]
    reading = Reading(fgraph, Region(nodes, used_outside(fgraph, nodes)), None)
    return [reading.cost_at(reading.sizer(SAMPLES[0]))]


def test_a_trapezoid_decides_the_order() -> None:
    """B (R C) beside (B R) C, of as many operations but for what R has of zeros."""
    R = assume(pt.matrix("R", shape=(50, 60)), **UPPER)
    X, Y = pt.matrix("X", shape=(300, 50)), pt.matrix("Y", shape=(60, 40))
    graph = (X @ R) @ Y
    new = kantor.rewrite(graph)
    names = [type(n.op).__name__ for n in FunctionGraph(outputs=[new], clone=True).toposort()]
    assert [n for n in names if n in ALSO] == ["Trmm", "Dot"]


# --- a matrix with its own transpose --------------------------------------------------------------


@pytest.mark.parametrize("static", [False, True], ids=["dynamic", "static"])
def test_a_matrix_with_its_own_transpose(static: bool) -> None:
    X, Y = (SQUARE["A"], SQUARE["B"]) if static else (A, B)
    assert products(X @ X.T) == ["Syrk"]
    assert products(pt.dot(X.T, X)) == ["Syrk"]
    assert products(-0.5 * (X.T @ X)) == ["Syrk"]
    assert products(X @ Y.T) == ["Dot"]
    assert products(X @ X) == ["Dot"]
    S = X.T @ Y
    assert products(S.T @ S) == ["Dot", "Syrk"]
    check(X @ X.T, {X: RNG.normal(size=(40, 40))})


def test_what_is_known_to_be_thin_is_multiplied_in_full() -> None:
    thin, wide = pt.matrix("X", shape=(500, 30)), pt.matrix("X", shape=(500, 31))
    assert products(thin @ thin.T) == ["Dot"]
    assert products(wide @ wide.T) == ["Syrk"]
    assert products(A @ A.T, sizes={A: (500, 20)}) == ["Dot"]
    v = pt.col("v")
    assert products(v @ v.T) in ([], ["Dot"])


def test_products_that_are_equal_up_to_a_transpose() -> None:
    """LAAB's am_transpose and cse_matmul_no_paranthesis; of other shapes they are as written."""
    X, Y = SQUARE["A"], SQUARE["B"]
    for graph in (Y.T @ X @ X.T @ Y, (X.T @ Y).T @ X.T @ Y):
        assert products(graph) == ["Dot", "Syrk"]
        check(graph, {X: RNG.normal(size=(40, 40)), Y: RNG.normal(size=(40, 40))})
    graph = B.T @ A @ A.T @ B
    assert products(graph) == ["Dot", "Dot", "Dot"]
    assert products(graph, sizes={A: (90, 90), B: (90, 90)}) == ["Dot", "Syrk"]
    # Aᵀ B has more columns than A has rows: it is A Aᵀ that is small.
    assert products(graph, sizes={A: (9, 400), B: (9, 4000)}) == ["Dot", "Dot", "Syrk"]


# --- where a region starts ------------------------------------------------------------------------


def found(graph: Any) -> bool:
    fgraph = FunctionGraph(outputs=[graph], clone=True)
    return anchored(fgraph) and bool(list(regions(fgraph)))


def test_one_product_is_a_region_only_if_a_kernel_takes_less() -> None:
    assert found(assume(T, **LOWER) @ B) and found(B @ assume(T, **BAND).T)
    assert found(A @ A.T)
    assert not found(A @ B)
    assert not found(assume(A, symmetric=True) @ B)
    assert not found(assume(A @ B, **LOWER))
    X = pt.tensor3("X")
    assert not found(X @ X.mT)


@pytest.mark.parametrize("kind", FACTORS)
def test_what_was_built_is_left_as_it_is(kind: str) -> None:
    said, name, _ = FACTORS[kind]
    once = kantor.rewrite(assume(T, **said) @ B)
    assert kantor.rewrite(once) is once or products(once) == [name]


@pytest.mark.parametrize("kind", FACTORS)
def test_what_was_built_is_read_again(kind: str) -> None:
    """As the product that it is, of the transpose of what something was said of."""
    said, name, _ = FACTORS[kind]
    once = kantor.rewrite(assume(SQUARE["T"], **said).T @ SQUARE["B"])
    new = kantor.rewrite(once @ pt.matrix("V", shape=(40, 2)))
    nodes = FunctionGraph(outputs=[new], clone=True).toposort()
    assert [n for n in (type(x.op).__name__ for x in nodes) if n in ALSO] == ["Dot", name]


@pytest.mark.parametrize("kind", FACTORS)
def test_compiled_with_a_gradient(kind: str) -> None:
    said, name, part = FACTORS[kind]
    T = pt.matrix("T", shape=(8, 8))
    cost = ((assume(T, **said) @ B) ** 2).sum()
    outs = [cost, pt.grad(cost, B)]
    f = pytensor.function([T, B], outs, mode=kantor.mode("CVM"))
    names = {type(core_op(n)).__name__ for n in f.maker.fgraph.toposort()}
    assert name in names and not any(n.startswith(("Dot", "Gemm")) for n in names)
    values = part(RNG.normal(size=(8, 8))), RNG.normal(size=(8, 5))
    g = pytensor.function([T, B], outs, mode=PLAIN)
    for ours, exact in zip(f(*values), g(*values), strict=True):
        np.testing.assert_allclose(ours, exact, rtol=1e-9)
