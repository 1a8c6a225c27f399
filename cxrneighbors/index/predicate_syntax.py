"""What a `where` expression may be made of: parsing, literals, and the signs that compare."""

from __future__ import annotations

import ast
from typing import Any

from cxrneighbors import arguments
from cxrneighbors.errors import UserError
from cxrneighbors.index.predicate_columns import METHODS, OPERATORS

_MAX_LENGTH = 10_000
COMPARISONS: dict[type[ast.cmpop], str] = dict(
    zip((ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE), OPERATORS, strict=True)
)


def parse(expression: str) -> ast.expr:
    """Parse one expression; a `UserError` shows the place of a mistake."""
    arguments.expression("where", expression)
    if not expression.strip():
        raise UserError("where: it is empty; leave it out, or write for example view == 'PA'")
    if len(expression) > _MAX_LENGTH:
        raise UserError(
            f"where: {len(expression)} characters, at most {_MAX_LENGTH} are read; write a shorter one"
        )
    text = " ".join(expression.splitlines()).strip()
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        place = min(max((error.offset or 1) - 1, 0), len(text))
        shown = f"{text[:place]} >>> {text[place:]}".replace("\x00", "?")
        raise UserError(f"where: {error.msg} at >>> in: {shown}; correct the expression") from None
    except (RecursionError, MemoryError, ValueError) as error:
        raise UserError(f"where: it cannot be read ({error}); write a shorter expression") from None


def literal(node: ast.expr) -> Any:
    """The text, number, yes/no or list of these that a node spells; anything else raises a `UserError`."""
    match node:
        case ast.Constant(value=str() | int() | float() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
            return [literal(element) for element in elements]
        case ast.Name(id=name):
            raise UserError(
                f"where: {name} stands where a text or a number is needed; put quotes around a text"
            )
        case ast.Attribute():
            raise UserError(
                f"where: {ast.unparse(node)!r} reads an attribute; methods of a column: {known_methods()}"
            )
        case _:
            raise UserError(
                f"where: {ast.unparse(node)!r} means nothing here; compare columns with texts or numbers"
            )


def known_methods() -> str:
    """The methods of a column, as an error lists them."""
    return ", ".join(f".{name}()" for name in METHODS)
