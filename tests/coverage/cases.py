"""The cases of ``coverage.toml``: what is written, what counts as reached, and in which forms."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.coverage.spellings import SPELLINGS

FOLDER = Path(__file__).resolve().parents[1]
CASES = FOLDER / "coverage.toml"
REACHED = FOLDER / "coverage_reached.toml"
# The first is the base form: static shapes, double precision, as it is written.
FORMS = (
    "static", "dynamic", "scaled", "transposed", "float32", "batched", "larger", "gradient", "mode",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One expression that PyTensor leaves as it is.

    Attributes
    ----------
    name : str
    line : str
        The line that says so.
    expr : str
        A Python expression over the inputs and the functions of `tests.coverage.forms`.
    inputs : mapping
        For each name the lengths of its axes and what is declared of it.
    sizes : mapping
        What the letters in lengths stand for.
    ratio, gradient : float
        How much of the flops of the plain graph may be left.
    absent : tuple of str
        Ops that must be gone.
    at_most : mapping
        How many of an Op may be left.
    axes : int
        The most axes that a value of the rewritten graph may have; 0 where it does not matter.
    spellings : tuple of str
        The same expression written otherwise.
    without : frozenset of str
        Forms that do not exist of it.
    compiled : bool
        Whether its forms are compiled in Kantor's mode, as relations that only modes use need it.
    why : str
        Why it is not reached, where it is not.
    """

    name: str
    line: str
    expr: str
    inputs: Mapping[str, str]
    sizes: Mapping[str, int]
    ratio: float
    why: str
    gradient: float = 0.95
    absent: tuple[str, ...] = ()
    at_most: Mapping[str, int] = field(default_factory=dict)
    axes: int = 0
    spellings: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()
    compiled: bool = False

    @property
    def forms(self) -> dict[str, str]:
        """The expression of each form, by the form's name."""
        found = {form: self.expr for form in FORMS if form not in self.without}
        for form, rule in SPELLINGS.items():
            expr = rule(self.expr)
            if form not in self.without and expr not in (self.normal, *found.values()):
                found[form] = expr
        return found | {s: s for s in self.spellings}

    @property
    def normal(self) -> str:
        """The expression without anything that is only a matter of spelling."""
        return ast.unparse(ast.parse(self.expr, mode="eval"))


def load(path: Path = CASES) -> tuple[Case, ...]:
    """All cases, in order.

    Raises
    ------
    ValueError
        Where two have one name, or a key or a form is not known.
    """
    read = tomllib.loads(path.read_text(encoding="utf-8"))
    found = [c for gap in read["gap"] for c in _cases(read["defaults"], gap)]
    names = [c.name for c in found]
    twice = {n for n in names if names.count(n) > 1}
    if twice:
        raise ValueError(f"several cases are named {', '.join(sorted(twice))}")
    return tuple(found)


def _cases(defaults: Mapping[str, Any], gap: Mapping[str, Any]) -> Iterator[Case]:
    shared = {k: v for k, v in gap.items() if k != "cases"}
    for case in gap["cases"]:
        own = {"expr": case} if isinstance(case, str) else case
        made: dict[str, Any] = {**defaults, **shared, **own}
        made["sizes"] = {**defaults["sizes"], **gap.get("sizes", {}), **own.get("sizes", {})}
        made.setdefault("name", made["expr"])
        made["spellings"] = tuple(made.get("spellings", ()))
        made["absent"] = tuple(made.get("absent", ()))
        made["without"] = frozenset(made.get("without", ()))
        unknown = [k for k in made if k not in Case.__dataclass_fields__]
        unknown += [f for f in made["without"] if f not in (*FORMS, *SPELLINGS)]
        if unknown:
            raise ValueError(f"{made['name']}: nothing is known of {', '.join(unknown)}")
        yield Case(**made)


def marks(path: Path = REACHED) -> dict[str, tuple[str, ...]]:
    """The forms that are marked as reached, by case."""
    if not path.is_file():
        return {}
    read = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: tuple(forms) for name, forms in read.items()}


def write_marks(found: Mapping[str, Iterable[str]], path: Path = REACHED) -> None:
    """Mark these forms as reached, and no others; a case to a line, so that changes merge."""
    lines = ["# Which forms are reached: `python -m kantor check --coverage --update` writes this."]
    for name in sorted(found):
        forms = ", ".join(_quoted(f) for f in found[name])
        if forms:
            lines.append(f"{_quoted(name)} = [{forms}]")
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
