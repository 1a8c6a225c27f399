from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxrneighbors.encoders.pixels import PixelEncoder
from cxrneighbors.encoders.shards import Shard, read_shard, read_shards, shard_path, write_shard
from cxrneighbors.encoders.store import EMBEDDINGS, OWN, Embeddings
from cxrneighbors.errors import UserError


def test_shard_round_trip_keeps_bits_and_skipped(tmp_path: Path):
    vectors = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    write_shard(tmp_path / "a.parquet", [Shard(["x", "ü", "z"], vectors, [("w", "zero bytes")])])
    back = read_shard(tmp_path / "a.parquet")
    assert back.ids == ["x", "ü", "z"] and back.skipped == [("w", "zero bytes")]
    assert back.vectors.dtype == np.float32 and np.array_equal(back.vectors, vectors)


def test_parts_and_shards_join_in_order(tmp_path: Path):
    one, two = np.ones((1, 2), np.float32), np.zeros((1, 2), np.float32)
    for number, parts in enumerate(
        [[Shard(["a"], one), Shard(["b"], two, [("c", "r")])], [Shard(["d"], one)]]
    ):
        write_shard(shard_path(tmp_path, "image", number), parts)
    both = read_shards(tmp_path, "image", 2)
    assert both.ids == ["a", "b", "d"] and both.skipped == [("c", "r")]
    assert both.vectors.tolist() == [[1, 1], [0, 0], [1, 1]]


def test_shard_of_no_rows_keeps_its_dimension(tmp_path: Path):
    write_shard(tmp_path / "a.parquet", [Shard([], np.zeros((0, 7), np.float32))])
    assert read_shard(tmp_path / "a.parquet").vectors.shape == (0, 7)


@pytest.mark.parametrize("content", [b"", b"PAR1 but not really", b"x" * 1000])
def test_damaged_shard_is_named(tmp_path: Path, content: bytes):
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.parquet: damaged shard.*encode again"):
        read_shard(tmp_path / "a.parquet")


def plan(**changes: Any) -> dict[str, Any]:
    entry = {"encoder": "pixels", "config": {"image_size": 2}, "weights_hash": "", "inputs_hash": "i"}
    base = {"studies_hash": "s", "mask_labels": False, "shard_size": 2, "encoded": ["image"]}
    return {**base, "modalities": {"image": {**entry, **changes.pop("image", {})}}, **changes}


def fill(folder: Path) -> None:
    work = EMBEDDINGS.begin(folder, plan(), own=OWN)
    PixelEncoder(image_size=2).save(folder / "encoders" / "image")
    write_shard(shard_path(folder, "image", 0), [Shard(["a", "b"], np.ones((2, 4), np.float32))])
    write_shard(shard_path(folder, "image", 1), [Shard(["d"], np.zeros((1, 4), np.float32), [("c", "bad")])])
    work.finish({"modalities": {"image": {"dim": 4, "count": 3, "skipped": 1, "shards": 2}}})


def test_load_returns_rows_in_order(tmp_path: Path):
    fill(tmp_path)
    found = Embeddings.load(tmp_path)
    assert found.ids == {"image": ["a", "b", "d"]} and found.modalities == ("image",)
    assert found.vectors["image"].tolist() == [[1] * 4, [1] * 4, [0] * 4]
    assert found.manifest["modalities"]["image"]["count"] == 3
    assert found.encoder("image").image_size == 2
    assert EMBEDDINGS.begin(tmp_path, plan(), own=OWN).complete


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"studies_hash": "other"}, "studies hash 's'"),
        ({"mask_labels": True}, "mask labels False"),
        ({"shard_size": 3}, "shard size 2"),
        ({"encoded": ["image", "report"]}, "encoded \\['image'\\], now \\['image', 'report'\\]"),
        ({"image": {"encoder": "vae"}}, "modalities image encoder 'pixels', now 'vae'"),
        ({"image": {"weights_hash": "w"}}, "modalities image weights hash ''"),
        ({"image": {"config": {"image_size": 3}}}, "modalities image config image size 2"),
        ({"image": {"inputs_hash": "j"}}, "modalities image inputs hash 'i'"),
    ],
)
def test_store_refuses_what_differs(tmp_path: Path, changes: dict[str, Any], says: str):
    fill(tmp_path)
    with pytest.raises(UserError, match=f"holds embeddings made with {says}"):
        EMBEDDINGS.begin(tmp_path, plan(**changes), own=OWN)


