from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrneighbors.errors import UserError
from cxrneighbors.phantom import draw
from cxrneighbors.phantom.draw import PhantomSettings, draw_phantoms
from cxrneighbors.phantom.patients import sample_patient


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*.png")}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list, list]:
    folder = tmp_path_factory.mktemp("phantoms")
    return folder, *draw_phantoms(folder, PhantomSettings(6, 48, seed=2))


def test_rows_say_who_was_drawn(drawn: tuple[Path, list, list]) -> None:
    folder, studies, _ = drawn
    films = [
        (patient, study, view)
        for patient in (sample_patient(index, 2) for index in range(6))
        for study in patient.studies
        for view in study.views
    ]
    for row, (patient, study, view) in zip(studies, films, strict=True):
        assert (row["patient_id"], row["study_id"], row["view"]) == (patient.patient_id, study.study_id, view)
        assert (
            row["findings"] == (list(study.findings) or ["No Finding"]) and row["sex"] == patient.anatomy.sex
        )
        with Image.open(folder / row["path"]) as film:
            assert (film.size, film.mode) == ((48, 48), "L")
        assert all(body in row["report"] for body in row["sections"].values())
    assert (
        len({row["image_id"] for row in studies}) == len(studies) == len(list((folder / "images").iterdir()))
    )


def test_boxes_are_the_masks_bounds(drawn: tuple[Path, list, list]) -> None:
    folder, studies, regions = drawn
    findings = {row["image_id"]: row["findings"] for row in studies}
    assert len(regions) == len(list((folder / "masks").iterdir())) > 3
    for row in regions:
        with Image.open(folder / row["mask_path"]) as mask:
            left, top, right, bottom = mask.getbbox()
            assert set(np.unique(mask)) <= {0, 255}
        assert (row["x"], row["y"], row["width"], row["height"]) == (left, top, right - left, bottom - top)
        assert row["finding"] in findings[row["image_id"]]


def test_a_patient_depends_on_seed_and_number_alone(
    drawn: tuple[Path, list, list], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draw, "_WORTH_A_PROCESS", 1)
    studies, _ = draw_phantoms(tmp_path / "more", PhantomSettings(7, 48, seed=2), workers=2)
    assert studies[: len(drawn[1])] == drawn[1]
    assert files(drawn[0]).items() <= files(tmp_path / "more").items()
    draw_phantoms(tmp_path / "other", PhantomSettings(1, 48, seed=3))
    assert not set(files(tmp_path / "other").values()) & set(files(drawn[0]).values())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ((0, 64, 0), "n_patients 0"),
        ((1, 31, 0), "32 to 4096"),
        ((1, 4097, 0), "4097"),
        ((1, 64, -1), "seed -1"),
    ],
)
def test_settings_that_make_no_sense(settings: tuple[int, int, int], said: str) -> None:
    with pytest.raises(UserError, match=said):
        PhantomSettings(*settings)
