"""``python -m kantor check --coverage``: measure the cases, and print what is reached."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from kantor.cli import Refused
from tests.coverage.cases import Case, load, marks, write_marks
from tests.coverage.measure import Result, measured

MOST = 60
# Of a table that goes into a file.
WIDTH = 170


def main(
    rows: Sequence[str],
    *,
    update: bool = False,
    notes: bool = False,
    console: Console | None = None,
) -> int:
    """Measure cases in all their forms.

    Parameters
    ----------
    rows : sequence of str
        Parts of names or lines; by default all cases are measured.
    update : bool
        Whether to mark what is reached now; otherwise what is marked must be reached.
    notes : bool
        Whether to say of each form what it lacks.

    Returns
    -------
    int
        0 where nothing is wrong and nothing that is marked is lost, else 1.
    """
    console = console or Console()
    if not console.is_terminal:
        console.width = WIDTH
    cases = chosen(rows)
    start = time.perf_counter()
    results = _measured(console, cases)
    show(console, results)
    lost = [] if update else regressions(results, marks())
    for r in [r for r in results if r.wrong or (notes and not r.reached)]:
        _line(console, f"{r.case.name}, {r.form}: {r.said}")
    for r in lost:
        _line(console, f"{r.case.name}, {r.form}: was reached, but now {r.said}")
    if update:
        _mark(results)
    reached = sum(r.reached for r in results)
    seconds = time.perf_counter() - start
    _line(console, f"{reached} of {len(results)} forms of {len(cases)} rows, {seconds:.0f} s")
    return 1 if lost or any(r.wrong for r in results) else 0


def chosen(rows: Sequence[str]) -> tuple[Case, ...]:
    """The cases whose name or line holds one of `rows`."""
    cases = load()
    held = {row: [c for c in cases if row in c.name or row in c.line] for row in rows}
    for row, of_row in held.items():
        if not of_row:
            raise Refused(f"check: no row of the coverage holds {row!r}")
    return tuple(c for c in cases if not rows or any(c in of_row for of_row in held.values()))


def _measured(console: Console, cases: Sequence[Case]) -> list[Result]:
    found: list[Result] = []
    with warnings.catch_warnings(), Progress(console=console, transient=True) as bar:
        warnings.simplefilter("ignore")
        task = bar.add_task("measuring", total=len(cases))
        for case in cases:
            found += measured(case)
            bar.advance(task)
    return found


def regressions(results: Sequence[Result], marked: dict[str, tuple[str, ...]]) -> list[Result]:
    """What is marked as reached, and is not."""
    return [r for r in results if not r.reached and r.form in marked.get(r.case.name, ())]


def show(console: Console, results: Sequence[Result]) -> None:
    """A table: each case under its line, how many of its forms are reached, and what is missing."""
    table = Table("row", "reached", "flops left", "not reached", box=None, header_style="bold")
    for line, of_line in groupby(results, key=lambda r: r.case.line):
        own = list(of_line)
        done = sum(r.reached for r in own)
        table.add_row(_short(line), f"{done}/{len(own)}", "", "", style="bold")
        for case, of_case in groupby(own, key=lambda r: r.case):
            table.add_row(*_row(case, list(of_case)))
    console.print(table, markup=False, highlight=False)


def _row(case: Case, results: Sequence[Result]) -> tuple[str, str, str, str]:
    done = [r for r in results if r.reached]
    base = results[0]
    left = ", ".join(r.form for r in results if not r.reached)
    if not done:
        left = case.why
    return f"  {_short(case.name)}", f"{len(done)}/{len(results)}", f"{base.ratio:.2f}", left


def _short(text: str) -> str:
    return text if len(text) <= MOST else f"{text[: MOST - 1]}…"


def _mark(results: Sequence[Result]) -> None:
    """Write the marks of what was measured; those of other rows stay, of rows that are gone go."""
    names = {c.name for c in load()}
    found = {name: forms for name, forms in marks().items() if name in names}
    for case, own in groupby(results, key=lambda r: r.case):
        found[case.name] = tuple(r.form for r in own if r.reached)
    write_marks(found)


def _line(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
