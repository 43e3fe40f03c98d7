"""Disjoint sets, joined one pair at a time."""

from __future__ import annotations

from typing import Any


class Groups:
    """Disjoint sets; `parent` has all of their members."""

    __slots__ = ("parent",)

    def __init__(self) -> None:
        self.parent: dict[Any, Any] = {}

    def root(self, member: Any) -> Any:
        """The representative of the set of `member`, which is put in if it is new."""
        parent = self.parent
        up = parent.setdefault(member, member)
        while up is not member:
            parent[member] = above = parent[up]
            member, up = up, above
        return member

    def join(self, a: Any, b: Any) -> None:
        """Make one set of two."""
        self.parent[self.root(b)] = self.root(a)


__all__ = ["Groups"]
