"""The `relation` decorator: what it makes, and in which words it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from matchers.conditions import Condition, conforming, implied, same_shape, square, symmetric
from matchers.terms import Term
from matchers.vocabulary import (
    add,
    inverse,
    kron,
    matmul,
    reciprocal,
    reshape,
    scale,
    trace,
    transpose,
    vec,
)
from relations.language import coefficients, matrices, relation, rests, scalars, segments, vectors
from relations.relation import Relation
from relations.validity import RelationError

A, B, X = matrices("A B X")
(c,) = scalars("c")
k, m = coefficients("k m")
(s,) = segments("s")
(r,) = rests("r")
(x,) = vectors("x")
not_a_variable = 3


def make(body: Any, doc: str = "What it says.", **options: Any) -> Relation:
    body.__doc__ = doc
    body.__name__ = "named"
    return relation(**options)(body)


REFUSED: dict[str, tuple[Any, str]] = {
    "too little": (lambda A: A.T, "must return lhs, rhs, *conditions"),
    "one side": (lambda A: (A.T,), "must return lhs, rhs, *conditions"),
    "a number": (
        lambda A: (A.T, 3), "the right side is 3, which is not a term over logic variables"),
    "a string": (
        lambda A: ("A", A), "the left side is 'A', which is not a term over logic variables"),
    "a bare variable": (
        lambda A: (A, A.T), "the left side is a bare variable, which would match everything"),
    "unbound": (
        lambda A, B: (A.T @ A, B), "B on the right side is unbound: it does not occur on the left"),
    "no condition": (
        lambda A: (A.T @ A, A.T @ A, "square"),
        "'square' is not a condition; write for example square(A)"),
    "a condition on nothing": (
        lambda A: (A.T @ A, A.T @ A, square()),
        "the condition square names no variable of the relation"),
    "a condition on no variable": (
        lambda A: (A.T @ A, A.T @ A, Condition("square", (3,))),
        "the condition square names no variable of the relation"),
    "a condition on another": (
        lambda A, B: (A.T @ A, A.T @ A, square(B)),
        "the condition square(B) names B, which is no variable of the relation"),
    "unproved": (
        lambda A, B: (inverse(A @ B), inverse(B) @ inverse(A)),
        "which the left side does not imply; state it as a condition, for example square(A), or "
        "correct the right side"),
    "a coefficient in front of all": (
        lambda A, B, k: (A @ scale(k, B), scale(k, A @ B)),
        "in the left side k is in front of all, where it is drawn out by itself; leave it out"),
    "a coefficient in a coefficient": (
        lambda A, B, k: (scale(reciprocal(k), A) + B, A + B),
        "in the left side the coefficient k stands in k⁻¹; it is what a matrix is scaled by, once"),
    "two coefficients drawn out as one": (
        lambda A, B, k, m: (kron(scale(k, A), scale(m, A)) + B, A + B),
        "in the left side the coefficient k stands in k·m"),
    "a minus in front of a coefficient": (
        lambda A, B, k: (A - scale(k, B), A + B),
        "in the left side -1 is in front of k·B, which takes what is in front with it"),
    "a coefficient on the right": (
        lambda A, k: (inverse(scale(k, A)), scale(reciprocal(k), inverse(A))),
        "in the right side the coefficient k stands in k⁻¹; it is what a matrix is scaled by, "
        "once and by nothing else: scale(k, X); or give both_ways=False"),
    "another shape": (lambda A: (transpose(A.T) @ A.T, A.T @ A), "the sides differ in shape: "),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    body, why = REFUSED[name]
    with pytest.raises(RelationError) as refused:
        make(body)
    assert str(refused.value).startswith("relation 'named'")
    assert why in str(refused.value)


NOT_THROUGHOUT: dict[str, tuple[Any, bool, str]] = {
    "not last": (lambda A, B: (A @ B @ A.T, A @ B.T @ A.T), False, "is for what is last=True"),
    "no product": (lambda A: (inverse(A), inverse(A)), True, "is for products on both sides"),
    "conditioned": (
        lambda A, B: (A @ B @ A.T, A @ B.T @ A.T, square(A)), True, "needs the same free variables",
    ),
    "in both": (
        lambda A, B: (A @ B @ A.T @ A, A @ B.T @ A @ A), True, "needs the same free variables",
    ),
    "nothing around": (lambda A, B: (A @ B, B.T @ A), True, "needs the same free variables"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_THROUGHOUT)
def test_what_says_nothing_of_a_run_of_factors(name: str) -> None:
    body, last, why = NOT_THROUGHOUT[name]
    with pytest.raises(RelationError) as refused:
        make(body, last=last, throughout=True)
    assert f"throughout=True {why}" in str(refused.value)


def test_what_says_something_of_a_run_of_factors() -> None:
    body = lambda A, B: (A @ B @ A.T, A @ B.T @ A.T, symmetric(B))  # noqa: E731
    assert make(body, last=True, throughout=True).throughout
    assert not make(body, last=True).throughout


def test_the_whole_text_of_a_refusal() -> None:
    with pytest.raises(RelationError) as refused:
        make(lambda A, B: (trace(A @ B), trace(B @ A), square(A)), doc="", name="cyclic")
    assert str(refused.value) == (
        "relation 'cyclic': no docstring; it states the identity, its conditions and its source"
    )
    with pytest.raises(RelationError) as refused:
        make(lambda A: (A @ A, A @ A), stability="wobbly")
    assert str(refused.value) == (
        "relation 'named': stability is 'wobbly'; one of backward, mixed, loses"
    )
    with pytest.raises(RelationError) as refused:
        make(lambda A: (A.T, inverse(A)))
    assert str(refused.value) == (
        "relation 'named': the right side needs A.0 = A.1, which the left side does not imply; "
        "state it as a condition, for example square(A), or correct the right side"
    )
    with pytest.raises(RelationError) as refused:
        make(lambda A, B: (A.T @ B, (A.T @ B).T))
    assert str(refused.value) == (
        "relation 'named': the sides differ in shape: A.1 × B.1 and B.1 × A.1"
    )


@pytest.mark.parametrize("parameter", ["nowhere", "not_a_variable"])
def test_parameters_are_logic_variables(parameter: str) -> None:
    namespace: dict[str, Any] = {}
    exec(f"def f({parameter}):\n    'A doc.'\n    return 1, 2", namespace)
    with pytest.raises(RelationError) as refused:
        relation(name="odd")(namespace["f"])
    assert str(refused.value) == (
        f"relation 'odd': parameter {parameter!r} is not a logic variable; "
        f"declare it first, for example {parameter}, = matrices({parameter!r})"
    )


def test_names_are_needed() -> None:
    for make_variables in (matrices, vectors, scalars, coefficients, segments, rests):
        with pytest.raises(ValueError, match="no names in ' '; write for example matrices"):
            make_variables(" ")
    assert [str(v) for v in matrices("P, Q R")] == ["P", "Q", "R"]


def test_what_a_relation_is() -> None:
    @relation(tags=("kron", "kantor:own"), cites="nobody", stability="mixed")
    def swapped(A, B):
        """(A ⊗ B)ᵀ = Aᵀ ⊗ Bᵀ.

        In more words.
        """
        return transpose(kron(A, B)), kron(A.T, B.T), symmetric(A)

    assert isinstance(swapped, Relation)
    assert (swapped.name, swapped.stability, swapped.cites) == ("swapped", "mixed", "nobody")
    assert swapped.tags == ("kantor:kron", "kantor:own")
    assert swapped.identity == "(A ⊗ B)ᵀ = Aᵀ ⊗ Bᵀ."
    assert swapped.doc.endswith("In more words.")
    assert swapped.module == __name__
    assert swapped.variables == (A, B)
    assert str(swapped) == "(A ⊗ B)ᵀ = Aᵀ ⊗ Bᵀ  where symmetric(A)"
    assert repr(swapped) == f"<relation swapped: {swapped}>"
    assert not swapped.axiom
    assert [d.backward for d in swapped.directions] == [False, True]
    assert str(swapped.directions[0]) == "swapped: (A ⊗ B)ᵀ → Aᵀ ⊗ Bᵀ"
    assert swapped.body is not None
    assert swapped.body()[:2] == (swapped.lhs, swapped.rhs)


def test_variables_of_the_function_in_which_it_is_written() -> None:
    P, X = matrices("P Q")

    @relation()
    def local(P, X):
        """The X of the module is another."""
        return transpose(P @ inverse(X)), transpose(inverse(X)) @ P.T

    assert set(local.variables) == {P, X}
    assert str(X) == "Q"
    assert local.axiom  # the view knows it


def test_directions() -> None:
    one_way = make(lambda A: (inverse(A) @ A @ A, A))
    assert len(one_way.directions) == 1  # a bare variable is no left side
    forgets = make(lambda A, B: (A + B - B, scale(2, A)), "Not true.")
    assert [d.backward for d in forgets.directions] == [False]
    assert make(lambda A, B: (matmul(A, B.T), (B @ A.T).T)).directions == ()


def test_shapes_of_vec_are_solved() -> None:
    matvec = make(lambda A, B, X: (kron(A, B) @ vec(X), vec(A @ X @ B.T)))
    forward, backward = matvec.directions
    assert forward.shapes == {X: (A.cols, B.cols)}
    assert backward.backward


def test_conditions_prove_the_right_side() -> None:
    def body(*conditions: Condition) -> Any:
        def inverse_of_product(A, B):
            return inverse(A @ B), inverse(B) @ inverse(A), *conditions

        return inverse_of_product

    for conditions in ((square(A, B),), (implied(square(A, B)),), (square(A), square(B))):
        assert make(body(*conditions)).conditions == conditions
    with pytest.raises(RelationError, match="the right side needs"):
        make(body(conforming(A, B)))
    assert make(lambda A, B: (A @ B.T, B @ A.T, same_shape(A, B)), "Not true.")
    assert make(lambda A, B: (kron(A, B), kron(A, B) + kron(A @ B, A @ B) - kron(A @ B, A @ B),
                              conforming(A, B), square(A, B)))  # fmt: skip


def test_segments_and_rests() -> None:
    made = make(lambda A, s: (matmul(s, A, inverse(A)), matmul(s, A @ inverse(A))))
    assert isinstance(made.lhs, Term) and s in made.variables
    assert r in make(lambda A, r: (add(A, -A, r), add(scale(0, A), r))).variables
    assert c in make(lambda A, c: (trace(scale(c, A)), c * trace(A))).variables
    assert x in make(lambda A, x: (kron(A, x) @ x.T, kron(A, x) @ x.T)).variables
    assert reshape(A, A.rows, A.cols) is A


def test_a_relation_is_a_goal() -> None:
    from kanren import run, var

    q = var()
    made = make(lambda A, B: (transpose(kron(A, B)), kron(A.T, B.T)))
    from pytensor.tensor import matrices as variables

    from matchers.leaves import atom

    P, Q = map(atom, variables("P", "Q"))
    assert run(0, q, made(transpose(kron(P, Q)), q)) == (kron(P.T, Q.T),)


def test_coefficients() -> None:
    made = make(
        lambda A, k: (inverse(scale(k, A)), scale(reciprocal(k), inverse(A))), both_ways=False
    )
    assert [d.backward for d in made.directions] == [False]
    assert str(made) == "(k·A)⁻¹ = k⁻¹·A⁻¹"
    assert k.kind == "scalar" and k.optional and (k, m) == coefficients("k, m")
    assert scalars("k") != (k,)
    # In front of a summand in a product there is nothing to draw it out of.
    both = make(lambda A, B, x, k: ((A + scale(k, B)) @ x, A @ x + scale(k, B @ x)))
    assert [d.backward for d in both.directions] == [False, True]
