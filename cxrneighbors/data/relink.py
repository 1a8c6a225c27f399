"""Films that have moved: paths of a table looked for again below another folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path, PurePath

import pandas as pd

from cxrneighbors.data.paths import PATHS_FROM
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.errors import UserError

_GONE, _SEVERAL = "no file of this name below the new folder", "several files end alike below the new folder"


def relink(
    studies: pd.DataFrame, regions: pd.DataFrame, root: str | Path, skipped: Skipped
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A study table and its regions with `path` and `mask_path` below `root`, where the files are now.

    A file is known by its name, among several of one name by the folders above it, as far as they are called
    as before. What is not found, or not surely, becomes missing: a row without pixels, listed in `skipped`.

    Raises `UserError` for a missing folder and when no file of the table is found.
    """
    if not Path(root).is_dir():
        raise UserError(f"{root}: no such folder; give the one below which the films lie now")
    below = _files(os.path.abspath(root))
    films, masks = (
        _relinked(table[column].tolist(), table["image_id"].tolist(), below, skipped)
        for table, column in ((studies, "path"), (regions, "mask_path"))
    )
    if not any(films) and studies["path"].notna().any():
        raise UserError(
            f"{root}: none of the {studies['path'].notna().sum()} films is below it; give another"
        )
    return _with(studies, "path", films), _with(regions, "mask_path", masks)


def find_moved(path: str, below: dict[str, list[str]]) -> list[str]:
    """The files that `path` may be now: those of its name with most folders above it called the same.

    `below`: name -> paths. Paths of other systems are understood: C:\\films\\a.png.
    """
    old = _parts(path)
    found = below.get(old[0], [])
    same = [_alike(old, _parts(new)) for new in found]
    return [new for new, count in zip(found, same, strict=True) if count == max(same)]


def _parts(path: str) -> list[str]:
    """File name first, then the folders upwards."""
    return list(reversed(PurePath(path.replace("\\", "/")).parts))


def _alike(old: list[str], new: list[str]) -> int:
    """How many parts are the same before the first that differs."""
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False))))


def _files(root: str) -> dict[str, list[str]]:
    below: dict[str, list[str]] = {}
    for folder, _, names in os.walk(root):
        for name in names:
            below.setdefault(name, []).append(os.path.join(folder, name))
    return below


def _relinked(
    paths: Sequence[str | None], items: Sequence[str], below: dict[str, list[str]], skipped: Skipped
) -> list[str | None]:
    new: list[str | None] = []
    for path, item in zip(paths, items, strict=True):
        found = find_moved(path, below) if path else []
        new.append(found[0] if len(found) == 1 else None)
        if path and len(found) != 1:
            skipped.add(item, _SEVERAL if found else _GONE)
    return new


def _with(table: pd.DataFrame, column: str, paths: list[str | None]) -> pd.DataFrame:
    table = table.assign(**{column: pd.Series(paths, dtype=object, index=table.index)})
    table.attrs.pop(PATHS_FROM, None)
    return table
