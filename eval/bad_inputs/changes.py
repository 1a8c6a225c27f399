"""Damage that a case does to the folder: each returns a function of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cxrneighbors.artifact import MANIFEST, describe_files

Act = Callable[[Path], None]


def write(name: str, content: str | bytes) -> Act:
    def act(here: Path) -> None:
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return act


def cut(name: str, share: float = 0.5) -> Act:
    """The end is missing."""

    def act(here: Path) -> None:
        content = (here / name).read_bytes()
        (here / name).write_bytes(content[: int(len(content) * share)])

    return act


def flip(name: str, place: float = 0.5) -> Act:
    """Sixteen bytes are others, from that part of the file on."""

    def act(here: Path) -> None:
        content = bytearray((here / name).read_bytes())
        start = min(int(len(content) * place), len(content) - 1)
        for byte in range(start, min(start + 16, len(content))):
            content[byte] ^= 0xFF
        (here / name).write_bytes(bytes(content))

    return act


def replace(name: str, old: str, new: str) -> Act:
    def act(here: Path) -> None:
        text = (here / name).read_text()
        assert old in text, f"{name}: holds no {old!r}"
        (here / name).write_text(text.replace(old, new, 1))

    return act


def remove(name: str) -> Act:
    def act(here: Path) -> None:
        shutil.rmtree(here / name) if (here / name).is_dir() else (here / name).unlink()

    return act


def copy(source: str, name: str) -> Act:
    def act(here: Path) -> None:
        if (here / source).is_dir():
            shutil.copytree(here / source, here / name, dirs_exist_ok=True)
        else:
            (here / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(here / source, here / name)

    return act


def in_json(name: str, *keys: str | int, to: Any) -> Act:
    """One value of a JSON file is another; `to=...`: is missing."""

    def act(here: Path) -> None:
        found = inner = json.loads((here / name).read_text())
        for key in keys[:-1]:
            inner = inner[key]
        if to is ...:
            del inner[keys[-1]]
        else:
            inner[keys[-1]] = to
        (here / name).write_text(json.dumps(found))

    return act


def in_table(name: str, change: Callable[[Any], Any]) -> Act:
    """A Parquet table is another, its metadata kept."""

    def act(here: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pq.read_table(here / name)
        found = pa.Table.from_pandas(change(table.to_pandas()), preserve_index=False)
        pq.write_table(found.replace_schema_metadata(table.schema.metadata), here / name)

    return act


def rehashed(folder: str) -> Act:
    """The manifest's hashes are those of the files as they are now: of one who means harm."""

    def act(here: Path) -> None:
        path = here / folder / MANIFEST
        manifest = json.loads(path.read_text())
        manifest["files"] = describe_files(here / folder, {name.split("/")[0] for name in manifest["files"]})
        path.write_text(json.dumps(manifest))

    return act


def both(*acts: Act) -> Act:
    def act(here: Path) -> None:
        for each in acts:
            each(here)

    return act
