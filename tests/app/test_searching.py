"""From a query to answers, beside what `test_archive` compares with the index: limits, unlabelled films."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxrneighbors.app import searching
from cxrneighbors.app.query import MANY, MOST, Query
from cxrneighbors.app.searching import Searching
from cxrneighbors.app.uploads import Uploads
from cxrneighbors.index.neighbor_index import NeighborIndex


@pytest.fixture
def made(index_folder: Path) -> Searching:
    return Searching(NeighborIndex.load(index_folder))


def test_targets_and_neighbours_are_limited(made: Searching, uploads: Uploads) -> None:
    ids = tuple(made.index.studies["image_id"][: MANY + 3])
    answers = made.answers(Query(image_ids=ids, k=10**9, one_per="image"), uploads)
    assert len(answers) == MANY and all(len(answer.hits) == MOST for answer in answers)


def test_filters_are_kept_and_not_without_end(made: Searching, monkeypatch: pytest.MonkeyPatch) -> None:
    first = made.allowed(Query(ages=(1, 90)))
    assert made.allowed(Query(ages=(1, 90))) is first
    monkeypatch.setattr(searching, "KEPT", 1)
    made.allowed(Query(ages=(2, 90)))
    assert made.allowed(Query(ages=(1, 90))) is not first


def test_an_unlabelled_target_has_no_overlap_and_unlabelled_neighbours_do_not_count(
    made: Searching, uploads: Uploads
) -> None:
    image_id = str(made.index.studies["image_id"].iloc[0])
    query = Query(image_ids=(image_id,), k=5, one_per="image")
    nearest = made.answers(query, uploads)[0].hits[0].film.image_id
    row = made.store.image_ids.get_loc(nearest)
    made.index.studies.at[row, "findings"] = []
    again = Searching(made.index)
    overlap = again.answers(query, uploads)[0].overlap
    assert overlap is not None and overlap.labelled == 4
    made.index.studies.at[0, "findings"] = []
    assert Searching(made.index).answers(query, uploads)[0].overlap is None


def test_a_search_by_words_where_there_are_no_reports_says_so(made: Searching, uploads: Uploads) -> None:
    del made.index.encoders.manifest["modalities"]["report"]
    answer = made.answers(Query(text="effusion"), uploads)[0]
    assert "no report vectors" in (answer.error or "")
