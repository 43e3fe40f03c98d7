"""Contractions: sums of products over named indices, of which a product of matrices is one case.

``ij,jk->ik`` is the product A B. Whatever is a chain from one output index to the other reads as a
product, so that every relation sees through an einsum; what is not stays one term, ``contract``.
"""

from __future__ import annotations

import functools
import operator
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytensor.tensor as pt
from pytensor.tensor.elemwise import DimShuffle

from matchers import vocabulary as v
from matchers.dims import ONE, Dim, length, symbol
from matchers.heads import Head
from matchers.reshaping import reshaped
from matchers.terms import Term, shape


def split_spec(spec: str) -> tuple[list[str], str]:
    """The indices of each operand, and those of the result."""
    inputs, output = spec.split("->")
    return inputs.split(","), output


def _axes(indices: str, term: Any) -> list[tuple[str, Dim]]:
    """Each index of an operand with its length; a column has one index, a batch comes first."""
    rows, cols, batch = shape(term)
    lengths = (*batch, rows, cols) if len(indices) > 1 else (rows,)
    return list(zip(indices, lengths, strict=False))


def index_lengths(parts: Sequence[str], terms: Sequence[Any]) -> dict[str, Dim]:
    """The length of each index."""
    return {i: n for part, t in zip(parts, terms, strict=True) for i, n in _axes(part, t)}


def _contract_shape(spec: str, *terms: Any) -> tuple[Dim, Dim, tuple[Dim, ...]]:
    parts, output = split_spec(spec)
    lengths = index_lengths(parts, terms)
    found = [lengths[i] for i in output]
    rows, cols = (*found[-2:], ONE, ONE)[:2]
    return rows, cols, tuple(found[:-2])


class Groups(NamedTuple):
    """The indices of a product of two: of both and the result, of one, of both but summed."""

    batch: str
    rows: str
    summed: str
    columns: str
    left: str
    right: str

    @staticmethod
    def of(left: str, right: str, output: str) -> Groups:
        """The groups of ``left,right->output``; what only one operand has is in the result."""
        batch = "".join(i for i in output if i in left and i in right)
        rows = "".join(i for i in left if i in output and i not in right)
        columns = "".join(i for i in right if i in output and i not in left)
        first, other = (left, right) if len(left) >= len(right) else (right, left)
        summed = "".join(i for i in first if i in other and i not in output)
        return Groups(batch, rows, summed, columns, left, right)


def reordered(part: str, batch: str, others: str, summed: str) -> bool:
    """Whether an operand has to be copied to be a matrix: as it stands, or transposed."""
    return part not in (batch + others + summed, batch + summed + others)


def _multiplied(groups: Groups, output: str, x: Any, y: Any) -> Any:
    """The product of two arrays with one axis for each index."""
    natural = groups.batch + groups.rows + groups.columns
    if output != natural and output == groups.batch + groups.columns + groups.rows:
        return _multiplied(Groups.of(groups.right, groups.left, output), output, y, x)
    lengths = {
        i: symbol(z, k)
        for part, z in ((groups.right, y), (groups.left, x))
        for k, i in enumerate(part)
    }
    if not groups.summed:
        return _moved(x, groups.left, output) * _moved(y, groups.right, output)
    a = _as_matrix(x, groups.left, (groups.batch, groups.rows, groups.summed), lengths)
    b = _as_matrix(y, groups.right, (groups.batch, groups.summed, groups.columns), lengths)
    made = pt.dot(a, b) if a.type.ndim == b.type.ndim == 2 else pt.matmul(a, b)
    n = len(groups.batch)
    if len(groups.rows) > 1 or len(groups.columns) > 1:
        made = reshaped(made, *(length(lengths[i]) for i in natural))
    else:
        ones = [n + k for k, side in enumerate((groups.rows, groups.columns)) if not side]
        made = made.dimshuffle(*(k for k in range(n + 2) if k not in ones)) if ones else made
    return _moved(made, natural, output)


def _as_matrix(x: Any, part: str, groups: tuple[str, str, str], lengths: dict[str, Dim]) -> Any:
    """An array with the indices of each group in one axis, but for those of the batch."""
    batch, rows, columns = groups
    if part == batch + columns + rows and part != batch + rows + columns:
        return _as_matrix(x, part, (batch, columns, rows), lengths).mT
    x = _moved(x, part, batch + rows + columns)
    if len(rows) > 1 or len(columns) > 1:
        sides = (
            functools.reduce(operator.mul, (lengths[i] for i in g), ONE) for g in (rows, columns)
        )
        return reshaped(x, *(length(lengths[i]) for i in batch), *map(length, sides))
    order: list[Any] = list(range(len(batch)))
    order += [
        "x" if not side else len(batch) + (k and len(rows))
        for k, side in enumerate((rows, columns))
    ]
    return x if order == list(range(x.type.ndim)) else x.dimshuffle(*order)


def _moved(x: Any, part: str, order: str) -> Any:
    """An array with its axes in another order, and axes of length 1 for other indices."""
    if part == order:
        return x
    return x.dimshuffle(*(part.index(i) if i in part else "x" for i in order))


def is_pair(parts: Sequence[str], output: str) -> bool:
    """Whether a contraction is of one operand, or a product of two and no more."""
    both = len(parts) == 2 and all(
        i in output or i in q for p, q in (parts, parts[::-1]) for i in p
    )
    return both or len(parts) == 1


