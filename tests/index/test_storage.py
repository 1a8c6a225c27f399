from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cxrneighbors.encoders.pixels import PixelEncoder
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError
from cxrneighbors.files import sha256_file
from cxrneighbors.index.neighbor_index import NeighborIndex

Build = Callable[..., NeighborIndex]


@pytest.fixture()
def folder(small_index: Build, tmp_path: Path) -> Path:
    small_index(200, backend="hnsw").save(tmp_path / "idx")
    return tmp_path / "idx"


@pytest.mark.parametrize("backend", ["hnsw", "exact"])
def test_a_loaded_index_searches_the_same(small_index: Build, tmp_path: Path, backend: str) -> None:
    index = small_index(300, backend=backend)
    index.save(tmp_path / "idx")
    again = NeighborIndex.load(tmp_path / "idx")
    assert (again.backend, again.modalities, again.scale) == (backend, index.modalities, index.scale)
    assert again.studies.equals(index.studies) and again.manifest == index.manifest
    ids = list(index.studies["image_id"])
    for arguments in ({}, {"where": "view == 'PA'", "modality": "image"}, {"weights": {"image": 3}}):
        assert again.search(ids[1:5], **arguments).equals(index.search(ids[1:5], **arguments))


def test_two_builds_write_the_same_bytes(small_index: Build, tmp_path: Path) -> None:
    for name in ("a", "b"):
        small_index(400, backend="hnsw").save(tmp_path / name)
    files = {path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file()}
    assert {"manifest.json", "image-PA.bin", "fused-AP.bin"} <= {path.name for path in files}
    for name in files:
        assert sha256_file(tmp_path / "a" / name) == sha256_file(tmp_path / "b" / name), name


