"""New films join an index: found as by brute force, refused where they do not fit, the old one untouched."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.encoders.pixels import PixelEncoder
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError
from cxrneighbors.index.additions import extended
from cxrneighbors.index.backends.hnsw import HnswGraph
from cxrneighbors.index.neighbor_index import NeighborIndex

Parts = tuple[pd.DataFrame, Embeddings]


def part(studies: pd.DataFrame, image: np.ndarray, report: np.ndarray, rows: slice) -> Parts:
    table = studies.iloc[rows].reset_index(drop=True)
    return table, Embeddings.from_arrays(list(table["image_id"]), image[rows], report[rows])


@pytest.fixture(scope="module")
def archive() -> Callable[[int, slice], Parts]:
    """(n, rows) -> those rows of n films: half without a report, the last tenth lateral, some copies."""

    def make(n: int, rows: slice) -> Parts:
        rng = np.random.default_rng(3)
        image, report = rng.standard_normal((n, 12)), rng.standard_normal((n, 5))
        image[n // 2 :] += 0.5  # the new ones look otherwise
        image[-20:-10] = image[:10]
        report[::2] = np.nan
        studies = pd.DataFrame(
            {
                "image_id": [f"i{i}" for i in range(n)],
                "patient_id": [f"p{i // 2}" for i in range(n)],
                "view": rng.choice(["PA", "AP"], n).tolist(),
                "findings": [["Mass"] if i % 3 else [] for i in range(n)],
                "report": [None if i % 2 == 0 else "Heart." for i in range(n)],
            }
        )
        studies.loc[studies.index[-n // 10 :], "view"] = "LATERAL"
        return part(studies, image, report, rows)

    return make


def graphs_only(index: NeighborIndex) -> NeighborIndex:
    index.store.exact_rows, index.store.rows_per_effort = 0, {"shared": 0, "own": 0}
    return index


def test_added_films_lie_on_the_device_too(archive: Callable[[int, slice], Parts]) -> None:
    (old, first), (new, second) = (archive(200, rows) for rows in (slice(150), slice(150, 200)))
    index = NeighborIndex.build(first, old, backend="exact").to("cpu:0")  # torch's search
    index.add(second, new)
    plain = NeighborIndex.build(first, old, backend="exact")
    plain.add(second, new)
    assert index.store.on_device is not None and plain.store.on_device is None
    found, true = (each.neighbors(np.arange(200), 9, modality="image")[0] for each in (index, plain))
    assert np.array_equal(found, true) and (found >= 150).any()


@pytest.mark.parametrize("backend", ["hnsw", "exact"])
def test_added_films_are_found_as_by_brute_force(
    archive: Callable[[int, slice], Parts], brute_force: Callable[..., np.ndarray], backend: str
) -> None:
    n, k = 3000, 10
    (old, first), (new, second) = (archive(n, rows) for rows in (slice(2000), slice(2000, n)))
    index = NeighborIndex.build(first, old, backend=backend)
    scale = dict(index.scale)
    assert index.add(second, new) == 1000
    assert len(index.studies) == n and index.scale == scale and index.has["report"].sum() == n // 2
    rows = np.arange(5, n, 37)
    graphs_only(index)
    for modality, weights in (("image", {"image": 1.0, "report": 0.0}), ("report", {"report": 1.0})):
        able = rows[index.has[modality][rows]]
        found, distances = index.neighbors(able, k, modality=modality)
        true = brute_force(index, able, k, {"image": 0.0, "report": 0.0} | weights)
        assert (distances <= true[:, -1:] + 1e-5).mean() >= 0.99
        assert (found >= 2000).any() and (found < 2000).any()
    assert [part.view for part in index.store.spaces["image"].partitions] == (
        [] if backend == "exact" else ["PA", "AP", "LATERAL"]
    )


def test_a_fused_search_finds_what_the_exact_one_does(archive: Callable[[int, slice], Parts]) -> None:
    (old, first), (new, second) = archive(900, slice(600)), archive(900, slice(600, 900))
    grown = [NeighborIndex.build(first, old, backend=backend) for backend in ("hnsw", "exact")]
    for index in grown:
        index.add(second, new)
    graphs_only(grown[0])
    rows = np.flatnonzero(grown[0].has["report"])[::9]
    found, exact = (index.neighbors(rows, 5)[1] for index in grown)
    assert (np.abs(found - exact) < 1e-5).mean() > 0.99


def test_saved_after_or_loaded_before_the_bytes_are_the_same(
    archive: Callable[[int, slice], Parts], tmp_path: Path
) -> None:
    (old, first), (new, second) = archive(700, slice(500)), archive(700, slice(500, 700))
    index = NeighborIndex.build(first, old)
    index.save(tmp_path / "a")
    index.add(second, new)
    index.save(tmp_path / "b")
    again = NeighborIndex.load(tmp_path / "a")
    again.add(second, new)
    again.save(tmp_path / "a")
    files = [path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert len(files) > 10
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in files)
    loaded = NeighborIndex.load(tmp_path / "a")
    assert loaded.store.measured_on == 500 and loaded.manifest["added"][0]["images"] == 200
    ids = list(loaded.studies["image_id"][480:520])
    assert loaded.search(ids, k=4).equals(index.search(ids, k=4))
    # And once more, behind what was added: the mean vectors are still those of the first 500.
    more = new.assign(image_id="x" + new["image_id"], patient_id="x" + new["patient_id"])
    loaded.add(Embeddings.from_arrays(list(more["image_id"]), np.ones((200, 12))), more)
    loaded.save(tmp_path / "a")
    assert NeighborIndex.load(tmp_path / "a").store.measured_on == 500


def test_films_that_are_there_are_passed_over(
    archive: Callable[[int, slice], Parts], capsys: pytest.CaptureFixture[str]
) -> None:
    (old, first), (whole, both) = archive(100, slice(60)), archive(100, slice(100))
    index = NeighborIndex.build(first, old, backend="exact")
    assert index.add(both, whole) == 40
    assert "60 images are in the index already" in capsys.readouterr().err
    assert index.studies["image_id"].tolist() == whole["image_id"].tolist()
    with pytest.raises(UserError, match="all 100 images are in the index already; nothing to add"):
        index.add(both, whole)


def test_the_embeddings_of_all_and_the_table_of_the_new(archive: Callable[[int, slice], Parts]) -> None:
    (old, first), (_, both), (new, _) = (archive(100, s) for s in (slice(60), slice(100), slice(60, 100)))
    old.attrs["paths_from"] = "/somewhere"
    index = NeighborIndex.build(first, old, backend="exact")
    assert index.add(both, new) == 40 and index.studies.attrs == old.attrs


def test_a_kind_of_row_that_no_film_had(archive: Callable[[int, slice], Parts]) -> None:
    """The first films have image or report, none both: the first that has makes the fused space."""
    table, embeddings = archive(120, slice(120))
    image, report = (np.full((120, d), np.nan) for d in (12, 5))
    image[:] = embeddings.vectors["image"]
    report[1::2] = embeddings.vectors["report"]
    first_image = np.where(np.arange(120)[:, None] % 2, np.nan, image)
    old, first = part(table, first_image, report, slice(80))
    index = NeighborIndex.build(first, old)
    assert index.modalities == ("image", "report")
    new, second = part(table, image, report, slice(80, 120))
    index.add(second, new)
    assert index.modalities == ("image", "report", "fused")
    assert len(graphs_only(index).search("i81", k=3)) == 3


def encoded(embeddings: Embeddings, encoder: PixelEncoder) -> Embeddings:
    for entry in embeddings.manifest["modalities"].values():
        entry |= {"encoder": encoder.name, "config": encoder.config(), "weights_hash": encoder.weights_hash()}
    return embeddings


def test_what_does_not_fit_is_refused(archive: Callable[[int, slice], Parts]) -> None:
    (old, first), (new, second) = archive(100, slice(60)), archive(100, slice(60, 100))
    index = NeighborIndex.build(encoded(first, PixelEncoder()), old, backend="exact")
    second = encoded(second, PixelEncoder())
    ids, image = second.ids["image"], second.vectors["image"]

    def of(names: list[str], vectors: np.ndarray) -> Embeddings:
        return encoded(Embeddings.from_arrays(names, vectors), PixelEncoder())

    cases: list[tuple[Embeddings, pd.DataFrame, str]] = [
        (encoded(copy.deepcopy(second), PixelEncoder(image_size=8)), new, "settings differ.*add with that"),
        (Embeddings.from_arrays(ids, image), new, "its name differ"),
        (of(ids, image[:, :5]), new, "of 5 dimensions, the index has 12"),
        (of([*ids, "i3"], np.vstack([image, image[:1]])), new, "'i3': is in .* another image vector"),
        (second, pd.concat([new, old.iloc[:1].assign(patient_id="q")]), "'i0': .* another patient_id"),
        (second, pd.concat([new, old.iloc[:1].assign(view="LATERAL")]), "'i0': .* another view"),
        (second, pd.concat([new, new.iloc[:1]]), "duplicate image_id 'i60'"),
        (second, new.iloc[5:], "not in the study table"),
    ]
    before = copy.deepcopy(index.manifest)
    for embeddings, table, says in cases:
        with pytest.raises(UserError, match=says):
            index.add(embeddings, table)
    assert len(index.studies) == 60 and index.manifest == before
    images = NeighborIndex.build(of(first.ids["image"], first.vectors["image"]), old, backend="exact")
    with pytest.raises(UserError, match="the index has no report vectors"):
        images.add(second, new)


def test_an_interrupted_addition_leaves_all_as_it_was(
    archive: Callable[[int, slice], Parts], monkeypatch: pytest.MonkeyPatch
) -> None:
    (old, first), (new, second) = archive(600, slice(400)), archive(600, slice(400, 600))
    index = graphs_only(NeighborIndex.build(first, old))
    ids = list(old["image_id"][:40])
    before, grow, calls = index.search(ids, k=7), HnswGraph.extended, []

    def failing(self: HnswGraph, vectors: np.ndarray) -> HnswGraph:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return grow(self, vectors)

    monkeypatch.setattr(HnswGraph, "extended", failing)
    with pytest.raises(KeyboardInterrupt):
        index.add(second, new)
    assert len(index.studies) == 400 and index.search(ids, k=7).equals(before)
    monkeypatch.undo()
    store, manifest = extended(index.store, index.encoders, second, new)
    assert len(store.studies) == 600 and len(index.studies) == 400 and "added" not in index.manifest
    assert manifest["added"] == [{"studies_hash": None, "images": 200}]


def test_heads_of_a_shared_space_are_applied(archive: Callable[[int, slice], Parts]) -> None:
    from cxrneighbors.encoders.shared_space import share_space

    encoders = {"image": Halves("image"), "report": Halves("report")}

    def with_encoders(embeddings: Embeddings) -> Embeddings:
        for name in embeddings.modalities:
            encoder = encoders[name]
            entry = embeddings.manifest["modalities"][name]
            entry |= {"encoder": encoder.name, "config": {}, "weights_hash": ""}
            embeddings.encoders[name] = encoder
        return embeddings

    (old, first), (new, second) = archive(200, slice(150)), archive(200, slice(150, 200))
    old = old.assign(dataset="d", study_id=old["image_id"], split="train")
    shared = share_space(with_encoders(first), old, dim=4)
    index = NeighborIndex.build(shared, old, backend="exact")
    index.add(with_encoders(second), new.assign(dataset="d"))
    head = shared.encoders["image"].head
    np.testing.assert_allclose(index.vectors["image"][150:], head(second.vectors["image"]), atol=1e-6)


class Halves:
    """Stands for an encoder; never asked to encode."""

    def __init__(self, modality: str) -> None:
        self.name = modality
        if modality == "image":
            self.image_size, self.aspect = 8, "pad"

    def config(self) -> dict:
        return {}

    def weights_hash(self) -> str:
        return ""
