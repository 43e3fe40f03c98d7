"""A term with the type of a graph: the etuple that stands for a variable.

A term is always a matrix, so a vector is a column there, and batch axes of length 1 are not seen.
What makes it the variable that it was is a `Form`, the head of a `Typed` etuple.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytensor.tensor as pt
from etuples.core import ExpressionTuple

from matchers import vocabulary as v
from matchers.dims import ONE
from matchers.leaves import Atom
from matchers.terms import Term, shape
from matchers.traversal import subterms

# The operand that says whether the value of a head is a vector.
_SPINE = {v.matmul: -1, v.scale: 1, v.add: 0, v.mul: 0}


@dataclass(frozen=True, slots=True)
class Form:
    """How a matrix becomes the variable that it stands for.

    Attributes
    ----------
    core : int
        How many of the variable's last axes are the matrix's: 2, 1 (a column) or 0.
    dtype : str or None
    shape : tuple or None
        The static shape, with None for an unknown length.
    """

    core: int
    dtype: str | None = None
    shape: tuple[int | None, ...] | None = None

    def __call__(self, matrix: Any) -> Any:
        """The variable of this form with the value of `matrix`."""
        x = pt.as_tensor_variable(matrix)
        if self.core == 1:
            x = pt.squeeze(x, -1) if x.type.broadcastable[-1] else x[..., 0]
        elif self.core == 0 and x.type.ndim:
            x = x[(0,) * x.type.ndim]
        return self.fitted(x)

    def fitted(self, x: Any) -> Any:
        """`x`, which has the right core, with the dtype and the axes of this form."""
        if self.shape is not None:
            x = _with_axes(x, len(self.shape))
        if self.dtype is not None and x.type.dtype != self.dtype:
            x = pt.cast(x, self.dtype)
        return x if self.shape is None else _with_lengths(x, self.shape)

    def alike(self, other: Form | None) -> bool:
        """Whether two variables can be equal, as far as dtypes and numbers of axes tell."""
        if other is None or self.shape is None or other.shape is None:
            return True
        return self.dtype == other.dtype and len(self.shape) == len(other.shape)


def _with_axes(x: Any, ndim: int) -> Any:
    """`x` with axes of length 1 put or taken away in front."""
    extra = x.type.ndim - ndim
    if extra < 0:
        return pt.expand_dims(x, tuple(range(-extra)))
    return pt.squeeze(x, tuple(range(extra))) if extra else x


def _with_lengths(x: Any, lengths: tuple[int | None, ...]) -> Any:
    """`x`, whose type then says no less than `lengths` do."""
    known = tuple([a if a is not None else b for a, b in zip(lengths, x.type.shape, strict=True)])
    return x if known == x.type.shape else pt.specify_shape(x, known)


class Typed(ExpressionTuple):  # type: ignore[misc]
    """The etuple of a form and a term, which evaluates to a variable of that form."""

    __slots__ = ()

    _evaled_obj: Any

    @property
    def form(self) -> Form:
        """How the matrix becomes a variable."""
        return self._tuple[0]  # type: ignore[no-any-return]

    @property
    def term(self) -> Any:
        """The term, or a logic variable for it."""
        return self._tuple[1]

    def __repr__(self) -> str:
        return f"Typed({self.form}, {self.term})" if len(self._tuple) == 2 else super().__repr__()

    def _eval_step(self) -> Iterator[Any]:
        if self._evaled_obj is self.null:
            form, t = self.form, self.term
            leaf = isinstance(t, Atom) and t.core == form.core
            self._evaled_obj = form.fitted(t.var) if leaf else form(t.evaled_obj)
        yield self._evaled_obj


def typed(term: Term) -> Typed:
    """The etuple of the graph that a term alone stands for.

    It is a vector if the term is a column because its last factor is a vector, or because it is a
    ``vec``; its dtype is that of the leaves, where they have one.
    """
    dtypes = {t.var.type.dtype for t in subterms(term) if isinstance(t, Atom)}
    return Typed((Form(_core(term), dtypes.pop() if len(dtypes) == 1 else None), term))


def _core(term: Term) -> int:
    x: Any = term
    while x.head in _SPINE and not x.scalar:
        x = x.args[_SPINE[x.head]]
    if isinstance(x, Atom):
        return int(x.core)
    if x.scalar:
        return 0
    return 1 if x.head in (v.reshape, v.diagonal) and shape(x)[1] == ONE else 2


__all__ = ["Form", "Typed", "typed"]
