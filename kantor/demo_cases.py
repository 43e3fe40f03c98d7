"""What the demo computes: three expressions, written plainly, and values for them.

Nothing here mentions a rewrite. The third is a Gaussian process over real data, the sea surface
temperatures of the El Niño region; ``examples/data/SOURCE.md`` says where they come from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Variable

from kantor.demo_figure import draw

# How much finer than the data the grid is on which the posterior mean is asked for.
FINER = 4


@dataclass(frozen=True)
class Case:
    """One expression with values to compute it at.

    Attributes
    ----------
    title : str
    code : str
        What a user writes.
    inputs : sequence of Variable
    output : Variable
    values : sequence of ndarray
        One for each input.
    figure : callable, optional
        Draws the result to a path.
    """

    title: str
    code: str
    inputs: Sequence[Variable]
    output: Variable
    values: Sequence[np.ndarray]
    figure: Callable[[np.ndarray, Path], None] | None = None


class Temperatures(NamedTuple):
    """Degrees Celsius by year (rows) and month (columns)."""

    years: np.ndarray
    months: np.ndarray
    celsius: np.ndarray


def temperatures() -> Temperatures:
    """The monthly sea surface temperatures that ship with Kantor."""
    with files("kantor").joinpath("data/elnino.csv").open(encoding="utf-8") as lines:
        table = np.loadtxt(lines, delimiter=",", skiprows=1)
    return Temperatures(table[:, 0], np.arange(1.0, 13.0), table[:, 1:])


def finer(t: Temperatures) -> tuple[np.ndarray, np.ndarray]:
    """Years and months of the grid on which the posterior mean is asked for."""
    years = np.arange(t.years[0], t.years[-1] + 1e-9, 1 / FINER)
    months = np.arange(0.5, 12.5, 1 / FINER) + 0.5 / FINER
    return years, months


def products(n: int = 600) -> Case:
    """Two square matrices, of which the product is inverted and applied to a vector."""
    A, B, x = (pt.tensor(name, dtype="float64", shape=(n, n)) for name in ("A", "B", "x"))
    y = pt.tensor("y", dtype="float64", shape=(n,))
    rng = np.random.default_rng(1)
    return Case(
        title=f"A product with an inverse, {n} × {n}",
        code="A.T @ inv(A @ B) @ x @ y",
        inputs=[A, B, x, y],
        output=A.T @ pt.linalg.inv(A @ B) @ x @ y,
        values=[
            well_conditioned(n, rng),
            well_conditioned(n, rng),
            rng.normal(size=(n, n)),
            rng.normal(size=n),
        ],
    )


def kronecker_solve(p: int = 40, q: int = 40) -> Case:
    """A linear system with a Kronecker product; no size is known when it is compiled."""
    A, B, v = (
        pt.tensor(name, dtype="float64", shape=(None,) * ndim)
        for name, ndim in (("A", 2), ("B", 2), ("v", 1))
    )
    rng = np.random.default_rng(2)
    return Case(
        title=f"A system with a Kronecker product, {p} ⊗ {q}",
        code="solve(kron(A, B), v)",
        inputs=[A, B, v],
        output=pt.linalg.solve(pt.linalg.kron(A, B), v),
        values=[well_conditioned(p, rng), well_conditioned(q, rng), rng.normal(size=p * q)],
    )


EL_NINO = """\
U, V, W = rbf(years, years, 60), rbf(years, years, 1), periodic(months, months)
K_year, K_month = 4 * U + V + 0.10 * eye(n_years), W + 0.05 * eye(n_months)
u, v, w = rbf(new_years, years, 60), rbf(new_years, years, 1), periodic(new_months, months)
S_year, S_month = 4 * u + v, w
kron(S_year, S_month) @ solve(kron(K_year, K_month), r)    # r: temperatures less their mean"""


def el_nino() -> Case:
    """The posterior mean of a Gaussian process over years × months, on a finer grid."""
    data = temperatures()
    mean, grid = data.celsius.mean(), finer(data)
    names = ("years", "months", "new_years", "new_months", "r")
    inputs = [pt.tensor(name, dtype="float64", shape=(None,)) for name in names]
    return Case(
        title="El Niño: sea surface temperatures 1950–2010, a Gaussian process on years × months",
        code=EL_NINO,
        inputs=inputs,
        output=posterior_mean(*inputs),
        values=[data.years, data.months, *grid, (data.celsius - mean).ravel()],
        figure=lambda result, path: draw(data, grid, mean + result, path),
    )


def posterior_mean(years: Any, months: Any, new_years: Any, new_months: Any, r: Any) -> Any:
    """The mean of the process at the new points, given `r` at ``years`` × ``months``.

    Over years it changes slowly (60 years) and fast (1 year), with noise on each year; over months
    it is periodic, with noise on each month.
    """
    kron, solve, eye = pt.linalg.kron, pt.linalg.solve, pt.eye
    U, V, W = covariances("UVW", years, years, months, months)
    K_year, K_month = 4 * U + V + 0.10 * eye(years.shape[0]), W + 0.05 * eye(months.shape[0])
    u, v, w = covariances("uvw", new_years, years, new_months, months)
    S_year, S_month = 4 * u + v, w
    return kron(S_year, S_month) @ solve(kron(K_year, K_month), r)


def covariances(names: str, years: Any, to: Any, months: Any, until: Any) -> tuple[Any, ...]:
    """The three covariances, under the names by which explanations call them."""
    found = rbf(years, to, 60.0), rbf(years, to, 1.0), periodic(months, until)
    for name, var in zip(names, found, strict=True):
        var.name = name
    return found


def rbf(a: Any, b: Any, length: float) -> Any:
    """A smooth covariance between times."""
    return pt.exp(-0.5 * ((a[:, None] - b[None, :]) / length) ** 2)


def periodic(a: Any, b: Any, length: float = 1.4, period: float = 12.0) -> Any:
    """A smooth covariance between times of the year."""
    return pt.exp(-2 * (pt.sin(np.pi * (a[:, None] - b[None, :]) / period) / length) ** 2)


def well_conditioned(n: int, rng: np.random.Generator) -> np.ndarray:
    """A random matrix whose eigenvalues lie around one, at most half away."""
    return np.eye(n) + 0.5 * rng.normal(size=(n, n)) / np.sqrt(n)
