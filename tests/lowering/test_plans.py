"""Plans: one kernel for each term, one factorization for each matrix, priced as it is built."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
import pytest

from kantor.api import graph_of
from lowering.build import Builder, CannotBuild
from lowering.costs import cost, number_of_launches
from lowering.formulas import LAUNCH
from lowering.kernels import FREE
from lowering.planner import Planner
from lowering.plans import total
from lowering.polynomials import Poly
from matchers import vocabulary as v
from matchers.conforming import learn
from matchers.dims import Dim
from matchers.equalities import Dims
from matchers.kernels import node_kernel
from matchers.leaves import atom
from matchers.terms import Term
from matchers.traversal import subterms
from matchers.view import View

AA, BB, SS, XX = (pt.matrix(name) for name in ("A", "B", "S", "X"))
xx, yy = pt.vectors("x", "y")
A, B, S, X = map(atom, (AA, BB, SS, XX))
x, y = atom(xx, 1), atom(yy, 1)
T = atom(pt.tensor3("T"))


def size(dim: Dim) -> float:
    return float(dim.coef) * 50.0 ** sum(p for _, p in dim.powers)


def planner(known: frozenset[tuple[Term, str]] = frozenset()) -> Planner:
    return Planner(size, lambda term, key: (term, key) in known)


def kernels(*roots: Term, known: Any = ()) -> list[str]:
    return [k for k, _, _ in planner(frozenset(known)).plan(roots).calls() if k not in FREE]


CHOSEN: dict[str, tuple[Term, list[str]]] = {
    "product": (A @ B, ["product"]),
    "solve": (v.inverse(A) @ x, ["solve"]),
    "solve from the right": (X @ v.inverse(A), ["solve"]),
    "inverse": (v.inverse(A), ["inverse"]),
    "diagonal": (v.diag(x) @ B, ["elementwise"]),
    "sum": (A + B + S, ["elementwise"]),
    "coefficient": (2 * A, ["elementwise"]),
    "kron": (v.kron(A, B), ["copy"]),
    "transpose": (A.T, []),
    "vec": (v.vec(A), []),
    "vec of a transpose": (v.vec(A.T), ["copy"]),
    "trace": (v.trace(A), ["elementwise"]),
    "sum over a batch": (v.batch_sum(T), ["elementwise"]),
    "members side by side": (v.beside(T), ["copy"]),
    "determinant": (v.logabsdet(A), ["determinant"]),
    "cholesky": (v.cholesky(A), ["cholesky"]),
    "expm": (v.expm(A), ["expm"]),
    "sylvester": (v.sylvester(A, B, X), ["sylvester"]),
    "lyapunov": (v.discrete_lyapunov(A, X), ["lyapunov"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CHOSEN)
def test_kernels(name: str) -> None:
    term, expected = CHOSEN[name]
    assert kernels(term) == expected


def test_structure_chooses_the_solver() -> None:
    term = v.inverse(S) @ x
    assert kernels(term, known=[(S, "lower_triangular")]) == ["solve_triangular"]
    assert kernels(term, known=[(S, "upper_triangular")]) == ["solve_triangular"]
    assert kernels(term, known=[(S, "positive_definite")]) == ["solve_positive"]
    assert kernels(term) == ["solve"]


def test_one_factorization_for_each_matrix() -> None:
    roots = (v.inverse(S) @ x, v.inverse(S) @ X, X @ v.inverse(S), v.inverse(A) @ x)
    assert sorted(kernels(*roots)) == ["solve", "solve", "solve_again", "solve_again"]
    positive = kernels(*roots[:2], known=[(S, "positive_definite")])
    assert sorted(positive) == ["solve_again", "solve_positive"]


@pytest.mark.parametrize("name", CHOSEN)
def test_the_price_is_the_cost_of_the_plan(name: str) -> None:
    roots = (CHOSEN[name][0], v.inverse(S) @ x, v.inverse(S) @ X)
    p = planner()
    poly = p.plan(roots).polynomial(lambda d: d)
    assert poly.at({s: 50.0 for s in poly.symbols}).constant == pytest.approx(p.price(roots))


def test_each_term_once_and_inputs_first() -> None:
    shared = v.kron(A, B)
    plan = planner().plan((shared @ x, v.trace(shared), shared))
    order = list(plan.steps)
    assert len(order) == len(set(order))
    for i, term in enumerate(order):
        assert all(order.index(t) < i for t in plan.steps[term].needs)


def test_definitions_of_shared_atoms_are_planned_once() -> None:
    shared = atom(pt.matrix(), 2, A @ B)
    assert kernels(shared @ x, shared @ y).count("product") == 3
    assert kernels(shared) == ["product"]


def test_given_values_cost_nothing() -> None:
    p = Planner(size, lambda t, k: False, frozenset([v.kron(A, B)]))
    assert p.price((v.kron(A, B),)) == 0.0
    assert p.price((v.kron(A, B) @ x,)) == cost("product", (2500.0, 2500.0, 1.0))


def test_launches() -> None:
    assert number_of_launches([("view", (), 1), ("product", (1, 1, 1), 1), ("leaf", (), 1)]) == 1
    assert cost("view", ()) == 0.0
    assert cost("product", (2.0, 3.0, 4.0), 5.0) == 5 * 48 + LAUNCH
    assert cost("elementwise", (Poly.of(Dim(7)),)).constant == 7 + LAUNCH


# --- what is built costs what was planned -------------------------------------------------------


def built_cost(term: Term, known: Any = ()) -> tuple[Poly, Poly]:
    """What the plan says, and what the nodes of the graph that is built say."""
    view = View()
    learn(view.dims, term)
    plan = planner(frozenset(known)).plan((term,))
    leaves = [t.var for t in subterms(term) if hasattr(t, "var")]
    graph = Builder(
        plan, view.dims, leaves, (), "float64", lambda t, key: (t, key) in set(known)
    ).value(term)
    fgraph, originals = graph_of([graph])
    nodes = [originals[n.outputs[0]].owner for n in fgraph.toposort()]
    calls = [
        node_kernel(view, n) for n in nodes
        if n.outputs[0].type.ndim >= 1 and n.outputs[0].type.dtype == "float64"
    ]  # fmt: skip
    return plan.polynomial(view.dims.normal), total(calls, view.dims.normal)


EXACT = [
    A @ B @ X, v.inverse(A) @ x, X @ v.inverse(A), v.inverse(A), A + B, 2 * A, v.kron(A, B),
    v.cholesky(A), v.expm(A), v.sylvester(A, B, X), v.block_diag(A, B), v.mul(A, B),
    v.diag(x) @ B, v.kron(A, B) @ x, v.inverse(A @ B) @ x, A.T @ v.inverse(A @ B) @ x,
    v.vec(A @ X @ B.T), v.inverse(v.kron(A, B)) @ x,
]  # fmt: skip


@pytest.mark.parametrize("term", EXACT, ids=str)
def test_what_is_built_costs_what_was_planned(term: Term) -> None:
    planned, built = built_cost(term)
    sizes = {s: 37.0 for s in planned.symbols | built.symbols}
    assert planned.at(sizes).constant == pytest.approx(built.at(sizes).constant)


def test_a_sum_of_three_costs_what_was_planned() -> None:
    planned, built = built_cost(A + B + S)
    sizes = {s: 37.0 for s in planned.symbols | built.symbols}
    assert planned.at(sizes).constant == pytest.approx(built.at(sizes).constant)


def test_solvers_with_structure_cost_what_was_planned() -> None:
    for key in ("lower_triangular", "positive_definite"):
        planned, built = built_cost(v.inverse(S) @ X, [(S, key)])
        sizes = {s: 37.0 for s in planned.symbols | built.symbols}
        assert planned.at(sizes).constant == pytest.approx(built.at(sizes).constant)


def test_a_length_without_a_source_cannot_be_built() -> None:
    stranger = atom(pt.exp(AA))
    term = v.ones(stranger.rows)
    plan = planner().plan((term,))
    builder = Builder(plan, Dims(), [BB], [AA], "float64", lambda t, key: False)
    with pytest.raises(CannotBuild, match="is not known from any input"):
        builder.value(term)
