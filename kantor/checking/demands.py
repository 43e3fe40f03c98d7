"""What a relation demands of lengths and of structure: its left side, and its conditions."""

from __future__ import annotations

from collections.abc import Iterator

from kantor.checking.lengths import Equation
from kantor.checking.makers import MAKERS
from kantor.checking.sides import Sides
from matchers.conditions import SHAPE_CONDITIONS, Condition
from matchers.conforming import equations
from matchers.taking import scattered, taken
from matchers.traversal import subterms
from matchers.variables import LogicVar


def own_demands(sides: Sides) -> Iterator[Equation]:
    """What the left side demands, in either spelling."""
    for side in (sides.lhs, sides.written[0]):
        for t in subterms(side):
            yield from equations(t)


def given_shapes(sides: Sides) -> Iterator[Equation]:
    """The shapes that the right side gives to variables which the left holds as ``vec`` only."""
    for direction in sides.relation.directions:
        if not direction.backward:
            for x, (rows, cols) in direction.shapes.items():
                yield from ((x.rows, rows), (x.cols, cols))


def demands(c: Condition) -> Iterator[Equation]:
    """The equations between lengths without which nothing can be drawn that meets a condition."""
    yield from c.equations()
    if c.name not in SHAPE_CONDITIONS and _square_only(c.name):
        yield from ((x.rows, x.cols) for x in c.variables if x.kind == "matrix")


def own_keys(sides: Sides) -> Iterator[tuple[LogicVar, str]]:
    """The structures that heads ask for of their arguments: entries that rows are taken by."""
    for t in subterms(sides.written[0]):
        if t.head in (taken, scattered) and isinstance(t.args[1], LogicVar):
            yield t.args[1], "index"


def _square_only(key: str) -> bool:
    having = [m for m in MAKERS.values() if key in m.has]
    return bool(having) and all(m.square for m in having)


def keys(x: LogicVar, conditions: tuple[Condition, ...]) -> Iterator[str]:
    """The structures that conditions ask for of a variable."""
    for c in conditions:
        if x in c.variables and c.name not in SHAPE_CONDITIONS:
            yield c.name
