"""Plans: how the values of terms are computed, kernel by kernel, and what that costs.

A `Plan` is the closure of a planner's choices over the roots of a region: each term once, one
factorization per matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lowering.costs import cost
from lowering.kernels import FREE
from lowering.polynomials import Poly
from lowering.steps import Step
from matchers.dims import ONE, Dim
from matchers.terms import Term
from matchers.vocabulary import transpose

# Kernels that factorize their matrix first; a second one with the same matrix does not again.
FACTORIZING = frozenset({"solve", "solve_positive"})


@dataclass(frozen=True)
class Plan:
    """Steps for all terms that the roots need, inputs first."""

    steps: dict[Term, Step]

    def polynomial(self, normal: Callable[[Dim], Dim]) -> Poly:
        """The cost for all sizes."""
        return total(self.calls(), normal)

    def calls(self) -> Iterable[tuple[str, tuple[Dim, ...], Dim]]:
        """Each kernel call; a second solve with one matrix does not factorize again."""
        factorized: set[Term] = set()
        for step in self.steps.values():
            kernel = step.kernel
            if step.matrix is not None and kernel in FACTORIZING:
                matrix = untransposed(step.matrix)
                if matrix in factorized:
                    kernel = "solve_again"
                factorized.add(matrix)
            yield kernel, step.sizes, step.batch


def total(calls: Iterable[tuple[str, tuple[Dim, ...], Dim]], normal: Callable[[Dim], Dim]) -> Poly:
    """The cost of kernel calls for all sizes, with dimensions in normal form."""
    costs = [
        cost(kernel, tuple(map(Poly.of, sizes)), 1.0 if batch is ONE else Poly.of(batch))
        for kernel, sizes, batch in calls
        if kernel not in FREE
    ]
    return Poly.sum(costs).normal(normal)


def untransposed(matrix: Term) -> Term:
    """The matrix whose factorization serves `matrix`: that of its transpose does as well."""
    inner: Term = matrix.args[0] if matrix.head is transpose else matrix
    return inner
