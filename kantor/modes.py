"""Kantor in a mode of its own, or in PyTensor's global rewrite database.

A mode carries Kantor in its query, since the query is what survives: `Mode.excluding`, a pickle and
PyMC's `compile` all build a new mode from it, with PyTensor's global database.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytensor.compile.mode import Mode, get_mode, optdb
from pytensor.graph.basic import Variable
from pytensor.graph.rewriting.basic import GraphRewriter
from pytensor.graph.rewriting.db import RewriteDatabase, RewriteDatabaseQuery

from kantor.corrections import WRONG, restore, withdraw
from kantor.database import DEFAULT_TAGS, REGISTERED, Registered, RelationDatabase, databases
from matchers.properties import declare

BACKENDS = {"NUMBA": "numba", "CVM": None, "JAX": "jax", "MLX": "mlx"}
# The phase that Kantor belongs to: after canonicalize, before `inv_to_solve` hides the structure.
PHASE = "stabilize"
PHASE_POSITION = 1.5


def mode(
    backend: str | Mode | None = None,
    *,
    relations: Any = None,
    sizes: Mapping[Variable, Sequence[int]] | None = None,
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
    return base.clone(optimizer=KantorQuery(query, RelationDatabase(relations, sizes=sizes)))


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

    The phase as PyTensor would build it is switched off by a subquery that selects nothing, and the
    phase with Kantor in it takes its place. Where Kantor or the phase is excluded, nothing changes.

    Parameters
    ----------
    plain : RewriteDatabaseQuery
        The query without Kantor.
    database : RelationDatabase
    """

    def __init__(self, plain: RewriteDatabaseQuery, database: RelationDatabase) -> None:
        subquery, extra = dict(plain.subquery), list(plain.extra_rewrites)
        own = plain.excluding(REGISTERED)
        if database.selected(plain) and _selects_phase(plain):
            own = own.excluding(*WRONG)
            phase = plain.subquery.get(PHASE, own).excluding(REGISTERED, *WRONG)
            subquery[PHASE] = RewriteDatabaseQuery(include=())
            extra.append((PhaseWithKantor(phase, database), PHASE_POSITION))
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


def _selects_phase(query: RewriteDatabaseQuery) -> bool:
    """Whether PyTensor's database has the phase in what it builds from `query`."""
    return (
        any(t in query.include for t in DEFAULT_TAGS)
        and not any(t in query.exclude for t in DEFAULT_TAGS)
        and query.position_cutoff > PHASE_POSITION
    )


class PhaseWithKantor(GraphRewriter):
    """PyTensor's stabilize phase with Kantor first in each round.

    It is built for each graph, since PyTensor's phase keeps what it learned of a graph's Ops.
    """

    def __init__(self, query: RewriteDatabaseQuery, database: RelationDatabase) -> None:
        self.query = query
        self.database = database

    def _phase(self) -> GraphRewriter:
        phase = optdb[PHASE].query(self.query)
        phase.name = PHASE
        phase.global_rewriters.insert(0, self.database.query(self.query))
        return phase

    def add_requirements(self, fgraph: Any) -> None:
        """What the phase requires."""
        self._phase().add_requirements(fgraph)

    def apply(self, fgraph: Any) -> Any:
        """Run the phase; its profile is what PyTensor's phase returns."""
        return self._phase().apply(fgraph)

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
    place = _place(phase)
    if place is None:
        place = Registered()
        phase.register(_free_name(phase), place, use_db_name_as_tag=False)
    if place.database is None:
        phase.add_tags(place.name, *place.tags)
        place.withdrawn = withdraw(databases(optdb))
    place.database = database


def unregister() -> None:
    """Take Kantor out of PyTensor's global database; without `register` it does nothing."""
    phase = optdb[PHASE]
    place = _place(phase)
    if place is not None and place.database is not None:
        phase.remove_tags(place.name, *place.tags)
        restore(place.withdrawn)
        place.database, place.withdrawn = None, ()


def _place(phase: RewriteDatabase) -> Registered | None:
    for name in _names(phase):
        if name in phase:
            try:
                found = phase[name]
            except KeyError:
                continue
            if isinstance(found, Registered):
                return found
    return None


def _free_name(phase: RewriteDatabase) -> str:
    return next(name for name in _names(phase) if name not in phase)


def _names(phase: RewriteDatabase) -> Iterator[str]:
    """The names that the place may have, first choice first.

    A mode that excludes a name before it is registered leaves it in PyTensor's tables, where it can
    then no longer be registered.
    """
    yield "kantor_relations"
    yield from (f"kantor_relations_{n}" for n in range(2, 100))
