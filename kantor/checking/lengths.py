"""Lengths of axes that satisfy equations between dimensions, found by choosing and propagating."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from matchers.dims import Axis, Dim

Known = dict[Axis, int]
Equation = tuple[Dim, Dim]


class Lengths:
    """The axes of some variables, under equations.

    Parameters
    ----------
    axes : iterable of Axis
    equations : iterable of (Dim, Dim)
    nonzero : iterable of Dim
        Lengths that are not 0.

    Attributes
    ----------
    order : tuple of Axis
        In which order lengths are best chosen: those that are multiplied or added first, so that
        what they must equal follows.
    """

    def __init__(
        self, axes: Iterable[Axis], equations: Iterable[Equation], nonzero: Iterable[Dim] = ()
    ) -> None:
        self.equations = tuple(dict.fromkeys(equations))
        self.nonzero = tuple(nonzero)
        mixed = {a for e in self.equations for d in e if not _single(d) for a in _axes(d)}
        self.order = tuple(sorted(dict.fromkeys(axes), key=lambda a: a not in mixed))

    def solve(self, choose: Callable[[Axis], int]) -> Known | None:
        """A length for each axis, those that nothing decides being chosen; None if that fails.

        Where 0 is chosen for a length that is not 0, it is 1.
        """
        known: Known = {}
        least = {a for d in self.nonzero for a in _axes(d)}
        while self._propagated(known):
            left = next((a for a in self.order if a not in known), None)
            if left is None:
                return None if any(value(d, known) == 0 for d in self.nonzero) else known
            known[left] = max(choose(left), int(left in least))
        return None

    def hold(self, known: Known) -> bool:
        """Whether lengths for all axes satisfy all equations."""
        return all(value(a, known) == value(b, known) for a, b in self.equations)

    def _propagated(self, known: Known) -> bool:
        """Derive what follows from `known`; false if it contradicts itself."""
        before = -1
        while before != len(known):
            before = len(known)
            for a, b in self.equations:
                m, n = value(a, known), value(b, known)
                if m is not None and not _assign(b, m, known):
                    return False
                if m is None and n is not None and not _assign(a, n, known):
                    return False
        return True


def value(dim: Dim, known: Known) -> int | None:
    """The dimension as an integer, or None while one of its symbols is unknown."""
    out = dim.coef
    for s, p in dim.powers:
        n = _length(s, known)
        if n is None:
            return None
        out *= n**p
    return out


def _length(s: Axis, known: Known) -> int | None:
    if not isinstance(s.owner, tuple):
        return known.get(s)
    # A sum of lengths, which `block_diag` makes.
    parts = [value(d, known) for d in s.owner[1]]
    return None if any(p is None for p in parts) else sum(p for p in parts if p is not None)


def _axes(dim: Dim) -> set[Axis]:
    out: set[Axis] = set()
    for s, _ in dim.powers:
        out |= {a for d in s.owner[1] for a in _axes(d)} if isinstance(s.owner, tuple) else {s}
    return out


def _single(dim: Dim) -> bool:
    return len(dim.powers) < 2 and all(
        p == 1 and not isinstance(s.owner, tuple) for s, p in dim.powers
    )


def _assign(dim: Dim, total: int, known: Known) -> bool:
    """Make `dim` equal `total` where that decides one symbol; false if it cannot be."""
    left = [(s, p) for s, p in dim.powers if _length(s, known) is None]
    rest = value(Dim(dim.coef, dim.powers - frozenset(left)), known)
    assert rest is not None
    if not left:
        return rest == total
    if len(left) > 1:
        return True
    if rest == 0:
        return total == 0
    ((s, power),) = left
    root = round((total // rest) ** (1 / power)) if total >= 0 else -1
    if root < 0 or rest * root**power != total:
        return False
    if isinstance(s.owner, tuple):
        return _assign_sum(s.owner[1], root, known)
    known[s] = root
    return True


def _assign_sum(parts: tuple[Dim, ...], total: int, known: Known) -> bool:
    values = [value(d, known) for d in parts]
    left = [d for d, v in zip(parts, values, strict=True) if v is None]
    rest = total - sum(v for v in values if v is not None)
    return rest >= 0 and (len(left) > 1 or _assign(left[0], rest, known))
