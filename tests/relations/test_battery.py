"""Every relation of the library inherits the whole battery."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from pytensor.graph.traversal import ancestors

from kantor.checking import Instance, NearMiss, Problem, near_misses, readings, verify
from kantor.checking.battery import THOROUGH
from kantor.checking.demands import own_demands
from kantor.checking.instances import cycling
from kantor.checking.lengths import Known, Lengths, value
from kantor.checking.matching import breakings
from kantor.checking.posed import pose
from kantor.checking.sides import Sides
from matchers.conditions import SHAPE_CONDITIONS
from matchers.dims import Axis, Dim
from matchers.variables import LogicVar
from relations.library import library
from relations.relation import Relation


@pytest.mark.parametrize("relation", library(), ids=lambda r: r.name)
def test_relation_holds(relation: Relation) -> None:
    verdict = verify(relation)
    assert verdict.passed, str(verdict)
    assert verdict.verified >= 25
    assert verdict.variants["float64"] and verdict.variants["float32"]
    conditions = [c for c in relation.conditions if not c.implied]
    assert verdict.near_misses >= len(conditions)
    # Without rounding, or to many digits where a head that is named has no rational values.
    assert verdict.exact >= 20 or any(n.startswith("no exact check: ") for n in verdict.notes)
    assert verdict.rational or any(n.startswith("no exact check: ") for n in verdict.notes)
    assert verdict.accurate >= 10 or any(n.startswith("no accuracy check") for n in verdict.notes)
    assert verdict.share <= 1 or relation.stability == "loses"
    assert not verdict.tame or relation.stability == "mixed"


@pytest.mark.parametrize("relation", library(), ids=lambda r: r.name)
def test_every_condition_is_broken_in_turn(relation: Relation) -> None:
    """Each variable undeclared, each equation of lengths violated, alone."""
    for sides in readings(relation):
        problem = Problem(sides)
        misses = list(near_misses(problem))
        for c in relation.conditions:
            own = [m for m in misses if m.condition is c]
            if c.implied:
                broken = [_lengths(i) for i in breakings(problem, c)]
            elif c.name in SHAPE_CONDITIONS:
                # What PyTensor refuses to build of static shapes, nobody can write.
                refused = [i.known for i in breakings(problem, c) if not _builds(sides, i)]
                broken = [*(_static(m, sides.variables) for m in own), *refused]
            else:
                # What is not declared of each variable in turn, and is of all others.
                assert {x.name for x in c.variables} == {_undeclared(m) for m in own}
                continue
            for a, b in c.equations():
                if not _follows(sides, a, b):
                    assert any(value(a, k) != value(b, k) for k in broken if k), (c, a, b)
            assert own or c.implied, c


def _lengths(instance: Instance) -> Known:
    return instance.known


def _builds(sides: Sides, instance: Instance) -> bool:
    try:
        pose(sides, instance=instance)
    except ValueError:
        return False
    return True


def _static(miss: NearMiss, variables: tuple[LogicVar, ...]) -> Known:
    """The lengths of a near miss with static shapes, or nothing."""
    known: Known = {}
    for x, v in zip(variables, miss.posed.inputs, strict=True):
        lengths = v.type.shape[-2:] if x.kind == "matrix" else v.type.shape[-1:]
        known.update({Axis(x, i): n for i, n in enumerate(lengths) if n is not None})
    return known


def _undeclared(miss: NearMiss) -> str:
    """The variable of which nothing is declared."""
    found = [
        v.name
        for v in miss.posed.inputs
        if not any(
            v in node.inputs and type(node.op).__name__ == "SpecifyAssumptions"
            for node in _nodes(miss)
        )
        and any(v.name == x.name for x in miss.condition.variables)  # type: ignore[union-attr]
    ]
    (name,) = found
    return str(name)


def _nodes(miss: NearMiss) -> list[Any]:
    return [v.owner for v in ancestors([miss.posed.output]) if v.owner is not None]


def _follows(sides: Sides, a: Dim, b: Dim) -> bool:
    """Whether the left side has no value where an equation does not hold, and no length is 0."""
    lengths = Lengths(Problem(sides, ()).lengths.order, own_demands(sides))
    choices = itertools.product((1, 2, 3), repeat=min(len(lengths.order), 6))
    found = (lengths.solve(cycling(turn)) for turn in choices)
    return not any(k and lengths.hold(k) and value(a, k) != value(b, k) for k in found)


@pytest.mark.slow
@pytest.mark.parametrize("relation", library(), ids=lambda r: r.name)
def test_relation_holds_thoroughly(relation: Relation) -> None:
    verdict = verify(relation, THOROUGH)
    assert verdict.passed, str(verdict)
