"""The diagonal and the determinant of a Kronecker product of any shape.

Where the factors are known to be square relations are used before these.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.rewriting.basic import NodeRewriter
from pytensor.raise_op import Assert
from pytensor.tensor.basic import atleast_Nd
from pytensor.tensor.rewriting.linalg.utils import clients_through_expand_dims

from kantor.matrix_nodes import (
    as_output,
    core_of,
    factors_of,
    is_complex,
    is_square,
    op_name,
    scalar_op_name,
)

NOT_SQUARE = Assert("the determinant of a matrix that is not square")


# --- Kronecker products of any shape --------------------------------------------------------------
# Where the factors are known to be square relations are used before these.


def diagonal_of_kron(fgraph: Any, node: Any, original: NodeRewriter) -> Any:
    """Each entry of a diagonal of A ⊗ B is a product of one of A and one of B."""
    core, transposed = core_of(node.inputs[0])
    if op_name(core) != "KroneckerProduct" or node.inputs[0].ndim != 2:
        return None
    if any(f.ndim != 2 for f in core.owner.inputs):
        return None
    a, b = (f.T if transposed else f for f in core.owner.inputs)
    down, right = max(-node.op.offset, 0), max(node.op.offset, 0)
    rows, cols = a.shape[0] * b.shape[0] - down, a.shape[1] * b.shape[1] - right
    i = pt.arange(pt.maximum(pt.minimum(rows, cols), 0))
    at_a = (i + down) // b.shape[0], (i + right) // b.shape[1]
    at_b = (i + down) % b.shape[0], (i + right) % b.shape[1]
    return as_output(a[at_a] * b[at_b], node)


def det_of_kron(fgraph: Any, node: Any, original: NodeRewriter) -> Any:
    """|A ⊗ B| = |A|ⁿ |B|ᵐ for A of order m and B of order n; 0 where they are not square.

    It is made of logarithms, which do not overflow, and so are its sign and its logarithm.
    """
    core, _ = core_of(node.inputs[0])
    (out,) = node.outputs
    if op_name(core) != "KroneckerProduct" or out.ndim or is_complex(out):
        return None
    factors = factors_of(core, False)
    if any(f.ndim != 2 for f in factors):
        return None
    sign, log = _signed_log(factors, out.type.dtype)
    replaced: dict[Any, Any] = {out: sign * pt.exp(log)}
    for client, _ in clients_through_expand_dims(fgraph, out):
        if scalar_op_name(client) == "Sign":
            replaced[client.outputs[0]] = sign
        elif scalar_op_name(client) == "Abs":
            size: Any = client.outputs[0]
            for user, _ in clients_through_expand_dims(fgraph, size):
                if scalar_op_name(user) == "Log":
                    replaced[user.outputs[0]] = log
    return {old: atleast_Nd(new, n=old.ndim).astype(old.dtype) for old, new in replaced.items()}


def _signed_log(factors: list[Any], dtype: str) -> tuple[Any, Any]:
    """The sign and the logarithm of the determinant of the product of all factors."""
    rows, cols = zip(*(f.shape for f in factors), strict=True)
    order, orders = math.prod(rows), math.prod(cols)
    order = NOT_SQUARE(order, pt.eq(order, orders))
    proper = pt.all(pt.stack([pt.eq(m, n) for m, n in zip(rows, cols, strict=True)]))
    sign, log = pt.constant(1, dtype=dtype), pt.constant(0, dtype=dtype)
    for f, m, n in zip(factors, rows, cols, strict=True):
        times = order // pt.maximum(m, 1)
        # Its largest square part: the factor itself, unless the determinant is 0 anyhow.
        k = pt.minimum(m, n)
        s, of_one = pt.linalg.slogdet(f if is_square(f) else f[:k, :k])
        sign = sign * pt.switch(pt.eq(times % 2, 1), s, pt.abs(s))
        log = log + times * of_one
    empty = pt.eq(order, 0)
    sign = pt.switch(empty, 1, pt.switch(proper, sign, 0)).astype(dtype)
    log = pt.switch(empty, 0, pt.switch(proper, log, -np.inf)).astype(dtype)
    return sign, log
