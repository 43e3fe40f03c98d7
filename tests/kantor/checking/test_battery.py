"""The battery finds wrong signs, missing conditions, false near misses and lost gradients."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op

from kantor.checking import Problem, near_misses, readings, verify
from kantor.checking.posed import read
from kantor.checking.variants import VARIANTS
from matchers.conditions import (
    Condition,
    assumed,
    conforming,
    implied,
    lower_triangular,
    nonempty,
    orthogonal,
    positive_definite,
    same_batch,
    same_shape,
    square,
    symmetric,
    unbatched,
)
from matchers.conforming import DEMANDS
from matchers.heads import Head
from matchers.notation import HEADS
from matchers.terms import shape
from matchers.variables import LogicVar
from matchers.vocabulary import (
    batch_sum,
    beside,
    block_diag,
    cholesky,
    inverse,
    kron,
    logabsdet,
    scale,
    total,
    transpose,
    triangle,
    vec,
)
from relations.language import matrices, rests, scalars, segments, vectors
from relations.relation import Relation
from tests.kantor.checking.planted import failure, holds, made

A, B, C, D, X = matrices("A B C D X")
x, y = vectors("x y")
(c,) = scalars("c")
(S,) = segments("S")
(R,) = rests("R")


def alike(*ms: LogicVar) -> tuple[Condition, ...]:
    a, b, c, d = ms
    return same_shape(a, c), same_shape(b, d)


# --- what is wrong is found ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        lambda: (inverse(A @ B), -(inverse(B) @ inverse(A)), square(A, B)),
        lambda: (inverse(A @ B), inverse(A) @ inverse(B), square(A, B)),
        lambda: (inverse(scale(c, A)), scale(c, inverse(A))),
        lambda: (kron(A, B) @ vec(X), vec(A @ X @ B), square(A, B)),
        lambda: (kron(A, B) @ kron(C, D), kron(C @ A, D @ B), square(A, B), *alike(A, B, C, D)),
        lambda: (total(A @ B), total(B @ A), square(A, B)),
        lambda: (logabsdet(A @ B), logabsdet(A) + 2 * logabsdet(B), square(A, B)),
        lambda: (inverse(A), A.T),
        lambda: (A.T @ A @ x, A @ A @ x, square(A)),
    ],
)
def test_a_wrong_side_is_found(body: Callable[[], tuple[Any, ...]]) -> None:
    verdict = verify(made(body), 5)
    assert not verdict.passed
    assert "right side differs" in str(verdict)
    instance = verdict.failures[0].instance
    assert instance is not None
    # Shrunk: nothing in it is longer than what it takes to differ.
    assert max(instance.known.values()) <= 3


def test_the_smallest_counter_example_of_a_sign_is_one_entry() -> None:
    verdict = verify(made(lambda: (inverse(A @ B), -(inverse(B) @ inverse(A)), square(A, B))), 5)
    instance = verdict.failures[0].instance
    assert instance is not None
    assert set(instance.known.values()) == {1}
    assert verdict.failures[0].left.shape == (1, 1)


def test_a_condition_that_is_missing_is_found() -> None:
    # A A has a value where A is singular, its right side has none.
    why = failure(made(lambda: (A @ A, inverse(A) @ A @ A @ A)))
    assert "the right side has no value where the left has one: LinAlgError" in why
    # Symmetry is needed as well as squareness.
    assert "right side differs" in failure(made(lambda: (A @ A.T, A.T @ A, square(A))))
    assert holds(made(lambda: (A @ A.T, A.T @ A, symmetric(A)))).near_misses


def test_a_lost_gradient_is_found(blind: Head) -> None:
    why = failure(made(lambda: (A @ B, blind(A) @ B)))
    assert "the gradients with respect to A differ" in why


def test_gradients_are_compared_along_symmetric_directions() -> None:
    """A Cholesky's pullback is one-sided: right along every direction that stays symmetric."""
    by_cholesky = made(lambda: (logabsdet(A), 2 * logabsdet(cholesky(A)), positive_definite(A)))
    assert holds(by_cholesky).gradients
    # Not so where nothing says that the matrix stays symmetric.
    one_sided = made(lambda: (total(A @ A), total(triangle(A, True, False) @ A)))
    assert "differs" in failure(one_sided)


def test_an_axiom_that_the_normal_form_gets_wrong_is_found() -> None:
    """Both sides are one term, and what the author wrote still is verified."""

    def body() -> tuple[Any, ...]:
        return transpose(A @ B), A.T @ B.T, square(A, B)

    right = made(lambda: (transpose(A @ B), B.T @ A.T))
    assert right.axiom
    assert holds(right).verified
    wrong = dataclasses.replace(right, body=body, conditions=(square(A, B),))
    assert wrong.axiom
    assert "differs" in failure(wrong)


def test_an_implied_condition_that_is_not_is_found() -> None:
    why = failure(made(lambda: (kron(A, B) @ vec(X), vec(A @ X @ B.T), implied(square(A)))))
    assert "square(A) is not implied: the left side has a value" in why


