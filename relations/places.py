"""Where in a term a relation may be used, and putting the result there."""

from __future__ import annotations

from collections.abc import Container

from matchers.terms import Term
from matchers.traversal import children, subterms
from matchers.vocabulary import scale


def places(root: Term, nodes: Container[Term] = ()) -> list[Term]:
    """The subterms of `root` that a rewrite of `root` may change, `root` first.

    Without `nodes` these are all. With them they are those of the graph's last node: `root` itself,
    the operands of its product or sum, and what has no node of its own, such as the inverse in a
    solve. Whoever rewrites a graph node by node comes to all others by themselves, and rebuilds no
    more than it has to.

    Parameters
    ----------
    root : Term
    nodes : container of Term
        The terms of the variables of a graph.
    """
    found: dict[Term, None] = {root: None}
    stack = [(root, True)]
    while stack:
        t, outermost = stack.pop()
        operands = outermost and (t.head.flat or t.head is scale)
        for a in children(t):
            own = a in nodes
            if not a.args or a in found or (own and not operands):
                continue
            found[a] = None
            if not own or t.head is scale:
                stack.append((a, operands and t.head is scale))
    return list(found)


def put(root: Term, old: Term, new: Term) -> Term:
    """`root` with `new` in place of `old`, wherever it stands."""
    done: dict[Term, Term] = {old: new}
    for t in subterms(root):
        if t in done:
            continue
        args = tuple(done[a] if isinstance(a, Term) else a for a in t.args)
        same = all(a is b for a, b in zip(args, t.args, strict=True))
        done[t] = t if same else t.head.make(*args)
    return done[root]
