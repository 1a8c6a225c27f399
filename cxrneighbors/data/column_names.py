"""Which column of somebody's own table is meant: by its name, by another spelling of it, never by silence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path

from cxrneighbors.errors import UserError

_CLOSE = 0.82  # of difflib's ratio: 'findngs' is close to 'findings', 'ViewPosition' is not to 'position'
_SHORTEST = 6  # letters: shorter names have too many neighbours ('age', 'page')


def match_columns(
    found: Sequence[str], wanted: Sequence[str], given: Mapping[str, str], source: Path, notes: list[str]
) -> dict[str, str]:
    """The column of a table that stands for each name: name -> one of `found`, where there is one.

    `found`: the table's columns. `wanted`: names to look for. `given`: name -> column, as a user said. What
    is not given is found by its name, else by a spelling that differs in case, blanks, underscores or a
    plural s, which is said in `notes`.

    Raises `UserError` for a given column that is not there, two spellings of one name, and a column whose
    name is nearly a wanted one that is not there: such as 'findngs' for 'findings'.
    """
    for name, column in given.items():
        if column not in found:
            raise UserError(
                f"{source}: column {column!r} (for {name!r}) is missing (found: {', '.join(found)}); "
                "correct --column"
            )
    used = {name: name for name in wanted if name in found and name not in given} | dict(given)
    free = [column for column in found if column not in used.values()]
    for name in (name for name in wanted if name not in used):
        same = [column for column in free if _bare(column) == _bare(name)]
        if len(same) > 1:
            raise UserError(
                f"{source}: columns {' and '.join(map(repr, same))} may both be {name}; {_say(name, same[0])}"
            )
        if same:
            used[name] = same[0]
            free.remove(same[0])
            notes.append(f"column {same[0]!r} is read as {name}")
    for name in (name for name in wanted if name not in used and len(name) >= _SHORTEST):
        for column in free:
            if SequenceMatcher(None, _bare(name), _bare(column)).ratio() > _CLOSE:
                raise UserError(
                    f"{source}: column {column!r} looks like {name}; {_say(name, column)}, "
                    f"or keep it apart with --column {column}={column}"
                )
    return used


def _bare(name: str) -> str:
    """Small letters and digits alone, without a plural s."""
    return re.sub(r"[\W_]+", "", name.lower()).removesuffix("s")


def _say(name: str, column: str) -> str:
    return f"say which with --column {name}={column}"
