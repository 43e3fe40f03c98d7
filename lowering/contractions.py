"""The order of a contraction: pairs of operands, each one product, summed as early as possible.

Dynamic programming over all orders for a few operands, opt_einsum's greedy order for many. An
operand that stands in another order of axes than a product takes is copied first, which counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

from lowering.formulas import LAUNCH
from matchers.contractions import Groups, contract, index_lengths, reordered, split_spec
from matchers.dims import ONE, Dim
from matchers.terms import Term

# More operands than this are ordered greedily: the programming is exponential.
MOST = 6
Tree = int | tuple["Tree", "Tree"]


def paired(term: Term, size: Callable[[Dim], float]) -> Term:
    """A contraction of many operands as one of two, of which each may be a contraction again."""
    parts, output = split_spec(term.args[0])
    operands = list(term.args[1:])
    lengths = {i: size(n) for i, n in index_lengths(parts, operands).items()}
    order = _order(parts)
    tree = _best(parts, output, lengths)

    def made(node: Tree, outside: set[str]) -> tuple[str, Term]:
        if isinstance(node, int):
            return _summed(parts[node], operands[node], outside)
        (left, x), (right, y) = (
            made(side, outside | _indices(other, parts)) for side, other in (node, node[::-1])
        )
        kept = "".join(i for i in order if i in outside and i in left + right)
        kept = output if len(outside) == len(output) == len(kept) else kept
        return kept, contract(f"{left},{right}->{kept}", x, y)

    return made(tree, set(output))[1]


def _order(parts: Sequence[str]) -> str:
    """The order of the indices of what is made: that of the operands with most of them."""
    return "".join(dict.fromkeys("".join(sorted(parts, key=len, reverse=True))))


def _summed(part: str, operand: Term, outside: set[str]) -> tuple[str, Term]:
    """An operand without the indices that nothing else has."""
    kept = "".join(i for i in part if i in outside)
    return kept, operand if kept == part else contract(f"{part}->{kept}", operand)


def _indices(node: Tree, parts: Sequence[str]) -> set[str]:
    if isinstance(node, int):
        return set(parts[node])
    return _indices(node[0], parts) | _indices(node[1], parts)


def _best(parts: Sequence[str], output: str, lengths: Mapping[str, float]) -> Tree:
    n = len(parts)
    if n > MOST:
        return _greedy(parts, output, lengths)
    order = _order(parts)
    everything = frozenset(range(n))
    kept: dict[frozenset[int], str] = {}
    best: dict[frozenset[int], tuple[float, Tree]] = {}
    for width in range(1, n + 1):
        for chosen in map(frozenset, combinations(range(n), width)):
            outside = set(output).union(*(parts[i] for i in everything - chosen))
            inside = set().union(*(parts[i] for i in chosen))
            if width == 1:
                (i,) = chosen
                kept[chosen] = "".join(x for x in parts[i] if x in outside)
                best[chosen] = (0.0, i)
                continue
            kept[chosen] = "".join(x for x in order if x in inside and x in outside)
            best[chosen] = min((_ways(chosen, kept, best, lengths)), key=lambda found: found[0])
    return best[everything][1]


def _ways(chosen: Any, kept: Any, best: Any, lengths: Mapping[str, float]) -> Any:
    """Each way to make a product of two parts, the one with the first operand on the left."""
    first, *others = sorted(chosen)
    for width in range(len(others)):
        for more in combinations(others, width):
            left = frozenset((first, *more))
            right = chosen - left
            groups = Groups.of(kept[left], kept[right], kept[chosen])
            cost = price(groups, lengths) + best[left][0] + best[right][0]
            yield cost, (best[left][1], best[right][1])


def price(groups: Groups, lengths: Mapping[str, float]) -> float:
    """What a product of two costs, with the copies of what stands in another order."""

    def times(indices: str) -> float:
        out = 1.0
        for i in indices:
            out *= lengths[i]
        return out

    batch, rows, summed, columns = map(times, groups[:4])
    if not groups.summed:
        return batch * rows * columns + LAUNCH
    cost = 2 * batch * rows * summed * columns + LAUNCH
    # Members of a batch are multiplied one by one.
    cost += 10 * batch if groups.batch else 0.0
    for part, others in ((groups.left, groups.rows), (groups.right, groups.columns)):
        if reordered(part, groups.batch, others, groups.summed):
            cost += 0.5 * times(part) + LAUNCH
    return cost


def _greedy(parts: Sequence[str], output: str, lengths: Mapping[str, float]) -> Tree:
    import opt_einsum  # which is needed for so many only

    shapes = [tuple(max(1, round(lengths[i])) for i in p) for p in parts]
    path, _ = opt_einsum.contract_path(
        f"{','.join(parts)}->{output}", *shapes, shapes=True, optimize="greedy"
    )
    nodes: list[Tree] = list(range(len(parts)))
    for step in path:
        taken = [nodes.pop(i) for i in sorted(step, reverse=True)]
        node = taken[-1]
        for other in reversed(taken[:-1]):
            node = (node, other)
        nodes.append(node)
    return nodes[0]


def sizes_of(term: Term) -> tuple[str, tuple[Dim, ...], Dim]:
    """The kernel of a contraction of one operand or two, its sizes, and how often it runs."""
    parts, output = split_spec(term.args[0])
    lengths = index_lengths(parts, term.args[1:])

    def times(indices: str) -> Dim:
        out = ONE
        for i in indices:
            out = out * lengths[i]
        return out

    if len(parts) == 1:
        moved = len(output) == len(parts[0])
        return ("view", (), ONE) if moved else ("sum", (times(parts[0]),), ONE)
    groups = Groups.of(parts[0], parts[1], output)
    batch, rows, summed, columns = map(times, groups[:4])
    if not groups.summed:
        size = batch * rows * columns
        return ("scalar", (), ONE) if size == ONE else ("elementwise", (size,), ONE)
    return "product", (rows, summed, columns), batch
