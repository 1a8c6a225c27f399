"""One run a folder: a lock that ends with the process that holds it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from cxrneighbors.errors import UserError
from cxrneighbors.leftovers import lock

_HELD: dict[Path, int] = {}  # of this process: folder -> open handle


def hold(folder: Path) -> None:
    """Lock `folder`, which must be there, for this process; nothing where it holds it or there are no locks.

    Raises `UserError` where another process holds it. The lock is on the folder itself, no file is written,
    and however the process ends, nothing is left behind.
    """
    place = folder.resolve()
    if place in _HELD:
        return
    handle = os.open(place, os.O_RDONLY)
    try:
        lock(handle)
    except BlockingIOError:
        os.close(handle)
        raise UserError(
            f"{folder}: another run is writing here; wait for it, or give another folder"
        ) from None
    except OSError:  # a file system without locks
        os.close(handle)
        return
    _HELD[place] = handle


def release(folder: Path) -> None:
    """Let go of `folder`; nothing where this process does not hold it."""
    handle = _HELD.pop(folder.resolve(), None)
    if handle is not None:
        with suppress(OSError):
            os.close(handle)
