"""Reading a variable and writing its term back literally, to hold the one against the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt

from matchers.leaves import Atom
from matchers.terms import Term
from matchers.view import View
from tests.support import evaluate

RNG = np.random.default_rng(20261130)


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


def regular(n: int) -> Any:
    return draw(n, n) + 2 * n * np.eye(n)


def leaf(var: Any, term: Term, core: int) -> bool:
    """Whether `term` is no more than `var` itself."""
    return isinstance(term, Atom) and term.var is var and term.core == core


def assert_literal(var: Any, values: dict[Any, Any], core: int | None = None) -> Term:
    """Hold the literal graph of the term of `var` against `var` itself; return the term."""
    view = View()
    core = view.core(var) if core is None else core
    term = view.term(var, core)
    want, got = evaluate([var, pt.as_tensor(term.evaled_obj)], values)
    assert core or np.ndim(want) == 0
    want = np.asarray(want)[..., None] if core == 1 else np.asarray(want)
    # A batch axis of length 1 is seen through.
    shape = tuple(np.broadcast_shapes(want.shape, got.shape))
    assert int(np.prod(shape)) == want.size == got.size, (want.shape, got.shape)
    rtol = 1e-4 if want.dtype in (np.float32, np.complex64) else 1e-9
    np.testing.assert_allclose(np.broadcast_to(got, shape), want.reshape(shape), rtol, atol=1e-9)
    return term
