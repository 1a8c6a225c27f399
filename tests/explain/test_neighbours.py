"""The neighbour set of an explanation: one film of each patient, unless asked otherwise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxrneighbors.data.schema import validate_studies
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
