from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cxrneighbors.encoders.pixels import PixelEncoder
from cxrneighbors.encoders.shards import Shard, read_shard, shard_path, write_shard
from cxrneighbors.encoders.store import Embeddings, close_store, open_store
from cxrneighbors.errors import UserError


def test_shard_round_trip_keeps_bits_and_skipped(tmp_path: Path):
    vectors = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    write_shard(tmp_path / "a.parquet", Shard(["x", "ü", "z"], vectors, [("w", "zero bytes")]))
    back = read_shard(tmp_path / "a.parquet")
    assert back.ids == ["x", "ü", "z"] and back.skipped == [("w", "zero bytes")]
    assert back.vectors.dtype == np.float32 and np.array_equal(back.vectors, vectors)


def test_shard_of_no_rows_keeps_its_dimension(tmp_path: Path):
    write_shard(tmp_path / "a.parquet", Shard([], np.zeros((0, 7), np.float32)))
    assert read_shard(tmp_path / "a.parquet").vectors.shape == (0, 7)


@pytest.mark.parametrize("content", [b"", b"PAR1 but not really", b"x" * 1000])
def test_damaged_shard_is_named(tmp_path: Path, content: bytes):
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.parquet: damaged shard.*encode again"):
        read_shard(tmp_path / "a.parquet")


def plan(**changes: object) -> dict:
    entry = {"encoder": "pixels", "config": {"image_size": 2}, "weights_hash": "", "inputs_hash": "i"}
    base = {"format": 1, "complete": False, "studies_hash": "s", "mask_labels": False, "shard_size": 2}
    return {**base, "modalities": {"image": entry}, **changes}


def fill(folder: Path) -> None:
    assert open_store(folder, plan()) is False
    PixelEncoder(image_size=2).save(folder / "encoders" / "image")
    write_shard(shard_path(folder, "image", 0), Shard(["a", "b"], np.ones((2, 4), np.float32)))
    write_shard(shard_path(folder, "image", 1), Shard(["d"], np.zeros((1, 4), np.float32), [("c", "bad")]))
    assert close_store(folder, plan(), {"image": 2}) == [("c", "bad")]


def test_load_returns_rows_in_order(tmp_path: Path):
    fill(tmp_path)
    found = Embeddings.load(tmp_path)
    assert found.ids == {"image": ["a", "b", "d"]} and found.modalities == ("image",)
    assert found.vectors["image"].tolist() == [[1] * 4, [1] * 4, [0] * 4]
    entry = found.manifest["modalities"]["image"]
    assert (entry["dim"], entry["count"], entry["skipped"]) == (4, 3, 1)
    assert found.encoder("image").image_size == 2
    assert open_store(tmp_path, plan()) is True


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"studies_hash": "other"}, "studies_hash 's'"),
        ({"mask_labels": True}, "mask_labels False"),
        ({"shard_size": 3}, "shard_size 2"),
        ({"modalities": {"report": plan()["modalities"]["image"]}}, "modalities"),
        ({"modalities": {"image": {**plan()["modalities"]["image"], "encoder": "vae"}}}, "encoder 'pixels'"),
        (
            {"modalities": {"image": {**plan()["modalities"]["image"], "weights_hash": "w"}}},
            "weights_hash ''",
        ),
        ({"modalities": {"image": {**plan()["modalities"]["image"], "config": {}}}}, "config"),
        ({"modalities": {"image": {**plan()["modalities"]["image"], "inputs_hash": "j"}}}, "inputs_hash"),
    ],
)
def test_store_refuses_what_differs(tmp_path: Path, changes: dict, says: str):
    fill(tmp_path)
    with pytest.raises(UserError, match=rf"image |{says}"):
        open_store(tmp_path, plan(**changes))
    with pytest.raises(UserError, match=says):
        open_store(tmp_path, plan(**changes))


def test_unfinished_missing_and_foreign_folders_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match="no such file"):
        Embeddings.load(tmp_path / "nothing")
    open_store(tmp_path / "begun", plan())
    with pytest.raises(UserError, match="interrupted; run the same encode again"):
        Embeddings.load(tmp_path / "begun")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "manifest.json").write_text("[1]")
    with pytest.raises(UserError, match="not a manifest"):
        Embeddings.load(tmp_path / "foreign")
    (tmp_path / "orphan" / "image").mkdir(parents=True)
    with pytest.raises(UserError, match="shards but no manifest"):
        open_store(tmp_path / "orphan", plan())
    open_store(tmp_path / "future", plan(format=99))
    with pytest.raises(UserError, match="format 99"):
        Embeddings.load(tmp_path / "future")


def test_changed_shards_are_refused(tmp_path: Path):
    fill(tmp_path)
    path = shard_path(tmp_path, "image", 1)
    good = path.read_bytes()
    path.unlink()
    with pytest.raises(UserError, match="shard is missing"):
        Embeddings.load(tmp_path)
    write_shard(path, Shard(["d", "e"], np.zeros((2, 4), np.float32)))
    with pytest.raises(UserError, match="4 vectors, manifest says 3"):
        Embeddings.load(tmp_path)
    write_shard(path, Shard(["d"], np.zeros((1, 6), np.float32)))
    with pytest.raises(UserError, match="6 dimensions, manifest says 4"):
        Embeddings.load(tmp_path)
    path.write_bytes(good)
    assert len(Embeddings.load(tmp_path).ids["image"]) == 3


def test_changed_encoder_is_refused(tmp_path: Path):
    fill(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["modalities"]["image"]["weights_hash"] = "another"
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="not the encoder that made these embeddings"):
        Embeddings.load(tmp_path).encoder("image")


def test_from_arrays_drops_rows_of_nan():
    image = np.array([[1.0, 2.0], [3.0, 4.0]])
    report = np.array([[np.nan], [5.0]])
    found = Embeddings.from_arrays(["a", "b"], image=image, report=report, names={"image": "mine"})
    assert found.ids == {"image": ["a", "b"], "report": ["b"]}
    assert found.vectors["report"].tolist() == [[5.0]]
    assert found.manifest["modalities"]["image"]["encoder"] == "mine"
    with pytest.raises(UserError, match="without an encoder"):
        found.encoder("image")
    with pytest.raises(UserError, match="unknown modality"):
        found.encoder("sound")


def test_from_arrays_refuses_wrong_shapes_and_values():
    with pytest.raises(ValueError, match=r"image must be \(2, D\)"):
        Embeddings.from_arrays(["a", "b"], image=np.zeros((3, 2)))
    with pytest.raises(ValueError, match="duplicates"):
        Embeddings.from_arrays(["a", "a"], image=np.zeros((2, 2)))
    with pytest.raises(ValueError, match="'b' is not finite"):
        Embeddings.from_arrays(["a", "b"], image=np.array([[0.0, 1.0], [np.nan, 1.0]]))
    with pytest.raises(ValueError, match="one per image id"):
        Embeddings({"image": ["a"]}, {"image": np.zeros((2, 2), np.float32)}, {})
