"""All relations of the library, and selecting among them by name, tag or object."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import cache
from typing import Any

from relations.relation import Relation

OFF_BY_DEFAULT = "kantor:fast_unstable"
# What is used when a graph is compiled, and not before it is differentiated.
AFTER_GRADIENTS = "kantor:after_gradients"
# Whose gradients may differ, as where eigenvalues coincide; these are after gradients as well.
VALUES_ONLY = "kantor:values_only"
# Which find a matrix where PyTensor's own rewriters have put its factors.
RECOMPOSING = "kantor:recomposing"


@cache
def library() -> tuple[Relation, ...]:
    """Every relation of the families in this package, by family and then as written."""
    import relations

    found: dict[str, Relation] = {}
    for info in sorted(pkgutil.iter_modules(relations.__path__), key=lambda i: i.name):
        module = importlib.import_module(f"relations.{info.name}")
        for r in vars(module).values():
            if isinstance(r, Relation) and r.module == module.__name__:
                if r.name in found:
                    raise ValueError(f"two relations are named {r.name!r}")
                found[r.name] = r
    return tuple(found.values())


def select(spec: Any = None) -> tuple[tuple[Relation, ...], tuple[Callable[..., Any], ...]]:
    """The relations, and the plain miniKanren relations, that `spec` asks for.

    Parameters
    ----------
    spec : None, str, Relation, callable or iterable of these
        A name, a tag (with or without ``kantor:``), a relation, or a plain miniKanren relation
        ``(in_lv, out_lv) -> goal``. None is the library without what is off by default, and without
        what is only for graphs that are not differentiated any more.

    Raises
    ------
    ValueError
        Where a name is neither a relation's nor a tag.
    """
    if spec is None:
        return tuple(r for r in library() if not {OFF_BY_DEFAULT, AFTER_GRADIENTS} & {*r.tags}), ()
    chosen: dict[str, Relation] = {}
    goals: list[Callable[..., Any]] = []
    for item in _items(spec):
        if isinstance(item, Relation):
            chosen[item.name] = item
        elif isinstance(item, str):
            chosen.update({r.name: r for r in _named(item)})
        elif callable(item):
            goals.append(item)
        else:
            raise ValueError(
                f"relations= takes names, tags, relations and miniKanren relations, not {item!r}"
            )
    return tuple(chosen.values()), tuple(goals)


def _items(spec: Any) -> Iterable[Any]:
    if isinstance(spec, (str, Relation)) or callable(spec):
        return (spec,)
    return tuple(spec)


def _named(name: str) -> tuple[Relation, ...]:
    tag = name if name.startswith("kantor:") else f"kantor:{name}"
    found = tuple(r for r in library() if name == r.name or tag in r.tags)
    if not found:
        known = sorted({r.name for r in library()} | {t for r in library() for t in r.tags})
        close = get_close_matches(name, known, 3)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise ValueError(f"no relation and no tag is named {name!r}{hint}")
    return found
