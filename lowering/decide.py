"""Whether a form is cheaper: proved for all sizes, else by the sizes that are known.

A choice is made when it holds for all unknown dimensions of at least `SMALLEST`, or of at least
`LARGER` where no more than `SLACK` is lost below; else by static shapes, shared variables' present
shapes, or declared sizes; else the graph stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lowering.formulas import LAUNCH
from lowering.polynomials import Poly
from matchers.dims import Axis, Dim

# A form of more nodes may lose some launches on small matrices that it wins back on others.
LARGER = 32
SLACK = 8 * LAUNCH
NOTHING = 1.0


@dataclass(frozen=True)
class Decision:
    """Whether to take a form, why, and what it costs.

    Attributes
    ----------
    taken : bool
    why : str
        ``for all sizes``, ``for larger sizes``, ``at the known sizes``, or what is missing.
    before, after : Poly
    """

    taken: bool
    why: str
    before: Poly
    after: Poly

    @property
    def break_even(self) -> str:
        """The inequality under which the new form is cheaper."""
        return f"{self.after} < {self.before}"


def decide(
    before: Poly,
    after: Poly,
    sizes: Mapping[Axis, float],
    reduced: Callable[[Dim], Dim] = lambda d: d,
    slack: float = 0.0,
) -> Decision:
    """Compare two costs.

    Parameters
    ----------
    before, after : Poly
    sizes : mapping
        Dimensions that are known, though not for certain: they decide cost, never validity.
    reduced : callable, optional
        Another form of dimensions, in which a proof may succeed that fails otherwise.
    slack : float, optional
        What may be lost where dimensions are not `LARGER`.
    """
    gain = before - after
    # What is positive of one of these is so of the gain.
    least = [gain, *gain.below()]
    if any([low.positive() or low.normal(reduced).positive() for low in least]):
        return Decision(True, "for all sizes", before, after)
    # What loses nothing anywhere is taken where it gains only beyond some length.
    spare = slack or (NOTHING if least[1:] else 0.0)
    gaining = spare and any([low.positive(LARGER) for low in least])
    if gaining and any([(low + spare).positive() for low in least]):
        return Decision(True, "for larger sizes", before, after)
    known = gain.at(sizes)
    if known.constant is not None:
        taken = known.constant > 0
        why = "at the known sizes" if taken else "not cheaper at the known sizes"
        return Decision(taken, why, before, after)
    if any([low.positive() for low in (known, *known.below())]):
        return Decision(True, "at the known sizes", before, after)
    missing = ", ".join(sorted(str(s) for s in known.symbols))
    return Decision(False, f"the sizes {missing} decide", before, after)