def vector(x: Any) -> Any:
    """A column without its last axis; of what was made one, what it was."""
    node = x.owner
    if node is not None and type(node.op) is DimShuffle:
        before = node.inputs[0]
        if node.op.new_order == (*range(before.type.ndim), "x"):
            return before
    return pt.squeeze(x, -1) if x.type.broadcastable[-1] else x[..., 0]


def _contract_build(spec: str, *xs: Any) -> Any:
    parts, output = split_spec(spec)
    arrays = [vector(x) if len(part) == 1 else x for part, x in zip(parts, xs, strict=True)]
    if len(arrays) == 1:
        axes = tuple(k for k, i in enumerate(parts[0]) if i not in output)
        out = arrays[0].sum(axis=axes) if axes else arrays[0]
        out = _moved(out, "".join(i for i in parts[0] if i in output), output)
    elif is_pair(parts, output):
        out = _multiplied(Groups.of(parts[0], parts[1], output), output, *arrays)
    else:
        out = pt.einsum(spec, *arrays)
    return v.as_matrix(out, 1) if len(output) == 1 else out


contract = Head("contract", _contract_build, _contract_shape)


def read(spec: str, terms: Sequence[Term]) -> Term | None:
    """The term of an einsum over columns, matrices and batches of matrices.

    Parameters
    ----------
    spec : str
        Subscripts in explicit form, ``ij,jk->ik``.
    terms : sequence of Term
    """
    parts, output = split_spec(spec)
    if any(not p or len(set(p)) != len(p) for p in (*parts, output or "i")):
        return None
    if any(len(shape(t)[2]) != max(len(p) - 2, 0) for p, t in zip(parts, terms, strict=True)):
        return None
    batch = len(output) - 2
    if batch > 0 and all(len(p) == batch + 2 and p[:batch] == output[:batch] for p in parts):
        # One contraction of matrices for each member of a batch.
        parts, output = [p[batch:] for p in parts], output[batch:]
    if all(len(p) < 3 for p in (*parts, output)):
        operands = list(zip(parts, terms, strict=True))
        chain = _as_chain(list(operands), output)
        if chain is None:
            chain = _as_chain(_simplified(operands, output), output)
        if chain is not None:
            return chain
    term: Term = contract(spec, *terms)
    return term


def _simplified(operands: list[tuple[str, Term]], output: str) -> list[tuple[str, Term]]:
    """The operands with vectors put into matrices, like ones multiplied, and ones for sums."""
    merged: dict[str, Term] = {}
    for part, term in operands:
        turned = part[::-1] in merged and part not in merged
        own, t = (part[::-1], v.transpose(term)) if turned else (part, term)
        merged[own] = v.mul(merged[own], t) if own in merged else t
    uses = Counter(i for part in (*merged, output) for i in part)
    for part in [p for p in merged if len(p) == 1 and uses[p] > 2]:
        matrix = next((p for p in merged if part in p and p != part), None)
        if matrix is not None:
            d = v.diag(merged.pop(part))
            left = matrix[0] == part
            merged[matrix] = v.matmul(d, merged[matrix]) if left else v.matmul(merged[matrix], d)
            uses[part] -= 1
    lengths = index_lengths(list(merged), list(merged.values()))
    return [*merged.items(), *((i, v.ones(lengths[i])) for i in uses if uses[i] == 1)]


def _as_chain(operands: list[tuple[str, Term]], output: str) -> Term | None:
    """The operands as one product, or None where they are not a chain."""
    uses = Counter(i for part, _ in operands for i in part)
    if any(n + (i in output) != 2 for i, n in uses.items()) or not output:
        # An index that is summed within one operand would need a product with ones; one that more
        # than two operands share is no product of matrices at all.
        return _full_chain(operands, uses) if not output else None
    first = _walk(operands, output[0])
    if len(output) == 1 or first is None:
        return _finished(first, operands) if first is not None and first[1] == "" else None
    factors, end = first
    if end == output[1]:
        return _finished(first, operands)
    if end:
        return None
    second = _walk(operands, output[1])
    if second is None or second[1] or operands:
        return None
    product: Term = v.matmul(v.matmul(*factors), v.transpose(v.matmul(*second[0])))
    return product


def _finished(walked: tuple[list[Term], str], operands: list[tuple[str, Term]]) -> Term | None:
    product: Term = v.matmul(*walked[0])
    return None if operands else product


def _full_chain(operands: list[tuple[str, Term]], uses: Counter[str]) -> Term | None:
    """A contraction to a scalar: from a column to a column, or around in a circle."""
    if any(n != 2 for n in uses.values()):
        return None
    columns = [part for part, _ in operands if len(part) == 1]
    if not columns:
        part, first = operands.pop(0)
        walked = _walk(operands, part[1])
        if walked is None or walked[1] != part[0] or operands:
            return None
        trace: Term = v.trace(v.matmul(first, *walked[0]))
        return trace
    start = next(o for o in operands if len(o[0]) == 1)
    operands.remove(start)
    walked = _walk(operands, start[0])
    if walked is None or walked[1] or operands:
        return None
    item: Term = v.item(v.matmul(v.transpose(start[1]), *walked[0]))
    return item


def _walk(operands: list[tuple[str, Term]], index: str) -> tuple[list[Term], str] | None:
    """The factors met from `index` on, taken out of `operands`, and the index at the other end."""
    factors: list[Term] = []
    while True:
        found = next((o for o in operands if index in o[0]), None)
        if found is None:
            return (factors, index) if factors else None
        operands.remove(found)
        part, term = found
        if len(part) == 1:
            return [*factors, term], ""
        forward = part[0] == index
        factors.append(term if forward else v.transpose(term))
        index = part[1] if forward else part[0]
