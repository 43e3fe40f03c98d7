"""Writing relations: logic variables that read as mathematics, and the `relation` decorator."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from matchers.variables import LogicVar
from relations.relation import Relation
from relations.sides import mentioned
from relations.validity import RelationError


def matrices(names: str) -> tuple[LogicVar, ...]:
    """Logic variables for matrices, one per name: ``A, B = matrices("A B")``.

    A matrix variable binds a term that may be compound: in a product a run of one factor or more,
    in a sum one summand or more.
    """
    return _variables(names, "matrix")


def vectors(names: str) -> tuple[LogicVar, ...]:
    """Logic variables for columns, one per name."""
    return _variables(names, "vector")


def scalars(names: str) -> tuple[LogicVar, ...]:
    """Logic variables for coefficients that are written out, one per name; see `coefficients`."""
    return _variables(names, "scalar")


def coefficients(names: str) -> tuple[LogicVar, ...]:
    """Logic variables for coefficients that may be missing, one per name.

    In the side that is matched, ``scale(c, X)`` then stands for X as well, with c = 1; of a term
    that is scaled, c is all that it is scaled by and X no scaled term. One relation on
    c·A B + d·A C so takes A B + A C, A B - A C and 2 A B + s A C.

    Coefficients draw out of products by themselves: these stand in front of summands, or within
    heads that are not linear, and in front of matrices only. On the side that is not matched they
    stand where any scalar may.
    """
    return tuple(LogicVar(x.name, x.kind, optional=True) for x in scalars(names))


def segments(names: str) -> tuple[LogicVar, ...]:
    """Logic variables for runs of factors, which may be empty."""
    return _variables(names, "segment")


def rests(names: str) -> tuple[LogicVar, ...]:
    """Logic variables for the rest of a sum, which may be empty."""
    return _variables(names, "rest")


def _variables(names: str, kind: str) -> tuple[LogicVar, ...]:
    found = tuple(LogicVar(name, kind) for name in names.replace(",", " ").split())
    if not found:
        raise ValueError(f"no names in {names!r}; write for example matrices('A B')")
    return found


def relation(
    *,
    tags: str | Iterable[str] = (),
    cites: str = "",
    stability: str = "backward",
    name: str | None = None,
    field: str = "any",
    both_ways: bool = True,
    last: bool = False,
    throughout: bool = False,
) -> Callable[[Callable[..., tuple[Any, ...]]], Relation]:
    """Make a relation of a function that returns ``lhs, rhs, *conditions``.

    The parameters of the function are looked up by name among the logic variables that `matrices`,
    `vectors`, `scalars` and `coefficients` made where the function is written; its docstring states
    the identity.

    Parameters
    ----------
    tags : str or iterable of str
        Tags, by which modes include or exclude it; the prefix ``kantor:`` is added where missing.
    cites : str
        Where the identity is stated.
    stability : {"backward", "mixed", "loses"}
    name : str, optional
        Instead of the name of the function.
    field : {"any", "real"}
        Over which numbers the identity holds: ``real`` where a complex matrix would need a
        conjugate that is not written, as Q⁻¹ = Qᵀ does.
    both_ways : bool
        False where the right side has a value in more places than the left, so that it must not be
        replaced by the left.
    last : bool
        True where it says how to compute something and leads to no other relation: it is tried on
        the cheapest forms alone, and used where it makes them cheaper by itself.
    throughout : bool
        True for a relation that is `last` and between products with the same outer factors, free
        variables all: as what is between them is equal, it may take the other's place in all
        products of a form at once.

    Raises
    ------
    RelationError
        Where the relation cannot stand: an unbound variable, sides of different shapes, a condition
        on no variable, a variable that the function does not take as a parameter.

    Examples
    --------
    >>> A, B = matrices("A B")
    >>> @relation(tags="inverses", cites="Golub & Van Loan 2013, 2.1.4")
    ... def inverse_of_kron(A, B):
    ...     "(A ⊗ B)⁻¹ = A⁻¹ ⊗ B⁻¹ for square factors."
    ...     return inverse(kron(A, B)), kron(inverse(A), inverse(B)), square(A, B)
    """
    caller = sys._getframe(1)
    scope = {**caller.f_globals, **caller.f_locals}
    names = (tags,) if isinstance(tags, str) else tuple(tags)

    def make(function: Callable[..., tuple[Any, ...]]) -> Relation:
        own = name or function.__name__
        parameters = tuple(_parameters(own, function, scope))
        body = partial(function, *parameters)
        made = body()
        if not isinstance(made, tuple) or len(made) < 2:
            raise RelationError(f"relation {own!r} must return lhs, rhs, *conditions")
        lhs, rhs, *conditions = made
        out = Relation(
            name=own,
            lhs=lhs,
            rhs=rhs,
            conditions=tuple(conditions),
            tags=tuple(t if t.startswith("kantor:") else f"kantor:{t}" for t in names),
            stability=stability,
            cites=cites,
            doc=inspect.cleandoc(function.__doc__ or ""),
            module=function.__module__,
            body=body,
            field=field,
            both_ways=both_ways,
            last=last,
            throughout=throughout,
        )
        undeclared = [x for x in mentioned(lhs, rhs) if x not in parameters]
        if undeclared:
            raise RelationError(f"relation {own!r}: uses {undeclared[0]}, which is not a parameter")
        return out

    return make


def _parameters(name: str, function: Any, scope: Mapping[str, Any]) -> Iterator[LogicVar]:
    for parameter in inspect.signature(function).parameters:
        found = scope.get(parameter)
        if not isinstance(found, LogicVar):
            raise RelationError(
                f"relation {name!r}: parameter {parameter!r} is not a logic variable; "
                f"declare it first, for example {parameter}, = matrices({parameter!r})"
            )
        yield found
