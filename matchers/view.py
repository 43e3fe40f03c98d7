"""The view: a region of a PyTensor graph as terms, and what is known about them.

Each variable is read once, with its inputs first, so reading is linear in the graph and never
recurses. What no reader understands is a leaf. A product or sum that several nodes use is read as
an atom with a definition: flattening it into each use would compute it more than once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from pytensor.graph.basic import Constant
from pytensor.scalar.basic import Cast, Mul
from pytensor.tensor.basic import (
    ExtractDiag,
    MakeVector,
    ScalarFromTensor,
    TensorFromScalar,
    constant,
)
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.linalg.summary import Det, SLogDet
from pytensor.tensor.math import Sum
from pytensor.tensor.shape import Shape, Shape_i, SpecifyShape
from pytensor.tensor.subtensor import Subtensor

from matchers import vocabulary as v
from matchers.assumptions import Facts
from matchers.conforming import equations
from matchers.dims import ONE, Dim, const, symbol
from matchers.equalities import Dims
from matchers.evidence import OF_OPS, Evidence
from matchers.leaves import Atom, atom, number
from matchers.proofs import RULES, proved
from matchers.properties import OF_ENTRIES, declare
from matchers.readers import ANCHORS, MULTIPLYING, READERS, core_op
from matchers.reading.blocks import picked
from matchers.reading.summed import broadcasting
from matchers.signs import SignedLogDet
from matchers.structures import BLOCKS, PATTERNS, SYMMETRIC, TRIANGULAR, follows
from matchers.taking import selects
from matchers.terms import Term, shape

Key = tuple[Any, int]
# A longer product or sum is an operand of the next, so that reading a chain takes linear time.
LONGEST = 32
# A shared term with one of these heads would be flattened into each of its uses.
_FLATTENED = (v.matmul, v.add, v.mul)
_SWAPPED = {
    "lower_triangular": "upper_triangular",
    "upper_triangular": "lower_triangular",
    # Which triangle of a symmetric matrix holds its entries, as a solver promises.
    "stored_lower": "stored_upper",
    "stored_upper": "stored_lower",
    "full_column_rank": "full_row_rank",
    "full_row_rank": "full_column_rank",
}
# What solvers take for granted of a block diagonal matrix is so of each block.
_OF_BLOCKS = {"symmetric", "hermitian", "positive_definite", "stored_lower", "stored_upper"}
_NOTHING: Mapping[Any, int] = MappingProxyType({})
_IMPLIED = {
    "symmetric": ("positive_definite", "positive_semidefinite", "diagonal"),
    "lower_triangular": ("diagonal",),
    "upper_triangular": ("diagonal",),
    "orthogonal": ("permutation",),
    "positive_semidefinite": ("positive_definite",),
    "nonsingular": ("orthogonal",),
    "full_column_rank": ("nonsingular", "positive_definite"),
    "full_row_rank": ("nonsingular", "positive_definite"),
    "nonnegative": ("positive",),
    "nonzero": ("positive",),
}
# Those of them that PyTensor's inference does not know by itself.
_UNKNOWN_TO_PYTENSOR = {
    "symmetric": ("positive_semidefinite",),
    "positive_semidefinite": ("positive_definite",),
    "nonsingular": ("orthogonal",),
    "full_column_rank": ("nonsingular", "positive_definite"),
    "full_row_rank": ("nonsingular", "positive_definite"),
}
# What is said of variables by other keys too, which are asked for besides.
_OWN = frozenset(_UNKNOWN_TO_PYTENSOR)
# What a solver promises of a matrix it reads one triangle of: of sums with it that says nothing.
_OF_TRIANGLE = frozenset({"symmetric", "hermitian", "positive_definite", "positive_semidefinite"})
_COMPOSED = frozenset({v.add, v.mul, v.matmul, v.scale, v.expm})
# So many terms within one another are looked through for structure.
DEEPEST = 40


class View:
    """Terms of the variables of one region.

    Parameters
    ----------
    fgraph : FunctionGraph or None
        The graph, which knows the clients of each variable and the assumptions; without it nothing
        counts as shared.
    nodes : iterable of Apply, optional
        The nodes that may be read; all others are leaves. By default every node may.
    evidence : Evidence, optional
        What the Ops of the graph may bring in of assumptions; by default anything.

    Attributes
    ----------
    dims : Dims
        What is known of dimensions.
    variables : dict
        For each term the first variable that it was read from, and its core.
    """

    def __init__(
        self,
        fgraph: Any = None,
        nodes: Iterable[Any] | None = None,
        evidence: Evidence | None = None,
    ) -> None:
        self.fgraph = fgraph
        self._evidence = evidence
        ordered = [] if nodes is None else list(nodes)
        self.nodes = None if nodes is None else set(ordered)
        self.dims = Dims()
        self.variables: dict[Term, Key] = {}
        self._terms: dict[Key, Term] = {}
        self._learned: set[Term] = set()
        self._cores: dict[Any, int] = {}
        self._natural: dict[Any, int] = {}
        self._uses: dict[Any, int] = {}
        self._counted: set[Any] = set()
        self._promises: set[tuple[Term, str]] = set()
        # What the graph itself takes the inverse of, which has no value otherwise.
        self._inverted: set[Term] = set()
        self._asked: dict[tuple[Any, str, bool], bool] = {}
        self._facts: Facts | None = None
        # Whether any leaf may be said to be symmetric.
        self._symmetry: bool | None = None
        self._depth = 0
        # What the graph itself asks the lengths of.
        self.measured: dict[Any, None] = {}
        for node in ordered:  # inputs first, so that no chain is walked again
            if type(node.op) is Elemwise:
                self.natural_core(node.outputs[0])

    # --- reading ------------------------------------------------------------------------------

    def term(self, var: Any, core: int | None = None) -> Term:
        """The term of a variable.

        Parameters
        ----------
        var : Variable
        core : {2, 1, 0}, optional
            How many of its last axes are the matrix's; by default what its Op says.
        """
        key = (var, self.natural_core(var) if core is None else core)
        if self.fgraph is None:
            self._count_uses(var)
        found = self._terms.get(key)
        return found if found is not None else self._read(key)

    def definition(self, var: Any, core: int | None = None) -> Term:
        """The term of a variable, opened if it is shared."""
        if core is None:
            core = self.core(var)
        t = self.term(var, core)
        return t if not isinstance(t, Atom) or t.definition is None else t.definition

    def core(self, var: Any) -> int:
        """The core with which a variable reads as more than a leaf, else its natural one."""
        found = self._cores.get(var)
        if found is None:
            natural = self.natural_core(var)
            lowest = min(natural, 1)
            readable = (
                c for c in range(natural, lowest - 1, -1) if not _is_leaf(self.term(var, c))
            )
            found = self._cores[var] = next(readable, natural)
        return found

    def _of_batch(self, var: Any) -> bool:
        """Whether a variable holds one number for each member of a batch, or one for all."""
        return all(var.type.broadcastable) or self.natural_core(var) == 0

    def natural_core(self, var: Any) -> int:
        """The core of a variable as its Op says; asked once."""
        found = self._natural.get(var)
        if found is None:
            found = self._natural[var] = natural_core(var, known=self._natural)
        return found

    def _read(self, root: Key) -> Term:
        pending: dict[Key, Any] = {}
        stack = [root]
        while stack:
            key = stack[-1]
            if key in self._terms:
                stack.pop()
                continue
            if key not in pending:
                pending[key] = self._reading(key)
                if pending[key] is not None:
                    missing = [k for k in pending[key][0] if k not in self._terms]
                    if missing:
                        stack.extend(missing)
                        continue
            stack.pop()
            self._terms[key] = self._made(key, pending[key])
        return self._terms[root]

    def _reading(self, key: Key) -> Any:
        var, core = key
        node = var.owner
        if (core == 0) != (var.type.ndim == 0) and (core or not self._of_batch(var)):
            return None
        if node is None or (self.nodes is not None and node not in self.nodes):
            return None
        reader = READERS.get(type(core_op(node)))
        return None if reader is None else reader(self, node, node.outputs.index(var), core)

    def _made(self, key: Key, reading: Any) -> Term:
        var, core = key
        term = None
        if reading is not None:
            needs, make = reading
            term = make(*(self._terms[k] for k in needs))
        if not isinstance(term, Term):
            return self._leaf(var, core)
        if term.head is v.inverse:
            self._inverted.add(term.args[0])
        self.dims.later(partial(self._learn, term, var, core))
        self.variables.setdefault(term, key)
        flat = _operands(term)
        if flat >= LONGEST or (flat and self.shared(var)):
            own = core == 2 and v.transpose(term) is term
            shared = atom(var, core, definition=term, symmetric=own)
            self.dims.later(partial(self._same_shape, shared, term))
            self.variables.setdefault(shared, key)
            return shared
        return term

    def _leaf(self, var: Any, core: int) -> Term:
        known = _constant(var, core) if isinstance(var, Constant) else None
        term: Term = atom(var, core, symmetric=self._said(var, core)) if known is None else known
        self.variables.setdefault(term, (var, core))
        self.dims.later(partial(self._learn_from_clients, var, term))
        return term

    def _said(self, var: Any, core: int) -> bool:
        """Whether a leaf is said to be symmetric, so that its transpose reads as itself."""
        if core != 2 or self.fgraph is None or var.type.dtype.startswith("complex"):
            return False
        if self._symmetry is None:
            self._symmetry = any(map(self._declares, SYMMETRIC))
        return self._symmetry and self._knowledge().declared(var, SYMMETRIC)

    def shared(self, var: Any) -> bool:
        """Whether a variable has several uses; who asks for its shape only does not count."""
        if self.fgraph is not None:
            clients = self.fgraph.clients.get(var, ())
            return len(clients) > 1 and len(clients) > 1 + sum(
                [type(client.op) in (Shape, Shape_i) for client, _ in clients]
            )
        return self._uses.get(var, 0) > 1

    def _count_uses(self, root: Any) -> None:
        """Without a graph, a variable is shared if it is used twice below what was asked for."""
        stack = [root.owner]
        while stack:
            node = stack.pop()
            if node is not None and node not in self._counted:
                self._counted.add(node)
                for i in node.inputs:
                    self._uses[i] = self._uses.get(i, 0) + 1
                    stack.append(i.owner)

    # --- dimensions ---------------------------------------------------------------------------

    def _learn(self, term: Term, var: Any, core: int) -> None:
        fresh = [term]
        while fresh:
            t = fresh.pop()
            if t not in self._learned:
                self._learned.add(t)
                for a, b in equations(t):
                    self.dims.unify(a, b)
                if t.head is v.diagonal and self.dims.equal(*shape(t.args[0])[:2]):
                    self.dims.unify(shape(t)[0], shape(t.args[0])[0])
                fresh += [a for a in t.args if isinstance(a, Term)]
        if isinstance(term, Atom) or core == 0:
            return
        rows, cols, batch = shape(term)
        if batch:
            # A batch may be read with another core as well, and reshapes mention its lengths.
            self._same_shape(atom(var, core), term)
            return
        static = var.type.shape[-core:]
        if static[0] is not None:
            self.dims.unify(rows, const(static[0]))
        if core == 2 and static[1] is not None:
            self.dims.unify(cols, const(static[1]))

    def _learn_from_clients(self, var: Any, term: Term) -> None:
        """A leaf that something else inverts or factorizes is square, or that would raise."""
        if self.fgraph is None or not isinstance(term, Atom) or term.core != 2:
            return
        if term.symmetric:
            self.dims.unify(*shape(term)[:2])
        for client, i in self.fgraph.clients.get(var, ()):
            op = getattr(client.op, "core_op", client.op)
            if i == 0 and type(op) in _SQUARE:
                self.dims.unify(*shape(term)[:2])

    def _same_shape(self, a: Term, b: Term) -> None:
        """A variable has the lengths of what it reads as, batch axes included."""
        (*sides, batch), (*others, batches) = shape(a), shape(b)
        for m, n in zip(sides, others, strict=True):
            self.dims.unify(m, n)
        for m, n in zip(reversed(batch), reversed(batches), strict=False):
            self.dims.unify(m, n)

    def shape_of(self, var: Any, core: int) -> tuple[Dim, Dim]:
        """Rows and columns of a variable that need not be read for its value."""
        found = self._terms.get((var, core))
        rows, cols, _ = shape(found if found is not None else atom(var, core))
        return rows, cols

    def length(self, x: Any) -> Dim:
        """A 0-d integer variable as a dimension."""
        if isinstance(x, Constant):
            return const(int(x.data))
        node = x.owner
        if node is not None:
            op = node.op
            if isinstance(op, (TensorFromScalar, ScalarFromTensor)):
                return self.length(node.inputs[0])
            if isinstance(op, Shape_i):
                self.measured[node.inputs[0]] = None
                return symbol(node.inputs[0], op.i)
            axis = _shape_axis(node)
            if axis is not None:
                measured = _whole_shape(node.inputs[0].owner).inputs[0]
                self.measured[measured] = None
                return symbol(measured, axis)
            if isinstance(op, Subtensor) and isinstance(node.inputs[0], Constant):
                return _entry(node) or symbol(x, None)
            scalar_op = type(getattr(op, "scalar_op", None))
            if scalar_op is Cast:
                return self.length(node.inputs[0])
            if scalar_op is Mul:
                out = ONE
                for i in node.inputs:
                    out = out * self.length(i)
                return out
        return symbol(x, None)

    def lengths(self, x: Any) -> list[Dim | None] | None:
        """A vector of lengths as dimensions; None stands for -1; None if it cannot be read."""
        if isinstance(x, Constant):
            return [None if n < 0 else const(int(n)) for n in np.atleast_1d(x.data)]
        if x.owner is None or not isinstance(x.owner.op, MakeVector):
            return None
        parts = [self.length(i) for i in x.owner.inputs]
        return [None if p.known and p.coef < 0 else p for p in parts]

    def quotient(self, whole: Dim, part: Dim | None) -> Dim | None:
        """`whole` divided by `part`, where it divides without a remainder."""
        if part is None:
            return None
        whole, part = self.dims.normal(whole), self.dims.normal(part)
        powers = dict(whole.powers)
        for s, p in part.powers:
            powers[s] = powers.get(s, 0) - p
        if not part.coef or whole.coef % part.coef or any(p < 0 for p in powers.values()):
            return None
        return Dim(whole.coef // part.coef, frozenset((s, p) for s, p in powers.items() if p))

    # --- structure ----------------------------------------------------------------------------

    def promise(self, term: Term, key: str) -> None:
        """Note that an Op of the graph takes `key` of `term` for granted."""
        self._promises.add((term, key))
        self._asked[term, key, True] = self._asked[term, key, False] = True
        if term.head is v.block_diag and key in _OF_BLOCKS:
            for block in term.args:
                self.promise(block, key)

    def holds(self, term: Any, key: str, ask: bool = True) -> bool:
        """Whether the assumption `key` is proved of `term`.

        Parameters
        ----------
        term : Term
        key : str
        ask : bool
            Whether PyTensor's inference is asked last, which is slow, or only what Ops promise.
        """
        found = self._asked.get((term, key, ask))
        if found is None:
            self._asked[term, key, ask] = False
            found = self._asked[term, key, ask] = self._proved(term, key, ask)
        return found

    def promised(self, term: Any, key: str) -> bool:
        """Whether Ops of the graph promise the assumption `key` of `term`."""
        return self.holds(term, key, ask=False)

    def known(self, term: Any, key: str) -> bool:
        """Whether a kernel may rest on `key` of `term`: asked only where an answer is likely.

        Definiteness follows from what a sum or a product is made of; all else of a variable is
        asked where somebody has declared it of one. Of ``square`` the dimensions tell; ``sparse``
        is what a term may be if it is declared of anything which of its entries are zero.
        """
        if key == "square":
            return self._square(term)
        if key == "sparse":
            return any(map(self._declares, PATTERNS))
        if type(term) is Atom and term.definition is None and key != "positive_definite":
            return (term, key) in self._promises or (self._declares(key) and self.holds(term, key))
        if self.promised(term, key):
            return True
        if key != "positive_definite" and not self._declares(key):
            return False
        return self.holds(term, key)

    def _declares(self, key: str) -> bool:
        return self._evidence is None or self._evidence.declared(key)

    def _proved(self, term: Any, key: str, ask: bool) -> bool:
        if not isinstance(term, Term) or (key in OF_OPS and not self.possible(key)):
            return False
        if self._of_term(term, key, ask):
            return True
        # PyTensor says that blocks of any shape are triangular together.
        if not ask or (term.head in BLOCKS and key in TRIANGULAR):
            return False
        if key not in _OWN and not self.possible(key):
            return False
        found = self.variables.get(term)
        if found is None and isinstance(term, Atom):  # only mentioned, as what is transposed
            found = term.var, term.core
        if found is None or self.fgraph is None or (found[1] != 2 and key not in OF_ENTRIES):
            return False
        if self._known(found, key):
            return True
        if key == "positive_definite" and term in self._inverted:
            return self.holds(term, "positive_semidefinite")
        stronger = _UNKNOWN_TO_PYTENSOR.get(key, ())
        return any([self.holds(term, k) for k in stronger])

    def possible(self, key: str) -> bool:
        """Whether PyTensor's inference could end with a key at all."""
        return self._evidence is None or self._evidence.possible(key)

    def _known(self, found: Key, key: str) -> bool:
        """What PyTensor says of a variable."""
        return self._knowledge().proved(found[0], key)

    def _knowledge(self) -> Facts:
        """What PyTensor knows of the graph."""
        if self._facts is None:
            declare()
            # A relation has to hold for a Gram matrix of deficient rank too.
            self._facts = Facts(self.fgraph, gram=False)
        return self._facts

    def _of_term(self, term: Term, key: str, ask: bool) -> bool:
        """Whether `key`, or one that implies it, follows from promises or from parts of a term."""
        if (term, key) in self._promises:
            return True
        if isinstance(term, Atom) and term.definition is not None:
            if self._followed(term.definition, key, ask):
                return True
        elif term.args and self._followed(term, key, ask):
            return True
        if any([self._of_term(term, stronger, ask) for stronger in _IMPLIED.get(key, ())]):
            return True
        return ask and key in RULES and self._deeper(partial(proved, self, term, key))

    def _followed(self, term: Term, key: str, ask: bool) -> bool:
        """Whether `key` follows from the parts of a term."""
        if not term.args or (not ask and key in _OF_TRIANGLE and term.head in _COMPOSED):
            return False
        if term.head is v.transpose and key in _SWAPPED:
            return self._deeper(partial(self.holds, term.args[0], _SWAPPED[key], ask))
        holds = partial(self.holds, ask=ask)
        return self._deeper(partial(follows, term, key, holds, self._square))

    def _deeper(self, rule: Callable[[], bool]) -> bool:
        """What a rule says that asks of the parts of a term."""
        if self._depth >= DEEPEST:
            return False
        self._depth += 1
        try:
            return rule()
        finally:
            self._depth -= 1

    def _square(self, term: Term) -> bool:
        rows, cols, _ = shape(term)
        return self.dims.equal(rows, cols)


