"""Whether a region leaves no choice at all, so that nothing need be priced or searched.

It says yes only where no relation applies, none would if a shared product or sum were opened, and
any other order of the products costs at least as much as that of the graph. What it cannot tell at
once is left to the search.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Set
from typing import Any

from lowering.search import Moves, Roots, openable, positions, substituted
from matchers.dims import Dims
from matchers.terms import Atom, Term, shape
from matchers.vocabulary import inverse, matmul, ones, scale, total, transpose


def settled(
    roots: Roots,
    moves: Moves,
    products: int,
    direct: Callable[[Term], bool],
    scaled: Set[Term],
    dims: Dims,
) -> bool:
    """Whether there is no choice at all: nothing to bracket, to share, to open or to rewrite.

    Parameters
    ----------
    roots : tuple of Term
    moves : callable
    products : int
        How many products and solves the graph has; fewer terms would share one.
    direct : callable
        Whether a product with this factor is computed as the graph has it.
    scaled : set of Term
        What the graph multiplies by a coefficient, which normal form may have drawn out of there.
    dims : Dims
    """
    order = positions(roots)
    chains = [t for t in order if t.head is matmul]
    if sum([len(t.args) - 1 for t in chains]) < products:
        return False
    if not all([direct(a) for t in chains for a in t.args]):
        return False
    if any([_smaller(t.args[1], scaled, dims) for t in order if t.head is scale]):
        return False
    long = [t for t in chains if len(t.args) > 2]
    if long and (_share(chains) or not all([_indifferent(t.args, dims) for t in long])):
        return False
    if any([moves(t) for t in order if not isinstance(t, Atom)]):
        return False
    found = openable(order)
    return not found or (len(found) == 1 and _closed(order, next(iter(found)), roots, moves, dims))


def _smaller(whole: Term, scaled: Set[Term], dims: Dims) -> bool:
    """Whether a coefficient of `whole` may have stood at a part of it that has more entries."""
    if whole.head is total:
        return False  # PyTensor fuses the pass over what is summed with others
    rows, cols, _ = shape(whole)
    for part in whole.args:
        if part in scaled and part.head is not ones:
            m, n, _ = shape(part)
            if m.known and n.known and rows.known and cols.known:
                if m.coef * n.coef > rows.coef * cols.coef:
                    return True
            elif not (dims.equal(m, rows) and dims.equal(n, cols)):
                return True
    # Of a product, several factors together may have been one that was scaled.
    return whole.head is matmul and any([x.head is matmul and x is not whole for x in scaled])


def _indifferent(factors: tuple[Term, ...], dims: Dims) -> bool:
    """Whether each order of these products costs the same."""
    lengths = [shape(factors[0])[0], *(shape(f)[1] for f in factors)]
    if all([dims.equal(lengths[0], n) for n in lengths[1:]]):
        return True
    if len(factors) > 3 or any([f.head is inverse for f in factors]):
        return False
    a, b, c, d = map(dims.normal, lengths)
    return Counter((a * b * c, a * c * d)) == Counter((b * c * d, a * b * d))


def _share(chains: list[Term]) -> bool:
    """Whether two products have two neighbours in common, which may be multiplied once."""
    pairs = Counter(p for t in chains for p in zip(t.args, t.args[1:], strict=False))
    pairs.update((transpose(b), transpose(a)) for a, b in list(pairs) if a is not transpose(b))
    return any(n > 1 for n in pairs.values())


def _closed(order: list[Term], shared: Atom, roots: Roots, moves: Moves, dims: Dims) -> bool:
    """Whether reading through the one shared atom leads nowhere."""
    definition = shared.definition
    assert definition is not None
    around = [t for t in order if t.head is matmul and any([_inner(a) is shared for a in t.args])]
    if around:
        # Where its value is needed anyway, whatever else is multiplied last is as large.
        elsewhere = any([t.head is not matmul and shared in t.args for t in order])
        kept = elsewhere or any([r is definition for r in roots])
        if not kept or any([len(t.args) > 2 for t in around]):
            return False
        if not all([_even_inside(t, definition, dims) for t in around]):
            return False
    new = substituted(order, order.index(shared), definition)
    return not any([moves(t) for t in new.values() if not isinstance(t, Atom)])


def _inner(x: Any) -> Any:
    return x.args[0] if isinstance(x, Term) and x.head is transpose else x


def _even_inside(product: Term, definition: Term, dims: Dims) -> bool:
    """Whether all lengths that are summed over are equal, were a shared factor opened."""
    inner = definition.args[1] if definition.head is scale else definition
    n = shape(product.args[0])[1]
    return all([dims.equal(n, shape(a)[1]) for a in inner.args[:-1]])
