"""Sum-product programs in three spellings, beside the factored form, and the time of a rewrite."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytensor

import kantor
from tests.benchmarks.tables import Report, Row
from tests.benchmarks.timing import Case, medians, versions
from tests.relations.sum_product_programs import SPELLINGS, Program, chains, programs

HAND, REWRITING = 1.5, 20.0
# The product of a broadcast program with more entries is not made.
MOST_ENTRIES = 3e7


def measure(
    program: Program, spelling: str, values: dict[Any, Any], backend: str, rounds: int
) -> list[Row]:
    """Both ratios of one spelling, and the time to rewrite it."""
    inputs = program.distinct
    arguments = [values[x] for x in inputs]
    written = program.written(spelling)
    functions = {
        "kantor": pytensor.function(inputs, written, mode=kantor.mode(backend), trust_input=True),
        "hand": pytensor.function(inputs, program.hand(), mode=backend, trust_input=True),
    }
    runs = [Case(k, lambda f=f: f(*arguments)) for k, f in functions.items()]
    times = medians(runs, rounds=rounds)
    rewriting = medians(
        [Case("rewrite", kantor.rewrite, lambda: (program.written(spelling),))], rounds=rounds
    )["rewrite"]
    found, wanted = (f(*arguments) for f in functions.values())
    note = f"difference {np.abs(found - wanted).max() / np.abs(wanted).max():.1e}"
    plain = of_plain(program, spelling, values, backend)
    if plain is not None:
        note += f", {plain / times['kantor']:.2g} × faster than plain"
    return [
        Row(f"{spelling}: against the factored form", times["kantor"] / times["hand"], "×", HAND,
            note),
        Row(f"{spelling}: to rewrite", rewriting, "ms", REWRITING),
    ]  # fmt: skip


def of_plain(program: Program, spelling: str, values: dict[Any, Any], backend: str) -> float | None:
    """The time of plain PyTensor, where what it would write has few enough entries."""
    lengths = {
        i: n
        for x, part in zip(program.inputs, program.parts, strict=True)
        for i, n in zip(part, values[x].shape, strict=True)
    }
    if spelling == "broadcast" and np.prod([float(n) for n in lengths.values()]) > MOST_ENTRIES:
        return None
    inputs = program.distinct
    f = pytensor.function(inputs, program.written(spelling), mode=backend, trust_input=True)
    arguments = [values[x] for x in inputs]
    return medians([Case("plain", lambda: f(*arguments))], rounds=3)["plain"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 if a bar is missed."""
    parser = argparse.ArgumentParser(prog="kantor bench sums", description=__doc__)
    parser.add_argument("--length", type=int, default=64, help="of each axis, but for chains")
    parser.add_argument("--chain", type=int, default=300, help="of each axis of a chain of ten")
    parser.add_argument("--backend", default="CVM")
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args(argv)
    report = Report()
    report.console.print(f"{versions()}; {options.backend}")
    report.console.print(
        f"bars: at most {HAND} × the factored form, {REWRITING:g} ms to rewrite; shapes unknown"
    )
    for of, n in ((programs(), options.length), (chains(), options.chain)):
        for name, program in of.items():
            lengths = {i: n for part in program.parts for i in part}
            values = program.values(lengths)
            rows = [
                row
                for spelling in SPELLINGS
                for row in measure(program, spelling, values, options.backend, options.rounds)
            ]
            report.section(f"{name}, {program.spec}", rows)
    return report.close()


if __name__ == "__main__":
    raise SystemExit(main())
