"""Paths of films in a table: absolute in memory; on disk absolute, or from its folder, to move with it."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

PATHS_FROM = "paths_from"  # in `DataFrame.attrs`: the folder from which the table's paths were written


def resolved(table: pd.DataFrame, column: str, folder: str | Path) -> pd.DataFrame:
    """A table as it was read from `folder`, with the paths in `column` absolute.

    If one was relative, the table remembers `folder` in its `attrs`, so that it is written relative again.
    """
    home = os.path.abspath(folder)
    paths = table[column].tolist()
    if not any(isinstance(path, str) and not os.path.isabs(path) for path in paths):
        return table
    absolute = [os.path.normpath(os.path.join(home, path)) if path else path for path in paths]
    table = table.assign(**{column: pd.Series(absolute, dtype=object, index=table.index)})
    table.attrs[PATHS_FROM] = home
    return table


def stored(table: pd.DataFrame, column: str, folder: str | Path, relative: bool | None) -> pd.DataFrame:
    """A table as it is written to `folder`: the paths in `column` absolute, or relative to `folder`.

    `relative`: None for as the table was read. Relative paths have `/` between their parts.
    """
    relative = PATHS_FROM in table.attrs if relative is None else relative
    home = os.path.abspath(folder)

    def written(path: str | None) -> str | None:
        if not path:
            return path
        return Path(os.path.relpath(path, home)).as_posix() if relative else _absolute(path)

    return table.assign(**{column: pd.Series(map(written, table[column]), dtype=object, index=table.index)})


def portable(table: pd.DataFrame, column: str = "path") -> list[str | None]:
    """The paths in `column` as they are written, so that a hash over them outlives a move of the folder."""
    home = table.attrs.get(PATHS_FROM)
    return [Path(os.path.relpath(path, home)).as_posix() if path and home else path for path in table[column]]


def _absolute(path: str) -> str:
    """`os.path.abspath`, which takes long for a million paths, of which most are so already."""
    plain = os.sep == "/" == path[0] != path[-1] and "//" not in path and "/." not in path
    return path if plain else os.path.abspath(path)
