"""Node rewriters that are true, for those of PyTensor that are not.

A stand-in is made of PyTensor's own rewriter. Most ask that where it is right, and are silent
elsewhere; the others know more of the identity: the sign of a definite factor, the signs on the
diagonal of a triangular matrix, the lengths of factors that are not square.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytensor.tensor as pt
from pytensor.assumptions import DIAGONAL, POSITIVE_DEFINITE, check_assumption
from pytensor.graph.rewriting.basic import GraphRewriter, NodeRewriter, dfs_rewriter, node_rewriter
from pytensor.raise_op import Assert
from pytensor.tensor.basic import alloc_diag, atleast_Nd
from pytensor.tensor.rewriting.linalg.utils import (
    clients_through_expand_dims,
    strip_left_expand_dims_and_transpose,
)

from kantor.positive_diagonals import positive_diagonal
from matchers.readers import core_op

Rewrite = Callable[[Any, Any, NodeRewriter], Any]
# NumPy's, and so PyTensor's: what is smaller than this part of the largest counts as 0.
PINV_CUTOFF = 1e-15
NOT_SQUARE = Assert("the determinant of a matrix that is not square")


def _kind(x: Any) -> str:
    return np.dtype(x.type.dtype).kind


def _complex(x: Any) -> bool:
    return _kind(x) == "c"


def _op(x: Any) -> str:
    """The name of the Op that makes `x`, without the batch around it."""
    return "" if x.owner is None else type(core_op(x.owner)).__name__


def _core(x: Any) -> tuple[Any, bool]:
    """`x` without dimensions added in front and a transpose, and whether there was one."""
    found: tuple[Any, bool] = strip_left_expand_dims_and_transpose(x)
    return found


def _like(new: Any, node: Any) -> list[Any]:
    (out,) = node.outputs
    return [atleast_Nd(new, n=out.type.ndim).astype(out.type.dtype)]


def _rewriter(rewrite: Rewrite, original: NodeRewriter) -> NodeRewriter:
    tracks = original.tracks()

    @node_rewriter(tracks)
    def stand_in(fgraph: Any, node: Any) -> Any:
        return rewrite(fgraph, node, original)

    made: NodeRewriter = stand_in
    return made


# --- where PyTensor's is right --------------------------------------------------------------------


def _where(right: Callable[[Any], bool]) -> Rewrite:
    def rewrite(fgraph: Any, node: Any, original: NodeRewriter) -> Any:
        return original.transform(fgraph, node) if right(node) else None

    return rewrite


def _real(node: Any) -> bool:
    return not _complex(node.inputs[0])


def _no_inverse_on_the_right(node: Any) -> bool:
    """The transpose of a complex positive definite matrix is its conjugate."""
    if not _complex(node.inputs[1]):
        return True
    left, right = (_op(_core(x)[0]) for x in node.inputs)
    return left == "MatrixInverse" or right != "MatrixInverse"


def _factors_are_exact(node: Any) -> bool:
    """PyTensor's LU of integers is typed as integers; Cholesky's of Aᵀ is taken to be that of A."""
    kind = _kind(node.inputs[0])
    return kind == "f" or (kind == "c" and getattr(core_op(node), "assume_a", "") != "pos")


def _shared_factors(fgraph: Any, node: Any, original: NodeRewriter) -> Any:
    """One factorization for all solves, of which one may solve for what another has solved.

    Each is replaced by a graph over its right side as it was, so what is outside comes first.
    """
    if not _factors_are_exact(node):
        return None
    found = original.transform(fgraph, node)
    if not isinstance(found, dict) or len(found) < 2:
        return found
    place: dict[Any, int] = {n: i for i, n in enumerate(fgraph.toposort())}
    outputs: list[Any] = sorted(found, key=lambda x: -place[getattr(x, "owner", None)])
    return {x: found[x] for x in outputs}


def _undone(fgraph: Any, node: Any, original: NodeRewriter) -> Any:
    """(A⁻¹)⁻¹ = (A⁻¹)⁺ = A and (A⁺)⁺ = A, but (A⁺)⁻¹ exists for regular A only."""
    inner = _op(_core(node.inputs[0])[0])
    outer = type(core_op(node)).__name__
    wrong = inner == "MatrixPinv" and outer != "MatrixPinv"
    return None if wrong else original.transform(fgraph, node)


# --- diagonal matrices ----------------------------------------------------------------------------


def _diagonal_inverse(fgraph: Any, node: Any, original: NodeRewriter) -> Any:
    """diag(d)⁺ is 1/d where d is not 0, and 0 elsewhere."""
    if type(core_op(node)).__name__ != "MatrixPinv":
        return original.transform(fgraph, node)
    (x,) = node.inputs
    if not (_square(x) and check_assumption(fgraph, x, DIAGONAL)):
        return None
    d = pt.diagonal(x, axis1=-2, axis2=-1)
    sizes = pt.abs(d)
    none = pt.zeros((*[d.shape[i] for i in range(d.ndim - 1)], 1), dtype=sizes.dtype)
    largest = pt.max(pt.concatenate([sizes, none], axis=-1), axis=-1, keepdims=True)
    keep = sizes > PINV_CUTOFF * largest
    inverse = pt.switch(keep, 1 / pt.switch(keep, d, 1), 0)
    return _like(alloc_diag(inverse, axis1=-2, axis2=-1), node)


def _square(x: Any, depth: int = 6) -> bool:
    """Whether it is known to be: by its type, or by what makes it."""
    rows, cols = x.type.shape[-2:]
    if rows is not None and cols is not None:
        return bool(rows == cols)
    core, _ = _core(x)
    if _op(core) == "Elemwise":
        full = [i for i in core.owner.inputs if not any(i.type.broadcastable[-2:])]
        return depth > 0 and any(_square(i, depth - 1) for i in full)
    return _op(core) in ("AllocDiag", "Cholesky")


# --- Cholesky factors -----------------------------------------------------------------------------


def _cholesky_of_gram(fgraph: Any, node: Any, original: NodeRewriter) -> Any:
    """chol(L Lᵀ) = L S with the signs S that make the diagonal positive."""
    proved = _cholesky_of_proved_gram(fgraph, node, original)
    if proved is not None or _complex(node.outputs[0]):
        return proved
    found: Any = original.transform(fgraph, node)
    if not found:
        return None
    (factor,) = found
    lower = core_op(node).lower
    if not _square(factor):
        # L Lᵀ is as large as L is high; a triangular L may be wider.
        n = factor.shape[-2 if lower else -1]
        factor = factor[..., :, :n] if lower else factor[..., :n, :]
    signs = _signs(pt.diagonal(factor, axis1=-2, axis2=-1))
    return _like(factor * (signs[..., None, :] if lower else signs[..., :, None]), node)


def _cholesky_of_proved_gram(fgraph: Any, node: Any, original: NodeRewriter) -> Any:
    """chol(L Lᵀ) = L where the diagonal of L is proved positive.

    Before constants are folded less is proved; so signs are left to a later phase.
    """
    found: Any = None if _complex(node.outputs[0]) else original.transform(fgraph, node)
    proved = found and _square(found[0]) and positive_diagonal(fgraph, found[0])
    return found if proved else None


def _signs(d: Any) -> Any:
    """-1 where `d` is negative, 1 elsewhere: a row with 0 on the diagonal keeps what it has."""
    return pt.switch(d < 0, -1, 1).astype(d.type.dtype)


def _lifted(fgraph: Any, node: Any, original: NodeRewriter) -> Any:
    """Of A ⊗ B the factors of A and B have an inverse; to a Cholesky factor they need a sign."""
    core, transposed = _core(node.inputs[0])
    if _op(core) != "KroneckerProduct":
        return original.transform(fgraph, node)
    factors = [f.mT if transposed else f for f in core.owner.inputs]
    if not factors[0].ndim == factors[1].ndim == 2:
        stacked = factors[0].ndim == factors[1].ndim == 3
        if type(core_op(node)).__name__ != "Cholesky":
            return original.transform(fgraph, node) if stacked else None
        return _cholesky_of_stacks(fgraph, node, *factors) if stacked else None
    if type(core_op(node)).__name__ != "Cholesky":
        return original.transform(fgraph, node)
    return _cholesky_of_kron(fgraph, node, _flat(core, transposed))


def _flat(x: Any, transposed: bool) -> list[Any]:
    """The factors of a Kronecker product of Kronecker products."""
    inner, turned = _core(x)
    if _op(inner) == "KroneckerProduct" and all(f.ndim == 2 for f in inner.owner.inputs):
        turned = turned != transposed
        return [f for part in inner.owner.inputs for f in _flat(part, turned)]
    return [x.mT if transposed else x]


def _cholesky_of_kron(fgraph: Any, node: Any, factors: list[Any]) -> Any:
    """chol(A ⊗ B) = chol(s A) ⊗ chol(s B), with s = -1 where A is negative definite.

    All factors are definite where the left side has a value. The sign of the last one follows from
    the others, so that an odd number of negative definite ones has no value on the right either.
    """
    open_ = [f for f in factors if not check_assumption(fgraph, f, POSITIVE_DEFINITE)]
    if len(open_) > 1 and any(_complex(f) for f in factors):
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
    return _like(new, node)


def _sign_of_definite(x: Any) -> Any:
    """-1 for a negative definite matrix, by its diagonal, and 1 for any other definite one."""
    negative = pt.any(pt.diagonal(x, axis1=-2, axis2=-1) < 0, axis=-1)
    return pt.switch(negative, -1, 1).astype(x.type.dtype)


def _cholesky_of_stacks(fgraph: Any, node: Any, a: Any, b: Any) -> Any:
    """PyTensor's product of stacks has every pair; pairs of unlike signs have no factor."""
    if any(check_assumption(fgraph, f, POSITIVE_DEFINITE) for f in (a, b)):
        return _like(pt.linalg.kron(node.op(a), node.op(b)), node)
    if _complex(a) or _complex(b):
        return None
    s, t = _sign_of_definite(a), _sign_of_definite(b)
    roots = pt.linalg.kron(node.op(s[:, None, None] * a), node.op(t[:, None, None] * b))
    alike = pt.eq(s[:, None], t[None, :]).reshape((-1, 1, 1))
    return _like(pt.switch(alike, roots, np.array(np.nan, dtype=roots.dtype)), node)


