"""The short form of a covariance update: off by default, and less accurate where it cancels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.tensor import linalg

import kantor
from relations.library import select
from tests.support import assert_same_value, decisions, evaluate, rewritten

RNG = np.random.default_rng(20261127)
H, P, R = pt.matrix("H", shape=(2, 6)), pt.matrix("P", shape=(6, 6)), pt.matrix("R", shape=(2, 2))
IDENTITY = pt.eye(6)
S = H @ P @ H.T + R


def updated(gain: Any) -> Any:
    kept = IDENTITY - gain @ H
    return kept @ P @ kept.T + gain @ R @ gain.T


GAINS = {
    "inverse": P @ H.T @ linalg.inv(S),
    "from the right": P @ (H.T @ linalg.inv(S)),
    "solve": linalg.solve(S.T, H @ P.T).T,
}


@pytest.mark.parametrize("spelling", GAINS)
def test_joseph_form(spelling: str) -> None:
    graph = updated(GAINS[spelling])
    (after,) = [after for _, after in rewritten(graph, "joseph_form")]
    assert after == "P - P Hᵀ (H P Hᵀ + R)⁻¹ H P"
    x, y = RNG.normal(size=(6, 6)), RNG.normal(size=(2, 2))
    values = {H: RNG.normal(size=(2, 6)), P: x @ x.T + np.eye(6), R: y @ y.T + np.eye(2)}
    assert_same_value(graph, values, relations="joseph_form")


def test_near_misses() -> None:
    other = pt.matrix("K", shape=(6, 2))
    assert decisions(updated(other), "joseph_form") == []
    gain = GAINS["inverse"]
    kept = IDENTITY - gain @ H
    other_sign = decisions(kept @ P @ kept.T - gain @ R @ gain.T, "joseph_form")
    assert "joseph_form" not in [name for s in other_sign for name in s.relations]


def test_it_is_off_by_default_and_loses() -> None:
    (relation,) = select("joseph_form")[0]
    assert relation.stability == "loses"
    assert relation not in select(None)[0]
    # Of p = 1, h = 1, r = 1e-12 what is left is r to 12 digits; of p - k p it has four.
    values = {H: np.eye(2, 6), P: np.eye(6), R: 1e-12 * np.eye(2)}
    graph = updated(GAINS["inverse"])
    short = kantor.rewrite(graph, relations="joseph_form")
    long, brief = (float(evaluate(g, values)[0, 0]) for g in (graph, short))
    assert abs(long - 1e-12) < 1e-20
    assert 1e-18 < abs(brief - 1e-12) < 1e-14
