"""Random terms, and patterns that were such terms before parts became variables."""

from __future__ import annotations

from math import comb, perm
from random import Random

import pytensor.tensor as pt
from hypothesis import assume

from matchers.coefficients import misplaced, optional
from matchers.dims import ONE, Dim, const
from matchers.equalities import Dims
from matchers.heads import Head
from matchers.leaves import atom, number
from matchers.match import Context, variables_of
from matchers.terms import Term, shape
from matchers.traversal import subterms
from matchers.variables import LogicVar
from matchers.vocabulary import (
    add,
    block_diag,
    eye,
    inverse,
    kron,
    matmul,
    mul,
    reshape,
    scale,
    trace,
    transpose,
    triangle,
    vec,
)

# --- terms ---------------------------------------------------------------------------------------

SQUARE = [atom(pt.tensor(n, shape=(2, 2))) for n in "abc"]
OPEN = [atom(pt.matrix(n)) for n in "de"]  # Their lengths are 2 too, which only `DIMS` knows.
UNKNOWN = atom(pt.matrix("f"))
COLUMNS = [atom(pt.tensor(n, shape=(k,)), 1) for n, k in (("x", 2), ("y", 2), ("z", 4))]
s, t = (atom(pt.scalar(n), 0) for n in "st")
COEFFICIENTS = [s, t, number(2.0), number(-1.0)]


def _shared(definition: Term) -> Term:
    rows, cols, _ = shape(definition)
    return atom(pt.tensor("shared", shape=(rows.coef, cols.coef)), 2, definition)


A0, B0, C0 = SQUARE
SHARED = [
    _shared(A0 @ B0), _shared(A0 + B0), _shared(kron(A0, B0)), _shared(inverse(A0)),
    _shared(scale(s, A0 @ B0)),
]  # fmt: skip
LEAVES = [*SQUARE, *SQUARE, *COLUMNS, *OPEN, *SHARED, UNKNOWN]
DIMS = Dims()
for leaf in OPEN:
    for side in shape(leaf)[:2]:
        DIMS.unify(side, const(2))


def alike(parts: list[Term]) -> list[Term]:
    """Those that have the shape of the first, so that their sum has one."""
    shapes = [tuple(DIMS.normal(d) for d in shape(t)[:2]) for t in parts]
    return [t for t, s in zip(parts, shapes, strict=True) if s == shapes[0]]


def a_term(random: Random, depth: int) -> Term:
    """A small term; operands repeat often, since that is where multisets go wrong."""
    if depth == 0 or random.random() < 0.25:
        return random.choice(LEAVES)

    def some(low: int, high: int) -> list[Term]:
        return [a_term(random, depth - 1) for _ in range(random.randint(low, high))]

    kind = random.randrange(12)
    if kind <= 2:
        return matmul(*some(2, 4))
    if kind <= 5:
        parts = alike([*some(1, 3), *random.sample(LEAVES, 3)])
        return add(*parts, *(random.choice(parts) for _ in range(random.randint(0, 2))))
    (one,) = some(1, 1)
    return {
        6: lambda: mul(*alike([one, *some(1, 3)])),
        7: lambda: kron(one, *some(1, 2)),
        8: lambda: inverse(one),
        9: lambda: transpose(one),
        10: lambda: scale(random.choice([*COEFFICIENTS, trace(one), add(s, t, s)]), one),
        11: lambda: random.choice(
            [vec(one), eye(const(2)), triangle(one, True, False), block_diag(one, *some(1, 1))]
        ),
    }[kind]()


# --- patterns ------------------------------------------------------------------------------------

A, B, C = (LogicVar(n) for n in "ABC")
V, W = LogicVar("V", "vector"), LogicVar("W", "vector")
K = LogicVar("k", "scalar")
S, S2 = LogicVar("S", "segment"), LogicVar("S2", "segment")
R = LogicVar("R", "rest")
# What is under a reshape: the shape of `X` is known when `A` and `B` are, that of `Y` always.
X, Y = LogicVar("X"), LogicVar("Y")
SHAPES: dict[LogicVar, tuple[Dim, Dim]] = {X: (A.rows, B.cols), Y: (const(4), ONE)}


def a_variable(random: Random, t: Term) -> object:
    if t.scalar:
        return K
    kind = random.randrange(12)
    rows, cols, _ = shape(t)
    if kind == 0:
        return random.choice([vec(X), reshape(X, rows, cols), transpose(reshape(X, cols, rows))])
    if kind <= 2:
        return random.choice([reshape(Y, rows, cols), transpose(reshape(Y, cols, rows))])
    if kind <= 4:
        return transpose(random.choice([A, B]))
    if kind == 5:
        return transpose(V)
    column = kind <= 9 and cols == ONE
    return random.choice([V, W]) if column else random.choice([A, B, C])


def a_pattern(random: Random, t: Term, wild: float) -> object:
    """`t` with variables in some places, sometimes no longer matching."""
    if random.random() < 0.04:
        return random.choice([*LEAVES, A, K, A @ B, inverse(A), A + B])
    if random.random() < wild:
        return a_variable(random, t)
    definition = getattr(t, "definition", None)
    if definition is not None and random.random() < 0.6:
        return a_pattern(random, definition, wild)
    if not t.args or random.random() < 0.1:
        return t
    wild = min(1.0, wild * 1.7)
    if t.head is eye:
        return random.choice([eye(A.rows), eye(X.cols), t])
    if t.head.flat:
        return _flat_pattern(random, t, wild)
    args = [a_pattern(random, a, wild) if isinstance(a, Term) else a for a in t.args]
    if t.head is transpose and {R, S, S2} & {*variables_of(args[0])}:
        return t  # A shared sum opened to one with a rest has no transpose that can be written.
    return t.head.make(*args)


