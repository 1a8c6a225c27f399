"""How often the last patients were looked at: a ledger of runs with --last-look, in encoders_looks.json."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cxrneighbors.files import read_json, write_json_atomic

LEDGER = "encoders_looks.json"


def looks(folder: Path) -> list[dict[str, Any]]:
    """The runs so far: {"look": 1, "encoders": [names]} and so on."""
    path = folder / LEDGER
    return list(read_json(path, remedy="restore it")["looks"]) if path.exists() else []


def record_look(folder: Path, encoders: Sequence[str]) -> None:
    """Add a run, before it shows anything."""
    known = looks(folder)
    write_json_atomic(
        folder / LEDGER, {"looks": [*known, {"look": len(known) + 1, "encoders": list(encoders)}]}
    )


def times_looked(folder: Path) -> dict[str, int]:
    """Looks so far by encoder; those that were never looked at are missing."""
    names = [name for look in looks(folder) for name in look["encoders"]]
    return {name: names.count(name) for name in dict.fromkeys(names)}
