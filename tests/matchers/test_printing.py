"""Terms in mathematical notation, bounded and deterministic."""

import time

import pytensor.tensor as pt
import pytest
from pytensor.assumptions import assume

from matchers.dims import Axis, Dim
from matchers.leaves import atom, number
from matchers.printing import LIMIT, Names, pretty, superscript
from matchers.variables import LogicVar
from matchers.vocabulary import (
    add,
    block_diag,
    cholesky,
    det,
    diag,
    expm,
    eye,
    inverse,
    item,
    kron,
    logabsdet,
    matmul,
    mul,
    reciprocal,
    scale,
    sylvester,
    total,
    trace,
    transpose,
    unvec,
    vec,
)

A, B, C = (LogicVar(name) for name in "ABC")
x = LogicVar("x", "vector")
c, d = LogicVar("c", "scalar"), LogicVar("d", "scalar")


@pytest.mark.parametrize(
    ("term", "text"),
    [
        (A @ B, "A B"),
        (transpose(A), "Aᵀ"),
        (inverse(A), "A⁻¹"),
        (inverse(inverse(A)), "(A⁻¹)⁻¹"),
        (inverse(A.T), "A⁻ᵀ"),
        (A.T @ inverse(A @ B) @ x, "Aᵀ (A B)⁻¹ x"),
        (kron(A, B, C), "A ⊗ B ⊗ C"),
        (kron(A, B) @ x, "(A ⊗ B) x"),
        (kron(A @ B, C), "A B ⊗ C"),
        (inverse(kron(A, B)), "(A ⊗ B)⁻¹"),
        (A + B @ C, "A + B C"),
        ((A + B) @ C, "(A + B) C"),
        (A - B, "A - B"),
        (A - 2 * B, "A - 2·B"),
        (-A, "-A"),
        (-A @ B, "-A B"),
        (A - kron(B, C), "A - (B ⊗ C)"),
        (A - (B + C), "A - B - C"),
        (A + mul(B, C), "A + B ⊙ C"),
        (mul(A @ B, C), "(A B) ⊙ C"),
        (-A + B, "-A + B"),
        (c * (A @ B), "c·A B"),
        (-0.5 * (A @ B), "-0.5·A B"),
        (c * (A + B), "c·(A + B)"),
        (c * kron(A, B), "c·(A ⊗ B)"),
        (mul(A, B), "A ⊙ B"),
        (mul(A, B) @ C, "(A ⊙ B) C"),
        (mul(c, d), "c·d"),
        (scale(mul(c, d), A), "c·d·A"),
        (scale(reciprocal(c), A), "c⁻¹·A"),
        (reciprocal(c + d), "(c + d)⁻¹"),
        (vec(A), "vec(A)"),
        (unvec(x, A.rows, B.rows), "mat(x)"),
        (diag(x) @ A, "diag(x) A"),
        (eye(A.rows) + A, "I + A"),
        (trace(A) * B, "tr(A)·B"),
        (logabsdet(A @ B), "log|A B|"),
        (det(A), "det(A)"),
        (total(mul(A, B)), "Σ(A ⊙ B)"),
        (cholesky(A) @ expm(B), "chol(A) exp(B)"),
        (sylvester(A, B, C), "sylvester(A, B, C)"),
        (block_diag(A, B), "block_diag(A, B)"),
        (item(A.T @ B), "Aᵀ B"),
        (number(0.25), "0.25"),
    ],
)
def test_notation(term, text):
    assert str(term) == text
    assert pretty(term) == text


def test_variables_keep_their_names():
    K, y = atom(pt.matrix("K")), atom(pt.vector("y"), 1)
    assert str(inverse(K) @ y) == "K⁻¹ y"


def test_variables_without_a_name_get_letters_that_are_free():
    unnamed, named = pt.matrix(), pt.matrix("A")
    assert str(atom(unnamed) @ atom(pt.matrix()) @ atom(pt.vector(), 1)) == "A B x"
    # A is taken by a variable that comes later.
    assert str(atom(unnamed) @ atom(named)) == "B A"


def test_two_variables_of_one_name_are_told_apart():
    first, second, third = pt.matrix("K"), pt.matrix("K"), pt.matrix("K₂")
    assert str(atom(first) @ atom(second) @ atom(first)) == "K K₂ K"
    assert str(atom(first) @ atom(second) @ atom(third)) == "K K₃ K₂"


