import pandas as pd
import pytest

from cxrneighbors.data.relink import find_moved, relink
from cxrneighbors.data.schema import validate_studies
from cxrneighbors.data.skipped import Skipped
from cxrneighbors.data.tables import empty_regions, validate_regions
from cxrneighbors.errors import UserError


def studies(*paths):
    ids = [f"i{row}" for row in range(len(paths))]
    return validate_studies(pd.DataFrame({"image_id": ids, "patient_id": ids, "findings": "", "path": paths}))


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_films_are_found_by_name_and_folders(tmp_path):
    touch(tmp_path, "p1/a.png", "p2/a.png", "deep/er/b.png", "c.png", "x/c.png", "mask.png")
    table = studies("/old/p1/a.png", "/old/p2/a.png", "C:\\films\\b.png", None, "/old/c.png", "/old/gone.png")
    boxes = validate_regions(
        pd.DataFrame({"image_id": ["i0"], "finding": "Mass", "mask_path": "/m/mask.png"})
    )
    skipped = Skipped()
    moved, regions = relink(table, boxes, tmp_path, skipped)
    found = [tmp_path / name for name in ("p1/a.png", "p2/a.png", "deep/er/b.png")]
    assert moved["path"].tolist() == [*map(str, found), None, None, None]
    assert regions["mask_path"].tolist() == [str(tmp_path / "mask.png")]
    assert skipped.to_frame()[["item", "reason"]].values.tolist() == [
        ["i4", "several files end alike below the new folder"],
        ["i5", "no file of this name below the new folder"],
    ]
    assert table["path"].iloc[0] == "/old/p1/a.png"


def test_most_equal_folders_win():
    below = {"a.png": ["/n/x/s1/a.png", "/n/y/s1/a.png", "/n/y/s2/a.png"]}
    assert find_moved("/o/y/s1/a.png", below) == ["/n/y/s1/a.png"]
    assert find_moved("/o/s1/a.png", below) == ["/n/x/s1/a.png", "/n/y/s1/a.png"]
    assert find_moved("/o/b.png", below) == []


def test_wrong_folders(tmp_path):
    for root in (tmp_path / "no", tmp_path):
        with pytest.raises(UserError, match=r"no such folder|none of the 1 films is below it"):
            relink(studies("/old/a.png"), empty_regions(), root, Skipped())
