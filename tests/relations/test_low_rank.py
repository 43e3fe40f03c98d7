"""Each relation on low rank: one graph with its expected form, and one near miss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor import linalg

import kantor
from kantor.api import graph_of
from relations.library import library, select
from tests.coverage.flops import run
from tests.support import assert_same_value, decisions, evaluate, ops, rewritten

RNG = np.random.default_rng(20261122)
N, R = 40, 3


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


U, W = pt.matrix("U", shape=(N, R)), pt.matrix("W", shape=(N, 4))
V, B = pt.matrix("V", shape=(R, N)), pt.matrix("B", shape=(N, 2))
G, H = pt.matrix("G", shape=(N, N)), pt.matrix("H", shape=(N, N))
b, e = pt.vector("b", shape=(N,)), pt.vector("e", shape=(N,))
x, y, z = pt.vectors("x", "y", "z")
z0, E = pt.vector("z0", shape=(N,)), pt.matrix("E", shape=(N, N))
c, f = pt.scalars("c", "f")
EYE = pt.eye(N)
# What is declared, over the inputs of the same names.
d, P = kantor.assume(e, positive=True), kantor.assume(G, positive_definite=True)
D = pt.diag(d)
VALUES = {
    U: draw(N, R), W: draw(N, 4), V: draw(R, N), B: draw(N, 2), b: draw(N), c: 0.7,
    e: RNG.uniform(0.5, 2, N), G: np.eye(N) + draw(N, 3) @ draw(3, N) / N, H: draw(N, N),
    x: draw(N), y: draw(N), z: draw(N),
}  # fmt: skip
VALUES[G] = VALUES[G] @ VALUES[G].T


FAMILY = {r.name for r in select("low_rank")[0]}


def taken(graph: Any, relation: str | None, sizes: Any = None) -> bool:
    """Whether a relation was used, by default any of the family with all that is on by default."""
    names = FAMILY if relation is None else {relation}
    steps = decisions(graph, relation, sizes)
    return any(s.decision.taken and not names.isdisjoint(s.relations) for s in steps)


# --- inverses -------------------------------------------------------------------------------------


def test_woodbury() -> None:
    graph = pt.diagonal(linalg.inv(D + U @ V))
    expected = "diagonal(diag(e⁻¹) - diag(e⁻¹) U (I + V diag(e⁻¹) U)⁻¹ V diag(e⁻¹))"
    assert rewritten(graph, "woodbury") == [("diagonal((diag(e) + U V)⁻¹)", expected)]
    assert_same_value(graph, VALUES, relations="woodbury")
    assert not taken(pt.diagonal(linalg.inv(pt.diag(b) + U @ V)), "woodbury")


def test_woodbury_scaled() -> None:
    graph = linalg.inv(EYE - U @ V)
    assert rewritten(graph, "woodbury") == [("(I - U V)⁻¹", "I + U (I - V U)⁻¹ V")]
    assert_same_value(graph, VALUES, relations="woodbury")
    assert not taken(linalg.inv(H - U @ V), "woodbury")


def test_woodbury_solve() -> None:
    graph = linalg.solve(D + U @ U.T, b)
    expected = "diag(e⁻¹) b - diag(e⁻¹) U (I + Uᵀ diag(e⁻¹) U)⁻¹ Uᵀ diag(e⁻¹) b"
    assert rewritten(graph, "woodbury_solve") == [("(diag(e) + U Uᵀ)⁻¹ b", expected)]
    new = assert_same_value(graph, VALUES, relations="woodbury_solve")
    assert "AllocDiag" not in ops(new)
    assert ops(new).count("Solve") == 1
    assert not taken(linalg.solve(pt.diag(b) + U @ U.T, b), "woodbury_solve")


def test_woodbury_solve_scaled() -> None:
    graph = linalg.solve(EYE + c * (U @ V), b)
    expected = "b - c·U (I + c·V U)⁻¹ V b"
    assert rewritten(graph, "woodbury_solve") == [("(I + c·U V)⁻¹ b", expected)]
    assert_same_value(graph, VALUES, relations="woodbury_solve")
    assert_same_value(graph, {**VALUES, c: 0.0}, relations="woodbury_solve")
    # A vector scales rows, it is no coefficient.
    assert not taken(linalg.solve(H + e * (U @ V), b), "woodbury_solve")


def test_woodbury_solve_left() -> None:
    graph = B.T @ linalg.inv(EYE + U @ V)
    expected = "Bᵀ - Bᵀ U (I + V U)⁻¹ V"
    assert rewritten(graph, "woodbury_solve_left") == [("Bᵀ (I + U V)⁻¹", expected)]
    assert_same_value(graph, VALUES, relations="woodbury_solve_left")
    assert not taken(B.T @ linalg.inv(H + U @ V), "woodbury_solve_left")


def test_woodbury_solve_left_scaled() -> None:
    graph = B.T @ linalg.inv(EYE - 2 * U @ V)
    expected = "Bᵀ + 2·Bᵀ U (I - 2·V U)⁻¹ V"
    name = "woodbury_solve_left"
    assert rewritten(graph, name) == [("Bᵀ (I - 2·U V)⁻¹", expected)]
    assert_same_value(graph, VALUES, relations=name)
    assert not taken(B.T @ linalg.inv(H - 2 * U @ V), name)


def test_push_through() -> None:
    graph = linalg.solve(EYE + U @ V, U)
    assert rewritten(graph, "push_through") == [("(I + U V)⁻¹ U", "U (I + V U)⁻¹")]
    assert_same_value(graph, VALUES, relations="push_through")
    assert not taken(linalg.solve(EYE + U @ V, V.T), "push_through")


def test_push_through_left() -> None:
    graph = U.T @ linalg.solve(P + U @ U.T, b)
    expected = "(I + Uᵀ G⁻¹ U)⁻¹ Uᵀ G⁻¹ b"
    # What factorizes G is there already.
    both = (linalg.inv(P) @ B).sum() + graph.sum()
    [step] = decisions(both, "push_through_left")
    assert step.relations == ("push_through_left",)
    assert expected in " ".join(map(str, step.after))
    assert_same_value(both, VALUES, relations="push_through_left")
    other = (linalg.inv(H) @ B).sum() + (U.T @ linalg.solve(H + U @ U.T, b)).sum()
    assert not taken(other, "push_through_left")


def test_push_through_scaled() -> None:
    graph = linalg.solve(EYE - U @ V, U)
    assert rewritten(graph, "push_through") == [("(I - U V)⁻¹ U", "U (I - V U)⁻¹")]
    assert_same_value(graph, VALUES, relations="push_through")
    assert not taken(linalg.solve(H - U @ V, U), "push_through")


def test_push_through_left_scaled() -> None:
    graph = V @ linalg.inv(EYE - U @ V)
    assert rewritten(graph, "push_through_left") == [("V (I - U V)⁻¹", "(I - V U)⁻¹ V")]
    assert_same_value(graph, VALUES, relations="push_through_left")
    assert not taken(U.T @ linalg.inv(EYE - U @ V), "push_through_left")


def test_inverse_of_two_updates() -> None:
    """Of unknown signs, so that neither update alone leaves what is proved to have an inverse."""
    graph = linalg.solve(D + c * pt.outer(b, b) - f * pt.outer(z0, z0), b)
    [step] = [s for s in decisions(graph) if s.decision.taken]
    assert "inverse_of_two_updates" in step.relations
    new = assert_same_value(graph, {**VALUES, f: 0.3, z0: draw(N)})
    assert all(v.type.shape != (N, N) for n in graph_nodes(new) for v in n.outputs)
    near = linalg.solve(H + c * pt.outer(b, b) - f * pt.outer(z0, z0), b)
    assert not taken(near, "inverse_of_two_updates")


def test_logabsdet_of_two_updates() -> None:
    graph = linalg.slogdet(D + c * pt.outer(b, b) - f * pt.outer(z0, z0))[1]
    [step] = [s for s in decisions(graph) if s.decision.taken]
    assert "logabsdet_of_two_updates" in step.relations
    assert_same_value(graph, {**VALUES, f: 0.3, z0: draw(N)})
    near = linalg.slogdet(H + c * pt.outer(b, b) - f * pt.outer(z0, z0))[1]
    assert not taken(near, "logabsdet_of_two_updates")


def test_inverse_of_diagonal_matrix() -> None:
    declared = kantor.assume(E, diagonal=True, nonsingular=True)
    graph = linalg.solve(declared + U @ V, b)
    [step] = [s for s in decisions(graph) if s.decision.taken]
    assert "inverse_of_diagonal_matrix" in step.relations
    values = {**VALUES, E: np.diag(RNG.uniform(0.5, 2, N))}
    new = assert_same_value(graph, values)
    assert flops(new, values) < 0.1 * flops(graph, values)
    # It may hold a zero.
    assert not taken(linalg.solve(kantor.assume(E, diagonal=True) + U @ V, b), None)


# --- determinants ---------------------------------------------------------------------------------


def test_determinant_of_identity_plus() -> None:
    graph = linalg.det(EYE + U @ V)
    assert rewritten(graph, "determinant_of_identity_plus") == [("det(I + U V)", "det(I + V U)")]
    assert_same_value(graph, VALUES, relations="determinant_of_identity_plus")
    assert not taken(linalg.det(H + U @ V), "determinant_of_identity_plus")


def test_determinant_of_identity_plus_scaled() -> None:
    graph, name = linalg.det(EYE - U @ V), "determinant_of_identity_plus"
    assert rewritten(graph, name) == [("det(I - U V)", "det(I - V U)")]
    assert_same_value(graph, VALUES, relations=name)
    assert not taken(linalg.det(H - U @ V), name)


def test_determinant_lemma() -> None:
    graph, name = linalg.det(D + U @ V), "determinant_lemma"
    expected = "Π(e)·det(I + V diag(e⁻¹) U)"
    assert rewritten(graph, name) == [("det(diag(e) + U V)", expected)]
    assert_same_value(graph, VALUES, relations=name)
    assert not taken(linalg.det(pt.diag(b) + U @ V), name)
    # One of the two may overflow: it has to be asked for.
    assert not taken(graph, None)


def test_determinant_lemma_scaled() -> None:
    graph, name = linalg.det(D - U @ V), "determinant_lemma"
    expected = "Π(e)·det(I - V diag(e⁻¹) U)"
    assert rewritten(graph, name) == [("det(diag(e) - U V)", expected)]
    assert_same_value(graph, VALUES, relations=name)
    assert not taken(linalg.det(pt.diag(b) - U @ V), name)


def test_logabsdet_lemma() -> None:
    graph = linalg.slogdet(D + U @ U.T)[1]
    expected = "Σ(log|e|) + log|I + Uᵀ diag(e⁻¹) U|"
    assert rewritten(graph, "logabsdet_lemma") == [("log|diag(e) + U Uᵀ|", expected)]
    assert_same_value(graph, VALUES, relations="logabsdet_lemma")
    spelled = pt.log(pt.abs(linalg.det(EYE + U @ V)))
    assert rewritten(spelled, "logabsdet_lemma") == [("log|I + U V|", "log|I + V U|")]
    assert not taken(linalg.slogdet(pt.diag(b) + U @ U.T)[1], "logabsdet_lemma")


def test_logabsdet_lemma_scaled() -> None:
    graph, name = linalg.slogdet(EYE - U @ V)[1], "logabsdet_lemma"
    assert rewritten(graph, name) == [("log|I - U V|", "log|I - V U|")]
    assert_same_value(graph, VALUES, relations=name)
    assert not taken(linalg.slogdet(H - U @ V)[1], name)


# --- parallel sums, diagonals ---------------------------------------------------------------------


def test_inverse_of_sum_of_inverses() -> None:
    graph, name = linalg.inv(linalg.inv(G) + linalg.inv(H)), "inverse_of_sum_of_inverses"
    assert rewritten(graph, name) == [("(G⁻¹ + H⁻¹)⁻¹", "G (G + H)⁻¹ H")]
    assert_same_value(graph, VALUES, relations=name)
    assert not taken(linalg.inv(linalg.inv(G) + H), name)


def test_inverse_of_inverse_plus() -> None:
    graph, name = linalg.inv(linalg.inv(G) + pt.diag(b)) @ x, "inverse_of_inverse_plus"
    assert rewritten(graph, name) == [("(G⁻¹ + diag(b))⁻¹ x", "(I + G diag(b))⁻¹ G x")]
    assert_same_value(graph, VALUES, relations=name)
    assert not taken(linalg.inv(G + pt.diag(b)) @ x, name)


def test_parallel_sum() -> None:
    graph = (G - G @ linalg.inv(G + H) @ G) @ b
    expected = [("(G - G (G + H)⁻¹ G) b", "G (G + H)⁻¹ H b")]
    assert rewritten(graph, "parallel_sum") == expected
    assert_same_value(graph, VALUES, relations="parallel_sum")
    assert not taken((G - G @ linalg.inv(G + H) @ H) @ b, "parallel_sum")


def test_diagonals_are_inverted_entry_by_entry() -> None:
    [step] = decisions(linalg.inv(pt.diag(b)) @ x)
    assert [str(t) for t in step.before] == ["diag(b⁻¹) x"]
    new = assert_same_value(linalg.inv(pt.diag(b)) @ x, VALUES)
    assert ops(new).count("Elemwise") == 1
    assert not {"Solve", "MatrixInverse", "AllocDiag"} & set(ops(new))
    new = assert_same_value(linalg.slogdet(pt.diag(b))[1], VALUES)
    assert "SLogDet" not in ops(new)
    new = assert_same_value(linalg.det(pt.diag(b)), VALUES)
    assert "Det" not in ops(new)


def flops(graph: Any, values: dict[Any, Any]) -> float:
    fgraph, _ = graph_of([graph])
    return float(run(fgraph, [np.asarray(values[x]) for x in fgraph.inputs])[1])


def test_batched_lora() -> None:
    A, B3 = pt.tensor3("A", shape=(2, N, R)), pt.tensor3("B", shape=(2, R, N))
    Y = pt.tensor3("Y", shape=(2, 7, N))
    graph = pt.matmul(Y, (H + c * pt.matmul(A, B3)).mT)
    assert any(s.decision.taken for s in decisions(graph))
    assert_same_value(graph, {**VALUES, A: draw(2, N, R), B3: draw(2, R, N), Y: draw(2, 7, N)})


def graph_nodes(graph: Any) -> list[Any]:
    return list(graph_of([graph])[0].apply_nodes)


def test_a_matrix_that_is_solved_with_anyway() -> None:
    """One factorization of P serves both."""
    graph = linalg.solve(P + U @ U.T, B) + linalg.inv(P) @ B
    [step] = decisions(graph)
    assert "woodbury_solve" in step.relations
    assert_same_value(graph, VALUES)


def test_two_outputs_share_a_factorization() -> None:
    """The two meet in P only, which both would factorize."""
    graphs = [linalg.solve(P, b), linalg.solve(P + U @ V, b)]
    assert "woodbury_solve" in {step.relation for step in kantor.explain(graphs).steps}
    new = kantor.rewrite(graphs)
    for left, right in zip(evaluate(graphs, VALUES), evaluate(new, VALUES), strict=True):
        np.testing.assert_allclose(right, left, rtol=1e-9)
    inverses = [linalg.inv(P), linalg.inv(P + pt.outer(b, z0))]
    assert "woodbury" in {step.relation for step in kantor.explain(inverses).steps}
    apart = [linalg.solve(H, b), linalg.solve(H + U @ V, b)]
    assert not kantor.explain(apart).steps


def test_a_static_rank_is_enough() -> None:
    """Of unknown length n, U has three columns: cheaper but for the smallest."""
    A, e_ = pt.matrix("A", shape=(None, R)), pt.vector("e_")
    graph = linalg.solve(pt.diag(pt.exp(e_)) + A @ A.T, x)
    [step] = decisions(graph)
    assert step.decision.taken and step.decision.why == "for larger sizes"
    assert "from length 32 on" in str(kantor.explain(graph))
    for n in (1, 5, 50):
        values = {A: draw(n, R), e_: draw(n), x: draw(n)}
        assert_same_value(graph, values)
    wide = linalg.solve(pt.diag(pt.exp(e_)) + pt.matrix("B") @ pt.matrix("C"), x)
    [step] = decisions(wide)
    assert not step.decision.taken
    assert "cheaper where" in str(kantor.explain(wide))


def test_rank_one_needs_no_sizes_and_no_solve() -> None:
    graph = linalg.solve(pt.eye(x.shape[0]) + pt.outer(x, y), z)
    assert rewritten(graph) == [("(I + x yᵀ)⁻¹ z", "z - x (I + yᵀ x)⁻¹ yᵀ z")]
    new = assert_same_value(graph, VALUES)
    assert "Solve" not in ops(new)
    log = linalg.slogdet(pt.eye(x.shape[0]) + pt.outer(x, y))[1]
    assert not {"SLogDet", "Det"} & set(ops(assert_same_value(log, VALUES)))


def test_of_unknown_lengths_the_sizes_decide() -> None:
    A, C = pt.matrices("A", "C")
    graph = linalg.solve(pt.eye(A.shape[0]) + A @ C, x)
    assert not taken(graph, "woodbury_solve")
    sizes = {A: (1000, 10), C: (10, 1000)}
    new = kantor.rewrite(graph, sizes=sizes)
    assert len(ops(new)) > 0
    values = {A: draw(9, 2), C: draw(2, 9), x: draw(9)}
    np.testing.assert_allclose(*evaluate([new, graph], values), rtol=1e-9)
    wide = {A: (10, 1000), C: (1000, 10)}
    assert not taken(graph, "woodbury_solve", wide)


def test_a_diagonal_may_hold_a_zero() -> None:
    """The dense matrix is regular where Woodbury's form has no value."""
    graph = linalg.solve(pt.diag(e) + U @ U.T, b)
    zero = {**VALUES, e: np.arange(N, dtype=float), U: np.eye(N)[:, :R]}
    assert np.isfinite(evaluate(graph, zero)).all()
    new = kantor.rewrite(graph)
    np.testing.assert_array_equal(evaluate(new, zero), evaluate(graph, zero))
    said = str(kantor.explain(graph).why_not("woodbury_solve"))
    assert "kantor.assume(e, nonzero=True)" in said
    said = str(kantor.explain(linalg.solve(c * EYE + U @ V, b)).why_not("woodbury_solve"))
    assert "kantor.assume(c, nonzero=True)" in said
    said = str(kantor.explain(linalg.solve(c * H + U @ V, b)).why_not("woodbury_solve"))
    assert "assume(c, nonzero=True); declare kantor.assume(H, nonsingular=True)" in said


def test_a_gram_matrix_is_not_taken_for_regular() -> None:
    graph = linalg.solve(W @ W.T + U @ V, b)
    assert not taken(graph, None)


def test_a_batch() -> None:
    A, C, y3 = (pt.tensor(n, shape=s) for n, s in (
        ("A", (2, N, R)), ("C", (2, R, N)), ("y", (2, N, 1)),
    ))  # fmt: skip
    graph = linalg.solve(pt.eye(N) + A @ C, y3, b_ndim=2)
    values = {A: draw(2, N, R), C: draw(2, R, N), y3: draw(2, N, 1)}
    assert taken(graph, "woodbury_solve")
    assert_same_value(graph, values)


def test_a_user_may_have_the_same_relation() -> None:
    """The README has one, under a name that is not the library's."""
    assert "low_rank_solve" not in {r.name for r in library()}
