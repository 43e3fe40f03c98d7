"""Runs of factors that several products have in common, up to transposes.

Bracketing each product by itself may miss what two of them could share: Aᵀ P b by itself is
cheapest from the right, but beside Aᵀ P A it costs one product of Aᵀ P with a vector more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lowering.mirrors import Mirrors
from matchers.terms import Term, intern
from matchers.vocabulary import is_ones, matmul

# Longer products are not looked through: they have too many runs.
LONGEST = 12


def common_runs(products: Iterable[Term], mirrors: Mirrors) -> dict[Term, int]:
    """The runs that occur in two products or more, and in how many.

    Parameters
    ----------
    products : iterable of Term
        Products that stand in a form, each once.
    mirrors : Mirrors
        A run and its transpose count as one.
    """
    count: dict[Term, int] = {}
    for product in products:
        for run in dict.fromkeys(_runs(product)):
            known = run if run in count else mirrors.product(run)
            key = known if known in count else run
            count[key] = count.get(key, 0) + 1
    return {run: n for run, n in count.items() if n > 1}


def _runs(product: Term) -> Iterator[Term]:
    """All runs of a product, the whole of it too."""
    factors = product.args
    n = len(factors)
    if n > LONGEST or any(map(is_ones, factors)):
        return
    for i in range(n - 1):
        for j in range(i + 2, n + 1):
            yield intern(matmul, factors[i:j])


__all__ = ["common_runs"]
