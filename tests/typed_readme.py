"""README.md as a reader types it: its Python is run, its commands are given.

``python tests/typed_readme.py`` writes what is printed today into README.md.
"""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytensor

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d[\d,.]*(?:e[-+]?\d+)?")
COLUMNS = re.compile(r" {2,}")


@dataclass
class Block:
    """A fenced block, and what it should be."""

    kind: str
    text: str
    start: int
    end: int
    expected: str | None = None

    @property
    def line(self):
        return README.read_text(encoding="utf-8")[: self.start].count("\n") + 1


class Session:
    """A reader who types what README says, from top to bottom, in an empty folder."""

    def __init__(self, text, folder):
        self.folder = folder
        self.names = {"__name__": "readme"}
        self.blocks = [Block(m[1], m[2], m.start(2), m.end(2)) for m in BLOCK.finditer(text)]

    def run(self):
        printed = ""
        for block in self.blocks:
            if block.kind == "python":
                printed = self._python(block.text)
            elif block.kind == "console":
                block.expected = self._console(block.text)
            elif block.kind == "text" and printed:
                block.expected, printed = printed, ""
        return self

    def _python(self, code):
        first = code.split("\n", 1)[0]
        if re.fullmatch(r"# \w+\.py", first):
            (self.folder / first[2:]).write_text(code, encoding="utf-8")
            return ""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, "README.md", "exec"), self.names)
        return out.getvalue()

    def _console(self, text):
        out = ""
        for line in text.splitlines():
            if line.startswith("$ "):
                _, *command = shlex.split(line[2:])
                out += f"{line}\n{said(self.folder, *command)}"
        return out


def said(folder, *command):
    """What Python prints."""
    result = subprocess.run(
        [sys.executable, *command],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
    )  # fmt: skip
    return result.stdout


@contextlib.contextmanager
def session():
    """README, typed in a folder of its own; C compiles faster than PyTensor's default, Numba."""
    with TemporaryDirectory() as folder, pytensor.config.change_flags(mode="CVM"):
        sys.path.insert(0, folder)
        try:
            yield Session(README.read_text(encoding="utf-8"), Path(folder)).run()
        finally:
            sys.path.remove(folder)
            sys.modules.pop("my_relations", None)


def normal(text):
    """Without how wide columns are, and without numbers that change from run to run."""
    return COLUMNS.sub("  ", NUMBER.sub("0", text)).strip()


def update():
    """Write what is printed today into README.md."""
    text = README.read_text(encoding="utf-8")
    with session() as typed:
        for block in reversed(typed.blocks):
            if block.expected is not None:
                text = text[: block.start] + block.expected.rstrip() + "\n" + text[block.end :]
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    update()
