"""An explanation as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kantor.explain import NOTHING, ExplainedRegion, Explanation
from kantor.notation import quantity
from kantor.survey import Kernel
from lowering.polynomials import SMALLEST

REASONS = {
    "for all sizes": f"cheaper for all sizes, from length {SMALLEST} on",
    "at the known sizes": "cheaper at the known sizes",
    "not cheaper at the known sizes": "not cheaper at the known sizes",
}


def text(explanation: Explanation) -> str:
    """All regions, one after the other."""
    parts = [_summary(explanation), *map(region_text, explanation.regions)]
    return "\n\n".join(parts)


def _summary(explanation: Explanation) -> str:
    regions = explanation.regions
    if not regions:
        return NOTHING
    taken = sum(r.taken for r in regions)
    lines = [f"{taken} of {_count(len(regions), 'region')} rewritten"]
    lines[0] += f", {_count(len(explanation.steps), 'step')}"
    if explanation.failed:
        lines.append(f"left out, because they failed: {', '.join(explanation.failed)}")
    return "\n".join(lines)


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def region_text(region: ExplainedRegion) -> str:
    """One region: its terms, the steps, the reason, costs and programs."""
    return "\n".join(_lines(region))


def _lines(region: ExplainedRegion) -> Iterator[str]:
    yield region.before
    yield f"= {region.after}" if region.taken else "left as it is"
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


def _costs(flops: str, largest: str, program: Sequence[Kernel]) -> Iterator[str]:
    """Flops, largest value and kernels."""
    yield f"    flops          {flops}"
    yield f"    largest value  {largest}"
    width = max((len(f"{k.name} {k.sizes}") for k in program), default=0)
    for k in program:
        times = f" × {k.batch}" if k.batch else ""
        yield f"    {f'{k.name} {k.sizes}':<{width}}  {k.flops}{times}"


def cost(region: ExplainedRegion, after: bool) -> str:
    """The flops of a region, and what they come to where all sizes are known."""
    poly = region.cost_after if after else region.cost_before
    if poly is None:
        return ""
    symbols, number = region.notation.poly(poly), poly.at(region.known).constant
    return symbols if number is None or not poly.symbols else f"{symbols} = {quantity(number)}"


__all__ = ["REASONS", "cost", "region_text", "text"]
