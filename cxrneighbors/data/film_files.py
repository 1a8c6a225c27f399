"""A folder of films without a table: which files are films, and what their names and headers tell."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cxrneighbors.data.csv_rows import ROW
from cxrneighbors.data.dicom import is_dicom, read_dicom_header
from cxrneighbors.errors import UserError
from cxrneighbors.progress import track

_PICTURES = (".png", ".jpg", ".jpeg")


def list_films(root: Path) -> pd.DataFrame:
    """Every PNG, JPEG and DICOM below `root`, as a table: `path` below `root`, `image_id`, `ROW`.

    A DICOM is known by its mark too, whatever its name; DICOMDIR and names that begin with a dot are left
    out. The id is the path with `/`, so that it stays when further films come. Sorted by path.
    """
    names = sorted(Path(path).relative_to(root).as_posix() for path in _films(root))
    if not names:
        raise UserError(f"{root}: no CSV and no PNG, JPEG or DICOM in it; give the folder of the films")
    cells = {"path": names, "image_id": names, ROW: list(range(1, len(names) + 1))}
    return pd.DataFrame(cells, dtype=object)


def read_film_headers(paths: Sequence[str | None], wanted: set[str]) -> list[dict[str, Any]]:
    """What the DICOMs among N files say, as far as `wanted` (see `read_dicom_header`); {} of other files.

    Where a header cannot be read, it says `image` False.
    """
    headers: list[dict[str, Any]] = []
    for path in track(paths, "reading headers", len(paths)):
        header: dict[str, Any] = {}
        if wanted and path and _is_dicom(path):
            try:
                header = read_dicom_header(path)
            except UserError:
                header = {"image": False}
        headers.append({key: value for key, value in header.items() if key in wanted})
    return headers


def match_patients(names: Sequence[str], pattern: str) -> list[str]:
    """The patient in each of N paths: the first group of `pattern`, or all that it matches; '' if nothing.

    Raises `UserError` for what is no regular expression.

    >>> match_patients(["p7_1.png", "x.png"], r"p(\\d+)")
    ['7', '']
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UserError(
            f"--patient-from-name {pattern!r}: no regular expression ({error}); correct it"
        ) from None
    matches = [compiled.search(name) for name in names]
    return [(match[1] if compiled.groups else match[0]) or "" if match else "" for match in matches]


def note_patients(told: Sequence[str], notes: list[str]) -> None:
    """Say what N films that came without a table mean for searches among other patients.

    `told`: the patient in each one's header, '' where it says none.
    """
    own = sum(not patient for patient in told)
    if own:
        notes.append(
            f"warning: {own} films name no patient and count as a patient each: films of one person may be "
            "found for each other; --patient-from-name REGEX takes the patient from file names"
        )
    elif len(told) > 1 and len(set(told)) == 1:
        notes.append(
            f"warning: all {len(told)} films name the same patient ({told[0]!r}): no film has another "
            "patient's to find; --patient-from-name REGEX takes the patient from file names"
        )


def _films(root: Path) -> Iterator[str]:
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if not name.startswith((".", "__MACOSX"))]
        for name in names:
            path = os.path.join(folder, name)
            if name.startswith(".") or name.upper() == "DICOMDIR" or not os.path.isfile(path):
                continue
            if name.lower().endswith(_PICTURES) or _is_dicom(path):
                yield path


def _is_dicom(path: str) -> bool:
    try:
        return not path.lower().endswith(_PICTURES) and is_dicom(path)
    except OSError:
        return False
