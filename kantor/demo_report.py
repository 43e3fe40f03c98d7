"""What the demo prints about each expression."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytensor
import scipy
from pytensor import function
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

import kantor
from kantor.demo_cases import Case
from kantor.demo_measure import LINKER, THREADS, Comparison, Measured
from kantor.explain import explain
from lowering.polynomials import ZERO

# The largest difference that two right results may have, relative to the largest entry.
TOLERANCE = 1e-8
BYTES = 8


@dataclass(frozen=True)
class Derivation:
    """What Kantor finds, before anything is compiled.

    Attributes
    ----------
    regions : tuple of ExplainedRegion
        The parts of the expression that are rewritten.
    flops_before, flops_after : float
        Their cost at the sizes of the case.
    """

    regions: tuple[Any, ...]
    flops_before: float
    flops_after: float


def derive(case: Case) -> Derivation:
    """Ask Kantor what it does to a case."""
    regions = tuple(r for r in explain(case.output).regions if r.taken)
    before = sum((r.cost_before for r in regions), ZERO)
    after = sum((r.cost_after for r in regions if r.cost_after is not None), ZERO)
    sizes = lengths(case, before.symbols | after.symbols)
    return Derivation(regions, before.at(sizes).constant or 0.0, after.at(sizes).constant or 0.0)


def lengths(case: Case, axes: set[Any]) -> dict[Any, float]:
    """The lengths that costs are written in, at the values of a case."""
    order = list(axes)
    asked = [a.owner if a.axis is None else a.owner.shape[a.axis] for a in order]
    ask = function(list(case.inputs), asked, mode="FAST_COMPILE", on_unused_input="ignore")
    return {a: float(n) for a, n in zip(order, ask(*case.values), strict=True)}


def header() -> Text:
    """What is measured, and with what."""
    versions = {
        "Kantor": kantor.__version__,
        "PyTensor": pytensor.__version__,
        "NumPy": np.__version__,
        "SciPy": scipy.__version__,
    }
    lines = [
        ", ".join(f"{name} {version}" for name, version in versions.items()),
        f"both with linker {LINKER}, float64, {threads()}; medians of runs in turns, "
        f"{os.cpu_count()} cores",
        "largest intermediate: entries of what one operation hands to the next; copies that LAPACK",
        "makes for itself do not count",
    ]
    if not pytensor.config.cxx:
        lines.append(
            "no C compiler: elementwise operations run in Python and take most of the time"
        )
    return Text("\n".join(lines), style="dim")


def threads() -> str:
    """How many threads BLAS may use."""
    given = {name: os.environ[name] for name in THREADS if name in os.environ}
    if given and set(given.values()) == {"1"}:
        return "one BLAS thread"
    return ", ".join(f"{name}={n}" for name, n in given.items()) or "BLAS threads as they are"


def title(console: Console, case: Case) -> None:
    """The title and what the user writes."""
    console.print()
    console.rule(f"[bold]{escape(case.title)}", align="left")
    for line in case.code.splitlines():
        console.print(f"    {escape(line)}", style="cyan")


def derivation(console: Console, derived: Derivation) -> None:
    """The term, and each relation that was used."""
    if not derived.regions:
        console.print("\n  [bold red]nothing was rewritten")
    for region in derived.regions:
        console.print()
        console.print(f"  {escape(region.before)}", soft_wrap=True)
        for i, step in enumerate(region.steps, 1):
            console.print(f"    {i}. [bold]{step.relation}[/]", soft_wrap=True)
            console.print(f"       {escape(step.before)} → {escape(step.after)}", soft_wrap=True)
        console.print(f"  = {escape(region.after)}", style="green", soft_wrap=True)
    console.print()


def comparison(console: Console, derived: Derivation, measured: Comparison) -> None:
    """The table of both versions, and how far the results are apart."""
    table = Table(box=None, padding=(0, 2, 0, 2), header_style="dim")
    table.add_column("")
    for name in ("PyTensor", "with Kantor", "ratio"):
        table.add_column(name, justify="right")
    for row in rows(derived, measured.plain, measured.kantor):
        table.add_row(*row)
    console.print(table)
    gap = measured.difference
    right = "" if gap <= TOLERANCE else f"   [bold red]more than {TOLERANCE:g}: not right"
    console.print(f"  largest difference of the results {gap:.1e}, relative to the largest{right}")


def rows(derived: Derivation, plain: Measured, kantor: Measured) -> Iterator[tuple[str, ...]]:
    """Each quantity of both versions, and the first over the second."""
    yield _row("flops", derived.flops_before, derived.flops_after, count)
    yield _row("largest intermediate", plain.largest, kantor.largest, entries)
    yield _row("time to compile", plain.compile, kantor.compile, duration)
    yield _row("time to run", plain.run, kantor.run, duration)


def _row(what: str, before: float, after: float, written: Any) -> tuple[str, ...]:
    return what, written(before), written(after), ratio(before / after) if after else "–"


def ratio(x: float) -> str:
    """A ratio: ``0.85 ×``, ``2.2 ×``, ``8,010 ×``."""
    return f"{float(f'{x:.3g}'):,.0f} ×" if x >= 100 else f"{x:.2g} ×"


def count(n: float) -> str:
    """A number of operations: ``1.73 G``."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if n >= size:
            return f"{n / size:.3g}{unit}"
    return f"{n:.0f}"


def entries(n: float) -> str:
    """A number of float64 entries, and the memory that they take."""
    return f"{n:,.0f} ({n * BYTES / 1e6:.2g} MB)"


def duration(seconds: float) -> str:
    """A time: ``1.2 s``, ``34 ms``, ``0.35 ms``."""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"
