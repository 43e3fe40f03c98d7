"""Tables of what was measured against what it may take."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

UNITS = {"µs": 1e6, "ms": 1e3, "s": 1.0, "×": 1.0, "": 1.0}


@dataclass(frozen=True)
class Row:
    """One measurement; `bar` is the most that it may be, None where it stands for comparison."""

    name: str
    value: float
    unit: str
    bar: float | None = None
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether it is within its bar."""
        return self.bar is None or self.value * UNITS[self.unit] <= self.bar


@dataclass
class Report:
    """Rows by section, printed as soon as a section is finished."""

    console: Console = field(default_factory=lambda: Console(width=118, soft_wrap=True))
    failed: list[tuple[str, Row]] = field(default_factory=list)

    def section(self, title: str, rows: list[Row]) -> None:
        """Print one table."""
        table = Table(title=title, title_justify="left", title_style="bold", box=None)
        table.add_column("", min_width=54)
        for name in ("measured", "bar"):
            table.add_column(name, justify="right", min_width=12)
        table.add_column("", min_width=4)
        table.add_column("")
        for row in rows:
            verdict = "" if row.bar is None else "ok" if row.passed else "[bold red]NO[/]"
            bar = "" if row.bar is None else f"≤ {row.bar:g} {row.unit}"
            measured = f"{row.value * UNITS[row.unit]:.3g} {row.unit}"
            table.add_row(row.name, measured, bar, verdict, row.note)
            if not row.passed:
                self.failed.append((title, row))
        self.console.print(table)
        self.console.print()

    def close(self) -> int:
        """Say what missed its bar; the exit status."""
        if not self.failed:
            self.console.print("all within their bars")
            return 0
        self.console.print(f"{len(self.failed)} over their bars:")
        for title, row in self.failed:
            over = row.value * UNITS[row.unit] / row.bar if row.bar else float("inf")
            self.console.print(f"  {title}: {row.name}: {over:.3g} × its bar")
        return 1
