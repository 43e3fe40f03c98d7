"""``python -m kantor bench engine``: what finding, matching, choosing and rebuilding cost.

All times are CPU time, medians of interleaved rounds with the garbage collector off. With
``--thorough`` 10,000 rewrites are watched for what they leave behind instead of 1,000;
``--rounds N`` changes the number of rounds; ``nodes``, ``regions``, ``sums`` or ``scaling`` runs
that part alone.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytensor.tensor as pt
from pytensor.graph.fg import FunctionGraph
from pytensor.tensor import linalg

from kantor.engine import Engine
from matchers.regions import anchored
from relations.library import select
from tests.benchmarks import scaling
from tests.benchmarks.ac_cases import matches, stock
from tests.benchmarks.many_relations import five_hundred, ten
from tests.benchmarks.models import Graph, available, canonical
from tests.benchmarks.near_misses import near_misses
from tests.benchmarks.node_cases import rewriter_times, stock_times
from tests.benchmarks.tables import Report, Row
from tests.benchmarks.timing import Case, exponent, medians, versions

PLAIN_BAR, ANCHORED_BAR = 2.0, 10.0  # µs per node
MANY_BAR = 1.1  # 500 relations against 10
REGION_BAR = 2.0  # ms
SUM_BARS = {8: 1.0, 12: 2.0}  # ms
LINEAR_BAR = 1.2  # the exponent of a fit at three sizes
BLOCKS_BAR = 0.5  # blocks of memory per rewrite


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 where something is over its bar."""
    parts: dict[str, Callable[[argparse.Namespace, Report], None]] = {
        "nodes": nodes,
        "regions": regions,
        "sums": sums,
        "scaling": growth,
    }
    parser = argparse.ArgumentParser(prog="kantor bench engine", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(parts)}; all by default")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--thorough", action="store_true")
    options = parser.parse_args(argv)
    wrong = [p for p in options.parts if p not in parts]
    if wrong:
        parser.error(f"there is no part {wrong[0]!r}; the parts are {', '.join(parts)}")
    report = Report()
    report.console.print(versions(), "\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # an engine that leaves itself out would be fast
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        for name in options.parts or parts:
            parts[name](options, report)
    return report.close()


# --- time per node --------------------------------------------------------------------------------


def nodes(options: argparse.Namespace, report: Report) -> None:
    """Rewriter time per node of each graph, with few and with many relations."""
    engines = {
        "10 relations": Engine(ten()),
        "500 relations": Engine(five_hundred()),
        "the library": Engine(select(None)[0]),
    }
    graphs: dict[str, Callable[[], Graph]] = {
        **available(),
        "100 near misses": near_misses,
    }
    for name, make in graphs.items():
        fgraph = canonical(make())
        if name == "100 near misses":
            _check_missed(fgraph, engines.values())
        has_anchors = anchored(fgraph)
        bar = ANCHORED_BAR if has_anchors else PLAIN_BAR
        found = rewriter_times(fgraph, engines, options.rounds)
        rows = [Row(what, seconds, "µs", bar) for what, seconds in found.items()]
        if has_anchors:  # elsewhere no relation is looked at
            more = found["500 relations"] / found["10 relations"]
            rows.append(Row("500 against 10", more, "×", MANY_BAR))
        # One pass of one relation, which finds nothing: the same nodes, but not the same work.
        others = stock_times(fgraph, min(options.rounds, 5))
        rows += [Row(f"{what}, one relation", seconds, "µs") for what, seconds in others.items()]
        anchors = "with anchors" if has_anchors else "without an anchor"
        report.section(f"{name}: per node of {len(fgraph.apply_nodes)}, {anchors}", rows)


def _check_missed(fgraph: FunctionGraph, engines: Any) -> None:
    for engine in engines:
        steps = engine.rewrite(fgraph.clone())
        if steps:
            raise AssertionError(f"not a near miss: {steps[0].relations}")


# --- whole regions --------------------------------------------------------------------------------


def regions(options: argparse.Namespace, report: Report) -> None:
    """Two regions found, searched and rebuilt."""
    engine = Engine(select(None)[0])
    A, B, x = pt.matrix("A"), pt.matrix("B"), pt.matrix("x")
    S, T = pt.matrix("S", shape=(5, 5)), pt.matrix("T", shape=(5, 5))
    y, v = pt.vector("y"), pt.vector("v")
    graphs: dict[str, Graph] = {
        "Aᵀ (A B)⁻¹ x y, nothing known to be square": (
            [A, B, x, y],
            [A.T @ linalg.inv(A @ B) @ x @ y],
        ),
        "Aᵀ (A B)⁻¹ x y, A and B square": ([S, T, x, y], [S.T @ linalg.inv(S @ T) @ x @ y]),
        "(A ⊗ B)⁻¹ v": ([A, B, v], [linalg.inv(linalg.kron(A, B)) @ v]),
    }
    cases = [_region_case(name, engine, graph) for name, graph in graphs.items()]
    found = medians(cases, max(options.rounds, 21))
    rows = [Row(name, seconds, "ms", REGION_BAR) for name, seconds in found.items()]
    report.section("a region found, searched and rebuilt", rows)


def _region_case(name: str, engine: Engine, graph: Graph) -> Case:
    fgraph = canonical(graph)
    if not engine.rewrite(fgraph.clone()):
        raise AssertionError(f"{name} is not rewritten")
    return Case(name, engine.rewrite, lambda: (fgraph.clone(),))


# --- sums -----------------------------------------------------------------------------------------


def sums(options: argparse.Namespace, report: Report) -> None:
    """Matching of multisets: the first answer or the miss, and all answers if they are few."""
    for n in (4, *SUM_BARS):
        rows = []
        for case in matches(n):
            if case.first() is not case.hits:
                raise AssertionError(f"{case.name} of {n}: hit is {not case.hits}")
            bar = SUM_BARS.get(n)
            first = medians([Case(case.name, case.first)], options.rounds)[case.name]
            note = ""
            if case.answers is not None:
                if case.all() != case.answers:
                    raise AssertionError(f"{case.name} of {n}: {case.all()} answers")
                every = medians([Case(case.name, case.all)], options.rounds)[case.name]
                note = f"{case.answers} in all: {every * 1e3:.3g} ms"
            rows.append(Row(case.name, first, "ms", bar, note))
        unify = medians([Case("unify", stock(n))], options.rounds)["unify"]
        rows.append(Row("stock unify, in order, nothing permuted", unify, "ms"))
        report.section(f"sums of {n} terms, the first answer or the miss", rows)


# --- growth ---------------------------------------------------------------------------------------


def growth(options: argparse.Namespace, report: Report) -> None:
    """Towers, chains, leaks and threads."""
    engine = Engine(select(None)[0])
    rows = [*_fits(engine, options.rounds)]
    graph = scaling.small_regions()
    times = 10_000 if options.thorough else 1_000
    objects, blocks = scaling.kept(engine, graph, times)
    rows.append(Row(f"blocks of memory kept by each of {times:,} rewrites", blocks, "", BLOCKS_BAR))
    rows.append(Row("objects of the garbage collector kept by each", objects, "", BLOCKS_BAR))
    agree = scaling.threads_agree(lambda: Engine(select(None)[0]), graph)
    rows.append(Row("two threads at once that disagree", float(not agree), "", 0.0))
    report.section("growth", rows)


def _fits(engine: Engine, rounds: int) -> Iterator[Row]:
    families: dict[str, tuple[Callable[[int], Graph], tuple[int, ...]]] = {
        "a tower of z ⊙ z below an inverse": (scaling.tower, scaling.LEVELS),
        "a tower of z z below an inverse": (scaling.product_tower, scaling.LEVELS),
        "a chain of sums below a Cholesky factor": (scaling.sum_chain, scaling.LENGTHS),
        "a product of many matrices": (scaling.product_chain, scaling.FACTORS),
    }
    for name, (make, sizes) in families.items():
        cases = [_whole_case(str(n), engine, make(n)) for n in sizes]
        found = medians(cases, min(rounds, 5))
        times = [found[str(n)] for n in sizes]
        shown = ", ".join(f"{n:,}: {t * 1e3:.3g} ms" for n, t in zip(sizes, times, strict=True))
        yield Row(f"{name}: exponent", exponent(sizes, times), "", LINEAR_BAR, shown)


def _whole_case(name: str, engine: Engine, graph: Graph) -> Case:
    return Case(name, engine.rewrite, lambda: (FunctionGraph(*graph, clone=True),))
