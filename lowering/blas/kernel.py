"""What the Ops of this package share: which matrices they take, and how backends learn of them."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
from pytensor.graph.op import Op

from lowering.blas.registration import register

DTYPES = ("float32", "float64")


class Kernel(Op):
    """An Op on matrices of one of the dtypes that its kernel is compiled for."""

    __props__: tuple[str, ...] = ()

    def matrices(self, inputs: Any) -> list[Any]:
        """The inputs as matrices of one dtype.

        Raises
        ------
        TypeError
            Where they are not.
        """
        register()
        xs = [pt.as_tensor(x) for x in inputs]
        name = type(self).__name__
        if any(x.type.ndim != 2 for x in xs):
            raise TypeError(f"{name} takes matrices, not {[x.type.ndim for x in xs]} dimensions")
        dtypes = sorted({x.type.dtype for x in xs})
        if len(dtypes) != 1 or dtypes[0] not in DTYPES:
            raise TypeError(f"{name} takes one of {', '.join(DTYPES)}, not {', '.join(dtypes)}")
        return xs

    def same(self, *lengths: int | None) -> int | None:
        """What is known of lengths that must be the same.

        Raises
        ------
        ValueError
            Where they are known to differ.
        """
        known = {n for n in lengths if n is not None}
        if len(known) > 1:
            raise ValueError(f"{type(self).__name__}: lengths {sorted(known)} must be the same")
        return known.pop() if known else None

    def __reduce__(self) -> tuple[Any, ...]:
        """An Op that is unpickled in another process is one that backends must know of there."""
        return (_remade, (type(self), *(getattr(self, name) for name in self.__props__)))


def _remade(kind: Any, *props: Any) -> Any:
    register()
    return kind(*props)