def test_every_file_is_checked(folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json"]
    assert len(files) >= 10
    for path in files:
        content = path.read_bytes()
        flipped = bytearray(content)
        flipped[len(flipped) // 2] ^= 1
        for changed in (bytes(flipped), content + b"x"):
            path.write_bytes(changed)
            with pytest.raises(UserError, match=f"{path.name}: changed since .*run index again"):
                NeighborIndex.load(folder)
        path.unlink()
        with pytest.raises(UserError, match=f"{path.name}: file of the index is missing"):
            NeighborIndex.load(folder)
        path.write_bytes(content)
    NeighborIndex.load(folder)


def edit(folder: Path, change: Callable[[dict], None]) -> None:
    content = json.loads((folder / "manifest.json").read_text())
    change(content)
    (folder / "manifest.json").write_text(json.dumps(content))


EDITS: dict[str, tuple[Callable[[dict], None], str]] = {
    "format": (lambda c: c.update(format=99), "format 99, this version reads"),
    "key": (lambda c: c.pop("files"), "does not describe an index"),
    "backend": (lambda c: c.update(backend="x"), "unknown backend 'x'"),
    "dim": (lambda c: c["dim"].update(image=9), "not float32"),
    "modalities": (lambda c: c.update(modalities=["image"]), "do not fit the vectors"),
    "count": (lambda c: c["partitions"][0].update(count=1), "does not fit the rows"),
    "space": (lambda c: c["partitions"][0]["settings"].update(space="ip"), "does not fit the vectors"),
    "graph dim": (lambda c: c["partitions"][0]["settings"].update(dim=64), "does not fit the vectors"),
    "elsewhere": (
        lambda c: c["partitions"][0].update(file="../" + c["partitions"][0]["file"]),
        "is elsewhere; build the index again",
    ),
    "outside": (lambda c: c["files"].update({"../x": c["files"]["studies.parquet"]}), "lies outside"),
    "graph M": (lambda c: c["partitions"][0]["settings"].update(M=10**9), "are no settings of a graph"),
    "scale": (lambda c: c["scale"].update(image=1e-3), "does not hold the vectors"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_description_is_refused(folder: Path, name: str) -> None:
    change, message = EDITS[name]
    edit(folder, change)
    with pytest.raises(UserError, match=message):
        NeighborIndex.load(folder)


def rewrite(folder: Path, name: str, content: bytes) -> None:
    """Change a file and its hash, as one who means harm would."""
    path = folder / name
    path.write_bytes(content)
    found = {"bytes": len(content), "sha256": sha256_file(path)}
    edit(folder, lambda c: c["files"].update({name: found}))


HEADS = {
    b"'shape': (": b"'shape': (9",
    b"fortran_order": b"fortran_orter",
    b"<f4": b"|O8",
    b"\x93NUMPY\x01": b"\x93NUMPY\x09",
}


@pytest.mark.parametrize("old", HEADS)
def test_arrays_with_rewritten_hashes(old: bytes, folder: Path) -> None:
    content = (folder / "vectors" / "image.npy").read_bytes()
    rewrite(folder, "vectors/image.npy", content.replace(old, HEADS[old], 1))
    with pytest.raises(UserError, match=r"image\.npy: .*; build the index again"):
        NeighborIndex.load(folder)


@pytest.mark.parametrize("rows", [[0, 0, 1], [2, 1, 0], [[0, 1, 2]], [0.0, 1.0, 2.0], [0, 1, 10**9]])
def test_row_numbers_with_rewritten_hashes(rows: list, folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.array(rows))
    rewrite(folder, "vectors/image.rows.npy", (tmp_path / "rows.npy").read_bytes())
    with pytest.raises(UserError, match="build the index again"):
        NeighborIndex.load(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(dim=[1]),
        lambda c: c["scale"].pop("image"),
        lambda c: c["scale"].update(image=0),
        lambda c: c["scale"].update(image=-1.0),
        lambda c: c.update(scale={"image": "x", "report": 1}),
        lambda c: c.update(partitions=None),
        lambda c: c.update(weights=7),
        lambda c: c.update(measured_on="x"),
        lambda c: c.update(measured_on=0),
        lambda c: c.update(measured_on=10**9),
    ],
)
def test_a_manifest_of_the_wrong_shape(change: Callable[[dict], None], folder: Path) -> None:
    edit(folder, change)
    with pytest.raises(UserError, match="build the index again"):
        NeighborIndex.load(folder)


def test_no_index_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"manifest.json: no such file; give a folder that index wrote"):
        NeighborIndex.load(tmp_path)


def test_a_folder_of_the_first_format_is_refused(folder: Path) -> None:
    (folder / "manifest.json").rename(folder / "index.json")
    with pytest.raises(UserError, match=r"index of format 1, this version reads 3; build .* again in a new"):
        NeighborIndex.load(folder)


def test_a_folder_with_other_files_is_not_replaced(small_index: Build, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(UserError, match="holds other files, not index"):
        small_index(20).save(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_an_index_replaces_an_index_as_a_whole(folder: Path, small_index: Build) -> None:
    small_index(50).save(folder)
    assert len(NeighborIndex.load(folder).studies) == 50 and not list((folder / "graphs").iterdir())
    assert [path.name for path in folder.parent.iterdir()] == ["idx"]


def test_encoders_travel_with_the_index(small_index: Build, tmp_path: Path) -> None:
    encoder = PixelEncoder()
    images = np.random.default_rng(0).random((6, 1, 64, 64)).astype(np.float32)
    ids = [f"i{i:05d}" for i in range(6)]
    embeddings = Embeddings.from_arrays(ids, encoder.encode(images))
    embeddings.manifest["modalities"]["image"] |= {
        "encoder": encoder.name,
        "config": encoder.config(),
        "weights_hash": encoder.weights_hash(),
    }
    embeddings.encoders["image"] = encoder
    index = NeighborIndex.build(embeddings, small_index(6).studies, backend="exact")
    index.save(tmp_path / "idx")
    again = NeighborIndex.load(tmp_path / "idx")
    np.testing.assert_allclose(again.encoders.get("image").encode(images), index.vectors["image"], atol=1e-6)
    again.save(tmp_path / "idx")  # over the folder that its encoders are read from
    assert NeighborIndex.load(tmp_path / "idx").encoders.get("image").name == encoder.name
