"""Kantor in a mode of its own, or in PyTensor's global rewrite database.

A mode carries Kantor in its query, since the query is what survives: `Mode.excluding`, a pickle and
PyMC's `compile` all build a new mode from it, with PyTensor's global database.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import Any
from weakref import WeakKeyDictionary

from pytensor.compile.mode import Mode, get_mode, optdb
from pytensor.graph.basic import Variable
from pytensor.graph.rewriting.basic import GraphRewriter
from pytensor.graph.rewriting.db import RewriteDatabase, RewriteDatabaseQuery

from kantor.corrections import WRONG, correct, restore, selects, stand_ins
from kantor.database import KANTOR, REGISTERED, Registered, RelationDatabase, databases
from kantor.mlx_kron import POSITION, MLXKron
from lowering.search import BUDGET
from matchers.properties import declare

BACKENDS = {"NUMBA": "numba", "CVM": None, "JAX": "jax", "MLX": "mlx"}
# The phase that Kantor belongs to: after canonicalize, before `inv_to_solve` hides the structure.
PHASE = "stabilize"
# The phases that have rewrites which Kantor corrects.
PHASES = ("canonicalize", PHASE, "specialize")
MLX_TAGS = ("mlx", KANTOR, REGISTERED)


def mode(
    backend: str | Mode | None = None,
    *,
    relations: Any = None,
    sizes: Mapping[Variable, Sequence[int]] | None = None,
    budget: int = BUDGET,
) -> Mode:
    """A PyTensor mode that rewrites with Kantor; PyTensor's global database is left alone.

    Parameters
    ----------
    backend : {"NUMBA", "CVM", "JAX", "MLX"} or Mode, optional
        By default what `pytensor.function` uses. A mode is taken as it is, with Kantor added.
    relations : str, Relation, callable or iterable of these, optional
        Names, tags, relations, or plain miniKanren relations; by default the whole library.
    sizes : mapping from Variable to tuple of int, optional
        Typical shapes, for choices that no proof decides. They decide cost, never validity.
    budget : int, optional
        How many forms of a region are followed; the best that was found by then is taken.

    Returns
    -------
    Mode
        ``mode.excluding("kron_matvec")`` leaves out a relation,
        ``mode.excluding("kantor:kronecker")`` a family, ``mode.excluding("kantor")`` all.

    Raises
    ------
    ValueError
        Where there is no such backend, or `relations` names what does not exist.
    ModuleNotFoundError
        Where the package of the backend is not installed.
    """
    declare()
    base = _base(backend)
    query = base.provided_optimizer
    if isinstance(query, KantorQuery):
        query = query.plain
    if not isinstance(query, RewriteDatabaseQuery):
        raise ValueError("kantor.mode needs a mode that queries a database, not a fixed rewriter")
    return base.clone(optimizer=KantorQuery(query, RelationDatabase(relations, sizes, budget)))


def _base(backend: str | Mode | None) -> Mode:
    if backend is None or isinstance(backend, Mode):
        return get_mode(backend)
    name = backend.upper() if isinstance(backend, str) else backend
    if name not in BACKENDS:
        raise ValueError(f"unknown backend {backend!r}; one of {', '.join(BACKENDS)}")
    package = BACKENDS[name]
    if package is not None and importlib.util.find_spec(package) is None:
        raise ModuleNotFoundError(
            f"backend {name!r} needs the package {package!r}: pip install {package}", name=package
        )
    return get_mode(name)


class KantorQuery(RewriteDatabaseQuery):
    """A query of PyTensor's database that has Kantor in its stabilize phase.

    The phases as PyTensor would build them are switched off by subqueries that select nothing, and
    phases with Kantor, or with what stands in for rewrites that are wrong, take their places. Where
    Kantor or its phase is excluded, nothing changes.

    Parameters
    ----------
    plain : RewriteDatabaseQuery
        The query without Kantor.
    database : RelationDatabase
    """

    def __init__(self, plain: RewriteDatabaseQuery, database: RelationDatabase) -> None:
        subquery, extra = dict(plain.subquery), list(plain.extra_rewrites)
        own = plain.excluding(REGISTERED)
        if database.selected(plain) and _selects_phase(plain, PHASE):
            own = own.excluding(*WRONG)
            for name in PHASES:
                if _selects_phase(plain, name):
                    asked = plain.subquery.get(name, plain)
                    relations = database if name == PHASE else None
                    subquery[name] = RewriteDatabaseQuery(include=())
                    extra.append((OwnPhase(name, asked, relations), optdb.__position__[name]))
            if "mlx" in plain.include:
                extra.append((MLXKron(), POSITION))
        super().__init__(
            plain.include, plain.require, own.exclude, subquery, plain.position_cutoff, extra
        )
        self.name = plain.name
        self.plain = plain
        self.database = database

    def including(self, *tags: str) -> KantorQuery:
        """The same with more tags."""
        return KantorQuery(self.plain.including(*tags), self.database)

    def excluding(self, *tags: str) -> KantorQuery:
        """The same without some tags."""
        return KantorQuery(self.plain.excluding(*tags), self.database)

    def requiring(self, *tags: str) -> KantorQuery:
        """The same with tags that everything selected must have."""
        return KantorQuery(self.plain.requiring(*tags), self.database)

    def register(self, *rewrites: Any) -> KantorQuery:
        """The same with rewriters of the caller's."""
        return KantorQuery(self.plain.register(*rewrites), self.database)

    def __copy__(self) -> RewriteDatabaseQuery:
        # PyTensor copies a query to take the extra rewriters out of it, for its subdatabases.
        return RewriteDatabaseQuery(
            self.include, self.require, self.exclude, self.subquery,
            self.position_cutoff, self.extra_rewrites,
        )  # fmt: skip

    def __reduce__(self) -> tuple[Any, ...]:
        return (KantorQuery, (self.plain, self.database))


