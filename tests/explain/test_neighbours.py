"""The neighbour set of an explanation: one film of each patient, unless asked otherwise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.data.schema import validate_studies
from cxrneighbors.encoders.encode import encode
from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError
from cxrneighbors.explain.films import FilmReader
from cxrneighbors.explain.neighbours import COLUMNS, Neighbourhood
from cxrneighbors.index.neighbor_index import NeighborIndex


@pytest.fixture
def index(world) -> NeighborIndex:
    """The films of the world on a line, three to a patient."""
    studies = validate_studies(world.studies.assign(patient_id=[str(row // 3) for row in range(12)]))
    embeddings = Embeddings.from_arrays(list(studies["image_id"]), np.arange(12.0)[:, None] * [1.0, 0.0])
    return NeighborIndex.build(embeddings, studies, backend="exact")


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, ["p3", "p6", "p9"]),
        ({"one_per": "image"}, ["p3", "p4", "p5"]),
        ({"include_same_patient": True}, ["p1", "p3", "p6"]),
        ({"policy": "random"}, None),
    ],
)
def test_whose_films_are_neighbours(index, options, found):
    reader = FilmReader(index.studies, 48)
    neighbourhood = Neighbourhood(index, 3, **options)
    neighbours = neighbourhood.find(reader.read("p0"), reader)
    assert list(neighbours.table.columns) == list(COLUMNS) and neighbours.pixels().shape == (3, 1, 48, 48)
    ids = list(neighbours.table["neighbor_id"])
    if found is None:
        assert len({int(name[1:]) // 3 for name in ids} | {0}) == 4
    else:
        assert ids == found
    assert neighbourhood.settings()["one_per"] == options.get("one_per", "patient")
    assert pd.Series(neighbours.table["rank"]).tolist() == [1, 2, 3]


def test_more_neighbours_than_patients(index):
    reader = FilmReader(index.studies, 48)
    with pytest.raises(UserError, match=r"9 images of 3 patients .*k is 4; ask for k=3 or one per image"):
        Neighbourhood(index, 4).find(reader.read("p0"), reader)


class Recorded:
    """An index that only notes how it is searched."""

    def search(self, *arguments, **options):
        self.asked = options
        raise UserError("enough")


@pytest.mark.parametrize(("modality", "text"), [("image", None), ("fused", "Clear."), ("report", "Clear.")])
def test_a_film_from_outside_is_searched_by_what_is_known_of_it(modality, text):
    index, whole = Recorded(), np.full((60, 50), 0.5, dtype=np.float32)
    film = FilmReader(None, 32).read(whole, "7", "Clear.")
    with pytest.raises(UserError, match="enough"):
        Neighbourhood(index, 3, modality=modality).search(film)
    assert index.asked["text"] == text and index.asked["patient_id"] == "7"
    np.testing.assert_array_equal(index.asked["image"], whole)


def test_neighbours_of_a_film_and_its_report_are_those_that_search_finds(world, tmp_path):
    reports = [f"Effusion {row % 3}, heart {'large' if row % 2 else 'normal'}." for row in range(12)]
    studies = world.studies.assign(report=reports)
    index = NeighborIndex.build(encode(studies, "pixels", "tfidf"), studies, backend="exact")
    whole = np.random.default_rng(0).random((60, 50), dtype=np.float32)
    reader = FilmReader(index.studies, 48)
    for modality in ("fused", "report"):
        found = Neighbourhood(index, 4, modality=modality).find(reader.read(whole, text=reports[4]), reader)
        asked = {"text": reports[4], "k": 4, "modality": modality}
        expected = index.search(image=whole, **asked)
        assert found.table["neighbor_id"].tolist() == expected["neighbor_id"].tolist()
        np.testing.assert_array_equal(found.table["distance"], expected["distance"])
