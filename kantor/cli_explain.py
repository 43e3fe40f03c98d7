"""``python -m kantor explain FILE.py``: what Kantor does to the graphs of a file, and why.

The file is run. It may say what is to be explained, in a list or dictionary ``outputs`` of PyTensor
variables, and with which ``relations``, ``sizes`` and ``budget``, as for `kantor.explain`. Else
every variable that it computes and does not use for another one is explained, with the library and
the relations that the file itself defines.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from pytensor.graph.basic import Variable
from pytensor.graph.traversal import ancestors

from kantor.cli import Parser, Refused
from kantor.explain import explain
from relations.library import select
from relations.relation import Relation


def main(argv: Sequence[str] | None = None) -> int:
    """Explain a file.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; by default those of the process.

    Returns
    -------
    int
        The exit status, 0.
    """
    parser = Parser(prog="python -m kantor explain", description=__doc__.split("\n")[0])
    parser.add_argument("file", metavar="FILE", type=Path, help="a Python file that makes graphs")
    parser.add_argument(
        "--why-not", metavar="RELATION", action="append", default=[],
        help="also say how far this relation got (may be repeated)",
    )  # fmt: skip
    arguments = parser.parse_args(argv)
    module = _load(arguments.file)
    given = _given(module)
    for i, (name, outputs) in enumerate(_outputs(module, arguments.file).items()):
        print(f"{'' if i == 0 else chr(10)}{name}\n{'-' * len(name)}")
        _explain(outputs, given, arguments.why_not)
    return 0


def _explain(outputs: Any, given: dict[str, Any], relations: Sequence[str]) -> None:
    try:
        explanation = explain(outputs, **given)
        print(explanation)
        for name in relations:
            print(f"\n{explanation.why_not(name)}")
    except ValueError as error:
        raise Refused(str(error)) from None


def _load(path: Path) -> ModuleType:
    """Run a file as a module, with its folder first on the path as Python would have it."""
    if not path.is_file():
        raise Refused(f"explain: there is no file {path}")
    name = path.stem if path.stem.isidentifier() else "explained"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise Refused(f"explain: {path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise Refused(f"explain: {path}{_line(error, path)}: {_said(error)}") from None
    finally:
        sys.path.pop(0)
    return module


def _line(error: BaseException, path: Path) -> str:
    """Where in the file it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f.lineno for f in frames if f.filename == str(path)]
    if isinstance(error, SyntaxError):
        lines = [error.lineno]
    return f", line {lines[-1]}" if lines else ""


def _said(error: BaseException) -> str:
    message = str(error.msg if isinstance(error, SyntaxError) else error).strip().split("\n")[0]
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _given(module: ModuleType) -> dict[str, Any]:
    """The relations, sizes and budget that a file asks for."""
    names = ("relations", "sizes", "budget")
    told = {k: getattr(module, k, None) for k in names}
    found = {k: v for k, v in told.items() if not (v is None or isinstance(v, ModuleType))}
    own = [r for r in vars(module).values() if isinstance(r, Relation)]
    if found.get("relations") is None and own:
        found["relations"] = (*select(None)[0], *own)
    return found


def _outputs(module: ModuleType, path: Path) -> dict[str, Any]:
    """What is to be explained, by name."""
    found = getattr(module, "outputs", None)
    if found is None:
        return _computed(module, path)
    named = found if isinstance(found, Mapping) else {"outputs": found}
    for name, value in named.items():
        listed = [value] if isinstance(value, Variable) else value
        if not isinstance(listed, Sequence) or not listed:
            raise Refused(f"explain: {name} in {path} is no list of PyTensor variables")
        strange = [x for x in listed if not isinstance(x, Variable)]
        if strange:
            kind = type(strange[0]).__name__
            raise Refused(f"explain: {name} in {path} holds not only PyTensor variables: {kind}")
    return dict(named)


def _computed(module: ModuleType, path: Path) -> dict[str, Any]:
    """The variables of a module that nothing else in it is made of."""
    variables = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, Variable) and value.owner is not None
    }
    if not variables:
        raise Refused(
            f"explain: {path} makes no PyTensor graph; name what to explain in a list outputs"
        )
    used = {up for v in variables.values() for up in ancestors([v]) if up is not v}
    return {name: v for name, v in variables.items() if v not in used}


__all__ = ["main"]
