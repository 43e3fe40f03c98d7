"""Plans: how the values of terms are computed, kernel by kernel, and what that costs.

A `Planner` chooses for each term one kernel and the terms that it needs, for given sizes; choices
are memoised on terms, so a term shared by many candidates is planned once. A `Plan` is the closure
of these choices over the roots of a region: each term once, one factorization per matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from lowering.chains import UNAPPLIED, Tree, applied, bracket
from lowering.contractions import paired, sizes_of
from lowering.costs import FREE, cost
from lowering.placing import placed
from lowering.polynomials import Poly
from matchers import vocabulary as v
from matchers.contractions import contract, is_pair, split_spec
from matchers.dims import ONE, Dim, broadcast, shorter, summed
from matchers.terms import Atom, Head, Number, Term, intern, number, shape

# Kernels that factorize their matrix first; a second one with the same matrix does not again.
FACTORIZING = frozenset({"solve", "solve_positive"})


class Step(NamedTuple):
    """One kernel: what it computes, from what, on what sizes.

    Attributes
    ----------
    kernel : str
    sizes : tuple of Dim
    batch : Dim
        How often it runs.
    needs : tuple of Term
    matrix : Term or None
        The matrix that it factorizes.
    """

    kernel: str
    sizes: tuple[Dim, ...]
    batch: Dim
    needs: tuple[Term, ...]
    matrix: Term | None = None
    side: str = ""


@dataclass(frozen=True)
class Plan:
    """Steps for all terms that the roots need, inputs first."""

    steps: dict[Term, Step]

    def polynomial(self, normal: Callable[[Dim], Dim]) -> Poly:
        """The cost for all sizes."""
        return total(self.calls(), normal)

    def calls(self) -> Iterable[tuple[str, tuple[Dim, ...], Dim]]:
        """Each kernel call; a second solve with one matrix does not factorize again."""
        factorized: set[Term] = set()
        for step in self.steps.values():
            kernel = step.kernel
            if step.matrix is not None and kernel in FACTORIZING:
                matrix = untransposed(step.matrix)
                if matrix in factorized:
                    kernel = "solve_again"
                factorized.add(matrix)
            yield kernel, step.sizes, step.batch


def total(calls: Iterable[tuple[str, tuple[Dim, ...], Dim]], normal: Callable[[Dim], Dim]) -> Poly:
    """The cost of kernel calls for all sizes, with dimensions in normal form."""
    costs = [
        cost(kernel, tuple(map(Poly.of, sizes)), 1.0 if batch is ONE else Poly.of(batch))
        for kernel, sizes, batch in calls
        if kernel not in FREE
    ]
    return Poly.sum(costs).normal(normal)


def untransposed(matrix: Term) -> Term:
    """The matrix whose factorization serves `matrix`: that of its transpose does as well."""
    inner: Term = matrix.args[0] if matrix.head is v.transpose else matrix
    return inner


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
        if term.head is v.matmul:
            self._chain(term)
            return self._chosen[term]
        if term.head is contract and not is_pair(*split_spec(term.args[0])):
            return Step("view", (), ONE, (paired(term, self.size),))
        if term.head is v.inverse:
            (matrix,) = term.args
            if self.solver(matrix) == "solve_triangular":
                return _substituted(term)
            if matrix.head is v.transpose:  # one inverse for a matrix and its transpose
                return Step("view", (), ONE, (v.inverse(matrix.args[0]),))
        if term.head is v.scale:
            coefficient, product = term.args
            moved = placed(coefficient, product, self.size)
            if moved is not None:
                return Step("view", (), ONE, (moved,))
        return _BY_HEAD.get(term.head, _unknown)(term)

    # --- products -------------------------------------------------------------------------------

    def kind(self, factor: Term) -> str:
        """How a factor of a product is applied."""
        if factor in self.given:
            return "plain"
        if factor.head is v.diag:
            return "diagonal"
        if v.is_ones(factor):
            return "ones"
        if factor.head is v.unit:
            return "column"
        if factor.head is v.transpose and factor.args[0].head is v.unit:
            return "row"
        return self.solver(factor.args[0]) if factor.head is v.inverse else "plain"

    def solver(self, matrix: Term) -> str:
        """The kernel that solves with `matrix`."""
        return solver_for(matrix, self.holds)

    def _chain(self, term: Term) -> None:
        factors = term.args
        kinds = [self.kind(f) for f in factors]
        lengths = [shape(factors[0])[0], *[shape(f)[1] for f in factors]]
        tree: Tree = (0, 1)
        if len(factors) > 2:
            _, tree = bracket(kinds, list(map(self.size, lengths)), self.size(_batch(term)))
        stack = [(tree, term)]
        while stack:
            node, whole = stack.pop()
            if isinstance(node, int) or whole in self._chosen:
                continue
            left, right = node
            i, k, j = _first(left), _last(left), _last(right)
            parts = _run(factors, i, k), _run(factors, k + 1, j)
            self._chosen[whole] = self._product_step(parts, kinds, (i, k, j), lengths)
            stack += [(left, parts[0]), (right, parts[1])]

    def _product_step(
        self, parts: tuple[Term, Term], kinds: list[str], at: tuple[int, int, int],
        lengths: list[Dim],
    ) -> Step:  # fmt: skip
        i, k, j = at
        m, inner, n = lengths[i], lengths[k + 1], lengths[j + 1]
        batch = _batch(parts[0], parts[1])
        side = applied(kinds, i, k, j)
        if not side:
            if m == inner == n == batch == ONE:
                return Step("scalar", (), ONE, parts)
            return Step("product", (m, inner, n), batch, parts)
        left = side == "left"
        (factor, other), kind = (parts, kinds[i]) if left else (parts[::-1], kinds[j])
        width = n if left else m
        if kind == "ones":
            # A row on the left sums the rows, a column on the right the columns.
            sums = (factor.head is v.ones) != left
            return Step("sum" if sums else "repeat", (m * inner * n,), batch, (other,), None, side)
        if kind in UNAPPLIED:  # a column of the identity
            unit = factor.args[0] if left else factor
            return Step("view", (), ONE, (other, *_terms(unit.args)), None, side)
        matrix = factor.args[0]
        if kind == "solve_triangular" and matrix.head is v.triangle:
            # The solver reads the triangle by itself.
            return Step(kind, (inner, width), batch, (matrix.args[0], other), matrix, side)
        if kind == "diagonal":
            divided = matrix.head is v.reciprocal
            by, quotient = (matrix.args[0], matrix) if divided else (matrix, None)
            return Step("elementwise", (inner * width,), batch, (by, other), quotient, side)
        if width == ONE and kind != "solve_triangular" and _single(matrix):
            return Step("scalar", (), batch, (matrix, other), matrix, side)
        return Step(kind, (inner, width), batch, (matrix, other), matrix, side)


def solver_for(matrix: Term, holds: Callable[[Term, str], bool]) -> str:
    """The kernel that solves with a matrix of which something is known."""
    if holds(matrix, "lower_triangular") or holds(matrix, "upper_triangular"):
        return "solve_triangular"
    return "solve_positive" if holds(matrix, "positive_definite") else "solve"


def _run(factors: tuple[Term, ...], first: int, last: int) -> Term:
    """The product of some neighbours in a product, a scaled factor where it stands."""
    return factors[first] if first == last else intern(v.matmul, factors[first : last + 1])


def _first(tree: Tree) -> int:
    while not isinstance(tree, int):
        tree = tree[0]
    return tree


def _last(tree: Tree) -> int:
    while not isinstance(tree, int):
        tree = tree[1]
    return tree


def _batch(*terms: Term) -> Dim:
    out = ONE
    for n in broadcast([shape(t)[2] for t in terms]):
        out = out * n
    return out


def _entries(term: Term) -> Dim:
    rows, cols, _ = shape(term)
    return rows * cols


def _terms(args: Iterable[Any]) -> tuple[Term, ...]:
    return tuple(a for a in args if isinstance(a, Term))


def _single(term: Term) -> bool:
    """Whether a term is one number, as a coefficient or as a matrix."""
    return term.scalar or shape(term) == (ONE, ONE, ())


def _entrywise(kernel: str) -> Callable[[Term], Step]:
    def step(term: Term) -> Step:
        if _single(term):
            return Step("scalar", (), ONE, _terms(term.args))
        return Step(kernel, (_entries(term),), _batch(term), _terms(term.args))

    return step


def _of_order(kernel: str) -> Callable[[Term], Step]:
    """A kernel whose cost depends on the order of its matrix."""

    def step(term: Term) -> Step:
        return Step(kernel, (shape(term.args[0])[0],), _batch(term), _terms(term.args))

    return step


def _substituted(term: Term) -> Step:
    """The inverse of a triangular matrix solves with an identity."""
    (matrix,) = term.args
    n = shape(matrix)[0]
    read = matrix.args[0] if matrix.head is v.triangle else matrix
    return Step("solve_triangular", (n, n), _batch(term), (read, v.eye(n)), matrix, "left")


def _of_shape(kernel: str) -> Callable[[Term], Step]:
    """A kernel whose cost depends on both lengths of its matrix, and on the shorter."""

    def step(term: Term) -> Step:
        m, n, _ = shape(term)
        return Step(kernel, (m, n, shorter(m, n)), _batch(term), _terms(term.args))

    return step


def _pinv(term: Term) -> Step:
    m, n, _ = shape(term.args[0])
    return Step("pinv", (m, n, shorter(m, n)), _batch(term), term.args)


def _qr(term: Term) -> Step:
    return Step("thin_qr", shape(term)[:2], _batch(term), term.args)


def _reduced(term: Term) -> Step:
    return Step("elementwise", (_entries(term.args[0]),), _batch(term), _terms(term.args))


def _batch_summed(term: Term) -> Step:
    (x,) = term.args
    return Step("elementwise", (_entries(x),), _batch(x), (x,))


def _reduced_twice(term: Term) -> Step:
    """Multiply and sum all blocks; both are elementwise over the first argument."""
    return Step("elementwise", (_entries(term.args[0]) * 2,), _batch(term), _terms(term.args))


def _view(term: Term) -> Step:
    return Step("view", (), ONE, _terms(term.args))


def _reshaped(term: Term) -> Step:
    """A reshape copies what a transpose has left in another order."""
    inner = term.args[0]
    if inner.head is v.transpose and ONE not in shape(inner)[:2]:
        return Step("copy", (_entries(term),), _batch(term), (inner,))
    return _view(term)


def _sum(term: Term) -> Step:
    needs = _terms([x for x, _ in signed(term)] if term.head is v.add else term.args)
    if _single(term):
        return Step("scalar", (), ONE, needs)
    size = _entries(term) * (len(term.args) - 1)
    return Step("elementwise", (size,), _batch(term), needs)


def signed(term: Term) -> list[tuple[Term, bool]]:
    """The summands of a sum, and which of them are subtracted; the first never is."""
    found = [(a, False) for a in term.args]
    for i, (a, _) in enumerate(found):
        if a.head is v.scale and a.args[0] is _MINUS and not a.scalar:
            found[i] = a.args[1], True
    found.sort(key=lambda part: part[1])
    if found[0][1]:  # all are: only the first is negated
        found[0] = term.args[0], False
    return found


_MINUS = number(-1)


def _sylvester(term: Term) -> Step:
    a, b, _ = term.args
    return Step("sylvester", (shape(a)[0], shape(b)[0]), _batch(term), term.args)


def _orders(factors: Iterable[Term]) -> tuple[Dim, ...]:
    """The orders of what is no column, which is the diagonal of a matrix."""
    return tuple([shape(f)[0] for f in factors if shape(f)[1] != ONE]) or (ONE,)


def _shifted_solve(term: Term) -> Step:
    _, x, *factors = term.args
    sizes = (shape(x)[1], *_orders(factors))
    return Step("shifted_solve", sizes, _batch(term), _terms(term.args))


def _shifted_logabsdet(term: Term) -> Step:
    return Step("shifted_logabsdet", _orders(term.args[1:]), _batch(term), _terms(term.args))


def _det_powers(term: Term) -> Step:
    """Two determinants in one step."""
    a, _, b, _ = term.args
    return Step("determinants", (shape(a)[0], shape(b)[0]), _batch(term), (a, b))


def _contraction(term: Term) -> Step:
    kernel, sizes, batch = sizes_of(term)
    return Step(kernel, sizes, batch, _terms(term.args))


def _by_column(kernel: str) -> Callable[[Term], Step]:
    """A kernel on a column of n entries and, it may be, k others beside it."""

    def step(term: Term) -> Step:
        c, *others = term.args
        order = shape(c)[0]
        if len(others) == 2:  # and a row, beside which it is embedded in a circulant matrix
            order = summed(order, shape(others.pop(0))[0])
        sizes = (order, *(shape(x)[1] for x in others))
        return Step(kernel, sizes, _batch(term), _terms(term.args))

    return step


def _gram(term: Term) -> Step:
    rows, cols, _ = shape(term.args[0])
    return Step("product", (cols, rows, cols), _batch(term), term.args)


def _sign(term: Term) -> Step:
    """The sign of a determinant comes with its logarithm, of one factorization."""
    return Step("view", (), ONE, (*term.args, v.logabsdet(*term.args)))


_unknown = _entrywise("unknown")
_BY_HEAD: dict[Head, Callable[[Term], Step]] = {
    v.transpose: _view,
    v.reshape: _reshaped,
    v.size: _view,
    v.item: _view,
    v.members: _view,
    v.cell: _view,
    v.diagonal: _view,
    # Few operations beside those that made their arguments, as in a determinant.
    v.power: _view,
    v.log_power: _view,
    v.power_sign: _view,
    v.det_sign: _sign,
    v.log_diagonal: _view,
    v.gram: _gram,
    v.det_powers: _det_powers,
    v.scale: _entrywise("elementwise"),
    v.reciprocal: _entrywise("elementwise"),
    v.triangle: _entrywise("elementwise"),
    v.add: _sum,
    v.mul: _sum,
    v.kron: _entrywise("copy"),
    v.block_diag: _entrywise("copy"),
    v.diag: _entrywise("copy"),
    v.eye: _entrywise("copy"),
    v.ones: _entrywise("copy"),
    v.unit: _entrywise("copy"),
    v.zeros: _entrywise("copy"),
    v.hcat: _entrywise("copy"),
    v.vcat: _entrywise("copy"),
    v.rows_of: _view,
    v.kron_adjoint_left: _reduced_twice,
    v.kron_adjoint_right: _reduced_twice,
    v.total: _reduced,
    v.batch_sum: _batch_summed,
    v.beside: _entrywise("copy"),
    v.log_magnitude: _entrywise("elementwise"),
    v.root: _entrywise("elementwise"),
    v.prod: _reduced,
    v.trace: lambda t: Step("elementwise", (shape(t.args[0])[0],), _batch(t), _terms(t.args)),
    contract: _contraction,
    v.inverse: _of_order("inverse"),
    v.cholesky: _of_order("cholesky"),
    v.det: _of_order("determinant"),
    v.logabsdet: _of_order("determinant"),
    v.expm: _of_order("expm"),
    v.exponential: _entrywise("elementwise"),
    **dict.fromkeys(v.FACTORS, _view),
    v.eigh: _of_order("eigh"),
    v.eigvalsh: _of_order("eigvalsh"),
    v.svd: _of_shape("svd"),
    v.full_svd: _of_shape("svd"),
    v.svdvals: _of_shape("svdvals"),
    v.qr: _of_shape("qr"),
    v.full_qr: _of_shape("qr"),
    v.lu: _of_shape("lu"),
    v.ascending: _of_order("sort"),
    v.spread: _entrywise("copy"),
    v.taken: _entrywise("copy"),
    v.scattered: _entrywise("copy"),
    v.pinv: _pinv,
    v.small_inverse: _of_order("small_inverse"),
    v.thin_qr: _qr,
    v.thin_q: _view,
    v.thin_r: _view,
    v.sylvester: _sylvester,
    v.discrete_lyapunov: _of_order("lyapunov"),
    v.shifted_solve: _shifted_solve,
    v.shifted_logabsdet: _shifted_logabsdet,
    **dict.fromkeys(
        (
            v.shifted_det,
            v.shifted_inverse_trace,
            v.shifted_adjoint_left,
            v.shifted_adjoint_right,
        ),
        _shifted_logabsdet,
    ),
    v.shifted_sum_solve: _shifted_solve,
    v.noisy_solve: _shifted_solve,
    v.noisy_logabsdet: _shifted_logabsdet,
    v.shifted_sum_logabsdet: _shifted_logabsdet,
    v.circulant: _entrywise("gather"),
    v.toeplitz: _entrywise("gather"),
    v.mirrored: _entrywise("copy"),
    v.first: _entrywise("copy"),
    v.lead: _entrywise("copy"),
    v.convolved: _by_column("convolution"),
    v.deconvolved: _by_column("convolution"),
    v.toeplitz_dot: _by_column("convolution"),
    v.transposed_toeplitz_dot: _by_column("convolution"),
    v.levinson: _by_column("levinson"),
    v.circulant_det: _by_column("spectrum"),
    v.circulant_logabsdet: _by_column("spectrum"),
}
