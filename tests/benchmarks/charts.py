"""What a benchmark found, as a page of a table and a bar chart under docs/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path


def bars(
    path: Path, labels: Sequence[str], panels: Mapping[str, Mapping[str, list[float]]]
) -> None:
    """Draw bars over labels on logarithmic axes, a panel for each quantity.

    Parameters
    ----------
    path : Path
        Of a PNG.
    labels : sequence of str
    panels : mapping
        What is drawn, by the name of the axis; in each a value for each label, by series.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.2 * len(panels)), layout="constrained")
    for axes, (name, series) in zip(
        figure.subplots(len(panels), squeeze=False)[:, 0], panels.items(), strict=True
    ):
        width = 0.8 / len(series)
        for i, (kind, values) in enumerate(series.items()):
            left = [k + width * (i - (len(series) - 1) / 2) for k in range(len(values))]
            axes.bar(left, values, 0.94 * width, label=kind)
        axes.axhline(1, color="black", linewidth=0.8)
        axes.set_yscale("log")
        upright = max(map(len, labels)) > 4
        axes.set_xticks(range(len(labels)), labels, rotation=35 if upright else 0, ha="center")
        axes.set_ylabel(name)
        axes.legend(frameon=False, ncols=len(series))
    figure.savefig(path, dpi=120)


def page(
    path: Path, title: str, text: str, head: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Write a page of Markdown with one table; a chart of the same name stands above it."""
    table = [f"| {' | '.join(r)} |" for r in (head, ["---"] * len(head), *rows)]
    chart = f"![{title}]({path.with_suffix('.png').name})"
    path.write_text("\n".join([f"# {title}", "", text, "", chart, "", *table, ""]), "utf-8")


def number(x: float) -> str:
    """Three digits, without an exponent where that is short."""
    return f"{x:.3g}" if abs(x) < 1000 else f"{x:,.0f}"
