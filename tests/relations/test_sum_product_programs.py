"""Sum-product programs: the factored flops, no larger intermediate, and the same values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

import kantor
from tests.coverage.flops import run
from tests.coverage.measure import PLAIN
from tests.relations.sum_product_programs import (
    SPELLINGS,
    Program,
    chains,
    highest_rank,
    programs,
)
from tests.support import evaluate

# i = j and k = l, so that each order of MMM costs the same where nothing is known of shapes.
LENGTHS = {"i": 24, "j": 24, "k": 20, "l": 20}
TEN = dict(zip("abcdefghijk", (3, 2, 3, 4, 2, 3, 2, 3, 2, 3, 2), strict=True))
# What one operation on single numbers more or less may make of the flops.
SLACK = 1.02
# Of what is summed by pieces, the gradient sums some of them twice: 1.35 at most.
GRADIENT = 1.4
cases = pytest.mark.parametrize("name", programs())
spellings = pytest.mark.parametrize("spelling", SPELLINGS)


def lengths_of(name: str) -> dict[str, int]:
    return {**LENGTHS, "j": LENGTHS["k"]} if name == "BATAX" else LENGTHS


def counted(inputs: list[Any], outputs: list[Any], values: dict[Any, Any]) -> tuple[Any, Any, int]:
    """The values of a graph as it is compiled, its flops, and the most axes of a value in it."""
    with pytensor.config.change_flags(cxx=""):
        fgraph = pytensor.function(inputs, outputs, mode=PLAIN).maker.fgraph
    found, flops = run(fgraph, [values[x] for x in inputs])
    return found, flops, highest_rank(fgraph.apply_nodes)


def assert_factored(program: Program, graph: Any, values: dict[Any, Any]) -> None:
    inputs = program.distinct
    new = kantor.rewrite(graph)
    assert new.type == graph.type
    [found], flops, rank = counted(inputs, [new], values)
    _, hand, _ = counted(inputs, [program.hand()], values)
    assert flops <= SLACK * hand
    ends = [*inputs, graph]
    assert rank <= max(2, *(x.type.ndim for x in ends))
    want = np.einsum(program.spec, *(values[x] for x in program.inputs), optimize=True)
    assert found.shape == want.shape
    np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-12)


@cases
@spellings
def test_the_factored_flops(name: str, spelling: str) -> None:
    program = programs()[name]
    assert_factored(program, program.written(spelling), program.values(lengths_of(name)))


@pytest.mark.parametrize("name", chains())
@spellings
def test_chains_of_ten(name: str, spelling: str) -> None:
    program = chains()[name]
    assert_factored(program, program.written(spelling), program.values(TEN))


@spellings
@pytest.mark.parametrize("first", [True, False])
def test_static_shapes_choose_the_order(spelling: str, first: bool) -> None:
    """Three matrices are multiplied in the cheaper order where their shapes say which it is."""
    shapes = [(4, 40), (40, 50), (50, 60)]
    shapes = shapes if first else [s[::-1] for s in reversed(shapes)]
    A, B, C = inputs = [pt.tensor(n, shape=s) for n, s in zip("ABC", shapes, strict=True)]
    hand = (A @ B) @ C if first else A @ (B @ C)
    program = Program("ik,kl,lj->ij", inputs, lambda a, b, c: a @ b @ c, lambda *_: hand)
    values = program.values(dict(zip("iklj", (*shapes[0], *shapes[2]), strict=True)))
    assert_factored(program, program.written(spelling), values)


@cases
@spellings
@pytest.mark.parametrize("short", ["ijkl=1", "k=1", "k=0", "i=0", "ijkl=0"])
def test_empty_and_single(name: str, spelling: str, short: str) -> None:
    program = programs()[name]
    letters, length = short.split("=")
    lengths = {**dict.fromkeys("ijkl", 3), **dict.fromkeys(letters, int(length))}
    if name == "BATAX":
        lengths["j"] = lengths["k"]
    if name == "MTTKRP" and spelling == "matrices" and length == "0":
        pytest.skip("NumPy leaves no length of nothing open in a reshape")
    values = program.values(lengths)
    want = np.einsum(program.spec, *(values[x] for x in program.inputs))
    found = evaluate(kantor.rewrite(program.written(spelling)), values)
    assert found.shape == want.shape
    np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-12)


@cases
@spellings
@pytest.mark.parametrize("dtype", ["float32", "int64", "complex128"])
def test_dtypes(name: str, spelling: str, dtype: str) -> None:
    program = programs(dtype)[name]
    values = program.values({**dict.fromkeys("ijkl", 4), "i": 3})
    values = {x: (8 * value).astype(dtype) for x, value in values.items()}
    graph = program.written(spelling)
    new = kantor.rewrite(graph)
    assert new.type == graph.type
    before, after = evaluate([graph, new], values)
    rtol = {"float32": 1e-4, "int64": 0}.get(dtype, 1e-10)
    np.testing.assert_allclose(after, before, rtol=rtol, atol=rtol * float(np.abs(before).max()))


@cases
@spellings
def test_gradients_are_contractions_too(name: str, spelling: str) -> None:
    """The gradient of a spelling takes little more flops than that of the factored form."""
    program = programs()[name]
    inputs, values = program.distinct, program.values(lengths_of(name))
    loss, hand = ((g**2).sum() for g in (program.written(spelling), program.hand()))
    wanted, factored, _ = counted(inputs, pt.grad(hand, inputs), values)
    found, flops, _ = counted(inputs, kantor.rewrite(pt.grad(loss, inputs)), values)
    for one, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, want, rtol=1e-9, atol=1e-10)
    assert flops <= GRADIENT * factored


def test_compiled() -> None:
    for program in programs().values():
        values = program.values({**dict.fromkeys("ijkl", 5), "i": 4})
        want = np.einsum(program.spec, *(values[x] for x in program.inputs))
        for spelling in SPELLINGS:
            graph = program.written(spelling)
            with pytensor.config.change_flags(cxx=""):
                f = pytensor.function(program.distinct, graph, mode=kantor.mode("CVM"))
            np.testing.assert_allclose(f(*(values[x] for x in program.distinct)), want)