class Credulous(Condition):
    """A condition that is taken to hold without a proof."""

    __slots__ = ()

    def holds(self, bindings: Mapping[LogicVar, Any], known: Any) -> bool:
        return True


def test_a_false_near_miss_is_found() -> None:
    def commuting(condition: Condition) -> Relation:
        return made(lambda: (A @ A.T, A.T @ A, condition))

    assert holds(commuting(symmetric(A))).near_misses
    why = failure(commuting(Credulous("symmetric", (A,))))
    assert "matches a near miss, planted without symmetric(A): nothing is declared of A" in why


def test_a_relation_that_must_not_be_used_backward_is_found() -> None:
    def body() -> tuple[Any, ...]:
        return inverse(inverse(A)) @ A, A @ A

    why = failure(made(body))
    assert "only the right side has a value: LinAlgError: Singular matrix" in why
    assert "if that is meant, say both_ways=False" in why
    one_way = made(body, both_ways=False)
    assert [d.backward for d in one_way.directions] == [False]
    assert holds(one_way).notes == []


def test_what_holds_over_the_reals_only_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def body() -> tuple[Any, ...]:
        return inverse(A), A.T, orthogonal(A)

    why = failure(made(body))
    assert "right side differs" in why
    assert "(complex; A: 1 × 1 orthogonal)" in why
    real = made(body, field="real")
    verdict = holds(real)
    assert "complex" not in verdict.variants
    misses = [m for m in near_misses(Problem(next(readings(real)))) if m.condition is None]
    assert [m.posed.inputs[0].type.shape for m in misses] == [(3, 3), (None, None)]
    assert {m.posed.inputs[0].type.dtype for m in misses} == {"complex128"}
    monkeypatch.setattr("relations.rules.outside_field", lambda *_: None)
    why = failure(real)
    assert "matches a near miss, planted: the matrices are complex: A⁻¹ became Aᵀ" in why


def test_what_holds_of_entries_only_is_found(picky: Head) -> None:
    """Where the right side takes no empty matrix; the condition must be proved to hold."""

    def body() -> tuple[Any, ...]:
        return kron(A, B), picky(kron(A, B))

    why = failure(made(body))
    assert "the right side has no value where the left has one: ValueError: empty" in why
    assert "0 × " in why
    full = made(lambda: (*body(), nonempty(A, B)), both_ways=False)
    problem = Problem(next(readings(full)))
    assert not any(i.empty for i in problem.corners(VARIANTS))
    shapes = [tuple(i.type.shape for i in m.posed.inputs) for m in near_misses(problem)]
    assert shapes == [((0, 0), (3, 3)), ((3, 3), (0, 0)), ((None, None), (None, None))]
    assert holds(full).empty == 0
    credulous = made(lambda: (*body(), Credulous("nonempty", (A, B))), both_ways=False)
    assert "matches a near miss, planted without nonempty(A, B): A 0 × 0, B 3 × 3" in failure(
        credulous
    )


def test_triangular_matrices_need_not_be_square() -> None:
    verdict = holds(made(lambda: (A @ B + A @ C, A @ (B + C), lower_triangular(A))))
    assert verdict.verified
    problem = Problem(next(readings(verdict.relation)))
    shapes = {i.shape(i.sides.variables[0]) for i in problem.corners(VARIANTS)}
    assert any(m != n for m, n in shapes)


def test_a_relation_that_does_not_match_itself_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Blind:
        def rewrites(self, *_: Any) -> tuple[()]:
            return ()

    r = made(lambda: (inverse(inverse(A)) @ B, A @ B))
    assert holds(r).graphs
    monkeypatch.setattr("kantor.checking.reading.rules", lambda relations: Blind())
    assert f"does not match {r.lhs}, its own left side" in failure(r)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda new: pt.cast(new, "float32"), "the type"),
        (lambda new: new.T, "another value"),
        (lambda new: new + 1e-6, "another value"),
        (lambda new: pt.expand_dims(new, 0), "the type"),
    ],
)
def test_a_rewrite_that_keeps_less_than_it_should_is_found(
    monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Any], Any], why: str
) -> None:
    def spoiled(graph: Any, relations: Any) -> Any:
        new = spoil(graph)
        new.name = graph.name
        return new

    monkeypatch.setattr("kantor.checking.preserving.rewrite", spoiled)
    assert why in failure(made(lambda: (inverse(inverse(A)) @ A, A @ A), both_ways=False))


