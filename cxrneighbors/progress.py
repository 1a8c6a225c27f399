"""Progress bars and status lines on standard error, silenced together; in notebooks below the cell."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from html import escape
from typing import TypeVar

T = TypeVar("T")
DELAY, PERIOD = 1.0, 0.25  # seconds before a notebook's bar appears, and between two of its states
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
    """Iterate over `items` behind a progress bar; no bar when quiet, or without terminal and notebook."""
    if not _state["quiet"] and in_notebook():
        yield from _track_in_notebook(items, description, total)
        return
    if _state["quiet"] or not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track as rich_track

    yield from rich_track(items, description=description, total=total, console=Console(stderr=True))


def in_notebook() -> bool:
    """Whether this runs in a notebook's kernel, which can show HTML."""
    ipython = sys.modules.get("IPython")
    return getattr(ipython and ipython.get_ipython(), "kernel", None) is not None


def _track_in_notebook(items: Iterable[T], description: str, total: int | None) -> Iterator[T]:
    """A bar of plain HTML: needs no widgets, appears after a second and is gone at the end."""
    from IPython.display import display

    total = len(items) if total is None and isinstance(items, Sized) else total
    shown, due = None, time.monotonic() + DELAY
    try:
        for done, item in enumerate(items):
            if time.monotonic() >= due:
                bar = _bar(description, done, total)
                if shown is None:
                    shown = display(bar, raw=True, display_id=True)  # type: ignore[no-untyped-call]
                else:
                    shown.update(bar, raw=True)
                due = time.monotonic() + PERIOD
            yield item
    finally:
        if shown is not None:
            shown.update({"text/html": "", "text/plain": ""}, raw=True)


def _bar(description: str, done: int, total: int | None) -> dict[str, str]:
    known = "" if total is None else f' value="{done}" max="{total}"'
    count = f"{done}" if total is None else f"{done} of {total}"
    said = f"{description}: {count}"
    return {"text/html": f"<progress{known}></progress> {escape(said)}", "text/plain": said}
