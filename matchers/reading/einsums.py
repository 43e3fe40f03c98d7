"""Readers of einsums and of their gradients, which are contractions as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from string import ascii_letters
from typing import Any

import numpy as np
from pytensor.tensor.einsum import Einsum

from matchers import contractions
from matchers import vocabulary as v
from matchers.dims import symbol
from matchers.reading.common import Reading, same_dtype
from matchers.terms import Term, shape

Spec = tuple[list[str], str]


def subscripts(op: Any, operands: Sequence[Any]) -> Spec | None:
    """The indices of each operand of an einsum and those of its result, all written out."""
    inputs, arrow, output = op.subscripts.replace(" ", "").partition("->")
    parts = inputs.split(",")
    if not arrow:
        uses = Counter(inputs.replace("...", "").replace(",", ""))
        output = "..." * ("..." in inputs) + "".join(sorted(i for i, n in uses.items() if n == 1))
    if "..." in op.subscripts:
        free = "".join(i for i in ascii_letters if i not in op.subscripts)
        ranks = [
            x.type.ndim - len(p) + 3 if "..." in p else 0
            for p, x in zip(parts, operands, strict=True)
        ]
        most = free[: max(ranks)]
        parts = [p.replace("...", most[len(most) - n :]) for p, n in zip(parts, ranks, strict=True)]
        output = output.replace("...", most)
    fits = [len(p) for p in parts] == [x.type.ndim for x in operands]
    return (parts, output) if fits else None


def einsum(view: Any, node: Any, out: int, core: int) -> Reading:
    """A contraction."""
    spec = subscripts(node.op, node.inputs)
    if spec is None or not same_dtype(node):
        return None
    if len(spec[0]) == 1 and len(set(spec[0][0])) == 1 and len(spec[0][0]) == 2:
        return _of_diagonal(view, node.inputs[0], spec[1], core)
    return _contraction(view, *spec, node.inputs, core)


def _of_diagonal(view: Any, x: Any, output: str, core: int) -> Reading:
    """The trace ``ii->``, or the diagonal ``ii->i``, of what is square then."""

    def make(t: Term) -> Term:
        rows, cols, _ = shape(t)
        view.dims.unify(rows, cols)
        return v.trace(t) if core == 0 else v.diagonal(t)  # type: ignore[no-any-return]

    return ([(x, 2)], make) if core == len(output) else None


def _on_diagonal(view: Any, x: Any, up: Any, core: int) -> Reading:
    """The gradient of a trace or of a diagonal is a diagonal matrix."""
    if core != 2 or any(up.type.broadcastable):
        return None

    def make(g: Term) -> Term:
        rows, cols = view.shape_of(x, 2)
        view.dims.unify(rows, cols)
        return v.diag(g) if up.type.ndim else v.scale(g, v.eye(rows))  # type: ignore[no-any-return]

    return [(up, up.type.ndim)], make


def einsum_gradient(node: Any) -> bool:
    """Whether an OpFromGraph may be the gradient of an einsum."""
    if len(node.inputs) < 3:
        return False
    up = node.inputs[-2].owner
    return up is not None and type(up.op) is Einsum and up.inputs == node.inputs[:-2]


def pullback(view: Any, node: Any, out: int, core: int) -> Reading:
    """The gradient of an einsum for one operand: a contraction of the others with what came in.

    It is an OpFromGraph, known by being equal to what PyTensor makes for these types. An index that
    only the operand has was summed by itself: the gradient is repeated along it.
    """
    *operands, whole, up = node.inputs
    made_by = whole.owner
    spec = subscripts(made_by.op, operands)
    if spec is None or len(node.outputs) != len(operands) or not same_dtype(node, out):
        return None
    reference = made_by.op.pullback(made_by.inputs, made_by.outputs, [up])
    if any([r.owner is None or r.owner.op != node.op for r in reference]):
        return None
    parts, output = spec
    own = parts[out]
    if own == 2 * own[:1] and len(parts) == 1:
        return _on_diagonal(view, operands[0], up, core)
    factors = [*(x for i, x in enumerate(operands) if i != out), up]
    given = [*(p for i, p in enumerate(parts) if i != out), output]
    alone = [i for i in own if not any(i in p for p in given)]
    lengths = {i: symbol(operands[out], axis) for axis, i in enumerate(own) if i in alone}
    return _contraction(view, given, own, factors, core, lengths)


def _contraction(
    view: Any, parts: list[str], output: str, operands: Sequence[Any], core: int,
    repeated: dict[str, Any] | None = None,
) -> Reading:  # fmt: skip
    """The contraction of some operands; its result is `repeated` along indices that none has."""
    ones: dict[str, set[bool]] = {}
    for part, x in zip(parts, operands, strict=True):
        for i, one in zip(part, x.type.broadcastable, strict=True):
            ones.setdefault(i, set()).add(one)
    if min(len(output), 2) != core or any(len(found) == 2 for found in ones.values()):
        return None  # an index of length 1 may be broadcast
    arrays = [i for i, p in enumerate(parts) if p]
    numbers = [i for i, p in enumerate(parts) if not p]
    if not arrays or (numbers and np.dtype(operands[0].type.dtype).kind not in "fc"):
        return None
    found = repeated or {}
    spec = f"{','.join([*(parts[i] for i in arrays), *found])}->{output}"
    needs = [(x, min(len(p), 2)) for x, p in zip(operands, parts, strict=True)]

    def make(*ts: Term) -> Term | None:
        filled = [v.ones(n) for n in found.values()]
        made = contractions.read(spec, [*(ts[i] for i in arrays), *filled])
        for i in numbers if made is not None else ():
            made = v.scale(v.item(ts[i]), made)
        return made

    return needs, make


__all__ = ["einsum", "einsum_gradient", "pullback", "subscripts"]
