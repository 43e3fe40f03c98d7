"""What follows of the structure of a term from that of its parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.assumptions import assume
from pytensor.graph.fg import FunctionGraph
from pytensor.tensor import linalg

import kantor
from kantor.api import graph_of
from matchers import structures
from matchers import vocabulary as v
from matchers.leaves import atom
from matchers.view import DEEPEST, View
from tests.support import evaluate

A, B = pt.matrix("A", shape=(4, 4)), pt.matrix("B", shape=(4, 4))
X = pt.matrix("X", shape=(4, 2))
W = pt.matrix("W", shape=(1, 2))
Z = pt.matrix("Z", shape=(4, 4), dtype="complex128")
c = pt.scalar("c")
Q, R = assume(A, orthogonal=True), assume(B, orthogonal=True)
E = assume(B, permutation=True)
S, T = assume(A, symmetric=True), assume(B, symmetric=True)
P = assume(B, positive_definite=True)
L, M = assume(A, lower_triangular=True), assume(B, lower_triangular=True)
F = assume(W, lower_triangular=True)
D = assume(B, diagonal=True)
_A, _B = atom(A), atom(B)

HOLDS = {
    "orthogonal": {
        "product": Q @ R,
        "transposed": Q @ R.T,
        "inverted": Q @ linalg.inv(R),
        "sign": -Q,
        "permutation": Q @ E,
        "Kronecker": linalg.kron(Q, R),
        "eigenvectors": linalg.eigh(A)[1] @ Q,
    },
    "permutation": {"product": E @ E.T},
    "lower_triangular": {
        "product": L @ M,
        "inverse": linalg.inv(L) @ M,
        "sum": L + 2 * M,
        "elementwise": L * B,
        "exponential": linalg.expm(L @ M),
        "upper, transposed": assume(A, upper_triangular=True).T @ M,
        "diagonal": L @ D,
        "Kronecker": linalg.kron(L, M),
        "not square": M @ assume(X, lower_triangular=True),
    },
    "upper_triangular": {"product": L.T @ M.T, "diagonal": D @ L.T},
    "diagonal": {"product": D @ pt.diag(A[0]), "elementwise": A * D, "scaled": c * D},
    "tridiagonal": {"sum": D + assume(A, tridiagonal=True)},
    "symmetric": {
        "A + Aᵀ": A + A.T,
        "A Aᵀ": A @ A.T,
        "Aᵀ A": X.T @ X,
        "A S Aᵀ": B @ S @ B.T,
        "A S⁻¹ Aᵀ": X.T @ linalg.inv(S) @ X,
        "A P Aᵀ": A @ P @ A.T,
        "sum": 3 * S + T * S - A @ A.T,
        "palindrome": S @ T @ S,
        "inverse within": A @ linalg.inv(B + B.T) @ A.T,
        "exponential": linalg.expm(A + A.T),
        "a product of the same": (A + A.T) @ S @ (A + A.T),
        "scaled": c * (A + A.T),
        "complex": Z + Z.T,
        "multiplied out": A @ (S @ A.T + B) + B.T @ A.T,
        "of a sum": (A @ S + A) @ A.T,
        "of sums": (A @ S - 2 * X @ X.T @ S) @ (S @ A.T - 2 * S @ X @ X.T),
    },
    "positive_definite": {
        "Q P Qᵀ": Q @ P @ Q.T,
        "A⁻¹ A⁻ᵀ": linalg.inv(A) @ linalg.inv(A).T,
        "P P P": P @ P @ P,
        "sum": P + P,
        "with what may be deficient": X @ X.T + P,
        "with an identity": X @ X.T + 0.5 * pt.eye(4),
        "exponential": linalg.expm(S),
        "Kronecker": linalg.kron(P, P),
        "Schur": P * (P + P),
    },
}  # fmt: skip
FAILS = {
    "orthogonal": {"one factor": Q @ B, "scaled": 2 * Q, "sum": Q + R, "elementwise": Q * R},
    "lower_triangular": {
        "one factor": L @ B,
        "transposed": L @ M.T,
        "sum": L + B,
        "scaled": c * A,
        "Kronecker product of what is not square": linalg.kron(L, F),
        "blocks that are not square": linalg.block_diag(F, M),
    },
    "symmetric": {
        "A + Bᵀ": A + B.T,
        "A B Aᵀ": A @ B @ A.T,
        "A S A": B @ S @ B,
        "two of them": S @ T,
        "one of them": S + B,
        "of a sum": (A @ S + B) @ A.T,
        "of a sum and another": (A @ S + A) @ B.T,
    },
    "positive_definite": {
        "A Aᵀ": A @ A.T,
        "tall": X @ X.T,
        "congruence": X.T @ P @ X,
        "two that may be deficient": X @ X.T + A @ A.T,
        "Kronecker": linalg.kron(X @ X.T, P),
        "difference": P - P,
        "scaled": c * P,
        "exponential": linalg.expm(A),
        "complex": linalg.expm(Z + Z.T),
    },
}  # fmt: skip


def proved(graph: Any, key: str, **options: Any) -> bool:
    fgraph, _ = graph_of([graph])
    view = View(fgraph)
    return view.holds(view.definition(fgraph.outputs[0], 2), key, **options)


def cases(table: dict[str, dict[str, Any]]) -> list[Any]:
    return [
        pytest.param(key, graph, id=f"{key}: {name}")
        for key, graphs in table.items()
        for name, graph in graphs.items()
    ]


@pytest.mark.parametrize(("key", "graph"), cases(HOLDS))
def test_what_follows(key: str, graph: Any) -> None:
    assert proved(graph, key)


@pytest.mark.parametrize(("key", "graph"), cases(FAILS))
def test_what_does_not_follow(key: str, graph: Any) -> None:
    assert not proved(graph, key)


NUMERIC = {
    "orthogonal": lambda x: np.allclose(x @ x.T, np.eye(len(x))),
    "permutation": lambda x: np.allclose(x @ x.T, np.eye(len(x))) and set(x.ravel()) <= {0, 1},
    "lower_triangular": lambda x: np.allclose(x, np.tril(x)),
    "upper_triangular": lambda x: np.allclose(x, np.triu(x)),
    "diagonal": lambda x: np.allclose(x, np.diag(np.diag(x))),
    "tridiagonal": lambda x: np.allclose(x, np.triu(np.tril(x, 1), -1)),
    "symmetric": lambda x: np.allclose(x, x.T),
    "positive_definite": lambda x: np.linalg.eigvalsh(x).min() > 0,
}


def draw(var: Any, rng: Any, declared: frozenset[str]) -> Any:
    """A value that has all that is declared of a variable."""
    x = rng.normal(size=var.type.shape)
    n = len(x)
    if var.type.dtype.startswith("complex"):
        return x + 1j * rng.normal(size=x.shape)
    makers = {
        "permutation": lambda: np.eye(n)[rng.permutation(n)],
        "orthogonal": lambda: np.linalg.qr(x)[0],
        "diagonal": lambda: np.diag(np.diag(x)),
        "positive_definite": lambda: x @ x.T + np.eye(n),
        "symmetric": lambda: x + x.T,
        "tridiagonal": lambda: np.triu(np.tril(x, 1), -1),
        "lower_triangular": lambda: np.tril(x),
        "upper_triangular": lambda: np.triu(x),
    }
    return next((make() for key, make in makers.items() if key in declared), x)


@pytest.mark.parametrize(("key", "graph"), cases(HOLDS))
def test_what_follows_is_so(key: str, graph: Any) -> None:
    fgraph = FunctionGraph(outputs=[graph], clone=False)
    declared: dict[Any, set[str]] = {}
    for node in fgraph.apply_nodes:
        for k, _ in getattr(node.op, "assumptions", ()):
            declared.setdefault(node.inputs[0], set()).add(k.name)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        values = {
            x: np.float64(1.5) if x is c else draw(x, rng, frozenset(declared.get(x, ())))
            for x in (A, B, X, W, Z, c)
        }
        assert NUMERIC[key](evaluate(graph, values))


def test_what_follows_of_terms_that_no_graph_has() -> None:
    fgraph, _ = graph_of([Q @ B, L @ B])
    view = View(fgraph)
    q, lower = (view.term(o.owner.inputs[0]) for o in fgraph.outputs)
    assert view.holds(v.matmul(q, q, q.T), "orthogonal")
    assert view.holds(v.matmul(lower, lower), "lower_triangular")
    assert not view.holds(v.matmul(q, lower), "orthogonal")


def test_a_shared_sum_is_looked_through() -> None:
    both = A + A.T
    fgraph, _ = graph_of([both @ X, both @ B])
    view = View(fgraph)
    shared = view.term(fgraph.outputs[0].owner.inputs[0])
    assert shared.definition is not None and view.holds(shared, "symmetric")


def test_a_shared_product_is_opened_to_see_whether_a_sum_of_products_is_symmetric() -> None:
    shared = A @ S
    fgraph, _ = graph_of([(shared + A) @ A.T, shared @ X])
    view = View(fgraph)
    assert view.holds(view.definition(fgraph.outputs[0]), "symmetric")


def test_few_sums_are_multiplied_out() -> None:
    twice = lambda X: X @ (S @ X.T + X.T)  # noqa: E731
    once = A @ T + A
    assert proved(twice(once), "symmetric")
    many = v.matmul(*[v.add(v.matmul(a, b), b) for a, b in [(_A, _B)] * 5])
    assert structures._multiplied_out(many, {}) == [many]
    assert len(structures._multiplied_out(v.matmul(*many.args[:4]), {})) == structures.SUMMANDS


@pytest.mark.parametrize(
    "level", [lambda t: t @ t.T + t, lambda t: t + 2.0 * t.T, lambda t: t @ t], ids="abc"
)
def test_a_tower_of_what_is_shared_is_multiplied_out_once(level: Any) -> None:
    tower = _A
    for _ in range(60):
        tower = atom(pt.matrix(), definition=level(tower))
    found: dict[Any, Any] = {}
    out = structures._multiplied_out(tower, found)
    assert 0 < len(out) <= structures.SUMMANDS and len(found) < 300


def test_what_solvers_promise_of_one_triangle_says_nothing_of_sums() -> None:
    """The other triangle of the matrix is not read there, but here."""
    solved = linalg.solve(A, X, assume_a="pos")
    fgraph, _ = graph_of([solved, A + A, linalg.cholesky(B) @ linalg.cholesky(A)])
    view = View(fgraph)
    _, twice, factor = [view.definition(o) for o in fgraph.outputs]
    assert view.promised(view.term(A), "positive_definite")
    assert not view.promised(twice, "positive_definite")
    # What is zero in a factor is zero in the product, whatever reads it.
    assert view.promised(factor, "lower_triangular")


def test_depth() -> None:
    x = L
    for _ in range(2000):
        x = linalg.inv(linalg.expm(x))
    assert not proved(x, "lower_triangular")
    x = L
    for _ in range(DEEPEST // 3):
        x = linalg.inv(linalg.expm(x))
    assert proved(x, "lower_triangular")


def test_tables_name_structures_only() -> None:
    from matchers.conditions import STRUCTURES
    from matchers.properties import OF_DIAGONALS, OF_MATRICES

    tables = (structures.IF_ALL, structures.IF_ANY, structures.ALWAYS)
    named = {k for table in tables for keys in table.values() for k in keys}
    assert named <= {*STRUCTURES, *OF_MATRICES, *OF_DIAGONALS, "hermitian"}
    assert v.matmul in structures.IF_ALL


# --- relations that ask for definiteness --------------------------------------------------------


def test_no_factor_of_what_may_be_rank_deficient() -> None:
    """PyTensor calls X Xᵀ definite, and a Cholesky factor of it has no value where X is tall."""
    graph = linalg.cholesky(linalg.kron(X @ X.T, P))
    explained = kantor.explain(graph)
    assert "cholesky_of_kron" not in str(explained)
    sound = linalg.cholesky(linalg.kron(Q @ P @ Q.T, P))
    assert "cholesky_of_kron" in str(kantor.explain(sound))
