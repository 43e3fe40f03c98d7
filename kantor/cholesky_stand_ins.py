"""Cholesky factors of products and of Kronecker products, with the signs that they need."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.assumptions import POSITIVE_DEFINITE, check_assumption
from pytensor.graph.rewriting.basic import NodeRewriter

from kantor.matrix_nodes import as_output, core_of, factors_of, is_complex, is_square, op_name
from kantor.positive_diagonals import positive_diagonal
from matchers.readers import core_op


def cholesky_of_gram(fgraph: Any, node: Any, original: NodeRewriter) -> Any:
    """chol(L Lᵀ) = L S with the signs S that make the diagonal positive."""
    proved = cholesky_of_proved_gram(fgraph, node, original)
    if proved is not None or is_complex(node.outputs[0]):
        return proved
    found: Any = original.transform(fgraph, node)
    if not found:
        return None
    (factor,) = found
    lower = core_op(node).lower
    if not is_square(factor):
        # L Lᵀ is as large as L is high; a triangular L may be wider.
        n = factor.shape[-2 if lower else -1]
        factor = factor[..., :, :n] if lower else factor[..., :n, :]
    signs = _signs(pt.diagonal(factor, axis1=-2, axis2=-1))
    return as_output(factor * (signs[..., None, :] if lower else signs[..., :, None]), node)


def cholesky_of_proved_gram(fgraph: Any, node: Any, original: NodeRewriter) -> Any:
    """chol(L Lᵀ) = L where the diagonal of L is proved positive.

    Before constants are folded less is proved; so signs are left to a later phase.
    """
    found: Any = None if is_complex(node.outputs[0]) else original.transform(fgraph, node)
    proved = found and is_square(found[0]) and positive_diagonal(fgraph, found[0])
    return found if proved else None


def _signs(d: Any) -> Any:
    """-1 where `d` is negative, 1 elsewhere: a row with 0 on the diagonal keeps what it has."""
    return pt.switch(d < 0, -1, 1).astype(d.type.dtype)


def lifted(fgraph: Any, node: Any, original: NodeRewriter) -> Any:
    """Of A ⊗ B the factors of A and B have an inverse; to a Cholesky factor they need a sign."""
    core, transposed = core_of(node.inputs[0])
    if op_name(core) != "KroneckerProduct":
        return original.transform(fgraph, node)
    factors = [f.mT if transposed else f for f in core.owner.inputs]
    if not factors[0].ndim == factors[1].ndim == 2:
        stacked = factors[0].ndim == factors[1].ndim == 3
        if type(core_op(node)).__name__ != "Cholesky":
            return original.transform(fgraph, node) if stacked else None
        return _cholesky_of_stacks(fgraph, node, *factors) if stacked else None
    if type(core_op(node)).__name__ != "Cholesky":
        return original.transform(fgraph, node)
    return _cholesky_of_kron(fgraph, node, factors_of(core, transposed))


def _cholesky_of_kron(fgraph: Any, node: Any, factors: list[Any]) -> Any:
    """chol(A ⊗ B) = chol(s A) ⊗ chol(s B), with s = -1 where A is negative definite.

    All factors are definite where the left side has a value. The sign of the last one follows from
    the others, so that an odd number of negative definite ones has no value on the right either.
    """
    open_ = [f for f in factors if not check_assumption(fgraph, f, POSITIVE_DEFINITE)]
    if len(open_) > 1 and any(is_complex(f) for f in factors):
        return None
    if len(open_) > 1:
        signs = {f: _sign_of_definite(f) for f in open_[:-1]}
        last = pt.prod(pt.stack([s.astype("int8") for s in signs.values()]), dtype="int8")
        signs[open_[-1]] = last.astype(open_[-1].dtype)
        factors = [signs[f] * f if f in signs else f for f in factors]
    roots = [node.op(f) for f in factors]
    new = roots[0]
    for root in roots[1:]:
        new = pt.linalg.kron(new, root)
    return as_output(new, node)


def _sign_of_definite(x: Any) -> Any:
    """-1 for a negative definite matrix, by its diagonal, and 1 for any other definite one."""
    negative = pt.any(pt.diagonal(x, axis1=-2, axis2=-1) < 0, axis=-1)
    return pt.switch(negative, -1, 1).astype(x.type.dtype)


def _cholesky_of_stacks(fgraph: Any, node: Any, a: Any, b: Any) -> Any:
    """PyTensor's product of stacks has every pair; pairs of unlike signs have no factor."""
    if any(check_assumption(fgraph, f, POSITIVE_DEFINITE) for f in (a, b)):
        return as_output(pt.linalg.kron(node.op(a), node.op(b)), node)
    if is_complex(a) or is_complex(b):
        return None
    s, t = _sign_of_definite(a), _sign_of_definite(b)
    roots = pt.linalg.kron(node.op(s[:, None, None] * a), node.op(t[:, None, None] * b))
    alike = pt.eq(s[:, None], t[None, :]).reshape((-1, 1, 1))
    return as_output(pt.switch(alike, roots, np.array(np.nan, dtype=roots.dtype)), node)
