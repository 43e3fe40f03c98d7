"""Terms in mathematical notation."""

from __future__ import annotations

from typing import Any

from matchers.terms import Atom, Head, LogicVar, Number, Term

# Deeper than this a term is elided: shared terms print once per occurrence, which may be exponential.
DEPTH = 12
_SEPARATORS = {"matmul": " ", "add": " + ", "mul": " ⊙ ", "kron": " ⊗ "}


def pretty(x: Any, depth: int = DEPTH) -> str:
    """`x` in mathematical notation, for example ``Aᵀ (A B)⁻¹ x y``."""
    return _pretty(x, depth)[0]


def _pretty(x: Any, depth: int) -> tuple[str, int]:
    """The text and how tightly it binds."""
    if isinstance(x, Atom):
        return _leaf_name(x), 10
    if isinstance(x, Number):
        return f"{x.value:g}", 10
    if not isinstance(x, Term):
        return str(x), 10
    if depth == 0:
        return "…", 10
    head = x.head
    if head.name in _SEPARATORS:
        if head.name == "add":
            return _sum([_pretty(a, depth - 1) for a in x.args]), head.precedence
        parts = [_within(_pretty(a, depth - 1), head.precedence + 1) for a in x.args]
        return _SEPARATORS[head.name].join(parts), head.precedence
    if head.name == "scale" and isinstance(x.args[0], Number) and x.args[0].value == -1:
        return "-" + _within(_pretty(x.args[1], depth - 1), head.precedence), head.precedence
    if head.name == "reshape":
        return _reshape(x, depth), 9
    return _by_template(head, x, depth)


def _by_template(head: Head, x: Term, depth: int) -> tuple[str, int]:
    args = [_pretty(a, depth - 1) for a in x.args]
    if head.template is None:
        return f"{head.name}({', '.join(a[0] for a in args)})", 9
    if "(" in head.template or "|" in head.template:
        return head.template.format(*(a[0] for a in args)), 9
    level = head.precedence + (0 if head.name == "scale" else 1)
    if head.name in ("transpose", "inverse"):
        level = 9
    return head.template.format(*(_within(a, level) for a in args)), head.precedence


def _within(part: tuple[str, int], precedence: int) -> str:
    text, own = part
    return text if own >= precedence else f"({text})"


def _sum(parts: list[tuple[str, int]]) -> str:
    out = _within(parts[0], 4)
    for part in parts[1:]:
        text = _within(part, 4)
        out += f" - {text[1:]}" if text.startswith("-") else f" + {text}"
    return out


def _reshape(x: Term, depth: int) -> str:
    inner, rows, cols = x.args
    text = _pretty(inner, depth - 1)[0]
    return f"vec({text})" if str(cols) == "1" else f"mat({text})"


def _leaf_name(x: Atom) -> str:
    if x.var.name:
        return str(x.var.name)
    if x.definition is not None:
        return f"[{pretty(x.definition, 3)}]"
    data = getattr(x.var, "data", None)
    if data is not None:
        return f"{data:g}" if getattr(data, "ndim", 1) == 0 else "const"
    owner = x.var.owner
    if owner is None:
        return "?"
    op = getattr(owner.op, "core_op", owner.op)
    scalar_op = getattr(op, "scalar_op", None)
    name = getattr(scalar_op, "name", None) or type(scalar_op or op).__name__
    return f"{name.lower()}(…)"


__all__ = ["LogicVar", "pretty"]
