"""Cells that name findings, as somebody's own table has them, to lists of names."""

from __future__ import annotations

from collections.abc import Sequence

from cxrneighbors.data.written_values import written_list
from cxrneighbors.errors import UserError

_OTHERS = ("|", ";", ",")


def split_findings(cells: Sequence[str], separator: str, notes: list[str]) -> list[list[str]]:
    """The names in each of N cells: parts between `separator`, or a list that was written as text.

    Cells that hold another usual separator where none holds this one are noted: they may be read wrongly.
    Raises `UserError` for a list that cannot be read.

    >>> split_findings(["Mass| Nodule", "['Mass', 'Edema']", ""], "|", [])
    [['Mass', 'Nodule'], ['Mass', 'Edema'], []]
    """
    findings = []
    for cell in cells:
        try:
            written = written_list(cell)
        except ValueError as error:
            raise UserError(f"findings {cell[:60]!r}: {error}; separate names by {separator}") from None
        parts = cell.split(separator) if written is None else written
        findings.append([part.strip() for part in parts if part.strip()])
    for other in _OTHERS if not any(len(names) > 1 for names in findings) else ():
        count = sum(other in name for names in findings for name in names)
        if count:
            notes.append(
                f"{count} cells of findings hold {other!r} and are read as one finding; "
                f"--separator {other!r} splits them"
            )
    return findings
