"""Folders that jobs write: plan, refusal, resume, finish, hashes, damaged checkpoints."""

import json

import pytest
import torch

from cxrneighbors.artifact import MANIFEST, Kind, newest_checkpoint
from cxrneighbors.errors import UserError

KIND = Kind("embeddings", 2, "encode")
PLAN = {"seed": 0, "modalities": {"image": {"encoder": "vae"}}, "shape": (1, 2)}


def test_new_then_continued_then_complete(tmp_path):
    first = KIND.begin(tmp_path / "out", PLAN)
    assert (first.complete, first.resumed) == (False, False)
    with pytest.raises(UserError, match="encode was interrupted; run it again"):
        KIND.read(tmp_path / "out")
    again = KIND.begin(tmp_path / "out", PLAN)
    assert (again.complete, again.resumed) == (False, True)
    (tmp_path / "out" / "part").write_text("data")
    again.finish({"modalities": {"image": {"dim": 60}}, "loss": float("nan")})
    content = KIND.read(tmp_path / "out")
    assert content["modalities"] == {"image": {"encoder": "vae", "dim": 60}}
    assert content["loss"] is None and content["files"]["part"]["bytes"] == 4
    assert KIND.begin(tmp_path / "out", PLAN).complete  # results do not count as differences


def test_another_plan_is_refused_and_restart_replaces_it(tmp_path):
    KIND.begin(tmp_path, PLAN)
    other = {**PLAN, "modalities": {"image": {"encoder": "pca"}}}
    with pytest.raises(UserError, match="made with modalities image encoder 'vae', now 'pca'; give another"):
        KIND.begin(tmp_path, other)
    assert json.loads((tmp_path / MANIFEST).read_text())["modalities"] == PLAN["modalities"]
    assert not KIND.begin(tmp_path, other, restart=True).resumed


@pytest.mark.parametrize("name", ["notes.txt", MANIFEST])
def test_a_folder_of_something_else_is_refused_and_untouched(tmp_path, name):
    (tmp_path / name).write_text('{"kind": "index"}')
    for call in (
        lambda: KIND.begin(tmp_path, PLAN, restart=True),
        lambda: KIND.replacing(tmp_path, {}).__enter__(),
    ):
        with pytest.raises(UserError, match="holds other files, not embeddings; give a new or empty folder"):
            call()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_only_own_names_are_described_and_scratch_goes_when_work_begins_anew(tmp_path):
    def begin(**options):
        return KIND.begin(tmp_path, PLAN, own=("model", "checkpoints"), scratch=("checkpoints",), **options)

    (tmp_path / "notes.txt").write_text("mine")
    work = begin()
    for name in ("model/weights", "checkpoints/one"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("data")
    assert list(work.finish()["files"]) == ["model/weights"]
    work.reopen()
    again = begin()
    assert again.resumed and not again.complete and (tmp_path / "checkpoints" / "one").exists()
    assert not begin(restart=True).resumed and not (tmp_path / "checkpoints").exists()
    assert (tmp_path / "notes.txt").exists() and (tmp_path / "model" / "weights").exists()


def test_a_new_plan_that_cannot_be_carried_out_is_taken_back(tmp_path):
    with pytest.raises(UserError), KIND.begin(tmp_path / "out", PLAN).preparing():
        raise UserError("no rows")
    assert not (tmp_path / "out").exists()
    KIND.begin(tmp_path / "out", PLAN)
    with pytest.raises(UserError), KIND.begin(tmp_path / "out", PLAN).preparing():
        raise UserError("no rows")
    assert KIND.begin(tmp_path / "out", PLAN).resumed


def test_own_names_only_are_in_the_way(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    KIND.begin(tmp_path, PLAN, own=("images",))
    (tmp_path / MANIFEST).unlink()
    (tmp_path / "images").mkdir()
    with pytest.raises(UserError, match="holds other files"):
        KIND.begin(tmp_path, PLAN, own=("images",))


@pytest.mark.parametrize("files", [[], "x", None, {"a": 5}, {"a": {"bytes": 3}}])
def test_files_that_are_no_table_are_named(tmp_path, files):
    with KIND.replacing(tmp_path / "out", {}) as temporary:
        (temporary / "a").write_text("one")
    path = tmp_path / "out" / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"files": files}))
    with pytest.raises(UserError, match=r"manifest\.json: its files are no table; run encode again"):
        KIND.read(tmp_path / "out")


def test_changed_missing_and_older_folders_are_named(tmp_path):
    folder = tmp_path / "out"
    with KIND.replacing(folder, {"count": 1}) as temporary:
        (temporary / "a").write_text("one")
    assert KIND.read(folder)["count"] == 1
    (folder / "a").write_text("two")
    with pytest.raises(UserError, match="a: changed since it was written; run encode again"):
        KIND.read(folder)
    (folder / "a").unlink()
    with pytest.raises(UserError, match="a: file of the embeddings is missing"):
        KIND.read(folder)
    with pytest.raises(UserError, match="format 2, this version reads 3"):
        Kind("embeddings", 3, "encode").read(folder)
    with pytest.raises(UserError, match="does not describe index"):
        Kind("index", 2, "index").read(folder)
    with pytest.raises(UserError, match="no such file; give a folder that encode wrote"):
        KIND.read(tmp_path / "nowhere")


def test_replacing_keeps_the_older_folder_when_the_block_fails(tmp_path):
    folder = tmp_path / "out"
    with KIND.replacing(folder, {"count": 1}):
        pass
    with pytest.raises(RuntimeError), KIND.replacing(folder, {"count": 2}) as temporary:
        (temporary / "half").touch()
        raise RuntimeError
    assert KIND.read(folder)["count"] == 1 and [path.name for path in tmp_path.iterdir()] == ["out"]


def test_newest_checkpoint_passes_over_damaged_and_dangerous_ones(tmp_path):
    assert newest_checkpoint(tmp_path) is None
    torch.save({"epoch": 1}, tmp_path / "epoch-00001.ckpt")
    (tmp_path / "epoch-00002.ckpt").write_bytes((tmp_path / "epoch-00001.ckpt").read_bytes()[:100])
    torch.save({"code": print}, tmp_path / "epoch-00003.ckpt")
    torch.save([1], tmp_path / "epoch-00004.ckpt")
    assert newest_checkpoint(tmp_path, keys=["epoch"]) == tmp_path / "epoch-00001.ckpt"
    assert newest_checkpoint(tmp_path, keys=["epoch", "state_dict"]) is None


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_checkpoint_cut_anywhere_gives_way(tmp_path, share):
    for number in (1, 2):
        torch.save({"state_dict": {"weight": torch.ones(99, 99)}}, tmp_path / f"epoch-0000{number}.ckpt")
    newest = tmp_path / "epoch-00002.ckpt"
    newest.write_bytes(newest.read_bytes()[: int(share * newest.stat().st_size)])
    assert newest_checkpoint(tmp_path, keys=["state_dict"]) == tmp_path / "epoch-00001.ckpt"
