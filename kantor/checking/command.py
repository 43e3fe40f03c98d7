"""``python -m kantor check``: verify relations of the library, or those of a file."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from kantor.checking.battery import EXAMPLES, THOROUGH, verify
from kantor.checking.files import load
from kantor.checking.report import progress, show, summary
from relations.language import Relation
from relations.library import library, select


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code is 0 where everything holds, 1 where not, 2 where it cannot run."""
    options = _parser().parse_args(argv)
    console = Console()
    try:
        import hypothesis  # noqa: F401
    except ImportError:
        print("kantor check needs Hypothesis, which comes with: pip install 'kantor[test]'")
        return 2
    try:
        relations, refused = chosen(options.what)
    except (OSError, SyntaxError, ValueError) as error:
        print(f"kantor check: {error}")
        return 2
    for line in refused:
        print(line)
    start = time.perf_counter()
    examples = THOROUGH if options.thorough else options.examples
    verdicts = [verify(r, examples) for r in progress(console, relations)]
    show(console, verdicts, notes=options.notes)
    print(summary(verdicts, time.perf_counter() - start) if verdicts else "no relation to verify")
    return 0 if verdicts and not refused and all(v.passed for v in verdicts) else 1


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m kantor check",
        description="Verify relations numerically, on random instances of their declarations.",
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
    parser.add_argument("--notes", action="store_true", help="say what is no fault as well")
    return parser
