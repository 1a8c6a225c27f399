"""The verb `verify` over every kind of folder that the main job writes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

FOLDERS = {
    "phantom": "phantoms",
    "vae": "VAE training",
    "emb": "embeddings",
    "idx": "index",
    "ev": "evaluation",
    "clf": "classifier",
    "ex": "explanation",
}


def test_every_folder_of_the_main_job(
    place: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    for name, kind in FOLDERS.items():
        capsys.readouterr()
        assert call("-q", "verify", place / name) == 0, name
        said = capsys.readouterr().out
        assert said.startswith(f"{kind}: ") and "as they were written" in said, said
        assert "holds no hashes" not in said, said


@pytest.mark.parametrize("name", [name for name in FOLDERS if name != "clf"])
def test_a_changed_byte_of_any_described_file_is_named(
    name: str, place: Path, tmp_path: Path, error_of: Callable[..., str]
) -> None:
    shutil.copytree(place / name, tmp_path / "copy")
    files = json.loads((tmp_path / "copy" / "manifest.json").read_text())["files"]
    assert files
    last = tmp_path / "copy" / list(files)[-1]
    whole = bytearray(last.read_bytes())
    whole[len(whole) // 2] ^= 1
    last.write_bytes(bytes(whole))
    assert f"{last}: changed, SHA-256" in error_of("verify", tmp_path / "copy")


def test_a_file_or_nothing(tmp_path: Path, error_of: Callable[..., str]) -> None:
    assert "no such folder" in error_of("verify", tmp_path / "none")
    (tmp_path / "file").write_text("x")
    assert "is a file" in error_of("verify", tmp_path / "file")
