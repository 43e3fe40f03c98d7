"""Every relation of the library inherits the whole battery."""

from __future__ import annotations

import pytest

from kantor.checking import verify
from kantor.checking.battery import THOROUGH
from relations.language import Relation
from relations.library import library


@pytest.mark.parametrize("relation", library(), ids=lambda r: r.name)
def test_relation_holds(relation: Relation) -> None:
    verdict = verify(relation)
    assert verdict.passed, str(verdict)
    assert verdict.verified >= 25
    assert verdict.variants["float64"] and verdict.variants["float32"]
    conditions = [c for c in relation.conditions if not c.implied]
    assert verdict.near_misses >= len(conditions)


@pytest.mark.slow
@pytest.mark.parametrize("relation", library(), ids=lambda r: r.name)
def test_relation_holds_thoroughly(relation: Relation) -> None:
    verdict = verify(relation, THOROUGH)
    assert verdict.passed, str(verdict)
