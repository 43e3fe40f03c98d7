"""PyTensor's rewrites that change a value, which are left out wherever Kantor is switched on.

What they were for, relations do where it is true: a determinant is multiplied after its logarithm
is taken, a diagonal is split where the factors are square. PyTensor is not patched: a mode excludes
these names, and `register` takes their tags away until `unregister` gives them back.

Two more are wrong for matrices that are seldom met, and models lean on them, so they stay:
`lift_linalg_of_expanded_matrices` makes NaN of chol(A ⊗ B) where both factors are negative
definite, and `cholesky_ldotlt` keeps the signs of L in chol(L Lᵀ) where its diagonal is negative.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from pytensor.graph.rewriting.db import RewriteDatabase

# By name, with what was measured in PyTensor 3.3.7; `tests/kantor/test_corrections.py` shows each.
WRONG: Mapping[str, str] = MappingProxyType({
    "det_of_kronecker": "log|A ⊗ B| overflows, and factors that are not square raise",
    "det_of_blockdiag": "log|A ⊕ B| overflows, and blocks that are not square raise",
    "diag_of_kronecker": "factors that are not square, and other diagonals, have wrong values",
    "diag_of_blockdiag": "blocks that are not square, and other diagonals, have wrong values",
    "inv_of_inv": "(A⁺)⁻¹ of a singular matrix is A",
    "inv_of_diag_to_diag_reciprocal": "diag(d)⁺ is infinite where d is 0",
})  # fmt: skip

# A database, the name of what was withdrawn, and for each of its tags all entries in order.
Tags = tuple[RewriteDatabase, str, dict[str, list[Any]]]


def withdraw(databases: Iterable[RewriteDatabase]) -> tuple[Tags, ...]:
    """Take the tags of what is wrong away, so that no query selects it; for `restore`."""
    taken = []
    for db in databases:
        for name in WRONG:
            if name in db._names:
                tags = {t: list(db.__db__[t]) for t in sorted(_tags(db, name))}
                db.remove_tags(name, *tags)
                taken.append((db, name, tags))
    return tuple(taken)


def restore(taken: Iterable[Tags]) -> None:
    """Give the tags back, each entry in its place: what is rewritten first may depend on it."""
    for db, name, tags in reversed(tuple(taken)):
        db.add_tags(name, *tags)
        for tag, before in tags.items():
            held = db.__db__[tag]
            order = [*(e for e in before if e in held), *(e for e in held if e not in before)]
            for entry in order:
                held.remove(entry)
                held.add(entry)


def _tags(db: RewriteDatabase, name: str) -> Iterable[str]:
    entry = db[name]
    return [tag for tag, held in db.__db__.items() if tag not in db._names and entry in held]
