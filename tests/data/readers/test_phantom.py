from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from cxrneighbors.data.readers.phantom import read
from cxrneighbors.errors import UserError


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
    with pytest.raises(UserError, match=f"holds phantoms with {option} .* not 40"):
        read(tmp_path, **{option: 40})


def test_another_generator(tmp_path: Path) -> None:
    read(tmp_path, n_patients=2, image_size=32)
    settings = json.loads((tmp_path / "phantom.json").read_text())
    (tmp_path / "phantom.json").write_text(json.dumps({**settings, "version": 0}))
    with pytest.raises(UserError, match="holds phantoms with version 0"):
        read(tmp_path)


def test_broken_settings(tmp_path: Path) -> None:
    (tmp_path / "phantom.json").write_text("{")
    with pytest.raises(UserError, match=r"phantom\.json.*generate"):
        read(tmp_path)
