"""Kantor's rewriters as PyTensor knows them: all relations at once, and one relation alone."""

from __future__ import annotations

import sys
import time
import warnings
import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any

from etuples.core import ExpressionTuple
from kanren import run
from pytensor.configdefaults import config
from pytensor.graph.basic import Variable
from pytensor.graph.rewriting.basic import GraphRewriter
from pytensor.graph.rewriting.kanren import KanrenRelationSub, eval_if_etuple
from pytensor.tensor.blockwise import Blockwise
from unification import var

from kantor.engine import Engine, KantorWarning
from kantor.steps import Step
from matchers.readers import READERS
from matchers.regions import anchored
from relations.relation import Relation

Profile = tuple["KantorRewriter", dict[str, int], float, int, int]

# Rounds that may rewrite one graph. Each should cost less than the last; if PyTensor puts back what
# Kantor replaces, the two must not go on until PyTensor aborts the phase.
ROUNDS = 8


class KantorRewriter(GraphRewriter):
    """Rewrites the regions of a graph with some relations, where that is cheaper.

    It runs first in each round of PyTensor's stabilize phase. The engine remembers, on the graph,
    which regions are decided; a graph without linear algebra costs one look at each node.

    Parameters
    ----------
    engine : callable
        Makes the engine, when there is something to rewrite for the first time.
    anywhere : bool
        Whether to look at graphs without linear algebra too, as plain miniKanren relations ask for.
    """

    name = "kantor"

    def __init__(self, engine: Callable[[], Engine], *, anywhere: bool = False) -> None:
        self._make_engine = engine
        self._anywhere = anywhere
        self._rounds: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._seen: weakref.WeakKeyDictionary[Any, Counter[Any]] = weakref.WeakKeyDictionary()

    def __str__(self) -> str:
        return "kantor"

    def add_requirements(self, fgraph: Any) -> None:
        """Nothing: the engine attaches its memo, and the assumptions, where it has work to do."""

    def apply(self, fgraph: Any) -> Profile | None:
        """Rewrite `fgraph` in place.

        What fails is reported in a warning and the graph left as it is, so that the phase goes on;
        with ``pytensor.config.on_opt_error = "raise"`` it is raised.
        """
        done = self._rounds.get(fgraph, 0)
        if done >= ROUNDS or not (self._anywhere or anchored(fgraph)):
            return None
        before, start = len(fgraph.apply_nodes), time.perf_counter()
        try:
            steps = self._make_engine().rewrite(fgraph)
        except Exception as error:
            if config.on_opt_error == "raise":
                raise
            self._rounds[fgraph] = ROUNDS
            _warn(f"Kantor leaves this graph alone: {type(error).__name__}: {error}")
            return None
        if steps and self._repeats(fgraph, steps):
            self._rounds[fgraph] = ROUNDS
        elif steps:
            self._rounds[fgraph] = done + 1
            if done + 1 == ROUNDS:
                last = ", ".join(steps[-1].relations)
                _warn(f"Kantor stops rewriting a graph after {ROUNDS} rounds, the last by {last}")
        count = Counter(name for step in steps for name in step.relations)
        seconds = time.perf_counter() - start
        return self, dict(count), seconds, before, len(fgraph.apply_nodes)

    def _repeats(self, fgraph: Any, steps: list[Any]) -> bool:
        """Whether a round does what two rounds have done: PyTensor puts back what is rewritten."""
        seen = self._seen.setdefault(fgraph, Counter())
        told = [
            (s.relations, *map(str, (s.before, s.after, s.decision.before)))
            if isinstance(s, Step)
            else s.relations
            for s in steps
        ]
        repeated = all([seen[t] > 1 for t in told])
        seen.update(told)
        return repeated

    def print_summary(self, stream: Any = sys.stdout, level: int = 0, depth: int = -1) -> None:
        """One line."""
        print(f"{' ' * level}{type(self).__name__} kantor", file=stream)

    @classmethod
    def print_profile(cls, stream: Any, prof: Profile | None, level: int = 0) -> None:
        """What was rewritten by which relation, as PyTensor's profiler prints it."""
        if prof is None:
            return
        _, count, seconds, before, after = prof
        blank = "    " * level
        print(blank, f"{cls.__name__} kantor", file=stream)
        print(blank, f"  time {seconds:.3f}s, nodes {before} → {after}", file=stream)
        for name, n in count.items():
            print(blank, f"  {n} × {name}", file=stream)

    @staticmethod
    def merge_profile(first: Profile | None, second: Profile | None) -> Profile | None:
        """Two profiles as one."""
        if first is None or second is None:
            return first or second
        count = dict(Counter(first[1]) + Counter(second[1]))
        return first[0], count, first[2] + second[2], first[3], second[4]


def _warn(message: str) -> None:
    warnings.warn(message, KantorWarning, stacklevel=3)


