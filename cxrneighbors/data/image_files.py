"""Image files below a folder, by name."""

from __future__ import annotations

import os
from pathlib import Path


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
