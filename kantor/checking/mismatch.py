"""What is wrong with a relation at one instance, or in one graph."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from kantor.checking.instances import Instance


@dataclass
class Mismatch(Exception):
    """What is wrong at one instance, or in one graph.

    Attributes
    ----------
    what : str
        One line.
    instance : Instance or None
    left, right : array or None
        The two values.
    """

    what: str
    instance: Instance | None = None
    left: Any = None
    right: Any = None

    @property
    def about_gradients(self) -> bool:
        """Whether the values agree."""
        return "gradient" in self.what

    @property
    def missing(self) -> bool:
        """Whether the right side, or its gradient, has no value."""
        return "has no value" in self.what

    @property
    def kind(self) -> str:
        """What is wrong, without the numbers."""
        return re.sub(r"\d[\d.e+-]*", "…", self.what)

    def __str__(self) -> str:
        return self.what if self.instance is None else f"{self.what} ({self.instance})"
