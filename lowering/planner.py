"""The choice of kernels: one for each term, and the terms that it needs, for given sizes.

Choices are memoised on terms, so a term shared by many candidates is planned once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lowering.chains import Tree, bracket
from lowering.contractions import paired
from lowering.costs import cost
from lowering.kernels import FREE, step_of
from lowering.measures import batch_of
from lowering.placing import placed
from lowering.plans import FACTORIZING, Plan, untransposed
from lowering.products import joined, kind, solver_for
from lowering.steps import Step
from matchers.contractions import contract, is_pair, split_spec
from matchers.dims import ONE, Dim
from matchers.heads import Head
from matchers.leaves import Atom, Number
from matchers.terms import Term, intern, shape
from matchers.vocabulary import eye, inverse, matmul, scale, transpose, triangle


class Planner:
    """Chooses kernels for terms.

    Parameters
    ----------
    size : callable
        A dimension as a number.
    holds : callable
        Whether a structure is known of a term.
    given : set of Term
        Terms whose values are there anyway.
    """

    def __init__(
        self,
        size: Callable[[Dim], float],
        holds: Callable[[Term, str], bool],
        given: frozenset[Term] = frozenset(),
    ) -> None:
        self.size = size
        self.holds = holds
        self.given = given
        self._chosen: dict[Term, Step] = {}
        self._prices: dict[Term, float] = {}

    def plan(self, roots: Iterable[Term]) -> Plan:
        """The plan that computes all of `roots`, inputs first."""
        steps: dict[Term, Step] = {}
        stack = [(r, False) for r in reversed(tuple(roots))]
        while stack:
            term, done = stack.pop()
            if done:
                steps.setdefault(term, self._chosen[term])
            elif term not in steps:
                step = self.step(term)
                stack.append((term, True))
                stack.extend((t, False) for t in reversed(step.needs) if t not in steps)
        return Plan(steps)

    def price(self, roots: Iterable[Term]) -> float:
        """What the plan for `roots` costs at these sizes."""
        total, stack = 0.0, list(dict.fromkeys(roots))
        seen: set[Term] = set(stack)
        factorized: set[Term] = set()
        while stack:
            term = stack.pop()
            step = self._chosen.get(term) or self.step(term)
            price = self._prices.get(term)
            if price is None:
                price = self._prices[term] = self._price(step.kernel, step)
            if step.matrix is not None and step.kernel in FACTORIZING:
                matrix = untransposed(step.matrix)
                if matrix in factorized:
                    price = self._price("solve_again", step)
                factorized.add(matrix)
            total += price
            for t in step.needs:
                if t not in seen:
                    seen.add(t)
                    stack.append(t)
        return total

    def _price(self, kernel: str, step: Step) -> float:
        if kernel in FREE:
            return 0.0
        batch = 1.0 if step.batch is ONE else self.size(step.batch)
        return float(cost(kernel, tuple(map(self.size, step.sizes)), batch))

    def step(self, term: Term) -> Step:
        """The kernel chosen for one term."""
        found = self._chosen.get(term)
        if found is None:
            found = self._chosen[term] = self._choose(term)
        return found

    def _choose(self, term: Term) -> Step:
        if term in self.given or isinstance(term, Number):
            return Step("leaf", (), ONE, ())
        if isinstance(term, Atom):
            needs = () if term.definition is None else (term.definition,)
            return Step("leaf", (), ONE, needs)
        if term.head is matmul:
            self._chain(term)
            return self._chosen[term]
        choice = _CHOICES.get(term.head)
        found = None if choice is None else choice(self, term)
        return step_of(term) if found is None else found

    def _chain(self, term: Term) -> None:
        """Choose for a product and all the products within it."""
        factors = term.args
        kinds = ["plain" if f in self.given else kind(f, self.holds) for f in factors]
        lengths = [shape(factors[0])[0], *[shape(f)[1] for f in factors]]
        tree: Tree = (0, 1)
        if len(factors) > 2:
            _, tree = bracket(kinds, list(map(self.size, lengths)), self.size(batch_of(term)))
        stack = [(tree, term)]
        while stack:
            node, whole = stack.pop()
            if isinstance(node, int) or whole in self._chosen:
                continue
            left, right = node
            i, k, j = _first(left), _last(left), _last(right)
            parts = _run(factors, i, k), _run(factors, k + 1, j)
            self._chosen[whole] = joined(parts, kinds, (i, k, j), lengths)
            stack += [(left, parts[0]), (right, parts[1])]


# --- what depends on sizes, or on what is known ---------------------------------------------------


def _by_pairs(planner: Planner, term: Term) -> Step | None:
    """A contraction of more than two operands is one of two, which may be contractions."""
    if is_pair(*split_spec(term.args[0])):
        return None
    return Step("view", (), ONE, (paired(term, planner.size),))


def _inverse(planner: Planner, term: Term) -> Step | None:
    (matrix,) = term.args
    if solver_for(matrix, planner.holds) == "solve_triangular":
        return _substituted(term)
    if matrix.head is transpose:  # one inverse for a matrix and its transpose
        return Step("view", (), ONE, (inverse(matrix.args[0]),))
    return None


def _substituted(term: Term) -> Step:
    """The inverse of a triangular matrix solves with an identity."""
    (matrix,) = term.args
    n = shape(matrix)[0]
    read = matrix.args[0] if matrix.head is triangle else matrix
    return Step("solve_triangular", (n, n), batch_of(term), (read, eye(n)), matrix, "left")


def _scaled(planner: Planner, term: Term) -> Step | None:
    """A coefficient may be cheaper elsewhere in what it is in front of."""
    coefficient, product = term.args
    moved = placed(coefficient, product, planner.size)
    return None if moved is None else Step("view", (), ONE, (moved,))


# Heads whose terms are not always computed as they stand.
_CHOICES: dict[Head, Callable[[Planner, Term], Step | None]] = {
    contract: _by_pairs,
    inverse: _inverse,
    scale: _scaled,
}


# --- windows of a product -------------------------------------------------------------------------


def _run(factors: tuple[Term, ...], first: int, last: int) -> Term:
    """The product of some neighbours in a product, a scaled factor where it stands."""
    return factors[first] if first == last else intern(matmul, factors[first : last + 1])


def _first(tree: Tree) -> int:
    while not isinstance(tree, int):
        tree = tree[0]
    return tree


def _last(tree: Tree) -> int:
    while not isinstance(tree, int):
        tree = tree[1]
    return tree
