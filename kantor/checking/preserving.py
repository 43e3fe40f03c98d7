"""What `kantor.rewrite` must keep when it uses a relation: type, static shape, name and value."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace

from pytensor.graph.traversal import ancestors

from kantor.api import rewrite
from kantor.checking.compare import measured, size
from kantor.checking.instances import Instance, Problem, cycling
from kantor.checking.matching import static_instance
from kantor.checking.mismatch import Mismatch
from kantor.checking.posed import Posed, pose
from kantor.checking.sides import Evaluator, Undefined
from kantor.checking.variants import Variant
from kantor.engine import KantorWarning


def check_preserved(problem: Problem, variants: tuple[Variant, ...]) -> tuple[int, int]:
    """Rewrite the left side with this relation alone; how many graphs, and how many changed."""
    count = changed = 0
    for instance in _instances(problem, variants):
        for static in (instance, None):
            try:
                posed = pose(problem.sides, instance=static, variant=instance.variant)
            except TypeError:  # an Op that does not take this dtype
                continue
            changed += _check(posed, instance)
            count += 1
    return count, changed


def _instances(problem: Problem, variants: tuple[Variant, ...]) -> Iterator[Instance]:
    """One instance per variant, large enough for most forms to pay."""
    for variant in variants:
        for lengths in ((6, 7, 8, 6, 7), (9, 8, 8, 9, 4), (8,)):
            made = problem.instance(cycling(lengths), variant=variant, seed=2)
            if made is not None:
                yield made
                break
        else:
            made = static_instance(problem)
            if made is not None:
                yield replace(made, variant=variant)


def _check(posed: Posed, instance: Instance) -> bool:
    old = posed.output
    old.name = "kept"
    with warnings.catch_warnings():
        warnings.simplefilter("error", KantorWarning)
        try:
            new = rewrite(old, relations=posed.sides.relation)
        except KantorWarning as error:
            raise Mismatch(str(error), instance) from error
    if new is old:
        return False
    # What was there already keeps the name that it has.
    if new.name != old.name and new.owner is not None and new not in ancestors([old]):
        raise Mismatch(f"the name {old.name!r} became {new.name!r}", instance)
    if not old.type.is_super(new.type):
        raise Mismatch(f"the type {old.type} became {new.type}", instance)
    _compare(posed, new, instance)
    return True


def _compare(posed: Posed, new: object, instance: Instance) -> None:
    values = posed.values(instance)
    before, after = (Evaluator(posed.inputs, [out]) for out in (posed.output, new))
    try:
        (old,) = before(values)
        here = measured(_wide(posed, instance), values)
    except Undefined:
        return
    try:
        (value,) = after(values)
    except Undefined as error:
        raise Mismatch(f"rewritten, it has no value: {error}", instance, old) from error
    allowed = here.tolerance(0, instance.variant.dtype, here)
    if old.dtype != value.dtype or old.shape != value.shape or not size(value - old) <= allowed:
        raise Mismatch("rewritten, it has another value", instance, old, value)


def _wide(posed: Posed, instance: Instance) -> Evaluator:
    """The graph in double precision, by which the tolerance is measured."""
    dtype = "complex128" if instance.variant.dtype.startswith("complex") else "float64"
    wide = pose(posed.sides, variant=instance.variant._replace(dtype=dtype))
    return Evaluator(wide.inputs, [wide.output])
