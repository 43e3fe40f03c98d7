"""``python -m kantor check``: verify relations of the library, or those of a file.

With ``--coverage`` it measures what is reached of what PyTensor leaves undone, and with
``--overlaps`` it looks for relations that are of no use or undo each other.
"""

from __future__ import annotations

import importlib
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console

from kantor.checking.battery import EXAMPLES, THOROUGH, verify
from kantor.checking.files import load
from kantor.checking.overlaps import overlaps
from kantor.checking.report import findings, progress, show, summary
from kantor.cli import Parser, Refused
from relations.library import library, select
from relations.relation import Relation

SOURCE = Path(__file__).resolve().parents[2]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Names, tags and files; by default the arguments of the process.

    Returns
    -------
    int
        0 where everything holds, else 1.

    Raises
    ------
    Refused
        Where the arguments name nothing that can be verified.
    """
    options = _parser().parse_args(argv)
    console = Console()
    if options.coverage:
        return _coverage(options)
    if options.update:
        raise Refused("check: --update goes with --coverage")
    if find_spec("hypothesis") is None or find_spec("mpmath") is None:
        raise Refused("check needs Hypothesis and mpmath: pip install 'kantor[test]'")
    try:
        relations, refused = chosen(options.what)
    except (OSError, SyntaxError, ValueError) as error:
        raise Refused(f"check: {error}") from None
    for line in refused:
        print(line)
    if options.overlaps:
        return _overlaps(console, relations) or int(bool(refused))
    start = time.perf_counter()
    examples = THOROUGH if options.thorough else options.examples
    verdicts = [verify(r, examples) for r in progress(console, relations)]
    show(console, verdicts, notes=options.notes)
    print(summary(verdicts, time.perf_counter() - start))
    return 0 if verdicts and not refused and all(v.passed for v in verdicts) else 1


def _overlaps(console: Console, relations: Sequence[Relation]) -> int:
    """Look for relations that are of no use beside the library, or undo each other."""
    everything = {r.name: r for r in (*library(), *relations)}
    found = overlaps(relations, everything.values())
    for line in findings(found):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return int(any(f.fault for f in found))


def _coverage(options: Namespace) -> int:
    """Measure the coverage, which only a source checkout can."""
    if not (SOURCE / "tests" / "coverage").is_dir():
        raise Refused("check: there is no coverage here; it comes with a source checkout")
    if str(SOURCE) not in sys.path:
        sys.path.insert(0, str(SOURCE))
    report: Any = importlib.import_module("tests.coverage.report")
    status: int = report.main(options.what, update=options.update, notes=options.notes)
    return status


def chosen(what: Sequence[str]) -> tuple[tuple[Relation, ...], tuple[str, ...]]:
    """The relations that names, tags and files stand for, and lines on those that were refused."""
    if not what:
        return library(), ()
    found: dict[int, Relation] = {}
    refused: list[str] = []
    for item in what:
        if item.endswith(".py") or Path(item).is_file():
            relations, lines = load(item)
            refused += lines
        else:
            relations, _ = select(item)
        found.update({id(r): r for r in relations})
    return tuple(found.values()), tuple(refused)


def _parser() -> Parser:
    parser = Parser(
        prog="python -m kantor check",
        description=(
            "Verify relations on random instances of their declarations: numerically, without "
            "rounding where that can be, and for accuracy at conditions up to 1e8."
        ),
    )
    parser.add_argument(
        "what",
        nargs="*",
        metavar="RELATION | TAG | FILE.py",
        help="which relations; by default the whole library",
    )
    parser.add_argument(
        "--examples",
        type=int,
        default=EXAMPLES,
        metavar="N",
        help=f"random instances per relation, besides those always tried (default {EXAMPLES})",
    )
    parser.add_argument("--thorough", action="store_true", help=f"--examples {THOROUGH}")
    parser.add_argument(
        "--coverage",
        action="store_true",
        help="measure what is reached of what PyTensor leaves undone; names are those of rows",
    )
    parser.add_argument(
        "--update", action="store_true", help="with --coverage: mark what is reached now"
    )
    parser.add_argument(
        "--overlaps",
        action="store_true",
        help="look for relations that nothing matches, that another makes idle, or that undo it",
    )
    parser.add_argument("--notes", action="store_true", help="say what is no fault as well")
    return parser
