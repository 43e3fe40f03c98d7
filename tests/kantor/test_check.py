"""The battery finds wrong signs, missing conditions, false near misses and lost gradients."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from kantor.checking import Problem, Verdict, main, near_misses, readings, verify
from kantor.checking.compare import measured
from kantor.checking.entries import MAKERS, Source, along, makers
from kantor.checking.instances import PLAIN, VARIANTS, cycling
from kantor.checking.lengths import Lengths
from kantor.checking.posed import read
from kantor.checking.sides import Evaluator, Undefined
from kantor.cli import Refused
from matchers.conditions import (
    Condition,
    assumed,
    conforming,
    implied,
    positive_definite,
    same_shape,
    square,
    symmetric,
)
from matchers.dims import ONE
from matchers.terms import HEADS, Head, LogicVar, shape
from matchers.vocabulary import (
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
from relations.language import Relation, matrices, relation, rests, scalars, segments, vectors

A, B, C, D, X = matrices("A B C D X")
x, y = vectors("x y")
(c,) = scalars("c")
(S,) = segments("S")
(R,) = rests("R")


def made(body: Callable[[], tuple[Any, ...]]) -> Relation:
    """A relation of what a function without parameters returns."""
    lhs, rhs, *conditions = body()
    return Relation("planted", lhs, rhs, tuple(conditions), doc="planted", body=body)


def alike(*ms: LogicVar) -> tuple[Condition, ...]:
    a, b, c, d = ms
    return same_shape(a, c), same_shape(b, d)


def failure(r: Relation) -> str:
    verdict = verify(r, 5)
    assert not verdict.passed
    return str(verdict)


def holds(r: Relation, examples: int = 5) -> Verdict:
    verdict = verify(r, examples)
    assert verdict.passed, str(verdict)
    return verdict


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


def test_a_false_near_miss_is_found() -> None:
    class Credulous(Condition):
        """A condition that is taken to hold without a proof."""

        __slots__ = ()

        def holds(self, bindings: Mapping[LogicVar, Any], known: Any) -> bool:
            return True

    def commuting(condition: Condition) -> Relation:
        return made(lambda: (A @ A.T, A.T @ A, condition))

    assert holds(commuting(symmetric(A))).near_misses
    why = failure(commuting(Credulous("symmetric", (A,))))
    assert "matches a near miss, planted without symmetric(A): nothing is declared of A" in why


def test_a_relation_without_an_instance_fails() -> None:
    toeplitz = made(lambda: (A @ B, B @ A, assumed("toeplitz", A), square(B)))
    assert "no instance could be drawn: nothing draws a matrix A that is toeplitz" in failure(
        toeplitz
    )
    never = made(lambda: (inverse(A - A), inverse(A + A)))
    assert "no instance could be drawn" in failure(never)


def test_a_failure_to_build_is_no_crash(blind: Head) -> None:
    def refuse(*_: Any) -> Any:
        raise TypeError("cannot be built")

    blind.build = refuse
    assert "right side cannot be built: TypeError" in failure(made(lambda: (A @ B, blind(A) @ B)))


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


# --- its parts -----------------------------------------------------------------------------------


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
    "unit_magnitude": lambda a: np.allclose(abs(a), 1),
    "positive": lambda a: np.all(a > 0),
    "nonnegative": lambda a: np.all(a >= 0),
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


# --- the command ---------------------------------------------------------------------------------

HEADER = """
from kantor import inverse, kron, matrices, relation, square, vec, vectors
A, B, C, X = matrices("A B C X")
x, = vectors("x")
"""
GOOD = '''
@relation(tags="mine", cites="folklore")
def good(A, B):
    """(A B)⁻¹ = B⁻¹ A⁻¹ for square A and B."""
    return inverse(A @ B), inverse(B) @ inverse(A), square(A, B)
'''
WRONG = '''
@relation(tags="mine", cites="folklore")
def wrong(A, B):
    """(A ⊗ B)⁻¹ = -(A⁻¹ ⊗ B⁻¹)."""
    return inverse(kron(A, B)), -kron(inverse(A), inverse(B)), square(A, B)
'''
REFUSED = {
    "unbound": ("inverse(A), B", "B on the right side is unbound"),
    "shapes": ("kron(A, B), A", "the sides differ in shape"),
    "needs": ("A @ B, B @ A", "the right side needs B.1 = A.0"),
    "nothing": ("inverse(A @ B), inverse(A), square()", "the condition square names no variable"),
    "other": ("inverse(A @ B), inverse(A @ B), square(C)", "names C, which is no variable"),
}


def _refused(name: str, body: str) -> str:
    return (
        f'\n@relation(cites="folklore")\ndef {name}(A, B):\n    """Refused."""\n    return {body}\n'
    )


def test_check_verifies_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.py"
    file.write_text(HEADER + GOOD, encoding="utf-8")
    assert main([str(file), "--examples", "5"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert " ".join(out[0].split()) == "relation instances verified worst error near misses verdict"
    assert out[1].startswith("good ")
    assert out[1].endswith(" holds")
    assert "1 relation, all hold" in out[2]
    assert len(out) == 3


def test_check_shows_a_counter_example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.py"
    file.write_text(HEADER + GOOD + WRONG, encoding="utf-8")
    assert main([str(file), "--examples", "5"]) == 1
    out = capsys.readouterr().out
    assert "wrong: the right side differs from the left" in out
    assert "smallest counter-example: float64; A: 1 × 1, B: 1 × 1" in out
    assert "  left = [[" in out
    assert "  right = [[-" in out
    assert "2 relations, 1 failed" in out


def test_check_says_in_one_line_why_a_relation_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.py"
    bodies = "".join(_refused(name, body) for name, (body, _) in REFUSED.items())
    file.write_text(HEADER + bodies + GOOD, encoding="utf-8")
    assert main([str(file), "--examples", "5"]) == 1
    out = capsys.readouterr().out.splitlines()
    for (name, (_, why)), line in zip(REFUSED.items(), out, strict=False):
        assert line.startswith("mine.py:")
        assert f"relation {name!r}: " in line
        assert why in line
    # The one that stands is verified all the same.
    assert out[len(REFUSED) + 1].startswith("good ")
    assert out[len(REFUSED) + 1].endswith(" holds")


def test_check_takes_names_and_tags(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inverse_of_inverse", "--examples", "1"]) == 0
    assert "inverse_of_inverse" in capsys.readouterr().out
    with pytest.raises(Refused, match="no relation and no tag is named 'inverse_of_inverze'"):
        main(["inverse_of_inverze"])
    with pytest.raises(Refused, match=r"nowhere\.py"):
        main(["nowhere.py"])


def test_check_reports_a_file_that_cannot_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from kantor import nothing_like_this\n", encoding="utf-8")
    assert main([str(file)]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("mine.py:1: ImportError: cannot import name 'nothing_like_this'")
    assert out[-1] == "there is no relation to verify"


def test_relations_made_in_a_loop_are_found(tmp_path: Path) -> None:
    from kantor.checking.files import load

    file = tmp_path / "mine.py"
    listed = "\nfamily = [good]\ndel good\n"
    file.write_text(HEADER + GOOD + listed, encoding="utf-8")
    assert [r.name for r in load(file).relations] == ["good"]


def test_the_decorator_keeps_what_its_author_wrote() -> None:
    @relation(tags="mine", cites="folklore")
    def kept(A, B):  # type: ignore[no-untyped-def]
        """(A B)ᵀ = Bᵀ Aᵀ."""
        return transpose(A @ B), B.T @ A.T

    assert kept.body is not None
    assert kept.body()[0] is kept.lhs
    (sides,) = readings(kept)
    assert sides.written[0] is not sides.lhs
    assert sides.written[0].head.name == "transpose"
    assert sides.lhs.head.name == "matmul"
