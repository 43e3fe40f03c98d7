"""An explanation as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kantor.explain import NOTHING, ExplainedRegion, Explanation
from kantor.notation import quantity
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
    if region.taken:
        yield f"  = {region.after}"
    else:
        yield "  left as it is"
    for i, step in enumerate(region.steps, 1):
        yield f"  {i}. {step.relation}{'' if region.taken else ' (not used)'}"
        yield f"     {step.before}  →  {step.after}"
        if len(region.steps) > 1:
            yield f"     flops then: {step.costs[1]}"
    yield f"  {'taken' if region.taken else 'why'}: {REASONS.get(region.why, region.why)}"
    if region.break_even:
        yield f"  cheaper where {region.break_even}"
    yield from _compared(region)
    if region.exhausted:
        yield "  the search ran out of its budget: a cheaper form may have been missed"


def _compared(region: ExplainedRegion) -> Iterator[str]:
    """Flops, largest value and kernels, before and after."""
    yield f"  before: {cost(region, False)} flops, largest value {region.largest_before}"
    yield from _program(region.program_before)
    if region.program_after:
        word = "after" if region.taken else "otherwise"
        yield f"  {word}: {cost(region, True)} flops, largest value {region.largest_after}"
        yield from _program(region.program_after)


def cost(region: ExplainedRegion, after: bool) -> str:
    """The flops of a region: a number where all sizes are known."""
    poly = region.cost_after if after else region.cost_before
    if poly is None:
        return ""
    constant = poly.constant
    return region.notation.poly(poly) if constant is None else quantity(constant)


def _program(kernels: Sequence[Any]) -> Iterator[str]:
    width = max((len(f"{k.name} {k.sizes}") for k in kernels), default=0)
    for k in kernels:
        times = f" × {k.batch}" if k.batch else ""
        yield f"    {f'{k.name} {k.sizes}':<{width}}  {k.flops}{times}"


__all__ = ["REASONS", "cost", "region_text", "text"]
