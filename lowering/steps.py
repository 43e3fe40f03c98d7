"""A step of a plan: one kernel, what it computes from, and on what sizes."""

from __future__ import annotations

from typing import NamedTuple

from matchers.dims import Dim
from matchers.terms import Term


class Step(NamedTuple):
    """One kernel: what it computes, from what, on what sizes.

    Attributes
    ----------
    kernel : str
    sizes : tuple of Dim
    batch : Dim
        How often it runs.
    needs : tuple of Term
    matrix : Term or None
        The matrix that it factorizes.
    side : {"", "left", "right"}
        Of a product, which of its factors is applied to the other.
    """

    kernel: str
    sizes: tuple[Dim, ...]
    batch: Dim
    needs: tuple[Term, ...]
    matrix: Term | None = None
    side: str = ""
