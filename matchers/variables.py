"""Logic variables, by what they bind."""

from __future__ import annotations

from unification.variable import Var

from matchers.notation import Notation


class _LogicVarType(type(Var)):  # type: ignore[misc]
    """For ``isinstance``: that of `Var` says yes to every plain variable, and is slow."""

    __instancecheck__ = type.__instancecheck__


class LogicVar(Var, Notation, metaclass=_LogicVarType):  # type: ignore[misc]
    """A logic variable of a kind that the notation knows.

    ``matrix``, ``vector`` (a column) and ``scalar`` bind one term, which may be compound: within a
    product they bind a run of one factor or more, within a sum one summand or more. ``segment``
    binds any run of factors and ``rest`` what is left of a sum; both may be empty.

    A scalar that is ``optional`` is a coefficient that may be missing: in a pattern ``scale(c, X)``
    it binds 1 where a term is not scaled.
    """

    __slots__ = ("kind", "name", "optional")
    KINDS = ("matrix", "vector", "scalar", "segment", "rest")

    kind: str
    name: str
    optional: bool

    def __new__(cls, name: str, kind: str = "matrix", optional: bool = False) -> LogicVar:
        if kind not in cls.KINDS:
            raise ValueError(f"unknown kind of logic variable {kind!r}; one of {cls.KINDS}")
        if optional and kind != "scalar":
            raise ValueError(f"a {kind} cannot be optional, a scalar can")
        self: LogicVar = super().__new__(cls, ("kantor", kind, name, optional))
        self.kind = kind
        self.name = name
        self.optional = optional
        return self

    def __getnewargs__(self) -> tuple[str, str, bool]:
        return (self.name, self.kind, self.optional)

    def renamed(self, name: str) -> LogicVar:
        """A variable that binds the same, under another name."""
        return LogicVar(name, self.kind, self.optional)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"~{self.name}"

    # The slots of C: identity, without a Python call per look-up.
    __eq__ = object.__eq__
    __hash__ = object.__hash__


class Run(tuple):  # type: ignore[type-arg]
    """What a segment or a rest is bound to: operands that splice into a flat head."""

    __slots__ = ()
