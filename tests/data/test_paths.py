import os

import pandas as pd

from cxrneighbors.data.paths import PATHS_FROM, portable, resolved, stored


def test_relative_paths_come_back_and_stay_when_the_folder_moves(tmp_path):
    old, new = tmp_path / "a" / "old", tmp_path / "b" / "new"
    table = pd.DataFrame({"path": [str(old / "x.png"), None, str(tmp_path / "a" / "y.png")]}, dtype=object)
    written = stored(table, "path", old, relative=True)
    assert written["path"].tolist() == ["x.png", None, "../y.png"]
    read = resolved(written, "path", new)
    assert read["path"].tolist() == [str(new / "x.png"), None, str(tmp_path / "b" / "y.png")]
    assert portable(read) == portable(resolved(written, "path", old)) == written["path"].tolist()
    assert stored(read, "path", new, None)["path"].tolist() == written["path"].tolist()
    assert stored(read, "path", new, False)["path"].tolist() == read["path"].tolist()


def test_absolute_paths_stay_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame({"path": [str(tmp_path / "x.png"), "here.png"]})
    written = stored(table, "path", tmp_path / "else", None)
    assert written["path"].tolist() == [str(tmp_path / "x.png"), os.path.abspath("here.png")]
    read = resolved(written, "path", tmp_path / "else")
    assert PATHS_FROM not in read.attrs and portable(read) == written["path"].tolist()
