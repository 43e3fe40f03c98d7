"""`explain`: what was done to a graph, why, at what cost, and why not something else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pytensor.graph.basic import Variable

from kantor.api import ROUNDS, graph_of
from kantor.engine import PlainStep, Step
from kantor.explanation import ExplainedRegion, ExplainedStep, Explanation
from kantor.inner import rewrite_inner
from kantor.notation import quantity
from kantor.survey import Account, Recorder, bracketed, gain, replaced, verdict
from lowering.polynomials import Poly
from lowering.search import BUDGET
from matchers.dims import Dim
from matchers.printing import DEPTH, Names, pretty
from matchers.view import View
from relations.library import select


def explain(
    outputs: Variable | Sequence[Variable],
    *,
    relations: Any = None,
    sizes: Mapping[Variable, Sequence[int]] | None = None,
    budget: int = BUDGET,
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
    budget : int, optional
        How many forms of a region are followed, as for `kantor.rewrite`.

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
    listed = tuple(outputs) if isinstance(outputs, (list, tuple)) else (outputs,)
    for x in listed:
        if not isinstance(x, Variable):
            raise TypeError(f"kantor takes PyTensor variables, not {x!r}")
    chosen, goals = select(relations)
    fgraph, originals = graph_of(listed)
    names = _names(listed)
    names.alias(originals)
    engine = Recorder(chosen, sizes, goals, budget=budget, names=names)
    regions, plain = _rounds(engine, fgraph)
    return Explanation(
        tuple(regions), tuple(plain), tuple(sorted(engine.reported)), listed, chosen, sizes, names
    )


def _rounds(engine: Recorder, fgraph: Any) -> tuple[list[ExplainedRegion], list[ExplainedStep]]:
    """Rewrite as `kantor.rewrite` does, keeping accounts."""
    regions: list[ExplainedRegion] = []
    plain: list[ExplainedStep] = []
    met: set[bool] = set()
    for _ in range(ROUNDS):
        steps: list[Any] = []
        for inner in (False, True):
            if not steps:
                steps = rewrite_inner(fgraph, engine.rewrite) if inner else engine.rewrite(fgraph)
                # A rewritten region is met again, mostly with nothing left to do.
                new = [a for a in engine.accounts if inner not in met or _taken(a)]
                regions += [_region(a, inner) for a in new]
                plain += [_plain(s, engine.names) for s in steps if isinstance(s, PlainStep)]
                engine.accounts.clear()
                met.add(inner)
        if not steps:
            break
    return regions, plain


def _plain(step: PlainStep, names: Names) -> ExplainedStep:
    before, after = (pretty(View().term(x), DEPTH, names) for x in (step.before, step.after))
    why = "a plain miniKanren relation, used wherever it holds"
    return ExplainedStep(step.relations[0], before, after, None, None, why, None)


def _names(outputs: Sequence[Variable]) -> Names:
    """Names for all variables of a graph; inputs without one get letters in order of appearance."""
    met = dict.fromkeys(outputs)
    stack = list(reversed(outputs))
    order = []
    while stack:
        x = stack.pop()
        order.append(x)
        new = [i for i in (x.owner.inputs if x.owner is not None else ()) if i not in met]
        met.update(dict.fromkeys(new))
        stack.extend(reversed(new))
    names = Names.among(order)
    for x in order:
        if x.owner is None and not hasattr(x, "data"):
            names(x)
    return names


def _taken(account: Account) -> bool:
    return account.step is not None and account.step.decision.taken


def _unbuilt(account: Account) -> bool:
    """Whether a form is cheaper, but the graph does not say a length that it needs."""
    step = account.step
    return step is not None and verdict(gain(step), account.survey.reading.known) == "better"


def _region(account: Account, inner: bool) -> ExplainedRegion:
    survey, notation = account.survey, account.notation
    reading = survey.reading
    taken = _taken(account)
    step = account.step if taken or _unbuilt(account) else survey.alternative()
    steps = tuple(_steps(account, step)) if step is not None else ()
    before = after = tuple(map(notation.term, reading.roots))
    if step is not None and taken:
        bracketing = steps[0].terms is None
        after = bracketed(step, notation) if bracketing else tuple(map(notation.term, step.after))
    return ExplainedRegion(
        outputs_before=before,
        outputs_after=after,
        steps=steps,
        taken=taken,
        why=_why(account, step),
        cost_before=reading.before(),
        cost_after=step.decision.after.normal(reading.view.dims.normal) if step else None,
        largest_before=_largest(account, account.largest),
        largest_after=_largest(account, survey.largest_planned(step.plan)) if step else "",
        program_before=account.program,
        program_after=survey.planned(step.plan, notation) if step is not None else (),
        break_even=_break_even(account, step),
        exhausted=survey.exhausted,
        unexpanded=max([found.unexpanded for _, found in survey.found]),
        inner=inner,
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
    # A search may have learnt of lengths that are equal.
    costs = [c.normal(reading.view.dims.normal) for c in costs]
    texts = [notation.poly(c) for c in costs]
    if not uses:
        before, after = ", ".join(account.nodes), ", ".join(bracketed(step, notation))
        if before == after:
            after += _solved(account)
        yield ExplainedStep(
            "associativity", before, after, costs[0], costs[1], why, None, (texts[0], texts[1])
        )
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


def _solved(account: Account) -> str:
    """What changed where the product reads as before."""
    inverted = any(k.name == "inverse" for k in account.program)
    return " (solved, not inverted)" if inverted else " (other kernels)"


def _why(account: Account, step: Step | None) -> str:
    """The reason of a decision, with readable names for what is missing."""
    survey, notation = account.survey, account.notation
    if step is None:
        return "no cheaper form was found"
    known = survey.reading.known
    if step.decision.taken or verdict(gain(step), known) != "sizes":
        return step.decision.why
    return f"the sizes {notation.axes(gain(step).at(known).symbols)} decide"


def _break_even(account: Account, step: Step | None) -> str:
    """The inequality that decides, with the sizes that are known unless they settle it."""
    survey = account.survey
    known = survey.reading.known
    if step is None or verdict(gain(step), known) == "better":
        return ""
    if verdict(gain(step), known) == "known":
        known = {}
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
