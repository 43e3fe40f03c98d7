"""Hash-consed terms: etuples whose head is the callable that builds them.

A term is an `etuples` expression tuple, so its ``evaled_obj`` is the PyTensor graph it denotes.
Equal terms are the same object: sharing in a graph is sharing in its term, equality is identity,
and a ground term is opaque to ``unify`` and ``reify``, which therefore never walk into it.
"""

from __future__ import annotations

import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any, cast

from etuples.core import ExpressionTuple
from unification.variable import Var


class Symbolic:
    """What a head makes terms of, instead of building a graph: terms, variables, dimensions."""

    __slots__ = ()


class Notation(Symbolic):
    """The operators that let terms and logic variables read as mathematics."""

    __slots__ = ()

    def __matmul__(self, other: Any) -> Any:
        return _head("matmul")(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return _head("matmul")(other, self)

    def __add__(self, other: Any) -> Any:
        return _head("add")(self, other)

    def __radd__(self, other: Any) -> Any:
        return _head("add")(other, self)

    def __neg__(self) -> Any:
        return _head("scale")(-1, self)

    def __sub__(self, other: Any) -> Any:
        return _head("add")(self, _head("scale")(-1, other))

    def __rsub__(self, other: Any) -> Any:
        return _head("add")(other, _head("scale")(-1, self))

    def __mul__(self, other: Any) -> Any:
        return _times(self, other)

    def __rmul__(self, other: Any) -> Any:
        return _times(other, self)

    def __truediv__(self, other: Any) -> Any:
        return _times(_head("reciprocal")(other), self)

    def __rtruediv__(self, other: Any) -> Any:
        return _times(other, _head("reciprocal")(self))

    @property
    def T(self) -> Any:
        """The transpose."""
        return _head("transpose")(self)

    @property
    def rows(self) -> Any:
        """The number of rows, as a dimension."""
        return shape(self)[0]

    @property
    def cols(self) -> Any:
        """The number of columns, as a dimension."""
        return shape(self)[1]


class _LogicVarType(type(Var)):  # type: ignore[misc]
    """For ``isinstance``: that of `Var` says yes to every plain variable, and is slow."""

    __instancecheck__ = type.__instancecheck__


class LogicVar(Var, Notation, metaclass=_LogicVarType):  # type: ignore[misc]
    """A logic variable of a kind that the notation knows.

    ``matrix``, ``vector`` (a column) and ``scalar`` bind one term, which may be compound: within a
    product they bind a run of one factor or more, within a sum one summand or more. ``segment``
    binds any run of factors and ``rest`` what is left of a sum; both may be empty.

    A scalar that is ``optional`` is a coefficient that may be missing: in a pattern ``scale(c, X)``
    it binds 1 where a term is not scaled.
    """

    __slots__ = ("kind", "name", "optional")
    KINDS = ("matrix", "vector", "scalar", "segment", "rest")

    kind: str
    name: str
    optional: bool

    def __new__(cls, name: str, kind: str = "matrix", optional: bool = False) -> LogicVar:
        if kind not in cls.KINDS:
            raise ValueError(f"unknown kind of logic variable {kind!r}; one of {cls.KINDS}")
        if optional and kind != "scalar":
            raise ValueError(f"a {kind} cannot be optional, a scalar can")
        self: LogicVar = super().__new__(cls, ("kantor", kind, name, optional))
        self.kind = kind
        self.name = name
        self.optional = optional
        return self

    def __getnewargs__(self) -> tuple[str, str, bool]:
        return (self.name, self.kind, self.optional)

    def renamed(self, name: str) -> LogicVar:
        """A variable that binds the same, under another name."""
        return LogicVar(name, self.kind, self.optional)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"~{self.name}"

    # The slots of C: identity, without a Python call per look-up.
    __eq__ = object.__eq__
    __hash__ = object.__hash__


class Run(tuple):  # type: ignore[type-arg]
    """What a segment or a rest is bound to: operands that splice into a flat head."""

    __slots__ = ()


_REDUCTIONS = frozenset((
    "item", "det", "log_diagonal", "log_power", "logabsdet", "power", "shifted_logabsdet", "size",
    "total", "trace",
))  # fmt: skip
_ON_SCALARS = frozenset(("mul", "add", "reciprocal", "scale"))

# Whether heads make terms of their arguments as they are, so that a relation can be read as its
# author wrote it; set for the moment by `kantor.checking`, in its own context.
VERBATIM: ContextVar[bool] = ContextVar("VERBATIM", default=False)


class Head:
    """The head of a term: a name, the normal form of its terms, and the PyTensor builder.

    Called on terms or logic variables it makes the term in normal form, called on PyTensor
    variables it builds the graph.

    Parameters
    ----------
    name : str
        How a relation calls it.
    build : callable
        Takes matrices (PyTensor variables whose last axes are rows and columns), returns one.
    shape : callable
        Takes the arguments of the term, returns ``(rows, cols, batch)``.
    normal : callable, optional
        Takes the head and the arguments, returns the term in normal form.
    flat : bool
        Associative: operands are flat, and a pattern's variable binds a run of them.
    commutative : bool
        The operands are a multiset.
    symmetric : bool
        The transpose of such a term is the term.
    entrywise : bool
        The transpose of such a term is the term of the transposes.
    template : str
        How it prints, with ``{0}``, ``{1}`` … for the arguments.
    """

    __slots__ = (
        "_normal", "bit", "build", "commutative", "entrywise", "flat", "name", "precedence",
        "reduces", "scalars", "shape", "symmetric", "template",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        build: Callable[..., Any],
        shape: Callable[..., Any],
        normal: Callable[..., Any] | None = None,
        *,
        flat: bool = False,
        commutative: bool = False,
        template: str | None = None,
        precedence: int = 9,
        symmetric: bool = False,
        entrywise: bool = False,
    ) -> None:
        if name in HEADS:
            raise ValueError(f"there is a head {name!r} already")
        self.name = name
        self.build = build
        self.shape = shape
        self._normal = normal
        self.flat = flat
        self.commutative = commutative
        self.template = template
        self.precedence = precedence
        self.symmetric = symmetric
        self.entrywise = entrywise
        # 0-d by construction: a scalar reduction, or an elementwise operation on coefficients.
        self.reduces = name in _REDUCTIONS
        self.scalars = name in _ON_SCALARS
        # In `Term.heads` each head has a bit of its own.
        self.bit = 1 << len(HEADS)
        HEADS[name] = self

    def __call__(self, *args: Any) -> Any:
        for a in args:
            if isinstance(a, Symbolic):
                return self.make(*args)
        return self.build(*args)

    def make(self, *args: Any) -> Any:
        """The term in normal form."""
        if self.flat and Run in map(type, args):
            args = tuple(_spliced(args))
        if self._normal is None or VERBATIM.get():
            return intern(self, args)
        return self._normal(self, args)

    def __reduce__(self) -> tuple[Callable[[str], Head], tuple[str]]:
        return (_head, (self.name,))

    def __repr__(self) -> str:
        return self.name

    def __lt__(self, other: Head) -> bool:
        return self.name < other.name


# The vocabulary by name, filled by `matchers.vocabulary`; a table of syntax, not of facts.
HEADS: dict[str, Head] = {}


def _head(name: str) -> Head:
    return HEADS[name]


def _spliced(args: Iterable[Any]) -> Iterator[Any]:
    for a in args:
        if type(a) is Run:
            yield from a
        else:
            yield a


def _times(left: Any, right: Any) -> Any:
    """Product with ``*``: by a scalar, or else elementwise."""
    if is_scalar(left):
        return _head("scale")(left, right)
    if is_scalar(right):
        return _head("scale")(right, left)
    return _head("mul")(left, right)


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
        return evaluate(self)

    def _eval_step(self) -> Iterator[Any]:
        # What a plain expression tuple around terms, made by ``cons`` for example, asks them for.
        yield evaluate(self)

    def __str__(self) -> str:
        from matchers.printing import pretty

        return pretty(self)

    def __repr__(self) -> str:
        return f"Term({self})"


class Atom(Term):
    """A leaf: a PyTensor variable read as a matrix.

    Attributes
    ----------
    var : Variable
        The leaf variable.
    core : int
        How many of its last axes are the matrix's: 2, 1 (a column without its axis of 1) or 0.
    definition : Term or None
        What a shared product or sum stands for; a relation may open it.
    """

    __slots__ = ("core", "definition", "var")

    def __reduce__(self) -> tuple[Any, ...]:
        return (atom, (self.var, self.core, self.definition))


class Number(Term):
    """A known coefficient; `value` is a Python number."""

    __slots__ = ("value",)

    def __reduce__(self) -> tuple[Any, ...]:
        return (number, (self.value,))


class _Ref(weakref.ref):  # type: ignore[type-arg]
    """A weak reference that knows its place in the table; made without a Python constructor."""

    __slots__ = ("key",)

    key: Any


# A WeakValueDictionary spends 3 µs on making and unmaking an entry; this spends 1.
_interned: dict[Any, _Ref] = {}
# A term may die while another is made, in the same thread.
_lock = threading.RLock()


def _forget(ref: _Ref, table: dict[Any, _Ref] = _interned, lock: Any = _lock) -> None:
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
    ref = _interned.get(key)
    if ref is not None:
        found = ref()
        if found is not None:
            return cast(Term, found)
    return cast(Term, _registered(key, _made(Term, head, args)))


def _made(cls: type[Term], head: Head, args: tuple[Any, ...]) -> Any:
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


def _registered(key: Any, term: Any) -> Any:
    """`term` as the one term with this key, or the one that another thread has put there."""
    ref = _Ref(term, _forget)
    ref.key = key
    with _lock:
        present = _interned.get(key)
        found = None if present is None else present()
        if found is not None:
            return found
        _interned[key] = ref
    return term


def _has_variable(arg: Any) -> bool:
    return isinstance(arg, Var) or getattr(arg, "has_variable", False)


def atom(var: Any, core: int = 2, definition: Term | None = None) -> Atom:
    """The atom of a PyTensor variable.

    A shared product or sum is an atom with a definition: it is another term than the same variable
    met as a leaf, since a relation may open the one and not the other.
    """
    key = ("atom", var, core, definition)
    ref = _interned.get(key)
    found = None if ref is None else ref()
    if found is None:
        made = _made(Atom, LEAF, ())
        made.var, made.core, made.definition, made.scalar = var, core, definition, core == 0
        if definition is not None:
            made.heads |= definition.heads
        found = _registered(key, made)
    return cast(Atom, found)


def number(value: Any) -> Number:
    """The coefficient with this value; NaN equals NaN, 0.0 and -0.0 differ."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, complex) and value.imag == 0:
        value = value.real
    # Numbers become constants of their product's dtype, so 1 and 1.0 are one coefficient.
    value = value if isinstance(value, complex) else float(value)
    key = ("number", repr(value))
    ref = _interned.get(key)
    found = None if ref is None else ref()
    if found is None:
        made = _made(Number, NUMBER, ())
        made.value, made.scalar = value, True
        found = _registered(key, made)
    return cast(Number, found)


def _leaf_shape(*_: Any) -> Any:
    raise TypeError("leaves know their own shape")


LEAF = Head("leaf", lambda: None, _leaf_shape)
NUMBER = Head("number", lambda: None, _leaf_shape)


def children(term: Term) -> Iterator[Term]:
    """The arguments that are terms."""
    return (a for a in term.args if isinstance(a, Term))


def subterms(*roots: Any) -> list[Term]:
    """All distinct terms under `roots`, children first; linear in the term, no recursion."""
    order: list[Term] = []
    seen: set[Term] = set()
    stack: list[tuple[Any, bool]] = [(r, False) for r in reversed(roots) if isinstance(r, Term)]
    while stack:
        term, done = stack.pop()
        if done:
            order.append(term)
        elif term not in seen:
            seen.add(term)
            stack.append((term, True))
            stack.extend((a, False) for a in reversed(term.args) if isinstance(a, Term))
    return order


def rebuild(root: Any, leaf: Callable[[Any], Any]) -> Any:
    """`root` with `leaf` applied to logic variables, atoms and dimensions, in normal form again."""
    if not isinstance(root, Term):
        return leaf(root)
    done: dict[Any, Any] = {}
    for term in subterms(root):
        if not term.args:
            done[term] = leaf(term) if isinstance(term, Atom) else term
            continue
        new = tuple(done[a] if isinstance(a, Term) else leaf(a) for a in term.args)
        done[term] = term if _same(new, term.args) else term.head.make(*new)
    return done[root]


def _same(xs: tuple[Any, ...], ys: tuple[Any, ...]) -> bool:
    return all(x is y for x, y in zip(xs, ys, strict=True))


def evaluate(root: Term, leaf: Callable[[Any], Any] | None = None) -> Any:
    """Build the graph of `root` literally, sharing what is shared.

    Parameters
    ----------
    root : Term
    leaf : callable, optional
        Gives the value of logic variables, atoms, numbers and dimensions instead of the default:
        the atom's variable as a matrix, the number, the dimension's length.
    """
    from matchers.dims import Dim, length
    from matchers.vocabulary import as_matrix

    def value(x: Any) -> Any:
        if leaf is not None:
            return leaf(x)
        if isinstance(x, Atom):
            return as_matrix(x.var, x.core)
        if isinstance(x, Dim):
            return length(x)
        return x.value if isinstance(x, Number) else x

    done: dict[Any, Any] = {}
    for term in subterms(root):
        if not term.args:
            done[term] = value(term)
        else:
            done[term] = term.head.build(
                *(done[a] if isinstance(a, Term) else value(a) for a in term.args)
            )
    return done[root]


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
