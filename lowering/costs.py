"""What one node costs: the flops of its kernel, and the launch.

Each launch of a kernel counts `LAUNCH`, so that no rewrite is worth it that only reorders small
change.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lowering.formulas import LAUNCH
from lowering.kernels import FREE, KERNELS

_FLOPS = {name: kernel.flops for name, kernel in KERNELS.items() if kernel.flops is not None}


def cost(kernel: str, sizes: tuple[Any, ...], batch: Any = 1.0) -> Any:
    """The cost of one node that runs `kernel` once for each member of a batch."""
    return 0.0 if kernel in FREE else batch * _FLOPS[kernel](*sizes) + LAUNCH


def number_of_launches(calls: Iterable[tuple[str, Any, Any]]) -> int:
    """How many of these kernel calls are launched at all."""
    return sum(kernel not in FREE for kernel, _, _ in calls)
