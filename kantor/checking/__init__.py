"""The verification battery that every relation inherits, run as ``python -m kantor check``."""

from kantor.checking.battery import verify
from kantor.checking.command import main
from kantor.checking.entries import Source
from kantor.checking.instances import Instance, Problem
from kantor.checking.makers import maker
from kantor.checking.matching import NearMiss, near_misses
from kantor.checking.mismatch import Mismatch
from kantor.checking.sides import readings
from kantor.checking.verdict import Verdict

__all__ = [
    "Instance",
    "Mismatch",
    "NearMiss",
    "Problem",
    "Source",
    "Verdict",
    "main",
    "maker",
    "near_misses",
    "readings",
    "verify",
]
