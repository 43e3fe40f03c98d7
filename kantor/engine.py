"""The engine: regions are read as terms, rewritten, and rebuilt where that is cheaper."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any

from pytensor.graph.features import Feature

from kantor.reading import Reading
from kantor.sizes import SAMPLES
from kantor.steps import PlainStep, Step
from lowering.planner import Planner
from lowering.positions import opened, positions
from lowering.search import BUDGET, Candidate, Found, Moves, followed
from matchers.match import Context
from matchers.properties import declare
from matchers.regions import Region, regions
from relations.library import AFTER_GRADIENTS, RECOMPOSING
from relations.plain import PlainGoal
from relations.reference_rules import ReferenceRules
from relations.relation import Relation
from relations.rules import Offered, Rules

# Sizes at which a form is bracketed again if its bracketing at a sample is not proved cheaper.
SKEWED = ((8.0, 3.0), (4096.0, 0.33))
# Longer sums are shared out between two variables one operand at a time.
SPLITS = 6
# How many forms, from the cheapest, are tried to be proved cheaper at each sample.
TRIES = 4
# What a graph that a search has ended at may cost, over what would be planned: lengths that nothing
# tells apart are sampled a little apart, in an order that depends on how a graph is read.
NEARLY = 1.02


class KantorWarning(UserWarning):
    """A relation failed and was left out."""


class Decided(Feature):
    """What was decided of a graph already, and by which engine.

    Attributes
    ----------
    regions : set
        The nodes of the regions that were looked at.
    forms : set
        The terms in the forms that were put into the graph, and around which a search has looked:
        those it started from, and those one move away. Farther off its patience may have ended it.
    """

    def __init__(self) -> None:
        self.regions: set[Any] = set()
        self.forms: set[Any] = set()

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

    Attributes
    ----------
    bounds : Counter
        How many `searches` there were, and how many ended at a bound: of `matches` or `forms` there
        were too many; `patience` ran out where no cheaper form had been found for long.
    """

    relations: tuple[Relation, ...]
    sizes: Mapping[Any, Any] | None = None
    goals: tuple[Callable[..., Any], ...] = ()
    matcher: str = "compiled"
    budget: int = BUDGET
    reported: set[str] = field(default_factory=set)
    bounds: Counter[str] = field(default_factory=Counter, init=False)

    def __post_init__(self) -> None:
        _check_sizes(self.sizes)
        check_budget(self.budget)
        declare()
        kinds: dict[str, Callable[..., Rules | ReferenceRules]] = {
            "compiled": partial(Rules, everything=False),
            "kanren": ReferenceRules,
        }
        if self.matcher not in kinds:
            raise ValueError(f"matcher is {self.matcher!r}; one of {', '.join(kinds)}")
        make = kinds[self.matcher]
        self.rules = make([r for r in self.relations if not r.last], self._failed)
        self.last_rules = make([r for r in self.relations if r.last], self._failed)
        undone = [r for r in self.relations if RECOMPOSING in r.tags]
        self.recomposing = make(undone, self._failed)
        self.plain = tuple(PlainGoal(g, self._warn) for g in self.goals)
        self.factoring = any([AFTER_GRADIENTS in r.tags for r in self.relations])

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
            if not self._undecided(fgraph, region, memo):
                continue
            try:
                parts = Reading(fgraph, region, self.sizes, self.factoring).parts()
                for part in parts:
                    if len(parts) == 1 or self._undecided(fgraph, part.region, memo):
                        out += self._region(fgraph, part, memo if replace else None)
            except Exception as error:
                self._failed(None, error)
        return out

    def _undecided(self, fgraph: Any, region: Region, memo: Decided) -> bool:
        """Whether nothing has been decided about these nodes, all of which are there; notes them.

        What is written anew in a round is looked at in the next one.
        """
        key = (self.rules, *region.nodes)
        if key in memo.regions or any(n not in fgraph.apply_nodes for n in region.nodes):
            return False
        memo.regions.add(key)
        return True

    def _failed(self, relation: Relation | None, error: Exception) -> None:
        name = relation.name if relation is not None else "the engine"
        self._warn(f"Kantor leaves out {name}: {type(error).__name__}: {error}")

    def _warn(self, message: str) -> None:
        if message not in self.reported:
            self.reported.add(message)
            warnings.warn(message, KantorWarning, stacklevel=2)

    def _region(self, fgraph: Any, reading: Reading, memo: Decided | None) -> list[Step]:
        """What was found for one region; with a memo, the graph is rewritten."""
        context = Context(reading.view.dims, splits=SPLITS)
        moves, last = self.offered(reading, context)
        if memo is not None and (self._ended_at(reading, memo) or reading.settled(moves, last)):
            return []
        step, pairs = self._chosen(reading, moves, last, context)
        if pairs and memo is not None:
            reason = "+".join(step.relations)
            fgraph.replace_all_validate(pairs, reason=reason)
            if len(step.moves) < 2 and all([_leads_on(m) for m in step.moves]):
                memo.forms.update([(self.rules, t) for t in positions(opened(step.after))])
        return [step] if step is not None else []

    def offered(self, reading: Reading, context: Context) -> tuple[Offered, Offered]:
        """The rewrites that the relations offer in a region, and those that are tried last."""
        view = reading.view
        return Offered(self.rules, view, context), Offered(self.last_rules, view, context)

    def _ended_at(self, reading: Reading, memo: Decided) -> bool:
        """Whether a search has ended at this form, and the graph computes it as one would plan to.

        PyTensor may have put the factors of a matrix in its place since. What stands around a form,
        as a coefficient in front of it, may be read without it now.
        """
        if not memo.forms:
            return False
        moves = Offered(self.recomposing, reading.view, Context(reading.view.dims))
        form = opened(followed(reading.roots, moves))
        if not all([(self.rules, t) in memo.forms for t in form]):
            return False
        planned = reading.planner(SAMPLES[0]).exact_price(form)
        return reading.cost_at(reading.sizer(SAMPLES[0])) <= NEARLY * planned

    def _chosen(
        self, reading: Reading, moves: Moves, last: Moves, context: Context
    ) -> tuple[Any, Any]:
        """The step that is to be told of, and what it replaces if it is taken."""
        best: Step | None = None
        skewed = () if reading.decided else _Planners(reading)
        for sample in SAMPLES:
            size = reading.sizer(sample)
            planner = reading.planner(sample)
            found = reading.forms(moves, last, sample, planner, self.budget)
            self._note(found, context)
            before = reading.cost_at(size)
            for candidate in found.candidates[:TRIES]:
                if candidate.cost >= before and not (candidate.path and best is None):
                    break
                planners = chain([planner], skewed)
                step = _proved(reading, candidate, planners, found.unexpanded, context.exhausted)
                pairs = reading.build(step) if step.decision.taken else None
                if pairs:
                    return step, pairs
                best = best or step.unsourced()
            # What is cheaper for all sizes is cheaper at this one; only if something is, but could
            # not be proved to be always, may another sample lead to a form that can.
            if found.candidates[0].cost >= before or reading.decided:
                break
        return (best, None) if best is not None and best.relations else (None, None)

    def _note(self, found: Found, context: Context) -> None:
        """Count a search, and the bounds at which it ended."""
        self.bounds["searches"] += 1
        self.bounds["matches"] += context.exhausted
        self.bounds["forms"] += found.spent
        self.bounds["patience"] += bool(found.unexpanded) and not found.spent


