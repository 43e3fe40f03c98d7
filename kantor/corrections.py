"""PyTensor's rewrites that change a value, and what is in their place wherever Kantor is on.

Most have a stand-in that is true wherever it is made (`stand_ins.py`); what has none is done by
relations where it is true: a determinant is multiplied after its logarithm is taken, a diagonal is
split where the factors are square. PyTensor is not patched: a mode excludes these names and brings
the stand-ins in phases of its own, and `register` changes the entries of the global database until
`unregister` changes them back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from pytensor.graph.rewriting.db import RewriteDatabase, RewriteDatabaseQuery

from kantor.stand_ins import STAND_INS

# By name, with what was measured in PyTensor 3.3.7; `tests/kantor/test_corrections.py` shows each.
WRONG: Mapping[str, str] = MappingProxyType({
    "det_of_kronecker": "log|A ⊗ B| overflows, and factors that are not square raise",
    "det_of_blockdiag": "log|A ⊕ B| overflows, and blocks that are not square raise",
    "diag_of_kronecker": "factors that are not square, and other diagonals, have wrong values",
    "diag_of_blockdiag": "blocks that are not square, and other diagonals, have wrong values",
    "inv_of_inv": "(A⁺)⁻¹ of a singular matrix is A",
    "inv_of_diag_to_diag_reciprocal": "diag(d)⁺ is infinite where d is 0",
    "cholesky_ldotlt": "chol(L Lᵀ) has the signs of L where its diagonal is negative",
    "lift_linalg_of_expanded_matrices": "chol(A ⊗ B) is NaN where both are negative definite",
    "useless_symmetric_transpose": "a complex positive definite matrix is taken for symmetric",
    "inv_to_solve": "B A⁻¹ is (A⁻¹ Bᵀ)ᵀ for complex positive definite A",
    "psd_solve_to_chol_solve": "solves with Lᵀ for Lᴴ where the matrix is complex",
    "paired_triangular_solves_to_cho_solve":
        "takes Lᵀ for Lᴴ where L is complex; solves L⁻¹ b again where it is there for others",
    "reuse_decomposition_multiple_solves":
        "the LU of a matrix of integers is cut to integers; A⁻ᵀ is A⁻¹ where A is complex; "
        "of a solve within a solve the factors are not shared",
    "reuse_decomposition_multiple_solves_jax": "the same",
})  # fmt: skip

# A database, the name of what was changed in it, and how every set was that held it, in order.
Changed = tuple[RewriteDatabase, str, Any, dict[str, list[Any]]]


def correct(databases: Iterable[RewriteDatabase]) -> tuple[Changed, ...]:
    """Put stand-ins in the place of what is wrong, or nothing; for `restore`."""
    changed = []
    for db in databases:
        for name in WRONG:
            if name in db._names:
                entry, tags = db[name], dict(_held(db, name))
                stand_in = stand_in_for(db, name)
                if stand_in is None:
                    db.remove_tags(name, *(t for t in tags if t not in db._names))
                else:
                    _swap(db, entry, stand_in)
                changed.append((db, name, entry, tags))
    return tuple(changed)


def restore(changed: Iterable[Changed]) -> None:
    """Everything as it was, each entry in its place: what is rewritten first may depend on it."""
    for db, name, entry, tags in reversed(tuple(changed)):
        _swap(db, db[name], entry)
        for tag, before in tags.items():
            held = db.__db__[tag]
            held.add(entry)
            order = [*(e for e in before if e in held), *(e for e in held if e not in before)]
            _refill(held, order)


def stand_in_for(db: RewriteDatabase, name: str) -> Any:
    """The stand-in for one entry of one database, or None."""
    found = STAND_INS.get(name)
    if found is None or not found.belongs_in(db.name):
        return None
    made = found.make(db[name], db.name)
    made.name = name
    return made


def stand_ins(db: RewriteDatabase, query: RewriteDatabaseQuery) -> Iterator[Any]:
    """Those for what a query selects of one database, were it not excluded."""
    for name in STAND_INS:
        if name in db._names and selects(query, db, name):
            made = stand_in_for(db, name)
            if made is not None:
                yield made


def selects(query: RewriteDatabaseQuery, db: RewriteDatabase, name: str) -> bool:
    """Whether a query selects an entry by its name and tags."""
    tags = {tag for tag, _ in _held(db, name)}
    return (
        any(t in tags for t in query.include)
        and all(t in tags for t in query.require)
        and not any(t in tags for t in query.exclude)
    )


def _held(db: RewriteDatabase, name: str) -> Iterator[tuple[str, list[Any]]]:
    entry = db[name]
    return ((tag, list(held)) for tag, held in list(db.__db__.items()) if entry in held)


def _swap(db: RewriteDatabase, old: Any, new: Any) -> None:
    if old is not new:
        for held in db.__db__.values():
            if old in held:
                _refill(held, [new if e is old else e for e in held])


def _refill(held: Any, order: list[Any]) -> None:
    for entry in list(held):
        held.remove(entry)
    held.update(order)
