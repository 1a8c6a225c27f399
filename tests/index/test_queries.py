"""Image ids, files, arrays, PIL images and texts as queries; whose film it is decides who may be found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors.data.pixels import read_pixels
from cxrneighbors.data.schema import validate_studies
from cxrneighbors.encoders.pixels import PixelEncoder
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.encoders.tfidf import TfidfEncoder
from cxrneighbors.errors import UserError
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.index.query_encoding import film_pixels

PATIENTS = ["p0", "p0", "p1", "p1", "p2", "p2", "p0", "p3"]
DATASETS = ["a"] * 6 + ["b", "b"]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> NeighborIndex:
    """Eight films on disk, two each of three patients of data set a, one each of two of data set b."""
    folder, rng = tmp_path_factory.mktemp("films"), np.random.default_rng(0)
    anatomy = [rng.integers(0, 256, (8, 8)) for _ in range(4)]
    paths = []
    for row, patient in enumerate(PATIENTS):
        pixels = np.kron(anatomy[int(patient[1])], np.ones((8, 8))) * 0.9 + rng.integers(0, 25, (64, 64))
        paths.append(str(folder / f"{row}.png"))
        Image.fromarray(pixels.astype(np.uint8)).save(paths[-1])
    reports = ["effusion left", "effusion", "edema", "edema mass", "mass", "nodule", "clear", "clear lungs"]
    studies = pd.DataFrame({"image_id": list("abcdefgh"), "patient_id": PATIENTS, "dataset": DATASETS})
    studies = validate_studies(studies.assign(findings=[[]] * 8, path=paths, report=reports))
    encoders = {"image": PixelEncoder(), "report": TfidfEncoder().fit(studies)}
    images = np.stack([read_pixels(path) for path in paths])[:, None]
    vectors = {"image": encoders["image"].encode(images), "report": encoders["report"].encode(reports)}
    embeddings = Embeddings.from_arrays(list("abcdefgh"), **vectors)
    for modality, encoder in encoders.items():
        entry = {"encoder": encoder.name, "config": encoder.config(), "weights_hash": encoder.weights_hash()}
        embeddings.manifest["modalities"][modality] |= entry
        embeddings.encoders[modality] = encoder
    return NeighborIndex.build(embeddings, studies, backend="exact")


def found(index: NeighborIndex, **arguments: Any) -> set[str]:
    return set(index.search(modality="image" if "image" in arguments else None, **arguments)["neighbor_id"])


def new_film(index: NeighborIndex) -> np.ndarray:
    """A film like those of patient p0 of data set a, which the index does not hold."""
    return np.clip(read_pixels(index.studies["path"][0]) + 0.02, 0, 1)


def test_an_outside_film_of_an_indexed_patient_does_not_find_that_patient(index: NeighborIndex) -> None:
    film = new_film(index)
    assert {"a", "b"} <= found(index, image=film, k=3)
    assert found(index, image=film, patient_id="a:p0", k=6) == set("cdefgh")
    assert {"a", "b"} <= found(index, image=film, patient_id="a:p0", k=3, include_same_patient=True)
    assert found(index, text="effusion", patient_id="p1", k=6) == set("abefgh")


def test_every_kind_of_film_gives_the_same_hits(index: NeighborIndex, tmp_path: Path) -> None:
    eight_bit = (new_film(index) * 255).astype(np.uint8)
    film = eight_bit.astype(np.float32) / 255
    Image.fromarray(eight_bit).save(tmp_path / "new.png")
    kinds = [tmp_path / "new.png", film, film[None], Image.fromarray(eight_bit)]
    hits = [index.search(image=kind, modality="image", k=4).drop(columns="query_id") for kind in kinds]
    for other in hits[1:]:
        pd.testing.assert_frame_equal(other, hits[0])
    together = index.search(image=kinds, modality="image", k=4)
    assert together["query_id"].unique().tolist() == [str(kinds[0]), "image 2", "image 3", "image 4"]
    assert (together["distance"].to_numpy().reshape(4, 4) == hits[0]["distance"].to_numpy()).all()


@pytest.mark.parametrize("kind", ["file", "copy", "array", "pil"])
def test_a_film_of_the_index_is_known_by_its_pixels(index: NeighborIndex, kind: str, tmp_path: Path) -> None:
    path = Path(index.studies["path"][0])
    Image.open(path).save(tmp_path / "copy.tif")
    film = {"file": path, "copy": tmp_path / "copy.tif", "array": read_pixels(path), "pil": Image.open(path)}
    by_film = index.search(image=film[kind], modality="image", k=6)
    by_id = index.search("a", modality="image", k=6)
    assert by_film["neighbor_id"].tolist() == by_id["neighbor_id"].tolist()
    assert "b" in found(index, image=film[kind], k=7, include_same_patient=True)
    assert "a" not in found(index, image=film[kind], k=7, include_same_patient=True)
    with pytest.raises(UserError, match=r"is image 'a' of patient 'p0' in this index; leave patient_id out"):
        index.search(image=film[kind], patient_id="p1")


def test_a_patient_for_each_query(index: NeighborIndex) -> None:
    films = [new_film(index), new_film(index)]
    hits = index.search(image=films, patient_id=["a:p0", "p2"], modality="image", k=6)
    parts = [set(part["neighbor_id"]) for _, part in hits.groupby("query_id")]
    assert parts == [set("cdefgh"), set("abcdgh")]


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "two data sets": ({"patient_id": "p0"}, "2 data sets have one; choose one of: a:p0, b:p0"),
    "nobody": ({"patient_id": "p9"}, "no patient of this index; leave it out for a new patient"),
    "count": ({"patient_id": ["p1", "p2"]}, "2 patients for 1 queries"),
    "colour": ({"image": np.zeros((3, 8, 8))}, r"shape (3, 8, 8); give (H, W) or (1, H, W)"),
    "empty": ({"image": np.zeros((0, 8))}, "shape (0, 8)"),
    "range": ({"image": np.full((8, 8), 255)}, "divide 8-bit pixels by 255"),
    "nan": ({"image": np.full((8, 8), np.nan)}, "must lie in [0, 1]"),
    "floats": ({"image": Image.fromarray(np.ones((8, 8), np.float32))}, "cannot be read"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(index: NeighborIndex, name: str) -> None:
    arguments, message = MISTAKES[name]
    with pytest.raises(UserError) as caught:
        index.search(**{"image": np.zeros((8, 8)), "modality": "image", "k": 1, **arguments})
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_an_empty_report_beside_a_film_is_none(index: NeighborIndex) -> None:
    films = [new_film(index)] * 3
    hits = index.search(image=films, text=["effusion", " ", None], k=4)
    both, blank, missing = (part.reset_index(drop=True) for _, part in hits.groupby("query_id", sort=False))
    alone = index.search(image=films[0], k=4)
    for part in (blank, missing):
        assert part["neighbor_id"].tolist() == alone["neighbor_id"].tolist()
        assert part["report_distance"].isna().all()
    assert both["report_distance"].notna().all()
    assert index.search("a", text="", k=3)["report_distance"].isna().all()
    with pytest.raises(UserError, match="it has no report to search by"):
        index.search(image=films[0], text="", modality="fused")


def test_a_patient_for_an_indexed_image_is_refused(index: NeighborIndex) -> None:
    with pytest.raises(UserError, match="the index knows the patients of its images"):
        index.search("a", patient_id="p0")


def test_film_pixels_are_float32_from_0_to_1() -> None:
    grey = Image.fromarray(np.array([[0, 255]], dtype=np.uint8))
    for film in (grey, np.array([[0.0, 1.0]]), np.array([[[0, 1]]])):
        pixels = film_pixels(film)
        assert pixels.dtype == np.float32 and pixels.tolist() == [[0.0, 1.0]]
