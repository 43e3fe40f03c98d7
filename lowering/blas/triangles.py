"""From one triangle of a symmetric matrix the whole of it."""

from __future__ import annotations

from typing import Any

import numpy as np

# A tile and where it goes fit into the cache, even where the rows of a matrix, being a power of two
# long, all begin in the same few lines of it. Below, one tile is the whole matrix.
BLOCK = 64
_ABOVE = ~np.tri(BLOCK, dtype=bool)


def mirrored(c: Any) -> Any:
    """`c`, its lower triangle written over its upper one."""
    n = c.shape[0]
    for i in range(0, n, BLOCK):
        j = min(i + BLOCK, n)
        for k in range(0, i, BLOCK):
            c[k : k + BLOCK, i:j] = c[i:j, k : k + BLOCK].T
        corner = c[i:j, i:j]
        np.copyto(corner, corner.T, where=_ABOVE[: j - i, : j - i])
    return c
