"""Try an installed wheel: are all files of the source tree in it, and does it rewrite?

Usage: python wheel_check.py SOURCE, from outside of the source tree.
"""

import sys
from importlib.metadata import distribution
from pathlib import Path

PACKAGES = ("kantor", "relations", "matchers", "lowering")
PATTERNS = ("**/*.py", "**/*.c", "**/*.h", "**/py.typed")


def check_files(source: Path) -> int:
    """Compare what is installed with what the source tree holds; return the number of files."""
    expected = {
        path.relative_to(source).as_posix()
        for package in PACKAGES
        for pattern in PATTERNS
        for path in (source / package).glob(pattern)
    }
    expected |= {path.relative_to(source).as_posix() for path in source.glob("kantor/data/*.csv")}
    files = [file for file in distribution("kantor").files or [] if file.suffix != ".pyc"]
    shipped = {file.as_posix() for file in files if file.parts[0] in PACKAGES}
    others = {file.parts[0] for file in files} - {*PACKAGES, ".."}
    assert shipped == expected, f"missing or left over in the wheel: {sorted(shipped ^ expected)}"
    assert all(name.endswith(".dist-info") for name in others), f"strangers: {sorted(others)}"
    absent = [file.as_posix() for file in files if not Path(str(file.locate())).exists()]
    assert not absent, f"listed in the wheel, but not installed: {absent}"
    return len(shipped)


def check_rewrite(source: Path) -> None:
    """Rewrite one Kronecker product times a vector."""
    import numpy as np
    import pytensor
    import pytensor.tensor as pt
    from pytensor.graph.traversal import ancestors

    import kantor

    assert not Path(kantor.__file__).is_relative_to(source), f"not the wheel: {kantor.__file__}"

    a = pt.matrix("a", shape=(20, 30), dtype="float64")
    b = pt.matrix("b", shape=(40, 10), dtype="float64")
    v = pt.vector("v", shape=(300,), dtype="float64")
    before = pt.linalg.kron(a, b) @ v
    after = kantor.rewrite(before)
    assert after.type == before.type, f"{before.type} became {after.type}"
    built = [var for var in ancestors([after]) if var.owner and "Kronecker" in str(var.owner.op)]
    assert not built, "the Kronecker product is still built"

    rng = np.random.default_rng(0)
    values = [rng.normal(size=x.type.shape) for x in (a, b, v)]
    got = pytensor.function([a, b, v], after)(*values)
    np.testing.assert_allclose(got, np.kron(values[0], values[1]) @ values[2])


if __name__ == "__main__":
    tree = Path(sys.argv[1]).resolve()
    print(f"{check_files(tree)} files, all there")
    check_rewrite(tree)
    print("kron(A, B) @ v rewritten, and right")