def _operands(term: Term) -> int:
    """How many operands a flat term has, behind its coefficient."""
    inner = term.args[1] if term.head is v.scale else term
    return len(inner.args) if isinstance(inner, Term) and inner.head in _FLATTENED else 0


def _is_leaf(t: Term) -> bool:
    return isinstance(t, Atom) and t.definition is None


def natural_core(var: Any, depth: int = 6, known: Mapping[Any, int] = _NOTHING) -> int:
    """The core of a variable as the Ops above it say: 2, but for batched vectors."""
    ndim: int = var.type.ndim
    node = var.owner
    if not ndim or node is None or not depth:
        return min(ndim, 2)
    op = node.op
    if type(op) is DimShuffle and op.new_order == tuple(range(ndim)) and op.input_ndim == ndim + 1:
        above = node.inputs[0].owner  # a batch of products with a column
        return 1 if above is not None and type(core_op(above)) in MULTIPLYING else min(ndim, 2)
    if type(op) is Subtensor and node.inputs[0].type.ndim > 2 and picked(node) is not None:
        return int(ndim - node.inputs[0].type.ndim + 2)
    if type(op) in (Blockwise, Sum, Elemwise) and _number_of_each(var, depth, known):
        return 0
    if ndim < 2:
        return 1
    if not isinstance(op, (Elemwise, SpecifyShape)):
        return int(getattr(op.core_op, "b_ndim", 2)) if type(op) is Blockwise else 2
    core = 2
    for i in dict.fromkeys(node.inputs):
        if i.owner is not None and getattr(i.type, "ndim", None) == ndim:
            found = known.get(i)
            core = min(core, natural_core(i, depth - 1, known) if found is None else found)
    return core


