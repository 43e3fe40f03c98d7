"""`why_not`: how far a relation got, what failed, and which declaration would unlock it."""

import math

import pytensor.tensor as pt
import pytest
from pytensor.assumptions import assume
from pytensor.tensor.linalg import cholesky, inv, kron, solve

import kantor
from kantor.explain import explain
from kantor.near import nearest
from kantor.survey import replaced
from matchers.conditions import BATCH_CONDITIONS
from matchers.dims import Dim, axis_length
from matchers.equalities import Dims
from matchers.leaves import Number
from matchers.match import variables_of
from matchers.traversal import evaluate, subterms
from matchers.variables import LogicVar
from matchers.vocabulary import kron_adjoint_left, kron_adjoint_right, reshape, size
from relations.library import OFF_BY_DEFAULT, library

A, B, C, X = (pt.matrix(name) for name in "ABCX")
v, y = pt.vector("v"), pt.vector("y")
c = pt.scalar("c")
S, R = (pt.matrix(name, shape=(300, 300)) for name in "SR")
M, N, P = kantor.matrices("M N P")
WIDE, TALL = pt.matrix("W", shape=(3, 5)), pt.matrix("T", shape=(5, 3))


def why_not(graph, relation, **options):
    return explain(graph, **options).why_not(relation)


# --- a condition is not proved --------------------------------------------------------------------


def test_a_condition_is_named_with_the_declaration_that_unlocks_it():
    answer = why_not(inv(A @ B) @ v, "inverse_of_product")
    assert (answer.stage, answer.place) == ("condition", "(A B)⁻¹")
    assert [str(x) for x in answer.conditions] == ["square(A)", "square(B)"]
    assert str(answer.condition) == "square(A)"
    assert answer.bindings == {"A": "A", "B": "B"}
    # That B is square follows.
    declaration = "give A a static square shape, e.g. pt.matrix(shape=(n, n))"
    assert answer.declaration == declaration
    assert str(answer) == (
        "inverse_of_product matches (A B)⁻¹, but square(A) and square(B) are not proved; "
        + declaration
    )


def test_the_declaration_unlocks_it():
    square = pt.matrix("A", shape=(20, 20))
    assert why_not(inv(square @ B) @ v, "inverse_of_product").stage == "used"


def test_several_declarations():
    answer = why_not(kron(A, B) @ kron(C, X), "product_of_krons", relations="product_of_krons")
    assert str(answer) == (
        "product_of_krons matches (A ⊗ B) (C ⊗ X) with D = X, "
        "but conforming(A, C) and conforming(B, D) are not proved; "
        "give A and C static shapes that conform; give B and X static shapes that conform"
    )


def test_an_assumption():
    answer = why_not(inv(A) @ v, "inverse_of_orthogonal")
    assert str(answer) == (
        "inverse_of_orthogonal matches A⁻¹ with Q = A, but orthogonal(Q) is not proved; "
        "declare pytensor.assumptions.assume(A, orthogonal=True)"
    )
    declared = assume(A, orthogonal=True)
    assert why_not(inv(declared) @ v, "inverse_of_orthogonal").stage == "used"


def test_what_is_false_cannot_be_declared():
    answer = why_not(inv(WIDE @ TALL) @ v, "inverse_of_product")
    assert str(answer) == (
        "inverse_of_product matches (W T)⁻¹ with A = W, B = T, "
        "but square(A) and square(B) are false: W is 3 × 5 and T is 5 × 3"
    )
    assert answer.declaration == ""


def test_what_holds_for_real_matrices_only():
    real = kantor.Relation(
        "conjugate", kantor.inverse(M), kantor.transpose(M), doc="Q⁻¹ = Qᵀ.", field="real"
    )
    answer = why_not(inv(pt.zmatrix("Z")) @ pt.zvector("z"), real, relations=real)
    assert answer.stage == "field"
    assert str(answer) == (
        "conjugate matches Z⁻¹ with M = Z, but it holds for real matrices only, and Z is complex"
    )


def test_batches_that_would_be_lost():
    T = pt.tensor3("T")
    order = kantor.Relation(
        "order", kantor.trace(kantor.inverse(M) @ M), size(M.rows), (), doc="tr(M⁻¹ M) = n."
    )
    graph = pt.diagonal(inv(T) @ T, axis1=1, axis2=2).sum(-1)
    answer = why_not(graph, order, relations=order)
    assert answer.stage == "batch"
    assert str(answer).endswith(" would not have the same batch dimensions")


