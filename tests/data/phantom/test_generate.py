from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors.data.imports import ImportResult
from cxrneighbors.data.phantom.generate import generate_phantoms, read_settings
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
    settings = read_settings(tmp_path)
    assert settings is not None and (settings["n_patients"], settings["seed"]) == (2, 1)
    assert not list(tmp_path.glob(".phantom.*"))


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
    with pytest.raises(UserError, match=message):
        generate_phantoms(tmp_path / "set", **{"n_patients": 2, **options})


def test_foreign_images_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(UserError, match="not a complete phantom set"):
        generate_phantoms(tmp_path, n_patients=2)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        generate_phantoms(tmp_path / "file", n_patients=2)


def test_a_failing_worker_is_told(tmp_path: Path) -> None:
    from cxrneighbors.data.phantom.generate import _from_programs

    with pytest.raises(RuntimeError, match="phantom worker failed"):
        list(_from_programs(tmp_path / "missing", [(0, 2, 1, 32, 0)]))
