"""The verb `index`: weights as text, backends, and one line for what does not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cxrneighbors.cli.index import parse_weights
from cxrneighbors.data.tables import read_table, write_table
from cxrneighbors.index.neighbor_index import NeighborIndex


def test_weights_are_read_from_text() -> None:
    assert parse_weights("image=1,report=0.5") == {"image": 1.0, "report": 0.5}
    assert parse_weights(" report = 2 ") == {"image": 1.0, "report": 2.0}


def test_weights_and_backend_reach_the_index(
    work: Path, tmp_path: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--out", tmp_path / "i", "--weights", "image=3,report=0.5", "--backend", "exact")
    assert call("index", work / "emb", "--studies", work / "studies.parquet", *arguments) == 0
    made, usual = NeighborIndex.load(tmp_path / "i"), NeighborIndex.load(work / "idx")
    assert (made.weights, made.backend) == ({"image": 3.0, "report": 0.5}, "exact")
    assert (usual.weights, usual.backend) == ({"image": 1.0, "report": 1.0}, "hnsw")
    assert made.studies["image_id"].tolist() == read_table(work / "studies.parquet")["image_id"].tolist()
    assert f"{len(made.studies)} images; search by image, report, fused" in capsys.readouterr().err


def test_chosen_weights_ranks_and_a_shared_space(
    work: Path, tmp_path: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    out, table = tmp_path / "i", work / "studies.parquet"
    options = ("--weights", "auto", "--fusion", "ranks", "--shared-space", "--backend", "exact")
    assert call("index", work / "emb", "--studies", table, "--out", out, *options) == 0
    said = capsys.readouterr().err
    assert "shared space: learning from" in said and "report alone" in said
    made = NeighborIndex.load(out)
    assert made.store.fusion == "ranks" and made.weight_curve()["image"].between(0, 1).all()
    name = made.studies["image_id"][np.flatnonzero(made.has["report"])[0]]
    assert call("search", out, "--image-id", name, "--modality", "image-to-report", "-k", 2) == 0
    assert call("search", out, "--image-id", name, "--fusion", "distance", "-k", 2) == 0


@pytest.mark.parametrize("weights", ["image", "image=x", "colour=1", "image=-1", "image=0,report=0"])
def test_bad_weights(weights: str, work: Path, tmp_path: Path, error_of: Callable[..., str]) -> None:
    arguments = ("index", work / "emb", "--studies", work / "studies.parquet", "--out", tmp_path / "i")
    assert weights in error_of(*arguments, "--weights", weights)
    assert not (tmp_path / "i").exists()


def test_the_table_of_other_images(work: Path, tmp_path: Path, error_of: Callable[..., str]) -> None:
    write_table(read_table(work / "studies.parquet").iloc[:5], tmp_path / "few.parquet")
    text = error_of("index", work / "emb", "--studies", tmp_path / "few.parquet", "--out", tmp_path / "i")
    assert "are not in the study table" in text and not (tmp_path / "i").exists()


def test_new_films_join_an_index(
    work: Path,
    tmp_path: Path,
    call: Callable[..., int],
    error_of: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = read_table(work / "studies.parquet")
    old, new, emb, idx = (tmp_path / name for name in ("old.parquet", "new.parquet", "e", "i"))
    write_table(table.iloc[:40], old)
    write_table(table.iloc[40:], new)
    encode = ("--out", emb, "--image-encoder", "pca", "--report-encoder", "tfidf")
    assert call("-q", "encode", old, *encode) == 0
    assert call("-q", "index", emb, "--studies", old, "--out", idx, "--weights", "image=2") == 0
    assert call("-q", "encode", old, new, *encode) == 0
    add = ("index", emb, "--studies", new, "--out", idx, "--add")
    assert "--weights out" in error_of(*add, "--weights", "image=1")
    assert "manifest.json: no such file" in error_of(*add[:4], "--out", tmp_path / "no", "--add")
    capsys.readouterr()
    assert call(*add) == 0
    assert f"{idx}: {len(table) - 40} images added" in capsys.readouterr().err
    index = NeighborIndex.load(idx)
    assert index.studies["image_id"].tolist() == table["image_id"].tolist() and index.weights["image"] == 2
    assert call("search", idx, "--image-id", table["image_id"].iloc[-1], "--where", "view == 'PA'") == 0
    assert "nothing to add" in error_of(*add)