def _flat_pattern(random: Random, t: Term, wild: float) -> object:
    operands = list(t.args)
    if t.head.commutative:
        random.shuffle(operands)
    if random.random() < 0.25:
        return _loose_pattern(random, t, operands)
    parts: list[object] = []
    many = S
    while operands:
        size = 1 if random.random() < 0.5 else random.randint(1, len(operands))
        run, operands = operands[:size], operands[size:]
        if size == 1 and random.random() < 0.85:
            parts.append(a_pattern(random, run[0], wild))
        elif random.random() < 0.5 and many is not None:
            parts.append(R if t.head.commutative else many)
            many = None if t.head.commutative else random.choice([S, S2])
        else:
            parts.append(a_variable(random, t.head.make(*run)))
    if all(p in (R, S, S2) for p in parts):
        parts.append(A)
    if random.random() < 0.15 and not (t.head.commutative and R in parts):
        parts.insert(random.randint(0, len(parts)), R if t.head.commutative else S2)
    return _flat(t.head, parts)


def _flat(head: Head, parts: list[object]) -> object:
    """With one rest at most; a shared sum, opened, may have brought its own."""
    made = head.make(*parts)
    if not isinstance(made, Term) or made.args.count(R) < 2:
        return made
    return made.head.make(*(a for a in made.args if a is not R), R)


def _loose_pattern(random: Random, t: Term, operands: list[Term]) -> object:
    """Mostly variables, so that there are several answers."""
    parts = [a_variable(random, random.choice(operands)) for _ in range(random.randint(1, 3))]
    if random.random() < 0.5:
        parts.append(a_pattern(random, random.choice(operands), 0.2))
    if t.head.commutative:
        return _flat(t.head, [*parts, *([R] if random.random() < 0.5 else [])])
    for segment in (S, S2):
        if random.random() < 0.4:
            parts.insert(random.randint(0, len(parts)), segment)
    return t.head.make(*parts)


OPTIONAL = [LogicVar(n, "scalar", optional=True) for n in "cd"]


def with_coefficients(random: Random, p: object) -> object:
    """A pattern with optional coefficients, in place of what some terms are scaled by or before."""
    if not isinstance(p, Term) or not p.args or p.scalar or p.head is eye:
        return p
    if p.head is scale:
        inner = with_coefficients(random, p.args[1])
        c = random.choice([*OPTIONAL, p.args[0]])
        return inner if optional(inner) else scale(c, inner)
    args = [with_coefficients(random, a) for a in p.args]
    often = 0.5 if p.head is add else 0.1
    for i, a in enumerate(args):
        whole = isinstance(a, (Term, LogicVar)) and a not in (R, S, S2, K) and not optional(a)
        if whole and p.head is not matmul and random.random() < often:
            args[i] = scale(random.choice(OPTIONAL), a)
    return p.head.make(*args)


def a_case_with_coefficients(random: Random, depth: int = 2):
    """Like `a_case`; terms are sums more often, with summands that are scaled, twice sometimes."""
    term = a_term(random, depth)
    if random.random() < 0.6:
        parts = alike([a_term(random, depth - 1) for _ in range(random.randint(2, 4))] * 2)
        chosen = random.sample(parts, min(len(parts), random.randint(2, 3)))
        term = add(*(scale(random.choice([1, 1, 2, s]), scale(random.choice([1, t]), x))
                     for x in chosen))  # fmt: skip
        if random.random() < 0.3:
            term = random.choice([inverse, transpose])(term)
    pattern = with_coefficients(random, a_pattern(random, term, random.choice([0.05, 0.2, 0.4])))
    if random.random() < 0.2:
        pattern = scale(random.choice(OPTIONAL), pattern)
    assume(not misplaced(pattern) and {*OPTIONAL} & {*variables_of(pattern)})
    assume(bound_on_work(pattern, term) < 2000)
    return pattern, term, Context(DIMS, budget=3000)


def a_case(random: Random, depth: int = 2):
    """A pattern, a term and a context; not so large that the reference takes seconds."""
    term = a_term(random, depth)
    source = term if random.random() < 0.8 else a_term(random, depth)
    pattern = a_pattern(random, source, random.choice([0.05, 0.2, 0.4, 0.7]))
    if isinstance(pattern, LogicVar) and pattern.kind in ("segment", "rest"):
        pattern = A
    assume(bound_on_work(pattern, term) < 2000)
    return pattern, term, Context(DIMS, budget=3000)


def bound_on_work(pattern, term) -> int:
    """A bound on the ways in which the reference distributes operands over elements."""
    flat = [x for x in {*subterms(pattern), pattern} if isinstance(x, Term) and x.head.flat]
    work = 1
    for p in flat:
        most = max((len(x.args) for x in subterms(term) if x.head is p.head), default=1)
        free = sum(isinstance(a, LogicVar) or a.head in (transpose, reshape) for a in p.args)
        ones = min(len(p.args) - free, most)
        if p.head.commutative:
            work *= (free + 1) ** (most - ones) * perm(most, ones)
        else:
            work *= comb(most + free, free)
    return work
