"""What killed writers leave: found by its name, gone with the next run, and nobody else's is touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pytest

from cxrneighbors import leftovers
from cxrneighbors.artifact import Kind
from cxrneighbors.files import atomic_dir, atomic_path, write_text_atomic
from cxrneighbors.leftovers import clear_below, clear_left, replace_dir, scratch_folder, stands_for
from cxrneighbors.reports.labeler.table import LABEL_COLUMNS, write_labels

pytest.importorskip("fcntl")
KIND = Kind("tests", 1, "pytest")
# Writes half of what `argv[1]` names ('file', 'folder', 'manifest') at `argv[2]`, and is killed.
LEFT = """
import os, signal, sys
from cxrneighbors.artifact import Kind
from cxrneighbors.files import atomic_dir, atomic_path
def killed(*event):
    os.kill(os.getpid(), signal.SIGKILL)
what, path = sys.argv[1:]
if what == "manifest":
    os.chmod = killed
    Kind("tests", 1, "pytest").begin(path, {"seed": 0})
with (atomic_path if what == "file" else atomic_dir)(path) as half:
    (half if what == "file" else half / "half").write_text("x")
    killed()
"""


def leave(what: str, path: Path) -> Path:
    """What a process that was killed while it wrote `path` left."""
    before = set(path.parent.rglob("*"))
    done = subprocess.run([sys.executable, "-c", LEFT, what, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    return min(set(path.parent.rglob("*")) - before - {path}, key=lambda each: len(each.parts))


@pytest.fixture
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "FRESH", -1.0)


def test_what_a_killed_writer_left_goes_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = leave("folder", tmp_path / "idx")
    (tmp_path / ".idx.mine").mkdir()
    (tmp_path / ".idx2.tmp-abcdefgh").mkdir()
    with atomic_dir(tmp_path / "idx"):
        assert left.exists(), "too young: its writer may not have locked it yet"
    monkeypatch.setattr(leftovers, "FRESH", -1.0)
    with atomic_dir(tmp_path / "idx") as one:
        assert not left.exists()
        with atomic_dir(tmp_path / "idx"):
            assert one.exists(), "who writes holds a lock"
        one.joinpath("new").write_text("x")
    assert sorted(os.listdir(tmp_path)) == [".idx.mine", ".idx2.tmp-abcdefgh", "idx"]
    assert os.listdir(tmp_path / "idx") == ["new"]


@pytest.mark.usefixtures("no_wait")
def test_a_job_removes_what_lies_anywhere_in_its_folder_but_what_is_being_written(tmp_path: Path) -> None:
    work = KIND.begin(tmp_path / "job", {"seed": 0})
    (work.folder / "below").mkdir()
    write_text_atomic(work.folder / ".my.notes", "mine")
    left = [leave("file", work.folder / "below" / "a.json"), leave("folder", work.folder / "films")]
    assert left[0].suffix == ".json" and all(path.exists() for path in left)
    with atomic_path(work.folder / "b.json") as half:
        clear_below(work.folder)
        assert half.exists() and not any(path.exists() for path in left)
    left = [leave("file", work.folder / "below" / "a.json")]
    clear_below(work.folder, ["films"])
    assert left[0].exists(), "another's folder"
    KIND.begin(work.folder, {"seed": 0}, own=("films", "below", "b.json"))
    assert not left[0].exists()
    left = [leave("file", work.folder / "below" / "a.json")]
    assert KIND.begin(work.folder, {"seed": 0}).resumed and not left[0].exists()
    assert list(work.finish()["files"]) == [".my.notes", "b.json"]


@pytest.mark.usefixtures("no_wait")
def test_a_run_killed_before_its_first_manifest_goes_on(tmp_path: Path) -> None:
    left = leave("manifest", tmp_path / "job")
    assert left.parent == tmp_path / "job" and stands_for(left.name) == "manifest.json"
    work = KIND.begin(tmp_path / "job", {"seed": 0})
    assert work.finish()["files"] == {} and os.listdir(work.folder) == ["manifest.json"]


@pytest.mark.usefixtures("no_wait")
def test_a_table_written_again_removes_what_a_killed_import_left(tmp_path: Path) -> None:
    left = [leave("file", tmp_path / "a.parquet"), leave("file", tmp_path / "b.parquet")]
    write_labels(pd.DataFrame(columns=list(LABEL_COLUMNS)), tmp_path / "a.parquet")
    assert sorted(tmp_path.iterdir()) == [left[1], tmp_path / "a.parquet"]


@pytest.mark.usefixtures("no_wait")
def test_a_scratch_folder_goes_and_takes_what_a_killed_run_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = leave("folder", tmp_path / "cxrneighbors-embeddings")
    with scratch_folder("embeddings") as one, scratch_folder("embeddings") as other:
        assert not left.exists() and one != other
        KIND.begin(one, {"seed": 0}).finish()
    assert os.listdir(tmp_path) == []


def test_an_older_folder_that_was_moved_aside_comes_back(tmp_path: Path) -> None:
    aside = tmp_path / ".idx.old-abcdefgh"
    (aside / "old").mkdir(parents=True)
    (aside / "old" / "kept").write_text("x")
    clear_left(tmp_path / "idx")
    assert (tmp_path / "idx" / "kept").read_text() == "x" and os.listdir(tmp_path) == ["idx"]


def test_replace_dir_moves_where_nothing_stood(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    replace_dir(tmp_path / "a", tmp_path / "b")
    assert os.listdir(tmp_path) == ["b"]


@pytest.mark.parametrize(
    "name", [".gitignore.disabled", ".notes.personal", "a.tmp-abcdefgh", ".tmp-abcdefgh"]
)
def test_names_of_others_are_none_of_ours(name: str) -> None:
    assert stands_for(name) is None
