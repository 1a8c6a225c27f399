"""Image files below a folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cxrneighbors.errors import UserError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".dcm", ".dicom", ".dic")


def image_files(given: Sequence[str | Path]) -> list[Path]:
    """Files as they are given, and of a folder all images below it, by name."""
    files: list[Path] = []
    for path in map(Path, given):
        if not path.is_dir():
            files.append(path)
            continue
        found = sorted(each for each in path.rglob("*") if each.suffix.lower() in IMAGE_SUFFIXES)
        if not found:
            raise UserError(f"{path}: holds no image ({', '.join(IMAGE_SUFFIXES)}); give files or a folder")
        files += found
    return files


def find_images(
    root: Path, suffixes: tuple[str, ...] = (".png", ".jpg", ".jpeg")
) -> dict[str, tuple[str, int]]:
    """Every image below `root`, file name -> (path, bytes); of equal names the one nearest to `root`."""
    found: dict[str, tuple[str, int]] = {}
    folders, visited = [str(root)], set()
    while folders:  # breadth first, so that the first of equal names is the nearest
        below: list[str] = []
        for folder in folders:
            if (real := os.path.realpath(folder)) in visited:  # links may lead back up
                continue
            visited.add(real)
            with os.scandir(folder) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    if entry.is_dir():
                        below.append(entry.path)
                    elif entry.name.lower().endswith(suffixes) and entry.name not in found:
                        found[entry.name] = (entry.path, entry.stat().st_size)
        folders = below
    return found
