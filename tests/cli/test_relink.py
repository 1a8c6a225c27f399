"""Films that move: with a relative table by themselves, with an absolute one by `relink`."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors.data.tables import read_table


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder of eight films and their CSV."""
    home, rng = tmp_path / "home", np.random.default_rng(0)
    (home / "films").mkdir(parents=True)
    rows = ["path,patient_id,findings"]
    for row in range(8):
        Image.fromarray(rng.integers(0, 255, (16, 16), dtype=np.uint8)).save(home / "films" / f"{row}.png")
        rows.append(f"films/{row}.png,p{row},Mass")
    (home / "studies.csv").write_text("\n".join(rows))
    return home


def pipeline(call: Callable[..., int], home: Path) -> None:
    """Import, encode and index in `home`, with paths relative."""
    table, emb = home / "work" / "s.parquet", home / "work" / "emb"
    assert call("-q", "import", "folder", home, "--out", table, "--relative") == 0
    encode(call, home)
    assert call("-q", "index", emb, "--studies", table, "--out", home / "work" / "idx") == 0


def encode(call: Callable[..., int], home: Path) -> None:
    given = ("--image-encoder", "pixels", "--report-encoder", "none")
    assert call("-q", "encode", home / "work" / "s.parquet", "--out", home / "work" / "emb", *given) == 0


def test_a_moved_folder_is_encoded_and_searched(
    home: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline(call, home)
    raw = pd.read_parquet(home / "work" / "s.parquet")
    assert raw["path"].tolist() == [f"../films/{row}.png" for row in range(8)]
    before = (home / "work" / "emb" / "manifest.json").read_bytes()
    new = home.parent / "elsewhere" / "deep"
    new.parent.mkdir()
    os.rename(home, new)
    assert all(Path(path).is_file() for path in read_table(new / "work" / "s.parquet")["path"])
    encode(call, new)
    assert (new / "work" / "emb" / "manifest.json").read_bytes() == before
    for name in ("idx", "idx2"):
        if name == "idx2":
            table, emb = new / "work" / "s.parquet", new / "work" / "emb"
            assert call("-q", "index", emb, "--studies", table, "--out", new / "work" / name) == 0
        films = read_table(new / "work" / name / "studies.parquet")["path"]
        assert films.tolist() == [str(new / "films" / f"{row}.png") for row in range(8)]
        capsys.readouterr()
        assert call("-q", "search", new / "work" / name, "--image", films.iloc[3], "-k", 2, "--json") == 0
        hits = json.loads(capsys.readouterr().out)
        assert [hit["rank"] for hit in hits] == [1, 2]
    with open(new / "studies.csv", "a") as rows:
        rows.write("\nfilms/0.png,p0,Mass".replace("0.png", "8.png"))
    shutil.copy(new / "films" / "0.png", new / "films" / "8.png")
    assert call("-q", "import", "folder", new, "--out", new / "work" / "s.parquet", "--relative") == 0
    capsys.readouterr()
    given = ("--image-encoder", "pixels", "--report-encoder", "none")
    assert call("encode", new / "work" / "s.parquet", "--out", new / "work" / "emb", *given) == 0
    assert "1 new rows, 8 are encoded already" in capsys.readouterr().err


def test_relink(
    home: Path, call: Callable[..., int], error_of: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = home.parent / "old.parquet", home.parent / "new.parquet"
    assert call("-q", "import", "folder", home, "--out", old) == 0
    moved = home.parent / "moved"
    os.rename(home / "films", moved)
    (moved / "7.png").unlink()
    assert "is what this command reads" in error_of("relink", old, "--root", moved, "--out", old)
    capsys.readouterr()
    assert call("relink", old, "--root", moved, "--out", new) == 0
    assert "7 of 8 images have their film below" in capsys.readouterr().err
    table = read_table(new)
    assert table["path"].tolist() == [*(str(moved / f"{row}.png") for row in range(7)), None]
    assert table.drop(columns="path").equals(read_table(old).drop(columns="path"))
    assert "relink new.parquet,7.png,,no file of this name" in (home.parent / "skipped.csv").read_text()
    assert call("-q", "relink", old, "--root", moved, "--out", new, "--relative") == 0
    assert pd.read_parquet(new)["path"].tolist()[0] == "moved/0.png"
