"""Whether two values agree, as closely as the conditioning of the first lets them.

How much a result moves when its inputs move by a relative 1e-7 is its conditioning, and how much it
moves when they move by an ulp is its rounding noise; both are measured, not derived, so any head,
gradient or structure is compared by the same rule. A result that is mostly noise is as undefined as
one that is not finite: the inverse of a matrix that is singular up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kantor.checking.sides import Undefined

EPS = float(np.finfo("float64").eps)
STEP = 1e-7
# How many times the unavoidable error may be made.
ALLOWED = 1e3
# How noisy the side may be, relative to conditioning, that a relation makes of another.
NOISIEST = 1e-9

Evaluate = Callable[[Sequence[Any]], list[Any]]


@dataclass(frozen=True)
class Measured:
    """Some results in double precision, with the absolute error that is unavoidable in each.

    Attributes
    ----------
    values : list of array
    noise, sensitivity : list of float
        The largest change for inputs that move by an ulp, and per relative change of inputs.
    """

    values: list[Any]
    noise: list[float]
    sensitivity: list[float]

    def tolerance(
        self, i: int, dtype: str, other: Measured | None = None, reach: float = 0.0
    ) -> float:
        """How far from result `i` an equal one may be that is computed in `dtype`.

        Parameters
        ----------
        i : int
        dtype : str
        other : Measured, optional
            The other side, where it may be noisier.
        reach : float
            How far the result moves where zeros move as well: of a determinant that is 0 since
            entries are, this alone says what the digits are of.
        """
        sensitivity, noise = self.sensitivity[i] + size(self.values[i]), self.noise[i]
        if other is not None:
            # Never so noisy that half of the digits are excused.
            noise += min(other.noise[i], NOISIEST * max(sensitivity, reach))
        kind = np.dtype(dtype)
        eps = float(np.finfo(kind).eps) if kind.kind in "fc" else EPS
        return eps * (ALLOWED * sensitivity + 100 * noise / EPS) + 1e-14 * eps / EPS

    def relative(self, i: int, error: float) -> float:
        """An error of result `i` in proportion to its size and to how it is conditioned."""
        scale = max(size(self.values[i]), self.sensitivity[i], self.noise[i] / EPS)
        return error / scale if scale else 0.0


def measured(
    evaluate: Evaluate, values: Sequence[Any], *, settled: bool = True, times: int = 4
) -> Measured:
    """Evaluate at `values`, in double precision, and near them: as often by an ulp as `times` says.

    Raises
    ------
    Undefined
        Where there is no value or, with `settled`, where it is noise.
    """
    rng = np.random.default_rng(0)
    wide = [_wide(x) for x in values]
    here = evaluate(wide)

    def changed(step: float, times: int) -> list[float]:
        out = [0.0] * len(here)
        for _ in range(times):
            there = evaluate([moved(x, step, rng) for x in wide])
            out = [max(m, size(b - a)) for m, a, b in zip(out, here, there, strict=True)]
        return out

    # Of a few entries an ulp often moves none at all.
    noise, change = changed(2 * EPS, times), changed(STEP, times // 2)
    for x, small, large in zip(here, noise, change, strict=True):
        if settled and (small > 1e-5 * max(size(x), 1) or large > 0.01 * size(x) + 100 * small):
            raise Undefined("ill-conditioned")
    return Measured(here, noise, [c / STEP for c in change])


def reached(evaluate: Evaluate, values: Sequence[Any], free: Sequence[bool]) -> list[float]:
    """How far each result moves, per relative change of `free` inputs, if zeros move as well.

    Each entry moves in proportion to the largest of all entries.
    """
    rng = np.random.default_rng(0)
    wide = [_wide(x) for x in values]
    step = STEP * max(map(size, wide), default=0.0)
    here = evaluate(wide)
    out = [0.0] * len(here)
    for _ in range(2):
        near = [
            x + step * rng.uniform(-1, 1, x.shape) if may else x
            for x, may in zip(wide, free, strict=True)
        ]
        there = evaluate(near)
        out = [max(m, size(b - a)) for m, a, b in zip(out, here, there, strict=True)]
    return [m / STEP for m in out]


def size(x: Any) -> float:
    """The largest magnitude in an array."""
    return float(np.max(np.abs(x))) if np.size(x) else 0.0


def _wide(x: Any) -> Any:
    return x.astype("complex128" if x.dtype.kind == "c" else "float64")


def moved(x: Any, step: float, rng: np.random.Generator) -> Any:
    """`x` with each entry moved a little in proportion, zeros and symmetry kept."""
    factor = rng.uniform(-1, 1, x.shape)
    if x.ndim >= 2 and x.shape[-1] == x.shape[-2]:
        flipped = np.swapaxes(x, -1, -2)
        if np.array_equal(x, flipped) or np.array_equal(x, flipped.conj()):
            factor = (factor + np.swapaxes(factor, -1, -2)) / 2
    return x * (1 + step * factor)
