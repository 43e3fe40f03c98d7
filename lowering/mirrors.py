"""Products up to transposes: X Yᵀ and Y Xᵀ are computed once, and of X Xᵀ one half.

What is declared to be symmetric is its own transpose in normal form.
"""

from __future__ import annotations

from matchers.leaves import Atom
from matchers.terms import Term, intern
from matchers.traversal import subterms
from matchers.vocabulary import matmul, transpose


class Mirrors:
    """The transposes of factors and of products; each is found once."""

    def __init__(self) -> None:
        self._turned: dict[Term, Term] = {}
        self._products: dict[Term, Term] = {}

    def factor(self, t: Term) -> Term:
        """The transpose of a factor."""
        found = self._turned.get(t)
        if found is None:
            found = self._turned[t] = transpose(t)
            self._turned[found] = t
        return found

    def product(self, t: Term) -> Term:
        """The transpose of a product, as the product of the transposes of its factors."""
        found = self._products.get(t)
        if found is None:
            found = intern(matmul, tuple([self.factor(f) for f in reversed(t.args)]))
            self._products[t], self._products[found] = found, t
        return found

    def halves(self, factors: tuple[Term, ...], i: int, k: int, j: int) -> bool:
        """Whether the product of factors k+1…j is the transpose of that of factors i…k."""
        if k - i != j - k - 1:
            return False
        for a, b in zip(factors[i : k + 1], factors[j:k:-1], strict=True):
            if self.factor(a) is not b:
                return False
        return floats(factors[i])


def floats(t: Term) -> bool:
    """Whether it is made of real numbers that BLAS knows."""
    return all([_dtype(x) in ("float32", "float64") for x in _atoms(t)])


def _dtype(x: Atom) -> str:
    return str(x.var.type.dtype)


def _atoms(t: Term) -> list[Atom]:
    return [x for x in subterms(t) if isinstance(x, Atom)]


__all__ = ["Mirrors", "floats"]
