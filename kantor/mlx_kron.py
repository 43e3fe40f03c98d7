"""The Kronecker product on MLX's default device.

PyTensor asks MLX for the GPU wherever the product is not in float64, and so raises where there is
none. `KronHere` is an Op of Kantor's with a dispatch of its own: PyTensor's stays as it is.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from pytensor.graph.rewriting.basic import GraphRewriter
from pytensor.tensor.linalg.products import KroneckerProduct

# Late, when nothing is left that looks for Kronecker products.
POSITION = 48.5


class KronHere(KroneckerProduct):
    """A Kronecker product that MLX computes where it computes everything else."""


class MLXKron(GraphRewriter):
    """Every Kronecker product of a graph that MLX runs is made a `KronHere`."""

    def apply(self, fgraph: Any) -> None:
        """Replace them."""
        for node in fgraph.toposort():
            if type(node.op) is KroneckerProduct:
                _dispatched()
                new = KronHere()(*node.inputs)
                fgraph.replace_validate(node.outputs[0], new, reason="kron on the default device")


@cache
def _dispatched() -> None:
    """Tell PyTensor's linker how MLX computes it, once, when there is something to compute."""
    import mlx.core as mx
    from pytensor.link.mlx.dispatch.basic import mlx_funcify

    @mlx_funcify.register(KronHere)
    def _(op: Any, node: Any, **kwargs: Any) -> Any:
        dtypes = [getattr(mx, x.type.dtype) for x in node.inputs]

        def kron(a: Any, b: Any) -> Any:
            # In float64, which is the CPU's alone, everything is.
            stream = mx.cpu if node.outputs[0].type.dtype == "float64" else mx.default_device()
            pairs = zip((a, b), dtypes, strict=True)
            return mx.kron(*(x.astype(d, stream=stream) for x, d in pairs), stream=stream)

        return kron
