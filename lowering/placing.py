"""Where a coefficient goes: to the smallest factor of an outer or a Kronecker product.

Normal form has coefficients in front. In front of a product of a column with a row, or of two
matrices entry by entry, that is one more pass over all entries of what takes one pass to make.
"""

from __future__ import annotations

from collections.abc import Callable

from matchers import vocabulary as v
from matchers.dims import ONE, Dim
from matchers.terms import Term, intern, shape


def placed(coefficient: Term, product: Term, size: Callable[[Dim], float]) -> Term | None:
    """The product with one factor scaled, not in normal form; None if nothing is gained.

    Parameters
    ----------
    coefficient : Term
        0-d.
    product : Term
        What it stands in front of.
    size : callable
        A dimension as a number.
    """
    if product.scalar or shape(product)[2] or shape(coefficient)[2]:
        return None
    factors = product.args
    if product.head is v.matmul:
        # A product of more operations than a pass is none of a column with a row.
        splits = [i for i, f in enumerate(factors[:-1]) if shape(f)[1] == ONE]
        if not splits:
            return None
        # A column or row that stands alone; others may be products that are needed elsewhere.
        alone = {0} if splits[0] == 0 else set()
        alone |= {len(factors) - 1} if splits[-1] == len(factors) - 2 else set()
        places = sorted(alone) or range(len(factors))
    elif product.head is v.kron:
        places = range(len(factors))
    else:
        return None
    sizes = {i: _entries(factors[i], size) for i in places if not _applied(factors[i])}
    if not sizes or min(sizes.values()) >= _entries(product, size):
        return None
    least = min(sizes, key=sizes.__getitem__)
    scaled = [v.scale(coefficient, f) if i == least else f for i, f in enumerate(factors)]
    return intern(product.head, tuple(scaled))


def _entries(t: Term, size: Callable[[Dim], float]) -> float:
    rows, cols, _ = shape(t)
    return size(rows) * size(cols)


def _applied(factor: Term) -> bool:
    """Whether a factor is no matrix of its own, but is multiplied with in another way."""
    inner = factor.args[0] if factor.head is v.transpose else factor
    return v.is_ones(factor) or inner.head in (v.inverse, v.diag, v.unit, v.eye)
