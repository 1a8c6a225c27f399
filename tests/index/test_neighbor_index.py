"""Building, and searching by ids, files and texts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError
from cxrneighbors.index.neighbor_index import NeighborIndex

Build = Callable[..., NeighborIndex]


class MeanEncoder:
    """Image encoder: the mean of the left and of the right half."""

    name, image_size, aspect = "means", 8, "pad"

    def config(self) -> dict[str, Any]:
        return {"halves": 2, "order": ("left", "right")}

    def weights_hash(self) -> str:
        return "abc"

    def encode(self, images: np.ndarray) -> np.ndarray:
        return np.stack([images[:, 0, :, :4].mean((1, 2)), images[:, 0, :, 4:].mean((1, 2))], axis=1)


class LengthEncoder:
    """Report encoder: number of words and of letters e."""

    name = "lengths"

    def config(self) -> dict[str, Any]:
        return {}

    def weights_hash(self) -> str:
        return ""

    def encode(self, texts: list[str]) -> np.ndarray:
        return np.array([[len(text.split()), text.count("e")] for text in texts], dtype=np.float32)


@pytest.fixture()
def encoded() -> NeighborIndex:
    """Six images of known halves and reports of known length, with the encoders that made the vectors."""
    halves = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [0.5, 0.5], [0.2, 0.9]], dtype=np.float32)
    texts = ["one", "one two", "one two three", "e e e e", "", "no effusion seen here"]
    studies = pd.DataFrame(
        {
            "image_id": list("abcdef"),
            "patient_id": list("uvwxyz"),
            "findings": [[]] * 6,
            "report": [text or None for text in texts],
        }
    )
    report = LengthEncoder().encode(texts)
    report[4] = np.nan
    embeddings = Embeddings.from_arrays(list("abcdef"), halves, report)
    for modality, encoder in (("image", MeanEncoder()), ("report", LengthEncoder())):
        entry = embeddings.manifest["modalities"][modality]
        entry |= {"encoder": encoder.name, "config": encoder.config(), "weights_hash": encoder.weights_hash()}
        embeddings.encoders[modality] = encoder
    return NeighborIndex.build(embeddings, studies, backend="exact")


def film(path: Path, left: int, right: int) -> Path:
    pixels = np.repeat([[left] * 4 + [right] * 4], 8, axis=0).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_search_by_id_gives_a_table(small_index: Build) -> None:
    index = small_index(60)
    hits = index.search(["i00001", "i00002"], k=3)
    assert list(hits.columns) == [
        "query_id",
        "rank",
        "neighbor_id",
        "distance",
        "image_distance",
        "report_distance",
        "patient_id",
        "view",
        "findings",
        "path",
    ]
    films = index.studies.set_index("image_id").loc[hits["neighbor_id"]].reset_index()
    for name in ("patient_id", "view", "findings", "path"):
        assert hits[name].tolist() == films[name].tolist()
    hits["findings"][0].append("mine")  # the table's own lists stay
    assert index.studies.set_index("image_id").loc[hits["neighbor_id"][0], "findings"] == films["findings"][0]
    assert hits["query_id"].tolist() == ["i00001"] * 3 + ["i00002"] * 3
    assert hits["rank"].tolist() == [1, 2, 3] * 2
    rows, distances = index.neighbors(np.array([1, 2]), 3, modality="fused")
    assert hits["neighbor_id"].tolist() == [f"i{row:05d}" for row in rows.ravel()]
    np.testing.assert_array_equal(hits["distance"], distances.ravel())
    both = hits[hits["report_distance"].notna()]
    together = np.hypot(both["image_distance"], both["report_distance"])
    np.testing.assert_allclose(both["distance"], together, rtol=1e-5)


def test_the_modality_follows_what_each_query_has(small_index: Build) -> None:
    index = small_index(60)
    hits = index.search(["i00000", "i00001"], k=4)  # row 0 has no report
    first, second = hits[:4], hits[4:]
    np.testing.assert_array_equal(first["distance"], first["image_distance"])
    assert first["report_distance"].isna().all() and second["report_distance"].notna().any()
    by_image = index.search("i00000", k=4, modality="image")
    assert by_image["neighbor_id"].tolist() == first["neighbor_id"].tolist()


def test_weights_rank_and_zero_means_the_other_modality(small_index: Build) -> None:
    index = small_index(60)
    only_image = index.search("i00001", weights={"report": 0}, k=10)
    assert only_image.equals(index.search("i00001", modality="image", k=10))
    hits = index.search("i00001", weights={"image": 0.3, "report": 4}, k=10, where="has_report")
    expected = np.sqrt(0.3 * hits["image_distance"] ** 2 + 4 * hits["report_distance"] ** 2)
    np.testing.assert_allclose(hits["distance"], expected, rtol=1e-5)
    assert hits["distance"].is_monotonic_increasing


def test_image_file_text_and_both(encoded: NeighborIndex, tmp_path: Path) -> None:
    path = film(tmp_path / "film.png", 255, 0)
    by_image = encoded.search(image=path, k=1)
    assert by_image["neighbor_id"].tolist() == ["c"] and by_image["distance"].iloc[0] < 0.05
    assert by_image["query_id"].tolist() == [str(path)] and by_image["report_distance"].isna().all()

    by_text = encoded.search(text=["one two", "one two three"], k=1)
    assert by_text["neighbor_id"].tolist() == ["b", "c"] and by_text["query_id"].tolist() == [
        "text 1",
        "text 2",
    ]
    assert (by_text["distance"] == by_text["report_distance"]).all() and by_text[
        "image_distance"
    ].isna().all()

    both = encoded.search(image=path, text="e e e e", k=6)
    lacks = both["neighbor_id"] == "e"
    assert both["report_distance"].isna().tolist() == lacks.tolist()
    expected = np.hypot(both["image_distance"], both["report_distance"])
    np.testing.assert_allclose(both["distance"][~lacks], expected[~lacks], rtol=1e-5)
    reports = (both["report_distance"][~lacks] ** 2).mean()  # of all that have one
    np.testing.assert_allclose(
        both["distance"][lacks] ** 2, both["image_distance"][lacks] ** 2 + reports, rtol=1e-5
    )


def test_id_with_a_text_uses_the_image_of_the_id_and_the_text(encoded: NeighborIndex) -> None:
    hits = encoded.search("a", text="e e e e", k=5).set_index("neighbor_id")
    assert hits.loc["d", "report_distance"] == 0
    assert (
        hits.loc["b", "image_distance"]
        == encoded.search("a", modality="image", k=5).set_index("neighbor_id").loc["b", "distance"]
    )


def test_another_encoder_is_refused(encoded: NeighborIndex) -> None:
    for change in ({"name": "other"}, {"config": lambda: {"halves": 3}}, {"weights_hash": lambda: "abd"}):
        encoder = MeanEncoder()
        for key, value in change.items():
            setattr(encoder, key, value)
        with pytest.raises(UserError, match="differ from those of 'means'"):
            encoded.encoders.use("image", encoder)
    encoded.encoders.use("image", MeanEncoder())


def test_too_few_says_how_many(small_index: Build) -> None:
    index = small_index(60)
    where = "image_id in ['i00001', 'i00008', 'i00010', 'i00020']"
    with pytest.raises(
        UserError, match=r"only 3 images pass where .* and are of another patient.*ask for k=3"
    ):
        index.search("i00001", where=where, modality="image")
    assert len(index.search("i00001", where=where, modality="image", k=3)) == 3
    with pytest.raises(UserError, match=r"only 4 images .*k=4"):
        index.search("i00002", where=where, modality="image", include_same_patient=True)
    with pytest.raises(UserError, match=r"no images pass where .*; loosen where"):
        index.search("i00002", where="age > 500")
    with pytest.raises(UserError, match=r"only 57 images can be found and are of another patient, k is 60"):
        index.search("i00002", k=60, modality="image")


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "there is no query"),
    "empty": ({"image_ids": []}, "list of queries is empty"),
    "id": ({"image_ids": "nobody"}, "image id 'nobody': not in this index"),
    "two": ({"image_ids": "i00001", "image": "x.png"}, "give one of them"),
    "texts": ({"image_ids": "i00001", "text": ["a", "b"]}, "2 texts for 1 images"),
    "policy": ({"image_ids": "i00001", "policy": "best"}, "unknown policy 'best'; choose one of: nearest"),
    "modality": ({"image_ids": "i00001", "modality": "text"}, "unknown modality 'text'"),
    "lacking": ({"image_ids": "i00000", "modality": "fused"}, "has no report to search by"),
    "column": ({"image_ids": "i00001", "where": "size > 3"}, "unknown column 'size'"),
    "wheres": ({"image_ids": "i00001", "where": [None, None]}, "2 expressions for 1 queries"),
    "k": ({"image_ids": "i00001", "k": 0}, "ask for k=1 or more"),
    "weights": (
        {"image_ids": "i00001", "modality": "image", "weights": {"image": 2}},
        "belong to a fused search",
    ),
    "encoder": ({"text": "clear lungs"}, "encoder"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_in_a_search(name: str, small_index: Build) -> None:
    arguments, message = MISTAKES[name]
    with pytest.raises(UserError) as caught:
        small_index(60).search(**arguments)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_blank_text(encoded: NeighborIndex) -> None:
    with pytest.raises(UserError, match="blank"):
        encoded.search(text=" ")


def test_modality_that_the_index_lacks(encoded: NeighborIndex) -> None:
    studies = encoded.studies
    index = NeighborIndex.build(
        Embeddings.from_arrays(list("abcdef"), encoded.vectors["image"]), studies, backend="exact"
    )
    assert index.modalities == ("image",)
    with pytest.raises(UserError, match="this index has image"):
        index.search("a", modality="report")
    with pytest.raises(UserError, match="no report vectors"):
        index.search(text="clear")


def test_has_report_and_has_image_are_columns(small_index: Build) -> None:
    index = small_index(60)
    np.testing.assert_array_equal(index.rows_where("has_report"), np.arange(60) % 5 != 0)
    assert index.rows_where("has_image").all() and index.rows_where(None).all()


def test_patients_of_two_data_sets_are_two_patients() -> None:
    studies = pd.DataFrame(
        {"image_id": ["a", "b"], "patient_id": ["1", "1"], "findings": [[], []], "dataset": ["x", "y"]}
    )
    index = NeighborIndex.build(Embeddings.from_arrays(["a", "b"], np.eye(2)), studies, backend="exact")
    assert index.search("a", k=1)["neighbor_id"].tolist() == ["b"]


def studies_of(ids: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"image_id": ids, "patient_id": ids, "findings": [[] for _ in ids]})


def test_backend_and_options_are_checked(small_index: Build) -> None:
    with pytest.raises(UserError, match="unknown backend 'faiss'; choose one of: hnsw, exact, milvus"):
        small_index(20, backend="faiss")
    with pytest.raises(UserError, match="backend exact: unknown option 'M'"):
        small_index(20, backend="exact", M=3)


def test_an_empty_table() -> None:
    with pytest.raises(UserError, match="no rows"):
        NeighborIndex.build(Embeddings.from_arrays(["a"], np.eye(1)), studies_of([]))


def test_a_weight_of_zero_at_build_makes_fused_the_other_modality() -> None:
    embeddings = Embeddings.from_arrays(["a", "b"], np.eye(2), np.eye(2))
    index = NeighborIndex.build(embeddings, studies_of(["a", "b"]), weights={"image": 0}, backend="exact")
    assert index.modalities == ("image", "report", "fused")
    hits = index.search("a", k=1)
    assert hits["distance"].tolist() == hits["report_distance"].tolist()


def test_it_says_what_it_holds_in_few_words(small_index: Build) -> None:
    index = small_index(300)
    assert repr(index) == (
        "<NeighborIndex: 300 images of 100 patients; image (arrays), report (arrays); exact>"
    )
    html = index._repr_html_()
    assert "<td>300 of 100 patients</td>" in html and "image 1, report 1" in html
    assert '<td>report</td><td class="number">arrays</td><td class="number">240</td>' in html
    assert len(html) < 4000
