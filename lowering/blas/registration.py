"""What PyTensor is told of the Ops of this package, once one of them is built.

Importing JAX takes a second, so nothing of a backend is imported for being told of an Op: it is
told when PyTensor imports its own side of that backend.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from typing import Any


@functools.cache
def register() -> None:
    """Tell PyTensor's assumptions now, and each backend as soon as there is one."""
    from lowering.blas.facts import declare_facts

    declare_facts()
    for name, tell in BACKENDS.items():
        _when_imported(f"pytensor.link.{name}.dispatch", tell)


def _numba() -> None:
    """Where PyTensor's own names have moved, Numba runs Python, and PyTensor says so."""
    with contextlib.suppress(ImportError):
        from lowering.blas.for_numba import tell

        tell()


def _jax() -> None:
    from lowering.blas.for_jax import tell

    tell()


def _mlx() -> None:
    from lowering.blas.for_mlx import tell

    tell()


def _torch() -> None:
    from lowering.blas.for_torch import tell

    tell()


BACKENDS: dict[str, Callable[[], None]] = {
    "numba": _numba, "jax": _jax, "mlx": _mlx, "pytorch": _torch,
}  # fmt: skip


def _when_imported(name: str, action: Callable[[], None]) -> None:
    """Do something once a module is there: now if it is, else right after it is imported."""
    if name in sys.modules:
        action()
    else:
        sys.meta_path.insert(0, _After(name, action))


class _After(MetaPathFinder):
    """Finds one module as the other finders do, and has something done when it has run."""

    def __init__(self, name: str, action: Callable[[], None]) -> None:
        self.name, self.action = name, action

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        """The spec of the module, if it is the one; of no other."""
        if fullname != self.name:
            return None
        others = (f for f in list(sys.meta_path) if f is not self)
        found: Any = (f.find_spec(fullname, path, target) for f in others)
        spec = next((s for s in found if s is not None), None)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            run = spec.loader.exec_module
            spec.loader.exec_module = functools.partial(self._run, run)
        return spec

    def _run(self, run: Callable[[Any], None], module: Any) -> None:
        run(module)
        if self in sys.meta_path:
            sys.meta_path.remove(self)
            self.action()