class RelationSub(KanrenRelationSub):
    """One relation as a node rewriter, which works in any PyTensor database.

    PyTensor's `KanrenRelationSub`, which tracks only the Ops that the relation can start at, and
    which takes the first result that has the type of what it replaces, and no other.

    Parameters
    ----------
    relation : Relation or callable
        A Kantor relation, or any miniKanren relation ``(in_lv, out_lv) -> goal``.
    node_filter : callable, optional
        Takes a node, returns whether to try it.
    """

    def __init__(
        self,
        relation: Relation | Callable[..., Any],
        node_filter: Callable[[Any], bool] = lambda node: True,
    ) -> None:
        super().__init__(relation, node_filter=node_filter)
        self.relation = relation
        named = getattr(relation, "name", None) or getattr(relation, "__name__", None)
        self.relation_name = str(named or type(relation).__name__)
        self.tags = relation.tags if isinstance(relation, Relation) else ("kantor:goal",)
        self._failed = False

    def __str__(self) -> str:
        return self.relation_name

    def tracks(self) -> Any:
        """The Ops that the left side may be the value of; None for a plain miniKanren relation."""
        if not isinstance(self.relation, Relation):
            return None
        names = _OPS.get(self.relation.lhs.head.name)
        return None if names is None else [*(t for t in READERS if t.__name__ in names), Blockwise]

    def transform(self, fgraph: Any, node: Any, enforce_tracks: bool = True) -> Any:
        """The outputs that replace those of `node`, as a list; or False."""
        if self._failed or (enforce_tracks and not self._tracked(node.op)):
            return False
        if self.node_filter(node) is False:
            return False
        try:
            graph: Any = node.default_output()
        except ValueError:
            graph = node.outputs
        out = var()
        try:
            for result in run(None, out, self.kanren_relation(graph, out)):
                new = _replacement(result, graph)
                if new is not None:
                    # Of several outputs, one may be what the node stands for.
                    return new if len(new) == len(node.outputs) else {graph: new[0]}
        except Exception as error:
            if config.on_opt_error == "raise":
                raise
            self._failed = True
            _warn(f"Kantor leaves out {self}: {type(error).__name__}: {error}")
        return False

    def _tracked(self, op: Any) -> bool:
        kinds = self.tracks()
        return kinds is None or isinstance(op, tuple(kinds))


def _replacement(result: Any, graph: Any) -> list[Any] | None:
    """The result as variables of the types of `graph`, or None where that is not what it is."""
    old = graph if isinstance(graph, list) else [graph]
    several = isinstance(result, (list, tuple)) and not isinstance(result, ExpressionTuple)
    evaluated = eval_if_etuple(result)
    # An etuple with a multi-output Op at its head evaluates to a list as well.
    new = [eval_if_etuple(r) for r in result] if several else evaluated
    new = list(new) if isinstance(new, (list, tuple)) else [new]
    if len(new) != len(old) or any(not isinstance(n, Variable) for n in new):
        return None
    fitted = [_fitted(n, o) for n, o in zip(new, old, strict=True)]
    if any(n is None for n in fitted) or all(n is o for n, o in zip(fitted, old, strict=True)):
        return None
    return fitted


def _fitted(new: Any, old: Any) -> Any:
    """`new` where it has the type of `old`, else None; a column stands for its vector."""
    ndim = getattr(old.type, "ndim", None)
    if ndim is not None and getattr(new.type, "ndim", None) == ndim + 1:
        new = new.squeeze(-1) if new.type.broadcastable[-1] else new
    lengths = zip(getattr(old.type, "shape", ()), getattr(new.type, "shape", ()), strict=False)
    if any(m != n for m, n in lengths if m is not None and n is not None):
        return None
    try:
        return old.type.convert_variable(new)  # None for another dtype or rank
    except (TypeError, NotImplementedError):  # another kind of type
        return None


# Which Ops a term with this head may be read from; any Op where a head is not listed.
_OPS = {
    "add": ("Elemwise",),
    "block_diag": ("BlockDiagonal",),
    "cholesky": ("Cholesky",),
    "det": ("Det",),
    "diag": ("AllocDiag",),
    "diagonal": ("ExtractDiag",),
    "expm": ("Expm",),
    "inverse": ("MatrixInverse",),
    "kron": ("KroneckerProduct",),
    "logabsdet": ("SLogDet", "SignedLogDet", "Elemwise"),
    "pinv": ("MatrixPinv",),
    "taken": ("AdvancedSubtensor",),
    "matmul": (
        "Dot", "BatchedDot", "Einsum", "Solve", "SolveTriangular", "CholeskySolve", "Elemwise",
        "DimShuffle",
    ),
    "mul": ("Elemwise",),
    "reciprocal": ("Elemwise",),
    "reshape": ("Reshape",),
    "scale": ("Elemwise",),
    "total": ("Sum",),
    "trace": ("Sum",),
    "transpose": ("DimShuffle",),
}  # fmt: skip
