"""Values in a `where` expression that no row has: mostly a slip, and worth a word."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from difflib import get_close_matches

from cxrneighbors.index.predicate_columns import Column

_LISTED = 12  # values named one by one
_COMPARED = 2000  # values among which similar ones are looked for


def unknown_values(tree: ast.expr, column: Callable[[str], Column]) -> list[str]:
    """A line for each text that the expression asks of a text or list column and that no row holds.

    `column`: a column by its name. `contains` and `startswith` ask for pieces, which are not looked at.
    """
    asked = dict.fromkeys(question for node in ast.walk(tree) for question in _asked(node))
    lines = []
    for kind, name, value in asked:
        there = column(name)
        if there.kind == kind and value not in there.known:
            lines.append(f"no row has {name} {value!r}; {_what_there_is(value, there.known)}")
    return lines


def _asked(node: ast.AST) -> Iterator[tuple[str, str, str]]:
    """Kind and name of columns, and the texts that one node compares them with."""
    match node:
        case ast.Compare():
            sides = [node.left, *node.comparators]
            for operator, left, right in zip(node.ops, sides[:-1], sides[1:], strict=True):
                if isinstance(operator, ast.Eq | ast.NotEq | ast.In | ast.NotIn):
                    yield from _texts("text", left, right)
                if isinstance(operator, ast.Eq | ast.NotEq):
                    yield from _texts("text", right, left)
                if isinstance(operator, ast.In | ast.NotIn):
                    yield from _texts("list", right, left)
        case ast.Call(func=ast.Attribute(value=name, attr="isin" | "has" as method), args=[values]):
            yield from _texts("text" if method == "isin" else "list", name, values)


def _texts(kind: str, name: ast.expr, values: ast.expr) -> Iterator[tuple[str, str, str]]:
    if isinstance(name, ast.Name):
        elements = values.elts if isinstance(values, ast.List | ast.Tuple | ast.Set) else [values]
        for element in elements:
            if isinstance(element, ast.Constant) and isinstance(element.value, str):
                yield kind, name.id, element.value


def _what_there_is(value: str, known: frozenset[str]) -> str:
    if not known:
        return "every row is blank there"
    if len(known) <= _LISTED:
        return f"there {'is' if len(known) == 1 else 'are'} {', '.join(sorted(known))}"
    folded = {name.lower(): name for name in sorted(known)}
    near = [folded[value.lower()]] if value.lower() in folded else []
    if not near and len(known) <= _COMPARED:
        near = [folded[name] for name in get_close_matches(value.lower(), folded)]
    if near:
        return f"near to it {'is' if len(near) == 1 else 'are'} {', '.join(near)}"
    return f"there are {len(known)} others, such as {', '.join(sorted(known)[:3])}"
