"""``python -m kantor check``: verify relations of the library, or those of a file."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from kantor.checking.battery import EXAMPLES, THOROUGH, verify
from kantor.checking.files import load
from kantor.checking.report import progress, show, summary
from kantor.cli import Parser, Refused
from relations.language import Relation
from relations.library import library, select


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
    if find_spec("hypothesis") is None:
        raise Refused("check needs Hypothesis: pip install 'kantor[test]'")
    try:
        relations, refused = chosen(options.what)
    except (OSError, SyntaxError, ValueError) as error:
        raise Refused(f"check: {error}") from None
    for line in refused:
        print(line)
    start = time.perf_counter()
    examples = THOROUGH if options.thorough else options.examples
    verdicts = [verify(r, examples) for r in progress(console, relations)]
    show(console, verdicts, notes=options.notes)
    print(summary(verdicts, time.perf_counter() - start))
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


def _parser() -> Parser:
    parser = Parser(
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
