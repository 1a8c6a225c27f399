"""The verb `encode`: vectors of what can be read, and one line for what cannot be meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from cxrneighbors.data.tables import read_table, write_table
from cxrneighbors.encoders.store import Embeddings


def test_every_image_and_report_has_its_vector(work: Path) -> None:
    studies, embeddings = read_table(work / "studies.parquet"), Embeddings.load(work / "emb")
    assert embeddings.ids["image"] == studies["image_id"].tolist()
    assert embeddings.ids["report"] == studies.loc[studies["report"].notna(), "image_id"].tolist()
    assert embeddings.vectors["image"].shape == (len(studies), 12)


def test_duplicate_image_id(work: Path, tmp_path: Path, error_of: Callable[..., str]) -> None:
    pd.read_parquet(work / "studies.parquet").assign(image_id="same").to_parquet(tmp_path / "twice.parquet")
    text = error_of("encode", tmp_path / "twice.parquet", "--out", tmp_path / "e")
    assert "duplicate image_id 'same'" in text


def test_missing_model(work: Path, tmp_path: Path, error_of: Callable[..., str]) -> None:
    arguments = ("encode", work / "studies.parquet", "--out", tmp_path / "e", "--report-encoder", "none")
    assert "no-such" in error_of(*arguments, "--image-encoder", tmp_path / "no-such")


def test_embeddings_of_another_encoder(work: Path, error_of: Callable[..., str]) -> None:
    arguments = ("--out", work / "emb", "--image-encoder", "pixels", "--report-encoder", "tfidf")
    assert "encoder" in error_of("encode", work / "studies.parquet", *arguments)


def test_unreadable_images_are_listed_and_the_rest_kept(
    work: Path, tmp_path: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    table = read_table(work / "studies.parquet")
    broken = tmp_path / "zero.png"
    broken.write_bytes(b"")
    table.loc[0, "path"] = str(broken)
    write_table(table, tmp_path / "s.parquet")
    arguments = ("--out", tmp_path / "e", "--image-encoder", "pixels", "--report-encoder", "none")
    assert call("encode", tmp_path / "s.parquet", *arguments) == 0
    assert "1" in capsys.readouterr().err
    skipped = pd.read_csv(tmp_path / "e" / "skipped.csv")
    assert skipped["item"].tolist() == [table["image_id"].iloc[0]]


def test_encoders_by_name_and_a_film_to_search_by(
    work: Path, tmp_path: Path, call: Callable[..., int], error_of: Callable[..., str]
) -> None:
    from cxrneighbors.classifiers.registry import build

    build("small-cnn", labels=["a", "b"], image_size=32, width=4).save(tmp_path / "net")
    studies, film = work / "studies.parquet", read_table(work / "studies.parquet")["path"][0]
    arguments = ("encode", studies, "--out", tmp_path / "emb", "--report-encoder", "none", "--image-encoder")
    assert call("-q", *arguments, f"classifier:{tmp_path / 'net'}:logits") == 0
    assert Embeddings.load(tmp_path / "emb").vectors["image"].shape[1] == 2
    assert call("-q", "index", tmp_path / "emb", "--studies", studies, "--out", tmp_path / "idx") == 0
    assert call("search", tmp_path / "idx", "--image", film, "-k", 3) == 0
    (tmp_path / "net.pt").write_bytes(b"\x80\x02}q\x00.")
    for name, said in (
        ("nobody/nothing", "hub cannot be reached"),
        (f"torch:{tmp_path}/net.pt", "no TorchScript"),
    ):
        assert said in error_of(*arguments[:3], tmp_path / "other", *arguments[4:], name)
    assert not (tmp_path / "other").exists()


def test_by_default_what_a_table_has_is_encoded(
    work: Path,
    tmp_path: Path,
    call: Callable[..., int],
    error_of: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = read_table(work / "studies.parquet").assign(report=None, sections=None)
    write_table(table, tmp_path / "s.parquet")
    assert call("encode", tmp_path / "s.parquet", "--out", tmp_path / "e") == 0
    assert "no row has a report: reports are left out" in capsys.readouterr().err.splitlines()
    assert Embeddings.load(tmp_path / "e").modalities == ("image",)
    asked = ("encode", tmp_path / "s.parquet", "--out", tmp_path / "f", "--report-encoder", "minilm")
    assert "no row has a report" in error_of(*asked)


def test_a_second_table_joins_the_first(
    work: Path, tmp_path: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    table = read_table(work / "studies.parquet")
    old, new, out = tmp_path / "old.parquet", tmp_path / "new.parquet", tmp_path / "e"
    write_table(table.iloc[:40], old)
    write_table(table.iloc[40:], new)
    options = ("--out", out, "--image-encoder", "pixels", "--report-encoder", "none")
    assert call("-q", "encode", old, *options) == 0
    capsys.readouterr()
    assert call("encode", old, new, *options) == 0
    assert f"image: {len(table) - 40} new rows, 40 are encoded already" in capsys.readouterr().err
    assert Embeddings.load(out).ids["image"] == table["image_id"].tolist()


def test_masking_needs_reports(work: Path, tmp_path: Path, error_of: Callable[..., str]) -> None:
    given = ("encode", work / "studies.parquet", "--out", tmp_path / "e", "--report-encoder", "none")
    for option in ("--mask-labels", "--mask-sentences"):
        assert f"{option}: no report is encoded; leave it out" in error_of(*given, option)
    assert not (tmp_path / "e").exists()


def test_adapting_needs_a_language_model(work: Path, tmp_path: Path, error_of: Callable[..., str]) -> None:
    arguments = ("--out", tmp_path / "e", "--report-encoder", "tfidf", "--adapt")
    assert "has 0 language models" in error_of("encode", work / "studies.parquet", *arguments)
    assert not (tmp_path / "e").exists()
