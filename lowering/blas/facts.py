"""What is known of the matrices that these Ops make."""

from __future__ import annotations

from typing import Any

from pytensor.assumptions import POSITIVE_DEFINITE, SYMMETRIC, FactState, register_assumption

from lowering.blas.potri import Potri
from lowering.blas.syr2k import Syr2k
from lowering.blas.syrk import Syrk
from matchers.properties import declare


def declare_facts() -> None:
    """Tell PyTensor. X Xᵀ is not said to be definite: the rank of X may be deficient."""
    register_assumption(SYMMETRIC, Syrk, Syr2k, Potri)(_always)
    register_assumption(POSITIVE_DEFINITE, Potri)(_always)
    semidefinite = declare()["positive_semidefinite"]
    register_assumption(semidefinite, Syrk, Potri)(_always)


def _always(
    key: Any, op: Any, feature: Any, fgraph: Any, node: Any, states: Any
) -> list[FactState]:
    return [FactState.TRUE]
