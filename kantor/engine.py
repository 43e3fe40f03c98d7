"""The engine: regions of a graph are read as terms, rewritten, and rebuilt where that is cheaper."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.features import Feature

from lowering.build import Builder, CannotBuild
from lowering.costs import LAUNCH, number_of_launches
from lowering.decide import Decision, decide
from lowering.plans import Plan, Planner, total
from lowering.polynomials import Poly
from lowering.search import BUDGET, Candidate, positions, search
from matchers.dims import Axis, Dim
from matchers.kernels import node_kernel
from matchers.match import Context
from matchers.regions import Region, regions, used_outside
from matchers.terms import Atom, Term
from matchers.view import View
from relations.language import Relation
from relations.plain import PlainGoal
from relations.reference_rules import ReferenceRules
from relations.rules import Rewrite, Rules

# Sample sizes at which forms are searched; only the winner is proved for all sizes. One sample has
# all lengths nearly equal, the others have them grow and shrink in the order of appearance.
# How many forms, from the cheapest, are tried to be proved cheaper at each sample.
TRIES = 4
SAMPLES = ((128.0, 1.01), (16.0, 1.7), (900.0, 0.6))


class KantorWarning(UserWarning):
    """A relation failed and was left out."""


@dataclass(frozen=True)
class Step:
    """One region rewritten.

    Attributes
    ----------
    relations : tuple of str
        The relations used, in order; ``associativity`` where only the bracketing changed.
    moves : tuple
        Each use of a relation, with ``before`` and ``after``.
    before, after : tuple of Term
        All outputs of the region.
    decision : Decision
        Why, and at what cost before and after.
    plan : Plan
        The kernels of the new form.
    unexpanded : int
        How many forms the search reached and left unexpanded.
    exhausted : bool
        Whether a match ran out of its budget, so that forms may be missing.
    """

    relations: tuple[str, ...]
    moves: tuple[Any, ...]
    before: tuple[Term, ...]
    after: tuple[Term, ...]
    decision: Decision
    plan: Plan
    unexpanded: int
    exhausted: bool

    @property
    def cost_before(self) -> Poly:
        """Flops of the nodes that were there."""
        return self.decision.before

    @property
    def cost_after(self) -> Poly:
        """Flops of the new nodes."""
        return self.decision.after


@dataclass(frozen=True)
class PlainStep:
    """One output replaced by a plain miniKanren relation."""

    relations: tuple[str, ...]
    before: Any
    after: Any


class Decided(Feature):  # type: ignore[misc]
    """Which regions of a graph were decided already, and by which engine."""

    def __init__(self) -> None:
        self.regions: set[Any] = set()

    @staticmethod
    def of(fgraph: Any) -> Decided:
        """The memo of a graph, attached on first use."""
        for feature in fgraph._features:
            if isinstance(feature, Decided):
                return feature
        feature = Decided()
        fgraph.attach_feature(feature)
        return feature

    def __reduce__(self) -> tuple[type[Decided], tuple[()]]:
        """A pickled graph has other nodes as well."""
        return Decided, ()

    def clone(self) -> Decided:
        """A cloned graph has other nodes, and so nothing decided."""
        return Decided()


@dataclass
class Engine:
    """Rewrites graphs with some relations.

    Parameters
    ----------
    relations : tuple of Relation
    sizes : mapping, optional
        Typical shapes of variables, for choices that no proof decides.
    goals : tuple of callable
        Plain miniKanren relations ``(in_lv, out_lv) -> goal``.
    matcher : {"compiled", "kanren"}
        The compiled matcher, or the reference in plain miniKanren goals: slow, for comparison.
    budget : int
        How many forms of a region are expanded.
    """

    relations: tuple[Relation, ...]
    sizes: Mapping[Any, Any] | None = None
    goals: tuple[Callable[..., Any], ...] = ()
    matcher: str = "compiled"
    budget: int = BUDGET
    reported: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        kinds = {"compiled": Rules, "kanren": ReferenceRules}
        if self.matcher not in kinds:
            raise ValueError(f"matcher is {self.matcher!r}; one of {', '.join(kinds)}")
        self.rules = kinds[self.matcher](self.relations, self._failed)
        self.plain = tuple(PlainGoal(g, self._warn) for g in self.goals)

    def rewrite(self, fgraph: Any) -> list[Step | PlainStep]:
        """Rewrite `fgraph` in place; the steps taken."""
        taken = [s for s in self.decisions(fgraph) if s.decision.taken]
        return [*taken, *self._plainly(fgraph)]

    def _plainly(self, fgraph: Any) -> list[PlainStep]:
        """Apply plain miniKanren relations, which answer for single outputs and know no cost."""
        out = []
        for goal in self.plain:
            for node in fgraph.toposort():
                if node not in fgraph.apply_nodes or len(node.outputs) != 1:
                    continue
                (old,) = node.outputs
                new = goal.replacement(old)
                if new is not None:
                    fgraph.replace_all_validate([(old, new)], reason=goal.name)
                    out.append(PlainStep((goal.name,), old, new))
        return out

    def decisions(self, fgraph: Any, *, replace: bool = True) -> list[Step]:
        """What was found for each region, taken or not.

        Parameters
        ----------
        fgraph : FunctionGraph
        replace : bool
            Whether to put the new forms into the graph.
        """
        out = []
        memo: Decided | None = None
        for region in list(regions(fgraph)):
            memo = memo or Decided.of(fgraph)
            key = (self.rules, *region.nodes)
            if key in memo.regions or any(n not in fgraph.apply_nodes for n in region.nodes):
                continue
            memo.regions.add(key)
            try:
                out += self._region(fgraph, region, replace)
            except Exception as error:
                self._failed(None, error)
        return out

    def _failed(self, relation: Relation | None, error: Exception) -> None:
        name = relation.name if relation is not None else "the engine"
        self._warn(f"Kantor leaves out {name}: {type(error).__name__}: {error}")

    def _warn(self, message: str) -> None:
        if message not in self.reported:
            self.reported.add(message)
            warnings.warn(message, KantorWarning, stacklevel=2)

    def _region(self, fgraph: Any, region: Region, replace: bool) -> list[Step]:
        reading = Reading(fgraph, region, self.sizes)
        context = Context(reading.view.dims)
        memo: dict[Term, tuple[Rewrite, ...]] = {}

        def moves(term: Term) -> tuple[Rewrite, ...]:
            found = memo.get(term)
            if found is None:
                found = memo[term] = tuple(self.rules.rewrites(term, reading.view, context))
            return found

        best: Step | None = None
        for sample in SAMPLES:
            planner = Planner(reading.sizer(sample), reading.view.holds)
            found = search(reading.roots, moves, planner, self.budget)
            for candidate in found.candidates[:TRIES]:
                step = reading.step(candidate, planner, found.unexpanded, context.exhausted)
                if step.decision.taken and (not replace or reading.replace(step)):
                    return [step]
                best = best or step
            if reading.decided or len(found.candidates) == 1:
                break
        return [best] if best is not None and best.relations else []


class Reading:
    """A region read as terms, with what its nodes cost."""

    def __init__(self, fgraph: Any, region: Region, sizes: Mapping[Any, Any] | None) -> None:
        self.fgraph = fgraph
        self.view, self.region = _read(fgraph, region)
        self.keys = [(r, self.view.core(r)) for r in self.region.roots]
        self.roots = tuple(self.view.definition(r, core) for r, core in self.keys)
        self.calls = [node_kernel(self.view, node) for node in self.region.nodes]
        self.known = self._known_sizes(sizes)

    @property
    def decided(self) -> bool:
        """Whether all sizes are known, so that one sample tells all."""
        return self.before().symbols <= set(self.known)

    def before(self) -> Poly:
        """The cost of the nodes that are there; a search may have learnt more of the sizes."""
        return total(self.calls, self.view.dims.normal)

    def _known_sizes(self, sizes: Mapping[Any, Any] | None) -> dict[Axis, float]:
        """Shapes of shared variables as they are now, and declared ones."""
        given = {k: tuple(s) for k, s in (sizes or {}).items()}
        named = {k.name: s for k, s in given.items() if getattr(k, "name", None)}
        out: dict[Axis, float] = {}
        for s in self.before().symbols:
            for d in (Dim(1, frozenset([(s, 1)])), *self.view.dims.members(
                Dim(1, frozenset([(s, 1)]))
            )):  # fmt: skip
                ((axis, _),) = d.powers
                n = _present_length(axis, given, named)
                if n is not None:
                    out[s] = float(n)
                    break
        return out

    def sizer(self, sample: tuple[float, float]) -> Callable[[Dim], float]:
        """Dimensions as numbers: the known ones as they are, the others by the sample."""
        base, growth = sample
        chosen: dict[Axis, float] = dict(self.known)
        memo: dict[Dim, float] = {}

        def size(dim: Dim) -> float:
            found = memo.get(dim)
            if found is None:
                found = float(self.view.dims.normal(dim).coef)
                for s, p in sorted(self.view.dims.normal(dim).powers, key=str):
                    n = chosen.setdefault(s, max(8.0, base * growth ** len(chosen)))
                    found *= n**p
                memo[dim] = found
            return found

        return size

    def step(
        self, candidate: Candidate, planner: Planner, unexpanded: int, exhausted: bool
    ) -> Step:
        """The decision about one candidate."""
        plan = planner.plan(candidate.roots)
        after = plan.polynomial(self.view.dims.normal)
        decision = decide(self.before(), after, self.known, self.view.dims.reduced)
        if decision.taken and not candidate.path:
            decision = self._rebracketed(decision, plan)
        names = tuple(
            m.relation.name for m in candidate.path if getattr(m, "relation", None) is not None
        )
        if decision.taken and not names:
            names = ("associativity",)
        return Step(
            names,
            candidate.path,
            self.roots,
            candidate.roots,
            decision,
            plan,
            unexpanded,
            exhausted,
        )

    def _rebracketed(self, decision: Decision, plan: Plan) -> Decision:
        """The same form in another order must save flops, more than a launch is worth."""
        launches = number_of_launches(self.calls) - number_of_launches(plan.calls())
        saved = decide(
            decision.before,
            decision.after + LAUNCH * (launches + 1),
            self.known,
            self.view.dims.reduced,
        )
        return decision if saved.taken else saved

    def replace(self, step: Step) -> bool:
        """Put a new form into the graph; false where it cannot be built."""
        leaves = [t.var for r in self.roots for t in _atoms(r)]
        builder = Builder(step.plan, self.view.dims, leaves, _dtype(self.keys), lambda term: None)
        builder.plan_holds = self.view.holds
        try:
            pairs = [
                (var, builder.output(new, var, core))
                for (var, core), old, new in zip(self.keys, self.roots, step.after, strict=True)
                if not (isinstance(old, Atom) and old is new)
            ]
        except CannotBuild:
            return False
        for var, new in pairs:
            if var.name and not new.name and new.owner is not None:
                new.name = var.name
        self.fgraph.replace_all_validate(
            [(a, b) for a, b in pairs if a is not b], reason="+".join(step.relations)
        )
        return True


def _read(fgraph: Any, region: Region) -> tuple[View, Region]:
    """The view of a region, without the nodes that nothing reads.

    A node that is a leaf keeps its inputs alive, so these are outputs of what remains.
    """
    while True:
        view = View(fgraph, region.nodes)
        inside = set(region.nodes)
        roots = [view.definition(r) for r in region.roots]
        leaves = [t.var for r in roots for t in _atoms(r)]
        unread = [x for x in leaves if x.owner in inside]
        if not unread:
            return view, region
        dropped = {x.owner for x in unread if _unreadable(view, x)}
        kept = {x for x in unread if x.owner not in dropped}
        nodes = [n for n in region.nodes if n not in dropped]
        outside = used_outside(fgraph, nodes)
        if not dropped and kept <= set(region.roots):
            return view, region
        new = set(outside) | kept
        region = Region(nodes, [o for n in nodes for o in n.outputs if o in new])


def _unreadable(view: View, var: Any) -> bool:
    t = view.term(var, view.core(var))
    return isinstance(t, Atom) and t.definition is None


def _dtype(keys: list[tuple[Any, int]]) -> str:
    return str(keys[0][0].type.dtype)


def _atoms(root: Term) -> list[Atom]:
    return [t for t in positions((root,)) if isinstance(t, Atom) and t.definition is None]


def _present_length(axis: Axis, given: Mapping[Any, Any], named: Mapping[Any, Any]) -> int | None:
    var = axis.owner
    if axis.axis is None:
        return None
    if var in given or getattr(var, "name", None) in named:
        shape = given[var] if var in given else named[var.name]
        return int(shape[axis.axis])
    if isinstance(var, SharedVariable):
        return int(var.get_value(borrow=True, return_internal_type=True).shape[axis.axis])
    return None


__all__ = ["Decided", "Engine", "KantorWarning", "Reading", "Step"]
