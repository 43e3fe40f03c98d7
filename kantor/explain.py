"""`explain`: what was done to a graph, why, at what cost, and why not something else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytensor.graph.basic import Variable
from pytensor.graph.traversal import graph_inputs

from kantor.api import ROUNDS, graph_of
from kantor.engine import Step
from kantor.notation import Notation, quantity
from kantor.survey import Account, Kernel, Recorder, bracketed, gain, replaced
from lowering.polynomials import Poly
from matchers.dims import Axis, Dim
from matchers.printing import Names
from matchers.terms import Term
from relations.language import Relation
from relations.library import select

NOTHING = (
    "No linear algebra to rewrite: a region starts at an inverse, a solve, a Kronecker product or\n"
    "another matrix operation, or at two products that meet."
)


@dataclass(frozen=True)
class ExplainedStep:
    """One use of a relation.

    Attributes
    ----------
    relation : str
        Its name; ``associativity`` where only the bracketing of a product changed.
    before, after : str
        What was replaced by what, in mathematical notation.
    cost_before, cost_after : Poly
        Flops of the whole region.
    why : str
        Why the region was rewritten.
    terms : tuple of Term, or None
        The terms behind `before` and `after`.
    """

    relation: str
    before: str
    after: str
    cost_before: Poly
    cost_after: Poly
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
    before, after : str
        All its outputs; they are the same where it is left as it is.
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
    """

    before: str
    after: str
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
    notation: Notation = field(repr=False)
    known: Mapping[Axis, float] = field(repr=False)

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
    failed : tuple of str
        Relations that raised and were left out.
    """

    regions: tuple[ExplainedRegion, ...]
    failed: tuple[str, ...]
    outputs: tuple[Variable, ...] = field(repr=False)
    relations: tuple[Relation, ...] = field(repr=False)
    sizes: Mapping[Any, Any] | None = field(repr=False)
    names: Names = field(repr=False)

    @property
    def steps(self) -> tuple[ExplainedStep, ...]:
        """Every use of a relation, in order."""
        return tuple(s for r in self.regions if r.taken for s in r.steps)

    def why_not(self, relation: str | Relation) -> Any:
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


def explain(
    outputs: Variable | Sequence[Variable],
    *,
    relations: Any = None,
    sizes: Mapping[Variable, Sequence[int]] | None = None,
) -> Explanation:
    """Say what `kantor.rewrite` does to graphs, step by step, and why.

    The graphs are left as they are. Explain before PyTensor canonicalizes: it drops the markers of
    ``assume``.

    Parameters
    ----------
    outputs : Variable or sequence of Variable
    relations : str, Relation, callable or iterable of these, optional
        As for `kantor.rewrite`.
    sizes : mapping from Variable to tuple of int, optional
        Typical shapes, as for `kantor.rewrite`.

    Returns
    -------
    Explanation
        Prints as text, and as a table in a notebook.

    Examples
    --------
    >>> A, B = pt.matrices("A", "B")
    >>> v = pt.vector("v")
    >>> print(kantor.explain(kron(A, B) @ v))  # doctest: +SKIP
    """
    listed = tuple([outputs] if isinstance(outputs, Variable) else outputs)
    for x in listed:
        if not isinstance(x, Variable):
            raise TypeError(f"kantor takes PyTensor variables, not {x!r}")
    chosen, _ = select(relations)
    fgraph, _ = graph_of(listed)
    names = _names(listed, fgraph)
    engine = Recorder(chosen, sizes, names=names)
    accounts: list[Account] = []
    for _ in range(ROUNDS):
        steps = engine.rewrite(fgraph)
        # In later rounds a rewritten region is met again, mostly with nothing left to do.
        new = engine.accounts[:]
        accounts += new if not accounts else [a for a in new if _taken(a)]
        engine.accounts.clear()
        if not steps:
            break
    return Explanation(
        tuple(map(_region, accounts)), tuple(sorted(engine.reported)), listed, chosen, sizes, names
    )


def _names(outputs: Sequence[Variable], fgraph: Any) -> Names:
    """Names for all variables of a graph; inputs without one get letters in order of appearance."""
    inputs = list(dict.fromkeys(graph_inputs(outputs)))
    computed = [o for node in fgraph.toposort() for o in node.outputs]
    names = Names.among([*inputs, *computed])
    for x in inputs:
        if not hasattr(x, "data"):
            names(x)
    return names


def _taken(account: Account) -> bool:
    return account.step is not None and account.step.decision.taken


def _region(account: Account) -> ExplainedRegion:
    survey, notation = account.survey, account.notation
    reading = survey.reading
    taken = _taken(account)
    step = account.step if taken else survey.alternative()
    steps = tuple(_steps(account, step)) if step is not None else ()
    before = after = notation.terms(reading.roots)
    if step is not None and taken:
        after = notation.terms(step.after) if steps[0].terms else steps[0].after
    return ExplainedRegion(
        before=before,
        after=after,
        steps=steps,
        taken=taken,
        why=_why(account, step),
        cost_before=reading.before(),
        cost_after=step.decision.after if step is not None else None,
        largest_before=_largest(account, account.largest),
        largest_after=_largest(account, survey.largest_planned(step.plan)) if step else "",
        program_before=account.program,
        program_after=survey.planned(step.plan, notation) if step is not None else (),
        break_even=_break_even(account, step),
        exhausted=survey.context.exhausted,
        notation=notation,
        known=reading.known,
    )


def _steps(account: Account, step: Step) -> Iterable[ExplainedStep]:
    """The uses of relations, each with what the whole region costs before and after it."""
    reading, notation = account.survey.reading, account.notation
    planner, _ = account.survey.found[0]
    why = step.decision.why
    uses = [m for m in step.moves if getattr(m, "relation", None) is not None]
    costs = [step.decision.before]
    roots = step.before
    for move in step.moves:
        roots = replaced(roots, move.before, move.after)
        if move in uses[:-1]:
            costs.append(planner.plan(roots).polynomial(reading.view.dims.normal))
    costs.append(step.decision.after)
    texts = [notation.poly(c) for c in costs]
    if not uses:
        between = account.nodes, bracketed(step, notation)
        yield ExplainedStep("associativity", *between, *costs, why, None, (texts[0], texts[1]))
    for i, move in enumerate(uses):
        yield ExplainedStep(
            move.relation.name,
            notation.term(move.before),
            notation.term(move.after),
            costs[i],
            costs[i + 1],
            why,
            (move.before, move.after),
            (texts[i], texts[i + 1]),
        )


def _why(account: Account, step: Step | None) -> str:
    """The reason of a decision, with readable names for what is missing."""
    survey, notation = account.survey, account.notation
    if step is None:
        others = next(survey.steps(), None)
        return "no relation offers another form" if others is None else "no other form is cheaper"
    if survey.verdict(step) != "sizes":
        return step.decision.why
    unknown = gain(step).at(survey.reading.known).symbols
    return f"the sizes {notation.axes(unknown)} decide"


def _break_even(account: Account, step: Step | None) -> str:
    """The inequality that decides, with the sizes that are known unless they settle it."""
    survey = account.survey
    if step is None or step.decision.taken:
        return ""
    known = survey.reading.known if survey.verdict(step) == "sizes" else {}
    return account.notation.cheaper(step.decision.before.at(known), step.decision.after.at(known))


def _largest(account: Account, dims: tuple[Dim, ...]) -> str:
    """The largest of some numbers of entries, which may be one of several."""
    notation = account.notation
    known = [Poly.of(d).at(account.survey.reading.known) for d in dims]
    if known and all(p.constant is not None for p in known):
        return quantity(max(p.constant or 0.0 for p in known))
    texts = sorted({notation.dim(d) for d in dims})
    return f"max({', '.join(texts)})" if len(texts) > 1 else texts[0] if texts else "0"


__all__ = ["ExplainedRegion", "ExplainedStep", "Explanation", "explain"]
