"""Full disks, files where folders should be and the reverse: one line with the path, exit code 2."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from .conftest import content_of

Call = Callable[..., int]
Full = Callable[[int], AbstractContextManager[None]]

EXPLAIN = "explain idx --classifier clf --image-id ID --target Mass --method lime --segmentation slic -p 9"
# Verbs, and bytes that a file may have: none at all, or enough for a manifest.
FULL = [
    ("import phantom phantom --out {}.parquet", 0),
    ("label-reports studies.parquet --out {}.parquet", 500),
    ("assemble studies.parquet --class A=Effusion --class B=Mass|No~Finding --out {}.parquet", 500),
    ("encode studies.parquet --out {} --image-encoder pixels --report-encoder none", 0),
    ("encode studies.parquet --out {} --image-encoder pixels --report-encoder none", 2000),
    ("index emb --studies studies.parquet --out {}", 0),
    ("index emb --studies studies.parquet --out {}", 20_000),
    ("evaluate idx --out {} --baselines none --permutations 9", 500),
    ("evaluate idx --out {} --baselines none --permutations 9", 30_000),
    ("train-vae studies.parquet --out {} --image-size 32 --latent-dim 4 --epochs 1", 0),
    ("train-vae studies.parquet --out {} --image-size 32 --latent-dim 4 --epochs 1", 4000),
    (
        "EXPLAIN --out {}",
        500,
    ),
    ("export-index idx --share {}", 0),
    ("export-index idx --share {}", 300),
]


def words(command: str, place: Path, out: str) -> list[str]:
    from cxrneighbors.data.tables import read_table

    first = read_table(place / "studies.parquet")["image_id"].iloc[0]
    given, command = {"{}": out, "ID": first}, command.replace("EXPLAIN", EXPLAIN)
    return [given.get(word, word).replace("{}", out).replace("~", " ") for word in command.split()]


@pytest.mark.parametrize(("command", "room"), FULL)
def test_a_full_disk_is_one_line_with_the_path(
    command: str,
    room: int,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    error_of: Callable[..., str],
    full_disk: Full,
) -> None:
    monkeypatch.chdir(place)
    before, out = content_of(place), f"full{abs(hash((command, room))) % 10**8}"
    with full_disk(room):
        text = error_of("-q", *words(command, place, out))
    assert out in text, text
    assert "make room, or give another place" in text and ("file too large" in text or "no space" in text)
    new = {name for name in content_of(place) if name not in before}
    assert all(name.startswith(f"{out}/") for name in new), new  # unfinished work at most
    assert not any("/." in f"/{name}" for name in new), new
    assert {name: content_of(place)[name] for name in before} == before


@pytest.mark.parametrize("verb", ["index emb --studies studies.parquet --out idx", FULL[7][0]])
def test_the_old_state_is_intact(
    verb: str,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    error_of: Callable[..., str],
    full_disk: Full,
) -> None:
    monkeypatch.chdir(place)
    before = content_of(place)
    with full_disk(10_000):
        assert "make room" in error_of("-q", *words(verb, place, "ev"))
    assert content_of(place) == before


@pytest.mark.parametrize(
    "command",
    [
        "import phantom phantom --out notes.txt/new.parquet",
        "label-reports studies.parquet --out notes.txt/new.parquet",
        "encode studies.parquet --out notes.txt/new --image-encoder pixels --report-encoder none",
        "index emb --studies studies.parquet --out notes.txt/new",
        "evaluate idx --out notes.txt/new --baselines none --permutations 9",
        "train-vae studies.parquet --out notes.txt/new --image-size 32 --epochs 1",
        "EXPLAIN --out notes.txt/new",
    ],
)
def test_a_file_where_a_folder_should_be(
    command: str, place: Path, monkeypatch: pytest.MonkeyPatch, error_of: Callable[..., str]
) -> None:
    monkeypatch.chdir(place)
    before = content_of(place)
    text = error_of("-q", *words(command, place, ""))
    assert "notes.txt" in text and "give another path" in text, text
    assert content_of(place) == before


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.EACCES, "may read and write"),
        (errno.EROFS, "may read and write"),
        (errno.EIO, "check the path"),
    ],
)
def test_what_the_system_refuses(
    code: int, said: str, place: Path, monkeypatch: pytest.MonkeyPatch, error_of: Callable[..., str]
) -> None:
    def refuse(*_: object, dir: Path, prefix: str, **__: object) -> None:
        raise OSError(code, os.strerror(code), f"{dir}/{prefix}abc")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    text = error_of("-q", "label-reports", place / "studies.parquet", "--out", place / "new.parquet")
    assert text == f"error: {place / 'new.parquet'}: {os.strerror(code).lower()}; " + (
        f"give a place where you {said}" if "read" in said else said
    )
