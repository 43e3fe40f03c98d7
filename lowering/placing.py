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
    """The product with its smallest factor scaled, not in normal form; None if nothing is gained.

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
    if product.head is v.matmul:
        if ONE not in [shape(f)[1] for f in product.args[:-1]]:
            return None  # a product of more operations than a pass
    elif product.head is not v.kron:
        return None
    entries = [size(rows) * size(cols) for rows, cols, _ in map(shape, (product, *product.args))]
    whole, *parts = [
        float("inf") if _applied(t) else n
        for n, t in zip(entries, (product, *product.args), strict=True)
    ]
    least = min(range(len(parts)), key=parts.__getitem__)
    if not parts[least] < whole:
        return None
    factors = list(product.args)
    factors[least] = v.scale(coefficient, factors[least])
    return intern(product.head, tuple(factors))


def _applied(factor: Term) -> bool:
    """Whether a factor is no matrix of its own, but is multiplied with in another way."""
    inner = factor.args[0] if factor.head is v.transpose else factor
    return v.is_ones(factor) or inner.head in (v.inverse, v.diag, v.unit, v.eye)
