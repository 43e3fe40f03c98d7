"""The parts of a region that have no matrix in common, each of which is decided by itself.

The sum of several log-densities, or the gradient of a number that all of them take, makes one
region of what nothing can be shared between. Searched as one, each step of the search prices all
of it anew, and one part that is not proved cheaper keeps the graph from the others.
"""

from __future__ import annotations

from typing import Any

from pytensor.graph.basic import Constant

from lowering.plans import untransposed
from lowering.positions import positions
from matchers import vocabulary as v
from matchers.groups import Groups
from matchers.leaves import Atom
from matchers.regions import Region
from matchers.terms import Term

# What is dear of a constant as well, so that computing it once for all counts.
_DEAR = frozenset({v.inverse, v.cholesky, v.det, v.logabsdet, v.expm})


def parts(region: Region, roots: tuple[Term, ...]) -> list[Region]:
    """The parts of a region, in the order of their first outputs.

    Parameters
    ----------
    region : Region
    roots : tuple of Term
        What its outputs read as.
    """
    if len(roots) < 2:
        return [region]
    groups = _sharing(roots)
    for var, term in zip(region.roots, roots, strict=True):
        groups.join(var, term)
    found: dict[Term, list[Any]] = {}
    for var, term in zip(region.roots, roots, strict=True):
        found.setdefault(groups.root(term), []).append(var)
    if len(found) == 1:
        return [region]
    return [Region(_needed(region, some), some, region.evidence) for some in found.values()]


def _sharing(roots: tuple[Term, ...]) -> Groups:
    """The terms, joined where they have a matrix or a vector in common."""
    groups = Groups()
    linking: set[Term] = set()
    for t in positions(roots):
        below = (t.definition,) if isinstance(t, Atom) else t.args
        linked = [a for a in below if a in linking]
        if linked or t.head in _DEAR or (isinstance(t, Atom) and _varies(t)):
            linking.add(t)
            for a in linked:
                groups.join(a, t)
            if t.head in _DEAR:
                groups.join(untransposed(t.args[0]), t)
            if isinstance(t, Atom):  # one variable may read as several terms, by its core
                groups.join(t.var, t)
    return groups


def _varies(leaf: Atom) -> bool:
    """Whether a leaf is more than a number or a constant."""
    return leaf.definition is None and not (
        isinstance(leaf.var, Constant) or all(leaf.var.type.broadcastable)
    )


def _needed(region: Region, roots: list[Any]) -> list[Any]:
    """The nodes of a region that some of its outputs are computed by."""
    needed = {x.owner for x in roots}
    for node in reversed(region.nodes):
        if node in needed:
            needed.update([i.owner for i in node.inputs])
    return [n for n in region.nodes if n in needed]


__all__ = ["parts"]