def test_a_condition_on_lengths_that_are_zero():
    full = kantor.Relation(
        "full", kantor.inverse(M), kantor.transpose(M), (kantor.nonempty(M),), doc="M⁻¹ = Mᵀ."
    )
    assert why_not(inv(A) @ v, full, relations=full).declaration == "give A a static shape"
    answer = why_not(inv(pt.matrix("E", shape=(0, 0))) @ v, full, relations=full)
    assert str(answer).endswith("but nonempty(M) is false: E is 0 × 0")


def test_a_condition_that_is_implied_and_false():
    answer = why_not(inv(kron(WIDE, TALL)) @ v, "inverse_of_kron", relations="inverse_of_kron")
    assert (answer.stage, str(answer.condition)) == ("condition", "square(A)")
    assert "are false: W is 3 × 5 and T is 5 × 3" in str(answer)


def test_forms_that_other_relations_lead_to_count():
    """Only once the inverse is split there is a product with a Kronecker product."""
    answer = why_not(inv(kron(A, B)) @ v, "kron_matvec", relations="inverse_of_kron")
    assert answer.stage == "cost"
    assert answer.place == "(A⁻¹ ⊗ B⁻¹) v"
    alone = why_not(inv(kron(A, B)) @ v, "kron_matvec", relations="cancel_left")
    assert alone.stage == "part"


def _graph(relation):
    """The left side of a relation, over variables of which nothing is known."""
    make = {"matrix": pt.matrix, "vector": lambda name: pt.matrix(name, shape=(None, 1))}
    make["scalar"] = pt.scalar
    lhs = relation.lhs
    # Columns are columns, not matrices of a shape that has to be guessed.
    columns = [t for t in subterms(lhs) if t.head is reshape and isinstance(t.args[0], LogicVar)]
    for i, t in enumerate(columns):
        (lhs,) = replaced((lhs,), t, LogicVar(f"vec{i}", "vector"))
    variables = variables_of(lhs)
    values = {x: make[x.kind](str(x)) for x in variables}
    # Where there is a condition on batches, so that it is not met.
    conditions = {c.name for c in relation.conditions}
    batched = variables if "unbatched" in conditions else variables[:1]
    if not conditions.isdisjoint(BATCH_CONDITIONS):
        values.update({x: pt.tensor3(str(x)) for x in batched if x.kind != "scalar"})

    def leaf(x):
        if isinstance(x, LogicVar):
            return values[x]
        if isinstance(x, Dim):
            owners = [s for s, power in x.powers for _ in range(power)]
            lengths = [
                axis_length(s, leaf)
                if isinstance(s.owner, tuple)
                else values[s.owner].shape[s.axis - 2]
                for s in owners
            ]
            return math.prod(lengths[1:], start=x.coef * lengths[0]) if lengths else x.coef
        return x.value if isinstance(x, Number) else x

    return evaluate(lhs, leaf)


# Of matrices without a shape, all conditions are open but those that leave out what is known. The
# adjoints of a Kronecker product are read from its gradient only, and not from what they denote;
# what is taken of anything but an identity by a vector of integers is not read at all.
KNOWN = ("wide", "evenly_known")
ADJOINTS = kron_adjoint_left.bit | kron_adjoint_right.bit
CONDITIONED = [
    r
    for r in library()
    if any(not c.implied and c.name not in KNOWN for c in r.conditions)
    if not r.lhs.heads & ADJOINTS and "kantor:selections" not in r.tags
]


@pytest.mark.parametrize("relation", CONDITIONED, ids=lambda r: r.name)
def test_every_relation_of_the_library_has_its_conditions_named(relation):
    graph = _graph(relation)
    # The sum links to a region what would be none by itself.
    linked = [graph, graph.sum()] if graph.type.ndim else graph
    answer = why_not(linked, relation, relations=relation)
    assert answer.stage == "condition", str(answer)
    names = {x.name for x in relation.conditions if not x.implied}
    assert {x.name for x in answer.conditions} == names
    for name in names:
        assert name in str(answer)
    assert answer.declaration


@pytest.mark.parametrize("relation", library(), ids=lambda r: r.name)
def test_every_relation_of_the_library_has_an_answer(relation):
    graph = [inv(kron(A, B) @ C) @ v, (X @ C).sum()]
    answer = explain(graph, relations="inverse_of_kron").why_not(relation)
    assert answer.stage != "failed"
    assert answer.text.startswith(relation.name)
    assert "\n\n" not in str(answer)


# --- it does not pay ------------------------------------------------------------------------------


def test_sizes_that_decide():
    answer = why_not(inv(S @ R) @ X, "inverse_of_product", relations="inverse_of_product")
    assert (answer.stage, answer.break_even) == ("cost", "cols(X) < 200")
    assert str(answer) == (
        "inverse_of_product matches (S R)⁻¹ with A = S, B = R and holds there, but the sizes "
        "cols(X) decide: it is cheaper than the form that was found without it where cols(X) < 200"
    )


