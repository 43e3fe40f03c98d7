"""What all readers share: the form of a reading, and what is asked of every node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytensor.tensor.blockwise import Blockwise

from matchers.terms import Term, shape

Reading = tuple[list[tuple[Any, int]], Callable[..., Term | None]] | None
Reader = Callable[[Any, Any, int, int], Reading]


def core_op(node: Any) -> Any:
    """The Op of a node, without its Blockwise."""
    op = node.op
    return op.core_op if type(op) is Blockwise else op


def same_dtype(node: Any, out: int = 0) -> bool:
    """Whether all inputs have the output's dtype; elsewhere rounding would move."""
    dtype = node.outputs[out].type.dtype
    return all(i.type.dtype == dtype for i in node.inputs)


def whole_batch(x: Any, t: Term) -> bool:
    """Whether the term of a batch of matrices has all batch axes of the variable."""
    ones = x.type.broadcastable[:-2]
    first = ones.index(False) if False in ones else len(ones)
    return len(shape(t)[2]) == len(ones) - first