_REDUCED = frozenset({Det, SLogDet, SignedLogDet})


def _number_of_each(var: Any, depth: int, known: Mapping[Any, int]) -> bool:
    """Whether a variable holds one number for each matrix of a batch."""
    node, ndim = var.owner, var.type.ndim
    op = node.op
    if type(op) is Blockwise:
        return type(op.core_op) in _REDUCED
    (x, *_) = node.inputs
    if type(op) is Sum:
        up = x.owner
        diagonal = up is not None and type(up.op) is ExtractDiag
        if diagonal and op.axis == (ndim,):
            return True
        return op.axis == (ndim, ndim + 1) and not broadcasting(node)
    if ndim > 1:
        return False
    for i in node.inputs:
        if i.owner is not None and not all(i.type.broadcastable):
            found = known.get(i)
            if (natural_core(i, depth - 1, known) if found is None else found) == 0:
                return True
    return False


def _constant(var: Any, core: int) -> Term | None:
    data = np.asarray(var.data)
    if core == 0 and data.size == 1 and data.dtype.kind in "fiucb":
        return number(data.reshape(()).item())
    if core == 1 and data.ndim == 1 and data.dtype.kind in "fc":
        return _repeated(data)
    if core == 2 and data.ndim == 2 and data.dtype.kind in "fc":
        if _only_zeros(var, data):
            return v.zeros(*map(const, data.shape))  # type: ignore[no-any-return]
        square = data.shape[0] == data.shape[1]
        found = _scaled_identity(var, data) if square else None
        if found is None and peculiar(data):
            return _selecting(var, data) or (_evenly_filled(var, data) if data[0, 1] else None)
        return found
    return None


