"""The verb `predict`: probabilities of a table's films or of files, heat maps, one line for a mistake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from cxrneighbors.classifiers.predictions import predict
from cxrneighbors.classifiers.registry import build, load_classifier
from cxrneighbors.data.tables import read_table, write_table


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("net")
    build("small-cnn", labels=["Mass", "Edema"], image_size=32, width=4).save(folder)
    return folder


def test_a_table(
    work: Path, net: Path, tmp_path: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    table = read_table(work / "studies.parquet").iloc[:12].copy()
    table.loc[3, "path"] = None
    write_table(table, tmp_path / "s.parquet")
    capsys.readouterr()
    options = ("--heat-map", tmp_path / "h", "--target", "Edema", "--device", "cpu")
    assert call("predict", net, tmp_path / "s.parquet", "--out", tmp_path / "p.csv", *options) == 0
    said = capsys.readouterr().err
    assert "p.csv: 11 films, Mass, Edema" in said and "1 skipped" in said and "h: 11 pictures" in said
    found = pd.read_csv(tmp_path / "p.csv")
    expected = predict(load_classifier(net, "cpu"), table, device="cpu")
    pd.testing.assert_frame_equal(found, expected.reset_index(drop=True), check_dtype=False, atol=1e-6)
    skipped = pd.read_csv(tmp_path / "skipped.csv")
    assert skipped[["stage", "item"]].values.tolist() == [["predict p.csv", table["image_id"][3]]]
    scores = pd.read_csv(tmp_path / "h" / "heat_maps.csv")
    assert scores["score"].to_numpy() == pytest.approx(found["Edema"].to_numpy(), abs=1e-4)


def test_files_and_folders(work: Path, net: Path, tmp_path: Path, call: Callable[..., int]) -> None:
    first, second = (Path(path) for path in read_table(work / "studies.parquet")["path"][:2])
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "x.PNG").write_bytes(second.read_bytes())
    (tmp_path / "f" / "notes.txt").write_text("none")
    assert call("-q", "predict", net, first, tmp_path / "f", "--out", tmp_path / "p.parquet") == 0
    found = pd.read_parquet(tmp_path / "p.parquet")
    assert found["image_id"].tolist() == [str(first), str(tmp_path / "f" / "x.PNG")]


def test_mistakes(work: Path, net: Path, tmp_path: Path, error_of: Callable[..., str]) -> None:
    studies = work / "studies.parquet"
    film, out = read_table(studies)["path"][0], ("--out", tmp_path / "p.csv")
    assert f"{studies}, {film}: a study table" in error_of("predict", net, studies, film, *out)
    assert "go together" in error_of("predict", net, studies, *out, "--target", "Mass")
    arguments = ("predict", net, studies, *out, "--heat-map", tmp_path / "h", "--target")
    assert "--target 'Hernia': no label of" in error_of(*arguments, "Hernia")
    assert "--method 'lime': unknown" in error_of(*arguments, "Mass", "--method", "lime")
    assert "no-such.png" in error_of("predict", net, tmp_path / "no-such.png", *out)
    assert "holds no image" in error_of("predict", net, tmp_path, *out)
    assert "written as .csv" in error_of("predict", net, studies, "--out", tmp_path / "p.xls")
    assert "is what this command reads" in error_of("predict", net, studies, "--out", studies)
    (tmp_path / "notes.txt").write_text("mine")
    drawn = ("predict", net, studies, *out, "--target", "Mass", "--heat-map")
    assert "is a file" in error_of(*drawn, tmp_path / "notes.txt")
    assert "holds other files" in error_of(*drawn, work / "idx")
    assert not list(tmp_path.glob("p.*")) and not (tmp_path / "h").exists()
