"""Terms in mathematical notation: ``Aᵀ (A B)⁻¹ x y``.

Work and text are bounded however deep or shared a term is: below `DEPTH` levels, and after `LIMIT`
leaves, an ellipsis stands for the rest. Variables without a name get letters, in the order in which
they are met, so that the same graph reads the same in every process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import Any

from pytensor.tensor.elemwise import DimShuffle

from matchers.dims import Axis, Dim, undeclared
from matchers.leaves import Atom, Number
from matchers.terms import Term
from matchers.traversal import subterms

DEPTH = 12
LIMIT = 100
# How far the text of a leaf that an unknown Op computes goes into its inputs.
LEAF_DEPTH = 2
# Longer ones get a letter.
SHORT = 16
_SEPARATORS = {"matmul": " ", "mul": " ⊙ ", "kron": " ⊗ "}
_MARKS = {"transpose": "ᵀ", "inverse": "⁻¹", "reciprocal": "⁻¹"}
# No I and O, which are the identity and zero.
_LETTERS = {2: "ABCDEFGHJKLMNPQRSTUVWXYZ", 1: "xyzuvwpqrst", 0: "abcdefghkmn"}
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
Part = tuple[str, int]


def pretty(
    x: Any,
    depth: int = DEPTH,
    names: Names | None = None,
    *,
    split: Callable[[Term], tuple[Any, ...]] = lambda term: term.args,
    shared: str = "[]",
) -> str:
    """`x` in mathematical notation.

    Parameters
    ----------
    x : Term or anything that may stand in one
    depth : int
        How many levels to print.
    names : Names, optional
        Shared by texts that belong together, so that a variable is called the same in all of them.
    split : callable, optional
        The operands of a product, where its bracketing is to be seen.
    shared : str
        What stands around a value that is computed once and used several times.
    """
    printer = _Printer(Names.of(x) if names is None else names, split, shared)
    return printer.text(x, depth)[0]


def superscript(power: int) -> str:
    """``2`` as ``²``; nothing for 1."""
    return "" if power == 1 else str(power).translate(_SUPERSCRIPTS)


class Names:
    """What variables are called in a text: each by its own name, or by a letter that is free.

    A variable and the same one with declared assumptions are called alike. What an Op computes that
    is no mathematics to us is called by a short formula, or by a letter.

    Parameters
    ----------
    reserved : iterable of str
        Names that are taken for their owners, met or not.

    Attributes
    ----------
    legend : dict
        For each letter that stands for something computed, how it is computed.
    """

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self.legend: dict[str, str] = {}
        self._reserved = set(reserved)
        self._names: dict[Any, str] = {}
        self._taken: set[str] = set()
        self._originals: dict[Any, Any] = {}

    @classmethod
    def of(cls, *roots: Any) -> Names:
        """Names for the variables of some terms."""
        return cls.among(_nearby(_leaves(roots)))

    @classmethod
    def among(cls, variables: Iterable[Any]) -> Names:
        """Names for these variables, of which those that have a name keep it."""
        return cls(v.name for v in variables if v.name)

    def alias(self, originals: Mapping[Any, Any]) -> None:
        """Call copies what their originals are called."""
        self._originals.update(originals)

    def __call__(self, var: Any) -> str:
        """What `var` is called."""
        var = undeclared(self._originals.get(var, var))
        found = self._names.get(var)
        if found is None:
            found = self._names[var] = self._new(var)
            self._taken.add(found)
        return found

    def _new(self, var: Any) -> str:
        if var.name:
            return self._numbered(str(var.name))
        data = getattr(var, "data", None)
        if data is not None:
            one = getattr(data, "size", 0) == 1 and data.dtype.kind in "biufc"
            return f"{data.item():g}" if one else self._numbered("const")
        if var.owner is None:
            return self._letter(var)
        text = self._formula(var, LEAF_DEPTH)
        if _is_number(text):
            return text
        if len(text) <= SHORT:
            return self._numbered(text)
        letter = self._letter(var)
        self.legend[letter] = text
        return letter

    def _letter(self, var: Any) -> str:
        letters = _LETTERS[min(getattr(var.type, "ndim", 0), 2)]
        used = self._taken | self._reserved
        return next(c for c in _numbered_letters(letters) if c not in used)

    def _numbered(self, name: str) -> str:
        if name not in self._taken:
            return name
        numbers = (f"{name}{str(i).translate(_SUBSCRIPTS)}" for i in count(2))
        return next(n for n in numbers if n not in self._taken and n not in self._reserved)

    def _formula(self, var: Any, depth: int) -> str:
        """How an Op computes `var`."""
        var = undeclared(self._originals.get(var, var))
        if var.owner is None or var.name or var in self._names:
            return self(var)
        op = getattr(var.owner.op, "core_op", var.owner.op)
        if isinstance(op, DimShuffle):
            return self._formula(var.owner.inputs[0], depth)
        name = type(getattr(op, "scalar_op", op)).__name__.lower()
        if not depth:
            return f"{name}(…)"
        return f"{name}({', '.join(self._formula(i, depth - 1) for i in var.owner.inputs)})"

    def axis(self, axis: Axis) -> str:
        """The length of an axis: ``rows(A)``, ``len(v)``; of blocks the sum of their lengths.

        Of a diagonal it is the shorter of two.
        """
        if isinstance(axis.owner, tuple):
            kind, lengths = axis.owner
            parts = map(self.dim, lengths)
            return f"min({', '.join(parts)})" if kind == "min" else f"({' + '.join(parts)})"
        if axis.axis is None:
            return self(axis.owner)
        name = str(axis.owner) if not hasattr(axis.owner, "type") else self(axis.owner)
        ndim = getattr(getattr(axis.owner, "type", None), "ndim", 2)
        if axis.axis == ndim - 1:
            return f"{'len' if ndim == 1 else 'cols'}({name})"
        return f"rows({name})" if axis.axis == ndim - 2 else f"{name}.shape[{axis.axis}]"

    def dim(self, dim: Dim) -> str:
        """A dimension: ``rows(A)·rows(B)``."""
        parts = sorted(self.axis(s) + superscript(p) for s, p in dim.powers)
        if dim.coef != 1 or not parts:
            parts.insert(0, f"{dim.coef:,}")
        return "·".join(parts)


def _numbered_letters(letters: str) -> Iterator[str]:
    yield from letters
    for i in count(2):
        yield from (f"{letter}{str(i).translate(_SUBSCRIPTS)}" for letter in letters)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _leaves(roots: Iterable[Any]) -> list[Any]:
    """The variables of all atoms under `roots`, also in the definitions of shared ones."""
    found: dict[Term, None] = {}
    stack = [r for r in roots if isinstance(r, Term)]
    while stack:
        new = [t for t in subterms(*stack) if t not in found]
        found.update(dict.fromkeys(new))
        stack = [t.definition for t in new if isinstance(t, Atom) and t.definition is not None]
    return [t.var for t in found if isinstance(t, Atom)]


def _nearby(variables: list[Any]) -> list[Any]:
    """These variables and those that their texts may mention."""
    out, layer = list(variables), variables
    for _ in range(LEAF_DEPTH + 1):
        layer = [i for v in layer if v.owner is not None for i in v.owner.inputs]
        out += layer
    return out


class _Printer:
    """One text: what may still be printed, and how things are called."""

    def __init__(self, names: Names, split: Callable[[Term], tuple[Any, ...]], shared: str) -> None:
        self.names = names
        self.split = split
        self.shared = shared
        self.left = LIMIT

    def text(self, x: Any, depth: int) -> Part:
        """The text and how tightly it binds."""
        if self.left <= 0 or (depth <= 0 and isinstance(x, Term) and x.args):
            self.left -= 1
            return "…", 10
        if not isinstance(x, Term):
            return (self.names.dim(x) if isinstance(x, Dim) else str(x)), 10
        if not x.args:
            self.left -= 1
            return self.leaf(x, depth), 10
        name = x.head.name
        if name in _SEPARATORS or name == "add":
            return self.flat(x, depth)
        if name in _MARKS:
            return self.marked(x, depth)
        if name == "scale":
            return self.scaled(x, depth)
        if name == "reshape":
            kind = "vec" if str(x.args[2]) == "1" else "mat"
            return f"{kind}({self.text(x.args[0], depth - 1)[0]})", 10
        return self.by_template(x, depth)

    def leaf(self, x: Term, depth: int) -> str:
        if isinstance(x, Number):
            return f"{x.value:g}"
        if not isinstance(x, Atom):
            return (x.head.template or x.head.name).format()
        if x.definition is not None and not x.var.name:
            return self.text(x.definition, depth - 1)[0].join(self.shared)
        return self.names(x.var)

    def parts(self, x: Term, depth: int, precedence: int) -> list[str]:
        """The operands of a flat head, as far as there is room."""
        out = []
        operands = self.split(x) if x.head.name == "matmul" else x.args
        for a in operands:
            out.append(self.within(a, depth - 1, precedence))
            if self.left <= 0 and len(out) < len(operands):
                return [*out, "…"]
        return out

    def within(self, x: Any, depth: int, precedence: int) -> str:
        text, own = self.text(x, depth)
        return text if own >= precedence else f"({text})"

    def flat(self, x: Term, depth: int) -> Part:
        name, precedence = x.head.name, x.head.precedence
        first, *others = self.parts(x, depth, precedence + 1)
        if name == "add":
            signed = (f" - {t[1:]}" if t.startswith("-") else f" + {t}" for t in others)
            return first + "".join(signed), precedence
        separator = "·" if x.scalar else _SEPARATORS[name]
        # An elementwise product binds no closer than a Kronecker product, to be read without doubt.
        binds = min(precedence, 4) if separator == " ⊙ " else precedence
        return separator.join([first, *others]), binds

    def scaled(self, x: Term, depth: int) -> Part:
        """A coefficient, which binds as a product does: c·A B."""
        c, inner = x.args
        precedence = x.head.precedence - 1
        body = self.within(inner, depth - 1, precedence)
        if isinstance(c, Number) and c.value == -1:
            return f"-{body}", precedence
        return f"{self.within(c, depth - 1, x.head.precedence)}·{body}", precedence

    def marked(self, x: Term, depth: int) -> Part:
        """Transposes and inverses; of the inverse of a transpose one mark is made."""
        mark, (inner,) = _MARKS[x.head.name], x.args
        if isinstance(inner, Term) and {x.head.name, inner.head.name} == {"inverse", "transpose"}:
            mark, (inner,) = "⁻ᵀ", inner.args
        return self.within(inner, depth - 1, 10) + mark, 9

    def by_template(self, x: Term, depth: int) -> Part:
        template = x.head.template
        if template is None:
            return f"{x.head.name}({', '.join(self.parts(x, depth, 0))})", 10
        if template == "{0}":
            return self.text(x.args[0], depth)
        if "(" in template or "|" in template:
            return template.format(*self.parts(x, depth, 0)), 10
        return template.format(*self.parts(x, depth, x.head.precedence + 1)), x.head.precedence


__all__ = ["Names", "pretty", "superscript"]
