"""What the engine did, step by step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from lowering.decide import Decision
from lowering.plans import Plan
from lowering.polynomials import Poly
from matchers.terms import Term


@dataclass(frozen=True)
class Step:
    """One region rewritten.

    Attributes
    ----------
    relations : tuple of str
        The relations used, in order; ``associativity`` where only the bracketing changed.
    moves : tuple
        Each use of a relation, with ``before`` and ``after``.
    before, after : tuple of Term
        All outputs of the region.
    decision : Decision
        Why, and at what cost before and after.
    plan : Plan
        The kernels of the new form.
    unexpanded : int
        How many forms the search reached and left unexpanded.
    exhausted : bool
        Whether a match ran out of its budget, so that forms may be missing.
    """

    relations: tuple[str, ...]
    moves: tuple[Any, ...]
    before: tuple[Term, ...]
    after: tuple[Term, ...]
    decision: Decision
    plan: Plan
    unexpanded: int
    exhausted: bool

    @property
    def cost_before(self) -> Poly:
        """Flops of the nodes that were there."""
        return self.decision.before

    @property
    def cost_after(self) -> Poly:
        """Flops of the new nodes."""
        return self.decision.after

    def unsourced(self) -> Step:
        """The step as one that is not taken, since the graph does not say a length it needs."""
        if not self.decision.taken:
            return self
        decision = replace(self.decision, taken=False, why="a length has no source in the graph")
        return replace(self, decision=decision)


@dataclass(frozen=True)
class PlainStep:
    """One output replaced by a plain miniKanren relation."""

    relations: tuple[str, ...]
    before: Any
    after: Any
