"""Sums of n terms against patterns: a hit, a miss by one term, and how many answers there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import pytensor.tensor as pt

from matchers import vocabulary as v
from matchers.leaves import atom
from matchers.match import Context, Pattern, compile_pattern
from matchers.variables import LogicVar

# All answers are counted where there are no more than these.
COUNTABLE = 50_000


class Match(NamedTuple):
    """A pattern against a term.

    Attributes
    ----------
    name : str
    pattern : Pattern
    term : Term
    hits : bool
        Whether there is an answer.
    answers : int or None
        How many there are, None for too many to count.
    """

    name: str
    pattern: Pattern
    term: Any
    hits: bool
    answers: int | None = None

    def first(self) -> bool:
        """Whether there is an answer, found or refuted."""
        return next(self.pattern.match(self.term, Context(budget=10**9)), None) is not None

    def all(self) -> int:
        """How many answers there are."""
        found = self.pattern.match(self.term, Context(budget=10**9))
        return sum(1 for _ in islice(found, COUNTABLE))


def matches(n: int) -> Iterator[Match]:
    """The cases for sums of `n` terms."""
    a = [atom(pt.matrix(f"a{i}")) for i in range(2 * n + 2)]
    some = [LogicVar(f"V{i}") for i in range(n)]
    few = 24 if n == 4 else None
    whole = compile_pattern(v.add(*some))
    yield Match("n variables, hit", whole, v.add(*a[:n]), True, few)
    yield Match("n variables, one term too few", whole, v.add(*a[: n - 1]), False, 0)
    each = compile_pattern(v.add(*map(v.expm, some)))
    yield Match("f(x₁) + … + f(xₙ), hit", each, v.add(*map(v.expm, a[:n])), True, few)
    almost = v.add(*map(v.expm, a[: n - 1]), v.cholesky(a[n]))
    yield Match("f(x₁) + … + f(xₙ), missed by one term", each, almost, False, 0)
    yield from _products(n, a)
    yield from _repeated(n, a)
    ground = v.add(*map(v.expm, a[:n]))
    other = v.add(*map(v.expm, reversed(a[:n])))
    yield Match("a ground sum against its permutation", compile_pattern(ground), other, True, 1)


def _products(n: int, a: list[Any]) -> Iterator[Match]:
    A, B, C = LogicVar("A"), LogicVar("B"), LogicVar("C")
    alpha, beta = LogicVar("α", "scalar"), LogicVar("β", "scalar")
    rest = LogicVar("rest", "rest")
    common = compile_pattern(v.add(A @ B, A @ C, rest))
    apart = [a[2 * i] @ a[2 * i + 1] for i in range(n)]
    pair = [*apart[:-1], apart[0].args[0] @ a[-1]]
    yield Match("A B + A C + rest, hit", common, v.add(*pair), True, 2)
    yield Match("A B + A C + rest, missed by one factor", common, v.add(*apart), False, 0)
    gemm = compile_pattern(v.add(v.scale(alpha, A @ B), v.scale(beta, C), rest))
    c, d = (atom(pt.scalar(name), 0) for name in "cd")
    plain = [v.expm(x) for x in a[: n - 2]]
    scaled = v.add(*plain, v.scale(c, a[-2] @ a[-1]), v.scale(d, a[n]))
    yield Match("α A B + β C + rest, hit", gemm, scaled, True, 1)
    missed = v.add(*plain, v.scale(c, a[-2]), v.scale(d, a[n]))
    yield Match("α A B + β C + rest, missed by one factor", gemm, missed, False, 0)


def _repeated(n: int, a: list[Any]) -> Iterator[Match]:
    X, rest = LogicVar("X"), LogicVar("rest", "rest")
    twice = compile_pattern(v.add(X, X, rest))
    yield Match("X + X + rest, hit", twice, v.add(*a[: n - 2], a[n], a[n]), True, 1)
    yield Match("X + X + rest, missed", twice, v.add(*a[:n]), False, 0)


def stock(n: int) -> Callable[[], Any]:
    """Kanren's own ``unify`` of n positions, none of which is permuted."""
    from etuples import etuple
    from unification import unify, var

    variables = [var() for _ in range(n)]
    pattern = etuple("add", *(etuple("f", x) for x in variables))
    term = etuple("add", *(etuple("f", i) for i in range(n)))
    return lambda: unify(pattern, term)
