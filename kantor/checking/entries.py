"""What random matrices are made of: entries of one kind of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
# Kinds of numbers that are not rounded, and how large the integers are that are drawn of them.
EXACT = "iO"
REACH = {"i": 3, "O": 99}


@dataclass
class Source:
    """Random entries of one dtype.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : {"f", "c", "i", "O"}
        Real, complex, small integers, or Python's rational numbers, which have every structure
        exactly; the arrays are of NumPy's widest dtype of that kind.
    """

    rng: np.random.Generator
    kind: str = "f"

    def entries(self, m: int, n: int) -> Array:
        """An m × n array without any structure."""
        if self.kind == "c":
            return self.real(m, n) + 1j * self.real(m, n)
        return self.real(m, n)

    def real(self, m: int, n: int) -> Array:
        """An m × n array without an imaginary part."""
        if self.kind in EXACT:
            drawn = self.rng.integers(-REACH[self.kind], REACH[self.kind] + 1, (m, n))
            return drawn.astype(object) if self.kind == "O" else drawn
        return self.rng.standard_normal((m, n))

    def eye(self, n: int) -> Array:
        """The identity."""
        return np.eye(n, dtype={"i": "int64", "O": "object"}.get(self.kind, "float64"))
