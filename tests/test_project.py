"""The project itself: metadata, packaging, what must not be in a file, and shadowed packages."""

import configparser
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from setuptools import find_packages

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("kantor", "relations", "matchers", "lowering")

# A path below somebody's home or scratch folder.
MACHINE_PATH = re.compile(r"(?<![\w.~$})])/(?:root|home|work|tmp|Users)/\w")
# Where packages come from is the business of whoever installs: no index, mirror or proxy of a site.
REGISTRY = re.compile(
    r"(?:index|extra-index)[-_]url|find[-_]links|trusted[-_]host"
    r"|https?://[^\s\"'>)]*(?:/simple\b|artifactory|nexus|devpi)",
    re.IGNORECASE,
)


def _config():
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config


def _words(text):
    return text.split()


def _files():
    """Yield name and text of each text file that is tracked, or would be by ``git add .``."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    for name in sorted(set(listed.decode().split("\0")) - {""}):
        path = ROOT / name
        content = path.read_bytes() if path.is_file() else b""
        if b"\0" not in content[:8192]:
            yield name, content.decode("utf-8", "replace")


def _found(pattern, files):
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in files
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_setup_cfg_holds_the_metadata():
    config = _config()
    metadata, options = config["metadata"], config["options"]
    assert metadata["name"] == "kantor"
    assert re.fullmatch(r"\d+\.\d+\.\d+", metadata["version"])
    assert metadata["license"] == "BSD-3-Clause"
    assert options["python_requires"] == ">=3.12"
    required = {re.split(r"[ <>=;\[]", line)[0] for line in options["install_requires"].split("\n")}
    assert {"pytensor", "miniKanren", "logical-unification", "etuples", "cons"} <= required
    assert config["options.entry_points"]["console_scripts"].strip() == (
        "kantor = kantor.__main__:main"
    )


def test_all_means_every_extra():
    extras = dict(_config()["options.extras_require"])
    inside = re.search(r"kantor\[([^]]*)\]", extras.pop("all"))
    assert inside is not None
    assert set(inside.group(1).split(",")) == set(extras)


def test_pyproject_has_no_project_table():
    assert not (ROOT / "setup.py").exists()
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(pyproject) == {"build-system", "tool"}
    assert "setuptools" not in pyproject["tool"]


def test_exactly_our_packages_are_found():
    patterns = _words(_config()["options.packages.find"]["include"])
    found = find_packages(str(ROOT), include=patterns)
    assert {name.split(".")[0] for name in found} == set(PACKAGES)


def test_every_folder_with_code_is_a_package():
    folders = {path.parent for name in PACKAGES for path in (ROOT / name).rglob("*.py")}
    assert [str(f.relative_to(ROOT)) for f in folders if not (f / "__init__.py").exists()] == []


def test_package_data_is_declared():
    data = _config()["options.package_data"]
    assert {"py.typed", "*.c", "*.h"} <= set(_words(data["*"]))
    assert "data/*.csv" in _words(data["kantor"])
    for package in PACKAGES:
        assert (ROOT / package / "py.typed").exists()


def test_every_data_file_ships():
    """A file that no pattern covers would be there in a checkout and absent from the wheel."""
    data = _config()["options.package_data"]
    covered = {
        path
        for package in PACKAGES
        for pattern in ["**/*.py", *_words(data["*"]), *_words(data.get(package, ""))]
        for path in (ROOT / package).glob(pattern)
    }
    stray = [
        name
        for name, _ in _files()
        if name.split("/")[0] in PACKAGES and (ROOT / name).exists() and ROOT / name not in covered
    ]
    assert stray == []


def test_no_machine_paths():
    assert _found(MACHINE_PATH, _files()) == []


def test_no_registry_hosts():
    assert _found(REGISTRY, _files()) == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (MACHINE_PATH, "{0}home{0}ada{0}kantor"),
        (MACHINE_PATH, "sys.path.insert(0, '{0}tmp{0}kantor')"),
        (MACHINE_PATH, "{0}Users{0}ada"),
        (MACHINE_PATH, "file:{0}{0}{0}home{0}ada{0}kantor"),
        (REGISTRY, "pip install --index{1}url https:{0}{0}packages.example.org"),
        (REGISTRY, "https:{0}{0}mirror.example.org{0}pypi{0}simple"),
    ],
)
def test_the_patterns_find_what_they_look_for(pattern, text):
    # Put together here, since this file is searched as well.
    assert _found(pattern, [("file", text.format("/", "-"))])


@pytest.mark.parametrize(
    "text", ["#!/usr/bin/env bash", "https://example.org/home/page", "tests/home/x", "A/tmp/B"]
)
def test_the_patterns_find_nothing_else(text):
    assert not _found(MACHINE_PATH, [("file", text)])
    assert not _found(REGISTRY, [("file", text)])


def _import_kantor(folder):
    """Import kantor in a fresh interpreter, in `folder` and with `folder` first on its path."""
    code = (
        "try:\n"
        "    import kantor\n"
        "except ImportError as error:\n"
        "    print(error)\n"
        "else:\n"
        "    print('imported')\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_kantor_imports_from_another_folder(tmp_path):
    result = _import_kantor(tmp_path)
    assert (result.returncode, result.stdout) == (0, "imported\n"), result.stderr


@pytest.mark.parametrize("package", ["relations", "matchers", "lowering"])
@pytest.mark.parametrize("spelling", ["{}.py", "{}/__init__.py"])
def test_a_shadowing_module_is_named(tmp_path, package, spelling):
    """`relations` is a name that a user's own file may have: say so, and what to do."""
    shadow = tmp_path / spelling.format(package)
    shadow.parent.mkdir(exist_ok=True)
    shadow.write_text("answer = 42\n", encoding="utf-8")
    result = _import_kantor(tmp_path)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) == 1, "one line"
    assert str(shadow) in lines[0] or str(shadow.resolve()) in lines[0], "names the file"
    assert re.search(r"\b(rename|move|remove)\b", lines[0], re.IGNORECASE), "says what to do"