def test_unfinished_missing_and_foreign_folders_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match="no such file; give a folder that encode wrote"):
        Embeddings.load(tmp_path / "nothing")
    EMBEDDINGS.begin(tmp_path / "begun", plan(), own=OWN)
    with pytest.raises(UserError, match="encode was interrupted; run it again, it continues"):
        Embeddings.load(tmp_path / "begun")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "manifest.json").write_text("[1]")
    with pytest.raises(UserError, match="does not describe embeddings"):
        Embeddings.load(tmp_path / "foreign")
    head = {"kind": "embeddings", "format": EMBEDDINGS.version, "complete": True, "files": {}}
    for modalities in (None, {"image": None}, {"image": {}}):
        text = json.dumps(head | {"modalities": modalities})
        (tmp_path / "foreign" / "manifest.json").write_text(text)
        with pytest.raises(UserError, match=r"manifest\.json: does not describe embeddings; run encode"):
            Embeddings.load(tmp_path / "foreign")
    (tmp_path / "orphan" / "image").mkdir(parents=True)
    with pytest.raises(UserError, match="holds other files, not embeddings"):
        EMBEDDINGS.begin(tmp_path / "orphan", plan(), own=OWN)
    old = {"format": 1, "complete": True, "studies_hash": "s", "modalities": {}}
    (tmp_path / "foreign" / "manifest.json").write_text(json.dumps(old))
    with pytest.raises(UserError, match="does not describe embeddings; give a folder that encode wrote"):
        Embeddings.load(tmp_path / "foreign")


@pytest.mark.parametrize("name", ["image/part-00001.parquet", "encoders/image/config.json"])
def test_changed_files_are_refused(tmp_path: Path, name: str):
    fill(tmp_path)
    good = (tmp_path / name).read_bytes()
    (tmp_path / name).unlink()
    with pytest.raises(UserError, match=f"{name}: file of the embeddings is missing; run encode again"):
        Embeddings.load(tmp_path)
    (tmp_path / name).write_bytes(good[:-1] + b"?")
    with pytest.raises(UserError, match=f"{name}: changed since it was written; run encode again"):
        Embeddings.load(tmp_path)
    (tmp_path / name).write_bytes(good)
    assert len(Embeddings.load(tmp_path).ids["image"]) == 3


def test_other_files_may_lie_beside(tmp_path: Path):
    (tmp_path / "studies.parquet").write_text("mine")
    fill(tmp_path)
    (tmp_path / "studies.parquet").write_text("mine, changed")
    assert "studies.parquet" not in Embeddings.load(tmp_path).manifest["files"]


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


def test_it_says_what_it_holds_in_few_words():
    rng = np.random.default_rng(0)
    report = rng.normal(size=(2000, 3))
    report[:500] = np.nan
    embeddings = Embeddings.from_arrays(
        [f"i{row}" for row in range(2000)], rng.normal(size=(2000, 7)), report, names={"image": "<mine>"}
    )
    assert repr(embeddings) == "<Embeddings: image 2,000 × 7 (<mine>); report 1,500 × 3 (arrays)>"
    html = embeddings._repr_html_()
    assert "&lt;mine&gt;" in html and "1,500" in html and len(html) < 3000


def test_arrays_in_the_wrong_place_are_refused():
    vectors = np.ones((2, 3))
    for given, said in (
        (({"image": vectors},), r"image_ids: a dict; give a list of ids, from_arrays\(ids, image=vectors\)"),
        (("ab", vectors), "image_ids: a str; give a list of ids"),
        ((vectors, ["a", "b"]), r"image_ids: an ndarray \(2, 3\); give a list of ids"),
        ((["a", "b"],), "from_arrays: no vectors; give image="),
        (
            (["a", "b"], [["x"], ["y"]]),
            r"image: a list that holds no numbers of one shape; give an array \(2",
        ),
    ):
        with pytest.raises(UserError, match=said):
            Embeddings.from_arrays(*given)
