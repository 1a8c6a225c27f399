"""Atomic writing and hashing of files: a reader never meets half a file."""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from cxrneighbors.errors import UserError

FRESH = 2.0
_TORCH = r"PytorchStreamWriter failed|file write failed|iostream error|unexpected pos \d+ vs"


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Let what cannot be written in the block be an OSError that names `path`.

    Errors that name no file, or a temporary one of `path`, get its name; safetensors', torch's and NumPy's
    own errors for a full disk become an OSError. Errors of other files stay.
    """
    path = Path(path)
    try:
        yield
    except OSError as error:
        if error.errno is None and re.search(r"requested and \d+ written", str(error)):  # NumPy
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        if error.errno is None and (found := re.search(r"\[Errno (\d+)\]", str(error))):  # shutil.Error
            raise OSError(int(found[1]), os.strerror(int(found[1])), str(path)) from error
        if error.filename is None or f"/.{path.name}." in f"/{error.filename}":
            error.filename = str(path)
        raise
    except Exception as error:
        if found := re.search(r"\(os error (\d+)\)", str(error)):  # safetensors
            raise OSError(int(found[1]), os.strerror(int(found[1])), str(path)) from error
        if re.search(_TORCH, str(error)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it takes the final name only if the block ends well."""
    path = Path(path)
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def write_bytes_atomic(path: str | Path, content: bytes) -> None:
    """Write `content` to `path` in one step."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text_atomic(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8 to `path` in one step."""
    write_bytes_atomic(path, text.encode("utf-8"))


def write_json_atomic(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON, keys in their order; NaN is refused, see `plain`."""
    write_text_atomic(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def plain(value: Any) -> Any:
    """The same value in types that JSON knows: NumPy's become Python's, NaN and infinity None, tuples lists.

    >>> plain({"p": float("nan"), "counts": np.arange(2)})
    {'p': None, 'counts': [0, 1]}
    """
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


@contextmanager
def atomic_dir(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; it replaces `path` only if the block ends without an error."""
    path = Path(path)
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_left(path)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        handle = os.open(temporary, os.O_RDONLY)
        try:
            with suppress(OSError):  # a file system without locks
                lock(handle)
            os.chmod(temporary, 0o755)
            yield temporary
            replace_dir(temporary, path)
        finally:
            os.close(handle)
            shutil.rmtree(temporary, ignore_errors=True)


def replace_dir(temporary: Path, final: Path) -> None:
    """Move folder `temporary` to `final`; an older `final` goes only once the new one stands."""
    if not final.exists():
        os.replace(temporary, final)
        return
    old = Path(tempfile.mkdtemp(dir=final.parent, prefix=f".{final.name}.old."))
    os.replace(final, old / "old")
    os.replace(temporary, final)
    shutil.rmtree(old, ignore_errors=True)


def clear_left(path: Path) -> None:
    """Remove folders that a killed process left beside folder `path` while it wrote there.

    An older `path` that it had moved aside comes back. Whoever writes holds a lock on its temporary folder,
    which ends with the process; what is younger than `FRESH` seconds is left alone too.
    """
    for old in path.parent.glob(f".{glob.escape(path.name)}.old.*/old"):
        if not path.exists():  # killed between the two steps of `replace_dir`
            os.replace(old, path)
    drawn = re.compile(re.escape(f".{path.name}.") + r"(old\.)?[a-z0-9_]{8}")
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        if not drawn.fullmatch(left.name) or not left.is_dir():
            continue
        with suppress(OSError):
            handle = os.open(left, os.O_RDONLY)
            try:
                lock(handle)
                if time.time() - left.stat().st_mtime > FRESH:
                    shutil.rmtree(left)
            finally:
                os.close(handle)


def lock(handle: int) -> None:
    """Lock an open folder, or raise OSError where another holds it; nothing where there are no locks."""
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def sha256_file(path: str | Path) -> str:
    """SHA-256 of a file's bytes as 64 hex digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_json(path: str | Path, remedy: str) -> Any:
    """Read JSON; a missing or broken file becomes a one-line error that ends with `remedy`."""
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; {remedy}") from None
    except (OSError, RecursionError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error}); {remedy}") from None
