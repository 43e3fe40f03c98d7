"""``python -m kantor rules``: the catalogue of all relations, made of the relations themselves."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from kantor.cli import Parser, Refused
from relations.library import OFF_BY_DEFAULT, library, select
from relations.relation import Relation

SOURCE = Path(__file__).resolve().parent.parent
HEADS = ("name", "identity", "conditions", "stability", "tags", "source")


def main(argv: Sequence[str] | None = None) -> int:
    """Print the catalogue.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; by default those of the process.

    Returns
    -------
    int
        The exit status, 0.
    """
    parser = Parser(prog="python -m kantor rules", description=__doc__)
    parser.add_argument("--tag", metavar="TAG", help="only those with this tag, or of this name")
    parser.add_argument(
        "--markdown", metavar="FILE", nargs="?", const="", default=None,
        help="write it as Markdown, by default docs/relations.md of the checkout; - prints it",
    )  # fmt: skip
    parser.add_argument("--check", action="store_true", help="only say whether FILE is up to date")
    arguments = parser.parse_args(argv)
    relations = library() if arguments.tag is None else _tagged(arguments.tag)
    if arguments.markdown is None:
        if arguments.check:
            raise Refused("rules: --check goes with --markdown")
        print("\n".join(_text(relations)))
        return 0
    return _markdown(relations, arguments.markdown, arguments.check)


def _tagged(tag: str) -> tuple[Relation, ...]:
    try:
        return select(tag)[0]
    except ValueError as error:
        raise Refused(str(error)) from None


def row(r: Relation) -> tuple[str, ...]:
    """What is said of one relation, in the order of `HEADS`."""
    tags = ", ".join(t.removeprefix("kantor:") for t in r.tags)
    stability = r.stability + (", off by default" if OFF_BY_DEFAULT in r.tags else "")
    conditions = ", ".join(f"{c} (implied)" if c.implied else str(c) for c in r.conditions)
    conditions = "; ".join(filter(None, (conditions, r.restriction)))
    return r.name, r.identity, conditions, stability, tags, r.cites


def _text(relations: Sequence[Relation]) -> Iterator[str]:
    """A block for each relation, under the name of its family."""
    family = None
    for r in relations:
        if r.module != family:
            family = r.module
            yield f"{family.removeprefix('relations.')}\n"
        name, identity, *others = row(r)
        yield f"  {name}"
        yield f"      {identity}"
        said = zip(HEADS[2:], others, strict=True)
        yield from (f"      {head}: {value}" for head, value in said if value)
        yield ""
    yield f"{len(relations)} relation{'s' if len(relations) != 1 else ''}"


def _markdown(relations: Sequence[Relation], file: str, check: bool) -> int:
    """Write the catalogue, or compare it with what is written."""
    from kantor.catalogue import catalogue

    path = Path(file) if file else _home() / "docs" / "relations.md"
    text = catalogue(relations, _table() if relations == library() else ())
    if file == "-":
        print(text, end="")
        return 0
    if not check:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"{path.name}: {len(relations)} relations")
        return 0
    current = path.is_file() and path.read_text(encoding="utf-8") == text
    if not current:
        print(f"{path.name} is stale: python -m kantor rules --markdown writes it")
    return 0 if current else 1


def _table() -> Iterable[str]:
    """Classes of matrices and functions, which are measured in a source checkout only."""
    if not (SOURCE / "tests" / "coverage").is_dir():
        return ()
    if str(SOURCE) not in sys.path:
        sys.path.insert(0, str(SOURCE))
    operators: Any = importlib.import_module("tests.coverage.operators")
    lines: Iterable[str] = operators.table()
    return lines


def _home() -> Path:
    """The checkout that this runs in."""
    if not (SOURCE / "setup.cfg").is_file():
        raise Refused("rules: this is no source checkout; name a FILE after --markdown")
    return SOURCE


__all__ = ["HEADS", "main", "row"]
