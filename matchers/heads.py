"""Heads: what a term says, its normal form, its shape and the graph that it denotes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any

from matchers.notation import HEADS, Symbolic, head_named
from matchers.terms import intern
from matchers.variables import Run

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
        return (head_named, (self.name,))

    def __repr__(self) -> str:
        return self.name

    def __lt__(self, other: Head) -> bool:
        return self.name < other.name


def _spliced(args: Iterable[Any]) -> Iterator[Any]:
    for a in args:
        if type(a) is Run:
            yield from a
        else:
            yield a
