"""Runs of neighbours: where two sequences differ, and one run in the place of another."""

from __future__ import annotations

from typing import Any

Args = tuple[Any, ...]


def differing(a: Args, b: Args) -> tuple[Args, Args]:
    """The runs in which two sequences differ, between what they have in common at both ends."""
    shorter = min(len(a), len(b))
    i = next((i for i in range(shorter) if a[i] is not b[i]), shorter)
    j = next((j for j in range(shorter - i) if a[-1 - j] is not b[-1 - j]), shorter - i)
    return a[i : len(a) - j], b[i : len(b) - j]


def exchanged(args: Args, old: Args, new: Args) -> Args:
    """A sequence with one run in the place of another; itself where that does not occur."""
    out: list[Any] = []
    found = False
    i, n = 0, len(old)
    while i < len(args):
        if n and args[i : i + n] == old:
            out += new
            i += n
            found = True
        else:
            out.append(args[i])
            i += 1
    return tuple(out) if found else args


__all__ = ["differing", "exchanged"]
