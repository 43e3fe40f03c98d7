"""The relations that a user's file defines, and what is wrong with those that cannot stand."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from kantor.checking.sides import first_line
from relations.relation import Relation
from relations.validity import RelationError


class Loaded(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    relations : tuple of Relation
    refused : tuple of str
        One line for each relation that was refused where it is defined.
    """

    relations: tuple[Relation, ...]
    refused: tuple[str, ...]


def load(path: str | Path) -> Loaded:
    """Run a file statement by statement, so that one refused relation does not hide the next.

    Raises
    ------
    OSError
        Where the file cannot be read.
    SyntaxError
    """
    path = Path(path)
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    sys.modules.setdefault(module.__name__, module)
    sys.path.insert(0, str(path.resolve().parent))
    refused: list[str] = []
    try:
        for statement in tree.body:
            code = compile(ast.Module([statement], []), str(path), "exec")
            try:
                exec(code, module.__dict__)
            except RelationError as error:
                refused.append(f"{path.name}:{statement.lineno}: {error}")
            except Exception as error:
                if not refused:  # later ones may follow from the first
                    refused.append(f"{path.name}:{statement.lineno}: {first_line(error)}")
    finally:
        sys.path.remove(str(path.resolve().parent))
    own = {id(r): r for r in _relations(module) if r.module == module.__name__}
    return Loaded(tuple(own.values()), tuple(refused))


def _relations(module: ModuleType) -> list[Relation]:
    """All relations among the names of a module, and in the lists that they stand for."""
    found = []
    for x in vars(module).values():
        inside = x if isinstance(x, (list, tuple)) else (x,)
        found += [r for r in inside if isinstance(r, Relation)]
    return found
