from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors.data.schema import validate_studies
from cxrneighbors.data.tables import REGION_COLUMNS, validate_regions, write_regions, write_table
from cxrneighbors.errors import UserError
from cxrneighbors.explain.quality.targets import Target, choose_targets, lesion_mask, open_regions


def make_studies() -> pd.DataFrame:
    """Patient a has three films, b and c one; the film of c has no pixels, that of b no finding."""
    rows = [
        ("a0", "a", ["Mass"]),
        ("a1", "a", ["Mass"]),
        ("a2", "a", ["Mass", "Edema"]),
        ("b0", "b", ["Edema"]),
    ]
    rows += [("c0", "c", ["Mass"]), ("d0", "d", ["No Finding"])]
    table = pd.DataFrame(rows, columns=["image_id", "patient_id", "findings"])
    table["path"] = [None if image == "c0" else f"{image}.png" for image in table["image_id"]]
    return validate_studies(table)


def named(targets: list[Target]) -> set[tuple[str, str]]:
    return {(target.image_id, target.finding) for target in targets}


def test_labelled_findings_with_pixels_that_the_classifier_knows():
    targets = choose_targets(make_studies(), ["Mass", "Edema", "No Finding"], None)
    assert named(targets) == {
        ("a0", "Mass"),
        ("a1", "Mass"),
        ("a2", "Mass"),
        ("a2", "Edema"),
        ("b0", "Edema"),
    }
    assert named(choose_targets(make_studies(), ["Edema"], None)) == {("a2", "Edema"), ("b0", "Edema")}


def test_patients_first_and_then_findings():
    for seed in range(5):
        targets = choose_targets(make_studies(), ["Mass", "Edema"], 3, seed=seed)
        assert {target.patient.split("/")[-1] for target in targets[:2]} == {"a", "b"}
        all_targets = choose_targets(make_studies(), ["Mass", "Edema"], None, seed=seed)
        assert targets == all_targets[:3]


def test_regions_and_allowed_rows_narrow_the_choice():
    studies = make_studies()
    regions = pd.DataFrame(
        {"image_id": ["a0", "a0", "a2", "x"], "finding": ["Mass", "Mass", "Hernia", "Mass"]}
    )
    assert named(choose_targets(studies, ["Mass"], None, regions)) == {("a0", "Mass")}
    allowed = (studies["image_id"] == "a1").to_numpy()
    assert named(choose_targets(studies, ["Mass"], None, allowed=allowed)) == {("a1", "Mass")}
    with pytest.raises(UserError, match="no regions of Mass"):
        choose_targets(studies, ["Mass"], None, regions, allowed)


@pytest.fixture
def film(tmp_path):
    """A file of 20 rows and 40 columns, an outline in its lower right corner, one of another size."""
    Image.new("L", (40, 20), 100).save(tmp_path / "film.png")
    outline = np.zeros((20, 40), dtype=np.uint8)
    outline[16:, 36:] = 255
    Image.fromarray(outline).save(tmp_path / "outline.png")
    Image.new("L", (8, 8), 255).save(tmp_path / "other.png")
    return tmp_path


def region_rows(*rows) -> pd.DataFrame:
    return validate_regions(pd.DataFrame(rows, columns=list(REGION_COLUMNS)))


TARGET = Target("i", "Mass", "p")


def test_lesion_is_the_union_of_boxes_and_outlines_padded_as_the_film(film):
    regions = region_rows(
        ("i", "Mass", 0, 0, 8, 4, None),
        ("i", "Mass", 36, 16, 4, 4, str(film / "outline.png")),
        ("i", "Edema", 20, 8, 8, 8, None),
        ("j", "Mass", 20, 8, 8, 8, None),
    )
    mask = lesion_mask(
        regions, TARGET, film / "film.png", 20, "pad"
    )  # halved; five black rows above and below
    expected = np.zeros((20, 20), dtype=bool)
    expected[5:7, :4] = True
    expected[13:15, 18:] = True
    assert mask.dtype == bool and np.array_equal(mask, expected)
    whole = lesion_mask(regions, TARGET, film / "film.png", None, "pad")
    assert whole.shape == (20, 40) and whole.sum() == 32 + 16


def test_a_lesion_cut_off_is_empty_and_a_tiny_one_is_not(film):
    corner = region_rows(("i", "Mass", 0, 0, 4, 4, None))
    assert not lesion_mask(corner, TARGET, film / "film.png", 20, "crop").any()
    dot = region_rows(("i", "Mass", 20.2, 8.1, 0.4, 0.4, None))
    mask = lesion_mask(dot, TARGET, film / "film.png", 10, "pad")
    assert mask.sum() == 1 and mask[4, 5]


def test_an_outline_of_another_size_is_refused(film):
    regions = region_rows(("i", "Mass", 0, 0, 8, 4, str(film / "other.png")))
    with pytest.raises(UserError, match=r"other.png: \(8, 8\)"):
        lesion_mask(regions, TARGET, film / "film.png", 20, "pad")


def test_open_regions_takes_either_file_and_says_when_there_is_none(tmp_path):
    write_table(make_studies(), tmp_path / "studies.parquet")
    with pytest.raises(UserError, match="no region table"):
        open_regions(tmp_path / "studies.parquet")
    write_regions(region_rows(("a0", "Mass", 0, 0, 8, 4, None)), tmp_path / "studies.parquet")
    for name in ("studies.parquet", "studies.regions.parquet"):
        assert open_regions(tmp_path / name)["image_id"].tolist() == ["a0"]


def test_the_same_number_in_two_data_sets_is_two_patients():
    table = make_studies()
    other = table.assign(dataset="elsewhere", image_id=[f"x{name}" for name in table["image_id"]])
    both = pd.concat([table[table["patient_id"] == "a"], other[other["patient_id"] == "a"]])
    targets = choose_targets(both.reset_index(drop=True), ["Mass"], 4)
    # Each of the two patients comes before either comes again.
    assert len({target.patient for target in targets[:2]}) == 2
    assert len({target.patient for target in targets[2:]}) == 2
