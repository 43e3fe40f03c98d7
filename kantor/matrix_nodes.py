"""What is asked of the nodes and matrices that stand-ins are about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pytensor.graph.rewriting.basic import NodeRewriter
from pytensor.tensor.basic import atleast_Nd
from pytensor.tensor.rewriting.linalg.utils import strip_left_expand_dims_and_transpose

from matchers.readers import core_op

Rewrite = Callable[[Any, Any, NodeRewriter], Any]


def kind_of(x: Any) -> str:
    """The kind of numbers, as NumPy names it."""
    return np.dtype(x.type.dtype).kind


def is_complex(x: Any) -> bool:
    """Whether `x` holds complex numbers."""
    return kind_of(x) == "c"


def op_name(x: Any) -> str:
    """The name of the Op that makes `x`, without the batch around it."""
    return "" if x.owner is None else type(core_op(x.owner)).__name__


def core_of(x: Any) -> tuple[Any, bool]:
    """`x` without dimensions added in front and a transpose, and whether there was one."""
    found: tuple[Any, bool] = strip_left_expand_dims_and_transpose(x)
    return found


def as_output(new: Any, node: Any) -> list[Any]:
    """What replaces the output of a node, with its number of axes and its dtype."""
    (out,) = node.outputs
    return [atleast_Nd(new, n=out.type.ndim).astype(out.type.dtype)]


def is_square(x: Any, depth: int = 6) -> bool:
    """Whether it is known to be: by its type, or by what makes it."""
    rows, cols = x.type.shape[-2:]
    if rows is not None and cols is not None:
        return bool(rows == cols)
    core, _ = core_of(x)
    if op_name(core) == "Elemwise":
        full = [i for i in core.owner.inputs if not any(i.type.broadcastable[-2:])]
        return depth > 0 and any(is_square(i, depth - 1) for i in full)
    return op_name(core) in ("AllocDiag", "Cholesky")


def factors_of(x: Any, transposed: bool) -> list[Any]:
    """The factors of a Kronecker product of Kronecker products."""
    inner, turned = core_of(x)
    if op_name(inner) == "KroneckerProduct" and all(f.ndim == 2 for f in inner.owner.inputs):
        turned = turned != transposed
        return [f for part in inner.owner.inputs for f in factors_of(part, turned)]
    return [x.mT if transposed else x]


def scalar_op_name(node: Any) -> str:
    """The name of the scalar Op of a node, if it has one."""
    return type(getattr(getattr(node, "op", None), "scalar_op", None)).__name__
