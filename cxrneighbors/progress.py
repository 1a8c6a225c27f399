"""Progress on standard error, silenced together: bars, in notebooks too, elsewhere a line now and then."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from html import escape
from typing import TypeVar

from cxrneighbors.errors import Terminated

T = TypeVar("T")
DELAY, PERIOD = 1.0, 0.25  # seconds before a notebook's bar appears, and between two of its states
EVERY = 30.0  # seconds between two lines of what has no bar
_state = {"quiet": False, "ended": False}


def quiet(on: bool = True) -> None:
    """Silence (or restore) every progress bar and status line of the package."""
    _state["quiet"] = on


def is_quiet() -> bool:
    """Whether progress output is silenced."""
    return _state["quiet"]


def end(on: bool = True) -> None:
    """Let whatever is tracked raise `Terminated` at its next item.

    For a SIGTERM whose own exception was lost, as all are that are raised in a callback of compiled code.
    """
    _state["ended"] = on


def say(text: str) -> None:
    """Print one status line to standard error unless quiet."""
    if not _state["quiet"]:
        print(printable(text), file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Text for a terminal, which takes control characters in a table's names for commands.

    >>> printable("a\\x1b[31m")
    'a\\\\x1b[31m'
    """
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda found: f"\\x{ord(found[0]):02x}", text)


def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Iterate over `items` behind a progress bar; without terminal and notebook a line every half minute."""
    for item in _shown(items, description, total):
        if _state["ended"]:
            raise Terminated
        yield item


def _shown(items: Iterable[T], description: str, total: int | None) -> Iterator[T]:
    if _state["quiet"]:
        yield from items
        return
    if in_notebook():
        yield from _track_in_notebook(items, description, total)
        return
    if not sys.stderr.isatty():
        yield from _track_in_lines(items, description, total)
        return
    from rich.console import Console
    from rich.progress import track as rich_track

    yield from rich_track(items, description=description, total=total, console=Console(stderr=True))


def in_notebook() -> bool:
    """Whether this runs in a notebook's kernel, which can show HTML."""
    ipython = sys.modules.get("IPython")
    return getattr(ipython and ipython.get_ipython(), "kernel", None) is not None


class Lines:
    """A line every `EVERY` seconds on how far some work is: for what runs long where nobody sees a bar."""

    def __init__(self, description: str) -> None:
        self.description = description
        self._time, self._done = time.monotonic(), 0

    def reached(self, done: int, total: int | None) -> None:
        """Say that `done` of `total` parts are done, if it is time; the time left follows the last ones'."""
        passed = time.monotonic() - self._time
        if passed < EVERY:
            return
        line = f"{self.description}: {done}" if total is None else f"{self.description}: {done} of {total}"
        if total is not None and done > self._done:
            line += f", about {_duration((total - done) * passed / (done - self._done))} left"
        say(line)
        self._time, self._done = time.monotonic(), done


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _track_in_lines(items: Iterable[T], description: str, total: int | None) -> Iterator[T]:
    total = len(items) if total is None and isinstance(items, Sized) else total
    lines = Lines(description)
    for done, item in enumerate(items):
        lines.reached(done, total)
        yield item


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
