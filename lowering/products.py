"""The kernels of products: what is run where two neighbours in a chain meet.

A factor of which something is known, its *kind*, is applied to the other one without being formed:
an inverse solves, a diagonal scales, ones sum or repeat. Each kind has one entry in `_APPLIED`, and
each kernel for two matrices that are multiplied as they are, but the general one, one in `_PLAIN`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from lowering.blas.syrk import THIN
from lowering.chains import DEFINITE, TRIANGLES, applied, of_triangle
from lowering.measures import batch_of, single, terms_of
from lowering.mirrors import floats
from lowering.steps import Step
from matchers import vocabulary as v
from matchers.dims import ONE, Dim, const, shorter
from matchers.heads import Head
from matchers.leaves import Atom
from matchers.terms import Term, shape

Holds = Callable[[Term, str], bool]

# --- kinds of factors -----------------------------------------------------------------------------

_KINDS: dict[Head, str] = {
    v.diag: "diagonal", v.ones: "ones", v.unit: "column", v.cholesky: "triangular",
}  # fmt: skip
_TRANSPOSED: dict[Head, str] = {v.ones: "ones", v.unit: "row", v.cholesky: "triangular"}

_TURNED = {"lower_trapezoid": "upper_trapezoid", "upper_trapezoid": "lower_trapezoid"}


def kind(factor: Term, holds: Holds, factoring: bool = False) -> str:
    """How a factor of a product is applied; where factors may be brought in, also how formed."""
    if factor.head is v.inverse:
        solver = solver_for(factor.args[0], holds)
        by_factor = factoring and solver == "solve_positive" and floats(factor)
        return DEFINITE if by_factor else solver
    turned = factor.head is v.transpose
    inner = factor.args[0] if turned else factor
    if isinstance(inner, Atom) or (inner.head in _SPARSE and holds(inner, "sparse")):
        found = _of_entries(inner, holds)
        return _TURNED.get(found, found) if turned else found
    return (_TRANSPOSED if turned else _KINDS).get(inner.head, "plain")


# Heads of terms that are computed by themselves, of which entries may be known to be zero.
_SPARSE = frozenset({v.add, v.mul})


def _of_entries(matrix: Term, holds: Holds) -> str:
    """What is known of the entries of a matrix that is there, or is computed by itself."""
    if not isinstance(matrix, Atom) or matrix.core == 2:
        if holds(matrix, "diagonal") and holds(matrix, "square"):
            return "diagonal"
        if holds(matrix, "permutation") and not shape(matrix)[2]:
            return "permutation"
        if holds(matrix, "tridiagonal"):
            return "tridiagonal"
        lower = holds(matrix, "lower_triangular")
        if lower or holds(matrix, "upper_triangular"):
            if holds(matrix, "square"):
                return "triangular"
            return "lower_trapezoid" if lower else "upper_trapezoid"
    return "plain"


def _is_triangular(matrix: Term, holds: Holds) -> bool:
    return holds(matrix, "lower_triangular") or holds(matrix, "upper_triangular")


def solver_for(matrix: Term, holds: Holds) -> str:
    """The kernel that solves with a matrix of which something is known."""
    if _is_triangular(matrix, holds):
        return "solve_triangular"
    return "solve_positive" if holds(matrix, "positive_definite") else "solve"


# --- neighbours -----------------------------------------------------------------------------------


class Join(NamedTuple):
    """Two neighbours in a chain.

    Attributes
    ----------
    parts : pair of Term
        The left one and the right one.
    sizes : tuple of Dim
        Rows, the length between, columns.
    batch : Dim
    kind : str
        Of the factor that is applied.
    side : {"", "left", "right"}
        Where it stands; nowhere if both are multiplied as they are.
    mirrored : bool
        Whether the two are each other's transposes.
    """

    parts: tuple[Term, Term]
    sizes: tuple[Dim, Dim, Dim]
    batch: Dim
    kind: str = ""
    side: str = ""
    mirrored: bool = False

    @property
    def factor(self) -> Term:
        """What is applied."""
        return self.parts[self.side == "right"]

    @property
    def other(self) -> Term:
        """What it is applied to."""
        return self.parts[self.side == "left"]

    @property
    def width(self) -> Dim:
        """How many columns, or rows, of the other it is applied to."""
        return self.sizes[2 if self.side == "left" else 0]


def joined(
    parts: tuple[Term, Term], kinds: list[str], at: tuple[int, int, int], lengths: list[Dim],
    mirrored: bool = False,
) -> Step:  # fmt: skip
    """The step that multiplies factors i…k of a chain with k+1…j, for (i, k, j) = `at`."""
    i, k, j = at
    sizes = lengths[i], lengths[k + 1], lengths[j + 1]
    side = applied(kinds, i, k, j)
    if side:
        own = kinds[i] if side == "left" else kinds[j]
        return _APPLIED[own](Join(parts, sizes, batch_of(*parts), own, side))
    join = Join(parts, sizes, batch_of(*parts), mirrored=mirrored)
    for kernel in _PLAIN:
        step = kernel(join)
        if step is not None:
            return step
    return Step("product", sizes, join.batch, parts)


# --- of two matrices as they are ------------------------------------------------------------------


def _number(join: Join) -> Step | None:
    if all([n == ONE for n in (*join.sizes, join.batch)]):
        return Step("scalar", (), ONE, join.parts)
    return None


def _gram(join: Join) -> Step | None:
    """A matrix with its own transpose; columns and rows have no use for that."""
    m, inner, _ = join.sizes
    if not join.mirrored or ONE in (m, inner):
        return None
    return Step("gram", (m, inner, shorter(inner, const(THIN))), join.batch, join.parts[:1])


# Tried before the general product, in this order.
_PLAIN: tuple[Callable[[Join], Step | None], ...] = (_number, _gram)


# --- of a factor that is applied ------------------------------------------------------------------


def _ones(join: Join) -> Step:
    """A row on the left sums the rows, a column on the right the columns."""
    m, inner, n = join.sizes
    sums = (join.factor.head is v.ones) != (join.side == "left")
    kernel = "sum" if sums else "repeat"
    return Step(kernel, (m * inner * n,), join.batch, (join.other,), None, join.side)


def _picked(join: Join) -> Step:
    """A column of the identity, or a row."""
    unit = join.factor.args[0] if join.side == "left" else join.factor
    return Step("view", (), ONE, (join.other, *terms_of(unit.args)), None, join.side)


def _diagonal(join: Join) -> Step:
    if join.factor.head is not v.diag:  # of which it is known
        entries = v.diagonal(join.factor)
        size = join.sizes[1] * join.width
        return Step("elementwise", (size,), join.batch, (entries, join.other), None, join.side)
    matrix = join.factor.args[0]
    divided = matrix.head is v.reciprocal
    by, quotient = (matrix.args[0], matrix) if divided else (matrix, None)
    size = join.sizes[1] * join.width
    return Step("elementwise", (size,), join.batch, (by, join.other), quotient, join.side)


def _triangle(join: Join) -> Step:
    """Half the operations of a product or more; with a single column there is nothing to gain."""
    if join.width == ONE or not (floats(join.factor) and floats(join.other)):
        return Step("product", join.sizes, join.batch, join.parts)
    needs = join.factor, join.other
    m, n, _ = shape(join.factor)
    sizes = of_triangle(join.kind, m, n, shorter(m, n))
    return Step("triangular", (*sizes, join.width), join.batch, needs, None, join.side)


def _permuted(join: Join) -> Step:
    """PyTensor makes an index of a permutation that is declared, in every mode."""
    sizes = join.sizes[1], join.width
    return Step("permutation", sizes, join.batch, join.parts)


def _tridiagonal(join: Join) -> Step:
    """Of each row three entries are multiplied."""
    if not (floats(join.factor) and floats(join.other)):
        return Step("product", join.sizes, join.batch, join.parts)
    sizes = join.sizes[0 if join.side == "left" else 2], join.width
    needs = join.factor, join.other
    return Step("tridiagonal", sizes, join.batch, needs, None, join.side)


def _triangular(join: Join) -> Step:
    """Of a triangle the solver reads that triangle by itself."""
    matrix = join.factor.args[0]
    read = matrix.args[0] if matrix.head is v.triangle else matrix
    sizes = join.sizes[1], join.width
    return Step("solve_triangular", sizes, join.batch, (read, join.other), matrix, join.side)


def _solved(join: Join) -> Step:
    matrix = join.factor.args[0]
    needs = matrix, join.other
    if join.width == ONE and single(matrix):
        return Step("scalar", (), join.batch, needs, matrix, join.side)
    sizes = join.sizes[1], join.width
    kernel = "solve_positive" if join.kind == DEFINITE else join.kind
    return Step(kernel, sizes, join.batch, needs, matrix, join.side)


_APPLIED: dict[str, Callable[[Join], Step]] = {
    "ones": _ones,
    "column": _picked,
    "row": _picked,
    "diagonal": _diagonal,
    "permutation": _permuted,
    **dict.fromkeys(TRIANGLES, _triangle),
    "tridiagonal": _tridiagonal,
    "solve_triangular": _triangular,
    "solve": _solved,
    "solve_positive": _solved,
    DEFINITE: _solved,
}
