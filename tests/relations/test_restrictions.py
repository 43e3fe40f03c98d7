"""Where relations hold: over which numbers, in which direction, for which lengths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytensor.tensor as pt
import pytest
from kanren import run, var
from pytensor.assumptions import assume
from pytensor.tensor import linalg

import kantor
from kantor.cli_rules import row
from matchers.conditions import assumed, nonempty, orthogonal, square
from matchers.dims import ONE
from matchers.leaves import atom
from matchers.match import Context
from matchers.view import View
from matchers.vocabulary import eye, inverse, kron, reshape, scale, transpose, vec
from relations.inverses import inverse_of_orthogonal
from relations.kronecker import expm_of_kron_sum, lyapunov_of_kron, sylvester_of_kron_sum
from relations.language import matrices, relation, scalars, vectors
from relations.reference_rules import ReferenceRules
from relations.relation import Relation
from relations.rules import Rules
from relations.validity import RelationError

A, B, Q = matrices("A B Q")
(x,) = vectors("x")
(c,) = scalars("c")


def made(body: Callable[..., Any], **options: Any) -> Relation:
    body.__doc__ = "What it says."
    body.__name__ = "named"
    return relation(**options)(body)


def refusal(body: Callable[..., Any], **options: Any) -> str:
    with pytest.raises(RelationError) as refused:
        made(body, **options)
    return str(refused.value)


# --- over the reals only ------------------------------------------------------------------------


def test_the_field_is_any_or_real() -> None:
    assert made(lambda A: (inverse(A).T @ A, inverse(A.T) @ A)).field == "any"
    body = lambda Q: (inverse(Q), Q.T, orthogonal(Q))  # noqa: E731
    assert refusal(body, field="complex") == (
        "relation 'named': field is 'complex'; one of any, real"
    )
    real = made(body, field="real")
    assert real.restriction == "holds for real matrices only"
    assert str(real) == "Q⁻¹ = Qᵀ  where orthogonal(Q); holds for real matrices only"
    assert made(body).restriction == ""


def test_the_catalogue_says_so() -> None:
    assert row(inverse_of_orthogonal)[2] == "orthogonal(Q); holds for real matrices only"
    assert row(lyapunov_of_kron)[2] == (
        "square(A) (implied), nonempty(A); holds for real matrices only"
    )
    assert row(made(lambda A: (transpose(kron(A, A)), kron(A.T, A.T)), field="real"))[2] == (
        "holds for real matrices only"
    )
    assert row(expm_of_kron_sum)[2] == "square(A, B) (implied)"


@pytest.mark.parametrize("engine", [Rules, ReferenceRules])
def test_complex_leaves_are_declined(engine: Any) -> None:
    real, complex_ = pt.matrix("R"), pt.matrix("Z", dtype="complex128")
    conjugating = made(lambda A: (inverse(A), A.T, square(A)), field="real")
    rules = engine([conjugating])

    def after(term: Any) -> list[Any]:
        view = View()
        view.dims.unify(term.rows, term.cols)
        found = rules.rewrites(inverse(term), view, Context(view.dims))
        return [r.after for r in found]

    r, z = atom(real), atom(complex_)
    assert after(r) == [r.T]
    assert after(z) == []
    single = atom(pt.matrix("S", dtype="complex64"))
    assert after(r @ single) == after(kron(r, z)) == []


@pytest.mark.parametrize("engine", [Rules, ReferenceRules])
def test_what_stands_around_may_be_complex(engine: Any) -> None:
    r, z = atom(pt.matrix("R")), atom(pt.matrix("Z", dtype="complex128"))
    cancels = made(lambda A: (inverse(A) @ A, eye(A.rows)), field="real")
    view = View()
    term = z @ inverse(r) @ r
    (found,) = engine([cancels]).rewrites(term, view, Context(view.dims))
    assert found.after is z @ eye(r.rows) or found.after is z
    term = r @ inverse(z) @ z
    assert not list(engine([cancels]).rewrites(term, view, Context(view.dims)))


@pytest.mark.parametrize(("dtype", "count"), [("float64", 1), ("complex128", 0)])
def test_the_goal_declines_as_well(dtype: str, count: int) -> None:
    Z = assume(pt.matrix("Z", dtype=dtype), orthogonal=True)
    q = var()
    assert len(run(0, q, inverse_of_orthogonal(linalg.inv(Z), q))) == count
    # Of a term that is known in part a complex leaf is enough.
    assert len(run(0, q, inverse_of_orthogonal(inverse(kron(atom(Z), B)), q))) == count


def test_why_not_names_it() -> None:
    Z, z = pt.matrix("Z", dtype="complex128"), pt.vector("z", dtype="complex128")
    declared = assume(Z, orthogonal=True)
    answer = kantor.explain(linalg.inv(declared) @ z).why_not("inverse_of_orthogonal")
    assert answer.stage == "field"
    assert str(answer).endswith("but it holds for real matrices only, and Z is complex")


# --- in one direction ---------------------------------------------------------------------------


def test_directions_that_are_left_out() -> None:
    def body(A: Any) -> Any:
        return inverse(inverse(A)) @ A, A @ A

    assert [d.backward for d in made(body).directions] == [False, True]
    assert [d.backward for d in made(body, both_ways=False).directions] == [False]
    for r in (sylvester_of_kron_sum, lyapunov_of_kron):
        assert not r.both_ways
        assert [d.backward for d in r.directions] == [False]


# --- with its own variables ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (lambda A: (transpose(transpose(A)) @ B, A @ B), "B"),
        (lambda A: (kron(A, eye(B.rows)), kron(A, eye(B.rows))), "B"),
        (lambda A: (reshape(A, ONE, B.rows), reshape(A, ONE, B.rows)), "B"),
        (lambda A: (transpose(scale(c, A)), scale(c, A.T)), "c"),
    ],
)
def test_variables_are_parameters(body: Callable[..., Any], name: str) -> None:
    assert refusal(body) == f"relation 'named': uses {name}, which is not a parameter"


def test_a_variable_of_a_condition_is_of_the_relation() -> None:
    why = refusal(lambda A: (inverse(A), inverse(A), square(B)))
    assert why == (
        "relation 'named': the condition square(B) names B, which is no variable of the relation"
    )


# --- for square matrices ------------------------------------------------------------------------

OUTER = "relation 'named': the sides differ in shape: x.0 × x.0 and 1 × 1"


def test_what_entries_are_makes_nothing_square() -> None:
    def outer(*conditions: Any) -> Callable[..., Any]:
        return lambda x: (x @ x.T, x.T @ x, *conditions)

    assert refusal(outer(assumed("positive", x))) == OUTER
    assert refusal(outer(assumed("symmetric", x))) == OUTER
    assert made(outer(square(x))).directions  # which says that it is one number


@pytest.mark.parametrize("key", ["positive", "lower_triangular", "selection", "toeplitz"])
def test_structures_of_any_shape(key: str) -> None:
    assert refusal(lambda A: (A @ A.T, A.T @ A, assumed(key, A))) == (
        "relation 'named': the sides differ in shape: A.0 × A.0 and A.1 × A.1"
    )


@pytest.mark.parametrize("key", ["symmetric", "positive_definite", "diagonal", "orthogonal"])
def test_structures_of_square_matrices(key: str) -> None:
    assert made(lambda A: (A @ A.T, A.T @ A, assumed(key, A)))


# --- for matrices with entries --------------------------------------------------------------------


def test_nonempty_says_nothing_of_shapes() -> None:
    why = refusal(lambda A, B: (vec(A @ B), vec(B @ A), nonempty(A, B)))
    assert "the right side needs B.1 = A.0" in why
