"""Kronecker products: Kantor beside plain PyTensor and beside the form written by hand."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.graph.traversal import explicit_graph_inputs
from pytensor.tensor import linalg

import kantor
from tests.benchmarks.tables import Report, Row
from tests.benchmarks.timing import Case, medians, versions

HAND, PLAIN = 1.5, 500.0


def cases(n: int) -> dict[str, tuple[Any, Any]]:
    """Each expression as it is written, and as an expert would write it."""
    A, B, M = pt.matrices("A", "B", "M")
    v = pt.vector("v")
    K, X = linalg.kron(A, B), v.reshape((n, n))
    solved = linalg.solve(A, linalg.solve(B, X.T).T)
    columns = M.T.reshape((-1, n)) @ B.T
    inner = columns.reshape((M.shape[1], n * n)).T.reshape((n, -1))
    g, hand = K @ v, (A @ X @ B.T).ravel()
    return {
        "kron(A, B) @ v": (g, hand),
        "-2 * kron(A, B).T @ v": (-2 * K.T @ v, -2 * (A.T @ X @ B).ravel()),
        "kron(A, B) @ M": (K @ M, (A @ inner).reshape((n * n, -1))),
        "solve(kron(A, B), v)": (linalg.solve(K, v), solved.ravel()),
        "inv(kron(A, B)) @ v": (linalg.inv(K) @ v, solved.ravel()),
        "gradient of (kron(A, B) @ v)² in A": (
            pt.grad((g**2).sum(), A),
            pt.grad((hand**2).sum(), A),
        ),
    }


def values(graph: Any, n: int) -> list[Any]:
    """Inputs of a graph, well conditioned."""
    rng = np.random.default_rng(1)
    draw = {
        "A": rng.normal(size=(n, n)) + n * np.eye(n),
        "B": rng.normal(size=(n, n)) + n * np.eye(n),
        "M": rng.normal(size=(n * n, 3)),
        "v": rng.normal(size=n * n),
    }
    return [draw[i.name] for i in explicit_graph_inputs([graph])]


def measure(name: str, written: Any, hand: Any, n: int, backend: str, rounds: int) -> list[Row]:
    """The two ratios of one case."""
    inputs = list(explicit_graph_inputs([written]))
    arguments = values(written, n)
    functions = {
        "kantor": pytensor.function(inputs, written, mode=kantor.mode(backend), trust_input=True),
        "hand": pytensor.function(
            inputs, hand, mode=backend, trust_input=True, on_unused_input="ignore"
        ),
    }
    plain = pytensor.function(inputs, written, mode=backend, trust_input=True)
    reference = plain(*arguments)
    difference = np.abs(functions["kantor"](*arguments) - reference).max()
    times = medians(
        [Case(k, lambda f=f: f(*arguments)) for k, f in functions.items()], rounds=rounds
    )
    slow = medians([Case("plain", lambda: plain(*arguments))], rounds=1)["plain"]
    share = times["kantor"] / slow
    note = f"{1 / share:.0f} × faster, difference {difference / np.abs(reference).max():.1e}"
    # A product with few columns is one large product in plain PyTensor, at full speed: by flops
    # alone it cannot be 500 times faster, so that no bar stands there.
    bar = None if "@ M" in name else 1 / PLAIN
    return [
        Row(f"{name}: against the hand-written form", times["kantor"] / times["hand"], "×", HAND),
        Row(f"{name}: of plain PyTensor's time", share, "×", bar, note),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 if a bar is missed."""
    parser = argparse.ArgumentParser(prog="kantor bench kron", description=__doc__)
    parser.add_argument("--order", type=int, default=60, help="of each factor")
    parser.add_argument("--backend", default="CVM")
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args(argv)
    report = Report()
    report.console.print(f"{versions()}; {options.backend}, {options.order} ⊗ {options.order}")
    report.console.print(f"bars: at most {HAND}× by hand, at least {PLAIN:g}× faster than plain")
    for name, (written, hand) in cases(options.order).items():
        rows = measure(name, written, hand, options.order, options.backend, options.rounds)
        report.section(name, rows)
    return report.close()


if __name__ == "__main__":
    raise SystemExit(main())
