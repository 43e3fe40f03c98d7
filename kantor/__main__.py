"""The command line: ``python -m kantor demo | rules | explain FILE | check | bench``."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches

from kantor.cli import Refused

# Name, module with a `main(argv) -> int`, and what it does.
COMMANDS = {
    "demo": ("kantor.demo", "what Kantor does, on real data"),
    "rules": ("kantor.cli_rules", "list all relations, or write them to docs/relations.md"),
    "explain": ("kantor.cli_explain", "FILE: what is done to the graphs of a Python file, and why"),
    "check": (
        "kantor.checking",
        "[RELATION or FILE …]: verify relations; --coverage, --overlaps",
    ),
    "bench": ("kantor.cli_bench", "NAME: measure, in a source checkout"),
}


def usage() -> str:
    """What can be asked for."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {what}" for name, (_, what) in COMMANDS.items()]
    return "\n".join(["usage: python -m kantor COMMAND …", "", *lines])


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, optional
        The command and its arguments; by default those of the process.

    Returns
    -------
    int
        The exit status: 2 where the command was not understood.
    """
    _print_anything()
    name, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in ("-h", "--help", "help"):
        print(usage())
        return 0
    if name == "--version":
        from kantor import __version__

        print(f"kantor {__version__}")
        return 0
    try:
        return _run(name, rest)
    except Refused as error:
        print(f"kantor: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # what reads our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(name: str, argv: list[str]) -> int:
    if name not in COMMANDS:
        close = get_close_matches(name, COMMANDS, 1)
        hint = f"did you mean {close[0]}?" if close else f"one of {', '.join(COMMANDS)}"
        raise Refused(f"there is no command {name!r}; {hint}")
    module = importlib.import_module(COMMANDS[name][0])
    status: int | None = module.main(argv)
    return status or 0


def _print_anything() -> None:
    """Mathematics must not end in an error where the terminal lacks a symbol."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


if __name__ == "__main__":
    sys.exit(main())
