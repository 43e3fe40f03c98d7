"""What the battery is made of: makers of values, lengths, the reference, tolerances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest

from kantor.checking import Problem, readings
from kantor.checking.compare import measured
from kantor.checking.directions import along
from kantor.checking.entries import Source
from kantor.checking.instances import cycling
from kantor.checking.lengths import Lengths
from kantor.checking.makers import MAKERS, makers
from kantor.checking.sides import Evaluator, Undefined
from kantor.checking.variants import PLAIN
from matchers.dims import ONE
from matchers.heads import VERBATIM
from matchers.vocabulary import inverse, transpose
from relations.language import matrices, relation, vectors
from tests.kantor.checking.planted import made

A, B = matrices("A B")
(x,) = vectors("x")

TRAITS: dict[str, Any] = {
    "symmetric": lambda a: np.allclose(a, a.T),
    "hermitian": lambda a: np.allclose(a, a.conj().T),
    "positive_definite": lambda a: np.all(np.linalg.eigvalsh(a) > 0),
    "diagonal": lambda a: np.allclose(a, np.diag(np.diag(a))),
    "lower_triangular": lambda a: np.allclose(a, np.tril(a)),
    "upper_triangular": lambda a: np.allclose(a, np.triu(a)),
    "tridiagonal": lambda a: np.allclose(a, np.triu(np.tril(a, 1), -1)),
    "orthogonal": lambda a: np.allclose(a @ a.conj().T, np.eye(len(a))),
    "permutation": lambda a: np.isin(a, (0, 1)).all() and (a.sum(0) == 1).all(),
    "selection": lambda a: np.isin(a, (0, 1)).all() and (a.sum(1) == 1).all(),
    "toeplitz": lambda a: all(
        len(set(np.diagonal(a, k))) <= 1 for k in range(1 - a.shape[0], a.shape[1])
    ),
    "circulant": lambda a: np.array_equal(a, np.roll(a, (1, 1), (0, 1))),
    "index": lambda a: np.all(np.asarray(a) % 1 == 0),
    "full_column_rank": lambda a: np.linalg.matrix_rank(a) == a.shape[1] or len(a) < a.shape[1],
    "full_row_rank": lambda a: np.linalg.matrix_rank(a) == len(a) or a.shape[1] < len(a),
    "unit_magnitude": lambda a: np.allclose(abs(a), 1),
    "positive": lambda a: np.all(a > 0),
    "nonnegative": lambda a: np.all(a >= 0),
    "nonzero": lambda a: np.all(a != 0),
    "positive_semidefinite": lambda a: np.all(np.linalg.eigvalsh(a) > -1e-9),
    "nonsingular": lambda a: np.all(np.linalg.svd(a, compute_uv=False) > 1e-9),
}


@pytest.mark.parametrize("kind", ["f", "c", "i"])
@pytest.mark.parametrize("name", MAKERS)
def test_makers_draw_what_they_say(name: str, kind: str) -> None:
    maker = MAKERS[name]
    for seed, shape_ in enumerate([(1, 1), (2, 2), (4, 4), (0, 0), (2, 3), (3, 0)]):
        if maker.square and shape_[0] != shape_[1]:
            continue
        if name == "selection" and shape_ == (3, 0):
            continue  # there is none
        a = maker.draw(Source(np.random.default_rng(seed), kind), *shape_)
        assert a.shape == shape_
        assert all(TRAITS[key](a) for key in maker.has)


def test_makers_for_several_conditions() -> None:
    assert next(m.name for m in makers((), square=False)) == "plain"
    both = {m.name for m in makers(("orthogonal", "symmetric"), square=True)}
    assert both >= {"reflection", "identity"}
    assert "orthogonal" not in both
    assert makers(("orthogonal",), square=False) == ()


def test_along_keeps_what_the_structure_allows() -> None:
    g, eye = np.arange(9.0).reshape(3, 3), np.eye(3)
    assert np.array_equal(along(["symmetric"], g, eye), along(["symmetric"], g.T, eye))
    assert not along(["orthogonal"], g + g.T, eye).any()
    assert np.array_equal(along(["diagonal"], g, eye), np.diag(np.diag(g)))
    assert along((), g, eye) is g


def test_lengths_that_follow_are_not_chosen() -> None:
    axes = [s for z in (A, B) for d in (z.rows, z.cols) for s, _ in d.powers] + [
        s for s, _ in x.rows.powers
    ]
    lengths = Lengths(axes, [(A.cols * B.cols, x.rows)])
    known = lengths.solve(cycling((2, 3, 5)))
    assert known is not None
    ((length, _),) = x.rows.powers
    assert known[length] == np.prod([known[s] for d in (A.cols, B.cols) for s, _ in d.powers])
    assert lengths.order[-1] not in {s for d in (A.cols, B.cols) for s, _ in d.powers}
    assert Lengths(axes, [(A.rows, ONE * 3), (A.rows, ONE * 4)]).solve(cycling((1,))) is None
    assert Lengths(axes, [(A.rows * A.rows, ONE * 9)]).solve(cycling((1,))) is not None
    assert Lengths(axes, [(A.rows * A.rows, ONE * 8)]).solve(cycling((1,))) is None


def test_lengths_that_are_not_zero() -> None:
    axes = [s for d in (A.rows, A.cols, B.rows) for s, _ in d.powers]
    rows, cols, other = axes
    known = Lengths(axes, [], [A.rows]).solve(cycling((0,)))
    assert known == {rows: 1, cols: 0, other: 0}
    # What follows from others is not chosen, and may contradict.
    assert Lengths(axes, [(A.rows, B.rows * 0)], [A.rows]).solve(cycling((2,))) is None


def test_the_reference_rewrites_nothing() -> None:
    a = pt.matrix("a")
    inv = pt.linalg.inv
    run = Evaluator([a], [inv(inv(a)) + 0 * a, pt.linalg.kron(a, a)])._run
    names = [str(node.op) for node in run.maker.fgraph.toposort()]
    assert sum("MatrixInverse" in name for name in names) == 2
    assert any("Mul" in name for name in names)


def test_what_is_noise_has_no_value() -> None:
    a = pt.matrix("a")
    run = Evaluator([a], [pt.linalg.inv(a)])
    u = np.random.default_rng(0).standard_normal((3, 1))
    with pytest.raises(Undefined):
        measured(run, [u @ u.T])
    here = measured(run, [np.diag([1.0, 2.0, 4.0])])
    assert here.tolerance(0, "float64") < 1e-11 < here.tolerance(0, "float32")
    # An identically zero result is its rounding noise, and that is no fault.
    zero = Evaluator([a], [pt.linalg.inv(a) @ a - pt.eye(3)])
    m = np.random.default_rng(1).standard_normal((3, 3))
    assert measured(zero, [m]).noise[0] < 1e-13


def test_instances_print_what_they_are() -> None:
    r = made(lambda: (inverse(inverse(A)), A))
    instance = Problem(next(readings(r))).instance(cycling((2,)), variant=PLAIN)
    assert str(instance) == "float64; A: 2 × 2"


def test_the_decorator_keeps_what_its_author_wrote() -> None:
    @relation(tags="mine", cites="folklore")
    def kept(A, B):  # type: ignore[no-untyped-def]
        """(A B)ᵀ = Bᵀ Aᵀ."""
        return transpose(A @ B), B.T @ A.T

    assert kept.body is not None
    assert kept.body()[0] is kept.lhs
    (sides,) = readings(kept)
    assert not VERBATIM.get()
    assert sides.written[0] is not sides.lhs
    assert sides.written[0].head.name == "transpose"
    assert sides.lhs.head.name == "matmul"
