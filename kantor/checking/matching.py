"""What a relation must match, and what it must not: near misses, each condition broken in turn."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kantor.checking.compare import measured, size
from kantor.checking.instances import Instance, Problem, cycling
from kantor.checking.lengths import Equation, Lengths
from kantor.checking.mismatch import Mismatch
from kantor.checking.numeric import Numeric
from kantor.checking.posed import Posed, Read, pose, read
from kantor.checking.reading import read_term, same_term, unreadable
from kantor.checking.sides import Sides, Undefined
from kantor.checking.variants import COMPLEX, telling, unmet
from matchers.conditions import BATCH_CONDITIONS, SHAPE_CONDITIONS, Condition
from matchers.conforming import equations, learn
from matchers.dims import Axis
from matchers.traversal import subterms
from matchers.variables import LogicVar
from matchers.view import View
from relations.relation import Direction, Relation

# Lengths among which broken shapes are looked for: products of some equal products of others.
LENGTHS = (2, 3, 4, 6)
TRIES = 600


@dataclass(frozen=True)
class NearMiss:
    """A graph that meets all conditions but one.

    Attributes
    ----------
    relation : Relation
    condition : Condition or None
        The one that does not hold, or is not proved; None where the numbers are complex and the
        relation holds over the reals only.
    posed : Posed
        The graph is ``posed.output``.
    how : str
    """

    relation: Relation
    condition: Condition | None
    posed: Posed
    how: str

    def __str__(self) -> str:
        without = "" if self.condition is None else f" without {self.condition}"
        return f"{self.relation.name}{without}: {self.how}"


# --- near misses ----------------------------------------------------------------------------------


def near_misses(problem: Problem) -> Iterator[NearMiss]:
    """Graphs that a relation must leave alone, each condition broken in turn."""
    sides, relation = problem.sides, problem.sides.relation
    sound = static_instance(problem)
    if relation.field == "real":
        for instance in (None,) if sound is None else (sound, None):
            posed = pose(sides, instance=instance, variant=COMPLEX)
            yield NearMiss(relation, None, posed, "the matrices are complex")
    for c in relation.conditions:
        if c.implied:
            continue
        if c.name in BATCH_CONDITIONS:
            for variant in unmet(sides, c):
                for instance in (None, sound):
                    posed = pose(sides, instance=instance, variant=variant)
                    yield NearMiss(relation, c, posed, f"the matrices are {variant.name}")
            continue
        if c.name not in SHAPE_CONDITIONS:
            for x in c.variables:
                how = f"nothing is declared of {x}"
                if sound is not None:
                    posed = pose(sides, instance=sound, undeclared=(x,))
                    yield NearMiss(relation, c, posed, how)
                yield NearMiss(relation, c, pose(sides, undeclared=(x,)), f"{how}, nor of shapes")
            continue
        for broken in (*breakings(problem, c), *_emptied(problem, c), *_narrowed(problem, c)):
            shapes = ", ".join(f"{x} {m} × {n}" for x, (m, n) in _shapes(broken, c).items())
            try:
                posed = pose(sides, instance=broken)
            except ValueError:
                continue  # PyTensor refuses to build it, so nobody can write it
            yield NearMiss(relation, c, posed, shapes)
        for x in c.variables if c.name == "evenly_known" and sound is not None else ():
            posed = pose(sides, instance=sound, unshaped=(x,))
            yield NearMiss(relation, c, posed, f"the shape of {x} alone is unknown")
        if not _proved(sides, c):
            yield NearMiss(relation, c, pose(sides), "the shapes are unknown")


def check_near_miss(miss: NearMiss) -> None:
    """The relation must not match anywhere in a near miss."""
    found = read(miss.posed).rewrites
    if found:
        first = found[0]
        raise Mismatch(f"matches a near miss, {miss}: {first.before} became {first.after}")


def static_instance(
    problem: Problem, lengths: tuple[int, ...] = (3, 4, 5, 4, 3)
) -> Instance | None:
    """An instance whose lengths differ wherever they may."""
    for turn in (lengths, (3, 2, 2, 3, 4), (2, 4), (3,), (2,), (1,)):
        made = problem.instance(cycling(turn), seed=1, variant=telling(problem.sides))
        if made is not None:
            return made
    return None


def breakings(problem: Problem, c: Condition) -> Iterator[Instance]:
    """Instances in which a shape condition does not hold, one for each equation that it states."""
    others = tuple(d for d in problem.conditions if d is not c)
    structures = tuple(d for d in others if d.name not in SHAPE_CONDITIONS)
    stated = list(c.equations())
    for broken in stated:
        kept = [e for e in stated if e is not broken]
        for held, conditions in ((kept, others), ([], others), ([], structures)):
            found = _breaking(problem.sides, conditions, held, broken)
            if found is not None:
                yield found
                break


def _breaking(
    sides: Sides, others: tuple[Condition, ...], held: list[Equation], broken: Equation
) -> Instance | None:
    loose = Problem(sides, others)
    equations, nonzero = [*loose.lengths.equations, *held], loose.lengths.nonzero
    loose.lengths = Lengths(loose.lengths.order, equations, nonzero)
    test = Lengths(loose.lengths.order, [broken])
    rng = np.random.default_rng(0)
    order = len(loose.lengths.order)
    choices = itertools.product(LENGTHS, repeat=order) if order <= 4 else None
    for _ in range(TRIES):
        turn = next(choices, None) if choices else tuple(rng.choice(LENGTHS, order).tolist())
        if turn is None:
            return None
        made = loose.instance(cycling(turn), seed=1)
        if made is not None and not test.hold(made.known):
            return made
    return None


def _emptied(problem: Problem, c: Condition) -> Iterator[Instance]:
    """Instances in which a length is 0 that a condition states is not, one for each variable."""
    others = tuple(d for d in problem.conditions if d is not c)
    for x in c.variables if any(c.nonzero()) else ():

        def choose(axis: Axis, x: LogicVar = x) -> int:
            return 0 if axis.owner is x else 3

        made = Problem(problem.sides, others).instance(choose, seed=1)
        if made is not None and 0 in made.shape(x):
            yield made


def _narrowed(problem: Problem, c: Condition) -> Iterator[Instance]:
    """Instances in which a matrix is a column that a condition states is none."""
    for x in c.variables if c.name == "wide" else ():

        def choose(axis: Axis, x: LogicVar = x) -> int:
            return 1 if axis.owner is x and axis.axis == 1 else 3

        made = problem.instance(choose, seed=1)
        if made is not None and made.shape(x)[1] == 1:
            yield made


def _shapes(instance: Instance, c: Condition) -> dict[LogicVar, tuple[int, int]]:
    return {x: instance.shape(x) for x in c.variables}


def _proved(sides: Sides, c: Condition) -> bool:
    """Whether the left side alone proves a shape condition."""
    known = View()
    learn(known.dims, sides.lhs)
    return c.holds({x: x for x in c.variables}, known)


# --- what must match --------------------------------------------------------------------------


def check_matches(problem: Problem, notes: list[str]) -> int:
    """The relation matches its own sides wherever its conditions are declared; how many graphs.

    Parameters
    ----------
    problem : Problem
    notes : list of str
        Where the view reads a side as another term, which is no fault of the relation, this is
        noted here.
    """
    sides, relation = problem.sides, problem.sides.relation
    sound = static_instance(problem)
    if sound is None:
        return 0
    if relation.axiom:
        if not same_term(sides) or not same_term(sides, sound):
            raise Mismatch("an axiom, but the view reads its two sides as different terms")
        return 2
    if sides.lhs is sides.rhs:  # without its coefficients it may say nothing
        return 0
    return sum(_check_direction(problem, d, sound, notes) for d in relation.directions)


def _check_direction(
    problem: Problem, direction: Direction, sound: Instance, notes: list[str]
) -> int:
    found, values = read_term(problem, direction, sound)
    if not found.matched:
        if not direction.backward:
            raise Mismatch(f"does not match {direction.source}, its own left side")
        notes.append(f"does not match its right side, {direction.source}")
        return 0
    _check_rewrites(found, values, sound)
    found, values = read_term(problem, direction, sound, compound=True)
    if not found.matched and not direction.backward:
        raise Mismatch(f"does not match {found.root}, where products stand for its variables")
    _check_rewrites(found, values, sound)
    return 2 + _check_graphs(problem, direction, sound, notes)


def _check_graphs(problem: Problem, direction: Direction, sound: Instance, notes: list[str]) -> int:
    """The graph of its source, with static shapes and, where they prove nothing, without."""
    sides, relation = problem.sides, problem.sides.relation
    side = sides.written[direction.backward]
    shaped = [c for c in relation.conditions if c.name in SHAPE_CONDITIONS and not c.implied]
    dynamic = not direction.backward and all(_proved(sides, c) for c in shaped)
    for instance in (sound, None) if dynamic else (sound,):
        posed = pose(sides, side, instance=instance, variant=sound.variant)
        found = read(posed)
        _check_rewrites(found, posed.values(sound), sound)
        if found.matched:
            continue
        unread = unreadable(sides, side, sound)
        if not direction.backward and _reads_alike(problem, found, instance):
            notes.append(f"where it is declared the view reads both sides as {found.root}")
            continue
        if not direction.backward and not unread:
            shapes = "static" if instance is not None else "unknown"
            raise Mismatch(
                f"does not match the graph of its left side ({shapes} shapes), "
                f"which reads as {found.root}"
            )
        which = "right" if direction.backward else "left"
        why = f": nothing reads {', '.join(unread)}" if unread else ""
        notes.append(f"the graph of its {which} side reads as {found.root}{why}")
    return 1 + dynamic


def _reads_alike(problem: Problem, found: Read, instance: Instance | None) -> bool:
    """Whether the view reads the graph of the right side as that of the left, as it may where a
    matrix is declared to be symmetric.
    """
    sides = problem.sides
    right = read(pose(sides, sides.written[1], instance=instance))
    return str(right.root) == str(found.root)


def _check_rewrites(found: Read, values: list[Any], instance: Instance) -> None:
    """Each way in which the relation matches gives the same value."""
    if not found.rewrites:
        return
    try:
        here = measured(found.evaluator(), values)
    except Undefined:
        return
    for i, r in enumerate(found.rewrites[: len(here.values) // 2]):
        before, after = here.values[2 * i], here.values[2 * i + 1]
        allowed = here.tolerance(2 * i, "float64", here)
        if before.shape != after.shape or not size(before - after) <= allowed:
            raise Mismatch(f"{r.before} became {r.after}, which differs", instance, before, after)


# --- what implied conditions and dimensions promise -------------------------------------------


def check_implied(numeric: Numeric) -> int:
    """Where an implied condition does not hold the left side has no value; how many were tried."""
    problem, count = numeric.problem, 0
    for c in problem.sides.relation.conditions:
        if not c.implied:
            continue
        for broken in breakings(problem, c):
            for seed in range(3):
                count += 1
                instance = replace(broken, seed=seed)
                try:
                    numeric.left(instance)
                except Undefined:
                    continue
                raise Mismatch(f"{c} is not implied: the left side has a value", instance)
    return count


def check_dimensions(numeric: Numeric) -> int:
    """Lengths that contradict each other have no value; how many were tried."""
    problem = numeric.problem
    sound = static_instance(problem)
    if sound is None:
        return 0
    sides = problem.sides
    stated = Lengths(
        problem.lengths.order, [e for t in subterms(sides.written[0]) for e in equations(t)]
    )
    count = 0
    for axis in stated.order:
        known = {**sound.known, axis: sound.known[axis] + 1}
        if stated.hold(known):
            continue
        structure = tuple(
            name if shape == sound.shape(x) else "plain"
            for name, x in zip(sound.structure, sides.variables, strict=True)
            for shape in (replace(sound, known=known).shape(x),)
        )
        instance = replace(sound, known=known, structure=structure)
        count += 1
        try:
            numeric.left(instance, settled=False)
        except Undefined:
            continue
        raise Mismatch("the left side has a value where its dimensions contradict", instance)
    return count
