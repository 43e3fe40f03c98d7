"""Deciding: for all sizes, else by the sizes that are known, else not."""

from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.tensor import linalg

from lowering.decide import SLACK, decide
from lowering.polynomials import ZERO, Poly
from matchers.dims import Axis, Dim, const, shorter
from tests.support import decisions

M, N = Axis("m", None), Axis("n", None)
m, n = (Poly.of(Dim(1, frozenset([(s, 1)]))) for s in (M, N))


def test_for_all_sizes() -> None:
    decision = decide(m * m * m, m * m, {})
    assert decision.taken and decision.why == "for all sizes"
    assert decision.break_even == "m^2 < m^3"
    assert (decision.before.terms, decision.after.terms) == ((m * m * m).terms, (m * m).terms)


def test_at_the_known_sizes() -> None:
    assert decide(n * n, m * m, {M: 3.0, N: 4.0}).why == "at the known sizes"
    decision = decide(n * n, m * m, {M: 4.0, N: 3.0})
    assert not decision.taken and decision.why == "not cheaper at the known sizes"
    assert not decide(n * n, n * n, {N: 3.0}).taken


def test_when_the_known_sizes_are_enough() -> None:
    decision = decide(n * n, m * n, {M: 5.0})
    assert decision.taken and decision.why == "at the known sizes"


def test_what_is_missing() -> None:
    decision = decide(m * n, n * n + 3, {})
    assert not decision.taken
    assert decision.why == "the sizes m, n decide"
    assert decision.break_even == "n^2 + 3 < m·n"
    assert decide(m * n, n * n + 3, {M: 5.0}).why == "the sizes n decide"


def test_nothing_is_no_gain() -> None:
    decision = decide(m, m, {})
    assert not decision.taken
    assert decide(ZERO, ZERO, {}).why == "not cheaper at the known sizes"


def test_a_few_launches_may_be_lost_on_small_matrices() -> None:
    decision = decide(m * m, m + 200.0, {}, slack=SLACK)
    assert decision.taken and decision.why == "for larger sizes"
    assert not decide(m * m, m + 200.0, {}).taken
    # Still lost at length 32, or too much at length 8.
    assert not decide(m * m, m + 1000.0, {}, slack=SLACK).taken
    assert not decide(m * m * m, m + 10.0 * SLACK, {}, slack=SLACK).taken
    assert not decide(m * m, m * n + 200.0, {}, slack=SLACK).taken


def test_another_form_of_the_sizes() -> None:
    def twice(dim: Dim) -> Dim:
        powers = dict(dim.powers)
        p = powers.pop(N, 0)
        powers[M] = powers.get(M, 0) + p
        return Dim(dim.coef * 2**p, frozenset((s, q) for s, q in powers.items() if q))

    assert not decide(n, m, {}).taken
    assert decide(n, m, {}, twice).why == "for all sizes"


def reason(graph: pt.TensorVariable, **options: object) -> list[str]:
    return [s.decision.why for s in decisions(graph, **options)]


def test_branches_of_a_whole_graph() -> None:
    A, B, C = pt.matrices("A", "B", "C")
    v = pt.vector("v")
    assert reason(linalg.kron(A, B) @ v) == ["for all sizes"]
    fixed = pt.matrix("fixed", shape=(9, 9))
    assert reason(linalg.kron(fixed, fixed) @ v) == ["for all sizes"]
    small = pt.matrix("small", shape=(1, 1))
    assert not any("sizes" in why and "decide" in why for why in reason(linalg.kron(small, A) @ v))
    chain = (A @ B) @ C
    assert reason(chain, sizes={A: (90, 2), B: (2, 90), C: (90, 2)}) == ["at the known sizes"]
    shared = [pytensor.shared(np.ones(shape)) for shape in ((90, 2), (2, 90), (90, 2))]
    assert reason((shared[0] @ shared[1]) @ shared[2]) == ["at the known sizes"]


def test_what_loses_nothing_is_taken_for_what_it_gains_on_larger_ones() -> None:
    """A kernel for half a product that a thin matrix has no use for: not so if it lost by that."""
    least = Poly.of(shorter(Dim(1, frozenset([(N, 1)])), const(30)))
    decision = decide(2 * (m * m * n), m * m * n + m * m * least, {})
    assert decision.taken and decision.why == "for larger sizes"
    assert not decide(2 * (m * m * n), m * m * n + 30 * (m * m), {}).taken
    assert not decide(2 * (m * m * n), m * m * n + m * m * least + 2, {}).taken
    assert not decide(m * m * n + m * m * least, 2 * (m * m * n), {}).taken
    assert decide(2 * (m * m * n), m * m * n + m * m * least + 2, {M: 9.0, N: 31.0}).taken
