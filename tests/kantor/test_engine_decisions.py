"""What the engine decides: what stays, what is left out, what sizes decide."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor import shared
from pytensor.compile.mode import get_mode
from pytensor.graph.traversal import graph_inputs
from pytensor.tensor import linalg

import kantor
from kantor.api import graph_of
from kantor.engine import Decided, Engine, KantorWarning
from kantor.reading import Reading
from kantor.sizes import SAMPLES
from lowering.kernels import FREE, step_of
from lowering.plans import Plan
from lowering.polynomials import Poly
from lowering.search import Candidate, search
from matchers import vocabulary
from matchers.conditions import Condition
from matchers.dims import Axis, symbol
from matchers.regions import regions
from relations.library import library, select
from tests.benchmarks.counter import count
from tests.support import decisions, evaluate, ops

X, Y = kantor.matrices("X Y")
RNG = np.random.default_rng(20261204)
A, B, C = pt.matrices("A", "B", "C")
v, w = pt.vectors("v", "w")
K = linalg.kron(A, B)


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


# --- what stays ---------------------------------------------------------------------------------


def test_what_does_not_pay_stays_node_for_node() -> None:
    graphs = [
        A @ v, A @ (B @ v), linalg.solve(A, v),
        linalg.cholesky(A), linalg.inv(A), K, pt.exp(A) + B, linalg.slogdet(A)[1], A.T @ B,
    ]  # fmt: skip
    for graph in graphs:
        assert kantor.rewrite(graph) is graph
    both = [linalg.inv(A), K @ v]
    assert kantor.rewrite(both)[0] is both[0]


@pytest.mark.parametrize("graph", [K @ v, linalg.solve(K, v), A.T @ linalg.inv(A @ B) @ C @ v])
def test_a_second_rewrite_changes_nothing(graph: Any) -> None:
    new = kantor.rewrite(graph)
    assert new is not graph
    assert kantor.rewrite(new) is new


def test_two_solves_with_one_matrix_stay() -> None:
    matrix = A @ B
    graphs = [linalg.solve(matrix, v), linalg.solve(matrix, w)]
    new = kantor.rewrite(graphs)
    assert all(a is b for a, b in zip(graphs, new, strict=True))


def test_what_pytensor_makes_of_two_solves_with_one_factor_stays() -> None:
    """A solve for each would be made into these again, round by round."""
    factor = linalg.cholesky(kantor.assume(A, positive_definite=True))
    graphs = [
        linalg.solve_triangular(factor.T, linalg.solve_triangular(factor, b, lower=True))
        for b in (v, w)
    ]
    new = kantor.rewrite(graphs)
    assert all(a is b for a, b in zip(graphs, new, strict=True))


def test_a_region_is_decided_once() -> None:
    fgraph, _ = graph_of([A @ (B @ linalg.inv(C)) @ v])
    engine = Engine(select(None)[0])
    engine.decisions(fgraph)
    memo = Decided.of(fgraph)
    assert len(memo.regions) >= 1
    while engine.rewrite(fgraph):
        pass
    before = set(memo.regions)
    assert engine.decisions(fgraph) == []
    assert memo.regions == before
    assert Decided.of(fgraph) is memo
    assert memo.clone().regions == set()


# --- relations that fail ------------------------------------------------------------------------


def raising(where: str) -> Any:
    class Broken(Condition):
        def holds(self, bindings: Any, known: Any) -> bool:
            raise ArithmeticError(f"broken {where}")

    @kantor.relation(tags="test", cites="nobody")
    def broken_relation(X, Y):
        """(X ⊗ Y) is left alone."""
        return kantor.transpose(kantor.kron(X, Y)), kantor.kron(X.T, Y.T), Broken("square", (X,))

    return broken_relation


def test_a_relation_that_raises_is_reported_once_and_left_out() -> None:
    graphs = [K.T @ v, linalg.kron(B, A).T @ v]
    broken = raising("condition")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        new = kantor.rewrite(graphs, relations=[broken])
    ours = [str(c.message) for c in caught if issubclass(c.category, KantorWarning)]
    assert len(ours) == 1
    assert "broken_relation" in ours[0]
    assert "ArithmeticError: broken condition" in ours[0]
    assert all(a is b for a, b in zip(graphs, new, strict=True))


def test_the_others_go_on_without_it() -> None:
    names = [r for r in library() if r.name in ("transpose_of_kron", "kron_matvec")]
    with pytest.warns(KantorWarning, match="broken_relation"):
        new = kantor.rewrite(K.T @ v, relations=[raising("condition"), *names])
    assert "KroneckerProduct" not in ops(new)


# --- sizes --------------------------------------------------------------------------------------


def test_sizes_decide_what_no_proof_decides() -> None:
    graph = A @ B @ C
    chain = (A @ B) @ C
    assert kantor.rewrite(chain) is chain
    assert graph.type == chain.type
    [step] = decisions(chain, sizes={A: (100, 2), B: (2, 100), C: (100, 2)}) or [None]
    assert step is not None
    assert step.decision.why == "at the known sizes"
    new = kantor.rewrite(chain, sizes={A: (100, 2), B: (2, 100), C: (100, 2)})
    assert new is not chain
    assert kantor.rewrite(chain, sizes={A: (2, 100), B: (100, 2), C: (2, 100)}) is chain


def test_shared_variables_decide_by_their_present_shape() -> None:
    a, b, c = (shared(draw(*s), name) for s, name in [((9, 2), "a"), ((2, 9), "b"), ((9, 2), "c")])
    a.set_value(draw(90, 2)), b.set_value(draw(2, 90)), c.set_value(draw(90, 2))
    graph = (a @ b) @ c
    new = kantor.rewrite(graph)
    assert new is not graph
    np.testing.assert_allclose(evaluate(new, {}), evaluate(graph, {}), rtol=1e-9)


def test_what_is_done_twice_counts_once() -> None:
    """PyTensor merges the two inverses, as a gradient has them, before it runs them."""
    fgraph, _ = graph_of([linalg.inv(A) @ v + linalg.inv(A) @ w])
    [region] = regions(fgraph)
    assert [type(n.op.core_op).__name__ for n in region.nodes if hasattr(n.op, "core_op")].count(
        "MatrixInverse"
    ) == 2
    reading = Reading(fgraph, region, None)
    assert len(reading.calls) == len(reading.region.nodes)
    assert [kernel for kernel, *_ in reading.calls].count("inverse") == 1


# --- a form that a search has ended at ----------------------------------------------------------


def _searches(monkeypatch: pytest.MonkeyPatch, graph: Any, mode: Any = None) -> int:
    """How many searches it takes to rewrite a graph, or to compile it."""
    count = []
    monkeypatch.setattr(
        "kantor.reading.search", lambda *a, **k: count.append(a) or search(*a, **k)
    )  # fmt: skip
    if mode is None:
        kantor.rewrite(graph)
    else:
        inputs = [x for x in graph_inputs([graph]) if isinstance(x, pt.TensorVariable)]
        pytensor.function([x for x in inputs if x.owner is None], graph, mode=mode)
    return len(count)


def test_what_was_chosen_is_not_searched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = linalg.inv(A @ B @ C) @ v + w
    assert kantor.rewrite(graph) is not graph
    assert _searches(monkeypatch, graph) == 1


def test_nor_where_pytensor_has_put_a_factor_since(monkeypatch: pytest.MonkeyPatch) -> None:
    P = kantor.assume(pt.matrix("P", shape=(40, 40)), positive_definite=True, symmetric=True)
    T, y = pt.matrix("T", shape=(40, 40)), pt.vector("y", shape=(40,))
    base = get_mode("NUMBA").clone(linker="py")
    assert _searches(monkeypatch, linalg.inv(P) @ T @ T.T @ y, kantor.mode(base)) == 1


def test_a_dearer_graph_of_the_same_form_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    fgraph, _ = graph_of([(A @ B) @ v])
    engine = Engine(library())
    [step] = engine.rewrite(fgraph)
    assert step.relations == ("associativity",)
    (x,) = fgraph.outputs
    a, b, u = (next(i for i in fgraph.inputs if i.name == n) for n in ("A", "B", "v"))
    fgraph.replace(x, (a @ b) @ u)
    assert [s.relations for s in engine.rewrite(fgraph)] == [("associativity",)]


# --- a budget -----------------------------------------------------------------------------------


def test_a_budget_ends_a_search_and_explain_says_so() -> None:
    graph = linalg.inv(linalg.kron(A, B)) @ v
    assert "KroneckerProduct" in ops(kantor.rewrite(graph, budget=0))
    assert "KroneckerProduct" not in ops(kantor.rewrite(graph))
    told = "the search ran out of its budget"
    assert told in str(kantor.explain(graph, budget=0))
    assert told not in str(kantor.explain(graph))


def test_a_mode_has_a_budget() -> None:
    graph = linalg.inv(linalg.kron(A, B)) @ v
    base = get_mode("NUMBA").clone(linker="py")
    none, some = (
        pytensor.function([A, B, v], graph, mode=kantor.mode(base, budget=n)) for n in (0, 64)
    )
    made = [ops(f.maker.fgraph.outputs[0]) for f in (none, some)]
    assert ["KroneckerProduct" in m for m in made] == [True, False]


@pytest.mark.parametrize("budget", [-1, 2.5, None, True])
def test_a_budget_that_is_none(budget: Any) -> None:
    for use in (lambda: kantor.rewrite(K @ v, budget=budget), lambda: kantor.mode(budget=budget)):
        with pytest.raises(ValueError, match="budget= is how many forms"):
            use()


# --- typical sizes ------------------------------------------------------------------------------


def test_sizes_are_known_of_what_something_is_declared_of() -> None:
    U = kantor.assume(A, full_column_rank=True)
    graph = linalg.inv(U @ U.T + pt.eye(U.shape[0])) @ v
    tall, wide = {A: (900, 3), v: (900,)}, {A: (30, 90), v: (30,)}
    steps = kantor.explain(graph, relations="low_rank", sizes=tall).steps
    assert [s.relation for s in steps if s.terms] and steps[0].why == "at the known sizes"
    steps = kantor.explain(graph, relations="low_rank", sizes=wide).steps
    assert not [s.relation for s in steps if s.terms]


def test_sizes_tell_the_lengths_of_what_no_reader_understands() -> None:
    """A softmax is as long as what it is of: two solves cost less than a product and one."""
    x = pt.matrix("x")
    graph = linalg.inv(A @ A) @ pt.special.softmax(x, axis=0)
    sizes = {A: (60, 60), x: (60, 20)}
    flops = []
    for given in (sizes, None):
        mode = kantor.mode(get_mode("NUMBA").clone(linker="py"), sizes=given)
        f = pytensor.function(list(sizes), graph, mode=mode)
        flops.append(count(f.maker.fgraph, list(sizes.values()))[0])
        values = [draw(*shape) + 8 * np.eye(*shape) for shape in sizes.values()]
        expected = evaluate(graph, dict(zip(sizes, values, strict=True)))
        np.testing.assert_allclose(f(*values), expected, rtol=1e-9, atol=1e-12)
    assert flops[0] < 0.9 * flops[1]


def test_known_sizes_count_where_only_the_new_form_depends_on_them(monkeypatch: Any) -> None:
    """What the graph does not compute with may stand in the cost of what takes its place."""
    fgraph, _ = graph_of([(A @ B) @ C])
    [region] = regions(fgraph)
    reading = Reading(fgraph, region, {A: (5, 6), B: (6, 7), C: (7, 8), v: (9,)})
    monkeypatch.setattr(Plan, "polynomial", lambda self, normal: Poly.of(symbol(v, 0)) * 2)
    step = reading.step(Candidate(reading.roots, 0.0), reading.planner(SAMPLES[0]), 0, False)
    assert Axis(v, 0) not in reading.known
    assert step.decision.before.at(reading.known).constant is not None
    assert (step.decision.taken, step.decision.why) == (True, "at the known sizes")


def test_what_is_filled_with_zeros_costs_a_plan_no_more_than_a_graph() -> None:
    zeros = vocabulary.zeros(symbol(A, 0), symbol(A, 1))
    assert step_of(zeros).kernel in FREE
