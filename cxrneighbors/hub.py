"""Models by name of the Hugging Face hub or by folder: names, hashes of files, and what went wrong."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from cxrneighbors.errors import UserError
from cxrneighbors.files import sha256_file

WEIGHT_SUFFIXES = (".safetensors", ".bin")  # the first kind that a model has is the one that is loaded
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FILE_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".h5", ".keras")


_FETCH: ContextVar[bool] = ContextVar("fetch", default=True)


def may_fetch() -> bool:
    """Whether a hub model that is not in the local cache may be fetched; not inside `stay_offline`."""
    return _FETCH.get()


@contextmanager
def stay_offline() -> Iterator[None]:
    """Load hub models from the local cache alone: their names come from a file, not from the user."""
    token = _FETCH.set(False)
    try:
        yield
    finally:
        _FETCH.reset(token)


def is_hub_name(text: str) -> bool:
    """Whether `text` reads as OWNER/MODEL and not as a path to a file.

    >>> is_hub_name("google/mobilenet_v2_1.0_224"), is_hub_name("weights/mobilenet.safetensors")
    (True, False)
    """
    return bool(_HUB_NAME.fullmatch(text)) and not text.endswith(_FILE_SUFFIXES)


def is_sentence_model_name(text: str) -> bool:
    """Whether `text` reads as OWNER/MODEL, or as a model of sentence-transformers without its owner.

    >>> is_sentence_model_name("all-MiniLM-L6-v2"), is_sentence_model_name("minilmm")
    (True, False)
    """
    return is_hub_name(text) or ("-" in text and is_hub_name(f"sentence-transformers/{text}"))


def looks_like_path(name: str) -> bool:
    """Whether `name` can only be a path.

    >>> looks_like_path("./model"), looks_like_path("a/b/c"), looks_like_path("facebook/dinov2-base")
    (True, True, False)
    """
    return name.startswith((".", "/", "~")) or "\\" in name or name.count("/") > 1


def local_copy(name: str, revision: str | None = None) -> Path:
    """Folder of a hub model that has been loaded before; its own name is the commit."""
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(name, revision=revision, local_files_only=True))


def hash_model_files(folder: Path, settings: tuple[str, ...] = ()) -> str:
    """SHA-256 over names and bytes of the weight files in `folder`; '' where there are none.

    Files named in `settings` count too, where they are there.
    """
    for suffix in WEIGHT_SUFFIXES:
        files = sorted(path for path in folder.rglob(f"*{suffix}") if path.is_file())
        if files:
            files += [folder / name for name in settings if (folder / name).is_file()]
            lines = [f"{path.relative_to(folder).as_posix()} {sha256_file(path)}" for path in files]
            return hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return ""


def cannot_load(what: str, error: BaseException, remedy: str) -> UserError:
    """One line for a model that cannot be loaded; `what`: such as "report encoder 'nobody/nothing'"."""
    if not may_fetch():
        reason = "the index names it, it is neither a folder nor in the local cache, and nothing was fetched"
        return UserError(f"{what}: cannot be loaded ({reason}); allow it with --allow-download, or {remedy}")
    if _is_offline(error):
        reason = "neither a folder nor in the local cache, and the hub cannot be reached"
        return UserError(f"{what}: cannot be loaded ({reason}); {remedy}")
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return UserError(f"{what}: cannot be loaded ({re.split(r'[.!] ', lines[0])[0][:200]}); {remedy}")


def _is_offline(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, says that the hub was not reached."""
    from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled

    while error is not None:
        if isinstance(error, LocalEntryNotFoundError | OfflineModeIsEnabled | ConnectionError):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def less_chatter(keep_bars: bool, warnings: bool = True) -> Iterator[None]:
    """Keep loading quiet: mean pooling for a plain model is our documented choice, not a thing to warn of.

    `warnings`: those of transformers itself, such as weights that a model's files lack.
    """
    from transformers.utils import logging as module

    transformers_logging: Any = module  # it has no types
    logger = logging.getLogger("sentence_transformers")
    level = logger.level
    bars = transformers_logging.is_progress_bar_enabled()
    verbosity = transformers_logging.get_verbosity()
    logger.setLevel(logging.ERROR)
    if not warnings:
        transformers_logging.set_verbosity_error()
    if not keep_bars:
        transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        logger.setLevel(level)
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()