def test_a_demand_that_nothing_enforces_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equations that a head is said to demand are relied on, so what breaks them must raise."""

    def alike(args: tuple[Any, ...]) -> Iterator[tuple[Any, Any]]:
        yield shape(args[0])[0], shape(args[1])[0]

    monkeypatch.setitem(DEMANDS, kron, alike)
    why = failure(made(lambda: (kron(inverse(inverse(A)), B), kron(A, B))))
    assert "the left side has a value where its dimensions contradict" in why


def test_a_relation_without_an_instance_fails() -> None:
    hankel = made(lambda: (A @ B, B @ A, assumed("hankel", A), square(A, B)))
    assert "no instance could be drawn: nothing draws a matrix A that is hankel" in failure(hankel)
    never = made(lambda: (inverse(A - A), inverse(A + A)), both_ways=False)
    assert "no instance could be drawn" in failure(never)


def test_a_failure_to_build_is_no_crash(blind: Head) -> None:
    def refuse(*_: Any) -> Any:
        raise TypeError("cannot be built")

    blind.build = refuse
    assert "right side cannot be built: TypeError" in failure(made(lambda: (A @ B, blind(A) @ B)))


class _Picky(Op):
    """The identity, but on empty matrices."""

    __props__ = ()

    def make_node(self, x: Any) -> Any:
        return Apply(self, [x], [x.type()])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        if not inputs[0].size:
            raise ValueError("empty")
        outputs[0][0] = inputs[0].copy()

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> Any:
        return cotangents


@pytest.fixture
def picky() -> Iterator[Head]:
    """A head that is the identity, but takes no empty matrix."""
    yield Head("picky", _Picky(), lambda a: shape(a))
    del HEADS["picky"]


@pytest.fixture
def blind() -> Iterator[Head]:
    """A head that is the identity, but stops gradients."""
    yield Head("blind", pytensor.gradient.zero_grad, lambda a: shape(a))
    del HEADS["blind"]


# --- what holds is verified, in every variant ----------------------------------------------------


def test_every_variant_is_verified() -> None:
    verdict = holds(made(lambda: (A @ B + A @ C, A @ (B + C))), 25)
    assert set(verdict.variants) == {v.name for v in VARIANTS}
    assert verdict.verified > 50
    assert verdict.worst < 1e-12
    assert verdict.gradients
    assert verdict.graphs


def test_a_batch_is_left_out_where_a_number_depends_on_it() -> None:
    verdict = holds(made(lambda: (total(A + B), total(A) + total(B))))
    assert not any("batched" in name for name in verdict.variants)


def test_a_condition_on_batches_leaves_the_variants_that_meet_it() -> None:
    together = made(
        lambda: (batch_sum(A @ B), beside(A) @ transpose(beside(B.T)), same_batch(A, B))
    )
    verdict = holds(together)
    assert verdict.variants["batched"] and verdict.near_misses >= 4
    assert not any("part" in name for name in verdict.variants)
    verdict = holds(made(lambda: (batch_sum(A @ B), A @ batch_sum(B), unbatched(A))))
    assert verdict.variants["batched where it may be"] and verdict.near_misses >= 4
    assert not {"batched", "batched in part"} & verdict.variants.keys()
    between = batch_sum(A @ B @ C), beside(A @ B) @ transpose(beside(C.T))
    assert holds(made(lambda: (*between, same_batch(A, C), unbatched(B)))).near_misses >= 4


BATCHES: dict[str, Callable[[], tuple[Any, ...]]] = {
    "no condition": lambda: (batch_sum(A @ B), beside(A) @ transpose(beside(B.T))),
    "the wrong condition": lambda: (batch_sum(A @ B), A @ batch_sum(B), same_batch(A, B)),
    "another matrix": lambda: (batch_sum(A @ B), A @ batch_sum(B), unbatched(B)),
    "a product of sums": lambda: (batch_sum(A @ B), batch_sum(A) @ batch_sum(B)),
    "an axiom": lambda: (batch_sum(A @ B), A @ B),
}


@pytest.mark.parametrize("name", BATCHES)
def test_what_is_wrong_of_batches_is_found(name: str) -> None:
    assert "batched" in failure(made(BATCHES[name]))


def test_segments_and_rests_stand_for_none_and_more() -> None:
    middle = made(lambda: (A @ S @ inverse(inverse(B)), A @ S @ B))
    assert [len(r.variables) for r in readings(middle)] == [4, 3, 2]
    assert holds(middle).verified
    summed = made(lambda: (A @ B + A @ C + R, A @ (B + C) + R))
    assert [len(r.variables) for r in readings(summed)] == [5, 4, 3]
    assert holds(summed).verified


def test_lengths_are_sums_where_blocks_are() -> None:
    verdict = holds(
        made(
            lambda: (
                block_diag(A, B) @ block_diag(C, D),
                block_diag(A @ C, B @ D),
                conforming(A, C),
                conforming(B, D),
            )
        )
    )
    assert verdict.verified > 20


def test_the_same_every_time() -> None:
    def seen() -> tuple[int, int, int, float]:
        v = verify(made(lambda: (inverse(A @ B), inverse(B) @ inverse(A), square(A, B))))
        return v.instances, v.verified, v.gradients, v.worst

    assert seen() == seen()


def test_near_misses_are_graphs_that_lack_one_condition() -> None:
    r = made(lambda: (inverse(A @ B), inverse(B) @ inverse(A), square(A), square(B)))
    problem = Problem(next(readings(r)))
    misses = list(near_misses(problem))
    assert {str(m.condition) for m in misses} == {"square(A)", "square(B)"}
    assert all(not read(m.posed).rewrites for m in misses)
    static = [
        m.posed.inputs[0].type.shape for m in misses if None not in m.posed.inputs[0].type.shape
    ]
    assert static
    assert all(m != n for m, n in static)
