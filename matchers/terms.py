"""Hash-consed terms: etuples whose head is the callable that builds them.

A term is an `etuples` expression tuple, so its ``evaled_obj`` is the PyTensor graph it denotes.
Equal terms are the same object: sharing in a graph is sharing in its term, equality is identity,
and a ground term is opaque to ``unify`` and ``reify``, which therefore never walk into it.
"""

from __future__ import annotations

import threading
import weakref
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from etuples.core import ExpressionTuple
from unification.variable import Var

from matchers.notation import Notation
from matchers.variables import LogicVar

if TYPE_CHECKING:
    from matchers.heads import Head


def is_scalar(x: Any) -> bool:
    """Whether `x` stands where a coefficient may: a number, a 0-d term or a scalar variable."""
    if isinstance(x, LogicVar):
        return x.kind == "scalar"
    if isinstance(x, Term):
        return x.scalar
    return isinstance(x, (int, float, complex))


class _TermType(type(ExpressionTuple)):  # type: ignore[misc]
    """For ``isinstance``: an expression tuple is an abstract sequence, whose check is slow."""

    __instancecheck__ = type.__instancecheck__


class Term(ExpressionTuple, Notation, metaclass=_TermType):  # type: ignore[misc]
    """A hash-consed expression tuple; make one by calling a head.

    Attributes
    ----------
    head : Head
    args : tuple
        Terms, logic variables, numbers and dimensions.
    ground : bool
        Whether it holds no logic variable.
    heads : int
        The bits of all heads in it, those of shared definitions included.
    """

    __slots__ = ("__weakref__", "_shape", "args", "ground", "head", "heads", "scalar")

    head: Head
    args: tuple[Any, ...]
    ground: bool
    heads: int
    scalar: bool

    def __new__(cls, seq: Any = None, **kwargs: Any) -> Any:
        # Sequence operations of etuples (slices, concatenation) make plain expression tuples.
        if cls is Term and seq is not None:
            return ExpressionTuple(seq, **kwargs)
        return object.__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            part = ExpressionTuple(self._tuple[key])
            part._parent = self
            return part
        return self._tuple[key]

    # The slots of C: identity, without a Python call per look-up.
    __eq__ = object.__eq__
    __ne__ = object.__ne__
    __hash__ = object.__hash__

    def __add__(self, other: Any) -> Any:
        return Notation.__add__(self, other)

    def __radd__(self, other: Any) -> Any:
        return Notation.__radd__(self, other)

    def __mul__(self, other: Any) -> Any:
        return Notation.__mul__(self, other)

    def __rmul__(self, other: Any) -> Any:
        return Notation.__rmul__(self, other)

    def __reduce__(self) -> tuple[Any, ...]:
        return (intern, (self.head, self.args))

    @property
    def evaled_obj(self) -> Any:
        """The PyTensor graph that the term denotes, literally; shared terms are built once."""
        from matchers.traversal import evaluate

        return evaluate(self)

    def _eval_step(self) -> Iterator[Any]:
        # What a plain expression tuple around terms, made by ``cons`` for example, asks them for.
        yield self.evaled_obj

    def __str__(self) -> str:
        from matchers.printing import pretty

        return pretty(self)

    def __repr__(self) -> str:
        return f"Term({self})"


class _Ref(weakref.ref):  # type: ignore[type-arg]
    """A weak reference that knows its place in the table; made without a Python constructor."""

    __slots__ = ("key",)

    key: Any


# A WeakValueDictionary spends 3 µs on making and unmaking an entry; this spends 1.
TABLE: dict[Any, _Ref] = {}
# A term may die while another is made, in the same thread.
_lock = threading.RLock()


def _forget(ref: _Ref, table: dict[Any, _Ref] = TABLE, lock: Any = _lock) -> None:
    # At exit the names of a module are gone before its terms are.
    with lock:
        if table.get(ref.key) is ref:
            del table[ref.key]


def intern(head: Head, args: tuple[Any, ...]) -> Term:
    """The one term with this head and these arguments, which are taken to be in normal form."""
    key: Any
    if head.commutative:
        distinct = frozenset(args)
        if len(distinct) == len(args):
            key = (head, distinct)
        else:
            key = (head, frozenset(Counter(args).items()))
    else:
        key = (head, args)
    ref = TABLE.get(key)
    if ref is not None:
        found = ref()
        if found is not None:
            return cast(Term, found)
    return cast(Term, registered(key, unregistered(Term, head, args)))


def unregistered(cls: type[Term], head: Head, args: tuple[Any, ...]) -> Any:
    """A term that is not in the table yet."""
    term = object.__new__(cls)
    term.head = head
    term.args = args
    term._tuple = (head, *args)
    term._parent = None
    term._evaled_obj = ExpressionTuple.null
    term._shape = None
    ground, heads = True, head.bit
    for a in args:
        if isinstance(a, Term):
            ground = ground and a.ground
            heads |= a.heads
        elif ground and _has_variable(a):
            ground = False
    term.ground = ground
    term.heads = heads
    term.scalar = head.reduces or (head.scalars and all([is_scalar(a) for a in args]))
    return term


def registered(key: Any, term: Any) -> Any:
    """`term` as the one term with this key, or the one that another thread has put there."""
    ref = _Ref(term, _forget)
    ref.key = key
    with _lock:
        present = TABLE.get(key)
        found = None if present is None else present()
        if found is not None:
            return found
        TABLE[key] = ref
    return term


def _has_variable(arg: Any) -> bool:
    return isinstance(arg, Var) or getattr(arg, "has_variable", False)


def shape(x: Any) -> tuple[Any, Any, tuple[Any, ...]]:
    """``(rows, cols, batch)`` of a term, a logic variable or a number, as dimensions."""
    if isinstance(x, Term):
        if x._shape is None:
            _set_shape(x)
        return x._shape  # type: ignore[no-any-return]
    from matchers import dims

    return dims.of_variable(x) if isinstance(x, LogicVar) else (dims.ONE, dims.ONE, ())


def _set_shape(x: Term) -> None:
    """Children first, so that a deep term does not recurse."""
    from matchers import dims

    stack = [x]
    while stack:
        t = stack[-1]
        open_ = [a for a in t.args if isinstance(a, Term) and a._shape is None]
        if open_:
            stack += open_
            continue
        stack.pop()
        if t._shape is None:
            t._shape = dims.of_leaf(t) if not t.args else t.head.shape(*t.args)
