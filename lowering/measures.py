"""On what sizes a kernel computes a term, and from what: the steps of terms by themselves.

Each takes the name of a kernel and a term whose head `lowering.kernels` lists for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lowering.contractions import sizes_of
from lowering.steps import Step
from lowering.subtraction import signed
from matchers import vocabulary as v
from matchers.dims import ONE, Dim, broadcast, shorter, summed
from matchers.terms import Term, shape


def terms_of(args: Iterable[Any]) -> tuple[Term, ...]:
    """Those of some arguments that are terms, and no dimensions."""
    return tuple(a for a in args if isinstance(a, Term))


def batch_of(*terms: Term) -> Dim:
    """How many members the batch has that some terms make together."""
    out = ONE
    for n in broadcast([shape(t)[2] for t in terms]):
        out = out * n
    return out


def single(term: Term) -> bool:
    """Whether a term is one number, as a coefficient or as a matrix."""
    return term.scalar or shape(term) == (ONE, ONE, ())


def _entries(term: Term) -> Dim:
    rows, cols, _ = shape(term)
    return rows * cols


def viewed(kernel: str, term: Term) -> Step:
    """Nothing is computed."""
    return Step(kernel, (), ONE, terms_of(term.args))


def sign(kernel: str, term: Term) -> Step:
    """The sign of a determinant comes with its logarithm, of one factorization."""
    return Step(kernel, (), ONE, (*term.args, v.logabsdet(*term.args)))


# --- by the number of entries ---------------------------------------------------------------------


def entrywise(kernel: str, term: Term) -> Step:
    """By the entries of the term; a single number is none worth counting."""
    if single(term):
        return Step("scalar", (), ONE, terms_of(term.args))
    return Step(kernel, (_entries(term),), batch_of(term), terms_of(term.args))


def added(kernel: str, term: Term) -> Step:
    """By the entries of the term, for each operand but one; what is subtracted is not negated.

    What is added is one node, and each operand that is subtracted is another.
    """
    operands = signed(term) if term.head is v.add else [(x, False) for x in term.args]
    needs = terms_of([x for x, _ in operands])
    if single(term):
        return Step("scalar", (), ONE, needs)
    size, minus = _entries(term), sum([m for _, m in operands])
    more = minus - (minus + 1 == len(operands))
    sizes = size * (len(operands) - 1 - more), *[size] * more
    return Step(kernel, sizes, batch_of(term), needs)


def reduced(kernel: str, term: Term) -> Step:
    """By the entries of the argument."""
    return Step(kernel, (_entries(term.args[0]),), batch_of(term), terms_of(term.args))


def batch_summed(kernel: str, term: Term) -> Step:
    """By the entries of all members of a batch."""
    (x,) = term.args
    return Step(kernel, (_entries(x),), batch_of(x), (x,))


def reduced_twice(kernel: str, term: Term) -> Step:
    """Multiply and sum all blocks; both are elementwise over the first argument."""
    return Step(kernel, (_entries(term.args[0]) * 2,), batch_of(term), terms_of(term.args))


def differences(kernel: str, term: Term) -> Step:
    """By the entries of the differences of all rows of one matrix and of another."""
    size = _entries(term) * shape(term.args[0])[1]
    return Step(kernel, (size,), batch_of(term), terms_of(term.args))


def reshaped(kernel: str, term: Term) -> Step:
    """A reshape copies what a transpose has left in another order."""
    inner = term.args[0]
    if inner.head is v.transpose and ONE not in shape(inner)[:2]:
        return Step(kernel, (_entries(term),), batch_of(term), (inner,))
    return viewed("view", term)


# --- by the lengths of matrices -------------------------------------------------------------------


def of_order(kernel: str, term: Term) -> Step:
    """By the order of the matrix."""
    return Step(kernel, (shape(term.args[0])[0],), batch_of(term), terms_of(term.args))


def of_two_orders(kernel: str, term: Term) -> Step:
    """By the orders of the first two matrices."""
    a, b, _ = term.args
    return Step(kernel, (shape(a)[0], shape(b)[0]), batch_of(term), term.args)


def determinants(kernel: str, term: Term) -> Step:
    """Two determinants in one step."""
    a, _, b, _ = term.args
    return Step(kernel, (shape(a)[0], shape(b)[0]), batch_of(term), (a, b))


def of_shape(kernel: str, term: Term) -> Step:
    """By both lengths of the term, and the shorter."""
    m, n, _ = shape(term)
    return Step(kernel, (m, n, shorter(m, n)), batch_of(term), terms_of(term.args))


def of_argument(kernel: str, term: Term) -> Step:
    """By both lengths of the argument, and the shorter."""
    m, n, _ = shape(term.args[0])
    return Step(kernel, (m, n, shorter(m, n)), batch_of(term), term.args)


def of_sides(kernel: str, term: Term) -> Step:
    """By both lengths of the term."""
    return Step(kernel, shape(term)[:2], batch_of(term), term.args)


def gram(kernel: str, term: Term) -> Step:
    """A matrix is multiplied with its transpose."""
    rows, cols, _ = shape(term.args[0])
    return Step(kernel, (cols, rows, cols), batch_of(term), term.args)


def contracted(_: str, term: Term) -> Step:
    """One product, or several, whichever the indices of a contraction say."""
    kernel, sizes, batch = sizes_of(term)
    return Step(kernel, sizes, batch, terms_of(term.args))


# --- by the lengths of factors and of columns -----------------------------------------------------


def _orders(factors: Iterable[Term]) -> tuple[Dim, ...]:
    """The orders of what is no column, which is the diagonal of a matrix."""
    return tuple([shape(f)[0] for f in factors if shape(f)[1] != ONE]) or (ONE,)


def of_columns_and_factors(kernel: str, term: Term) -> Step:
    """By the columns of a right side, which comes second, and the orders of all factors."""
    _, x, *factors = term.args
    sizes = (shape(x)[1], *_orders(factors))
    return Step(kernel, sizes, batch_of(term), terms_of(term.args))


def of_factors(kernel: str, term: Term) -> Step:
    """By the orders of all factors, which come after a coefficient."""
    return Step(kernel, _orders(term.args[1:]), batch_of(term), terms_of(term.args))


def by_column(kernel: str, term: Term) -> Step:
    """By a column of n entries and, it may be, k others beside it."""
    c, *others = term.args
    order = shape(c)[0]
    if len(others) == 2:  # and a row, beside which it is embedded in a circulant matrix
        order = summed(order, shape(others.pop(0))[0])
    sizes = (order, *(shape(x)[1] for x in others))
    return Step(kernel, sizes, batch_of(term), terms_of(term.args))
