"""What a killed process leaves while it writes: how it is named, found and removed.

What is being written is called .NAME.tmp-XXXXXXXX with a file's suffix behind it, an older folder that is
moved aside .NAME.old-XXXXXXXX. Whoever writes holds a lock on it, which ends with the process: what can be
locked is nobody's.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FRESH = 2.0  # seconds; what is younger may not be locked yet
_DRAWN = re.compile(r"\.(?P<name>.+)\.(tmp|old)-[a-z0-9_]{8}(\.[^.]*)?")


def lock(handle: int) -> None:
    """Lock an open file or folder, or raise OSError where another holds it. Does nothing on Windows."""
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def temporary_file(path: Path) -> Iterator[Path]:
    """Yield a new, locked file beside `path`, which is gone behind the block unless it was renamed."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.tmp-", suffix=path.suffix)
    try:
        with _locked(handle):
            yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """Yield a new, locked folder beside `path`, which is gone behind the block unless it was renamed."""
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.tmp-"))
    try:
        with _locked(os.open(temporary, os.O_RDONLY) if fcntl is not None else None):
            yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    """Yield a new folder in the system's temporary one; what killed runs left by this `name` goes first."""
    place = Path(tempfile.gettempdir()) / f"cxrneighbors-{name}"
    clear_left(place)
    with temporary_folder(place) as temporary:
        (temporary / name).mkdir()  # which a job may lock itself
        yield temporary / name


@contextmanager
def _locked(handle: int | None) -> Iterator[None]:
    """Hold a lock on an open handle, and close it; where there are no locks, at once, as Windows needs it."""
    if fcntl is None and handle is not None:
        os.close(handle)
        handle = None
    try:
        if handle is not None:
            with suppress(OSError):  # a file system without locks
                lock(handle)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def replace_dir(temporary: Path, final: Path) -> None:
    """Move folder `temporary` to `final`; an older `final` goes only once the new one stands."""
    if not final.exists():
        os.replace(temporary, final)
        return
    old = Path(tempfile.mkdtemp(dir=final.parent, prefix=f".{final.name}.old-"))
    os.replace(final, old / "old")
    os.replace(temporary, final)
    shutil.rmtree(old, ignore_errors=True)


def stands_for(name: str) -> str | None:
    """The name of what a file or folder called `name` was to become; None for one that is no leftover.

    >>> stands_for(".a.json.tmp-0abc_xyz.json"), stands_for(".idx.old-0abc_xyz"), stands_for(".my.notes")
    ('a.json', 'idx', None)
    """
    found = _DRAWN.fullmatch(name)
    return found["name"] if found is not None else None


def clear_left(path: Path) -> None:
    """Remove what was left beside `path` while `path` was written."""
    _clear(each for each in path.parent.iterdir() if stands_for(each.name) == path.name)


def clear_below(folder: Path, names: Iterable[str] = ()) -> None:
    """Remove what was left below `folder`, or in it and below `names` in it where others write there too."""
    _clear(folder.glob(".*") if names else folder.rglob(".*"))
    for name in names:
        _clear((folder / name).rglob(".*"))


def _clear(paths: Iterable[Path]) -> None:
    """Remove those of `paths` that are nobody's; an older folder that was moved aside comes back."""
    for left in [each for each in paths if stands_for(each.name) is not None]:
        emptied = _comes_back(left)
        with suppress(OSError):
            handle = os.open(left, os.O_RDONLY)
            try:
                lock(handle)
                if emptied or time.time() - left.stat().st_mtime > FRESH:
                    shutil.rmtree(left) if left.is_dir() else left.unlink()
            finally:
                os.close(handle)


def _comes_back(left: Path) -> bool:
    """Move an older folder back whose writer was killed within `replace_dir`; whether there was one."""
    final = left.parent / str(stands_for(left.name))
    if final.exists() or not (left / "old").is_dir():
        return False
    os.replace(left / "old", final)
    return True
