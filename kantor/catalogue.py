"""The catalogue of all relations as Markdown, made of the relations themselves."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from kantor.checking.instances import Instance, NoInstance, Problem, cycling
from kantor.checking.settings import Setting
from kantor.checking.sides import readings
from kantor.checking.variants import telling
from kantor.cli_rules import HEADS, row
from kantor.notation import quantity
from kantor.survey import verdict
from lowering.polynomials import SMALLEST
from relations.relation import Relation

PREFACE = """# The relations of Kantor

Made by `python -m kantor rules --markdown`; do not edit it by hand. Costs are in flops, in the
lengths of the variables, and count 200 for each kernel that is launched. A form is used where
the whole of what surrounds it is cheaper, so that a relation which costs more by itself may be a
step towards one that costs less.
"""
# The lengths of the instance that is the example, in the order in which they are chosen.
LENGTHS = (40, 30, 20, 50, 25, 60)


def catalogue(relations: Sequence[Relation], table: Iterable[str] = ()) -> str:
    """The whole catalogue.

    Parameters
    ----------
    relations : sequence of Relation
        By family, as `relations.library.library` lists them.
    table : iterable of str
        Lines that stand before the families.
    """
    return "\n".join([PREFACE, *_contents(relations), *table, *_families(relations)])


def _contents(relations: Sequence[Relation]) -> Iterator[str]:
    counted = {name: len(list(own)) for name, own in groupby(relations, key=lambda r: r.module)}
    yield f"{len(relations)} relations in {len(counted)} families:"
    yield ""
    for module, n in counted.items():
        family = _family(module)
        yield f"- [{family}](#{family}), {n}: {_said_of(module)}"
    yield ""


def _families(relations: Sequence[Relation]) -> Iterator[str]:
    for module, own in groupby(relations, key=lambda r: r.module):
        yield f"## {_family(module)}\n"
        yield f"{_said_of(module)}\n"
        for r in own:
            yield from entry(r)


def _family(module: str) -> str:
    return module.rpartition(".")[2]


def _said_of(module: str) -> str:
    doc = getattr(sys.modules.get(module), "__doc__", None) or ""
    return " ".join(doc.strip().partition("\n\n")[0].split())


def entry(r: Relation) -> Iterator[str]:
    """What is said of one relation."""
    name, identity, *others = row(r)
    yield f"### `{name}`\n"
    yield f"{identity}\n"
    said = dict(zip(HEADS[2:], others, strict=True))
    yield from (f"- {head}: {value}" for head, value in said.items() if value)
    if not r.both_ways:
        yield "- used from left to right only"
    yield from _measured(r)
    yield ""


def _measured(r: Relation) -> Iterator[str]:
    """The costs of both sides; nothing where a condition is no assumption of PyTensor's."""
    sides = next(readings(r))
    try:
        setting = Setting(sides)
    except NoInstance as error:
        yield f"- no costs: {error}"
        return
    yield from _costs(r, setting)
    if not r.axiom:
        yield from _example(Problem(sides))


def _costs(r: Relation, setting: Setting) -> Iterator[str]:
    before, after = setting.cost(setting.lhs), setting.cost(setting.rhs)
    poly = setting.notation.poly
    if r.axiom:
        yield f"- flops: {poly(before)}; the view has one term for both sides"
        return
    yield f"- flops of the left side: {poly(before)}"
    yield f"- flops of the right side: {poly(after)}"
    gain = (before - after).normal(setting.view.dims.normal)
    if verdict(gain, {}) == "never":
        yield "- the right side is never cheaper by itself"
        return
    always = f", which is so from length {SMALLEST} on" if gain.positive() else ""
    yield f"- the right side is cheaper where {setting.notation.cheaper(before, after)}{always}"


def _example(problem: Problem) -> Iterator[str]:
    """An instance of some size: the terms, and what they cost there."""
    instance = _instance(problem)
    if instance is None:
        return
    setting = Setting(problem.sides, instance)
    term = setting.notation.term
    costs = [setting.cost(side).constant for side in (setting.lhs, setting.rhs)]
    flops = " → ".join(quantity(round(c)) for c in costs if c is not None)
    terms = f"`{term(setting.lhs)}` → `{term(setting.rhs)}`"
    yield f"- example: {terms}, {flops} flops, {_of(instance)}"


def _instance(problem: Problem) -> Instance | None:
    variant = telling(problem.sides)
    for lengths in (LENGTHS, LENGTHS[:2], LENGTHS[:1]):
        try:
            made = problem.instance(cycling(lengths), variant=variant)
        except NoInstance:
            return None
        if made is not None:
            return made
    return None


def _of(instance: Instance) -> str:
    sizes = []
    for i, x in enumerate(instance.sides.variables):
        if x.kind != "scalar":
            lead = f"{instance.batch} of " if instance.variant.batch(i) else ""
            m, n = instance.shape(x)
            sizes.append(f"{x} {lead}{m} × {n}")
    return ", ".join(sizes)


__all__ = ["catalogue", "entry"]
