"""Node rewriters that are true, for those of PyTensor that are not.

A stand-in is made of PyTensor's own rewriter. Most ask that where it is right, and are silent
elsewhere; the others know more of the identity: the sign of a definite factor, the signs on the
diagonal of a triangular matrix, the lengths of factors that are not square.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytensor.tensor as pt
from pytensor.assumptions import DIAGONAL, check_assumption
from pytensor.graph.rewriting.basic import GraphRewriter, NodeRewriter, dfs_rewriter, node_rewriter
from pytensor.tensor.basic import alloc_diag

from kantor.cholesky_stand_ins import cholesky_of_gram, cholesky_of_proved_gram, lifted
from kantor.kron_stand_ins import det_of_kron, diagonal_of_kron
from kantor.matrix_nodes import Rewrite, as_output, core_of, is_complex, is_square, kind_of, op_name
from matchers.readers import core_op

# NumPy's, and so PyTensor's: what is smaller than this part of the largest counts as 0.
PINV_CUTOFF = 1e-15


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
    return not is_complex(node.inputs[0])


def _no_inverse_on_the_right(node: Any) -> bool:
    """The transpose of a complex positive definite matrix is its conjugate."""
    if not is_complex(node.inputs[1]):
        return True
    left, right = (op_name(core_of(x)[0]) for x in node.inputs)
    return left == "MatrixInverse" or right != "MatrixInverse"


def _paired(fgraph: Any, node: Any, original: NodeRewriter) -> Any:
    """L⁻ᵀ L⁻¹ b is one solve, but where L⁻¹ b is used by others as well it is there."""
    once = len(fgraph.clients.get(node.inputs[1], ())) == 1
    return original.transform(fgraph, node) if once and _real(node) else None


def _factors_are_exact(node: Any) -> bool:
    """PyTensor's LU of integers is typed as integers; Cholesky's of Aᵀ is taken to be that of A."""
    kind = kind_of(node.inputs[0])
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
    inner = op_name(core_of(node.inputs[0])[0])
    outer = type(core_op(node)).__name__
    wrong = inner == "MatrixPinv" and outer != "MatrixPinv"
    return None if wrong else original.transform(fgraph, node)


# --- diagonal matrices ----------------------------------------------------------------------------


def _diagonal_inverse(fgraph: Any, node: Any, original: NodeRewriter) -> Any:
    """diag(d)⁺ is 1/d where d is not 0, and 0 elsewhere."""
    if type(core_op(node)).__name__ != "MatrixPinv":
        return original.transform(fgraph, node)
    (x,) = node.inputs
    if not (is_square(x) and check_assumption(fgraph, x, DIAGONAL)):
        return None
    d = pt.diagonal(x, axis1=-2, axis2=-1)
    sizes = pt.abs(d)
    none = pt.zeros((*[d.shape[i] for i in range(d.ndim - 1)], 1), dtype=sizes.dtype)
    largest = pt.max(pt.concatenate([sizes, none], axis=-1), axis=-1, keepdims=True)
    keep = sizes > PINV_CUTOFF * largest
    inverse = pt.switch(keep, 1 / pt.switch(keep, d, 1), 0)
    return as_output(alloc_diag(inverse, axis1=-2, axis2=-1), node)


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
    "cholesky_ldotlt": StandIn(cholesky_of_gram, early=cholesky_of_proved_gram),
    "lift_linalg_of_expanded_matrices": StandIn(lifted),
    "diag_of_kronecker": StandIn(diagonal_of_kron, ("stabilize",)),
    "det_of_kronecker": StandIn(det_of_kron, ("stabilize",)),
    "useless_symmetric_transpose": StandIn(_where(_real)),
    "inv_to_solve": StandIn(_where(_no_inverse_on_the_right)),
    "psd_solve_to_chol_solve": StandIn(_where(_real)),
    "paired_triangular_solves_to_cho_solve": StandIn(_paired),
    "reuse_decomposition_multiple_solves": StandIn(_shared_factors),
    "reuse_decomposition_multiple_solves_jax": StandIn(_shared_factors),
}
