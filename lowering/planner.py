"""The choice of kernels: one for each term, and the terms that it needs, for given sizes.

Choices are memoised on terms, so a term shared by many candidates is planned once.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from functools import partial
from typing import Any

from lowering.chains import FORMED, Split, Tree, bracket, never
from lowering.contractions import paired
from lowering.costs import cost
from lowering.kernels import FREE, step_of
from lowering.measures import batch_of
from lowering.mirrors import Mirrors, floats
from lowering.placing import placed
from lowering.plans import AGAIN, Plan, factor_of, factorized_once
from lowering.positions import positions
from lowering.products import joined, kind, solver_for
from lowering.sharing import common_runs
from lowering.steps import Step
from matchers.contractions import contract, is_pair, split_spec
from matchers.dims import ONE, Dim
from matchers.heads import Head
from matchers.leaves import Atom, Number
from matchers.terms import Term, intern, shape
from matchers.vocabulary import cholesky, eye, inverse, matmul, scale, transpose, triangle

# How many runs of factors are tried to be shared, from what saves most if all did, and what part of
# the whole that is at least.
MOST_SHARED = 8
WORTH = 1e-3


# The price of a term, that where its matrix is factorized already, which that is, and its needs.
Priced = tuple[float, float, Term | None, tuple[Term, ...]]


class Planner:
    """Chooses kernels for terms.

    Parameters
    ----------
    size : callable
        A dimension as a number.
    holds : callable
        Whether a structure is known of a term.
    given : container of Term
        Terms whose values are there anyway.
    mirrors : Mirrors, optional
        The transposes of a region, which its planners share.
    halving : bool
        Whether a product of X with Xᵀ, or with a triangle, has a kernel of half the operations,
        which may lead to another bracketing.
    factoring : bool
        Whether a Cholesky factor may be brought in: not before a graph is differentiated, as the
        gradient of a factor is one triangle.

    Attributes
    ----------
    there : set of Term
        Runs of factors that products are to share.
    """

    def __init__(
        self,
        size: Callable[[Dim], float],
        holds: Callable[[Term, str], bool],
        given: Container[Term] = frozenset(),
        mirrors: Mirrors | None = None,
        halving: bool = True,
        factoring: bool = False,
    ) -> None:
        self.size = size
        self.holds = holds
        self.given = given
        self.there: frozenset[Term] = frozenset()
        self.mirrors = mirrors or Mirrors()
        self.halving = halving
        self.factoring = factoring
        self._chosen: dict[Term, Step] = {}
        self._priced: dict[Term, Priced] = {}
        self._best: dict[tuple[Term, ...], Planner] = {}
        self._splits: dict[Any, Split] = {}
        self._kinds: dict[Term, str] = {}
        self._sharing: dict[frozenset[Term], Planner] = {}
        self._runs: tuple[tuple[Term, ...], ...] = ()
        self._alone = self

    def plan(self, roots: Iterable[Term]) -> Plan:
        """The plan that computes all of `roots`, inputs first."""
        roots = tuple(roots)
        steps = self._sharing_for(roots)._closure(roots)
        return Plan(factorized_once(steps) if self.factoring else steps, self.factoring)

    def price(self, roots: Iterable[Term]) -> float:
        """What the plan for `roots` costs at these sizes, or little more than that.

        Each product is bracketed as is best for it alone; `exact_price` looks for what they share.
        """
        return self._total(tuple(dict.fromkeys(roots)))

    def exact_price(self, roots: Iterable[Term]) -> float:
        """What the plan for `roots` costs at these sizes."""
        roots = tuple(dict.fromkeys(roots))
        return self._sharing_for(roots)._total(roots)

    def _sharing_for(self, roots: tuple[Term, ...]) -> Planner:
        """A planner that brackets the products in `roots` so that what they share pays."""
        found = self._best.get(roots)
        if found is None:
            found = self._best[roots] = self._with_common_runs(roots)
        return found

    def _with_common_runs(self, roots: tuple[Term, ...]) -> Planner:
        products = [t for t in positions(roots) if t.head is matmul]
        if len(products) < 2 and not any([len(t.args) > 3 for t in products]):
            return self
        best, least = self, self._total(roots)
        runs = common_runs(products, self.mirrors)
        saved = {run: (n - 1) * self._total((run,)) for run, n in runs.items()}
        worth = [run for run in runs if saved[run] > WORTH * least]
        for run in sorted(worth, key=lambda run: -saved[run])[:MOST_SHARED]:
            tried = self._with(best.there | {run})
            total = tried._total(roots)
            if total < least:
                best, least = tried, total
        return best

    def _with(self, there: frozenset[Term]) -> Planner:
        found = self._sharing.get(there)
        if found is None:
            found = Planner(
                self.size, self.holds, self.given, self.mirrors, self.halving, self.factoring
            )
            found.there = there
            found._alone = self._alone
            found._kinds = self._kinds
            found._runs = tuple([run.args for r in there for run in (r, self.mirrors.product(r))])
            self._sharing[there] = found
        return found

    def _closure(self, roots: tuple[Term, ...]) -> dict[Term, Step]:
        """The steps of all terms that `roots` need; of a product and its transpose one."""
        steps: dict[Term, Step] = {}
        seen: set[Term] = set()
        stack = [(r, False) for r in reversed(roots)]
        while stack:
            term, done = stack.pop()
            if done:
                steps.setdefault(term, self._chosen[term])
            elif term not in seen:
                seen.add(term)
                mirror = self._computed(term, seen)
                if mirror is not None:
                    steps[term] = Step("view", (), ONE, (mirror,))
                    continue
                stack.append((term, True))
                stack.extend((t, False) for t in reversed(self.step(term).needs))
        return steps

    def _computed(self, term: Term, seen: set[Term]) -> Term | None:
        """The transpose of a product, if that is computed."""
        if term.head is not matmul or term in self.given:
            return None
        mirror = self.mirrors.product(term)
        return mirror if mirror is not term and mirror in seen else None

    def _total(self, roots: tuple[Term, ...]) -> float:
        total, stack = 0.0, list(roots)
        seen: set[Term] = set()
        begun: set[tuple[Term, int]] = set()
        factorized: set[Term] = set()
        priced = self._priced
        while stack:
            term = stack.pop()
            if term in seen:
                continue
            seen.add(term)
            if term.head is matmul:
                # The transpose of a product begins with that of its last factor.
                args = term.args
                turned = self.mirrors.factor(args[-1]), len(args)
                if turned in begun and self._computed(term, seen) is not None:
                    continue
                begun.add((args[0], len(args)))
            found = priced.get(term)
            if found is None:
                found = priced[term] = self._found(term)
            price, again, matrix, needs = found
            if matrix is not None:
                price = again if matrix in factorized else price
                factorized.add(matrix)
            total += price
            stack += needs
        return total

    def _found(self, term: Term) -> Priced:
        """As `_price_of`; what no shared run stands in is priced once for all that share some."""
        alone = self._alone
        if alone is self or self._holds_run(term):
            return self._price_of(term)
        found = alone._priced.get(term)
        if found is None:
            found = alone._priced[term] = alone._price_of(term)
        return found

    def _price_of(self, term: Term) -> Priced:
        """What a term costs by itself, and what else is to be priced for it."""
        step = self.step(term)
        price = again = self._price(step.kernel, step)
        matrix = factor_of(step, self.factoring)
        if matrix is not None:
            again = self._price(AGAIN[step.kernel], step)
        needs = tuple([t for t in step.needs if t.args or not _free_leaf(t)])
        return price, again, matrix, needs

    def _price(self, kernel: str, step: Step) -> float:
        if kernel in FREE:
            return 0.0
        batch = 1.0 if step.batch is ONE else self.size(step.batch)
        return float(cost(kernel, tuple(map(self.size, step.sizes)), batch))

    def step(self, term: Term) -> Step:
        """The kernel chosen for one term."""
        found = self._chosen.get(term)
        if found is None:
            own = self._alone is self or self._holds_run(term)
            found = self._choose(term) if own else self._alone.step(term)
            self._chosen[term] = found
        return found

    def _holds_run(self, term: Term) -> bool:
        """Whether a term is a product in which one of the shared runs stands."""
        factors = term.args
        return term.head is matmul and any(
            [
                factors[i : i + len(run)] == run
                for run in self._runs
                for i in range(len(factors) - len(run) + 1)
            ]
        )

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
        kinds = [self._kinds.get(f) or self._kind(f) for f in factors]
        lengths = [shape(factors[0])[0], *[shape(f)[1] for f in factors]]
        sizes = list(map(self.size, lengths))
        halves = partial(self.mirrors.halves, factors) if self.halving else never
        tree: Tree = (0, 1)
        if len(factors) > 2:
            there = partial(self._shared_run, factors) if self.there else never
            batch = self.size(batch_of(term))
            _, tree = bracket(kinds, sizes, batch, halves, there, self._splits, factors)
        stack = [(tree, term)]
        while stack:
            node, whole = stack.pop()
            if isinstance(node, int) or whole in self._chosen:
                continue
            if whole is not term and whole in self.there:
                continue  # bracketed by itself
            left, right = node
            i, k, j = _first(left), _last(left), _last(right)
            parts = _run(factors, i, k), _run(factors, k + 1, j)
            self._chosen[whole] = joined(parts, kinds, (i, k, j), lengths, halves(i, k, j))
            stack += [(left, parts[0]), (right, parts[1])]

    def _kind(self, factor: Term) -> str:
        """How a factor is applied, told once."""
        found = "plain" if factor in self.given else kind(factor, self.holds, self.factoring)
        if found in FORMED and not self.halving:
            found = "plain"
        self._kinds[factor] = found
        return found

    def _shared_run(self, factors: tuple[Term, ...], i: int, j: int) -> bool:
        """Whether products share factors i…j, which are not all of this one."""
        if not self.there or j - i + 1 == len(factors):
            return False
        run = _run(factors, i, j)
        return run in self.there or self.mirrors.product(run) in self.there


# --- what depends on sizes, or on what is known ---------------------------------------------------


def _by_pairs(planner: Planner, term: Term) -> Step | None:
    """A contraction of more than two operands is one of two, which may be contractions."""
    if is_pair(*split_spec(term.args[0])):
        return None
    return Step("view", (), ONE, (paired(term, planner.size),))


def _inverse(planner: Planner, term: Term) -> Step | None:
    (matrix,) = term.args
    solver = solver_for(matrix, planner.holds)
    if solver == "solve_triangular":
        return _substituted(term)
    if matrix.head is transpose:  # one inverse for a matrix and its transpose
        return Step("view", (), ONE, (inverse(matrix.args[0]),))
    if planner.factoring and solver == "solve_positive" and floats(matrix):
        sizes = (shape(matrix)[0],)
        return Step("inverse_positive", sizes, batch_of(term), (cholesky(matrix),))
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


def _free_leaf(t: Term) -> bool:
    """Whether a term without arguments is there, and stands for nothing that is not."""
    return isinstance(t, Number) or (isinstance(t, Atom) and t.definition is None)


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
