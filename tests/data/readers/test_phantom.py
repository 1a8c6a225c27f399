from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors.artifact import MANIFEST
from cxrneighbors.data.imports import ImportResult
from cxrneighbors.data.readers import phantom
from cxrneighbors.data.readers.phantom import generate_phantoms, read
from cxrneighbors.errors import UserError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ImportResult]:
    root = tmp_path_factory.mktemp("phantom") / "set"
    return root, generate_phantoms(root, n_patients=41, image_size=48, seed=4, workers=1)


def digests(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*.png"))
    }


def test_same_seed_same_bytes_whatever_the_workers(made: tuple[Path, ImportResult], tmp_path: Path) -> None:
    root, result = made
    again = generate_phantoms(tmp_path / "again", n_patients=41, image_size=48, seed=4, workers=2)
    assert digests(root) == digests(tmp_path / "again")
    pd.testing.assert_frame_equal(
        result.studies.drop(columns="path"), again.studies.drop(columns="path"), check_like=True
    )


def test_more_patients_change_nobody(made: tuple[Path, ImportResult], tmp_path: Path) -> None:
    few = generate_phantoms(tmp_path / "few", n_patients=5, image_size=48, seed=4)
    assert set(digests(tmp_path / "few").items()) <= set(digests(made[0]).items())
    splits = made[1].studies.set_index("image_id")["split"]
    assert (few.studies.set_index("image_id")["split"] == splits[few.studies["image_id"]]).all()


def test_another_seed_gives_other_films(made: tuple[Path, ImportResult], tmp_path: Path) -> None:
    generate_phantoms(tmp_path / "other", n_patients=5, image_size=48, seed=5)
    first, other = digests(made[0]), digests(tmp_path / "other")
    assert all(first.get(name) != digest for name, digest in other.items())


def test_tables_and_files_agree(made: tuple[Path, ImportResult]) -> None:
    root, result = made
    studies, regions = result.studies, result.regions
    assert len(list((root / "images").iterdir())) == len(studies)
    assert len(list((root / "masks").iterdir())) == len(regions) == regions["mask_path"].nunique()
    assert len(result.skipped) == 0 and set(studies["dataset"]) == {"phantom"}
    with Image.open(studies["path"][0]) as image:
        assert image.mode == "L" and image.size == (48, 48)
    of_image = studies.set_index("image_id")["findings"]
    for row in regions.itertuples():
        assert row.finding in of_image[row.image_id]
        mask = np.asarray(Image.open(row.mask_path)) > 0
        x, y, right, low = Image.fromarray(mask).getbbox() or (0, 0, 0, 0)
        assert (x, y, right - x, low - y) == (row.x, row.y, row.width, row.height)


def test_splits_share_no_patient(made: tuple[Path, ImportResult]) -> None:
    studies = made[1].studies
    assert (studies.groupby("patient_id")["split"].nunique() == 1).all()
    assert set(studies["split"]) >= {"train", "test"}


def test_both_films_of_a_study_share_its_report(made: tuple[Path, ImportResult]) -> None:
    studies = made[1].studies
    assert (studies.groupby("study_id")["report"].nunique() == 1).all()
    assert (studies["study_id"].value_counts() == 2).any()


def test_an_earlier_set_is_replaced_and_other_files_stay(tmp_path: Path) -> None:
    generate_phantoms(tmp_path, n_patients=4, image_size=32, seed=0)
    (tmp_path / "notes.txt").write_text("mine")
    result = generate_phantoms(tmp_path, n_patients=2, image_size=32, seed=1)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert len(list((tmp_path / "images").iterdir())) == len(result.studies)
    made = json.loads((tmp_path / MANIFEST).read_text())
    assert made["complete"] and (made["n_patients"], made["seed"]) == (2, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_patients": 0}, "n_patients 0"),
        ({"image_size": 8}, "image_size 8"),
        ({"seed": -1}, "seed -1"),
        ({"workers": 0}, "workers 0"),
    ],
)
def test_senseless_options(tmp_path: Path, options: dict[str, int], message: str) -> None:
    generate_phantoms(tmp_path, n_patients=1, image_size=32)
    before = digests(tmp_path)
    with pytest.raises(UserError, match=message):
        generate_phantoms(tmp_path, **{"n_patients": 2, **options})
    assert digests(tmp_path) == before and len(read(tmp_path).studies)


def test_foreign_images_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(UserError, match="holds other files, not phantoms"):
        generate_phantoms(tmp_path, n_patients=2)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        generate_phantoms(tmp_path / "file", n_patients=2)


def test_a_study_table_of_ones_own_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "studies.parquet").write_bytes(b"mine")
    with pytest.raises(UserError, match="holds other files, not phantoms"):
        read(tmp_path, n_patients=2, image_size=32)
    assert [path.name for path in tmp_path.iterdir()] == ["studies.parquet"]


def test_generates_once_and_reads_after(tmp_path: Path) -> None:
    first = read(tmp_path / "set", n_patients=3, image_size=32, seed=7)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*")}
    second = read(tmp_path / "set")
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*")}
    pd.testing.assert_frame_equal(first.studies, second.studies)
    pd.testing.assert_frame_equal(first.regions, second.regions)


def test_a_moved_set_is_read_where_it_is(tmp_path: Path) -> None:
    read(tmp_path / "old", n_patients=3, image_size=32)
    shutil.move(tmp_path / "old", tmp_path / "new")
    result = read(tmp_path / "new", n_patients=3)
    assert all(Path(path).is_file() for path in [*result.studies["path"], *result.regions["mask_path"]])


@pytest.mark.parametrize("option", ["n_patients", "image_size", "seed"])
def test_other_settings_than_asked(tmp_path: Path, option: str) -> None:
    read(tmp_path, n_patients=2, image_size=32, seed=0)
    with pytest.raises(UserError, match=f"holds phantoms made with {option.replace('_', ' ')} .* now 40"):
        read(tmp_path, **{option: 40})


def test_another_generator(tmp_path: Path) -> None:
    read(tmp_path, n_patients=2, image_size=32)
    settings = json.loads((tmp_path / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps({**settings, "format": 0}))
    with pytest.raises(UserError, match="holds phantoms of format 0"):
        read(tmp_path)


def test_an_interrupted_set_is_drawn_again_with_its_own_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = read(tmp_path / "whole", n_patients=4, image_size=32, seed=3)
    monkeypatch.setattr(phantom, "write_table", lambda *_: exec("raise KeyboardInterrupt"))
    with pytest.raises(KeyboardInterrupt):
        read(tmp_path / "set", n_patients=4, image_size=32, seed=3)
    monkeypatch.undo()
    with pytest.raises(UserError, match="made with seed 3, now 4"):
        read(tmp_path / "set", seed=4)
    again = read(tmp_path / "set")
    assert digests(tmp_path / "set") == digests(tmp_path / "whole")
    pd.testing.assert_frame_equal(again.studies.drop(columns="path"), whole.studies.drop(columns="path"))


@pytest.mark.parametrize(("text", "message"), [("{", "generate"), ("[]", "holds other files")])
def test_broken_manifest(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(UserError, match=message):
        read(tmp_path)
