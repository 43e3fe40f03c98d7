"""Signs of entries, definiteness and regularity: what is proved, and what is not."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.assumptions import KEY_REGISTRY, check_assumption
from pytensor.graph.fg import FunctionGraph
from pytensor.tensor import linalg

import kantor
from kantor.api import graph_of
from matchers import vocabulary as v
from matchers.properties import OF_DIAGONALS, OF_ENTRIES, OF_MATRICES, OF_RANK, declare
from matchers.view import View

declare()
x, y = pt.vectors("x", "y")
c = pt.scalar("c")
z = pt.vector("z", dtype="complex128")
n = pt.vector("n", dtype="int64")
X = pt.matrix("X")
S = pt.matrix("S", shape=(3, 3))
P = kantor.assume(pt.matrix("P"), positive_definite=True)
Q = kantor.assume(pt.matrix("Q"), orthogonal=True)
d = kantor.assume(pt.vector("d"), positive=True)
w = kantor.assume(pt.vector("w"), nonnegative=True)
k = kantor.assume(pt.scalar("k"), nonzero=True)
XX = X @ X.T
EYE = pt.eye(X.shape[0])


def holds(graph: Any, key: str) -> bool:
    fgraph, _ = graph_of([graph])
    view = View(fgraph)
    return view.holds(view.definition(fgraph.outputs[0]), key)


def asked(graph: Any, key: str) -> bool:
    """What PyTensor's own feature answers, with the rules that Kantor registers."""
    return check_assumption(FunctionGraph(outputs=[graph], clone=False), graph, KEY_REGISTRY[key])


POSITIVE = {
    "declared": d,
    "exp": pt.exp(x),
    "softplus": pt.softplus(x),
    "sigmoid": pt.sigmoid(x),
    "cosh": pt.cosh(x),
    "a square plus a constant": x**2 + 1e-3,
    "a sum": d + w,
    "a product": d * pt.exp(x),
    "a quotient": pt.exp(x) / d,
    "one over it": 1 / d,
    "reciprocal": pt.reciprocal(d),
    "a power": d**x,
    "a root": pt.sqrt(d),
    "a square of what is not zero": pt.sqr(kantor.assume(x, nonzero=True)),
    "its absolute value": abs(kantor.assume(x, nonzero=True)),
    "at least something positive": pt.maximum(x, 0.1),
    "the smaller of both": pt.minimum(d, pt.exp(x)),
    "clipped": pt.clip(x, 0.1, 2),
    "either": pt.switch(x > 0, d, pt.exp(x)),
    "what is left of 1": 1 - pt.sigmoid(x),
    "an interval": pt.sigmoid(x) * 3 + (1 - pt.sigmoid(x)) * 0.5,
    "cast": pt.cast(d, "float32"),
    "a column": d[:, None],
    "a row, reshaped": d.reshape((2, -1)),
    "a part": d[1:3],
    "chosen": d[pt.as_tensor([0, 0])],
    "filled": pt.full((3,), pt.exp(c)),
    "filled like another": pt.full_like(x, 2.0),
    "joined": pt.concatenate([d, pt.exp(x)]),
    "stacked": pt.stack([pt.exp(c), pt.softplus(c)]),
    "set in part": pt.set_subtensor(d[0], pt.exp(c)),
    "a softmax": pt.special.softmax(x),
    "a simplex": pt.exp(S[0]) / pt.exp(S[0]).sum(),
    "a product of all": pt.prod(d),
    "a literal": pt.constant([1.0, 2.0]),
    "ones": pt.ones(3),
}
NOT_POSITIVE = {
    "any": x,
    "a square": pt.sqr(x),
    "an absolute value": abs(x),
    "nonnegative": w,
    "a difference": d - 1,
    "a product with another": d * x,
    "a sum with another": d + x,
    "an even power": x**2,
    "the larger of others": pt.maximum(x, y),
    "the smaller of both": pt.minimum(d, x),
    "less than a sigmoid": 0.5 - pt.sigmoid(x),
    "cut to integers": pt.cast(d, "int64"),
    "cut to short integers": pt.cast(pt.maximum(n, 1), "int8"),
    "integers that wrap around": pt.maximum(n, 1) * pt.maximum(n, 1),
    "a sum that wraps around": pt.maximum(pt.vector("k", dtype="int64", shape=(3,)), 1).sum(),
    "complex": pt.exp(z),
    "joined with another": pt.concatenate([d, x]),
    "set in part": pt.set_subtensor(d[0], c),
    "a literal": pt.constant([1.0, 0.0]),
    "not a number": pt.constant([1.0, np.nan]),
    "a sum of perhaps nothing": d.sum(),
    "declared not to be": kantor.assume(x, positive=False),
}