def _repeated(data: Any) -> Term | None:
    """Ones are folded to literals by PyTensor as well."""
    if data.size < 2 or not data[0] or not (data == data[0]).all():
        return None
    return v.scale(data[0].item(), v.ones(const(data.size)))  # type: ignore[no-any-return]


def _only_zeros(var: Any, data: Any) -> bool:
    """Whether a constant has entries and all are 0; the first tells most, and is asked first."""
    if not data.size or data.flat[0] != 0:
        return False
    found = getattr(var.tag, "kantor_zeros", None)
    if found is None:
        found = var.tag.kantor_zeros = not data.any()
    return bool(found)


def _scaled_identity(var: Any, data: Any) -> Term | None:
    """Identities are folded to literals by PyTensor; they are recognised by value."""
    found = getattr(var.tag, "kantor_identity", None)
    if found is None:
        d = np.diagonal(data)
        uniform = d.size > 0 and bool((d == d[0]).all())
        found = (d[0].item(),) if uniform and np.count_nonzero(data) == np.count_nonzero(d) else ()
        var.tag.kantor_identity = found
    if not found or found[0] == 0:
        return None
    return v.scale(found[0], v.eye(const(data.shape[0])))  # type: ignore[no-any-return]


def peculiar(data: Any) -> bool:
    """Whether the first row of a matrix is one value behind its first entry, or of an identity."""
    if data.shape[0] < 2 or data.shape[1] < 2:
        return False
    row = data[0, 1:]
    return bool((row == row[0]).all()) if row[0] else np.count_nonzero(data[0]) == 1


