"""The demo's figure: the temperatures as measured, and the posterior mean of the process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from kantor.demo_cases import Temperatures

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Two strong El Niños and a La Niña, as years that the reader may know.
SHOWN = {1983: "#c2410c", 1997: "#ea9a3e", 1988: "#2563a8"}
GREY = "#6b7280"
Grid = tuple[np.ndarray, np.ndarray]
TITLE = "Sea surface temperature, El Niño 1+2 region, covariance $K_{year} \\otimes K_{month}$"
CAPTION = (
    "Length scales and noise are set by hand. To the periodic kernel a year is a circle: 1997, "
    "cold in January and warm in December, is not followed at its ends."
)


def draw(data: Temperatures, grid: Grid, posterior: np.ndarray, path: Path) -> None:
    """Write the figure as a PNG.

    Parameters
    ----------
    data : Temperatures
    grid : tuple of ndarray
        Years and months.
    posterior : ndarray
        The posterior mean at years × months.
    path : Path
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 6.4), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    places = figure.add_gridspec(2, 3)
    measured = figure.add_subplot(places[0, :2])
    mean = figure.add_subplot(places[1, :2], sharex=measured, sharey=measured)
    seasons = figure.add_subplot(places[:, 2])
    years, months = grid
    posterior = posterior.reshape(len(years), len(months))
    colours = {"vmin": data.celsius.min(), "vmax": data.celsius.max(), "cmap": "RdYlBu_r"}
    _heatmap(measured, data.years, data.months, data.celsius, colours)
    image = _heatmap(mean, years, months, posterior, colours)
    measured.set_title("Measured: 61 years × 12 months", loc="left", fontsize=11)
    mean.set_title(
        f"Posterior mean on {len(years)} × {len(months)} points", loc="left", fontsize=11
    )
    measured.tick_params(labelbottom=False)
    mean.set_xlabel("year")
    bar = figure.colorbar(image, ax=[measured, mean], pad=0.01, aspect=40)
    bar.set_label("sea surface temperature, °C")
    bar.outline.set_visible(False)
    _seasons(seasons, data, years, months, posterior)
    figure.suptitle(TITLE, x=0.01, ha="left", fontsize=13, fontweight="bold")
    figure.supxlabel(CAPTION, x=0.01, ha="left", fontsize=8.5, color=GREY)
    figure.savefig(path)


def _heatmap(axes: Any, years: Any, months: Any, celsius: Any, colours: dict[str, Any]) -> Any:
    """Temperatures by year and month."""
    image = axes.pcolormesh(years, months, celsius.T, shading="nearest", rasterized=True, **colours)
    axes.set_yticks(range(1, 13, 2), MONTHS[::2])
    axes.set_ylim(12.5, 0.5)
    axes.set_xlim(1949.5, 2010.5)
    axes.spines[:].set_visible(False)
    return image


def _seasons(axes: Any, data: Temperatures, years: Any, months: Any, posterior: Any) -> None:
    """Single years: points as measured, lines as the process has them."""
    for celsius in data.celsius:
        axes.plot(data.months, celsius, color=GREY, alpha=0.12, lw=0.8, zorder=1)
    for year, colour in SHOWN.items():
        row = int(np.flatnonzero(data.years == year)[0])
        fine = int(np.argmin(np.abs(years - year)))
        axes.plot(months, posterior[fine], color=colour, lw=2.2, zorder=3)
        axes.plot(data.months, data.celsius[row], "o", color=colour, ms=5, mec="white", zorder=4)
        _label(axes, year, months, posterior[fine], colour)
    axes.set_title(
        "Three years: measured (points)\nand posterior mean (lines)", loc="left", fontsize=11
    )
    axes.set_xticks(range(1, 13), [m[0] for m in MONTHS])
    axes.set_xlim(0.5, 12.5)
    axes.set_ylabel("°C")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=GREY, alpha=0.15)
    axes.text(
        0.02, 0.01, "grey: every year as measured", transform=axes.transAxes, color=GREY, fontsize=8
    )


def _label(axes: Any, year: int, months: Any, line: Any, colour: str) -> None:
    """The year, beside where its line ends."""
    axes.annotate(
        str(year), (months[-1], line[-1]), xytext=(4, 0), textcoords="offset points",
        color=colour, va="center", fontweight="bold", annotation_clip=False,
    )  # fmt: skip