def test_there_are_always_more_letters():
    text = str(matmul(*(atom(pt.matrix()) for _ in range(30))))
    assert text == " ".join([*"ABCDEFGHJKLMNPQRSTUVWXYZ", *(f"{letter}₂" for letter in "ABCDEF")])


def test_what_is_computed_is_a_short_formula_or_a_letter():
    K = pt.matrix("K")
    longer = pt.exp(K) * pt.sqrt(K)
    assert str(atom(pt.exp(K)) @ atom(K)) == "exp(K) K"
    names = Names.of(atom(longer))
    assert pretty(atom(longer), names=names) == "A"
    assert names.legend == {"A": "mul(exp(K), sqrt(K))"}


def test_an_assumption_does_not_change_the_name():
    Q = pt.matrix("Q")
    assert str(atom(assume(Q, orthogonal=True)) @ atom(Q)) == "Q Q"


def test_constants():
    one = atom(pt.constant(2.5), 0)
    assert str(scale(one, A)) == "2.5·A"
    first, second = (atom(pt.constant([[1.0, i], [3.0, 4.0]])) for i in (2.0, 5.0))
    assert str(first @ second) == "const const₂"


def test_copies_are_called_what_their_originals_are():
    original, copy = pt.matrix(), pt.matrix()
    names = Names()
    assert names(original) == "A"
    names.alias({copy: original})
    assert names(copy) == "A"


def test_a_shared_value_stands_in_brackets_unless_it_has_a_name():
    left, right = atom(pt.matrix("K")), atom(pt.matrix("L"))
    product = left @ right
    assert str(inverse(atom(pt.matrix(), definition=product))) == "[K L]⁻¹"
    assert str(inverse(atom(pt.matrix("S"), definition=product))) == "S⁻¹"
    nameless = inverse(atom(pt.matrix(), definition=product))
    assert pretty(nameless, shared="()") == "(K L)⁻¹"


def test_a_product_may_show_its_bracketing():
    product = A @ B @ x
    text = pretty(product, split=lambda t: (A, B @ x) if t is product else t.args)
    assert text == "A (B x)"


def test_lengths():
    names = Names()
    v, S, batch, n = pt.vector("v"), pt.matrix("S"), pt.tensor3("T"), pt.iscalar("n")
    axes = [Axis(v, 0), Axis(S, 0), Axis(S, 1), Axis(batch, 0), Axis(batch, 2), Axis(n, None)]
    texts = ["len(v)", "rows(S)", "cols(S)", "T.shape[0]", "cols(T)", "n"]
    assert [names.axis(a) for a in axes] == texts
    assert names.dim(Dim(3, frozenset([(axes[0], 2), (axes[1], 1)]))) == "3·len(v)²·rows(S)"
    assert [names.dim(Dim(1)), names.dim(Dim(1200))] == ["1", "1,200"]
    assert [superscript(1), superscript(12)] == ["", "¹²"]


def test_the_length_of_blocks_is_a_sum():
    blocks = block_diag(atom(pt.matrix("S")), atom(pt.matrix("R")))
    assert Names().dim(blocks.rows) == "(rows(S) + rows(R))"


def _tower(levels):
    term = atom(pt.matrix("z"))
    for _ in range(levels):
        term = inverse(mul(term, term, term, term))
    return term


def test_a_tower_of_shared_terms_is_elided_in_no_time():
    start = time.process_time()
    text = str(_tower(60))
    assert time.process_time() - start < 0.5
    assert "…" in text
    assert LIMIT <= text.count("…") + text.count("z") <= LIMIT + 20


def test_a_tower_of_shared_variables_is_elided():
    term = atom(pt.matrix("z"))
    for _ in range(40):
        term = atom(pt.matrix(), definition=term @ term)
    text = str(term)
    assert "…" in text
    assert len(text) < 20 * LIMIT


def test_a_deep_term_does_not_recurse():
    term = A
    for _ in range(20_000):
        term = inverse(term @ B)
    assert str(term) == "((((((… B)⁻¹ B)⁻¹ B)⁻¹ B)⁻¹ B)⁻¹ B)⁻¹"


def test_a_long_sum_ends_early():
    text = str(add(*(atom(pt.matrix(f"M{i}")) for i in range(3 * LIMIT))))
    assert text.startswith("M0 + M1 + ")
    assert text.endswith(f"M{LIMIT - 1} + …")
