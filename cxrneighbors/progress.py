"""Progress bars and status lines on standard error, silenced together."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
_state = {"quiet": False}


def quiet(on: bool = True) -> None:
    """Silence (or restore) every progress bar and status line of the package."""
    _state["quiet"] = on


def is_quiet() -> bool:
    """Whether progress output is silenced."""
    return _state["quiet"]


def say(text: str) -> None:
    """Print one status line to standard error unless quiet."""
    if not _state["quiet"]:
        print(text, file=sys.stderr, flush=True)


def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Iterate over `items` behind a progress bar; no bar when quiet or when standard error is no terminal."""
    if _state["quiet"] or not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track as rich_track

    yield from rich_track(items, description=description, total=total, console=Console(stderr=True))