# --- Kronecker products of any shape --------------------------------------------------------------
# Where the factors are known to be square relations are used before these.


def _diagonal_of_kron(fgraph: Any, node: Any, original: NodeRewriter) -> Any:
    """Each entry of a diagonal of A ⊗ B is a product of one of A and one of B."""
    core, transposed = _core(node.inputs[0])
    if _op(core) != "KroneckerProduct" or node.inputs[0].ndim != 2:
        return None
    if any(f.ndim != 2 for f in core.owner.inputs):
        return None
    a, b = (f.T if transposed else f for f in core.owner.inputs)
    down, right = max(-node.op.offset, 0), max(node.op.offset, 0)
    rows, cols = a.shape[0] * b.shape[0] - down, a.shape[1] * b.shape[1] - right
    i = pt.arange(pt.maximum(pt.minimum(rows, cols), 0))
    at_a = (i + down) // b.shape[0], (i + right) // b.shape[1]
    at_b = (i + down) % b.shape[0], (i + right) % b.shape[1]
    return _like(a[at_a] * b[at_b], node)


def _det_of_kron(fgraph: Any, node: Any, original: NodeRewriter) -> Any:
    """|A ⊗ B| = |A|ⁿ |B|ᵐ for A of order m and B of order n; 0 where they are not square.

    It is made of logarithms, which do not overflow, and so are its sign and its logarithm.
    """
    core, _ = _core(node.inputs[0])
    (out,) = node.outputs
    if _op(core) != "KroneckerProduct" or out.ndim or _complex(out):
        return None
    factors = _flat(core, False)
    if any(f.ndim != 2 for f in factors):
        return None
    sign, log = _signed_log(factors, out.type.dtype)
    replaced: dict[Any, Any] = {out: sign * pt.exp(log)}
    for client, _ in clients_through_expand_dims(fgraph, out):
        if _scalar_op(client) == "Sign":
            replaced[client.outputs[0]] = sign
        elif _scalar_op(client) == "Abs":
            size: Any = client.outputs[0]
            for user, _ in clients_through_expand_dims(fgraph, size):
                if _scalar_op(user) == "Log":
                    replaced[user.outputs[0]] = log
    return {old: atleast_Nd(new, n=old.ndim).astype(old.dtype) for old, new in replaced.items()}


