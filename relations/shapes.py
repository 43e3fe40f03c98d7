"""The lengths in a relation: what its left side and conditions say of those of its right side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from matchers.conforming import equations, learn, learn_diagonals
from matchers.dims import Dim
from matchers.equalities import Dims
from matchers.terms import shape
from matchers.traversal import subterms
from matchers.variables import LogicVar
from matchers.vocabulary import reshape

if TYPE_CHECKING:
    from relations.relation import Relation

Shapes = Mapping[LogicVar, tuple[Dim, Dim]]


def solve_shapes(
    r: Relation, source: Any, target: Any
) -> tuple[Shapes, list[tuple[Dim, Dim]], str | None]:
    """The shapes that `target` gives to variables which `source` only holds as ``vec``.

    Returns these shapes, the demands of `target` that stay unproved, and a contradiction or None.
    """
    dims = Dims()
    if not learn(dims, source):
        return {}, [], f"{source} has no value: its dimensions contradict each other"
    for a, b in (e for c in r.conditions for e in c.equations()):
        dims.unify(a, b)
    learn_diagonals(dims, source, target)
    pending = _shape_equations(source, target)
    free = _reshaped_variables(source)
    axes = {s for x in free for d in (x.rows, x.cols) for s, _ in d.powers}
    for a, b in pending:
        _bind_free(dims, axes, a, b)
    (m, n, _), (p, q, _) = shape(source), shape(target)
    missing = [(a, b) for a, b in pending[:-2] if not dims.equal(a, b)]
    if not missing and not (dims.equal(m, p) and dims.equal(n, q)):
        return {}, pending[-2:], f"the sides differ in shape: {m} × {n} and {p} × {q}"
    shapes = {x: (dims.normal(x.rows), dims.normal(x.cols)) for x in free}
    solved = {
        x: s for x, s in shapes.items() if not any(t.owner in free for d in s for t, _ in d.powers)
    }
    return solved, missing, None


def _shape_equations(source: Any, target: Any) -> list[tuple[Dim, Dim]]:
    """All that `target` demands, and that the two have one shape."""
    (m, n, _), (p, q, _) = shape(source), shape(target)
    return [*(e for t in subterms(target) for e in equations(t)), (m, p), (n, q)]


def _bind_free(dims: Dims, axes: set[Any], a: Dim, b: Dim) -> None:
    """Unify where an axis of a free variable is mentioned, binding that axis and no other."""
    a, b = dims.normal(a), dims.normal(b)
    for x, y in ((a, b), (b, a)):
        if len(x.powers) == 1 and next(iter(x.powers))[0] in axes:
            dims.unify(x, y)
            return


def _reshaped_variables(side: Any) -> list[LogicVar]:
    """Variables that `side` holds as ``vec`` only, whose shape is therefore free."""
    inside, outside = [], set()
    for t in subterms(side):
        for a in t.args:
            if isinstance(a, LogicVar):
                if t.head is reshape:
                    inside.append(a)
                else:
                    outside.add(a)
    return [x for x in dict.fromkeys(inside) if x not in outside]