@pytest.mark.parametrize(("columns", "stage"), [(190, "used"), (210, "cost")])
def test_the_break_even_is_where_it_is_said_to_be(columns, stage):
    answer = why_not(
        inv(S @ R) @ X, "inverse_of_product",
        relations="inverse_of_product", sizes={X: (300, columns)},
    )  # fmt: skip
    assert answer.stage == stage
    if stage == "cost":
        assert "but not cheaper than the form that was found without it at the known" in str(answer)
        assert answer.break_even == "cols(X) < 200"


def test_what_never_pays():
    answer = why_not(inv(S @ R), "inverse_of_product", relations="inverse_of_product")
    assert str(answer) == (
        "inverse_of_product matches (S R)⁻¹ with A = S, B = R and holds there, "
        "but is never cheaper: 126 million flops instead of 108 million"
    )


def test_a_search_that_stops_before(monkeypatch):
    monkeypatch.setattr("kantor.engine.BUDGET", 0)
    monkeypatch.setattr("kantor.engine.Engine.budget", 0, raising=False)
    explanation = explain(kron(A, B) @ v, relations="kron_vecmat")
    monkeypatch.setattr("kantor.reading.search", _none)
    answer = explanation.why_not("kron_matvec")
    assert str(answer).endswith("but the search stopped before it was tried")


def _none(roots, *_, **__):
    from lowering.search import Candidate, Found

    return Found((Candidate(roots, 1.0),), 1, spent=True)


# --- it was not asked for -------------------------------------------------------------------------


def test_a_relation_that_was_excluded():
    answer = why_not(kron(A, B) @ v, "kron_matvec", relations="inverses")
    assert str(answer).startswith(
        "kron_matvec is not among the relations asked for. kron_matvec matches (A ⊗ B) v with "
        "X = mat(v) and holds there, and is cheaper: 2·rows(A)·cols(A)·cols(B) + "
    )


def test_a_relation_that_is_off_by_default():

    @kantor.relation(tags=OFF_BY_DEFAULT, stability="loses")
    def transposed_twice(M):
        """The transpose of an inverse, done by hand."""
        return kantor.inverse(kantor.inverse(M)), M

    answer = why_not(inv(inv(A)) @ v, transposed_twice, relations="kronecker")
    assert str(answer).startswith(
        "transposed_twice is off by default; name it in relations= to use it. "
    )


# --- it does not match ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("graph", "relation", "stage", "text"),
    [
        (
            A @ B @ X, "kron_matvec", "part",
            "A B X comes closest to (A ⊗ B) vec(X), but it has no factor A ⊗ B",
        ),
        (
            kron(A, B) @ X, "product_of_krons", "part",
            "(A ⊗ B) X comes closest to (A ⊗ B) (C ⊗ D), but it has no other factor like C ⊗ D",
        ),
        (
            kron(A, B) @ X @ kron(C, A), "product_of_krons", "part",
            "(A ⊗ B) X (C ⊗ A) comes closest to (A ⊗ B) (C ⊗ D), "
            "but its factors do not stand side by side in this order",
        ),
        (
            inv(A + B) @ v, "inverse_of_product", "part",
            "(A + B)⁻¹ comes closest to (A B)⁻¹, but where A B is needed stands A + B",
        ),
        (
            solve(A, B @ v), "cancel_left", "repeated",
            "A⁻¹ B v comes closest to A⁻¹ A, but its A would have to be both A and B",
        ),
        (
            kron(A, B) @ X, "kron_matvec", "length",
            "(A ⊗ B) X comes closest to (A ⊗ B) vec(X), but cols(X) = 1 is not known",
        ),
        (
            kron(A, B), "kron_matvec", "head",
            "(A ⊗ B) vec(X) is a product, and there is none; of it A ⊗ B is there",
        ),
        (
            kron(A, B) @ v, "inverse_of_kron", "head",
            "(A ⊗ B)⁻¹ is an inverse or solve, and there is none; of it A ⊗ B is there",
        ),
        (
            A @ B @ v, "cholesky_of_kron", "head",
            "chol(A ⊗ B) is a Cholesky factor, and there is none",
        ),
        (
            cholesky(A) @ v, "cholesky_of_kron", "part",
            "chol(A) comes closest to chol(A ⊗ B), but where A ⊗ B is needed stands A",
        ),
    ],
    ids=lambda x: x if isinstance(x, str) and len(x) < 30 else "",
)  # fmt: skip
def test_the_nearest_miss(graph, relation, stage, text):
    answer = why_not(graph, relation, relations=relation)
    assert str(answer) == f"{relation} does not match: {text}"
    assert answer.stage == stage


