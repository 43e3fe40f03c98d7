"""The same expression written otherwise, made of the expression itself."""

from __future__ import annotations

import ast
from collections.abc import Callable


def bracketed(expr: str) -> str:
    """Products from the right instead of from the left: ``A @ (B @ x)``."""
    return _rewritten(expr, _FromTheRight())


def solved(expr: str) -> str:
    """Solves instead of products with an inverse: ``solve(A, B @ x)`` for ``inv(A) @ B @ x``."""
    return _rewritten(bracketed(expr), _Solves())


SPELLINGS: dict[str, Callable[[str], str]] = {"bracketed": bracketed, "solved": solved}


def _rewritten(expr: str, transformer: ast.NodeTransformer) -> str:
    tree = transformer.visit(ast.parse(expr, mode="eval"))
    return ast.unparse(ast.fix_missing_locations(tree))


class _FromTheRight(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        factors = []
        left: ast.expr = node
        while isinstance(left, ast.BinOp) and isinstance(left.op, ast.MatMult):
            factors.append(self.visit(left.right))
            left = left.left
        if not factors:
            return self.generic_visit(node)
        out, *others = [*factors, self.visit(left)]
        for factor in others:
            out = ast.BinOp(factor, ast.MatMult(), out)
        return out


class _Solves(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.BinOp(left=ast.Call(func=ast.Name(id="inv"), args=[matrix]), op=ast.MatMult()):
                return ast.Call(ast.Name("solve", ast.Load()), [matrix, node.right], [])
        return node
