"""``python -m kantor rules``: the catalogue of all relations, made of the relations themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kantor.cli import Parser, Refused
from relations.language import Relation
from relations.library import OFF_BY_DEFAULT, library, select

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
    parser.add_argument("--markdown", action="store_true", help="as a table in Markdown")
    arguments = parser.parse_args(argv)
    relations = library() if arguments.tag is None else _tagged(arguments.tag)
    print("\n".join(_markdown(relations) if arguments.markdown else _text(relations)))
    return 0


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


def _markdown(relations: Iterable[Relation]) -> Iterator[str]:
    yield _line(HEADS)
    yield _line(("---",) * len(HEADS))
    for r in relations:
        name, *others = row(r)
        yield _line((f"`{name}`", *(cell.replace("|", "\\|") for cell in others)))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


__all__ = ["HEADS", "main", "row"]
