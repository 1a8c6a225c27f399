"""Folders are checked by hashes computed another way; one changed byte is named."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest

from cxrneighbors.artifact import MANIFEST, Kind
from cxrneighbors.errors import UserError
from cxrneighbors.models import save_model
from cxrneighbors.verification import verify


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A manifest written by hand: the SHA-256 of 'abc' is that of FIPS 180-4."""
    folder = tmp_path / "made"
    (folder / "sub").mkdir(parents=True)
    (folder / "one.bin").write_bytes(b"abc")
    (folder / "sub" / "two.bin").write_bytes(b"")
    digests = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", hashlib.sha256().hexdigest()
    files = {"one.bin": {"bytes": 3, "sha256": digests[0]}, "sub/two.bin": {"bytes": 0, "sha256": digests[1]}}
    content = {"kind": "index", "format": 3, "complete": True, "files": files}
    (folder / MANIFEST).write_text(json.dumps(content))
    return folder


def change(folder: Path, **values: object) -> None:
    content = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(content | values))


def test_a_folder_as_it_was_written(folder: Path) -> None:
    (folder / "mine.txt").write_text("notes")
    found = verify(folder)
    assert (found.kind, found.files, found.n_bytes) == ("index", ("one.bin", "sub/two.bin"), 3)
    assert found.unknown == ("mine.txt",)
    assert found.lines()[0] == "index: 2 files (0.0 MB) are as they were written"
    assert "mine.txt" in found.lines()[-1]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda f: (f / "one.bin").write_bytes(b"abd"), "one.bin: changed, SHA-256"),
        (lambda f: (f / "sub" / "two.bin").write_bytes(b"x"), "two.bin: changed, 1 bytes where"),
        (lambda f: (f / "one.bin").unlink(), "one.bin: is missing; the manifest has it with 3 bytes"),
        (lambda f: change(f, complete=False), "unfinished index"),
        (lambda f: change(f, files="x"), "its files are no table; make it again"),
        (lambda f: change(f, kind=None), "describes nothing; make it again"),
        (lambda f: change(f, files={"../x": {"bytes": 1, "sha256": ""}}), "lies outside its folder"),
        (lambda f: change(f, files={"one.bin": 3}), "says nothing of one.bin"),
        (lambda f: (f / MANIFEST).write_text("{"), "cannot be read as JSON"),
        (lambda f: (f / MANIFEST).unlink(), "holds neither manifest.json nor a model's config.json"),
    ],
)
def test_the_first_difference_is_named(folder: Path, harm: object, said: str) -> None:
    harm(folder)  # type: ignore[operator]
    with pytest.raises(UserError) as error:
        verify(folder)
    assert said in str(error.value)


def test_every_single_byte_counts(folder: Path) -> None:
    whole = os.urandom(64)
    (folder / "one.bin").write_bytes(whole)
    entry = {"bytes": 64, "sha256": hashlib.sha256(whole).hexdigest()}
    change(folder, files={"one.bin": entry})
    verify(folder)
    for place in range(64):
        (folder / "one.bin").write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(UserError, match="changed"):
            verify(folder)


def test_a_model_without_manifest_by_its_tensors(tmp_path: Path) -> None:
    save_model(tmp_path / "vae", "encoder", "vae", {}, {"w": np.arange(4, dtype=np.float32)})
    found = verify(tmp_path / "vae")
    assert found.kind == "encoder" and found.models == (".",) and not found.unknown
    other = tmp_path / "other"
    save_model(other, "encoder", "vae", {}, {"w": np.arange(1, 5, dtype=np.float32)})
    os.replace(other / "model.safetensors", tmp_path / "vae" / "model.safetensors")
    with pytest.raises(UserError, match=r"does not fit config\.json beside it"):
        verify(tmp_path / "vae")


def test_tensors_swapped_under_rewritten_hashes_are_found(folder: Path) -> None:
    """Who rewrites the manifest's hashes has still to rewrite the model's own."""
    inner = folder / "encoders"
    save_model(inner, "encoder", "vae", {}, {"w": np.zeros(3, dtype=np.float32)})
    weights = (inner / "model.safetensors").read_bytes()
    save_model(inner, "encoder", "vae", {}, {"w": np.ones(3, dtype=np.float32)})
    (inner / "model.safetensors").write_bytes(weights)
    names = ("encoders/config.json", "encoders/model.safetensors")
    change(folder, files={
        name: {"bytes": (folder / name).stat().st_size,
               "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest()}
        for name in names
    })  # fmt: skip
    with pytest.raises(UserError, match=r"does not fit config\.json"):
        verify(folder)


def test_what_an_older_manifest_cannot_tell_is_said(tmp_path: Path) -> None:
    work = Kind("phantoms", 1, "import").begin(tmp_path / "old", {"seed": 0})
    work.finish()
    content = json.loads((tmp_path / "old" / MANIFEST).read_text())
    del content["files"]
    (tmp_path / "old" / MANIFEST).write_text(json.dumps(content))
    (tmp_path / "old" / "film.png").write_bytes(b"x")
    first, note = verify(tmp_path / "old").lines()
    assert first == "phantoms: nothing could be checked" and "holds no hashes of files" in note


def test_folders_below_are_checked_by_their_own_manifests(folder: Path, tmp_path: Path) -> None:
    kind = Kind("explanations", 1, "explain")
    work = kind.begin(tmp_path / "many", {"seed": 0})
    os.rename(folder, tmp_path / "many" / "film")
    work.finish(files=[f"film/{MANIFEST}"])
    assert verify(tmp_path / "many").files == (f"film/{MANIFEST}", "film/one.bin", "film/sub/two.bin")
    (tmp_path / "many" / "film" / "one.bin").write_bytes(b"abd")
    with pytest.raises(UserError, match=r"film/one\.bin: changed"):
        verify(tmp_path / "many")
