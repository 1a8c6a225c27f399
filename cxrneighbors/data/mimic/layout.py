"""Where MIMIC-CXR keeps its files: folders, names and tables as PhysioNet publishes them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from cxrneighbors.errors import UserError
from cxrneighbors.processes import usable_cpus

SUFFIXES = {"mimic-cxr": ".dcm", "mimic-cxr-jpg": ".jpg"}
# Kind -> beginning and middle of the file's name; versions ('2.0.0', '2.1.0') stand between.
TABLES = {
    "records": ("cxr-record-list", ""),
    "studies": ("cxr-study-list", ""),
    "metadata": ("mimic-cxr-", "-metadata"),
    "chexpert": ("mimic-cxr-", "-chexpert"),
    "negbio": ("mimic-cxr-", "-negbio"),
    "split": ("mimic-cxr-", "-split"),
    "patients": ("patients", ""),
}


@dataclass
class Sources:
    """What was found: `files`, the folder of p10, p11, ... (None: no images there); `tables` by kind;
    `places`, the folders that were searched, in order; `notes` on what came from outside the root.
    """

    files: Path | None
    tables: dict[str, Path]
    places: list[Path]
    notes: list[str] = field(default_factory=list)


def image_file(subject: str, study: str, dicom: str, suffix: str) -> str:
    """An image's path below `files`.

    >>> image_file("10000032", "50414267", "02aa804e", ".dcm")
    'p10/p10000032/s50414267/02aa804e.dcm'
    """
    return f"p{subject[:2]}/p{subject}/s{study}/{dicom}{suffix}"


def report_file(subject: str, study: str) -> str:
    """A report's path below `files`.

    >>> report_file("10000032", "50414267")
    'p10/p10000032/s50414267.txt'
    """
    return f"p{subject[:2]}/p{subject}/s{study}.txt"


def find_sources(root: Path, form: str, tables: Path | None, patients: Path | None) -> Sources:
    """Search `root`, then the folder `tables`, then the sister data set beside `root` for the tables.

    PhysioNet spreads them: lists and reports come with the DICOM form, metadata, labels and split with the
    JPG form. The sister is looked for under its published name beside `root`, or beside the folder above it
    when `root` is a version such as '2.0.0'. `patients`: MIMIC-IV's table, or a folder that holds it (below
    'hosp' too). Raises `UserError` for a given path that does not hold what it is given for.
    """
    places = [root] if root.is_dir() else [root.parent]
    if tables is not None:
        if not tables.is_dir():
            raise UserError(f"{tables}: no such folder; give the folder that holds the {form} tables")
        if not any(_find_table(tables, kind) for kind in TABLES):
            raise UserError(f"{tables}: holds none of MIMIC-CXR's tables; give the folder that does")
        places.append(tables)
    places += _sisters(root, form)
    found: dict[str, Path] = {}
    notes = []
    for place in places:
        for kind in TABLES:
            if kind not in found and (path := _find_table(place, kind)):
                found[kind] = path
                if place != places[0] and place != tables:
                    notes.append(f"{path.name} is taken from {place}")
    if patients is not None:
        found["patients"] = _patients_table(patients)
    return Sources(_files_folder(places[0]), found, places, notes)


def walk_files(folder: Path, suffixes: Iterable[str]) -> dict[str, int]:
    """Files below `files` with one of `suffixes`: path such as 'p10/p10000032/s50414267.txt' -> bytes.

    One pass of `os.scandir` over the published depth (patient group, patient, study), groups in parallel.
    A study's folder that is a link is followed; a folder that cannot be listed counts as empty.
    """
    endings = tuple(suffixes)
    groups = [name for name in _names(folder) if name.startswith("p")]
    found: dict[str, int] = {}
    with ThreadPoolExecutor(max(4, usable_cpus())) as pool:
        for part in pool.map(lambda group: _walk(str(folder / group), group, endings, 2), groups):
            found.update(part)
    return found


def _walk(folder: str, relative: str, endings: tuple[str, ...], depth: int) -> dict[str, int]:
    found: dict[str, int] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = f"{relative}/{entry.name}"
                if entry.name.lower().endswith(endings):
                    try:
                        found[name] = entry.stat().st_size
                    except OSError:  # a link to nothing
                        continue
                elif depth and entry.is_dir():
                    found |= _walk(entry.path, name, endings, depth - 1)
    except OSError:
        return found
    return found


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _files_folder(root: Path) -> Path | None:
    """`root/files`, or `root` itself when the patient groups lie in it."""
    if (root / "files").is_dir():
        return root / "files"
    return root if any((root / name).is_dir() for name in _names(root) if _is_group(name)) else None


def _is_group(name: str) -> bool:
    return len(name) == 3 and name[0] == "p" and name[1:].isdigit()


def _sisters(root: Path, form: str) -> list[Path]:
    other = next(name for name in SUFFIXES if name != form)
    beside = [root.parent / other, root.parent.parent / other]
    versions = [beside[1] / name for name in reversed(_names(beside[1]))]
    return [path for path in dict.fromkeys([*beside, *versions]) if path.is_dir() and path != root]


def _find_table(folder: Path, kind: str) -> Path | None:
    start, middle = TABLES[kind]
    between = ".*" if middle else ""  # the version
    pattern = re.compile(rf"{re.escape(start)}{between}{re.escape(middle)}\.csv(\.gz)?")
    names = [name for name in _names(folder) if pattern.fullmatch(name)]
    return folder / names[-1] if names else None  # the newest release


def _patients_table(path: Path) -> Path:
    if path.is_file():
        return path
    for folder in (path, path / "hosp"):
        if found := _find_table(folder, "patients"):
            return found
    raise UserError(f"{path}: no patients.csv or patients.csv.gz there; give MIMIC-IV's table or its folder")
