"""Markdown: paragraphs, and tables described by the format of their cells."""

from __future__ import annotations

import math
import string
from collections.abc import Iterable, Mapping
from typing import Any


class _Cells(string.Formatter):
    """`str.format` whose types end in 'p' too: a hundredfold without sign of per cent; None is nan."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec.endswith("p"):
            value, format_spec = math.nan if value is None else 100 * value, f"{format_spec[:-1]}f"
        return str(super().format_field(value, format_spec))


def table(columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]]) -> str:
    """A Markdown table; `columns`: heading to cell, as `str.format` has it with the fields of a row.

    A heading that ends with ':' is aligned to the right, as Markdown's '---:'. The type 'p' is '%' without
    its sign, for percentage points.

    >>> print(table({"method": "{name}", "lift:": "{lift:+.1p}"}, [{"name": "VAE", "lift": 0.026}]))
    | method | lift |
    |---|---:|
    | VAE | +2.6 |
    """
    lines = [
        "".join(f"| {heading.removesuffix(':')} " for heading in columns) + "|",
        "".join("|---:" if heading.endswith(":") else "|---" for heading in columns) + "|",
    ]
    for row in rows:
        lines.append("".join(f"| {_Cells().vformat(cell, (), row)} " for cell in columns.values()) + "|")
    return "\n".join(lines)


def interval(name: str) -> str:
    """The cell of a difference and its 95 % interval, in points: fields `name` and `name`_ci95."""
    return f"{{{name}:+.1p}} ({{{name}_ci95[0]:+.1p}} to {{{name}_ci95[1]:+.1p}})"


# Of a method in `overlap.json`.
LIFT = {
    "overlap:": "{mean_overlap:.1%}",
    "random:": "{random_overlap:.1%}",
    "lift (95 % CI)": interval("lift"),
    "exchanged:": "{null_mean_lift:+.1p}",
    "p:": "{p_value:.4f}",
}


def document(*blocks: str) -> str:
    """Paragraphs and tables with an empty line between them."""
    return "\n\n".join(blocks) + "\n"
