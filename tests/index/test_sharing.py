"""A shared index says of no film whose it is, and finds what the index itself finds."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.pixels import read_pixels
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError
from cxrneighbors.index.neighbor_index import NeighborIndex
from cxrneighbors.index.sharing import export_index
from cxrneighbors.verification import verify

CANARY = "canarius"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> NeighborIndex:
    """Phantoms whose every id, path and report carries a canary."""
    root = tmp_path_factory.mktemp("films")
    studies = import_dataset("phantom", root / CANARY, n_patients=16, image_size=48).studies
    for column in ("image_id", "patient_id", "study_id"):
        studies[column] = CANARY + studies[column]
    studies = studies.assign(report=CANARY + " " + studies["report"].fillna("clear"), ward=CANARY)
    studies.loc[0, "age"] = 97.0
    embeddings = encode(studies, image="pca-centre", report="tfidf", out=root / "emb")
    return NeighborIndex.build(embeddings, studies)


@pytest.fixture(scope="module")
def shared(index: NeighborIndex, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shared")
    export_index(index, folder / "idx", mapping=folder / "whose.csv", rng=np.random.default_rng(1))
    return folder


def texts_of(folder: Path) -> str:
    """Everything in a folder, Parquet opened."""
    parts = []
    for path in sorted(folder.rglob("*")):
        parts.append(str(path.relative_to(folder)))
        if path.is_file():
            parts.append(path.read_bytes().decode("latin-1"))
        if path.suffix == ".parquet":
            parts.append(str(pd.read_parquet(path).to_dict()))
    return "\n".join(parts)


def test_nothing_tells_whose_films_they_are(index: NeighborIndex, shared: Path) -> None:
    text = texts_of(shared / "idx")
    assert CANARY in texts_of(shared) and CANARY not in text
    for secret in (index.manifest["studies_hash"], os.path.dirname(index.studies["path"].iloc[0])):
        assert secret not in text
    assert all(entry["inputs_hash"] not in text for entry in index.manifest["modalities"].values())
    table = pd.read_parquet(shared / "idx" / "studies.parquet")
    assert table[["path", "report", "sections"]].isna().all(axis=None) and "ward" not in table
    assert table["age"].max() == 90 and verify(shared / "idx").kind == "index"
    assert {path.name for path in (shared / "idx" / "encoders").iterdir()} == {"image"}


def test_it_finds_what_the_index_finds(index: NeighborIndex, shared: Path) -> None:
    copy = NeighborIndex.load(shared / "idx")
    whose = pd.read_csv(shared / "whose.csv", dtype=str).set_index("number")["image_id"]
    assert stat.S_IMODE((shared / "whose.csv").stat().st_mode) == 0o600
    numbers = list(copy.studies["image_id"])
    assert whose[numbers].tolist() != list(index.studies["image_id"])  # the order is another one
    for number in numbers[:8]:
        own = index.search(whose[number], modality="image", k=4, one_per="patient")
        found = copy.search(number, k=4, one_per="patient")
        assert whose[list(found["neighbor_id"])].tolist() == list(own["neighbor_id"])
        np.testing.assert_allclose(found["distance"], own["image_distance"], rtol=1e-6)
    film = read_pixels(index.studies["path"].iloc[3])
    hits = copy.search(image=film, k=2)
    assert whose[hits["neighbor_id"].iloc[0]] == index.studies["image_id"].iloc[3]
    assert hits["distance"].iloc[0] < 1e-3
    with pytest.raises(UserError):
        copy.search(text="effusion")


def test_patients_and_studies_stay_together(index: NeighborIndex, shared: Path) -> None:
    copy = NeighborIndex.load(shared / "idx").studies
    whose = pd.read_csv(shared / "whose.csv", dtype=str).set_index("number").loc[copy["image_id"]]
    for column in ("patient_id", "study_id"):
        pairs = pd.DataFrame({"new": copy[column].to_numpy(), "old": whose[column].to_numpy()})
        assert (pairs.groupby("new")["old"].nunique() == 1).all()
        assert (pairs.groupby("old")["new"].nunique() == 1).all()


def test_report_vectors_on_request_without_the_words(index: NeighborIndex, tmp_path: Path) -> None:
    copy = export_index(index, tmp_path / "idx", report_vectors=True)
    assert copy.modalities == ("image", "report", "fused")
    assert CANARY not in texts_of(tmp_path)
    with pytest.raises(UserError, match="none is stored with this index"):
        copy.search(text="effusion")
    assert len(copy.search(copy.studies["image_id"].iloc[0], modality="report", k=3)) == 3


def test_the_order_is_drawn_anew(index: NeighborIndex, tmp_path: Path) -> None:
    first, second = (export_index(index, tmp_path / name).vectors["image"] for name in "ab")
    assert not np.array_equal(first, second)


def test_an_index_that_has_grown(index: NeighborIndex, tmp_path: Path) -> None:
    """σ² and mean vectors stay those of the first rows."""
    ids, vectors = list(index.studies["image_id"]), index.vectors["image"]
    n = len(ids) - 5
    grown = NeighborIndex.build(
        Embeddings.from_arrays(ids[:n], vectors[:n]), index.studies.iloc[:n], backend="exact"
    )
    grown.add(Embeddings.from_arrays(ids, vectors), index.studies)
    copy = export_index(grown, tmp_path / "idx")
    assert copy.store.measured_on == n and copy.scale == grown.scale
    np.testing.assert_allclose(copy.store.centre["image"], grown.store.centre["image"], rtol=1e-4, atol=1e-6)


def test_what_cannot_be_shared(index: NeighborIndex, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="lies inside the folder that is shared"):
        export_index(index, tmp_path / "idx", mapping=tmp_path / "idx" / "whose.csv")
    texts = Embeddings.from_arrays(list(index.studies["image_id"]), report=index.vectors["report"])
    with pytest.raises(UserError, match="no image vectors"):
        export_index(NeighborIndex.build(texts, index.studies), tmp_path / "idx")
    films = Embeddings.from_arrays(list(index.studies["image_id"]), image=index.vectors["image"])
    films.manifest["modalities"]["image"]["config"] = {"parts": [{"model": "/home/doe/net"}]}
    with pytest.raises(UserError, match="hold a path of this machine"):
        export_index(NeighborIndex.build(films, index.studies), tmp_path / "idx")
    assert not (tmp_path / "idx").exists()
