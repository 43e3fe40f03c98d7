"""Kantor's rewrite database: one entry per relation, one graph rewriter out of those selected.

PyTensor's databases hand a query on to the databases that they hold. Here the entries that the
query selects by name and tag become one `KantorRewriter`, which rewrites with just those relations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pytensor.compile.mode import optdb
from pytensor.graph.rewriting.basic import GraphRewriter, SequentialGraphRewriter
from pytensor.graph.rewriting.db import RewriteDatabase

from kantor.corrections import Changed
from kantor.engine import Engine, check_budget
from kantor.rewriter import KantorRewriter, RelationSub
from lowering.columns import KERNELS
from lowering.search import BUDGET
from matchers.variables import LogicVar
from relations.library import AFTER_GRADIENTS, library, select
from relations.relation import Relation

# What PyTensor's own modes ask for, and PyMC's rewriting before it differentiates ("stabilize").
COMPILING = ("fast_run", "fast_compile")
DEFAULT_TAGS = (*COMPILING, "stabilize")
# The tag of everything that is Kantor's: `mode.excluding("kantor")`.
KANTOR = "kantor"
# What MLX's mode asks for, to which `lowering/backends.py` tells nothing of Kantor's Ops.
WITHOUT_OWN_OPS = "mlx"
# What a mode of its own excludes, so that nothing is rewritten twice where `register` was called.
REGISTERED = "kantor:registered"


class RelationDatabase(RewriteDatabase):
    """Relations by name and tag.

    Parameters
    ----------
    spec : optional
        Which relations, as `relations.library.select` takes it. By default all are entries; what
        is off by default is off here too, until a mode includes it by name or tag.
    sizes : mapping from Variable to tuple of int, optional
        Typical shapes, for choices that no proof decides.
    budget : int, optional
        How many forms of a region are followed; the best that was found by then is taken.

    Attributes
    ----------
    entries : tuple of RelationSub
        In the order of the library, which is the order of rewriting whatever a query looks like.

    Raises
    ------
    ValueError
        Where `spec` names what does not exist.
    """

    def __init__(
        self, spec: Any = None, sizes: Mapping[Any, Any] | None = None, budget: int = BUDGET
    ) -> None:
        super().__init__()
        check_budget(budget)
        self.spec = spec if spec is None or isinstance(spec, str) else _listed(spec)
        self.sizes = sizes
        self.budget = budget
        relations, goals = select(self.spec)
        on = {r.name for r in relations}
        known: tuple[Any, ...] = library() if spec is None else relations
        self.entries = tuple(RelationSub(r) for r in (*known, *goals))
        self._engines: dict[tuple[str, ...], Engine] = {}
        taken = _taken(optdb)
        for entry in self.entries:
            tags = entry.tags
            if AFTER_GRADIENTS in tags:
                tags = (*tags, *COMPILING, KANTOR)
            elif not isinstance(entry.relation, Relation) or entry.relation.name in on:
                tags = (*tags, *DEFAULT_TAGS, KANTOR)
            self.register(self._free_name(entry.relation_name, taken), entry, *tags)

    def __reduce__(self) -> tuple[Any, ...]:
        return RelationDatabase, (self.spec, self.sizes, self.budget)

    def _free_name(self, name: str, taken: Callable[[str], bool]) -> str:
        """`name`, prefixed where a mode that excludes it would hit something of PyTensor's."""
        free, n = (f"kantor_{name}" if taken(name) or name == KANTOR else name), 1
        stem = free
        while free in self:
            n += 1
            free = f"{stem}_{n}"
        return free

    def query(self, *tags: Any, **kwtags: Any) -> GraphRewriter:
        """The graph rewriter over the selected relations; an empty one if there are none."""
        chosen = self.selected(*tags, **kwtags)
        if not chosen:
            return SequentialGraphRewriter()
        plain = any(not isinstance(e.relation, Relation) for e in chosen)
        return KantorRewriter(lambda: self._engine(chosen), anywhere=plain)

    def selected(self, *tags: Any, **kwtags: Any) -> tuple[RelationSub, ...]:
        """The entries that a query selects, but for what the backend cannot run."""
        found = super().query(*tags, **kwtags)
        asked = getattr(tags[0], "include", tags) if tags else ()
        dense = WITHOUT_OWN_OPS in asked
        return tuple(e for e in self.entries if e in found and not (dense and _needs_own_op(e)))

    def _engine(self, chosen: tuple[RelationSub, ...]) -> Engine:
        """One engine for all compiles with these relations: building its index is the slow part."""
        key = tuple(e.name or "" for e in chosen)
        engine = self._engines.get(key)
        if engine is None:
            relations = tuple(e.relation for e in chosen if isinstance(e.relation, Relation))
            goals = tuple(e.relation for e in chosen if not isinstance(e.relation, Relation))
            engine = self._engines[key] = Engine(relations, self.sizes, goals, budget=self.budget)
        return engine


def _needs_own_op(entry: RelationSub) -> bool:
    """Whether a relation leads to an Op of Kantor's, of which not every backend knows."""
    relation = entry.relation
    if not isinstance(relation, Relation):
        return False
    return any(
        not isinstance(relation.rhs, LogicVar) and relation.rhs.heads & h.bit for h in KERNELS
    )


def _listed(spec: Any) -> tuple[Any, ...]:
    """What was asked for, one by one; the library's relations by name, which can be pickled."""
    own = {r.name: r for r in library()}
    items = (spec,) if callable(spec) else tuple(spec)
    return tuple(i.name if isinstance(i, Relation) and own.get(i.name) is i else i for i in items)


class Registered(RewriteDatabase):
    """The place in PyTensor's stabilize database that `register` fills.

    PyTensor has no way to remove what is registered, so the place stays, and its tags come and go.
    """

    tags = (*DEFAULT_TAGS, KANTOR, REGISTERED)

    def __init__(self) -> None:
        super().__init__()
        self.database: RelationDatabase | None = None
        self.changed: tuple[Changed, ...] = ()

    def query(self, *tags: Any, **kwtags: Any) -> GraphRewriter:
        """What the relations' database builds from the query."""
        if self.database is None:
            return SequentialGraphRewriter()
        return self.database.query(*tags, **kwtags)


def _taken(root: RewriteDatabase) -> Callable[[str], bool]:
    """Whether PyTensor knows a rewrite by some name or tag, in any of its databases."""
    found = list(databases(root))

    def taken(name: str) -> bool:
        return any(_holds(db, name) for db in found)

    return taken


def _holds(db: RewriteDatabase, name: str) -> bool:
    # A query for a name that a database does not know leaves the name there, with nothing under it.
    if name not in db:
        return False
    try:
        db[name]
    except KeyError:
        return False
    except ValueError:  # a tag of several
        return True
    return True


def databases(root: RewriteDatabase) -> Iterator[RewriteDatabase]:
    """`root` and all databases in it but Kantor's own."""
    stack, seen = [root], set()
    while stack:
        db = stack.pop()
        if id(db) in seen or isinstance(db, Registered):
            continue
        seen.add(id(db))
        yield db
        held = [db[name] for name in sorted(getattr(db, "_names", ()))]
        stack.extend(x for x in (*held, getattr(db, "db", None)) if isinstance(x, RewriteDatabase))
