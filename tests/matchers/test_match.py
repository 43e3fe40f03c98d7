"""Compiled patterns: kinds, marks, dimensions and shared atoms, in both engines."""

from __future__ import annotations

import pytensor.tensor as pt
import pytest

from matchers.dims import ONE, const
from matchers.equalities import Dims
from matchers.leaves import atom, number
from matchers.match import Context, compile_pattern
from matchers.reference import answers
from matchers.terms import shape
from matchers.variables import LogicVar
from matchers.vocabulary import (
    add,
    eye,
    inverse,
    kron,
    reshape,
    scale,
    trace,
    transpose,
    triangle,
    vec,
)

a, b, c, d = (atom(pt.matrix(n)) for n in "abcd")
x, y = (atom(pt.vector(n), 1) for n in "xy")
s = atom(pt.scalar("s"), 0)
A, B, X = (LogicVar(n) for n in "ABX")
v = LogicVar("v", "vector")
k = LogicVar("k", "scalar")
S = LogicVar("S", "segment")
R = LogicVar("R", "rest")


def compiled(pattern, term, context, shapes):
    return list(compile_pattern(pattern, shapes).match(term, context))


@pytest.fixture(params=[compiled, answers], ids=["compiled", "reference"])
def match(request):
    def run(pattern, term, shapes=None, dims=None):
        return request.param(pattern, term, Context(dims or Dims()), shapes or {})

    return run


# --- kinds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("var", "term", "fits"),
    [
        (A, a, True),
        (A, a @ b, True),
        (A, x, True),
        (A, s, False),
        (A, number(2), False),
        (A, trace(a), False),
        (v, x, True),
        (v, a @ x, True),
        (v, a, False),
        (v, s, False),
        (k, s, True),
        (k, number(2), True),
        (k, trace(a), True),
        (k, a, False),
        (k, x, False),
    ],
)
def test_a_variable_binds_what_its_kind_allows(match, var, term, fits):
    assert match(var, term) == ([{var: term}] if fits else [])


def test_a_vector_binds_what_the_dimensions_make_a_column(match):
    dims = Dims()
    dims.unify(shape(a)[1], ONE)
    assert match(v, a, dims=dims) == [{v: a}]
    assert match(v, b, dims=dims) == []


def test_a_repeated_variable_is_one_term(match):
    assert match(kron(A, A), kron(a, a)) == [{A: a}]
    assert match(kron(A, A), kron(a, b)) == []


def test_ordinary_heads_go_pairwise(match):
    assert match(triangle(A, True, False), triangle(a, True, False)) == [{A: a}]
    assert match(triangle(A, True, False), triangle(a, False, False)) == []
    assert match(scale(k, inverse(A)), 2 * inverse(a)) == [{k: number(2), A: a}]
    assert match(inverse(A), a) == []


def test_literals_match_themselves(match):
    assert match(scale(-1, A), -a) == [{A: a}]
    assert match(scale(-1, A), 2 * a) == []
    assert match(a @ B, a @ b) == [{B: b}]
    assert match(a @ B, c @ b) == []
    assert match(a @ b, a @ b) == [{}]
    assert match(a + b, b + a) == [{}]


# --- marks ---------------------------------------------------------------------------------------


def test_a_transpose_binds_the_transpose(match):
    assert match(A.T, a) == [{A: a.T}]
    assert match(A.T, a.T) == [{A: a}]
    assert match(A.T, a @ b.T) == [{A: b @ a.T}]
    assert match(v.T, x.T) == [{v: x}]
    assert match(v.T, x) == []


def test_a_transposed_structure_is_an_ordinary_head(match):
    assert match(transpose(kron(A, B)), transpose(kron(a, b))) == [{A: a, B: b}]
    assert match(transpose(kron(A, B)), kron(a.T, b.T)) == []


def _kronecker_context():
    dims = Dims()
    dims.unify(shape(x)[0], shape(kron(a, b))[1])
    return dims


def test_a_vec_matches_any_vector_of_the_right_length(match):
    shapes = {X: (A.cols, B.cols)}
    pattern = kron(A, B) @ vec(X)
    inside = reshape(x, shape(a)[1], shape(b)[1])
    answer = [{A: a, B: b, X: inside}]
    assert match(pattern, kron(a, b) @ x, shapes, _kronecker_context()) == answer
    assert match(pattern, kron(a, b) @ x, shapes) == []
    assert match(pattern, kron(a, b) @ x) == []


