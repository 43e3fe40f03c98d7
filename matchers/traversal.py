"""Going through terms: what is in one, the same with other leaves, the graph that it denotes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from matchers.leaves import Atom, Number
from matchers.terms import Term


def children(term: Term) -> Iterator[Term]:
    """The arguments that are terms."""
    return (a for a in term.args if isinstance(a, Term))


def subterms(*roots: Any) -> list[Term]:
    """All distinct terms under `roots`, children first; linear in the term, no recursion."""
    order: list[Term] = []
    seen: set[Term] = set()
    stack: list[tuple[Any, bool]] = [(r, False) for r in reversed(roots) if isinstance(r, Term)]
    while stack:
        term, done = stack.pop()
        if done:
            order.append(term)
        elif term not in seen:
            seen.add(term)
            stack.append((term, True))
            stack.extend((a, False) for a in reversed(term.args) if isinstance(a, Term))
    return order


def rebuild(root: Any, leaf: Callable[[Any], Any]) -> Any:
    """`root` with `leaf` applied to logic variables, atoms and dimensions, in normal form again."""
    if not isinstance(root, Term):
        return leaf(root)
    done: dict[Any, Any] = {}
    for term in subterms(root):
        if not term.args:
            done[term] = leaf(term) if isinstance(term, Atom) else term
            continue
        new = tuple(done[a] if isinstance(a, Term) else leaf(a) for a in term.args)
        done[term] = term if _same(new, term.args) else term.head.make(*new)
    return done[root]


def _same(xs: tuple[Any, ...], ys: tuple[Any, ...]) -> bool:
    return all(x is y for x, y in zip(xs, ys, strict=True))


def evaluate(root: Term, leaf: Callable[[Any], Any] | None = None) -> Any:
    """Build the graph of `root` literally, sharing what is shared.

    Parameters
    ----------
    root : Term
    leaf : callable, optional
        Gives the value of logic variables, atoms, numbers and dimensions instead of the default:
        the atom's variable as a matrix, the number, the dimension's length.
    """
    from matchers.dims import Dim, length
    from matchers.vocabulary import as_matrix

    def value(x: Any) -> Any:
        if leaf is not None:
            return leaf(x)
        if isinstance(x, Atom):
            return as_matrix(x.var, x.core)
        if isinstance(x, Dim):
            return length(x)
        return x.value if isinstance(x, Number) else x

    done: dict[Any, Any] = {}
    for term in subterms(root):
        if not term.args:
            done[term] = value(term)
        else:
            done[term] = term.head.build(
                *(done[a] if isinstance(a, Term) else value(a) for a in term.args)
            )
    return done[root]
