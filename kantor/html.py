"""An explanation as HTML, for notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from kantor.explanation import ExplainedRegion, Explanation
from kantor.report import REASONS, cost, summary
from kantor.survey import Kernel


def page(explanation: Explanation) -> str:
    """All regions, one table each."""
    parts = [f"<p>{escape(summary(explanation))}</p>", *map(_region, explanation.regions)]
    if explanation.plain:
        rows = [(s.relation, s.before, s.after) for s in explanation.plain]
        parts.append(_table(("relation", "before", "after"), rows))
    if explanation.names.legend:
        parts.append(_table(("where", ""), list(explanation.names.legend.items())))
    return "<div>" + "\n".join(parts) + "</div>"


def _region(region: ExplainedRegion) -> str:
    return "\n".join(_parts(region))


def _parts(region: ExplainedRegion) -> Iterator[str]:
    said = f"= <b>{escape(region.after)}</b>" if region.taken else "left as it is"
    yield f"<p>{escape(region.before)} {said}<br>{escape(REASONS.get(region.why, region.why))}"
    if region.break_even:
        yield f"<br>cheaper where {escape(region.break_even)}"
    if region.exhausted:
        yield "<br>the search ran out of its budget: a cheaper form may have been missed"
    elif region.unexpanded:
        yield f"<br>the search ended with {region.unexpanded} dearer forms not followed further"
    yield "</p>"
    if region.steps:
        yield _table(
            ("relation", "before", "after", "flops before", "flops after"),
            ((s.relation, s.before, s.after, *s.costs) for s in region.steps),
        )
    word = "after" if region.taken else "otherwise"
    yield _table(
        ("", "flops", "largest value"),
        [
            ("before", cost(region, False), region.largest_before),
            *([(word, cost(region, True), region.largest_after)] if region.program_after else []),
        ],
    )
    yield _program("program before", region.program_before)
    if region.program_after:
        yield _program(f"program {word}", region.program_after)


def _program(title: str, kernels: Sequence[Kernel]) -> str:
    rows = (
        (k.name, k.sizes, f"{k.flops}{f' × {k.batch}' if k.batch else ''}", k.value)
        for k in kernels
    )
    table = _table(("kernel", "sizes", "flops", "value"), rows)
    return f"<details><summary>{title}</summary>{table}</details>"


def _table(heads: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(c)}</{tag}>" for c in cells) + "</tr>"

    body = "".join(row(cells, "td") for cells in rows)
    return f"<table><thead>{row(heads, 'th')}</thead><tbody>{body}</tbody></table>"


__all__ = ["page"]
