"""Relations made for a test, and what the battery says of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kantor.checking import Verdict, verify
from relations.relation import Relation


def made(body: Callable[[], tuple[Any, ...]], **options: Any) -> Relation:
    """A relation of what a function without parameters returns."""
    lhs, rhs, *conditions = body()
    return Relation("planted", lhs, rhs, tuple(conditions), doc="planted", body=body, **options)


def failure(r: Relation) -> str:
    verdict = verify(r, 5)
    assert not verdict.passed
    return str(verdict)


def holds(r: Relation, examples: int = 5) -> Verdict:
    verdict = verify(r, examples)
    assert verdict.passed, str(verdict)
    return verdict
