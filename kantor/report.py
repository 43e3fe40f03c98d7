"""An explanation as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from kantor.explanation import ExplainedRegion, Explanation
from kantor.notation import quantity
from kantor.survey import Kernel
from lowering.decide import LARGER
from lowering.polynomials import SMALLEST

NOTHING = (
    "No linear algebra to rewrite: a region starts at an inverse, a solve, a Kronecker product or\n"
    "another matrix operation, or at two products that meet."
)
WIDTH = 100
REASONS = {
    "for all sizes": f"cheaper for all sizes, from length {SMALLEST} on",
    "for larger sizes": f"cheaper for all sizes, from length {LARGER} on",
    "at the known sizes": "cheaper at the known sizes",
    "not cheaper at the known sizes": "not cheaper at the known sizes",
}


def text(explanation: Explanation) -> str:
    """All regions, one after the other."""
    parts = [summary(explanation), *map(region_text, explanation.regions)]
    parts += [f"{s.before}\n= {s.after}\n  {s.relation}: {s.why}" for s in explanation.plain]
    legend = [f"{letter} = {formula}" for letter, formula in explanation.names.legend.items()]
    return "\n\n".join([*parts, "\n".join(["where", *legend])] if legend else parts)


def summary(explanation: Explanation) -> str:
    """How many regions there are, and how many of them were rewritten."""
    regions = explanation.regions
    taken = sum(r.taken for r in regions)
    found = f"{taken} of {_count(len(regions), 'region')} rewritten"
    lines = [f"{found}, {_count(len(explanation.steps), 'step')}" if regions else NOTHING]
    return "\n".join([*lines, *explanation.failed])


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def region_text(region: ExplainedRegion) -> str:
    """One region: its terms, the steps, the reason, costs and programs."""
    return "\n".join(_lines(region))


def _lines(region: ExplainedRegion) -> Iterator[str]:
    if region.inner:
        yield "inside of a Scan or OpFromGraph"
    yield _listed(region.outputs_before)
    yield f"= {_listed(region.outputs_after)}" if region.taken else "left as it is"
    for i, step in enumerate(region.steps, 1):
        yield f"  {i}. {step.relation}{'' if region.taken else ' (not used)'}"
        yield f"     {step.before}  →  {step.after}"
        if len(region.steps) > 1:
            yield f"     flops: {step.costs[1]}"
    yield f"  {'taken' if region.taken else 'why'}: {REASONS.get(region.why, region.why)}"
    if region.break_even:
        yield f"  cheaper where {region.break_even}"
    yield "  before"
    yield from _costs(cost(region, False), region.largest_before, region.program_before)
    if region.program_after:
        yield "  after" if region.taken else "  otherwise"
        yield from _costs(cost(region, True), region.largest_after, region.program_after)
    if region.exhausted:
        yield "  the search ran out of its budget: a cheaper form may have been missed"
    elif region.unexpanded:
        yield f"  the search ended with {region.unexpanded} dearer forms not followed further"


def _listed(outputs: Sequence[str]) -> str:
    """Outputs in one line, or one in each."""
    line = ", ".join(outputs)
    return line if len(line) <= WIDTH else ",\n".join(outputs)


def _costs(flops: str, largest: str, program: Sequence[Kernel]) -> Iterator[str]:
    """Flops, largest value and kernels."""
    yield f"    flops          {flops}"
    yield f"    largest value  {largest}"
    calls = Counter((f"{k.name} {k.sizes}", f"{k.flops}{_times(k.batch)}") for k in program)
    width = max((len(call) for call, _ in calls), default=0)
    for (call, flops), n in calls.items():
        yield f"    {call:<{width}}  {flops}" + (f", {n} times" if n > 1 else "")


def _times(batch: str) -> str:
    return f" × {batch}" if batch else ""


def cost(region: ExplainedRegion, after: bool) -> str:
    """The flops of a region, and what they come to where all sizes are known."""
    poly = region.cost_after if after else region.cost_before
    if poly is None:
        return ""
    symbols, number = region.notation.poly(poly), poly.at(region.known).constant
    return symbols if number is None or not poly.symbols else f"{symbols} = {quantity(number)}"


__all__ = ["REASONS", "cost", "region_text", "summary", "text"]