def _selecting(var: Any, data: Any) -> Term | None:
    """Rows of an identity, as a permutation that was folded."""
    found = getattr(var.tag, "kantor_selection", None)
    if found is None:
        places = selects(data)
        found = var.tag.kantor_selection = () if places is None else (constant(places),)
    if not found:
        return None
    return v.taken(v.eye(const(data.shape[1])), atom(found[0], 1))  # type: ignore[no-any-return]


def _evenly_filled(var: Any, data: Any) -> Term | None:
    """One value off the diagonal and one on it, as in a centering matrix that was folded."""
    found = getattr(var.tag, "kantor_filled", None)
    if found is None:
        (m, n), off = data.shape, data[0, 1]
        on = np.unique(np.diagonal(data) - off)
        rest = np.count_nonzero(data != off)
        even = on.size == 1 and rest in (0, n) and (m == n or not rest)
        found = var.tag.kantor_filled = (off.item(), on[0].item()) if even else ()
    if not found:
        return None
    m, n = map(const, data.shape)
    filled = v.scale(found[0], v.matmul(v.ones(m), v.ones(n).T))
    return filled if not found[1] else v.add(v.scale(found[1], v.eye(n)), filled)  # type: ignore[no-any-return]


def _shape_axis(node: Any) -> int | None:
    """The axis in ``Shape(x)[axis]``, or None."""
    if not isinstance(node.op, Subtensor) or len(node.op.idx_list) != 1:
        return None
    up = _whole_shape(node.inputs[0].owner)
    if up is None or not isinstance(up.op, Shape) or len(node.inputs) != 2:
        return None
    index = node.inputs[1]
    if not isinstance(index, Constant):
        return None
    ndim: int = up.inputs[0].type.ndim
    if up is not node.inputs[0].owner and index.data < 0:
        return None
    return int(index.data) % ndim


def _whole_shape(node: Any) -> Any:
    """The shape of which the first lengths are taken, or the node itself."""
    if node is not None and isinstance(node.op, Subtensor) and node.inputs[0].owner is not None:
        (taken,) = node.op.idx_list if len(node.op.idx_list) == 1 else (None,)
        if isinstance(taken, slice) and taken.start is None and taken.step is None:
            return node.inputs[0].owner
    return node


def _entry(node: Any) -> Dim | None:
    """An entry of a constant vector of lengths."""
    entries, *index = node.inputs
    if len(index) != 1 or not isinstance(index[0], Constant) or entries.type.ndim != 1:
        return None
    return const(int(entries.data[int(index[0].data)]))


_SQUARE = frozenset(
    t
    for t in ANCHORS
    if t.__name__
    in ("MatrixInverse", "Solve", "Cholesky", "Det", "SLogDet", "SignedLogDet", "Expm")
)
