"""Structure of a term that follows from the structure of its parts: what holds of sums, products…

PyTensor infers structure from its nodes. A term has no nodes once relations have rewritten it, and
some of what follows PyTensor does not see (``A + Aᵀ`` is symmetric) or takes for granted (``A Aᵀ``
is positive definite, also where A is rank deficient). What the tables say holds for complex
matrices as well, where *orthogonal* means unitary; the rules ask for real ones where they need it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from math import prod
from typing import Any

from matchers import decompositions as d
from matchers import vocabulary as v
from matchers.heads import Head
from matchers.leaves import Atom, Number
from matchers.terms import Term
from matchers.traversal import subterms

Holds = Callable[[Term, str], bool]
Square = Callable[[Term], bool]

LOWER, UPPER = "lower_triangular", "upper_triangular"
# Which entries are zero; a coefficient, a sum and an elementwise product keep that.
PATTERNS = frozenset({"diagonal", LOWER, UPPER, "tridiagonal"})
TRIANGULAR = frozenset({"diagonal", LOWER, UPPER})
# What makes a matrix its own transpose.
SYMMETRIC = frozenset({"symmetric", "positive_definite", "positive_semidefinite"})
# Constant along diagonals, which for a circulant matrix go round.
CONSTANT_DIAGONALS = frozenset({"toeplitz", "circulant"})
_SELF_ADJOINT = frozenset({"symmetric", "hermitian", "positive_definite"})
_OF_MATRICES = frozenset({"positive_semidefinite", "nonsingular"})
KEPT_BY_TRANSPOSE = _SELF_ADJOINT | _OF_MATRICES | {"diagonal", "orthogonal", "permutation"}
KEPT_BY_INVERSE = KEPT_BY_TRANSPOSE | TRIANGULAR
OF_IDENTITY = KEPT_BY_INVERSE | {"tridiagonal"}
# What a term has if all of its arguments have it.
IF_ALL: Mapping[Head, frozenset[str]] = {
    v.transpose: KEPT_BY_TRANSPOSE | CONSTANT_DIAGONALS,
    v.inverse: KEPT_BY_INVERSE | {"circulant"},
    v.kron: KEPT_BY_INVERSE,
    v.block_diag: KEPT_BY_INVERSE,
    v.matmul: TRIANGULAR | {"orthogonal", "permutation", "circulant"},
    v.add: PATTERNS | {"symmetric", "hermitian"} | CONSTANT_DIAGONALS,
    v.mul: PATTERNS | _SELF_ADJOINT | {"positive_semidefinite"} | CONSTANT_DIAGONALS,
    v.expm: TRIANGULAR | {"symmetric", "hermitian"},
}
# What a term has if one of its arguments has it.
IF_ANY: Mapping[Head, frozenset[str]] = {v.mul: PATTERNS}
# What a term has by its head alone.
ALWAYS: Mapping[Head, frozenset[str]] = {
    v.eye: OF_IDENTITY | CONSTANT_DIAGONALS,
    v.circulant: CONSTANT_DIAGONALS,
    v.toeplitz: frozenset({"toeplitz"}),
    v.inverse: frozenset({"nonsingular"}),  # it would have no value
    v.diag: PATTERNS | {"symmetric"},
    v.cholesky: frozenset({LOWER, "nonsingular"}),
    v.expm: frozenset({"nonsingular"}),
    v.thin_r: frozenset({UPPER}),
    d.eigenvector_factor: frozenset({"orthogonal"}),
    d.full_u_factor: frozenset({"orthogonal"}),
    d.full_vt_factor: frozenset({"orthogonal"}),
    d.full_q_factor: frozenset({"orthogonal"}),
    d.r_factor: frozenset({UPPER}),
    d.full_r_factor: frozenset({UPPER}),
    d.p_factor: frozenset({"permutation"}),
    d.l_factor: frozenset({LOWER}),
    d.upper_factor: frozenset({UPPER}),
}
BLOCKS = (v.kron, v.block_diag)
KEPT_BY_SCALE = PATTERNS | {"symmetric"} | CONSTANT_DIAGONALS
# So many products a product of sums is multiplied out to, to see whether it is symmetric.
SUMMANDS = 16
# How far down it is looked into what it is made of, and how long a product may become.
LEVELS = 40
LONGEST = 24
# Heads whose terms are equal to their transpose if what is known of the leaves says so.
_FLIPPED = frozenset({v.matmul, v.add, v.mul, v.scale, v.inverse, v.expm})


def follows(term: Term, key: str, holds: Holds, square: Square) -> bool:
    """Whether `key` follows from the structure of the arguments of `term`.

    Parameters
    ----------
    term : Term
    key : str
    holds : callable
        Whether a key is proved of an argument.
    square : callable
        Whether an argument has as many rows as columns.
    """
    head = term.head
    if key in ALWAYS.get(head, ()):
        return True
    if head is v.scale and not term.scalar:
        return _scaled(term, key, holds)
    if head is v.triangle:
        return key == (LOWER if term.args[1] else UPPER) or (
            key in PATTERNS and not term.args[2] and holds(term.args[0], key)
        )
    if key in IF_ALL.get(head, ()) and all(holds(a, key) for a in term.args):
        # What stands beside or within blocks that are not square is moved off the diagonal.
        return head not in BLOCKS or key not in TRIANGULAR or all(map(square, term.args))
    if key in IF_ANY.get(head, ()) and any(holds(a, key) for a in term.args):
        return True
    rule = _BY_KEY.get(key)
    return rule is not None and head in _FLIPPED and rule(term, holds)


def _scaled(term: Term, key: str, holds: Holds) -> bool:
    c, x = term.args
    # A sign keeps the rows and columns of an orthogonal matrix; of definiteness the proofs tell.
    sign = key == "orthogonal" and isinstance(c, Number) and abs(c.value) == 1
    return (sign or key in KEPT_BY_SCALE) and holds(x, key)


def _symmetric(term: Term, holds: Holds) -> bool:
    """Whether a term is its own transpose, given which of its leaves are."""
    flipped = v.transpose(term)
    if flipped is term:
        return True
    if term.head is v.scale:
        return False
    plain = _plain(term, holds)
    if _plain(flipped, holds) is plain:
        return True
    out = _multiplied_out(plain, {})
    whole = v.add(*out) if len(out) > 1 else None
    return whole is not None and _plain(v.transpose(whole), holds) is _plain(whole, holds)


def _multiplied_out(term: Any, found: dict[Any, list[Any]], depth: int = 0) -> list[Any]:
    """The summands that `term` has where products of sums are sums, shared ones too.

    Of many, and of what stands deep, there is but one. What was `found` is not asked again: a tower
    of shared sums doubles at every level.
    """
    out = found.get(term)
    if out is None:
        summands = _summands(term, found, depth + 1) if depth < LEVELS else [term]
        out = found[term] = summands if 0 < len(summands) <= SUMMANDS else [term]
    return out


def _summands(term: Any, found: dict[Any, list[Any]], depth: int) -> list[Any]:
    if isinstance(term, Atom) and term.definition is not None:
        return _multiplied_out(term.definition, found, depth)
    turned = term.head is v.transpose and isinstance(term.args[0], Atom)
    if turned and term.args[0].definition is not None:
        return _multiplied_out(v.transpose(term.args[0].definition), found, depth)
    if term.head is v.add:
        return [x for a in term.args for x in _multiplied_out(a, found, depth)]
    if term.head is v.scale and not term.scalar:
        return [v.scale(term.args[0], x) for x in _multiplied_out(term.args[1], found, depth)]
    if term.head is v.matmul:
        factors = [_multiplied_out(f, found, depth) for f in term.args]
        longest = sum([max(map(_length, summands)) for summands in factors])
        if prod(map(len, factors)) <= SUMMANDS and longest <= LONGEST:
            return [v.matmul(*fs) for fs in product(*factors)]
        return []
    return [term]


def _length(term: Any) -> int:
    """Of how many factors a product is."""
    inner = term.args[1] if term.head is v.scale and not term.scalar else term
    return len(inner.args) if inner.head is v.matmul else 1


def _plain(term: Term, holds: Holds) -> Any:
    """`term` without transposes of what is symmetric and real: complex definite is Hermitian."""
    done: dict[Any, Any] = {}
    for t in subterms(term):
        if t.head is v.transpose and _real(t) and holds(t.args[0], "symmetric"):
            done[t] = t.args[0]
        elif t.args:
            args = [done.get(a, a) for a in t.args]
            same = all([a is b for a, b in zip(args, t.args, strict=True)])
            done[t] = t if same else t.head.make(*args)
    return done.get(term, term)


def _definite(term: Term, holds: Holds) -> bool:
    """A product M S Mᵀ of a definite S with an M of full row rank; an exponential."""
    if not _real(term):
        return False
    if term.head is v.expm:
        return holds(term.args[0], "symmetric")
    outer, middle = _congruence(term, holds)
    if not outer or not all(holds(a, "full_row_rank") for a in outer):
        return False
    return _all(middle, "positive_definite", holds)


def _semidefinite(term: Term, holds: Holds) -> bool:
    """A product M S Mᵀ of a semidefinite S with any M."""
    if not _real(term):
        return False
    outer, middle = _congruence(term, holds)
    return bool(outer) and _all(middle, "positive_semidefinite", holds)


def _congruence(term: Term, holds: Holds) -> tuple[tuple[Term, ...], tuple[Term, ...]]:
    """M and S of a product M S Mᵀ, as factors; nothing of any other term."""
    factors = term.args if term.head is v.matmul else ()
    n = len(factors)
    k = 0
    while 2 * k + 1 < n and _opposite(factors[k], factors[n - 1 - k], holds):
        k += 1
    return factors[:k], factors[k : n - k]


def _opposite(x: Term, y: Term, holds: Holds) -> bool:
    return v.transpose(x) is y or (x is y and holds(x, "symmetric"))


def _all(middle: tuple[Term, ...], key: str, holds: Holds) -> bool:
    return not middle or holds(v.matmul(*middle), key)


def _real(term: Term) -> bool:
    return not any(
        [isinstance(t, Atom) and t.var.type.dtype.startswith("complex") for t in subterms(term)]
    )


_BY_KEY: Mapping[str, Callable[[Term, Holds], bool]] = {
    "symmetric": _symmetric,
    "positive_definite": _definite,
    "positive_semidefinite": _semidefinite,
}
