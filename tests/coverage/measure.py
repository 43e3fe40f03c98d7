"""Whether a form of a case is reached: rewritten, cheaper as asked, and of the same values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytensor
from pytensor.compile.mode import Mode

import kantor
from kantor.api import graph_of
from tests.coverage.cases import FORMS, Case
from tests.coverage.flops import run
from tests.coverage.forms import Posed, pose

# PyTensor as it compiles for Python, where each Op stays one node.
PLAIN = Mode("py", "fast_run").excluding("fusion", "inplace", "BlasOpt", "c_blas")
TOLERANCES = {"float64": 1e-9, "float32": 1e-4}


@dataclass(frozen=True)
class Result:
    """What became of one form.

    Attributes
    ----------
    case : Case
    form : str
    reached : bool
    said : str
        What is missing, or wrong.
    before, after : float
        Flops of the plain graph and of the rewritten one, both compiled.
    wrong : bool
        Whether it failed otherwise than by not being cheap: it raised, or values differ.
    """

    case: Case
    form: str
    reached: bool
    said: str = ""
    before: float = 0.0
    after: float = 0.0
    wrong: bool = False

    @property
    def ratio(self) -> float:
        """Which part of the flops is left."""
        return self.after / self.before if self.before else 1.0


def measured(case: Case) -> Iterator[Result]:
    """What became of each form of a case; its gradient counts only where it counts itself."""
    base: Result | None = None
    for form in case.forms:
        # In another spelling the plain graph may be cheap already, and must stay so.
        spelling = form == "transposed" or form not in FORMS
        found = measure(case, form, base.before if base and spelling else None)
        base = base or found
        if form == "gradient" and found.reached and not base.reached:
            found = replace(found, reached=False, said="the expression itself is not reached")
        yield found


def measure(case: Case, form: str, before: float | None = None) -> Result:
    """Rewrite one form of a case, and judge it.

    Parameters
    ----------
    case : Case
    form : str
    before : float, optional
        The flops that it is compared with, instead of those of the plain graph.
    """
    try:
        with pytensor.config.change_flags(cxx="", on_opt_error="raise"):
            return _measured(case, form, before)
    except Exception as error:
        line = (str(error).strip().splitlines() or [""])[0][:120]
        return Result(case, form, False, f"{type(error).__name__}: {line}", wrong=True)


def _measured(case: Case, form: str, reference: float | None) -> Result:
    posed = pose(case, form)
    plain = compiled(posed, posed.outputs, PLAIN)
    if form == "mode" or case.compiled:
        new = compiled(posed, posed.outputs, kantor.mode(PLAIN))
        changed = None
    else:
        rewritten = kantor.rewrite(posed.outputs)
        changed = any(a is not b for a, b in zip(rewritten, posed.outputs, strict=True))
        new = compiled(posed, rewritten, PLAIN) if changed else plain
    _, before = run(plain, posed.values)
    values, after = run(new, posed.values)
    if changed is None:  # the two were compiled apart
        changed = _ops(new) != _ops(plain) or after != before
    if changed:
        different = _different(posed, values)
        if different:
            return Result(case, form, False, different, before, after, wrong=True)
    before = max(reference or before, before if form == "transposed" else 0.0)
    missing = _missing(case, form, new, after / before if before else 1.0, changed)
    return Result(case, form, not missing, missing, before, after)


def compiled(posed: Posed, outputs: list[Any], mode: Any) -> Any:
    """The graph that PyTensor compiles in a mode."""
    f = pytensor.function(posed.inputs, outputs, mode=mode, on_unused_input="ignore")
    return f.maker.fgraph


def _literal(posed: Posed) -> tuple[list[Any], float]:
    """The values and flops of a graph as it is written."""
    literal, _ = graph_of(posed.outputs)
    given = dict(zip(posed.inputs, posed.values, strict=True))
    return run(literal, [given[x] for x in literal.inputs])


def literal_flops(posed: Posed) -> float:
    """What a graph would take without any rewriting."""
    return _literal(posed)[1]


def _different(posed: Posed, values: list[Any]) -> str:
    """How far the values are from those of the graph as it is written, run literally."""
    expected, _ = _literal(posed)
    for x, y in zip(expected, values, strict=True):
        if x.shape != y.shape or x.dtype != y.dtype:
            return f"{x.dtype} {x.shape} became {y.dtype} {y.shape}"
        rtol = TOLERANCES.get(str(x.dtype), 1e-9)
        size = float(np.max(np.abs(x), initial=0.0))
        away = float(np.max(np.abs(x - y), initial=0.0))
        if not away <= rtol * size:
            return f"values differ by {away:.2g} of {size:.2g}"
    return ""


def _missing(case: Case, form: str, fgraph: Any, left: float, changed: bool) -> str:
    """What a rewritten graph lacks to count, of which a part of the flops is left."""
    ops, gradient = _ops(fgraph), form == "gradient"
    allowed = case.gradient if gradient else case.ratio
    if left > allowed:
        return f"{left:.2f} of the flops, {allowed:g} allowed"
    most = max((x.type.ndim for node in fgraph.apply_nodes for x in node.outputs), default=0)
    if case.axes and most > case.axes + (form == "batched"):
        return f"a value of {most} axes"
    limits = {**dict.fromkeys(case.absent, 0), **case.at_most}
    if gradient or not limits:
        return "" if changed or left < 1 else "left as it is"
    over = [f"{ops[name]} {name}" for name, most in limits.items() if ops[name] > most]
    return over[0] if over else ""


def _ops(fgraph: Any) -> Counter[str]:
    return Counter(type(getattr(n.op, "core_op", n.op)).__name__ for n in fgraph.apply_nodes)