def test_a_vec_matches_a_run(match):
    dims = Dims()
    dims.unify(shape(c)[0], shape(kron(a, b))[1])
    found = match(kron(A, B) @ vec(X), kron(a, b) @ c @ x, {X: (A.cols, B.cols)}, dims)
    assert found == [{A: a, B: b, X: reshape(c @ x, shape(a)[1], shape(b)[1])}]


def test_a_vec_of_a_known_matrix_gives_it_back(match):
    dims = Dims()
    dims.unify(shape(c)[0], shape(a)[1])
    dims.unify(shape(c)[1], shape(b)[1])
    (found,) = match(kron(A, B) @ vec(X), kron(a, b) @ vec(c), {X: (A.cols, B.cols)}, dims)
    assert found[X] in (c, reshape(c, shape(a)[1], shape(b)[1]))


def test_a_vec_of_unknown_shape_matches_literally(match):
    assert match(vec(X), vec(a)) == [{X: a}]
    assert match(vec(X), x) == []
    assert match(vec(A @ X), vec(a @ b)) == [{A: a, X: b}]


def test_a_row_is_the_transpose_of_a_vec(match):
    row = vec(X).T @ kron(A, B)
    dims = Dims()
    dims.unify(shape(x)[0], shape(kron(a, b))[0])
    found = match(row, x.T @ kron(a, b), {X: (A.rows, B.rows)}, dims)
    assert found == [{A: a, B: b, X: reshape(x, shape(a)[0], shape(b)[0])}]


def test_shapes_in_terms_of_each_other_are_refused():
    with pytest.raises(ValueError, match="in terms of each other"):
        compile_pattern(vec(A) @ vec(B), {A: (B.rows, B.cols), B: (A.rows, A.cols)})


# --- dimensions ----------------------------------------------------------------------------------


def test_a_dimension_waits_for_its_variables(match):
    four = atom(pt.tensor("four", shape=(4, 4)))
    assert match(kron(eye(A.rows), A), kron(eye(const(4)), four)) == [{A: four}]
    assert match(kron(eye(A.rows), A), kron(eye(const(3)), four)) == []
    assert match(kron(eye(A.rows), A), kron(eye(shape(a)[0]), a)) == [{A: a}]


def test_a_dimension_that_is_never_known_asks_for_nothing(match):
    assert match(eye(A.rows), eye(const(3))) == [{}]
    assert match(eye(const(3)), eye(const(3))) == [{}]
    assert match(eye(const(4)), eye(const(3))) == []


# --- shared atoms --------------------------------------------------------------------------------


def test_structure_opens_a_shared_atom(match):
    shared = atom(pt.matrix("shared"), 2, a @ b)
    assert match(inverse(A @ B), inverse(shared)) == [{A: a, B: b}]
    assert match(inverse(A), inverse(shared)) == [{A: shared}]
    assert match(A @ B, shared) == [{A: a, B: b}]
    assert match(A @ B @ X, shared @ c) == []
    assert match(A @ B, shared @ c) == [{A: shared, B: c}]


def test_transposes_of_shared_atoms_open_as_well(match) -> None:
    shared = atom(pt.matrix("shared"), 2, a @ b + c)
    assert match(inverse(A @ B + X), inverse(shared.T)) == [{A: b.T, B: a.T, X: c.T}]
    assert match(inverse(A), inverse(shared.T)) == [{A: shared.T}]
    assert match(inverse(A @ B), inverse(shared.T)) == []
    plain = atom(pt.matrix("plain"))
    assert match(inverse(A @ B), inverse(plain.T)) == []


def test_a_factor_is_opened_where_its_head_is_wanted(match):
    shared = atom(pt.matrix("shared"), 2, kron(a, b))
    assert match(kron(A, B) @ v, shared @ x) == [{A: a, B: b, v: x}]
    assert match(inverse(a @ b), inverse(atom(pt.matrix(), 2, a @ b))) == [{}]


# --- where a pattern makes no sense --------------------------------------------------------------


@pytest.mark.parametrize("pattern", [inverse(S), scale(k, R), S, kron(A, R), A + S])
def test_segments_and_rests_stand_in_flat_heads_only(pattern):
    with pytest.raises(ValueError, match=r"segment|rest"):
        compile_pattern(pattern)


def test_two_rests_are_refused():
    with pytest.raises(ValueError, match="more than one rest"):
        compile_pattern(add(A, R, LogicVar("R2", "rest")))
