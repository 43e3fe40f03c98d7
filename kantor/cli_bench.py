"""``python -m kantor bench NAME``: run a benchmark, which only a source checkout has."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from kantor.cli import Refused

SOURCE = Path(__file__).resolve().parent.parent


def main(argv: Sequence[str] | None = None) -> int:
    """Run a benchmark with the arguments that follow its name.

    Parameters
    ----------
    argv : sequence of str, optional
        The name and its arguments; by default those of the process.

    Returns
    -------
    int
        What the benchmark returns.
    """
    found = benchmarks(SOURCE)
    if not found:
        raise Refused("bench: there are no benchmarks here; they come with a source checkout")
    listed = f"the benchmarks are {', '.join(found)}"
    name, *rest = sys.argv[2:] if argv is None else argv or [""]
    if not name:
        raise Refused(f"bench: name a benchmark; {listed}")
    if name in ("-h", "--help"):
        print(f"usage: python -m kantor bench NAME …\n\n{listed}")
        return 0
    if name not in found:
        raise Refused(f"bench: there is no benchmark {name!r}; {listed}")
    return _run(found[name], rest)


def benchmarks(source: Path) -> dict[str, Path]:
    """The benchmarks of a source checkout, by name."""
    files = sorted((source / "tests" / "benchmarks").glob("bench_*.py"))
    return {f.stem.removeprefix("bench_"): f for f in files}


def _run(path: Path, argv: list[str]) -> int:
    """Import a benchmark as the module that it is in the checkout, and run its `main`."""
    root = str(path.parents[2])
    if root not in sys.path:
        sys.path.insert(0, root)
    name = f"tests.benchmarks.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    status: int | None = module.main(argv)
    return status or 0


__all__ = ["benchmarks", "main"]
