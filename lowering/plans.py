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

# Kernels that factorize a matrix before they solve with it.
SOLVING = frozenset({"solve", "solve_positive"})
# What is left of kernels that factorize, where that is done already.
AGAIN = {**dict.fromkeys(SOLVING, "solve_again"), "cholesky": "view"}


@dataclass(frozen=True)
class Plan:
    """Steps for all terms that the roots need, inputs first."""

    steps: dict[Term, Step]
    factoring: bool = False

    def polynomial(self, normal: Callable[[Dim], Dim]) -> Poly:
        """The cost for all sizes."""
        return total(self.calls(), normal)

    def calls(self) -> Iterable[tuple[str, tuple[Dim, ...], Dim]]:
        """Each kernel call; a second solve with one matrix does not factorize again."""
        factorized: set[Term] = set()
        for step in self.steps.values():
            kernel = step.kernel
            matrix = factor_of(step, self.factoring)
            if matrix is not None:
                kernel = AGAIN[kernel] if matrix in factorized else kernel
                factorized.add(matrix)
            yield kernel, step.sizes, step.batch


def factor_of(step: Step, factoring: bool) -> Term | None:
    """The matrix that a step factorizes, up to a transpose, or None.

    Parameters
    ----------
    step : Step
    factoring : bool
        Whether solves may use a Cholesky factor that is there.
    """
    if step.kernel not in AGAIN or (step.kernel == "cholesky" and not factoring):
        return None
    matrix = step.needs[0] if step.matrix is None else step.matrix
    return untransposed(matrix)


def factorized_once(steps: dict[Term, Step]) -> dict[Term, Step]:
    """The steps, with the Cholesky factors among them used by all solves with what they are of."""
    factors = {s.needs[0]: t for t, s in steps.items() if s.kernel == "cholesky"}
    solved = [s for s in steps.values() if s.kernel == "solve_positive" and s.matrix in factors]
    if not solved:
        return steps
    found: dict[Term, Step] = {}
    for term, step in steps.items():
        positive = step.kernel == "solve_positive" and step.matrix is not None
        factor = factors.get(step.matrix) if positive else None  # type: ignore[arg-type]
        if factor is None:
            found[term] = step
        else:
            found[factor] = steps[factor]
            needs = tuple([factor if t is step.matrix else t for t in step.needs])
            found[term] = step._replace(kernel="solve_again", needs=needs)
    return found


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
