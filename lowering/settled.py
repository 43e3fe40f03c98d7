"""Whether a region leaves no choice at all, so that nothing need be priced or searched.

It says yes only where no relation applies, none would if a shared product or sum were opened, and
any other order of the products costs at least as much as that of the graph. What it cannot tell at
once is left to the search.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Set
from typing import Any, NamedTuple

from lowering.formulas import LAUNCH
from lowering.kernels import FREE
from lowering.local import LARGE as TERM_BY_TERM
from lowering.planner import Planner
from lowering.plans import untransposed
from lowering.positions import positions
from lowering.search import Moves, Roots, openable, search, substituted
from matchers.equalities import Dims
from matchers.leaves import Atom
from matchers.terms import Term, shape
from matchers.vocabulary import (
    diag,
    eye,
    inverse,
    is_ones,
    log_magnitude,
    matmul,
    ones,
    prod,
    reciprocal,
    scale,
    total,
    transpose,
    triangle,
    unit,
)

# How many terms a region has that is dear to search as a whole.
LARGE = 40
_APPLIED = frozenset({inverse, diag, ones, unit, transpose})


class Graph(NamedTuple):
    """What is asked of the graph that a region was read from.

    Attributes
    ----------
    products : int
        How many products and solves it has; fewer terms would share one.
    direct : callable
        Whether a product with this factor is computed as the graph has it.
    scaled : set of Term
        What it has with a coefficient, which normal form may have drawn out of there.
    dims : Dims
    planner : callable
        Makes a planner for which some terms are there already.
    terms : int
        How many terms the whole region has, of which the roots may be a part.
    """

    products: int
    direct: Callable[[Term], bool]
    scaled: Set[Term]
    dims: Dims
    planner: Callable[[frozenset[Term]], Planner]
    terms: int = 0


def settled(roots: Roots, moves: Moves, last: Moves, graph: Graph) -> bool:
    """Whether there is no choice at all: nothing to bracket, to share, to open or to rewrite."""
    order = positions(roots)
    chains = [t for t in order if t.head is matmul]
    if sum([len(t.args) - 1 - sum(map(is_ones, t.args)) for t in chains]) < graph.products:
        return False
    chains = [t for t in chains if not _scaled_along(t, graph)]
    if not all([graph.direct(a) for t in chains for a in t.args]):
        return False
    drawn = {t.args[1] for t in graph.scaled - set(order)}
    if any([_smaller(t.args[1], drawn, graph.dims) for t in order if t.head is scale]):
        return False
    if any([_of_diagonal(t) for t in order]):
        return False
    long = [t for t in chains if len(t.args) > 2]
    if long and (_share(chains) or not all([_indifferent(t.args, graph.dims) for t in long])):
        return False
    inner = [t for t in order if not isinstance(t, Atom)]
    offered = [t for t in inner if moves(t)]
    if offered and len(order) >= TERM_BY_TERM:
        return False
    if any(map(last, inner)) or not all(
        [_free(t, order, roots, graph) or _vain(t, order, roots, moves, graph) for t in offered]
    ):
        return False
    found = openable(order)
    return not found or (len(found) == 1 and _closed(order, next(iter(found)), roots, moves, graph))


def _scaled_along(product: Term, graph: Graph) -> bool:
    """Whether it scales the rows, the columns or both of one matrix, in whatever order."""
    factors = [a for a in product.args if a.head is not diag]
    if len(factors) != 1 or len(product.args) > 3 or not graph.direct(factors[0]):
        return False
    return len(product.args) == 2 or product.args[1] is factors[0]


def _free(term: Term, order: list[Term], roots: Roots, graph: Graph) -> bool:
    """Whether a term costs nothing, as the diagonal of what is there anyway."""
    if term.head is inverse:  # of a transpose it is a view of what is not there otherwise
        return False
    return graph.planner(frozenset()).step(term).kernel in FREE and _needed(order, roots, term)


def _vain(term: Term, order: list[Term], roots: Roots, moves: Moves, graph: Graph) -> bool:
    """Whether the moves of a term lead nowhere that is cheaper by more than two launches.

    A small region is searched as a whole in no more time than this takes.
    """
    large = max(len(order), graph.terms) >= LARGE
    return large and _cheapest(term, term, order, roots, moves, graph, 2 * LAUNCH)


def _cheapest(
    term: Term,
    form: Term,
    order: list[Term],
    roots: Roots,
    moves: Moves,
    graph: Graph,
    worth: float = 0.0,
) -> bool:
    """Whether a term costs no more than what `form` leads to, with all that is needed besides."""
    known = frozenset(_without(order, roots, term))
    # Factors that are applied to others are not there by themselves.
    planner = graph.planner(frozenset(t for t in known if t.head not in _APPLIED))
    found = search((form,), lambda t: () if t in known else moves(t), planner)
    return found.candidates[0].cost + worth >= planner.price((term,))


def _of_diagonal(t: Term) -> bool:
    """Whether it may stand for an inverse or a determinant of a diagonal matrix."""
    if t.head is scale and t.args[1].head is eye:
        return bool(t.args[0].head is reciprocal)
    return t.head in (prod, log_magnitude) or (t.head is diag and t.args[0].head is reciprocal)


def _smaller(whole: Term, drawn: Set[Term], dims: Dims) -> bool:
    """Whether a coefficient of `whole` may have stood at a part of it that has more entries."""
    if whole.head is total or any(map(is_ones, whole.args)):
        return False  # PyTensor fuses the pass over what is summed with others
    rows, cols, _ = shape(whole)
    for part in whole.args:
        if part in drawn and part.head is not ones:
            m, n, _ = shape(part)
            if m.known and n.known and rows.known and cols.known:
                if m.coef * n.coef > rows.coef * cols.coef:
                    return True
            elif not (dims.equal(m, rows) and dims.equal(n, cols)):
                return True
    # Of a product, several factors together may have been one that was scaled.
    return whole.head is matmul and any(
        [_product(x) and _within(x.args, whole.args) for x in drawn]
    )


def _product(x: Term) -> bool:
    return x.head is matmul and not any(map(is_ones, x.args))


def _within(run: tuple[Term, ...], factors: tuple[Term, ...]) -> bool:
    """Whether some factors, but not all, stand side by side in a product."""
    n, room = len(run), len(factors) - len(run)
    return room > 0 and any([factors[i : i + n] == run for i in range(room + 1)])


def _indifferent(factors: tuple[Term, ...], dims: Dims) -> bool:
    """Whether each order of these products costs the same."""
    lengths = [shape(factors[0])[0], *(shape(f)[1] for f in factors)]
    if all([dims.equal(lengths[0], n) for n in lengths[1:]]):
        return True
    if len(factors) > 3 or any([f.head is inverse or is_ones(f) for f in factors]):
        return False
    a, b, c, d = map(dims.normal, lengths)
    return Counter((a * b * c, a * c * d)) == Counter((b * c * d, a * b * d))


def _share(chains: list[Term]) -> bool:
    """Whether two products have two neighbours in common, which may be multiplied once."""
    pairs = Counter(p for t in chains for p in zip(t.args, t.args[1:], strict=False))
    pairs.update((transpose(b), transpose(a)) for a, b in list(pairs) if a is not transpose(b))
    return any(n > 1 for n in pairs.values())


def _closed(order: list[Term], shared: Atom, roots: Roots, moves: Moves, graph: Graph) -> bool:
    """Whether reading through the one shared atom leads nowhere."""
    definition = shared.definition
    assert definition is not None
    new = substituted(order, order.index(shared), definition)
    around = [
        t for t in order if t.head is matmul and any([untransposed(a) is shared for a in t.args])
    ]
    if any([moves(t) for old, t in new.items() if not isinstance(t, Atom) and old not in around]):
        return False
    if not around:
        return True
    return len(around) == 1 and _cheapest(around[0], new[around[0]], order, roots, moves, graph)


def _needed(order: list[Term], roots: Roots, product: Term) -> bool:
    """Whether what a product is computed from is needed even without it."""
    others = _without(order, roots, product)
    below = [t for t in positions((product,)) if t.args and t is not product]
    return all([t in others or t.head in (inverse, transpose, triangle) for t in below])


def _without(order: list[Term], roots: Roots, left_out: Term) -> set[Term]:
    """The terms that the roots are made of, but for one and what stands in no other."""
    found: set[Any] = {*roots} - {left_out}
    for t in reversed(order):
        if t in found:
            shared = isinstance(t, Atom) and t.definition is not None
            found.update((t.definition,) if shared else t.args)
            found.discard(left_out)
    return found.intersection(order)  # arguments are lengths and flags as well
