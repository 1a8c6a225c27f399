"""Is a folder still what was written? Hashes of its manifest and of the models in it, computed again.

A manifest holds bytes and SHA-256 of the files beside it (`artifact`); a model's config.json a hash over its
tensors (`models`). Folders below, such as the films of many explanations or an index's encoders, are checked
by their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cxrneighbors.artifact import MANIFEST
from cxrneighbors.errors import UserError
from cxrneighbors.files import read_json, sha256_file
from cxrneighbors.models import CONFIG, WEIGHTS, read_tensors

NOUNS = ("encoder", "classifier", "segmenter")
_GIVE = "give a folder that a command of cxrneighbors wrote"


@dataclass(frozen=True)
class Verification:
    """What was found in one folder.

    `kind`: what it holds. `files`: those whose SHA-256 is in a manifest, `n_bytes` in all; `models`: folders
    whose tensors have the hash in their config.json. `unknown`: files that nothing describes, as
    a user's own, by path. `notes`: what could not be checked, and why.
    """

    kind: str
    files: tuple[str, ...]
    n_bytes: int
    models: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The same in words, a line each."""
        if not self.files and not self.models:
            return [f"{self.kind}: nothing could be checked", *self.notes]
        parts = [f"{len(self.files):,} files ({self.n_bytes / 1e6:,.1f} MB)"] if self.files else []
        parts += [f"weights of {len(self.models)} models"] if self.models else []
        left = [f"described by no manifest: {_listed(self.unknown)}"] if self.unknown else []
        return [f"{self.kind}: {' and '.join(parts)} are as they were written", *self.notes, *left]


@dataclass
class _Found:
    files: dict[str, int] = field(default_factory=dict)
    models: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def verify(folder: str | Path) -> Verification:
    """Compute every hash of a folder again: of embeddings, an index, a model, an evaluation, phantoms, ....

    Raises `UserError` naming the first difference, files in the order of the manifest: one that is missing,
    that lies outside, of another size or SHA-256, tensors that do not fit config.json. Likewise for a folder
    that holds neither manifest nor model, or whose command was interrupted.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: {'is a file' if folder.exists() else 'no such folder'}; {_GIVE}")
    manifests = sorted(folder.rglob(MANIFEST), key=lambda path: (len(path.parts), path))
    configs = [path for path in sorted(folder.rglob(CONFIG)) if _noun(path) is not None]
    if not manifests and not configs:
        raise UserError(f"{folder}: holds neither {MANIFEST} nor a model's {CONFIG}; {_GIVE}")
    found = _Found()
    for manifest in manifests:
        _check_manifest(folder, manifest, found)
    for config in configs:
        _check_model(folder, config.parent, found)
    top = _content(folder / MANIFEST) if (folder / MANIFEST).is_file() else {}
    kind = str(top.get("kind") or (_noun(folder / CONFIG) if (folder / CONFIG).is_file() else "folders"))
    described = {*found.files, *(f"{_below(model, name)}" for model in found.models for name in _OF_A_MODEL)}
    unknown = [name for name in _paths(folder) if name not in described]
    return Verification(
        kind,
        tuple(found.files),
        sum(found.files.values()),
        tuple(found.models),
        tuple(name for name in unknown if Path(name).name != MANIFEST),
        tuple(found.notes),
    )


_AGAIN = "make it again, or restore it from a copy"
_OF_A_MODEL = (CONFIG, WEIGHTS)


def _check_manifest(root: Path, path: Path, found: _Found) -> None:
    content, folder = _content(path), path.parent
    if not isinstance(content.get("kind"), str):
        raise UserError(f"{path}: describes nothing; {_AGAIN}")
    if not content.get("complete"):
        raise UserError(f"{folder}: unfinished {content.get('kind')}; run the command that made it again")
    files = content.get("files")
    if files is not None and not isinstance(files, dict):
        raise UserError(f"{path}: its files are no table; {_AGAIN}")
    if files is None:
        found.notes.append(f"{path}: holds no hashes of files, so nothing beside it was compared")
        return
    for name, described in files.items():
        found.files[_below(_relative(root, folder), name)] = _check_file(path, name, described)


def _check_file(manifest: Path, name: str, described: Any) -> int:
    """Compare one file with its entry: its bytes; a `UserError` says what differs."""
    path = manifest.parent / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise UserError(f"{manifest}: names {name}, which lies outside its folder; do not use it")
    if not isinstance(described, dict) or not {"bytes", "sha256"} <= described.keys():
        raise UserError(f"{manifest}: says nothing of {name}; do not use it")
    if not path.is_file():
        raise UserError(f"{path}: is missing; the manifest has it with {described['bytes']} bytes; {_AGAIN}")
    size = path.stat().st_size
    if size != described["bytes"]:
        said = f"{size} bytes where the manifest has {described['bytes']}"
        raise UserError(f"{path}: changed, {said}; {_AGAIN}")
    if (digest := sha256_file(path)) != described["sha256"]:
        was = str(described["sha256"])
        said = f"SHA-256 {digest[:12]}... where the manifest has {was[:12]}..."
        raise UserError(f"{path}: changed, {said}; {_AGAIN}")
    return size


def _check_model(root: Path, folder: Path, found: _Found) -> None:
    config = _content(folder / CONFIG)
    if not config.get("weights_hash"):
        return  # a descriptor without weights
    if not (folder / WEIGHTS).is_file():
        found.notes.append(f"{folder / CONFIG}: its weights lie elsewhere and were not compared")
        return
    read_tensors(folder, str(_noun(folder / CONFIG)))
    found.models.append(_relative(root, folder))


def _content(path: Path) -> dict[str, Any]:
    content = read_json(path, remedy=_GIVE)
    return content if isinstance(content, dict) else {}


def _noun(path: Path) -> str | None:
    """What a config.json is of: encoder, classifier, segmenter; None for one of another program."""
    content = _content(path)
    return next((noun for noun in NOUNS if {noun, "config"} <= content.keys()), None)


def _paths(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]


def _relative(root: Path, folder: Path) -> str:
    return folder.relative_to(root).as_posix()


def _below(folder: str, name: str) -> str:
    return name if folder == "." else f"{folder}/{name}"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