@pytest.mark.parametrize("name", POSITIVE)
def test_positive(name: str) -> None:
    assert asked(POSITIVE[name], "positive")
    assert holds(POSITIVE[name], "positive")
    assert all(holds(POSITIVE[name], key) for key in ("nonnegative", "nonzero"))


@pytest.mark.parametrize("name", NOT_POSITIVE)
def test_not_positive(name: str) -> None:
    assert not asked(NOT_POSITIVE[name], "positive")
    assert not holds(NOT_POSITIVE[name], "positive")


NONNEGATIVE = (pt.sqr(x), abs(x), x * x, x**2, w + pt.sqr(x), x * x * d, pt.maximum(x, 0), w.sum())


@pytest.mark.parametrize("graph", [*NONNEGATIVE, pt.switch(x > 0, w, 0.0), pt.eye(3)])
def test_nonnegative(graph: Any) -> None:
    assert asked(graph, "nonnegative")
    assert not asked(graph, "positive")


@pytest.mark.parametrize("graph", [x, x**3, x * y, x * x * y, x + w, pt.cast(z.imag, "float32")])
def test_not_nonnegative(graph: Any) -> None:
    assert not asked(graph, "nonnegative")
    assert not holds(graph, "nonnegative")


@pytest.mark.parametrize("graph", [k, -k, 2 * k, 1 / k, -pt.exp(c), k * pt.exp(c), pt.constant(-1)])
def test_nonzero(graph: Any) -> None:
    assert asked(graph, "nonzero")
    assert holds(graph, "nonzero")


@pytest.mark.parametrize("graph", [c, k + 1, k * c, pt.constant(0.0), pt.sqr(c)])
def test_perhaps_zero(graph: Any) -> None:
    assert not asked(graph, "nonzero")
    assert not holds(graph, "nonzero")


DEFINITE = {
    "scaled": pt.exp(c) * P,
    "shifted": P + pt.exp(c) * EYE,
    "plus a diagonal": P + pt.diag(d),
    "a positive diagonal": pt.diag(pt.softplus(x)),
    "scaled rows of an identity": pt.exp(x)[:, None] * pt.eye(x.shape[0]),
    "a Gram matrix, shifted": XX + EYE,
    "several": XX / 2 + X @ P @ X.T + 0.1 * P,
    "its inverse": linalg.inv(P + pt.exp(c) * pt.eye(P.shape[0])),
}
PERHAPS_NOT = {
    "scaled": c * P,
    "shifted": P + c * EYE,
    "shifted down": P - EYE,
    "plus a diagonal": P + pt.diag(x),
    "a diagonal": pt.diag(w),
    "minus a Gram matrix": EYE - XX,
    "plus a product": EYE + X @ S,
}


@pytest.mark.parametrize("name", DEFINITE)
def test_definite(name: str) -> None:
    graph = DEFINITE[name]
    assert all(holds(graph, key) for key in ("positive_definite", "nonsingular", "symmetric"))
    assert holds(graph, "positive_semidefinite")


@pytest.mark.parametrize("name", PERHAPS_NOT)
def test_perhaps_indefinite(name: str) -> None:
    assert not holds(PERHAPS_NOT[name], "positive_definite")
    assert not holds(PERHAPS_NOT[name], "nonsingular")


def test_signs_of_diagonals_and_roots() -> None:
    """Of terms, which relations make and no reader does."""
    fgraph, _ = graph_of([P @ X, XX @ X, S @ S, d * k, w * k, x * k])
    view = View(fgraph)
    p, gram, any_ = (view.term(o.owner.inputs[0]) for o in fgraph.outputs[:3])
    pos, non, sign = (view.term(i, 1) for o in fgraph.outputs[3:] for i in o.owner.inputs[:1])
    for positive in (v.diagonal(p), v.root(pos), v.root(v.diagonal(p)), v.diagonal(v.diag(pos))):
        assert view.holds(positive, "positive") and view.holds(positive, "nonnegative"), positive
        assert view.holds(v.diag(positive), "positive_definite")
    for nonnegative in (v.diagonal(gram), v.root(non), v.root(v.diagonal(gram))):
        assert view.holds(nonnegative, "nonnegative"), nonnegative
        assert not view.holds(nonnegative, "positive")
    for unknown in (v.diagonal(any_), v.root(sign), v.root(v.diagonal(any_))):
        assert not view.holds(unknown, "nonnegative"), unknown


