"""The main job: three plain expressions, as PyTensor runs them and as it does with Kantor."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from kantor import demo_report as report
from kantor.cli import Parser
from kantor.demo_cases import Case, el_nino, kronecker_solve, products
from kantor.demo_measure import THREADS, compare

WIDTH = 100


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; by default those of the process.

    Returns
    -------
    int
        The exit status: 0, or 1 where a result is not right.
    """
    argv = sys.argv[1:] if argv is None else argv
    arguments = _parser().parse_args(argv)
    if not any(name in os.environ for name in THREADS):
        return _with_one_thread(argv)
    return run(arguments.output, arguments.runs)


def _parser() -> Parser:
    parser = Parser(prog="python -m kantor demo", description=__doc__)
    parser.add_argument(
        "--output", type=Path, default=Path("kantor-elnino.png"), metavar="PNG",
        help="where to write the figure (default: ./%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--runs", type=int, default=25, metavar="N", help="runs of each version (default: 25)"
    )
    return parser


def _with_one_thread(argv: Sequence[str]) -> int:
    """The demo in a process of its own: BLAS reads the number of its threads when it is loaded."""
    print("… starting, with one BLAS thread", flush=True)
    environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
    return subprocess.call([sys.executable, "-m", "kantor", "demo", *argv], env=environment)


def run(output: Path, runs: int, cases: Sequence[Case] | None = None) -> int:
    """The three cases and the figure; 1 where two results differ, else 0."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(WIDTH, console.width)
    start = time.perf_counter()
    with warnings.catch_warnings():
        # A pip install of PyTensor has no BLAS flags; both versions are without them alike.
        warnings.filterwarnings("ignore", message="PyTensor could not link to a BLAS")
        status = _run(console, output, runs, cases)
    console.print(f"\n[dim]{time.perf_counter() - start:.0f} s in all[/]")
    return status


def _run(console: Console, output: Path, runs: int, cases: Sequence[Case] | None) -> int:
    console.print(report.header())
    right = True
    for case in cases or (products(), kronecker_solve(), el_nino()):
        report.title(console, case)
        with _working(console, "reading the graph, asking the relations"):
            derived = report.derive(case)
        report.derivation(console, derived)
        measured = compare(case, lambda what: _working(console, what), runs)
        report.comparison(console, derived, measured)
        right &= bool(derived.regions) and measured.difference <= report.TOLERANCE
        if case.figure is not None:
            _draw(console, case.figure, measured.kantor.result, output)
    return 0 if right else 1


def _draw(console: Console, draw: Callable[..., None], result: Any, output: Path) -> None:
    """Write the figure, or say what is missing for it."""
    if importlib.util.find_spec("matplotlib") is None:
        console.print("\n  no figure: it needs matplotlib (pip install 'kantor\\[examples]')")
        return
    with _working(console, "drawing the figure"):
        output.parent.mkdir(parents=True, exist_ok=True)
        draw(result, output)
    console.print(f"\n  data and posterior mean: [bold]{escape(str(output))}[/]", soft_wrap=True)


@contextmanager
def _working(console: Console, what: str) -> Iterator[Any]:
    """Show what is being done: a spinner in a terminal, else a line."""
    if console.is_terminal:
        with console.status(f"[dim]{what}[/]"):
            yield
    else:
        console.print(f"… {what}", style="dim")
        yield
