"""What the battery found, as a table and as lines; its progress where somebody is watching."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from kantor.checking.mismatch import Mismatch
from kantor.checking.overlaps import Finding
from kantor.checking.verdict import Verdict
from relations.relation import Relation

COLUMNS = (
    "relation", "instances", "verified", "exact", "worst error", "of allowed", "near misses",
    "verdict",
)  # fmt: skip


def progress(console: Console, relations: Sequence[Relation]) -> Iterator[Relation]:
    """Go through `relations`, with a bar where the console is a terminal."""
    if not console.is_terminal:
        yield from relations
        return
    columns = (
        TextColumn("verifying"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=len(relations))
        for r in relations:
            bar.update(task, description=r.name)
            yield r
            bar.advance(task)


def show(console: Console, verdicts: Sequence[Verdict], *, notes: bool = False) -> None:
    """Print a table of verdicts, and below it what failed and why."""
    rows = [_row(v) for v in verdicts]
    if not rows:
        return
    if console.is_terminal:
        table = Table(*COLUMNS, box=None, header_style="bold")
        for row, v in zip(rows, verdicts, strict=True):
            table.add_row(*row, style=None if v.passed else "red")
        console.print(table)
    else:
        for line in aligned((COLUMNS, *rows)):
            _plain(console, line)
    for v in verdicts:
        for failure in v.failures:
            for line in explained(v.relation, failure):
                _plain(console, line)
        if notes or not v.passed:
            for note in dict.fromkeys(v.notes):
                _plain(console, f"{v.relation.name}: note: {note}")


def summary(verdicts: Sequence[Verdict], seconds: float) -> str:
    """The last line."""
    if not verdicts:
        return "there is no relation to verify"
    failed = sum(not v.passed for v in verdicts)
    done = f"{len(verdicts)} relation{'s' * (len(verdicts) != 1)}"
    drawn = f"{sum(v.verified for v in verdicts)} instances"
    exact = sum(v.rational and v.exact > 0 for v in verdicts)
    accurate = sum(v.accurate > 0 for v in verdicts)
    how = f"{failed} failed" if failed else "all hold"
    checks = f"{exact} of them exactly, {accurate} for accuracy"
    return f"{done}, {how}; verified at {drawn}, {checks}, in {seconds:.1f} s"


def findings(found: Sequence[Finding]) -> Iterator[str]:
    """What was found of relations that are right, in lines: first the faults, then the axioms."""
    faults = [f for f in found if f.fault]
    yield from (f"{f.kind}: {f}" for f in faults)
    yield from (f"explained: {f}" for f in found if not f.fault and f.kind != "axiom")
    axioms = [f.relation.name for f in found if f.kind == "axiom"]
    if axioms:
        yield f"axioms, whose sides are one term: {', '.join(axioms)}"
    yield f"{len(faults)} finding{'s' * (len(faults) != 1)}" if faults else "nothing overlaps"


def explained(relation: Relation, failure: Mismatch) -> list[str]:
    """A failure in lines: what, at which instance, and both values."""
    lines = [f"{relation.name}: {failure.what}"]
    instance = failure.instance
    if instance is None:
        return lines
    lines.append(f"  smallest counter-example: {instance}")
    for x, value in zip(instance.sides.variables, instance.values, strict=True):
        lines += _array(str(x), value)
    for name, value in (("left", failure.left), ("right", failure.right)):
        if value is not None:
            lines += _array(name, value)
    return lines


def _array(name: str, value: Any) -> list[str]:
    if np.size(value) > 40:
        return [f"  {name}: {' × '.join(map(str, np.shape(value)))}"]
    if not np.size(value):
        return [f"  {name} = (empty)"]
    head = f"  {name} = "
    text = np.array2string(np.asarray(value), precision=4, suppress_small=True, max_line_width=90)
    first, *rest = text.splitlines()
    return [head + first, *(" " * len(head) + line for line in rest)]


def _row(v: Verdict) -> tuple[str, ...]:
    worst = f"{v.worst:.1e}" if v.verified else "-"
    exact = f"{v.exact}{'' if v.rational else ' to 60 digits'}" if v.exact else "-"
    share = f"{v.share:.2g}{' with ' + ', '.join(v.tame) if v.tame else ''}" if v.accurate else "-"
    counts = (str(v.instances), str(v.verified), exact, worst, share, str(v.near_misses))
    return (v.relation.name, *counts, "holds" if v.passed else "FAILS")


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    last = len(widths) - 1
    return [
        "  ".join(
            cell.ljust(w) if i in (0, last) else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _plain(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