def _leads_on(move: Any) -> bool:
    """Whether the search has looked around the form that a move led to, as it will be read.

    It has not after a move that is tried last, nor through a shared value, which is shared again.
    """
    relation = getattr(move, "relation", None)
    return relation is not None and not relation.last


class _Planners:
    """Planners that bracket otherwise, made when they are asked for.

    None takes X Xᵀ for one kernel: A (X Xᵀ) costs less than (A X) Xᵀ at some sizes only.
    """

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._made: list[Planner] = []

    def __iter__(self) -> Iterator[Planner]:
        for i, sample in enumerate((SAMPLES[0], *SKEWED)):
            if i == len(self._made):
                self._made.append(self._reading.planner(sample, halving=False))
            yield self._made[i]


def _proved(
    reading: Reading, found: Candidate, planners: Iterable[Planner], unexpanded: int, ended: bool
) -> Step:
    """The decision about a form, bracketed so that it can be proved if any of `planners` does.

    What is cheapest where all lengths are nearly equal may not be cheaper than the graph where they
    are not; another bracketing of the same form often is.
    """
    first: Step | None = None
    for planner in planners:
        step = reading.step(found, planner, unexpanded, ended)
        if step.decision.taken:
            return step
        first = first or step
    assert first is not None
    return first


def check_budget(budget: int) -> None:
    """Refuse a number of forms that is none, in one line.

    Raises
    ------
    ValueError
    """
    if isinstance(budget, bool) or not isinstance(budget, int) or budget < 0:
        raise ValueError(f"budget= is how many forms are followed, not {budget!r}")


def _check_sizes(sizes: Mapping[Any, Any] | None) -> None:
    """Refuse typical shapes that are none, in one line.

    Raises
    ------
    ValueError
    """
    if sizes is not None and not isinstance(sizes, Mapping):
        raise ValueError(f"sizes= maps PyTensor variables to shapes, not {sizes!r}")
    for var, shape in (sizes or {}).items():
        ndim = getattr(getattr(var, "type", None), "ndim", None)
        if ndim is None:
            raise ValueError(f"sizes= maps PyTensor variables to shapes, not {var!r}")
        if len(tuple(shape)) != ndim or not all(isinstance(n, int) and n >= 0 for n in shape):
            raise ValueError(f"sizes= gives {var} the shape {shape!r}; it needs {ndim} lengths")


__all__ = ["Decided", "Engine", "KantorWarning", "PlainStep", "Reading", "Step", "check_budget"]
