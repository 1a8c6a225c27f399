"""The verb `import`: a table with its regions and skipped rows, or one line and no file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from cxrneighbors.cli.import_ import parse_pairs
from cxrneighbors.data.tables import read_regions, read_table
from cxrneighbors.errors import UserError


def test_a_csv_of_ones_own(tmp_path: Path, call: Callable[..., int], capsys: pytest.CaptureFixture) -> None:
    for name in ("a", "b"):
        Image.new("L", (8, 8), 90).save(tmp_path / f"{name}.png")
    rows = ["path,patient_id,Labels", "a.png,p1,Mass;Edema", "b.png,p2,", "gone.png,p3,Mass"]
    (tmp_path / "own.csv").write_text("\n".join(rows))
    arguments = ("--csv", "own.csv", "--column", "findings=Labels", "--separator", ";")
    assert call("import", "folder", tmp_path, "--out", tmp_path / "out" / "s.parquet", *arguments) == 0
    studies = read_table(tmp_path / "out" / "s.parquet")
    assert studies["image_id"].tolist() == ["a.png", "b.png"]
    assert [list(names) for names in studies["findings"]] == [["Mass", "Edema"], []]
    skipped = pd.read_csv(tmp_path / "out" / "skipped.csv")
    assert skipped[["stage", "item", "row", "reason"]].values.tolist() == [
        ["import s.parquet", "gone.png", 4, "no image file"]
    ]
    assert "2 images of 2 patients; 1 rows skipped" in capsys.readouterr().err


def test_films_without_a_csv(
    tmp_path: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("p1_a", "p1_b", "p2_a"):
        Image.new("L", (8, 8), 90).save(tmp_path / f"{name}.png")
    assert call("import", "folder", tmp_path, "--out", tmp_path / "out" / "s.parquet") == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("warning: 3 films name no patient") and "3 images of 3 patients" in lines[-1]
    pattern = ("--patient-from-name", "^(p[0-9])_")
    assert call("import", "folder", tmp_path, "--out", tmp_path / "out" / "s.parquet", *pattern) == 0
    assert "3 images of 2 patients" in capsys.readouterr().err


def test_phantoms_come_with_their_regions(work: Path) -> None:
    studies = read_table(work / "studies.parquet")
    assert studies["patient_id"].nunique() == 30 and set(studies["dataset"]) == {"phantom"}
    regions = read_regions(work / "studies.parquet")
    named = studies.set_index("image_id")["findings"]
    assert len(regions) and all(f in named[i] for i, f in regions[["image_id", "finding"]].values)


def test_missing_root(tmp_path: Path, error_of: Callable[..., str]) -> None:
    text = error_of("import", "chestxray14", tmp_path / "no", "--out", tmp_path / "s.parquet")
    assert "no such file or folder" in text
    assert not (tmp_path / "s.parquet").exists()


def test_unknown_data_set_lists_the_known(tmp_path: Path, error_of: Callable[..., str]) -> None:
    text = error_of("import", "nih", tmp_path, "--out", tmp_path / "s.parquet")
    assert "chestxray14" in text and "openi" in text


def test_an_option_of_another_data_set(tmp_path: Path, error_of: Callable[..., str]) -> None:
    arguments = ("import", "openi", tmp_path, "--out", tmp_path / "s.parquet", "--csv", "x.csv")
    assert "option of data set openi 'csv'" in error_of(*arguments)


@pytest.mark.parametrize("text", ["findings", "=Labels", "findings=", " = "])
def test_pairs_must_read_name_and_value(text: str) -> None:
    assert parse_pairs(["a = b ", "c=d=e"], "--column") == {"a": "b", "c": "d=e"}
    with pytest.raises(UserError, match=r"--column .*must read name=value"):
        parse_pairs(["a=b", text], "--column")


def test_pseudonyms_need_a_key(tmp_path: Path, error_of: Callable[..., str]) -> None:
    given = ("-q", "import", "phantom", tmp_path / "ph", "--out", tmp_path / "s.parquet")
    assert "give --pseudonymise KEYFILE too" in error_of(*given, "--drop-paths")
    assert "no such file" in error_of(*given, "--pseudonymise", tmp_path / "key")
    (tmp_path / "key").write_text("short")
    assert "can be guessed; make a key with" in error_of(*given, "--pseudonymise", tmp_path / "key")
    assert not (tmp_path / "s.parquet").exists()