def test_the_nearest_region_is_chosen():
    answer = why_not([inv(A + B) @ v, inv(C @ X) @ y], "inverse_of_product")
    assert (answer.stage, answer.place) == ("condition", "(C X)⁻¹")


def test_nothing_is_there():
    answer = why_not(pt.exp(A), "kron_matvec")
    assert answer.stage == "nowhere"
    assert str(answer) == (
        "kron_matvec: there is no linear algebra in this graph that it could start from"
    )


def test_from_right_to_left():
    made = kantor.Relation(
        "kron_of_transposes",
        kantor.transpose(kantor.kron(M, N)),
        kantor.kron(M.T, N.T),
        (kantor.square(M),),
        doc="(M ⊗ N)ᵀ = Mᵀ ⊗ Nᵀ.",
    )
    answer = why_not(kron(A, B) @ v, made, relations=made)
    first, second = str(answer).splitlines()
    assert first.startswith("kron_of_transposes does not match: (M ⊗ N)ᵀ is a transpose")
    assert second.startswith(
        "From right to left: kron_of_transposes matches A ⊗ B with M = Aᵀ, N = Bᵀ, but square(M)"
    )
    assert str(answer.condition) == "square(M)"


# --- the rest -------------------------------------------------------------------------------------


def test_a_relation_that_was_used():
    answer = why_not(kron(A, B) @ v, "kron_matvec", relations="kron_matvec")
    assert answer.stage == "used"
    assert str(answer) == "kron_matvec was used: (A ⊗ B) v → vec(A mat(v) Bᵀ)"


def test_an_axiom():
    answer = why_not(A @ B @ v, "transpose_of_product")
    assert str(answer) == (
        "transpose_of_product: both sides are one term, which the notation knows by itself"
    )


def test_names_that_are_wrong():
    explanation = explain(kron(A, B) @ v)
    with pytest.raises(ValueError, match="did you mean kron_matvec"):
        explanation.why_not("kron_matve")
    with pytest.raises(ValueError, match="'kronecker' is a tag; why_not takes one relation"):
        explanation.why_not("kronecker")


def test_a_form_that_is_not_tried(monkeypatch):
    monkeypatch.setattr("kantor.engine.TRIES", 0)
    answer = why_not(kron(A, B) @ v, "kron_matvec", relations="kron_matvec")
    assert answer.stage == "cost"
    assert str(answer).endswith("; but it cannot be built, or others were tried before it")


def test_a_plain_relation_has_no_conditions():
    with pytest.raises(ValueError, match="all or nothing"):
        explain(kron(A, B) @ v).why_not(lambda in_lv, out_lv: None)


def test_a_relation_of_ones_own_is_found_by_name():

    @kantor.relation()
    def involution(M):
        """M⁻¹ = M for orthogonal symmetric M."""
        return kantor.inverse(M), M, kantor.orthogonal(M), kantor.symmetric(M)

    answer = why_not(inv(A) @ v, "involution", relations=involution)
    assert [x.name for x in answer.conditions] == ["orthogonal", "symmetric"]
    assert answer.declaration == (
        "declare pytensor.assumptions.assume(A, orthogonal=True); "
        "declare pytensor.assumptions.assume(A, symmetric=True)"
    )


def test_a_sum_that_lacks_a_summand():

    @kantor.relation()
    def distributed(M, N, P):
        """(M N + M P)⁻¹ = (M (N + P))⁻¹."""
        return kantor.inverse(M @ N + M @ P), kantor.inverse(M @ (N + P))

    near = why_not(inv(A @ B + C) @ v, distributed, relations=distributed)
    assert "but where M P is needed stands C" in str(near) or "M N" in str(near)
    twice = why_not(inv(A @ B + C @ X) @ v, distributed, relations=distributed)
    assert "its M would have to be both" in str(twice)
    assert why_not(inv(A @ B + A @ X) @ v, distributed, relations=distributed).stage in (
        "used",
        "cost",
    )


def test_the_nearest_miss_of_a_deep_term_takes_no_recursion():
    term = kantor.inverse(_atom("z"))
    for _ in range(3000):
        term = kantor.inverse(term @ _atom("z"))
    miss = nearest(kantor.inverse(M + N), {}, [term], Dims())
    assert miss is not None
    assert [str(part) for part, _, _ in miss.parts] == ["M + N"]


def _atom(name, _met={}):  # noqa: B006
    from matchers.leaves import atom

    return atom(_met.setdefault(name, pt.matrix(name)))
