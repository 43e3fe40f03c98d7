"""What an explanation holds: regions, and the steps that were taken in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytensor.graph.basic import Variable

from kantor.notation import Notation
from kantor.survey import Kernel
from lowering.polynomials import Poly
from matchers.dims import Axis
from matchers.printing import Names
from matchers.terms import Term
from relations.relation import Relation

if TYPE_CHECKING:
    from kantor.answers import WhyNot


@dataclass(frozen=True)
class ExplainedStep:
    """One use of a relation.

    Attributes
    ----------
    relation : str
        Its name; ``associativity`` where only the bracketing of a product changed.
    before, after : str
        What was replaced by what, in mathematical notation.
    cost_before, cost_after : Poly or None
        Flops of the whole region; None for a plain miniKanren relation, which knows no costs.
    why : str
        Why the region was rewritten.
    terms : tuple of Term, or None
        The terms behind `before` and `after`.
    """

    relation: str
    before: str
    after: str
    cost_before: Poly | None
    cost_after: Poly | None
    why: str
    terms: tuple[Term, Term] | None
    costs: tuple[str, str] = field(repr=False, default=("", ""))

    def __str__(self) -> str:
        return f"{self.relation}: {self.before} → {self.after}"


@dataclass(frozen=True)
class ExplainedRegion:
    """One region of linear algebra, rewritten or left as it is.

    Attributes
    ----------
    outputs_before, outputs_after : tuple of str
        Its values that the rest of the graph uses; the same where it is left as it is.
    steps : tuple of ExplainedStep
        The relations used or, where it is left, that would have been used.
    taken : bool
        Whether it was rewritten.
    why : str
        Why it was rewritten, or why not.
    cost_before, cost_after : Poly or None
        Flops; without an alternative there is no second one.
    largest_before, largest_after : str
        How many entries the largest value has that is computed.
    program_before, program_after : tuple of Kernel
        The kernels that run, in order.
    break_even : str
        The inequality that decides where sizes decide; empty otherwise.
    exhausted : bool
        Whether the search ran out of its budget, so that a cheaper form may have been missed.
    unexpanded : int
        How many forms were met and not followed further, as many in a row led to nothing cheaper.
    inner : bool
        Whether it lies inside of a Scan or an OpFromGraph.
    """

    outputs_before: tuple[str, ...]
    outputs_after: tuple[str, ...]
    steps: tuple[ExplainedStep, ...]
    taken: bool
    why: str
    cost_before: Poly
    cost_after: Poly | None
    largest_before: str
    largest_after: str
    program_before: tuple[Kernel, ...]
    program_after: tuple[Kernel, ...]
    break_even: str
    exhausted: bool
    unexpanded: int
    inner: bool
    notation: Notation = field(repr=False)
    known: Mapping[Axis, float] = field(repr=False)

    @property
    def before(self) -> str:
        """All its outputs, in one line."""
        return ", ".join(self.outputs_before)

    @property
    def after(self) -> str:
        """All outputs of what replaces it, in one line."""
        return ", ".join(self.outputs_after)

    def __str__(self) -> str:
        from kantor.report import region_text

        return region_text(self)


@dataclass(frozen=True)
class Explanation:
    """What Kantor does to a graph; made by `explain`.

    Attributes
    ----------
    steps : tuple of ExplainedStep
        Every use of a relation, in order.
    regions : tuple of ExplainedRegion
        The parts of the graph that are linear algebra, rewritten or left as they are.
    plain : tuple of ExplainedStep
        The uses of plain miniKanren relations, which are part of no region.
    failed : tuple of str
        What raised and was left out.
    """

    regions: tuple[ExplainedRegion, ...]
    plain: tuple[ExplainedStep, ...]
    failed: tuple[str, ...]
    outputs: tuple[Variable, ...] = field(repr=False)
    relations: tuple[Relation, ...] = field(repr=False)
    sizes: Mapping[Any, Any] | None = field(repr=False)
    names: Names = field(repr=False)

    @property
    def steps(self) -> tuple[ExplainedStep, ...]:
        """Every use of a relation, in order."""
        return *(s for r in self.regions if r.taken for s in r.steps), *self.plain

    def why_not(self, relation: str | Relation) -> WhyNot:
        """How far a relation got in this graph, and what would take it further.

        Parameters
        ----------
        relation : str or Relation
            A relation or its name, whether or not it was asked for.

        Returns
        -------
        WhyNot
            Prints as text; `condition` and `declaration` say what is missing.

        Raises
        ------
        ValueError
            Where no relation has that name.
        """
        from kantor.why_not import why_not

        return why_not(self, relation)

    def __str__(self) -> str:
        from kantor.report import text

        return text(self)

    def __repr__(self) -> str:
        return f"<explanation: {len(self.steps)} steps in {len(self.regions)} regions>"

    def _repr_html_(self) -> str:
        from kantor.html import page

        return page(self)


__all__ = ["ExplainedRegion", "ExplainedStep", "Explanation"]
