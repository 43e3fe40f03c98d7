"""What a term demands of dimensions: the equations without which it has no value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from matchers import vocabulary as v
from matchers.contractions import contract, index_lengths, split_spec
from matchers.dims import ONE, Dim
from matchers.equalities import Dims
from matchers.heads import Head
from matchers.terms import Term, shape
from matchers.traversal import subterms
from matchers.variables import LogicVar

Equation = tuple[Dim, Dim]


def _solid(args: tuple[Any, ...]) -> list[Any]:
    """The operands whose shape is known: segments and rests have none."""
    return [a for a in args if not (isinstance(a, LogicVar) and a.kind in ("segment", "rest"))]


def _product(args: tuple[Any, ...]) -> Iterator[Equation]:
    for left, right in pairwise(args):
        if left in _solid((left,)) and right in _solid((right,)):
            yield shape(left)[1], shape(right)[0]


def _alike(args: tuple[Any, ...]) -> Iterator[Equation]:
    for left, right in pairwise(_solid(args)):
        (m, n, _), (p, q, _) = shape(left), shape(right)
        yield m, p
        yield n, q


def _same_rows(args: tuple[Any, ...]) -> Iterator[Equation]:
    yield from ((shape(x)[0], shape(y)[0]) for x, y in pairwise(_solid(args)))


def _same_cols(args: tuple[Any, ...]) -> Iterator[Equation]:
    yield from ((shape(x)[1], shape(y)[1]) for x, y in pairwise(_solid(args)))


def _square(args: tuple[Any, ...]) -> Iterator[Equation]:
    m, n, _ = shape(args[0])
    yield m, n


def _circular(args: tuple[Any, ...]) -> Iterator[Equation]:
    c, x = args
    yield shape(c)[0], shape(x)[0]


def _toeplitz_dot(args: tuple[Any, ...]) -> Iterator[Equation]:
    _, r, x = args
    yield shape(r)[0], shape(x)[0]


def _transposed_toeplitz_dot(args: tuple[Any, ...]) -> Iterator[Equation]:
    c, _, x = args
    yield shape(c)[0], shape(x)[0]


def _reshaped(args: tuple[Any, ...]) -> Iterator[Equation]:
    m, n, _ = shape(args[0])
    yield m * n, args[1] * args[2]


def _sylvester(args: tuple[Any, ...]) -> Iterator[Equation]:
    a, b, q = args
    yield from _square((a,))
    yield from _square((b,))
    yield shape(a)[0], shape(q)[0]
    yield shape(b)[0], shape(q)[1]


def _lyapunov(args: tuple[Any, ...]) -> Iterator[Equation]:
    yield from _square(args[:1])
    yield from _alike(args)


def _adjoint(args: tuple[Any, ...]) -> Iterator[Equation]:
    (m, n, _), (a, b, _), (p, q, _) = map(shape, args)
    yield m, a * p
    yield n, b * q


def _contracted(spec: str, *terms: Any) -> Iterator[Equation]:
    lengths: dict[str, Dim] = {}
    for part, term in zip(split_spec(spec)[0], terms, strict=True):
        for i, n in index_lengths([part], [term]).items():
            if lengths.setdefault(i, n) != n:
                yield lengths[i], n


DEMANDS: dict[Head, Callable[[tuple[Any, ...]], Iterator[Equation]]] = {
    v.matmul: _product,
    v.add: _alike,
    v.mul: _alike,
    v.hcat: _same_rows,
    v.vcat: _same_cols,
    v.reshape: _reshaped,
    v.kron_adjoint_left: _adjoint,
    v.kron_adjoint_right: _adjoint,
    v.sylvester: _sylvester,
    v.squared_distances: _same_cols,
    v.toeplitz_dot: _toeplitz_dot,
    v.transposed_toeplitz_dot: _transposed_toeplitz_dot,
    **dict.fromkeys((v.convolved, v.deconvolved, v.levinson), _circular),
    v.discrete_lyapunov: _lyapunov,
    **dict.fromkeys(
        (v.inverse, v.det, v.logabsdet, v.cholesky, v.expm, v.eigh, v.eigvalsh), _square
    ),
}


def equations(term: Term) -> Iterator[Equation]:
    """The equations that the head of `term` demands of its arguments."""
    if term.head is contract:
        yield from _contracted(*term.args)
        return
    demand = DEMANDS.get(term.head)
    if demand is not None:
        yield from demand(term.args)
    batches = [b for a in term.args if isinstance(a, Term) and (b := shape(a)[2])]
    if len(batches) > 1:
        yield from _alike_batches(batches)


def _alike_batches(batches: list[tuple[Dim, ...]]) -> Iterator[Equation]:
    """Batch dimensions are equal or of length 1; PyTensor broadcasts no unknown dimension."""
    for left, right in pairwise(batches):
        for m, n in zip(reversed(left), reversed(right), strict=False):
            if ONE not in (m, n):
                yield m, n


def learn(dims: Dims, *roots: Any) -> bool:
    """Add to `dims` what all terms under `roots` demand; false where they contradict each other."""
    return all([dims.unify(a, b) for t in subterms(*roots) for a, b in equations(t)])


def learn_diagonals(dims: Dims, *roots: Any) -> None:
    """Add to `dims` that the diagonal of what is proved square is as long as its sides."""
    for t in subterms(*roots):
        if t.head is v.diagonal and dims.equal(*shape(t.args[0])[:2]):
            dims.unify(shape(t)[0], shape(t.args[0])[0])


def unproved(dims: Dims, *roots: Any) -> list[Equation]:
    """The demands of the terms under `roots` that `dims` does not prove."""
    return [(a, b) for t in subterms(*roots) for a, b in equations(t) if not dims.equal(a, b)]
