"""No verb writes over its own input, or over a file or folder of another kind."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cxrneighbors.cli.outputs import LABELS, STUDIES, check_table, refuse_inputs
from cxrneighbors.errors import UserError

from .conftest import call_explain, content_of

Call = Callable[..., int]


CASES = [
    # its own input
    "label-reports studies.parquet --out studies.parquet",
    "assemble studies.parquet --out studies.parquet",
    "predict-views studies.parquet --out studies.parquet --classifier clf",
    "index emb --studies studies.parquet --out emb",
    "index emb --studies studies.parquet --out studies.parquet",
    "evaluate idx --out idx",
    "explain idx --classifier clf --image-id x --target Mass --out clf",
    "encode studies.parquet --out vae --image-encoder vae",
    "train-classifier studies.parquet --model small-cnn --out clf --weights clf --restart",
    # a file of another kind
    "label-reports studies.parquet --out notes.txt",
    "label-reports studies.parquet --out studies.regions.parquet",
    "label-reports studies.parquet --out idx/manifest.json",
    "import phantom phantom --out labels.parquet",
    "import phantom phantom --out emb/image/part-00000.parquet",
    "import phantom phantom --out idx/studies.parquet",
    "import phantom phantom --out emb/new.parquet",
    "assemble studies.parquet --out labels.parquet",
    # a folder where a file is written, and the reverse
    "import phantom phantom --out idx",
    "import phantom fresh --patients 3 --image-size 32 --out notes.txt/new.parquet",
    "label-reports studies.parquet --out idx",
    "encode studies.parquet --out notes.txt --image-encoder pixels --report-encoder none",
    "evaluate idx --out notes.txt",
    # a folder of another kind
    "train-classifier studies.parquet --model small-cnn --out vae",
    "train-classifier studies.parquet --model small-cnn --out clf",
    "train-vae studies.parquet --out idx --image-size 32",
    "encode studies.parquet --out idx --image-encoder pixels --report-encoder none",
    "encode studies.parquet --out ev --image-encoder pixels --report-encoder none",
    "index emb --studies studies.parquet --out vae",
    "index emb --studies studies.parquet --out ev",
    "evaluate idx --out emb",
    "evaluate idx --out ex",
    "explain idx --classifier clf --image-id x --target Mass --out ev",
    "evaluate-explanations idx --classifier clf --out ev",
    # results of another question
    "evaluate idx --out ev -k 3 --baselines none",
    "evaluate idx --out ev --one-per image --baselines none",
    "evaluate idx --out ev --baselines none --seed 5 --permutations 9",
    "explain idx --classifier clf --image-id x --target Effusion --out ex",
]


@pytest.mark.parametrize("case", CASES)
def test_refused_and_nothing_changed(
    case: str, place: Path, monkeypatch: pytest.MonkeyPatch, error_of: Callable[..., str]
) -> None:
    monkeypatch.chdir(place)
    before = content_of(place)
    assert "--out" in (text := error_of("-q", *case.split())) or "give" in text
    assert content_of(place) == before


def test_refused_by_another_name_of_the_input(place: Path, tmp_path: Path) -> None:
    (tmp_path / "link.parquet").symlink_to(place / "studies.parquet")
    with pytest.raises(UserError, match="what this command reads"):
        check_table(tmp_path / "link.parquet", STUDIES, [place / "studies.parquet"])
    (tmp_path / "hard.parquet").hardlink_to(place / "studies.parquet")
    with pytest.raises(UserError, match="what this command reads"):
        refuse_inputs(tmp_path / "hard.parquet", [place / "studies.parquet"])


def test_the_same_kind_gives_way(place: Path, tmp_path: Path, call: Call) -> None:
    for name in ("studies.parquet", "labels.parquet", "skipped.csv"):
        shutil.copy(place / name, tmp_path / name)
    check_table(tmp_path / "studies.parquet", STUDIES, [place / "studies.parquet"])
    check_table(tmp_path / "labels.parquet", LABELS)
    check_table(tmp_path / "new.parquet", STUDIES)
    question = ("evaluate", place / "idx", "--out", place / "ev", "--baselines", "none", "--permutations", 9)
    assert call("-q", *question) == 0
    assert call_explain(call, place) == 0


def test_a_list_or_regions_that_are_not_ours(place: Path, tmp_path: Path) -> None:
    (tmp_path / "skipped.csv").write_text("patient,why\n")
    with pytest.raises(UserError, match=r"skipped\.csv: is another file"):
        check_table(tmp_path / "x.parquet", STUDIES)
    check_table(tmp_path / "x.parquet", LABELS, list_beside=False)
    shutil.move(tmp_path / "skipped.csv", tmp_path / "y.regions.parquet")
    with pytest.raises(UserError, match=r"y\.regions\.parquet: is another file"):
        check_table(tmp_path / "y.parquet", STUDIES)


@pytest.mark.parametrize("more", [("--seed", "4"), ("-p", "12"), ("--image-id", "IMG_0000003")])
def test_an_explanation_made_otherwise_stays(
    more: tuple[str, ...], place: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    from cxrneighbors.data.tables import read_table

    ids = read_table(place / "studies.parquet")["image_id"]
    before = content_of(place / "ex")
    assert call_explain(call, place, *(ids.iloc[9] if word.startswith("IMG") else word for word in more)) == 2
    assert "holds an explanation of another" in capsys.readouterr().err
    assert content_of(place / "ex") == before
