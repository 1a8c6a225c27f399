"""Atomic writing and hashing of files: a reader never meets half a file."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from cxrneighbors.errors import UserError
from cxrneighbors.leftovers import clear_left, replace_dir, temporary_file, temporary_folder

_TORCH = r"PytorchStreamWriter failed|file write failed|iostream error|unexpected pos \d+ vs"


def check_parents(path: str | Path) -> None:
    """Raise `UserError` where `path` cannot be made because something above it is a file."""
    for above in Path(path).parents:
        if above.is_dir():
            return
        if above.exists():
            raise UserError(f"{above}: is a file; give another path: nothing can lie below it")


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
def atomic_path(path: str | Path, clear: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it takes the final name only if the block ends well.

    `clear`: remove first what killed writers of `path` left, for a file that is in no job's folder.
    """
    path = Path(path)
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if clear:
            clear_left(path)
        with temporary_file(path) as temporary:
            yield temporary
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)


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
        with temporary_folder(path) as temporary:
            os.chmod(temporary, 0o755)
            yield temporary
            replace_dir(temporary, path)


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
