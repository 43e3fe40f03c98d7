"""Contractions: sums of products over named indices, of which a product of matrices is one case.

``ij,jk->ik`` is the product A B. Whatever is a chain from one output index to the other reads as a
product, so that every relation sees through an einsum; what is not stays one term, ``contract``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytensor.tensor as pt

from matchers import vocabulary as v
from matchers.dims import ONE, Dim, broadcast
from matchers.terms import Head, Term, shape


def _axes(indices: str, term: Any) -> list[tuple[str, Dim]]:
    """Each index of an operand with its length; a column has one index."""
    return list(zip(indices, shape(term)[:2], strict=False))


def _contract_shape(spec: str, *terms: Any) -> tuple[Dim, Dim, tuple[Dim, ...]]:
    inputs, output = spec.split("->")
    lengths = {
        i: n for part, t in zip(inputs.split(","), terms, strict=True) for i, n in _axes(part, t)
    }
    rows, cols = (*(lengths[i] for i in output), ONE, ONE)[:2]
    return rows, cols, broadcast(shape(t)[2] for t in terms)


def _contract_build(spec: str, *xs: Any) -> Any:
    inputs, output = spec.split("->")
    columns = [
        x[..., 0] if len(part) == 1 else x for part, x in zip(inputs.split(","), xs, strict=True)
    ]
    out = pt.einsum(spec, *columns)
    return out[..., None] if len(output) == 1 else out


contract = Head("contract", _contract_build, _contract_shape, template="einsum({0})")


def read(spec: str, terms: Sequence[Term]) -> Term | None:
    """The term of an einsum over matrices and columns.

    Parameters
    ----------
    spec : str
        Subscripts in explicit form, ``ij,jk->ik``; at most two indices for each operand.
    terms : sequence of Term
    """
    inputs, output = spec.split("->")
    parts = inputs.split(",")
    if any(len(p) not in (1, 2) or len(set(p)) != len(p) for p in (*parts, output or "i")):
        return None
    chain = _as_chain(list(zip(parts, terms, strict=True)), output)
    if chain is not None:
        return chain
    term: Term = contract(spec, *terms)
    return term


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
