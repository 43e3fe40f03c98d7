"""Kantor: relations of linear algebra, found in PyTensor graphs by unification.

>>> import kantor
>>> kantor.rewrite(outputs)            # rewritten graphs
>>> kantor.mode("NUMBA")               # a PyTensor mode
>>> kantor.register()                  # for every plain pytensor.function and PyMC model
>>> kantor.explain(outputs)            # what was done, why, and why not
"""

from __future__ import annotations

import importlib.util
from importlib import metadata
from pathlib import Path

_HOME = Path(__file__).resolve().parent.parent


def _check_shadows() -> None:
    """Say so in one line if something else is named as one of Kantor's packages."""
    for name in ("relations", "matchers", "lowering"):
        spec = importlib.util.find_spec(name)
        origin = spec.origin if spec is not None else None
        if origin is None or Path(origin).resolve().parent != _HOME / name:
            raise ImportError(
                f"Kantor's package {name!r} is shadowed by {origin or 'nothing importable'}: "
                "rename, move or remove that file, or take its folder off sys.path"
            )


_check_shadows()

from kantor.api import assume, rewrite  # noqa: E402
from kantor.engine import KantorWarning  # noqa: E402
from kantor.explain import Explanation, explain  # noqa: E402
from kantor.modes import mode, register, unregister  # noqa: E402
from matchers.conditions import (  # noqa: E402
    assumed,
    conforming,
    diagonal_matrix,
    full_column_rank,
    full_row_rank,
    implied,
    lower_triangular,
    nonempty,
    nonnegative,
    nonsingular,
    nonzero,
    orthogonal,
    positive,
    positive_definite,
    positive_semidefinite,
    same_cols,
    same_rows,
    same_shape,
    square,
    symmetric,
)
from matchers.vocabulary import (  # noqa: E402
    add,
    block_diag,
    cholesky,
    det,
    diag,
    diagonal,
    discrete_lyapunov,
    expm,
    eye,
    hcat,
    inverse,
    item,
    kron,
    logabsdet,
    matmul,
    mul,
    ones,
    reciprocal,
    reshape,
    rows_of,
    scale,
    size,
    sylvester,
    total,
    trace,
    transpose,
    unit,
    unvec,
    vcat,
    vec,
    zeros,
)
from relations.language import (  # noqa: E402
    coefficients,
    matrices,
    relation,
    rests,
    scalars,
    segments,
    vectors,
)
from relations.relation import Relation  # noqa: E402
from relations.validity import RelationError  # noqa: E402

try:
    __version__ = metadata.version("kantor")
except metadata.PackageNotFoundError:  # a source tree that is not installed
    __version__ = "0+uninstalled"

__all__ = [
    "Explanation",
    "KantorWarning",
    "Relation",
    "RelationError",
    "add",
    "assume",
    "assumed",
    "block_diag",
    "cholesky",
    "coefficients",
    "conforming",
    "det",
    "diag",
    "diagonal",
    "diagonal_matrix",
    "discrete_lyapunov",
    "explain",
    "expm",
    "eye",
    "full_column_rank",
    "full_row_rank",
    "hcat",
    "implied",
    "inverse",
    "item",
    "kron",
    "logabsdet",
    "lower_triangular",
    "matmul",
    "matrices",
    "mode",
    "mul",
    "nonempty",
    "nonnegative",
    "nonsingular",
    "nonzero",
    "ones",
    "orthogonal",
    "positive",
    "positive_definite",
    "positive_semidefinite",
    "reciprocal",
    "register",
    "relation",
    "reshape",
    "rests",
    "rewrite",
    "rows_of",
    "same_cols",
    "same_rows",
    "same_shape",
    "scalars",
    "scale",
    "segments",
    "size",
    "square",
    "sylvester",
    "symmetric",
    "total",
    "trace",
    "transpose",
    "unit",
    "unregister",
    "unvec",
    "vcat",
    "vec",
    "vectors",
    "zeros",
]  # fmt: skip
