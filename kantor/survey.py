"""What the engine saw of a region: its forms, their kernels, and how large their values are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kantor.engine import SPLITS, Engine, Reading, Step
from kantor.notation import Notation, formula, maximal
from kantor.sizes import SAMPLES
from lowering.kernels import FREE
from lowering.planner import Planner
from lowering.plans import Plan
from lowering.polynomials import Poly
from lowering.positions import positions
from lowering.search import Found
from matchers.dims import Axis, Dim
from matchers.kernels import size
from matchers.leaves import Atom, atom
from matchers.match import Context
from matchers.printing import DEPTH, Names, pretty
from matchers.terms import Term, shape
from matchers.view import View
from matchers.vocabulary import matmul


class Kernel(NamedTuple):
    """One line of a program.

    Attributes
    ----------
    name : str
        The kernel, for example ``solve``.
    sizes : str
        What it is called with, for example ``n=rows(A), k=1``.
    flops : str
        What one call costs, in these parameters.
    batch : str
        How often it runs; empty for once.
    value : str
        What it computes.
    """

    name: str
    sizes: str
    flops: str
    batch: str
    value: str

    def __str__(self) -> str:
        times = f" × {self.batch}" if self.batch else ""
        return f"{self.name} {self.sizes}: {self.flops}{times}"


class Survey:
    """All forms of a region that the search reaches, without changing the graph.

    Parameters
    ----------
    engine : Engine
    reading : Reading
    """

    def __init__(self, engine: Engine, reading: Reading) -> None:
        self.engine = engine
        self.reading = reading
        self.context = Context(reading.view.dims, splits=SPLITS)
        self.moves, self.last = engine.offered(reading, self.context)
        samples = SAMPLES[:1] if reading.decided else SAMPLES
        self.found = [self._search(sample) for sample in samples]

    def _search(self, sample: tuple[float, float]) -> tuple[Planner, Found]:
        planner = Planner(self.reading.sizer(sample), self.reading.view.known)
        budget = self.engine.budget
        return planner, self.reading.forms(self.moves, self.last, sample, planner, budget)

    @property
    def exhausted(self) -> bool:
        """Whether a match or the search came to the end of its budget."""
        return self.context.exhausted or any([found.spent for _, found in self.found])

    def steps(self) -> Iterator[Step]:
        """The decision about each other form, the cheapest at each sample first."""
        seen: set[Any] = set()
        for planner, found in self.found:
            for c in found.candidates:
                step = self.reading.step(c, planner, found.unexpanded, self.context.exhausted)
                key = c.roots, frozenset(step.decision.after.terms.items())
                if key not in seen and (gain(step).terms or c.path):
                    seen.add(key)
                    yield step

    def alternative(self) -> Step | None:
        """The cheapest form that other sizes would make worth it."""
        known = self.reading.known
        return next(
            (s for s in self.steps() if verdict(gain(s), known) in ("sizes", "known")), None
        )

    # --- programs -----------------------------------------------------------------------------

    def program(self, notation: Notation) -> tuple[Kernel, ...]:
        """The kernels of the nodes that are there."""
        view = self.reading.view
        return tuple(
            _kernel(notation, *call, view.definition(node.outputs[0]))
            for node, call in zip(self.reading.region.nodes, self.reading.calls, strict=True)
            if call[0] not in FREE
        )

    def planned(self, plan: Plan, notation: Notation) -> tuple[Kernel, ...]:
        """The kernels of a new form."""
        return tuple(
            _kernel(notation, *call, term)
            for term, call in zip(plan.steps, plan.calls(), strict=True)
            if call[0] not in FREE
        )

    def largest(self) -> tuple[Dim, ...]:
        """How many entries the largest values have that the nodes compute."""
        view = self.reading.view
        calls = zip(self.reading.region.nodes, self.reading.calls, strict=True)
        nodes = [node for node, call in calls if call[0] not in FREE]
        return maximal(view.dims.normal(size(view, out)) for n in nodes for out in n.outputs)

    def largest_planned(self, plan: Plan) -> tuple[Dim, ...]:
        """How many entries the largest values have that a new form computes."""
        terms = [t for t, call in zip(plan.steps, plan.calls(), strict=True) if call[0] not in FREE]
        return maximal(self.reading.view.dims.normal(_entries(t)) for t in terms)

    # --- bracketing ---------------------------------------------------------------------------

    def bracketed(self, notation: Notation) -> tuple[str, ...]:
        """The outputs of the region as its nodes bracket them."""
        view = _Nested(self.reading.fgraph, self.reading.region.nodes)
        roots = [view.definition(root, core) for root, core in self.reading.keys]
        return tuple(pretty(r, DEPTH, notation.names, shared="()") for r in roots)


def gain(step: Step) -> Poly:
    """The flops that a form saves."""
    return step.decision.before - step.decision.after


def verdict(saved: Poly, known: Mapping[Axis, float]) -> str:
    """What some saved flops come to.

    Returns
    -------
    str
        ``better`` for all sizes or for the known ones, ``never``, ``known`` where it is the known
        sizes at which nothing is saved, or ``sizes`` where unknown sizes decide.
    """
    if saved.positive() or saved.at(known).positive():
        return "better"
    if (-saved + 1.0).positive():
        return "never"
    return "sizes" if saved.at(known).constant is None else "known"


def bracketed(step: Step, notation: Notation) -> tuple[str, ...]:
    """The outputs of a new form as its plan brackets them."""

    def split(term: Term) -> tuple[Any, ...]:
        chosen = step.plan.steps.get(term)
        if chosen is None or term.head is not matmul or len(term.args) == 2:
            return term.args
        if chosen.kernel == "product":
            return chosen.needs
        if chosen.side == "left":
            return term.args[0], matmul(*term.args[1:])
        return matmul(*term.args[:-1]), term.args[-1]

    return tuple(pretty(r, DEPTH, notation.names, split=split) for r in step.after)


def replaced(roots: tuple[Any, ...], old: Term, new: Any) -> tuple[Any, ...]:
    """`roots` with one term replaced everywhere, in the definitions of shared ones too."""
    changed: dict[Any, Any] = {old: new}
    for t in positions(roots):
        if t is old:
            continue
        if isinstance(t, Atom):
            if t.definition in changed:
                changed[t] = atom(t.var, t.core, changed[t.definition], t.symmetric)
        elif any(a in changed for a in t.args):
            changed[t] = t.head.make(*(changed.get(a, a) for a in t.args))
    return tuple(changed.get(r, r) for r in roots)


class _Nested(View):
    """A view in which no product is flattened into another."""

    def shared(self, var: Any) -> bool:
        return True


def _entries(term: Term) -> Dim:
    rows, cols, batch = shape(term)
    out = rows * cols
    for n in batch:
        out = out * n
    return out


def _kernel(
    notation: Notation, kernel: str, sizes: tuple[Dim, ...], batch: Dim, value: Any
) -> Kernel:
    normal = notation.dims.normal
    called, flops = formula(kernel, [normal(d) for d in sizes], notation.dim)
    times = "" if normal(batch) == Dim(1) else notation.dim(batch)
    return Kernel(kernel.replace("_", " "), called, flops, times, notation.term(value))


class Account(NamedTuple):
    """A region as it was before the engine decided, and what it decided."""

    survey: Survey
    notation: Notation
    nodes: tuple[str, ...]
    program: tuple[Kernel, ...]
    largest: tuple[Dim, ...]
    step: Step | None


@dataclass
class Recorder(Engine):
    """An engine that keeps an account of each region.

    Parameters
    ----------
    names : Names
        What variables are called.
    """

    names: Names = field(default_factory=Names)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.accounts: list[Account] = []

    def _region(self, fgraph: Any, reading: Reading, memo: Any) -> list[Step]:
        survey = Survey(self, reading)
        notation = Notation(self.names, survey.reading.view.dims)
        before = survey.bracketed(notation), survey.program(notation), survey.largest()
        steps = super()._region(fgraph, reading, memo)
        self.accounts.append(Account(survey, notation, *before, steps[0] if steps else None))
        return steps


__all__ = ["Account", "Kernel", "Recorder", "Survey", "bracketed", "gain", "replaced", "verdict"]
