"""Folders that a job writes: planned, resumed, finished, and checked when they are read.

Each holds `manifest.json`: kind and format, the plan (all that decides the content), `complete`, what came
out, and bytes and SHA-256 of its files. Plan and results stand side by side in it, so that a reader needs no
other file to know what made the folder.

    kind = Kind("embeddings", version=2, made_by="encode")
    work = kind.begin(folder, plan)        # new, or the unfinished one with the same plan; else a UserError
    if not work.complete:
        ...                                # write what is missing; a kill here loses nothing
        work.finish({"count": 12})         # the manifest is the last file written
    content = kind.read(folder)            # a complete folder, unchanged since
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxrneighbors.errors import UserError
from cxrneighbors.files import atomic_dir, plain, read_json, sha256_file, write_json_atomic
from cxrneighbors.leftovers import clear_below, stands_for
from cxrneighbors.locks import hold, release
from cxrneighbors.progress import say

MANIFEST = "manifest.json"
_ANOTHER = "give another folder, or delete this one"


@dataclass(frozen=True)
class Kind:
    """One kind of folder: `name` in messages, `version` of its format, `made_by`: what a user runs for it."""

    name: str
    version: int
    made_by: str

    def begin(
        self,
        folder: str | Path,
        plan: Mapping[str, Any],
        restart: bool = False,
        own: tuple[str, ...] = (),
        scratch: tuple[str, ...] = (),
    ) -> Work:
        """Start the folder that `plan` describes, or continue the one there with the same plan.

        `restart`: begin again over another plan of this kind; files stay until they are written over.
        `own`: names that this kind writes; with them only these are in the way, other files may lie beside.
        `scratch`: folders that only unfinished work needs, such as checkpoints: removed when work begins
        anew, and not described by the manifest.
        What a killed run left half-written is removed, and until the folder is finished it is locked for this
        process.
        Raises `UserError` naming what differs, that the folder holds something else, or that another process
        writes to it.
        """
        folder, wanted = Path(folder), _through_json(plan)
        found = self._found(folder, own) if restart else self.check_free(folder, wanted, own)
        if folder.is_dir():
            clear_below(folder, own)
        if found is not None and not restart and found["complete"]:
            return Work(self, folder, wanted, True, True, own, scratch)
        folder.mkdir(parents=True, exist_ok=True)
        hold(folder)
        if found is not None and not restart:
            return Work(self, folder, wanted, False, True, own, scratch)
        for name in scratch if found is not None else ():
            shutil.rmtree(folder / name, ignore_errors=True)
        write_json_atomic(folder / MANIFEST, self._head(False) | wanted)
        return Work(self, folder, wanted, False, False, own, scratch)

    def check_free(
        self, folder: str | Path, plan: Mapping[str, Any], own: tuple[str, ...] = ()
    ) -> dict[str, Any] | None:
        """The manifest that lies in `folder`, of this kind and with this plan, or None; writes nothing.

        Raises `UserError` as `begin` does, for a verb that wants to know before its work. `plan` may be a
        part of it.
        """
        folder = Path(folder)
        found = self._found(folder, own)
        if found is not None and found["format"] != self.version:
            raise UserError(
                f"{folder}: holds {self.name} of format {found['format']!r}, this version writes "
                f"{self.version}; {_ANOTHER}"
            )
        for name, old, new in differences(found, _through_json(plan)) if found is not None else ():
            made = f"{self.name} made with {name} {_short(old)}, now {_short(new)}"
            raise UserError(f"{folder}: holds {made}; {_ANOTHER}")
        return found

    def read(self, folder: str | Path, check: bool = True) -> dict[str, Any]:
        """The manifest of a complete folder; `check`: every file must be what was written.

        Raises `UserError` for a missing, unfinished, foreign or changed folder.
        """
        folder = Path(folder)
        path = folder / MANIFEST
        found = read_json(path, remedy=f"give a folder that {self.made_by} wrote")
        if not isinstance(found, dict) or found.get("kind") != self.name:
            raise UserError(f"{path}: does not describe {self.name}; give a folder that {self.made_by} wrote")
        if found.get("format") != self.version:
            raise UserError(
                f"{path}: format {found.get('format')!r}, this version reads {self.version}; "
                f"run {self.made_by} again"
            )
        if not found.get("complete"):
            raise UserError(f"{folder}: {self.made_by} was interrupted; run it again, it continues")
        if check:
            self._check_files(folder, found.get("files", {}))
        return found

    @contextmanager
    def replacing(self, folder: str | Path, content: Mapping[str, Any]) -> Iterator[Path]:
        """Yield an empty folder that becomes `folder`, finished with `content`, if the block ends well.

        An older one of this kind goes only then; a folder that holds anything else is a `UserError`.
        """
        folder = Path(folder)
        self._found(folder, ())
        with atomic_dir(folder) as temporary:
            yield temporary
            Work(self, temporary, _through_json(content), False, False).finish()

    def _head(self, complete: bool) -> dict[str, Any]:
        return {"kind": self.name, "format": self.version, "complete": complete}

    def _found(self, folder: Path, own: tuple[str, ...]) -> dict[str, Any] | None:
        """The manifest that lies there, or None where nothing of ours is in the way."""
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{folder}: is a file; give a folder for the {self.name}")
        path = folder / MANIFEST
        if path.is_file():
            found = read_json(path, remedy=_ANOTHER)
            if isinstance(found, dict) and found.get("kind") == self.name:
                return {"format": None, "complete": False} | found
        elif not folder.exists() or not any((folder / name).exists() for name in own or _names(folder)):
            return None
        raise UserError(f"{folder}: holds other files, not {self.name}; give a new or empty folder")

    def _check_files(self, folder: Path, files: Any) -> None:
        parts = files.values() if isinstance(files, dict) else [None]
        if not all(isinstance(part, dict) and {"bytes", "sha256"} <= part.keys() for part in parts):
            raise UserError(f"{folder / MANIFEST}: its files are no table; run {self.made_by} again")
        for name, described in files.items():
            path = folder / name
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise UserError(f"{folder / MANIFEST}: {name} lies outside; run {self.made_by} again")
            if not path.is_file():
                raise UserError(f"{path}: file of the {self.name} is missing; run {self.made_by} again")
            if path.stat().st_size != described["bytes"] or sha256_file(path) != described["sha256"]:
                raise UserError(f"{path}: changed since it was written; run {self.made_by} again")


@dataclass
class Work:
    """A folder being written. `complete`: nothing is left to do; `resumed`: it was begun earlier."""

    kind: Kind
    folder: Path
    plan: dict[str, Any]
    complete: bool
    resumed: bool
    own: tuple[str, ...] = ()
    scratch: tuple[str, ...] = ()

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """Take back a plan that was new when the block raises a `UserError`: it cannot be carried out."""
        try:
            yield
        except UserError:
            if not self.resumed:
                (self.folder / MANIFEST).unlink()
                release(self.folder)
                if not _names(self.folder):
                    self.folder.rmdir()
            raise

    def reopen(self, plan: Mapping[str, Any] | None = None) -> None:
        """Mark a complete folder as unfinished, before more is added to it; `plan`: what it is to become."""
        if plan is not None:
            self.plan = _through_json(plan)
        hold(self.folder)
        write_json_atomic(self.folder / MANIFEST, self.kind._head(False) | self.plan)
        self.complete = False

    def finish(
        self, result: Mapping[str, Any] | None = None, files: Iterable[str] | None = None
    ) -> dict[str, Any]:
        """Write the complete manifest: the plan, `result` merged into it, and the hash of every (own) file.

        `files`: names of files and folders to describe in their place, where others write here too.
        """
        content = self.kind._head(True) | merged(self.plan, _through_json(result or {}))
        names = (self.own or _names(self.folder)) if files is None else files
        content["files"] = describe_files(self.folder, set(names) - set(self.scratch))
        write_json_atomic(self.folder / MANIFEST, content)
        self.complete = True
        release(self.folder)
        return content


def describe_files(folder: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Bytes and SHA-256 of the files `names` of `folder`, and of all below folders among them, by path."""
    tops = [folder / name for name in sorted(names) if name != MANIFEST]
    paths = [path for top in tops for path in sorted([top, *top.rglob("*")]) if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
        for path in paths
    }