def test_a_gram_matrix_is_semidefinite_only() -> None:
    """To PyTensor it is definite, whatever its rank."""
    for graph in (XX, X @ P @ X.T, pt.outer(x, x), XX + X.T @ X):
        assert holds(graph, "positive_semidefinite")
        assert not holds(graph, "nonsingular")
    C = pt.matrix("C", dtype="complex128")
    assert not holds(C @ C.T, "positive_semidefinite")
    assert not holds(X @ S @ X.T, "positive_semidefinite")
    # Nor is a part of one trusted.
    B = pt.tensor3("B")
    assert not holds((B @ B.mT)[0], "nonsingular")
    assert holds(kantor.assume(XX, positive_definite=True), "nonsingular")


NONSINGULAR = {
    "declared": kantor.assume(X, nonsingular=True),
    "an inverse": linalg.inv(X),
    "a factor": linalg.cholesky(X),
    "an exponential": linalg.expm(X),
    "orthogonal": Q,
    "a multiple": k * P,
    "a diagonal": pt.diag(kantor.assume(x, nonzero=True)),
    "a product": P @ Q.T @ linalg.inv(X),
    "a Kronecker product": linalg.kron(P, Q),
}


@pytest.mark.parametrize("name", NONSINGULAR)
def test_nonsingular(name: str) -> None:
    assert holds(NONSINGULAR[name], "nonsingular")


@pytest.mark.parametrize("graph", [X, c * P, pt.diag(x), P @ X, linalg.kron(P, X), P + Q])
def test_perhaps_singular(graph: Any) -> None:
    assert not holds(graph, "nonsingular")


def test_importing_registers_nothing_and_assume_does() -> None:
    code = (
        "from pytensor.assumptions import KEY_REGISTRY, IMPLIES, assume\n"
        "import pytensor.tensor as pt\n"
        "before = dict(KEY_REGISTRY), len(IMPLIES)\n"
        "import kantor, matchers.properties, relations.low_rank\n"
        "assert (dict(KEY_REGISTRY), len(IMPLIES)) == before\n"
        "kantor.assume(pt.vector('d'), positive=True)\n"
        "kantor.mode(), kantor.mode()\n"
        "assert len(IMPLIES) == before[1] + 2\n"
        "assume(pt.vector('d'), positive=True)\n"
        "print('fine')\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert found.stdout == "fine\n", found.stderr


@pytest.mark.parametrize(
    "use",
    ["kantor.rewrite(v)", "kantor.explain(v)", "kantor.mode()", "kantor.register()"],
)
def test_whatever_is_used_registers(use: str) -> None:
    code = (
        "import pytensor.tensor as pt, kantor\n"
        "from pytensor.assumptions import assume\n"
        f"v = pt.vector('v'); {use}\n"
        "assume(v, positive=True, nonsingular=None)\n"
        "print('fine')\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert found.stdout == "fine\n", found.stderr


def test_names() -> None:
    assert set(declare()) == {*OF_ENTRIES, *OF_MATRICES, *OF_DIAGONALS, *OF_RANK}
    assert declare() is declare()
    with pytest.raises(ValueError, match="positiv"):
        kantor.assume(x, positiv=True)


def test_constant_diagonals() -> None:
    i, c, m = pt.arange(5), pt.vector("c"), pt.matrix("m")
    away = i[:, None] - i[None, :]
    key = declare()["toeplitz"]
    for x in (away, away >= 0, pt.abs(away), pt.exp(-(away**2) / 2), c[pt.abs(away)], 2 * c[away],
              pt.where(i[:, None] >= i[None, :], c[away], 0), kantor.assume(m, circulant=True),
              pt.exp(-away) + pt.eye(5), kantor.assume(m, toeplitz=True) * away):  # fmt: skip
        assert key.holds(x), x
    for x in (i[:, None] + i[None, :], away + c[:, None], m * away, pt.eye(5, 4) + m, pt.exp(m),
              pt.arange(0, 10, 2)[:, None] - i, c[i[:, None] * i], m[away]):  # fmt: skip
        assert not key.holds(x), x
    assert not declare()["circulant"].holds(away)
