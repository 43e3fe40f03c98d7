"""A region read as terms, priced, and built again in another form."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from functools import cached_property, partial
from typing import Any

from pytensor import config
from pytensor.graph.basic import Constant
from pytensor.graph.rewriting.basic import copy_stack_trace
from pytensor.tensor.basic import Alloc
from pytensor.tensor.elemwise import DimShuffle
from pytensor.tensor.linalg.constructors import BlockDiagonal
from pytensor.tensor.linalg.decomposition.cholesky import Cholesky
from pytensor.tensor.linalg.inverse import MatrixInverse
from pytensor.tensor.math import Dot

from kantor.parts import parts
from kantor.pruning import viewed
from kantor.sizes import SAMPLES, Lengths, Sample
from kantor.steps import Step
from lowering.build import Builder, CannotBuild
from lowering.costs import cost, number_of_launches
from lowering.decide import NOTHING, SLACK, Decision, decide
from lowering.formulas import LAUNCH
from lowering.local import LARGE, improved
from lowering.mirrors import Mirrors
from lowering.planner import Planner
from lowering.plans import SOLVING, Plan, total, untransposed
from lowering.polynomials import Poly
from lowering.positions import positions
from lowering.products import solver_for
from lowering.search import Candidate, Found, Moves, search
from lowering.settled import Graph, settled
from matchers import vocabulary as v
from matchers.contractions import contract
from matchers.dims import ONE, Axis, Dim, basic_axes, undeclared
from matchers.kernels import Call, matrix_shape, node_kernel, solver
from matchers.leaves import Atom, Number
from matchers.readers import FACTORIZED, MULTIPLYING, SOLVERS, core_op
from matchers.reading.permuted import INDEXING, permuting
from matchers.regions import Region, contracting, mirrored, patterned
from matchers.terms import Term, shape
from matchers.view import View

# Heads that a plan may compute otherwise than the graph does, though the term is the same.
_REPLANNED = frozenset(
    {
        v.matmul,
        v.inverse,
        v.kron_adjoint_left,
        v.kron_adjoint_right,
        v.diag,
        v.prod,
        v.log_magnitude,
        v.eye,
        contract,
    }
)
# Heads of which one may do for several nodes, as for a matrix and its transpose.
_DEAR = frozenset({v.det, v.logabsdet, v.expm})


class Reading:
    """A region read as terms, with what its nodes cost.

    Parameters
    ----------
    fgraph : FunctionGraph
    region : Region
    sizes : mapping, optional
        Typical shapes.
    factoring : bool
        Whether Cholesky factors may be brought in.
    whole : Reading, optional
        What the region is a part of, which has been read.
    """

    def __init__(
        self,
        fgraph: Any,
        region: Region,
        sizes: Mapping[Any, Any] | None,
        factoring: bool = False,
        whole: Reading | None = None,
    ) -> None:
        self.fgraph = fgraph
        self.factoring = factoring
        self.sizes = sizes
        self.view: View
        self.region: Region
        self.view, self.region = (whole.view, region) if whole else viewed(fgraph, region)
        self.keys = [(r, self.view.core(r)) for r in self.region.roots]
        self.roots = tuple(self.view.definition(r, core) for r, core in self.keys)
        self.lengths = Lengths(self.view.dims, sizes, fgraph)
        # How many terms there are in all, of a part of a region.
        self.terms: int = len(positions(whole.roots)) if whole else 0

    def parts(self) -> list[Reading]:
        """What is decided by itself: all of the region, or the parts that share no matrix."""
        found = parts(self.region, self.roots)
        if len(found) == 1:
            return [self]
        return [Reading(self.fgraph, p, self.sizes, self.factoring, self) for p in found]

    @cached_property
    def mirrors(self) -> Mirrors:
        """The transposes of products, found once for all planners."""
        return Mirrors()

    def planner(
        self,
        sample: tuple[float, float],
        given: Container[Term] = frozenset(),
        halving: bool = True,
    ) -> Planner:
        """A planner for this region at a sample size."""
        halving = halving and not self._recomposed
        return Planner(
            self.sizer(sample), self.view.known, given, self.mirrors, halving, self.factoring
        )

    @cached_property
    def calls(self) -> list[Call]:
        """What each node runs, and on what sizes."""
        return list(self._calls())

    @cached_property
    def known(self) -> dict[Axis, float]:
        """Sizes that decide cost and never validity."""
        found = {s: self.lengths.known(s) for s in self._symbols()}
        return {s: n for s, n in found.items() if n is not None}

    def _sizes(self, after: Poly) -> dict[Axis, float]:
        """The known sizes, those that only a new form depends on too."""
        others = {s: self.lengths.known(s) for s in after.symbols - set(self.known)}
        return {**self.known, **{s: n for s, n in others.items() if n is not None}}

    @cached_property
    def products(self) -> int:
        """How many nodes are a product or a solve."""
        return sum([k in MULTIPLYING for k in self._kinds])

    @cached_property
    def _kinds(self) -> list[type]:
        return [type(core_op(n)) for n in self.region.nodes]

    def settled(self, moves: Moves, last: Moves) -> bool:
        """Whether the region leaves no choice, which is told without a price."""
        formed = [t for t in self.view.variables if t.head is v.inverse]
        # Of a triangle it is formed by substitution, of a definite matrix by its factor.
        kinds = ("solve_triangular", "solve_positive") if self.factoring else ("solve_triangular",)
        substituted = [t for t in formed if solver_for(t.args[0], self.view.known) in kinds]
        if substituted or self._contracts or self._twice or self._multiplies_zeros:
            return False
        scaled = {t for t in self.view.variables if t.head is v.scale}
        graph = Graph(
            self.products, self._direct, scaled, self.view.dims, self._planner, self.terms
        )
        return settled(self.roots, moves, last, graph)

    def forms(
        self,
        moves: Moves,
        last: Moves,
        sample: tuple[float, float],
        planner: Planner,
        budget: int,
    ) -> Found:
        """The forms of the region that are found at a sample size, cheapest first."""
        if len(positions(self.roots)) < LARGE:
            return search(self.roots, moves, planner, budget, last=last)
        return improved(self.roots, moves, partial(self.planner, sample), self._pays, budget)

    def _pays(self, planner: Planner, term: Term, form: Term) -> bool:
        """Whether a form of a term is proved to cost less beside what is there."""
        normal = self.view.dims.normal
        before, after = [planner.plan((t,)).polynomial(normal) for t in (term, form)]
        return decide(before, after, self.known, self.view.dims.reduced, SLACK).taken

    def _planner(self, given: frozenset[Term]) -> Planner:
        return self.planner(SAMPLES[0], given)

    def _direct(self, factor: Term) -> bool:
        """Whether a product with this factor can be computed in no other way than it is."""
        if factor.head is v.diag or v.unit.bit & factor.heads:
            return False
        if v.is_ones(factor):
            return not self._multiplies_filled
        if factor.head is not v.inverse:
            return True
        kernel = solver_for(factor.args[0], self.view.known)
        return MatrixInverse not in self._kinds and self._solvers <= {kernel}

    @cached_property
    def _contracts(self) -> bool:
        """Whether an einsum, or a sum over a product that repeats a factor, reads as a product."""
        outputs = [x for n in self.region.nodes if contracting([n]) for x in n.outputs]
        return any([_multiplies(self.view.definition(x)) for x in outputs])

    @cached_property
    def _recomposed(self) -> bool:
        """Whether X Xᵀ is factorized, of which PyTensor's rewrites know the factor.

        They look for a plain product, which no kernel may take the place of.
        """
        return any([mirrored(n) and self._factorized(n.out) for n in self.region.nodes])

    def _factorized(self, var: Any) -> bool:
        """Whether a Cholesky factor is taken of a variable, or of its transpose."""
        clients = [c for c, _ in self.fgraph.clients.get(var, ()) if c.op is not None]
        return any(
            [
                type(core_op(c)) is Cholesky
                or (type(c.op) is DimShuffle and self._factorized(c.outputs[0]))
                for c in clients
            ]
        )

    @cached_property
    def _multiplies_zeros(self) -> bool:
        """Whether a product is computed in full of which a kernel takes a half or less.

        Or rows are moved that might as well be moved elsewhere.
        """
        return any(
            [
                permuting(n)
                if kind in INDEXING
                else kind is Dot and (mirrored(n) or patterned(self.fgraph, n))
                for n, kind in zip(self.region.nodes, self._kinds, strict=True)
            ]
        )

    @cached_property
    def _twice(self) -> bool:
        """Whether two dear nodes compute one term, or the same of a matrix and its transpose."""
        dear = [
            (kind, n)
            for n, kind in zip(self.region.nodes, self._kinds, strict=True)
            if kind in FACTORIZED and kind not in SOLVERS
        ]
        if len(dear) < 2:
            return False
        made = {self.view.definition(n.outputs[-1]) for _, n in dear}
        of = {(kind, untransposed(self.view.term(n.inputs[0], 2))) for kind, n in dear}
        return len(made) < len(dear) or len(of) < len(dear)

    @cached_property
    def _multiplies_filled(self) -> bool:
        """Whether ones, or one value repeated, are there to be multiplied with."""
        factors = [
            i
            for n, k in zip(self.region.nodes, self._kinds, strict=True)
            if k in MULTIPLYING
            for i in n.inputs
        ]
        return any([_filled(i) for i in factors])

    @cached_property
    def _solvers(self) -> set[str]:
        """The kernels of the nodes that solve."""
        return {
            solver(core_op(n))
            for n, k in zip(self.region.nodes, self._kinds, strict=True)
            if k in SOLVERS
        }

    @property
    def decided(self) -> bool:
        """Whether all sizes are known, so that one sample tells all."""
        return self._symbols() <= set(self.known)

    def _symbols(self) -> set[Axis]:
        """The lengths that the cost depends on."""
        normal = self.view.dims.normal
        found = {d for _, sizes, batch in self.calls for d in (*sizes, batch)}
        return set(basic_axes(map(normal, found)))

    def _calls(self) -> Iterator[Call]:
        """What each node runs; PyTensor factorizes a matrix once for all solves with it."""
        factorized: set[Term] = set()
        again = _repeated(self.region.nodes)
        for node in self.region.nodes:
            if node in again:
                yield "view", (), ONE
                continue
            kernel, sizes, batch = node_kernel(self.view, node)
            if kernel in SOLVING:
                matrix = untransposed(self.view.term(node.inputs[0], 2))
                if matrix in factorized:
                    kernel = "solve_again"
                factorized.add(matrix)
            yield kernel, sizes, batch

    def cost_at(self, size: Callable[[Dim], float]) -> float:
        """What the nodes that are there cost at given sizes."""
        return sum(
            float(cost(kernel, tuple(map(size, sizes)), size(batch)))
            for kernel, sizes, batch in self.calls
        )

    def before(self) -> Poly:
        """The cost of the nodes that are there; a search may have learnt more of the sizes."""
        return total(self.calls, self.view.dims.normal)

    @cached_property
    def _compiled(self) -> list[Call]:
        """What the nodes run once PyTensor has rewritten products with inverses and with blocks.

        Nothing where there are none.
        """
        if _repeated(self.region.nodes):
            return []  # what is merged may have several uses
        calls = list(self.calls)
        places = {n: i for i, n in enumerate(self.region.nodes)}
        for node, kind in zip(self.region.nodes, self._kinds, strict=True):
            if kind is not Dot or calls[places[node]][0] != "product":
                continue
            for i, x in enumerate(node.inputs):
                if x.owner in places and len(self.fgraph.clients.get(x, ())) == 1:
                    found = self._without(x.owner, i, calls[places[node]])
                    if found is not None:
                        calls[places[x.owner]], calls[places[node]] = found
                        break
        return [] if calls == self.calls else calls

    def _without(self, factor: Any, i: int, call: Call) -> tuple[Call, Call] | None:
        """What is run for the `i`-th factor of a product, and for the product.

        The factor is an inverse, or has blocks along its diagonal; the blocks of the product are
        joined.
        """
        kind, (_, sizes, batch) = type(core_op(factor)), call
        width = sizes[0 if i else 2]
        if kind is MatrixInverse:
            matrix = self.view.term(factor.inputs[0], 2)
            solved = solver_for(matrix, self.view.known), (sizes[1], width), batch
            return ("view", (), ONE), solved
        if kind is BlockDiagonal:
            blocks = [matrix_shape(self.view, b) for b in factor.inputs]
            whole = "copy", (width * sizes[2 if i else 0],), batch
            return whole, ("products", tuple(width * m * n for m, n in blocks), batch)
        return None

    def sizer(self, sample: tuple[float, float]) -> Sample:
        """Dimensions as numbers at a sample size."""
        return Sample(self.lengths, sample, self._in_order_of_appearance)

    def _in_order_of_appearance(self) -> Iterator[Dim]:
        for t in _atoms(*self.roots):
            rows, cols, others = shape(t)
            yield from (rows, cols, *others)

    def step(
        self, candidate: Candidate, planner: Planner, unexpanded: int, exhausted: bool
    ) -> Step:
        """The decision about one candidate."""
        plan = planner.plan(candidate.roots)
        names = tuple(
            m.relation.name for m in candidate.path if getattr(m, "relation", None) is not None
        )
        after = plan.polynomial(self.view.dims.normal)
        slack, sizes = SLACK if names else 0.0, self._sizes(after)
        decision = decide(self.before(), after, sizes, self.view.dims.reduced, slack)
        if decision.taken and names and self._compiled:
            before = total(self._compiled, self.view.dims.normal) + SLACK
            worth = decide(before, after, sizes, self.view.dims.reduced, slack)
            decision = decision if worth.taken else worth
        if decision.taken and not names:
            names = ("associativity",)
            if not contracting(self.region.nodes):
                decision = self._rebracketed(decision, plan, sizes)
        return Step(
            names,
            candidate.path,
            self.roots,
            candidate.roots,
            decision,
            plan,
            unexpanded,
            exhausted,
        )

    def _rebracketed(self, decision: Decision, plan: Plan, sizes: Mapping[Axis, float]) -> Decision:
        """The same form in another order must save flops, more than a launch is worth.

        With as many launches, as where a coefficient goes elsewhere, a quarter of that is enough.
        """
        launches = number_of_launches(self.calls) - number_of_launches(plan.calls())
        more = 1 if launches else 0.25
        saved = decide(
            decision.before,
            decision.after + LAUNCH * (launches + more),
            sizes,
            self.view.dims.reduced,
            LAUNCH * more + NOTHING if decision.why == "for larger sizes" else 0.0,
        )
        return decision if saved.taken else saved

    def build(self, step: Step) -> list[tuple[Any, Any]] | None:
        """Each output and what replaces it, or None where a length has no source."""
        leaves = [undeclared(t.var) for t in _atoms(*self.roots)]
        replanned = _REPLANNED | _DEAR if self._twice else _REPLANNED
        changed = [
            (key, new)
            for key, old, new in zip(self.keys, self.roots, step.after, strict=True)
            if old is not new
            or type(core_op(key[0].owner)) in MULTIPLYING
            or isinstance(old, Number)
            or not replanned.isdisjoint(t.head for t in positions((old,)))
        ]
        replaced = [var for (var, _), _ in changed]
        builders: dict[str, Builder] = {}
        pairs: list[tuple[Any, Any]] = []
        for (var, core), new in changed:
            dtype = str(var.type.dtype)
            if dtype not in builders:
                builders[dtype] = Builder(
                    step.plan,
                    self.view.dims,
                    leaves,
                    replaced,
                    dtype,
                    self.view.known,
                    self.view.measured,
                )
            builders[dtype].renewed.update(pairs)
            try:
                # A new node is traced to what it replaces, not to this line.
                with config.change_flags(traceback__limit=0):
                    built = builders[dtype].output(new, var, core)
            except CannotBuild:
                return None
            if built is not var:
                if var.name and not built.name and built.owner is not None:
                    built.name = var.name
                copy_stack_trace(var, built)
                pairs.append((var, built))
        return pairs


def _repeated(nodes: Iterable[Any]) -> set[Any]:
    """The nodes that do what another does, to the same inputs; PyTensor merges the two."""
    first: dict[Any, Any] = {}
    same: dict[Any, Any] = {}
    again: set[Any] = set()
    for node in nodes:
        key = (node.op, *(same.get(i, i) for i in node.inputs))
        found = first.setdefault(key, node)
        if found is not node:
            again.add(node)
            same.update(zip(node.outputs, found.outputs, strict=True))
    return again


def _multiplies(t: Term) -> bool:
    """Whether a term is more than the sum of a leaf, scaled or not."""
    if t.head is v.scale and not t.scalar:
        t = t.args[1]
    if isinstance(t, Atom) or t.head in (v.batch_sum, v.total, v.squared_distances):
        return False
    return len(t.args) > 2 or not any(map(v.is_ones, t.args))


def _filled(var: Any) -> bool:
    while var.owner is not None and type(var.owner.op) is DimShuffle:
        (var,) = var.owner.inputs
    if isinstance(var, Constant):
        return var.data.size > 1 and bool((var.data == var.data.flat[0]).all())
    return var.owner is not None and type(var.owner.op) is Alloc


def _atoms(*roots: Term) -> list[Atom]:
    return [t for t in positions(roots) if isinstance(t, Atom) and t.definition is None]
