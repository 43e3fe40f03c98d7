"""Building the graph of a plan.

The new graph mentions leaves of the region and values that stay, never what it replaces: that
would be a cycle, and a cycle hangs the compile.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import reduce
from typing import Any

import pytensor.tensor as pt
from pytensor.graph.traversal import ancestors
from pytensor.tensor import linalg

from lowering.blas import Potri
from lowering.columns import KERNELS
from lowering.plans import Plan
from lowering.product_graphs import blas, product_graph, transposed
from lowering.steps import Step
from lowering.subtraction import signed
from matchers import vocabulary as v
from matchers.blocks import unit_column
from matchers.contractions import contract, vector
from matchers.dims import Axis, Dim, axis_length, length, summed
from matchers.equalities import Dims
from matchers.heads import Head
from matchers.leaves import Atom, Number
from matchers.reshaping import reshaped
from matchers.signs import signed_logdet
from matchers.terms import Term, shape


class CannotBuild(Exception):
    """A dimension that the new graph needs has no source among what it may mention."""


class Builder:
    """Builds the values of terms.

    Parameters
    ----------
    plan : Plan
    dims : Dims
    leaves : collection of Variable
        The variables whose lengths may be asked for.
    replaced : collection of Variable
        What the new graph replaces, and so must not depend on.
    dtype : str
        The dtype of the region.
    promised : callable
        Whether Ops of the graph promise a structure of a term.
    measured : collection of Variable
        Variables whose lengths the graph asks for already; asked where no leaf has them.
    """

    def __init__(
        self,
        plan: Plan,
        dims: Dims,
        leaves: Collection[Any],
        replaced: Collection[Any],
        dtype: str,
        promised: Callable[[Term, str], bool],
        measured: Collection[Any] = (),
    ) -> None:
        self.plan = plan
        self.dims = dims
        self.leaves = {var: rank for rank, var in enumerate(leaves)}
        self.replaced = set(replaced)
        self.dtype = dtype
        self.promised = promised
        self.measured = measured
        # What is replaced already, for leaves that are outputs of the region as well.
        self.renewed: dict[Any, Any] = {}
        self._built: dict[Term, Any] = {}
        self._determinants: dict[Term, Any] = {}
        self._lengths: dict[Axis, Any] = {}

    def value(self, root: Term) -> Any:
        """The PyTensor variable with the value of `root`, as a matrix."""
        stack = [root]
        while stack:
            term = stack[-1]
            if term in self._built:
                stack.pop()
                continue
            missing = [t for t in self.plan.steps[term].needs if t not in self._built]
            if missing:
                stack += missing
                continue
            self._built[term] = self._make(term, self.plan.steps[term])
            stack.pop()
        return self._built[root]

    def output(self, root: Term, like: Any, core: int) -> Any:
        """The value of `root` with the type of the variable that it replaces."""
        if isinstance(root, Number):
            new = pt.as_tensor(root.value)
        elif core == 1 and root.head is v.reshape and like.type.ndim == 1:
            new = reshaped(self.value(root.args[0]), self.length(root.args[1]))
        elif core == 0 or root.scalar:
            new = self.value(root)
            new = new[(0,) * new.type.ndim] if new.type.ndim and not like.type.ndim else new
        else:
            new = self.value(root)
            new = vector(new) if core == 1 else new
        return _typed(new, like)

    def length(self, dim: Dim) -> Any:
        """A dimension as a graph over the lengths of leaves."""
        dim = self.dims.normal(dim)
        value: Any = dim.coef
        for s, p in sorted(dim.powers, key=self._rank):
            n = self._lengths.get(s)
            if n is None:
                n = self._lengths[s] = self._axis(s)
            for _ in range(p):
                value = n if isinstance(value, int) and value == 1 else value * n
        return value

    def _rank(self, power: tuple[Axis, int]) -> tuple[int, int, str]:
        """The order in which lengths are multiplied: that of the leaves, whatever their names."""
        s, _ = power
        known = None if isinstance(s.owner, tuple) else self.leaves.get(s.owner)
        return (len(self.leaves) if known is None else known, s.axis or 0, str(s))

    def _axis(self, s: Axis) -> Any:
        return axis_length(s, self.length) if isinstance(s.owner, tuple) else self._source(s)

    def _source(self, s: Axis) -> Any:
        """The length of an axis, asked of a variable that the new graph may mention."""
        own = Dim(1, frozenset([(s, 1)]))
        same = (own, *self.dims.members(own))
        for asked in (self.leaves, self.measured):
            for d in same:
                ((axis, _),) = d.powers
                if isinstance(axis.owner, tuple):
                    continue
                known = axis.axis is None or axis.owner in asked
                if known and self.replaced.isdisjoint(ancestors([axis.owner])):
                    return length(d)
        raise CannotBuild(f"the length {s} is not known from any input")

    def _make(self, term: Term, step: Step) -> Any:
        if isinstance(term, Number):
            return term.value
        if isinstance(term, Atom):
            if term.definition is not None:
                return self._built[term.definition]
            return v.as_matrix(self.renewed.get(term.var, term.var), term.core)
        if term.head is contract and term.args[1:] != step.needs:
            return self._built[step.needs[0]]  # the same by pairs
        if term.head is v.scale and step.kernel == "view":
            return self._built[step.needs[0]]  # with the coefficient elsewhere
        if term.head is v.matmul or step.kernel == "solve_triangular":
            return product_graph(self, term, step, [self._built[t] for t in step.needs])
        if term.head is v.inverse and step.kernel == "view":
            return transposed(self._built[step.needs[0]])
        if step.kernel == "inverse_positive":
            return blas(Potri(), self._built[step.needs[0]])
        if term.head is v.eye:
            return pt.eye(self.length(term.args[0]), dtype=self.dtype)
        if term.head is v.ones:
            return pt.ones((self.length(term.args[0]), 1), dtype=self.dtype)
        if term.head is v.cholesky and self._stored_above(term.args[0]):
            return linalg.cholesky(transposed(self._built[term.args[0]]))
        if term.head is v.add:
            return self._sum(term)
        if term.head is v.first:
            return pt.eye(self.length(term.args[0]), 1, dtype=self.dtype)
        if term.head is v.det_sign or (
            term.head is v.logabsdet and v.det_sign(*term.args) in self.plan.steps
        ):
            return self._of_determinant(term)
        if term.head is v.zeros:
            return pt.zeros(tuple(map(self.length, term.args)), dtype=self.dtype)
        if term.head is v.rows_of:
            return self._rows(*term.args)
        if term.head is v.unit:
            n, i = term.args
            return unit_column(self.length(n), self._built[i], self.dtype)
        args = [
            self._built[a] if isinstance(a, Term) else self.length(a) if isinstance(a, Dim) else a
            for a in term.args
        ]
        if term.head in _OF_ONE and all(args[0].type.broadcastable[-2:]):
            return _OF_ONE[term.head](args[0])
        return KERNELS.get(term.head, term.head.build)(*args)

    def _of_determinant(self, term: Term) -> Any:
        """The sign or the logarithm of a determinant, of one node for both."""
        (matrix,) = term.args
        x = self._built[matrix]
        if all(x.type.broadcastable[-2:]):
            return _OF_ONE[term.head](x)
        found = self._determinants.get(matrix)
        if found is None:
            found = self._determinants[matrix] = signed_logdet(x)
        return found[0 if term.head is v.det_sign else 1]

    def _stored_above(self, matrix: Term) -> bool:
        """Whether the triangle that a Cholesky factorization reads is not the one with entries."""
        return self.promised(matrix, "stored_upper") and not self.promised(matrix, "stored_lower")

    def _sum(self, term: Term) -> Any:
        plus = [self._value_of(x) for x, minus in signed(term) if not minus]
        minus = [self._value_of(x) for x, minus in signed(term) if minus]
        return reduce(pt.sub, minus, v.add.build(*plus))

    def _value_of(self, x: Any) -> Any:
        return self._built[x] if isinstance(x, Term) else x

    def _rows(self, x: Term, start: Dim, count: Dim) -> Any:
        """Some rows; the last ones are all that are left, so that too many raise as before."""
        start, stop = self.dims.normal(start), summed(start, count)
        first = self.length(start) if start.powers or start.coef else None
        last = None if self.dims.equal(stop, shape(x)[0]) else self.length(stop)
        return self._built[x][..., first:last, :]


# What needs no factorization where the matrix has one entry.
_OF_ONE: dict[Head, Callable[[Any], Any]] = {
    v.inverse: pt.reciprocal,
    v.det: v.item.build,
    v.det_sign: lambda x: pt.sign(v.item.build(x)),
    v.logabsdet: lambda x: v.log_magnitude.build(v.item.build(x)),
}


def _typed(new: Any, like: Any) -> Any:
    """`new` with the number of axes and the dtype of `like`, and no less static shape."""
    while new.type.ndim > like.type.ndim:
        new = new[0]
    if new.type.ndim < like.type.ndim:
        new = pt.expand_dims(new, tuple(range(like.type.ndim - new.type.ndim)))
    if new.type.dtype != like.type.dtype:
        new = pt.cast(new, like.type.dtype)
    if not like.type.is_super(new.type):
        known = [
            a if a is not None else b for a, b in zip(like.type.shape, new.type.shape, strict=True)
        ]
        new = pt.specify_shape(new, known)
    return new
