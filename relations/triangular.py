"""Inverses of symmetric matrices; those of triangular ones are left to the planner."""

from matchers.conditions import symmetric
from matchers.vocabulary import eye, inverse
from relations.language import matrices, relation

(S,) = matrices("S")

HORN = "Horn & Johnson 2013, Matrix Analysis, sec. 0.5"


@relation(tags="triangular", cites=HORN, field="real")
def symmetric_cancels_left(S):
    """S⁻¹ Sᵀ = I for symmetric S."""
    return inverse(S) @ S.T, eye(S.rows), symmetric(S)


@relation(tags="triangular", cites=HORN, field="real")
def symmetric_cancels_right(S):
    """Sᵀ S⁻¹ = I for symmetric S."""
    return S.T @ inverse(S), eye(S.rows), symmetric(S)
