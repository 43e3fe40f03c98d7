"""Which class of matrices meets which function, and what then happens: a table in Markdown."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial

import pytensor

import kantor
from tests.coverage.cases import Case
from tests.coverage.flops import run
from tests.coverage.forms import Posed, pose
from tests.coverage.measure import PLAIN, compiled, literal_flops

SIZES = {"n": 60, "r": 3, "a": 12, "b": 10}
SQUARES = {
    "A": "n n", "B": "n n", "C": "a a", "D": "b b", "E": "n n diagonal", "U": "n r",
    "L": "n n lower_triangular", "W": "n n permutation", "c": "", "d": "n positive", "x": "n",
    "v": "ab", "w": "n+n",
}  # fmt: skip
# For each class two spellings, with operands the other way round, and the vector that it takes.
CLASSES = {
    "identity": ("c * I(x)", "I(x) * c", "x"),
    "diagonal": ("diag(d)", "E", "x"),
    "triangular": ("L", "T(L)", "x"),
    "permutation": ("W", "T(W)", "x"),
    "product": ("(A @ B)", "(B @ A)", "x"),
    "sum": ("(A + B)", "(B + A)", "x"),
    "Kronecker product": ("kron(C, D)", "kron(D, C)", "v"),
    "Kronecker sum": (
        "(kron(C, I(D)) + kron(I(C), D))", "(kron(I(C), D) + kron(C, I(D)))", "v",
    ),
    "block diagonal": ("block_diag(A, B)", "block_diag(B, A)", "w"),
    "low rank": ("(diag(d) + U @ T(U))", "(U @ T(U) + diag(d))", "x"),
}  # fmt: skip
FUNCTIONS = {
    "solve": "solve({0}, {1})",
    "logdet": "logdet({0})",
    "trace": "trace({0})",
    "diagonal": "diagonal({0})",
    "eig": "eig({0})[0]",
    "exp": "expm({0})",
    "cholesky": "cholesky({0})",
    "matvec": "{0} @ {1}",
}
DEFINITE = {name: f"{spec} positive_definite" for name, spec in SQUARES.items() if name in "ABCD"}
# What part of the flops of the graph as written PyTensor must leave out to have done something.
DONE = 0.6
LEGEND = """## Classes of matrices and functions

What happens to a function of a structured matrix, whichever way round its operands stand: the
relations used, PyTensor where it does with less by itself, – where as much is computed as was
written. Where the two orders differ, both are given. Factors are declared positive definite for
`cholesky` only.
"""


def table() -> Iterator[str]:
    """The table, computed."""
    yield LEGEND
    yield f"| | {' | '.join(FUNCTIONS)} |"
    yield f"|{' --- |' * (len(FUNCTIONS) + 1)}"
    for name in CLASSES:
        yield f"| {name} | {' | '.join(cell(name, f) for f in FUNCTIONS)} |"
    yield ""


def cell(matrix: str, function: str) -> str:
    """What happens to one function of one class of matrices."""
    *spellings, vector = CLASSES[matrix]
    definite = DEFINITE if function == "cholesky" else {}
    make = partial(Case, matrix, "", inputs={**SQUARES, **definite}, sizes=SIZES, ratio=1, why="")
    exprs = [FUNCTIONS[function].format(s, vector) for s in spellings]
    with warnings.catch_warnings(), pytensor.config.change_flags(cxx=""):
        warnings.simplefilter("ignore")
        found = [used(pose(make(e), "static")) for e in exprs]
    return " / ".join(dict.fromkeys(found))


def used(posed: Posed) -> str:
    """The relations that Kantor uses, or who else does something, or nobody."""
    steps = kantor.explain(posed.outputs).steps
    names = dict.fromkeys(s.relation for s in steps)
    if names:
        return ", ".join(f"`{name}`" for name in names)
    _, count = run(compiled(posed, posed.outputs, PLAIN), posed.values)
    literal = literal_flops(posed)
    return "PyTensor" if literal and count <= DONE * literal else "–"