def _scalar_op(node: Any) -> str:
    return type(getattr(getattr(node, "op", None), "scalar_op", None)).__name__


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
        s, of_one = pt.linalg.slogdet(f if _square(f) else f[:k, :k])
        sign = sign * pt.switch(pt.eq(times % 2, 1), s, pt.abs(s))
        log = log + times * of_one
    empty = pt.eq(order, 0)
    sign = pt.switch(empty, 1, pt.switch(proper, sign, 0)).astype(dtype)
    log = pt.switch(empty, 0, pt.switch(proper, log, -np.inf)).astype(dtype)
    return sign, log


# --- the table ------------------------------------------------------------------------------------


class StandIn(NamedTuple):
    """What is made of PyTensor's rewriter, and in which phases, by default in all of its own.

    In the first phase, where little is known as yet, it may be another one.
    """

    rewrite: Rewrite
    phases: tuple[str, ...] = ()
    early: Rewrite | None = None

    def belongs_in(self, phase: str | None) -> bool:
        """Whether it is used in the phase of this name."""
        return not self.phases or phase in self.phases

    def make(self, original: Any, phase: str | None) -> Any:
        """The stand-in for one of PyTensor's in a phase."""
        rewrite = self.early if self.early and phase == "canonicalize" else self.rewrite
        if isinstance(original, GraphRewriter):
            walked: Any = original
            return dfs_rewriter(_rewriter(rewrite, walked.node_rewriter), ignore_newtrees=True)
        return _rewriter(rewrite, original)


STAND_INS: dict[str, StandIn] = {
    "inv_of_inv": StandIn(_undone),
    "inv_of_diag_to_diag_reciprocal": StandIn(_diagonal_inverse),
    "cholesky_ldotlt": StandIn(_cholesky_of_gram, early=_cholesky_of_proved_gram),
    "lift_linalg_of_expanded_matrices": StandIn(_lifted),
    "diag_of_kronecker": StandIn(_diagonal_of_kron, ("stabilize",)),
    "det_of_kronecker": StandIn(_det_of_kron, ("stabilize",)),
    "useless_symmetric_transpose": StandIn(_where(_real)),
    "inv_to_solve": StandIn(_where(_no_inverse_on_the_right)),
    "psd_solve_to_chol_solve": StandIn(_where(_real)),
    "paired_triangular_solves_to_cho_solve": StandIn(_where(_real)),
    "reuse_decomposition_multiple_solves": StandIn(_shared_factors),
    "reuse_decomposition_multiple_solves_jax": StandIn(_shared_factors),
}