def differences(
    found: Mapping[str, Any], plan: Mapping[str, Any], above: str = ""
) -> list[tuple[str, Any, Any]]:
    """(name, there, now) of each value of `plan` that `found` has otherwise; results in `found` do not count.

    >>> differences({"seed": 0, "model": {"dim": 60}, "count": 5}, {"seed": 0, "model": {"dim": 30}})
    [('model dim', 60, 30)]
    """
    rows: list[tuple[str, Any, Any]] = []
    for name, new in plan.items():
        old = found.get(name)
        if isinstance(new, dict) and isinstance(old, dict):
            rows += differences(old, new, f"{above}{name} ")
        elif old != new:
            rows.append((f"{above}{name}".replace("_", " "), old, new))
    return rows


def merged(plan: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """`plan` with `result` added, inside nested dicts too.

    >>> merged({"image": {"encoder": "vae"}}, {"image": {"dim": 60}, "count": 5})
    {'image': {'encoder': 'vae', 'dim': 60}, 'count': 5}
    """
    both = dict(plan)
    for name, value in result.items():
        inner = both.get(name)
        both[name] = merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return both


def newest_checkpoint(folder: Path, pattern: str = "*.ckpt", keys: Iterable[str] = ()) -> Path | None:
    """The last checkpoint by name in `folder` that can be read; a damaged one gives way to the next older.

    `keys`: what it must hold. Each is read with weights_only: one that would run code when unpickled counts
    as damaged.
    """
    import torch

    for path in sorted(folder.glob(pattern), reverse=True):
        try:
            found = torch.load(path, map_location="cpu", weights_only=True)
            for key in keys:
                found[key]
        except Exception as error:
            say(f"{path}: checkpoint cannot be used ({type(error).__name__}), trying an older one")
            continue
        return path
    return None


def _names(folder: Path) -> list[str]:
    """What lies in `folder` but a killed run's leftovers."""
    return [path.name for path in folder.iterdir() if stands_for(path.name) is None]


def _through_json(value: Mapping[str, Any]) -> dict[str, Any]:
    """As it comes back from the file, so that both sides of a comparison went the same way."""
    content: dict[str, Any] = json.loads(json.dumps(plain(value)))
    return content


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