def _selects_phase(query: RewriteDatabaseQuery, name: str) -> bool:
    """Whether PyTensor's database has the phase in what it builds from `query`."""
    return query.position_cutoff > optdb.__position__[name] and selects(query, optdb, name)


class OwnPhase(GraphRewriter):
    """One of PyTensor's phases, with stand-ins for what is wrong in it, and Kantor first.

    It is built for each graph, since PyTensor's phase keeps what it learned of a graph's Ops.

    Parameters
    ----------
    phase : str
    query : RewriteDatabaseQuery
        What PyTensor's mode asks for in this phase.
    database : RelationDatabase, optional
        Kantor, where it belongs in this phase.
    """

    def __init__(
        self, phase: str, query: RewriteDatabaseQuery, database: RelationDatabase | None = None
    ) -> None:
        self.phase = phase
        self.query = query
        self.database = database
        self._built: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

    def _phase(self) -> Any:
        db = optdb[self.phase]
        query = copy(self.query)
        query.extra_rewrites = []
        phase = db.query(query.excluding(REGISTERED, *WRONG))
        phase.name = self.phase
        for made in stand_ins(db, query):
            if isinstance(made, GraphRewriter):
                phase.global_rewriters.append(made)
            else:
                phase.node_tracker.add_tracker(made)
        if self.database is not None:
            phase.global_rewriters.insert(0, self.database.query(self.query))
        return phase

    def add_requirements(self, fgraph: Any) -> None:
        """What the phase requires."""
        self._built[fgraph] = self._phase()
        self._built[fgraph].add_requirements(fgraph)

    def apply(self, fgraph: Any) -> Any:
        """Run the phase; its profile is what PyTensor's phase returns."""
        phase = self._built.pop(fgraph, None) or self._phase()
        return phase.apply(fgraph)

    @classmethod
    def print_profile(cls, stream: Any, prof: Any, level: int = 0) -> None:
        """The phase's profile."""
        if prof is not None:
            type(prof[0]).print_profile(stream, prof, level)


def register(*, relations: Any = None) -> None:
    """Put Kantor into PyTensor's global database, for every `pytensor.function` and PyMC model.

    It then runs in the stabilize phase of every mode. Each relation is there under its own name
    and tags, for ``mode.excluding("kron_matvec")`` or ``mode.excluding("kantor:kronecker")``.
    Calling it again replaces what was registered.

    Parameters
    ----------
    relations : str, Relation, callable or iterable of these, optional
        Names, tags, relations, or plain miniKanren relations; by default the whole library.

    Raises
    ------
    ValueError
        Where `relations` names what does not exist; what was registered stays.
    """
    declare()
    database = RelationDatabase(relations)
    phase = optdb[PHASE]
    place = _place(phase, Registered)
    if place is None:
        place = Registered()
        phase.register(_free_name(phase), place, use_db_name_as_tag=False)
        optdb.register(_free_name(optdb), MLXKron(), use_db_name_as_tag=False, position=POSITION)
    if place.database is None:
        phase.add_tags(place.name, *place.tags)
        optdb.add_tags(_place(optdb, MLXKron).name, *MLX_TAGS)
        place.changed = correct(databases(optdb))
    place.database = database


def unregister() -> None:
    """Take Kantor out of PyTensor's global database; without `register` it does nothing."""
    phase = optdb[PHASE]
    place = _place(phase, Registered)
    if place is not None and place.database is not None:
        phase.remove_tags(place.name, *place.tags)
        optdb.remove_tags(_place(optdb, MLXKron).name, *MLX_TAGS)
        restore(place.changed)
        place.database, place.changed = None, ()


def _place(db: RewriteDatabase, kind: type) -> Any:
    for name in _names(db):
        if name in db:
            try:
                found = db[name]
            except KeyError:
                continue
            if isinstance(found, kind):
                return found
    return None


def _free_name(db: RewriteDatabase) -> str:
    return next(name for name in _names(db) if name not in db)


def _names(db: RewriteDatabase) -> Iterator[str]:
    """The names that the place may have, first choice first.

    A mode that excludes a name before it is registered leaves it in PyTensor's tables, where it can
    then no longer be registered.
    """
    yield "kantor_relations"
    yield from (f"kantor_relations_{n}" for n in range(2, 100))
