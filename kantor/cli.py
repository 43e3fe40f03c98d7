"""What all commands share: errors of one line."""

from __future__ import annotations

import argparse
from typing import NoReturn


class Refused(Exception):
    """What was asked for cannot be done; the message says why, in one line."""


class Parser(argparse.ArgumentParser):
    """Arguments of a command, refused in one line."""

    def error(self, message: str) -> NoReturn:
        """Refuse."""
        raise Refused(f"{self.prog.removeprefix('python -m kantor ')}: {message}")


__all__ = ["Parser", "Refused"]
